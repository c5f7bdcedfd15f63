"""A door on a real socket, and somebody who knocks at it byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from tests.listener.scene import HALL, a_book, a_moment, open_visits
from worker.adapters.clock import SystemClock
from worker.adapters.listener.app import App, Sources
from worker.adapters.listener.guards import Guard
from worker.adapters.listener.server import Porter, open_door
from worker.domain.visit import Visit
from worker.ports import JsonValue
from worker.service import plan
from worker.service.floor import FloorBook

PATIENCE_S = 20.0
TOKEN = "a-token-that-nobody-guesses-0123"


@dataclass(slots=True)
class Behind:
    """What the door shows; a test may change it at any time."""

    why_not_live: list[str] = field(default_factory=list)
    why_not_ready: list[str] = field(default_factory=list)
    floors: int = 0
    is_broken: bool = False
    is_empty: bool = False
    is_draining: bool = False
    more: Callable[[datetime], list[Visit]] = lambda now: []
    """Open visits beside those of the evening."""
    past: Callable[[datetime], list[Visit]] = lambda now: []
    """Ended visits beside those of the evening."""

    def floor(self) -> Mapping[str, JsonValue]:
        if self.is_broken:
            raise RuntimeError("no floor today")
        self.floors += 1
        now = SystemClock().now()
        book, moment = FloorBook({HALL: ""}), a_moment(now=now, is_draining=self.is_draining)
        if not self.is_empty:
            book = a_book(now, also=self.past(now))
            visits = [*open_visits(now), *self.more(now)]
            moment = a_moment(visits, now=now, is_draining=self.is_draining)
        return plan.floor(book, moment, version="1.2.3", mode="sandbox")

    def sources(self) -> Sources:
        return Sources(
            why_not_live=lambda: self.why_not_live,
            why_not_ready=lambda: self.why_not_ready,
            health=lambda: {"state": "well"},
            floor=self.floor,
            metrics=lambda: b"paysera_worker_up 1\n",
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class Door:
    """An open door."""

    port: int
    behind: Behind

    async def knock(self, raw: bytes) -> Answer | None:
        """Send these bytes and read what comes; None: the connection ended without a word."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            return await self.hear(reader)
        finally:
            writer.close()

    async def hear(self, reader: asyncio.StreamReader) -> Answer | None:
        try:
            whole = await asyncio.wait_for(reader.read(), PATIENCE_S)
        except ConnectionResetError:
            return None
        if not whole:
            return None
        head, _, body = whole.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        return Answer(int(first.split()[1]), headers, body)

    async def ask(
        self, path: str, method: str = "GET", host: str | None = None, **headers: str
    ) -> Answer:
        """Ask as a polite client would; `host=""` leaves the header out."""
        lines = [f"{method} {path} HTTP/1.1"]
        if host != "":
            lines.append(f"Host: {host or f'127.0.0.1:{self.port}'}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        answer = await self.knock("\r\n".join([*lines, "", ""]).encode())
        assert answer is not None, f"{method} {path}: no answer"
        return answer


@asynccontextmanager
async def a_door(token: str | None = None, port: int = 0) -> AsyncIterator[Door]:
    """Open a door and shut it again."""
    behind, clock = Behind(), SystemClock()
    listener = open_door("127.0.0.1", port)
    found: int = listener.getsockname()[1]
    app = App(Guard(port=found, token=token), behind.sources(), clock)
    porter = asyncio.create_task(Porter(app, listener, clock).run())
    try:
        yield Door(found, behind)
    finally:
        porter.cancel()
        await asyncio.gather(porter, return_exceptions=True)
