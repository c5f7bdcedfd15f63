"""Names are looked up without anybody waiting at the end for an answer that does not come."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from worker.adapters import names
from worker.adapters.names import NamesLoop


class Silence:
    """A name server that says nothing until it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.speaks = threading.Event()
        self.ended = threading.Semaphore(0)

    def getaddrinfo(self, *_: object) -> names.Found:
        self.asked.release()
        assert self.speaks.wait(30)
        self.ended.release()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    """Put a silent name server in place; its threads are let go afterwards."""
    made = Silence()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.speaks.set()


async def ask() -> names.Found:
    found: names.Found = await asyncio.get_running_loop().getaddrinfo("wallet.example", 443)
    return found


def test_a_name_is_found_and_an_unknown_one_is_an_error() -> None:
    """Both as asyncio's own way would have it."""
    with asyncio.Runner(loop_factory=NamesLoop) as runner:
        loop = runner.get_loop()
        found = runner.run(loop.getaddrinfo("localhost", 443, type=socket.SOCK_STREAM))
        assert ("127.0.0.1", 443) in {address for *_, address in found}
        with pytest.raises(socket.gaierror):
            runner.run(loop.getaddrinfo("no such name", 443))


def test_the_loop_ends_at_once_although_a_name_server_is_silent(silence: Silence) -> None:
    """A stop has ten seconds, and a resolver's patience is longer (F33)."""

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(), 0.01)
        assert silence.asked.acquire(timeout=10)

    began_s = time.monotonic()
    with asyncio.Runner(loop_factory=NamesLoop) as runner:
        runner.run(give_up())

    assert time.monotonic() - began_s < 5
    silence.speaks.set()
    assert silence.ended.acquire(timeout=10), "the late answer found nobody, and said nothing"


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(silence: Silence) -> None:
    """The next question has an answer of its own."""

    async def story() -> names.Found:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(), 0.01)
        silence.speaks.set()
        return await asyncio.wait_for(ask(), 10)

    with asyncio.Runner(loop_factory=NamesLoop) as runner:
        assert runner.run(story())[0][4] == ("192.0.2.1", 443)


def test_questions_to_a_silent_name_server_do_not_pile_up(silence: Silence) -> None:
    """Beyond so many the call fails at once, as one that certainly did not leave; then it heals."""

    async def story() -> None:
        waiting = [asyncio.create_task(ask()) for _ in range(names.LOOKUPS_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(socket.gaierror, match="does not answer"):
            await ask()
        for task in waiting[1:]:
            task.cancel()
        with pytest.raises(socket.gaierror):
            await ask()
        silence.speaks.set()
        assert await asyncio.wait_for(waiting[0], 10)
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await asyncio.wait_for(ask_when_free(), 10)

    async def ask_when_free() -> names.Found:
        while True:
            try:
                return await ask()
            except socket.gaierror:
                await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=NamesLoop) as runner:
        runner.run(story())
