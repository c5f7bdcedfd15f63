"""The server: where it listens, how it stops, and what it leaves alone."""

from __future__ import annotations

import asyncio
import signal
import socket
import time

import httpx
import pytest

from worker.sandbox import SandboxOptions, create_app, serve

from .conftest import listening


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "sandbox.example"])
async def test_a_host_beyond_loopback_is_refused(host: str) -> None:
    """The control routes need no signature, so they must not be reachable from elsewhere (F61)."""
    options = SandboxOptions(host=host, port=0)

    with pytest.raises(ValueError, match="loopback"):
        create_app(options)
    with pytest.raises(ValueError, match="loopback"):
        await serve(options, on_ready=lambda _: None, stop=asyncio.Event())


def test_a_host_beyond_loopback_can_be_allowed() -> None:
    """In a container, say, where somebody else keeps the door."""
    assert create_app(SandboxOptions(host="0.0.0.0", allow_remote=True)) is not None


@pytest.mark.parametrize(
    "options", [SandboxOptions(faults=1.5), SandboxOptions(spots=-1), SandboxOptions(port=70_000)]
)
def test_options_out_of_range_are_refused(options: SandboxOptions) -> None:
    """At once, with a sentence."""
    with pytest.raises(ValueError, match=r"faults|spots|port"):
        create_app(options)


async def test_it_tells_its_port_when_calls_can_come_in(port: int) -> None:
    """Port 0 means any that is free."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{port}/rest/v1/server")

    assert abs(answer.json()["time"] - time.time()) < 5
    assert answer.headers["content-type"] == "application/json"


async def test_a_port_that_is_taken_is_an_error_to_the_caller(port: int) -> None:
    """The process lives on and can say so."""
    with pytest.raises(OSError, match="in use"):
        await serve(SandboxOptions(port=port), on_ready=lambda _: None, stop=asyncio.Event())


async def test_it_stops_at_once_with_connections_open() -> None:
    """Idle, half-sent and busy connections do not keep it."""
    loop = asyncio.get_running_loop()
    writers = []
    async with httpx.AsyncClient() as http, listening(SandboxOptions(port=0)) as port:
        await http.get(f"http://127.0.0.1:{port}/rest/v1/server")
        await http.put(
            f"http://127.0.0.1:{port}/_sandbox/faults",
            json={"next": [{"op": "server.get", "kind": "slow"}], "slow_s": 600},
        )
        for sent in (b"", b"GET /rest", b"GET /rest/v1/server HTTP/1.1\r\nHost: a\r\n\r\n"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            await writer.drain()
            writers.append(writer)
        asked = await http.get(f"http://127.0.0.1:{port}/_sandbox/requests")
        assert asked.status_code == 200
        began = loop.time()
    assert loop.time() - began < 1.0
    for writer in writers:
        writer.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_it_leaves_signal_handlers_alone() -> None:
    """Whoever embeds it decides what a signal means."""
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]

    async with listening(SandboxOptions(port=0)):
        during = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]

    assert during == before


async def test_a_long_identifier_fits_into_a_request_line(port: int) -> None:
    """Ten kilobytes are three times as many when they are percent-encoded."""
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"http://127.0.0.1:{port}/_sandbox/spots/{'%0A' * 10_000}/scan")

    assert answer.json()["spot"]["identifier"] == "\n" * 10_000


async def test_many_calls_on_one_connection_are_quick(port: int) -> None:
    """A generous bound against accidental slowness, not a benchmark."""
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        began = loop.time()
        for _ in range(200):
            await http.get("/rest/v1/server")

    assert loop.time() - began < 5


async def test_nonsense_on_the_wire_ends_one_connection_only(port: int) -> None:
    """Bytes that are no HTTP get a refusal, and the next caller is served."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01 hello\r\n\r\n")
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 400")
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"http://127.0.0.1:{port}/rest/v1/server")).status_code == 200
