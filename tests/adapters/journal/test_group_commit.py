"""Writers that come together share a commit, and each keeps its own answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from worker.adapters.journal.sqlite import SqliteJournal
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import VisitId

from .builders import NOON, a_visit, an_entry, told


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    kept = SqliteJournal.open(tmp_path / "journal.db")
    yield kept
    await kept.aclose()


async def test_a_hundred_writers_share_two_commits(journal: SqliteJournal) -> None:
    """The first goes alone at once; those that come while it is written go together."""
    await asyncio.gather(*(journal.write(an_entry(a_visit(n))) for n in range(1, 101)))

    assert journal.commits == 2
    assert len(await journal.open_visits()) == 100


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
    """Of a batch that did not reach the disk nobody may think it did, now or later."""
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
