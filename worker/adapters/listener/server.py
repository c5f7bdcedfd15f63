"""A door that can be knocked at as hard as anybody likes, and the worker does not notice.

Each connection carries one question. No more are taken up than there is room for, nor faster than
a set pace; the others wait in the kernel's queue, which costs the event loop nothing. Signals and
the loop's life are the worker's own business.
"""

import asyncio
import contextlib
import socket
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from worker.adapters.listener.guards import HEAD_BYTES_MAX
from worker.logbook import LineName
from worker.ports import Clock

CONNECTIONS_MAX: Final = 32
HEAD_S: Final = 5.0
"""How long a request's head may take to arrive."""
CONNECTION_S: Final = 10.0
"""How long a connection may last in all."""
PACE_PER_S: Final = 50.0
BURST: Final = 40.0
PAUSE_S: Final = 1.0
"""How long to wait when the machine has no file for another connection."""

TOO_SLOW: Final = b"The request took too long to arrive.\n"

log = structlog.get_logger()


class Connection(H11Protocol):
    """One connection, one question, so much time."""

    def __init__(self, config: uvicorn.Config, state: ServerState, room: asyncio.Semaphore) -> None:
        super().__init__(config, state, {})
        self._room = room
        self._timers: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn narrows it too
        """Start the two clocks."""
        super().connection_made(transport)
        self._timers = [
            self.loop.call_later(HEAD_S, self._expect_head),
            self.loop.call_later(CONNECTION_S, transport.abort),
        ]

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for the next."""
        for timer in self._timers:
            timer.cancel()
        super().connection_lost(exc)
        self._room.release()

    def _expect_head(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            head = (
                "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\n"
                f"Content-Length: {len(TOO_SLOW)}\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + TOO_SLOW)
            self.transport.close()


def open_door(host: str, port: int) -> socket.socket:
    """Listen on loopback.

    Raises:
        OSError: the port is taken, or not ours to take.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.create_server((host, port), family=family, backlog=128)
    door.setblocking(False)
    return door


class Porter:
    """Takes up connections and lets go of them again."""

    def __init__(self, app: ASGIApp, door: socket.socket, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self._state = ServerState()
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._allowance = BURST
        self._paced_s = clock.ticks_s()
        self._config = uvicorn.Config(
            app,
            http=Connection,
            loop="none",
            lifespan="off",
            ws="none",
            interface="asgi3",
            log_config=None,
            log_level="critical",  # What a stranger sends is not news.
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        )
        self._config.load()

    async def run(self) -> None:
        """Answer until cancelled; then every connection is dropped at once."""
        try:
            while True:
                await self._room.acquire()
                await self._keep_pace()
                await self._take_up(await self._accept())
        finally:
            self._door.close()
            for connection in list(self._state.connections):
                if isinstance(connection, Connection) and connection.transport is not None:
                    connection.transport.abort()

    async def _keep_pace(self) -> None:
        now_s = self._clock.ticks_s()
        self._allowance = min(BURST, self._allowance + (now_s - self._paced_s) * PACE_PER_S)
        self._paced_s = now_s
        if self._allowance < 1.0:
            await self._clock.sleep((1.0 - self._allowance) / PACE_PER_S)
        self._allowance -= 1.0

    async def _accept(self) -> socket.socket:
        is_told = False
        while True:
            try:
                peer, _ = await asyncio.get_running_loop().sock_accept(self._door)
            except OSError as error:
                if not is_told:
                    is_told = True
                    log.warning(LineName.LISTENER_REFUSING, why=str(error))
                await self._clock.sleep(PAUSE_S)
            else:
                return peer

    async def _take_up(self, peer: socket.socket) -> None:
        made: list[Connection] = []

        def make() -> Connection:
            made.append(Connection(self._config, self._state, self._room))
            return made[0]

        try:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(make, peer)
        except OSError:
            with contextlib.suppress(OSError):
                peer.close()
            if not made:
                self._room.release()
