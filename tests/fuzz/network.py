"""A network in memory that does to a call whatever a network can do, byte by byte.

It stands below the worker's own transport, in the place of the sockets. So what is played here goes
through the real HTTP parser, the real lanes and the real client, and no port is opened.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from worker.adapters.lanes import Lanes


@dataclass(frozen=True)
class Exchange:
    """What becomes of one request."""

    chunks: tuple[bytes, ...] = ()
    """What comes back, in the pieces in which it arrives."""
    repeats: int = 1
    """How often the last piece comes: a flood without the memory for it."""
    end: str = "eof"
    """Then: eof, reset, late (a timeout of the line's own), or hang; what is kept hangs too."""
    connecting: str = "works"
    """works, refused, timeout, hang, or broken (an error of the operating system)."""
    takes_bytes: int | None = None
    """After how many bytes of the request the line breaks; None: it takes all."""


@dataclass
class Network:
    """Plays one exchange after the other, and keeps what was sent."""

    script: list[Exchange]
    heads: list[bytes] = field(default_factory=list)
    """Everything that was written, request by request."""
    begun_at_s: list[float] = field(default_factory=list)
    """When the first byte of each was written, by the loop's time."""
    open_now: int = 0
    _next: int = 0

    def following(self) -> Exchange:
        """Give the next exchange; after the last one nobody is at home any more."""
        self._next += 1
        if self._next > len(self.script):
            return Exchange(connecting="refused")
        return self.script[self._next - 1]

    def sent_bytes(self) -> int:
        """Tell how much was written."""
        return sum(map(len, self.heads))


class Backend(httpcore.AsyncNetworkBackend):
    """Connects to the network in memory."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        exchange = self._network.following()
        match exchange.connecting:
            case "refused":
                raise httpcore.ConnectError("connection refused\n")
            case "broken":
                raise OSError(113, "No route to host")
            case "timeout":
                await asyncio.sleep(timeout or 0.0)
                raise httpcore.ConnectTimeout("timed out")
            case "hang":
                await asyncio.get_running_loop().create_future()
        self._network.open_now += 1
        return Stream(self._network, exchange)


class Stream(httpcore.AsyncNetworkStream):
    """One connection."""

    def __init__(self, network: Network, exchange: Exchange) -> None:
        self._network = network
        self._exchange = exchange
        self._is_answering = False
        self._is_closed = False
        self._has_begun = False
        self._left: list[bytes] = []

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._is_answering:
            # A further request on a connection that was kept.
            self._exchange = self._network.following()
            self._is_answering = self._has_begun = False
        if not self._has_begun:
            self._has_begun = True
            self._network.heads.append(b"")
            self._network.begun_at_s.append(asyncio.get_running_loop().time())
            self._left = [*self._exchange.chunks[:-1]]
            self._left += self._exchange.chunks[-1:] * self._exchange.repeats
        taken = self._exchange.takes_bytes
        room = len(buffer) if taken is None else max(0, taken - len(self._network.heads[-1]))
        self._network.heads[-1] += buffer[:room]
        if room < len(buffer):
            raise httpcore.WriteError("broken pipe")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._is_answering = True
        while self._left:
            chunk = self._left.pop(0)
            if chunk:
                return chunk
        match self._exchange.end:
            case "eof":
                return b""
            case "reset":
                raise httpcore.ReadError("connection reset by peer")
            case "late":
                await asyncio.sleep(timeout or 0.0)
                raise httpcore.ReadTimeout("timed out")
        await asyncio.get_running_loop().create_future()
        raise AssertionError("what hangs never comes back")

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._network.open_now -= 1

    async def start_tls(self, *_args: Any, **_named: Any) -> httpcore.AsyncNetworkStream:
        raise AssertionError("nobody speaks TLS here")

    def get_extra_info(self, info: str) -> Any:
        # What asks is a pool that wants to know whether a kept connection was hung up.
        is_hung_up = bool(self._left) or self._exchange.end in {"eof", "reset"}
        return self._is_answering and is_hung_up if info == "is_readable" else None


class LanesInMemory(Lanes):
    """The worker's own lanes, with the network in memory below them."""

    network: Network

    def _open(self) -> httpx.AsyncHTTPTransport:
        lane = super()._open()
        lane._pool = httpcore.AsyncConnectionPool(
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=20.0,
            network_backend=Backend(self.network),
        )
        return lane
