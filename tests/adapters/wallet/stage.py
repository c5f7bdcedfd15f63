"""A raw HTTP server on loopback that plays scripted answers, the impossible ones included.

It knows nothing of the vendor's rules. It keeps every request as it came.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    reader: asyncio.StreamReader = field(repr=False, compare=False)

    @property
    def authorization(self) -> dict[str, str]:
        scheme, _, rest = self.headers["authorization"].partition(" ")
        assert scheme == "MAC"
        parts = (part.split("=", 1) for part in rest.split(", "))
        return {name: value.strip('"') for name, value in parts}


class Cut(Exception):
    """The scene ends with the connection torn."""


Scene = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


def raw(text: bytes) -> Scene:
    """Answer these bytes and hang up."""

    async def scene(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        raise Cut

    return scene


def says(status: int, body: object = None, **headers: str) -> Scene:
    """Answer with a status and a body: bytes as they are, everything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def scene(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()

    return scene


def no(status: int, code: str, description: str = "") -> Scene:
    """Answer the vendor's error object."""
    return says(status, {"error": code, "error_description": description})


async def cut(_seen: Seen, _writer: asyncio.StreamWriter) -> None:
    """Read the request and hang up without a word."""
    raise Cut


async def hang(seen: Seen, _writer: asyncio.StreamWriter) -> None:
    """Read the request and never answer."""
    await seen.reader.read()
    raise Cut


async def drip(_seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Answer one byte at a time, each well within any read timeout."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(_seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Answer 50 MB without saying so before."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(50):
        writer.write(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")


@dataclass
class Stage:
    """What was asked, and what will be answered."""

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    script: list[Scene] = field(default_factory=list)
    otherwise: Scene = field(default_factory=lambda: says(200, {}))
    connections: int = 0
    open_now: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rest/v1"

    def plays(self, *scenes: Scene) -> None:
        """Answer with these, one after the other, before falling back to `otherwise`."""
        self.script.extend(scenes)

    def targets(self) -> list[str]:
        return [f"{seen.method} {seen.target.removeprefix('/rest/v1')}" for seen in self.seen]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_now += 1
        try:
            while True:
                seen = await _request(reader)
                self.seen.append(seen)
                scene = self.script.pop(0) if self.script else self.otherwise
                await scene(seen, writer)
        except (Cut, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_now -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body, reader)
