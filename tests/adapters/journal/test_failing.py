"""When the disk lets us down nothing more is started, and nothing acknowledged is lost."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from worker.adapters.journal import chain
from worker.adapters.journal.reader import JournalReader
from worker.adapters.journal.store import Store
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalConflict, JournalUnavailable
from worker.ports import Intent

from .builders import a_process, a_visit, an_entry, told

WRITER = """
import os, resource
from pathlib import Path
from worker.adapters.journal.store import Store
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalUnavailable
from builders import a_visit, an_entry, told

store = Store.open(Path(sys.argv[1]))
if sys.argv[2] == "file-size":
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
if sys.argv[2] == "full":
    store._connection.execute("PRAGMA max_page_count = 40")
number = store.next_visit_id()
while True:
    try:
        assert store.commit([an_entry(a_visit(number), records=(told(number),))]) == [None]
    except JournalUnavailable as error:
        print("refused", error, flush=True)
        break
    print(number, flush=True)
    number += 1
try:
    store.open_visits()
except JournalUnavailable:
    print("still refused", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def numbers_in(path: Path) -> list[int]:
    store = Store.open(path)
    try:
        return [one.visit.visit_id for one in store.open_visits()]
    finally:
        store.close()


def lines_of(process: subprocess.Popen[bytes]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.read().decode().splitlines()


def test_kill_9_loses_no_acknowledged_write(path: Path) -> None:
    """Whatever was told to be written is there after the kill, and at most one write more (F31)."""
    acknowledged = 0
    for turn in range(1, 13):
        with a_process(WRITER, path, "until killed") as process:
            assert process.stdout is not None
            for _ in range(turn * 7):
                acknowledged = int(process.stdout.readline())
            process.kill()
            told_late = process.stdout.read().split()
        acknowledged = int(told_late[-1]) if told_late else acknowledged
        kept = numbers_in(path)

        assert kept == list(range(1, len(kept) + 1))
        assert acknowledged <= len(kept) <= acknowledged + 1
    with JournalReader(path) as reader:
        assert reader.verify_chain() is None


@pytest.mark.parametrize(
    ("how", "words"), [("full", "the disk is full"), ("file-size", "failed to read or write")]
)
def test_a_full_disk_stops_everything_and_keeps_what_was_told(
    path: Path, how: str, words: str
) -> None:
    """The sentence says what happened and what to do; a start with room goes on (F43, F44)."""
    with a_process(WRITER, path, how) as process:
        *acknowledged, refused, still_refused = lines_of(process)

    assert words in refused
    assert "No side effect will be started" in refused
    assert still_refused == "still refused"
    assert len(acknowledged) > 5
    assert numbers_in(path)[: len(acknowledged)] == [int(number) for number in acknowledged]


def test_a_journal_that_turns_read_only_stops_everything(path: Path) -> None:
    """Not being able to remember is a reason not to act (F45)."""
    store = Store.open(path)
    store._connection.execute("PRAGMA query_only = ON")

    with pytest.raises(JournalUnavailable, match="read-only"):
        store.commit([an_entry(a_visit())])
    store.close()


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.db.lock"])
@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_file_that_goes_away_while_in_use_is_noticed(
    path: Path, name: str, is_replaced: bool
) -> None:
    """Writing on would be writing into a file that nobody finds again (F47)."""
    store = Store.open(path)
    assert store.commit([an_entry(a_visit(1))]) == [None]
    file = path.with_name(name)
    file.rename(path.with_name("moved"))
    if is_replaced:
        file.write_bytes(path.with_name("moved").read_bytes())

    for _ in range(2):
        with pytest.raises(JournalUnavailable, match=r"(replaced|deleted) while in use"):
            store.commit([an_entry(a_visit(2))])
    store.close()


def spoil_pages(path: Path) -> None:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        for offset in range(4096, size, 4096):
            file.seek(offset)
            file.write(os.urandom(64))


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


@pytest.mark.parametrize("spoil", [spoil_pages, cut_short])
def test_a_damaged_file_is_not_gone_on_with(path: Path, spoil: Callable[[Path], None]) -> None:
    """The pages are checked at every start, before anything is done (F46)."""
    store = Store.open(path)
    for number in range(1, 60):
        store.commit([an_entry(a_visit(number), records=(told(number),))])
    store.close()
    spoil(path)
    before = path.read_bytes()

    with pytest.raises(JournalUnavailable, match="damaged"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_damage_met_while_running_stops_everything(path: Path) -> None:
    """A page that was good at the start may not be later (F46)."""
    store = Store.open(path)
    for number in range(1, 200):
        store.commit([an_entry(a_visit(number), records=(told(number),))])
    store.close()
    store = Store.open(path)
    store._connection.execute("PRAGMA cache_size = 0")
    spoil_pages(path)

    with pytest.raises(JournalUnavailable, match="damaged"):
        store.open_visits()
    with pytest.raises(JournalUnavailable, match="damaged"):
        store.commit([an_entry(a_visit(200))])
    store.close()


def edit(path: Path, *statements: str) -> None:
    """Change the file as somebody would who knows SQLite."""
    with closing(sqlite3.connect(path)) as connection:
        for trigger in ("event_stays", "event_is_kept"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("UPDATE event SET body = '{\"line\":8}' WHERE seq = 4", 4),
        ("UPDATE event SET visit_id = 1 WHERE seq = 5", 5),
        ("UPDATE event SET at = '2026-11-20T12:00:00.000000+00:00' WHERE seq = 6", 6),
        ("UPDATE event SET hash = zeroblob(32) WHERE seq = 3", 3),
        ("DELETE FROM event WHERE seq = 7", 7),
        ("DELETE FROM event WHERE seq = 1", 1),
    ],
)
def test_an_edited_story_shows(path: Path, statement: str, line: int) -> None:
    """Each line covers the one before it, so the first wrong line is named (F59)."""
    store = Store.open(path)
    for number in range(1, 11):
        store.commit([an_entry(a_visit(number), records=(told(number),))])
    store.close()
    edit(path, statement)

    with JournalReader(path) as reader:
        assert reader.verify_chain() == line
        assert reader.verify_chain(1) is None
    with pytest.raises(JournalUnavailable, match=f"line {line}"):
        Store.open(path)


def test_the_story_goes_on_where_it_stopped(path: Path) -> None:
    """Restarts and refused entries leave no gap and no false line."""
    for turn in range(3):
        store = Store.open(path)
        good = [an_entry(a_visit(turn * 2 + n), records=(told(1), told(2))) for n in (1, 2)]
        bad = an_entry(a_visit(99, spot_id="spot-1"), records=(told(3),))
        refusals = store.commit([good[0], bad, good[1]])
        assert [type(refusal) for refusal in refusals] == [type(None), JournalConflict, type(None)]
        assert isinstance(store.commit([bad])[0], JournalConflict)
        store.close()

    with closing(sqlite3.connect(path)) as connection:
        tail, broken = chain.verify(connection)
    assert (tail.seq, broken) == (12, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET body = '{}' WHERE seq = 1",
        "DELETE FROM event",
        "DELETE FROM visit",
        "UPDATE intent SET target = 'x'",
        "DELETE FROM intent",
        "UPDATE known_key SET visit_id = 2",
        "DELETE FROM known_key",
        "UPDATE visit SET amount_minor = -1",
        "UPDATE visit SET step = 'flying'",
        "UPDATE intent SET state = 'maybe'",
        "UPDATE intent SET attempts = 0",
        "INSERT INTO visit (visit_id) VALUES (7)",
    ],
)
def test_the_file_itself_refuses_what_must_not_be(path: Path, statement: str) -> None:
    """Not even a slip of our own code takes back what was told (F59)."""
    store = Store.open(path)
    visit = a_visit(1, transaction_key="key-a")
    intent = Intent(WriteKind.LINK, "key-a")
    store.commit([an_entry(visit, records=(told(1),), begun=intent), an_entry(a_visit(2))])

    with pytest.raises(sqlite3.IntegrityError):
        store._connection.execute(statement)
    store.close()
