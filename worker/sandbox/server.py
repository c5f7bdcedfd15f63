"""Serve a sandbox on a real socket inside a running event loop.

The server never touches signal handlers: whoever embeds it decides when it stops. Stopping is
quick, even with connections open: idle ones are closed at once and busy ones get a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import create_app
from .exchange import CUT
from .options import SandboxOptions, check
from .scenarios import Customers
from .state import Sandbox

GRACE_S = 0.2
KEEP_ALIVE_S = 75
HEADERS_MAX = 128 * 1024  # an identifier of 10 kB is three times as long when it is percent-encoded


class CuttableProtocol(H11Protocol):
    """HTTP/1.1 that lets the application cut its connection short."""

    # asyncio promises any transport; a TCP server's is one that can be written to, as uvicorn says.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give every request of this connection a way to end it."""
        super().connection_made(transport)
        # A listener that was opened by hand misses asyncio's own no-delay setting, and an answer
        # in two writes would wait 40 ms for the client's acknowledgement.
        peer: socket.socket = transport.get_extra_info("socket")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = cast("ASGIApp", self.config.loaded_app)

        async def with_cut(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), CUT: transport.abort}
            await app(scope, receive, send)

        self.app = with_cut


class EmbeddedServer(uvicorn.Server):
    """A uvicorn that starts and stops on other people's terms."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        stop: asyncio.Event,
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._stop = stop
        self._on_ready = on_ready
        self._on_stop = on_stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever embeds us."""
        yield

    async def main_loop(self) -> None:
        """Wait to be told to stop."""
        self._on_ready()
        await self._stop.wait()
        self._on_stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more calls, give those in hand a moment, then let go of everything."""
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            _, late = await asyncio.wait(set(self.server_state.tasks), timeout=GRACE_S)
            for connection in list(self.server_state.connections):
                _abort(connection)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=GRACE_S)
        for connection in list(self.server_state.connections):
            _abort(connection)


async def serve(
    options: SandboxOptions, *, on_ready: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Serve until `stop` is set; `on_ready` gets the port once calls can come in."""
    check(options)
    app = create_app(options)
    sandbox: Sandbox = app.state.sandbox
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.create_server((options.host, options.port), family=family, backlog=512)
    port: int = listener.getsockname()[1]
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        h11_max_incomplete_event_size=HEADERS_MAX,
    )
    server = EmbeddedServer(
        config, stop=stop, on_ready=lambda: on_ready(port), on_stop=sandbox.stopping.set
    )
    try:
        async with asyncio.TaskGroup() as group:
            customers = group.create_task(Customers(sandbox).run(), name="sandbox customers")
            await server.serve(sockets=[listener])
            customers.cancel()
    finally:
        sandbox.stopping.set()
        listener.close()


def _abort(connection: object) -> None:
    transport = getattr(connection, "transport", None)
    if transport is not None:
        transport.abort()
