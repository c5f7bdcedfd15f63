"""The commands read the journal beside the running worker, and leave nothing behind."""

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from worker.adapters.journal import lock, troubles
from worker.adapters.journal.reader import IntentLine, JournalReader, LastBeat, Total
from worker.adapters.journal.store import Beat, Store
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import VisitId
from worker.domain.visit import End, Step
from worker.ports import Entry, Intent, IntentState, Record, Settled

from .builders import NOON, a_bill, a_visit, an_entry, closed

LINK = Intent(WriteKind.LINK, "key-a")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    kept = Store.open(tmp_path / "journal.db")
    yield kept
    kept.close()


@pytest.fixture
def reader(store: Store, tmp_path: Path) -> Iterator[JournalReader]:
    with JournalReader(tmp_path / "journal.db") as opened:
        yield opened


def keep(store: Store, *entries: Entry) -> None:
    assert store.commit(entries) == [None] * len(entries)


def test_visits_are_listed_newest_first(store: Store, reader: JournalReader) -> None:
    """What an operator asks for is what happened last."""
    parked = a_visit(2, step=Step.PARKED, end=End.PARKED, spot_closed_at=NOON)
    keep(store, *(an_entry(one) for one in (a_visit(1), parked, closed(a_visit(3)), a_visit(4))))

    assert [one.visit_id for one in reader.visits()] == [4, 3, 2, 1]
    assert [one.visit_id for one in reader.visits(limit=2)] == [4, 3]
    assert [one.visit_id for one in reader.visits(open_only=True)] == [4, 1]
    assert reader.visits(parked_only=True) == (parked,)


def test_one_visit_is_found_by_its_number(store: Store, reader: JournalReader) -> None:
    """A number that never was gives nothing."""
    keep(store, an_entry(a_visit(1)))

    assert reader.visit(VisitId(1)) == a_visit(1)
    assert reader.visit(VisitId(2)) is None
    assert reader.instance() == store.instance


def test_the_reader_sees_what_is_written_while_it_looks(
    store: Store, reader: JournalReader
) -> None:
    """Every question is answered from the newest commit."""
    keep(store, an_entry(a_visit(1)))
    assert len(reader.visits()) == 1
    keep(store, an_entry(a_visit(2)))
    assert len(reader.visits()) == 2


def test_a_story_has_facts_and_writes_in_order_of_time(store: Store, reader: JournalReader) -> None:
    """Somebody who reads it top to bottom sees what was known before what was done."""
    later = NOON + timedelta(seconds=2)
    seen, offered = Record(NOON, "seen", {"a": 1}), Record(later, "offered", {"b": [1, None]})
    visit = a_visit(1)
    keep(store, an_entry(visit, records=(seen,), begun=LINK))
    settled = (Settled(LINK, IntentState.DONE, "linked"),)
    keep(store, an_entry(visit, records=(offered,), settled=settled))
    keep(store, an_entry(a_visit(2), records=(seen,)))

    link = IntentLine(NOON, WriteKind.LINK, "key-a", IntentState.DONE, 1, later, "linked")
    assert reader.story(VisitId(1)) == (seen, link, offered)
    assert reader.story(VisitId(9)) == ()


def test_the_same_intent_begun_again_is_one_line(store: Store, reader: JournalReader) -> None:
    """A repeat counts as an attempt and is open again from now."""
    later = Record(NOON + timedelta(seconds=9), "again", {})
    visit = a_visit(1)
    keep(store, an_entry(visit, begun=LINK))
    keep(store, an_entry(visit, settled=(Settled(LINK, IntentState.UNSENT, "no route"),)))
    keep(store, an_entry(visit, records=(later,), begun=LINK))

    (_, line) = reader.story(VisitId(1))
    assert line == IntentLine(later.at, LINK.kind, LINK.target, IntentState.PENDING, 2, None, "")


def test_totals_add_up_by_end_and_currency(store: Store, reader: JournalReader) -> None:
    """Money of two currencies is never one sum, and only what was taken counts as taken."""
    bills = {1: a_bill(), 2: a_bill(None, 750), 3: a_bill(None, 99, "USD"), 4: a_bill(None, 10)}
    for number, bill in bills.items():
        end = End.DECLINED if number == 4 else End.PAID
        taken = bill.money.amount_minor if end is End.PAID else 0
        visit = closed(a_visit(number, bill=bill), end)
        keep(store, an_entry(replace(visit, taken_minor=taken)))
    keep(store, an_entry(a_visit(5)))
    part = closed(a_visit(6, bill=a_bill(None, 900)), End.EXPIRED)
    keep(store, an_entry(replace(part, taken_minor=300)))

    totals = reader.totals()
    assert totals.confirmed() == {"EUR": 2300, "USD": 99}, "a part that was paid counts"
    assert totals.by_step == {Step.CLOSED: 5, Step.SEEN: 1}
    assert totals.by_end == (
        Total(None, None, 1, 0, 0),
        Total(End.DECLINED, "EUR", 1, 10, 0),
        Total(End.EXPIRED, "EUR", 1, 900, 300),
        Total(End.PAID, "EUR", 2, 2000, 2000),
        Total(End.PAID, "USD", 1, 99, 99),
    )


def test_the_newest_beat_is_kept(store: Store, reader: JournalReader) -> None:
    """`status` shows what the worker said last."""
    assert reader.beat() is None
    for visits in (1, 2):
        assert store.commit([Beat(NOON, {"visits": visits})]) == [None]

    assert reader.beat() == LastBeat(NOON, {"visits": 2})


def test_a_running_worker_is_noticed_and_not_disturbed(tmp_path: Path) -> None:
    """Asking takes the lock for no longer than the asking."""
    path = tmp_path / "journal.db"
    with JournalReader(path) as reader:
        assert not reader.is_running()
        store = Store.open(path)
        assert reader.is_running()
        store.close()
        assert not reader.is_running()
        Store.open(path).close()


def test_the_reader_works_after_the_worker_is_gone(tmp_path: Path) -> None:
    """A stopped worker's journal is read the same way, and starts again afterwards."""
    path = tmp_path / "journal.db"
    store = Store.open(path)
    keep(store, an_entry(a_visit(1)))
    store.close()

    with JournalReader(path) as reader:
        assert len(reader.visits()) == 1
        assert reader.verify_chain() is None
    store = Store.open(path)
    assert len(store.open_visits()) == 1
    store.close()


def test_a_journal_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Reading never makes a journal."""
    with (
        JournalReader(tmp_path / "journal.db") as reader,
        pytest.raises(JournalUnavailable, match="there is none"),
    ):
        reader.visits()
    (tmp_path / "journal.db").touch()
    with (
        JournalReader(tmp_path / "journal.db") as reader,
        pytest.raises(JournalUnavailable, match="nothing was written"),
    ):
        reader.visits()
    assert [file.name for file in tmp_path.iterdir()] == ["journal.db"]


def test_another_user_is_told_how_to_ask(
    store: Store, reader: JournalReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files left by another user beside the journal would stop the worker."""
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)

    with pytest.raises(JournalUnavailable, match=r"sudo -u \S+ paysera-worker"):
        reader.visits()


def test_an_unreadable_file_is_an_error_of_ours(tmp_path: Path) -> None:
    """Junk gives a sentence, not a traceback."""
    path = tmp_path / "journal.db"
    path.write_bytes(b"junk" * 2000)

    with JournalReader(path) as reader, pytest.raises(JournalUnavailable, match="not a journal"):
        reader.totals()


def test_a_visit_of_a_newer_worker_is_not_half_read(store: Store, reader: JournalReader) -> None:
    """A field that this version does not know may be the one that matters (F40)."""
    keep(store, an_entry(replace(a_visit(1), reason="fine")))
    store._connection.execute("UPDATE visit SET body = replace(body, 'reason', 'mood')")

    with pytest.raises(JournalUnavailable, match="does not know"):
        reader.visits()
    with pytest.raises(JournalUnavailable, match="does not know"):
        store.open_visits()
    with pytest.raises(JournalUnavailable, match="does not know"):
        store.next_visit_id()


@pytest.mark.usefixtures("store")
def test_another_user_who_can_not_read_the_lock_is_told_whom_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked first by `status`, and is nobody's business but its owner's."""

    def is_held(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    owner = (tmp_path / "journal.db").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    monkeypatch.setattr(lock, "is_held", is_held)

    with (
        JournalReader(tmp_path / "journal.db", "status") as reader,
        pytest.raises(JournalUnavailable, match=r"sudo -u \S+ paysera-worker status"),
    ):
        reader.is_running()


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite_error(sqlite3.SQLITE_BUSY), "keeps the file locked .*fuser /j/journal.db"),
        (sqlite_error(sqlite3.SQLITE_NOTADB), "not a journal .*Check the configured path"),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), "disk failed .*Check the disk"),
        (sqlite_error(sqlite3.SQLITE_IOERR_SHMSIZE), "disk is full .*Make room"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full .*Make room"),
    ],
)
def test_a_reader_is_told_what_to_do(error: Exception, words: str) -> None:
    """It says what to do as the worker does, without a word of side effects and of starting."""
    said = str(troubles.unreadable(Path("/j/journal.db"), error))

    assert re.search(words, said)
    assert said.endswith(".")
    assert "start" not in said
