"""The parts of the listener that touch the machine: the port, the past, the disk."""

import asyncio
import socket
from collections.abc import Awaitable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.adapters.journal.builders import a_visit
from tests.listener.door import Behind, Door
from tests.settings.support import BASE, read
from worker import watching
from worker.adapters.clock import SystemClock
from worker.adapters.journal.past import JournalPast
from worker.adapters.journal.sqlite import SqliteJournal
from worker.adapters.listener.server import open_door
from worker.domain.errors import JournalUnavailable
from worker.domain.visit import End, Step, Visit, replace
from worker.ports import Entry
from worker.watching import Watch, disk_of


def a_watch(folder: Path, port: int) -> Watch:
    settings = read(folder, f"{BASE}[listener]\nenabled = true\nport = {port}\n")
    return Watch(settings, SystemClock(), "sandbox")


async def until(fact: Any, what: str) -> None:
    for _ in range(1000):
        if fact():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came true: {what}")


async def test_a_port_that_is_free_again_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once that it was not, and once that it is."""
    monkeypatch.setattr(watching, "KNOCK_AGAIN_S", 0.05)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    tries: list[int] = []

    def knock(host: str, port: int) -> socket.socket:
        tries.append(port)
        return open_door(host, port)

    monkeypatch.setattr(watching, "open_door", knock)
    watch = a_watch(tmp_path, port)
    with capture_logs() as lines:
        keeping = asyncio.create_task(watch._keep_door(asyncio.Event()))
        try:
            await until(lambda: len(tries) >= 4, "it was tried again and again")
            taken.close()
            await until(lambda: len(lines) == 2, "the door is open")
            answer = await Door(port, Behind()).ask("/page.css")
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    assert answer.status == 200
    assert [line["event"] for line in lines] == ["listener.unavailable", "listener.ready"]
    assert lines[0]["port"] == lines[1]["port"] == port


def test_both_kinds_of_loopback_can_be_listened_on() -> None:
    for host in ("127.0.0.1", "::1"):
        try:
            door = open_door(host, 0)
        except OSError as error:
            pytest.skip(f"this machine has no {host}: {error}")
        assert door.getsockname()[0] == host
        door.close()


async def test_the_past_is_read_beside_the_writer(tmp_path: Path) -> None:
    """Newest first, parked ones by themselves, and the writer is not disturbed."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal.open(path)
    took: list[float] = []
    journal.on_commit = took.append
    past = JournalPast(path)
    now = SystemClock().now()
    for number in range(1, 6):
        visit = a_visit(number)
        await journal.write(Entry(visit.visit_id, visit))
        end = End.PARKED if number == 2 else End.LEFT
        step = Step.PARKED if number == 2 else Step.CLOSED
        over = replace(visit, step=step, end=end, spot_closed_at=now)
        await journal.write(Entry(visit.visit_id, over))
    found = await past.visits_since(now - timedelta(hours=1))
    parked = await past.parked()
    await journal.write(Entry(a_visit(9).visit_id, a_visit(9)))
    again = await past.visits_since(now - timedelta(hours=1))
    await past.aclose()
    await past.aclose()
    await journal.aclose()

    assert [visit.visit_id for visit in found] == [5, 4, 3, 2, 1]
    assert [visit.visit_id for visit in parked] == [2]
    assert again[0].visit_id == 9
    assert len(took) >= 11
    assert min(took) >= 0


async def test_a_past_that_can_not_be_read_says_so(tmp_path: Path) -> None:
    past = JournalPast(tmp_path / "none.db")
    with pytest.raises(JournalUnavailable, match="there is none"):
        await past.parked()
    await past.aclose()


async def test_the_watch_goes_on_without_a_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, and another look later."""
    monkeypatch.setattr(watching, "PARKED_EVERY_S", 0.02)
    settings = read(
        tmp_path, f'{BASE}[listener]\nenabled = true\n[journal]\npath = "{tmp_path}/none.db"\n'
    )
    watch = Watch(settings, SystemClock(), "sandbox")
    tries: list[JournalPast] = []
    look = JournalPast.visits_since

    def counted(past: JournalPast, at: datetime) -> Awaitable[tuple[Visit, ...]]:
        tries.append(past)
        return look(past, at)

    monkeypatch.setattr(JournalPast, "visits_since", counted)
    with capture_logs() as lines:
        reading = asyncio.create_task(watch._read_past(asyncio.Event()))
        await until(lambda: len(tries) >= 4, "it was tried again and again")
        assert not reading.done()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    assert [line["event"] for line in lines] == ["listener.past_unread"]


def test_the_disk_is_told_even_where_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"x" * 4096)
    (tmp_path / "journal.db-wal").write_bytes(b"x" * 100)

    taken, free = disk_of(tmp_path / "journal.db")
    assert taken == 4196
    assert free > 0
    assert disk_of(tmp_path / "no" / "journal.db") == (0, 0)
