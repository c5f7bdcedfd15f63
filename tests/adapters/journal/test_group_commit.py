"""Writers that come together share a commit, and each keeps its own answer."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from worker.adapters.journal import sqlite
from worker.adapters.journal.sqlite import SqliteJournal
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import VisitId

from .builders import NOON, a_visit, an_entry, told


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    kept = SqliteJournal.open(tmp_path / "journal.db")
    yield kept
    await kept.aclose()


async def test_a_hundred_writers_share_a_commit(journal: SqliteJournal) -> None:
    """Whoever comes in the same turn of the loop goes together."""
    await asyncio.gather(*(journal.write(an_entry(a_visit(n))) for n in range(1, 101)))

    assert journal.commits == 1
    assert len(await journal.open_visits()) == 100


async def test_writers_in_company_wait_a_moment_for_more(journal: SqliteJournal) -> None:
    """After a crowd, those who come within a few milliseconds share; nobody is left behind."""
    await asyncio.gather(*(journal.write(an_entry(a_visit(n))) for n in range(1, 9)))
    late = [asyncio.create_task(journal.write(an_entry(a_visit(9))))]
    await asyncio.sleep(0)
    late.append(asyncio.create_task(journal.write(an_entry(a_visit(10)))))
    await asyncio.gather(*late)

    assert journal.commits == 2


async def test_a_slow_disk_is_waited_for_in_the_thread(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop goes on with everything else; a disk that is quick again is waited for in place.

    (F50)
    """
    quick_s = 0.3  # So that a busy machine's disk counts as quick here.
    monkeypatch.setattr(sqlite, "QUICK_S", quick_s)
    sealed_in: list[str] = []
    seal, pause_s = journal._store.seal, [quick_s, quick_s, 0.0, 0.0]

    def slowly() -> None:
        sealed_in.append(threading.current_thread().name)
        time.sleep(pause_s.pop(0))
        seal()

    monkeypatch.setattr(journal._store, "seal", slowly)
    for number in range(1, 5):
        await journal.write(an_entry(a_visit(number)))

    loop = threading.current_thread().name
    assert [name == loop for name in sealed_in] == [True, False, False, True]
    assert len(await journal.open_visits()) == 4


async def test_writers_one_after_another_each_have_their_commit(journal: SqliteJournal) -> None:
    """Nothing waits for company."""
    for number in range(1, 6):
        await journal.write(an_entry(a_visit(number)))

    assert journal.commits == 5


async def test_a_cancelled_caller_has_still_written_once(journal: SqliteJournal) -> None:
    """An entry that was handed in is neither lost nor doubled when its caller goes away."""
    entries = [an_entry(a_visit(n), records=(told(n),)) for n in (1, 2, 3)]
    callers = [asyncio.create_task(journal.write(entry)) for entry in entries]
    await asyncio.sleep(0)

    callers[0].cancel()  # Its entry is with the thread.
    callers[1].cancel()  # Its entry waits for the next commit.
    await asyncio.gather(*callers, return_exceptions=True)
    await journal.write(an_entry(a_visit(4)))

    assert [caller.cancelled() for caller in callers] == [True, True, False]
    assert [one.visit.visit_id for one in await journal.open_visits()] == [1, 2, 3, 4]
    assert await journal.next_visit_id() == VisitId(5)


async def test_closing_writes_what_still_waits(tmp_path: Path) -> None:
    """Nothing that was handed in is dropped at the end."""
    journal = SqliteJournal.open(tmp_path / "journal.db")
    callers = [asyncio.create_task(journal.write(an_entry(a_visit(n)))) for n in (1, 2, 3)]
    await asyncio.sleep(0)

    await journal.aclose()
    assert await asyncio.gather(*callers) == [None, None, None]

    again = SqliteJournal.open(tmp_path / "journal.db")
    assert len(await again.open_visits()) == 3
    await again.aclose()


async def test_a_failed_commit_fails_every_writer_in_it(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    """Of a batch that did not reach the disk nobody may think it did, now or later (F48)."""
    (tmp_path / "journal.db").rename(tmp_path / "elsewhere.db")

    answers = await asyncio.gather(
        *(journal.write(an_entry(a_visit(n))) for n in range(1, 11)), return_exceptions=True
    )

    assert {type(answer) for answer in answers} == {JournalUnavailable}
    (tmp_path / "elsewhere.db").rename(tmp_path / "journal.db")
    with pytest.raises(JournalUnavailable):
        await journal.next_visit_id()
    with contextlib.suppress(JournalUnavailable):
        await journal.beat(NOON, {})
        pytest.fail("a journal that failed once is not used again")
