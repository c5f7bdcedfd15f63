"""A TCP proxy that mistreats its connections on command, also those that are open already.

It stands between a worker and a wallet and does what networks do: bytes vanish on either way, calls
end in a reset, answers crawl, a connection is half dead, a port is closed. It keeps one law of TCP:
a stream has no holes, so where bytes were lost nothing follows on that connection and way.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

T = TypeVar("T")

CHUNK_BYTES: Final = 64 * 1024
SLICE_S: Final = 0.05
"""How finely a throttled stream is cut in time."""
RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time at all: closing then sends a reset instead of a goodbye."""
HAND_OVER_S: Final = 10.0


class Way(StrEnum):
    """Where bytes go: up to the wallet, down to the worker."""

    UP = "up"
    DOWN = "down"


class Mode(StrEnum):
    """What is done to bytes and connections."""

    PASS = "pass"
    SWALLOW_UP = "swallow_up"
    """Requests vanish."""
    SWALLOW_DOWN = "swallow_down"
    """Answers vanish; what was asked for happened all the same."""
    RESET_UP = "reset_up"
    """Both ends get a reset once so many bytes of a connection's requests went through."""
    RESET_DOWN = "reset_down"
    """The same, counted on its answers."""
    DELAY = "delay"
    THROTTLE = "throttle"
    HALF_CLOSE = "half_close"
    """The worker hears a goodbye, and what it sends still arrives."""
    REFUSE = "refuse"
    """The port is closed, and who was connected gets a reset."""


@dataclass(frozen=True, slots=True)
class Weather:
    """A mode and its figures."""

    mode: Mode = Mode.PASS
    bytes_passed: int = 0
    """For resets: what goes through first."""
    delay_s: float = 0.0
    bytes_per_s: float = 1000.0


@dataclass(frozen=True, slots=True)
class Trip:
    """Something to do the moment a certain request comes by."""

    sign: bytes
    """What its first line must hold."""
    spring: Callable[[bytes], None]
    """Gets that line."""
    is_lost: bool
    """Whether the request then vanishes or goes on its way."""


@dataclass(slots=True, eq=False)
class Link:
    """One connection of a worker and the one made for it to the wallet."""

    client: socket.socket
    server: socket.socket
    life: int
    """Which of the worker's lives opened it."""
    task: asyncio.Task[None] | None = None
    lossy: set[Way] = field(default_factory=set)
    """The ways on which bytes were lost."""
    passed: Counter[Way] = field(default_factory=Counter)
    """Bytes since the weather last changed."""
    is_reset: bool = False

    def close(self) -> None:
        for end in (self.client, self.server):
            if self.is_reset:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.close()


class CutOff(Exception):
    """The connection is over, by our doing."""


class ChaosProxy:
    """Stands between and counts what it did. Lives in one event loop, inside `async with`."""

    def __init__(
        self, target_port: int, is_urgent: Callable[[bytes], bool] = lambda _: False
    ) -> None:
        self._target_port = target_port
        self._is_urgent = is_urgent
        """Which bytes are passed at once, or lost, but never late."""
        self._weather = Weather()
        self._links: set[Link] = set()
        self._trips: list[Trip] = []
        self._listener = bound_socket(0)
        self._group = asyncio.TaskGroup()
        self._life = 0
        self.port: int = self._listener.getsockname()[1]
        self.fired: Counter[str] = Counter()
        """How often each mode did something, by its name; `connections`, `bytes_up`, ..."""

    async def __aenter__(self) -> "ChaosProxy":
        await self._group.__aenter__()
        self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close_port()
        for link in self._links:
            if link.task is not None:
                link.task.cancel()
        await self._group.__aexit__(None, None, None)

    @property
    def open_links(self) -> int:
        """How many connections there are now."""
        return len(self._links)

    def change(self, weather: Weather) -> None:
        """Put another weather in force, for open connections too."""
        before, self._weather = self._weather, weather
        for link in self._links:
            link.passed.clear()
        if weather.mode is Mode.REFUSE and before.mode is not Mode.REFUSE:
            self._shut()
        if weather.mode is not Mode.REFUSE and before.mode is Mode.REFUSE:
            self._listen()
        if weather.mode is Mode.HALF_CLOSE:
            for link in self._links:
                self._half_close(link)

    def begin_life(self) -> None:
        """From now on connections are another worker's: the bytes of the dead spring no trip."""
        self._life += 1

    def trip(self, sign: bytes, spring: Callable[[bytes], None], *, is_lost: bool = False) -> Trip:
        """Do something once, before the next request whose first line holds the sign goes on."""
        trip = Trip(sign, spring, is_lost)
        self._trips.append(trip)
        return trip

    def untrip(self, trip: Trip) -> bool:
        """Take a trip away; tell whether it was still waiting."""
        is_waiting = trip in self._trips
        if is_waiting:
            self._trips.remove(trip)
        return is_waiting

    def _listen(self) -> None:
        self._listener.listen(128)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _close_port(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()

    def _shut(self) -> None:
        """Close the port, yet keep it, so that nobody else can be there when it opens again."""
        self._close_port()
        self._listener = bound_socket(self.port)
        self.fired[Mode.REFUSE] += 1
        for link in list(self._links):
            link.is_reset = True
            if link.task is not None:
                link.task.cancel()

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # Whoever called has gone again.
        client.setblocking(False)
        self.fired["connections"] += 1
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.setblocking(False)
        link = Link(client, server, self._life)
        self._links.add(link)
        link.task = self._group.create_task(self._serve(link))

    async def _serve(self, link: Link) -> None:
        """Carry bytes both ways until both ends have said goodbye, or one broke off."""
        loop = asyncio.get_running_loop()
        try:
            for end in (link.client, link.server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(link.server, ("127.0.0.1", self._target_port))
            if self._weather.mode is Mode.HALF_CLOSE:
                self._half_close(link)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(link, Way.UP))
                pumps.create_task(self._pump(link, Way.DOWN))
        except* (CutOff, OSError):
            link.is_reset = True  # What breaks at one end breaks at the other.
        finally:
            self._links.discard(link)
            link.close()

    async def _pump(self, link: Link, way: Way) -> None:
        loop = asyncio.get_running_loop()
        source = link.client if way is Way.UP else link.server
        sink = link.server if way is Way.UP else link.client
        while chunk := await loop.sock_recv(source, CHUNK_BYTES):
            if way is Way.UP:
                self._spring(link, chunk)
            await self._carry(link, way, chunk)
        if way in link.lossy:
            raise CutOff  # One end has given up on a call of which the other never hears.
        with contextlib.suppress(OSError):  # It may be gone already.
            sink.shutdown(socket.SHUT_WR)

    def _spring(self, link: Link, chunk: bytes) -> None:
        first_line = chunk.partition(b"\r\n")[0]
        for trip in list(self._trips):
            if link.life == self._life and trip.sign in first_line:
                self._trips.remove(trip)
                self.fired["trips"] += 1
                trip.spring(first_line)
                if trip.is_lost:
                    link.lossy.add(Way.UP)

    async def _carry(self, link: Link, way: Way, chunk: bytes) -> None:
        """Do to some bytes what the weather does."""
        weather, is_urgent = self._weather, way is Way.UP and self._is_urgent(chunk)
        if way is Way.UP and weather.mode is Mode.SWALLOW_UP:
            link.lossy.add(Way.UP)
        if way is Way.DOWN and weather.mode is Mode.SWALLOW_DOWN:
            link.lossy.add(Way.DOWN)
        if way in link.lossy:
            self.fired[f"swallow_{way}"] += 1
            return
        if weather.mode in {Mode.RESET_UP, Mode.RESET_DOWN} and weather.mode == f"reset_{way}":
            await self._pass_and_reset(link, way, chunk, weather.bytes_passed)
            return
        if weather.mode is Mode.DELAY and not is_urgent:
            self.fired[Mode.DELAY] += 1
            await asyncio.sleep(weather.delay_s)
        if weather.mode is Mode.THROTTLE and not is_urgent:
            self.fired[Mode.THROTTLE] += 1
            chunk = await self._trickle(link, way, chunk)
        await self._send(link, way, chunk)

    async def _trickle(self, link: Link, way: Way, chunk: bytes) -> bytes:
        """Send slice by slice while it is this slow; give what is left when it is no more."""
        while chunk and self._weather.mode is Mode.THROTTLE:
            length = max(1, int(self._weather.bytes_per_s * SLICE_S))
            await self._send(link, way, chunk[:length])
            chunk = chunk[length:]
            await asyncio.sleep(SLICE_S)
        return chunk

    async def _pass_and_reset(self, link: Link, way: Way, chunk: bytes, bytes_passed: int) -> None:
        left = bytes_passed - link.passed[way]
        await self._send(link, way, chunk[: max(0, left)])
        if left <= len(chunk):
            self.fired[f"reset_{way}"] += 1
            raise CutOff

    async def _send(self, link: Link, way: Way, chunk: bytes) -> None:
        link.passed[way] += len(chunk)
        self.fired[f"bytes_{way}"] += len(chunk)
        sink = link.server if way is Way.UP else link.client
        await asyncio.get_running_loop().sock_sendall(sink, chunk)

    def _half_close(self, link: Link) -> None:
        """Say goodbye to the worker. Answers have no way any more."""
        if Way.DOWN not in link.lossy:
            link.lossy.add(Way.DOWN)
            self.fired[Mode.HALF_CLOSE] += 1
            with contextlib.suppress(OSError):
                link.client.shutdown(socket.SHUT_WR)


def bound_socket(port: int) -> socket.socket:
    """Take a port on this machine without listening there: whoever calls is refused."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setblocking(False)
    made.bind(("127.0.0.1", port))
    return made


class HostedProxy:
    """A proxy in another thread's loop, for callers that have none."""

    def __init__(self, proxy: ChaosProxy, loop: asyncio.AbstractEventLoop) -> None:
        self._proxy = proxy
        self._loop = loop
        self.port = proxy.port

    def change(self, weather: Weather) -> None:
        """Put another weather in force before this returns."""
        self._call(lambda: self._proxy.change(weather))

    def trip(self, sign: bytes, spring: Callable[[bytes], None], *, is_lost: bool = False) -> Trip:
        """Do something, in the proxy's thread, before the next such request goes on."""
        return self._call(lambda: self._proxy.trip(sign, spring, is_lost=is_lost))

    def begin_life(self) -> None:
        """From now on connections are another worker's."""
        self._call(self._proxy.begin_life)

    def untrip(self, trip: Trip) -> bool:
        """Take a trip away; tell whether it was still waiting."""
        return self._call(lambda: self._proxy.untrip(trip))

    def fired(self) -> Counter[str]:
        """Tell what it did so far."""
        return self._call(self._proxy.fired.copy)

    def end(self, over: asyncio.Event) -> None:
        """Let the proxy's own thread come to its end."""
        self._loop.call_soon_threadsafe(over.set)

    def _call(self, act: Callable[[], T]) -> T:
        async def acted() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(acted(), self._loop).result(HAND_OVER_S)


@contextlib.contextmanager
def hosted(
    target_port: int, is_urgent: Callable[[bytes], bool] = lambda _: False
) -> Iterator[HostedProxy]:
    """Run a proxy in a thread of its own for as long as the block lasts."""
    opened: Future[HostedProxy] = Future()
    over = asyncio.Event()

    async def host() -> None:
        async with ChaosProxy(target_port, is_urgent) as proxy:
            opened.set_result(HostedProxy(proxy, asyncio.get_running_loop()))
            await over.wait()

    def live() -> None:
        try:
            asyncio.run(host())
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    thread = threading.Thread(target=live, name=f"proxy to {target_port}")
    thread.start()
    try:
        proxy = opened.result(HAND_OVER_S)
        yield proxy
    finally:
        if opened.done() and opened.exception() is None:
            opened.result().end(over)
        thread.join(HAND_OVER_S)
