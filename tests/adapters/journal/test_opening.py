"""A journal is opened once at a time, never begun twice, and never mistaken for another."""

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.adapters.journal.lock import Lock
from worker.adapters.journal.marker import Marker, read_marker, write_marker
from worker.adapters.journal.store import Store
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalLocked, JournalUnavailable
from worker.domain.visit import End, Step
from worker.ports import IntentState

from .builders import a_process, a_visit, an_entry, closed, told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def written(path: Path, *numbers: int) -> Store:
    """Open the journal and write visits into it."""
    store = Store.open(path)
    for number in numbers:
        refused = store.commit([an_entry(a_visit(number), records=(told(number),))])
        assert refused == [None]
    return store


def numbers_in(path: Path) -> list[int]:
    store = Store.open(path)
    try:
        return [one.visit.visit_id for one in store.open_visits()]
    finally:
        store.close()


def test_a_journal_keeps_its_name(path: Path) -> None:
    """The name is made once; references of before a restart are still ours after it."""
    names = set()
    for _ in range(3):
        store = Store.open(path)
        names.add(store.instance)
        store.close()

    assert len(names) == 1
    assert len(name := names.pop()) == 8
    assert name.isalnum()
    assert name.islower()


def test_its_files_are_for_its_owner_alone(path: Path) -> None:
    """Keys and bills are nobody else's business."""
    store = written(path, 1)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    store.close()

    assert len(modes) == 5
    assert set(modes.values()) == {0o600}


def test_the_file_is_kept_in_the_durable_mode(path: Path) -> None:
    """Every commit waits for the disk, the log is on, and what points somewhere is checked."""
    store = Store.open(path)
    asked = {
        name: store._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
    }
    store.close()

    assert asked == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
    }


def test_the_schema_knows_every_word_of_the_domain(path: Path) -> None:
    """A step, an end or a state that is added to the code is added to the schema."""
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        (script,) = connection.execute("SELECT group_concat(sql) FROM sqlite_schema").fetchone()
    connection.close()

    for word in [*Step, *End, *WriteKind, *IntentState]:
        assert f"'{word.value}'" in script


def test_a_second_worker_is_told_who_holds_the_journal(path: Path) -> None:
    """One journal serves one worker, in whatever process the second one is (F37)."""
    code = """
from pathlib import Path
from worker.adapters.journal.store import Store
store = Store.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""
    with a_process(code, path) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(JournalLocked, match=rf"pid {first.pid}\) holds the journal"):
            Store.open(path)
        first.kill()

    assert numbers_in(path) == []


def test_a_lock_file_that_was_left_behind_locks_nothing(path: Path) -> None:
    """The lock dies with its process, whatever its file says."""
    path.with_name("journal.db.lock").write_text("1\n")

    assert numbers_in(path) == []


def test_the_lock_is_let_go_when_opening_fails(path: Path) -> None:
    """A refusal to open leaves nothing behind that refuses the next start."""
    path.write_bytes(b"junk" * 1000)
    with pytest.raises(JournalUnavailable):
        Store.open(path)

    Lock.take(path).release()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (Path.unlink, "missing or empty"),
        (lambda path: path.write_bytes(b""), "missing or empty"),
        (lambda path: path.write_bytes(b"junk" * 2000), "not a journal"),
    ],
)
def test_a_lost_journal_is_never_begun_afresh(
    path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    """A new journal would confirm what the old one knew to be confirmed (F47)."""
    written(path, 1).close()
    spoil(path)
    before = path.read_bytes() if path.exists() else None

    for _ in range(2):
        with pytest.raises(JournalUnavailable, match=words):
            Store.open(path)
    assert (path.read_bytes() if path.exists() else None) == before


def test_the_operator_may_begin_anew_on_purpose(path: Path) -> None:
    """Deleting the marker says: I know."""
    written(path, 1).close()
    path.unlink()
    path.with_name("journal.db.instance").unlink()

    assert numbers_in(path) == []


def test_a_lost_marker_is_made_again(path: Path) -> None:
    """The marker guards the journal; the journal does not need it."""
    written(path, 1).close()
    path.with_name("journal.db.instance").unlink()

    assert numbers_in(path) == [1]
    assert read_marker(path) is not None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"instance": "abc"}', "\x00"])
def test_an_unreadable_marker_is_not_guessed_at(path: Path, text: str) -> None:
    """It is written in one move, so a damaged one means trouble."""
    written(path, 1).close()
    path.with_name("journal.db.instance").write_text(text)

    with pytest.raises(JournalUnavailable, match="delete the marker"):
        Store.open(path)


def test_another_journal_in_its_place_is_noticed(path: Path, tmp_path: Path) -> None:
    """A file from another machine does not become ours by its name (F47)."""
    written(path, 1).close()
    other = tmp_path / "other.db"
    written(other, 2).close()
    shutil.copy(other, path)

    with pytest.raises(JournalUnavailable, match="belongs here"):
        Store.open(path)


@pytest.mark.parametrize("is_running", [True, False])
def test_an_older_copy_is_noticed(path: Path, tmp_path: Path, is_running: bool) -> None:
    """What was confirmed after the copy was made is not in it (F47)."""
    copy = tmp_path / "copy.db"
    store = written(path, 1)
    if not is_running:
        store.close()
        shutil.copy(path, copy)
        store = Store.open(path)
    else:
        with sqlite3.connect(copy) as target:
            store._connection.backup(target)
        target.close()
    store.commit([an_entry(a_visit(2))])
    store.close()
    shutil.copy(copy, path)

    with pytest.raises(JournalUnavailable, match="older copy"):
        Store.open(path)


def test_a_copy_beside_another_copys_log_is_noticed(path: Path, tmp_path: Path) -> None:
    """A log folded into the wrong copy would make a file that never was; nothing is folded.

    (F47)
    """
    old, log = tmp_path / "old.db", path.with_name("journal.db-wal")
    written(path, 1, 2).close()
    shutil.copy(path, old)
    store = written(path, 3, 4, 5)
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.commit([an_entry(a_visit(number), records=(told(number),)) for number in range(6, 9)])
    kept = log.read_bytes()
    store.close()
    shutil.copy(old, path)
    log.write_bytes(kept)

    with pytest.raises(JournalUnavailable):
        Store.open(path)
    assert path.read_bytes() == old.read_bytes()
    assert log.read_bytes() == kept


def test_a_log_without_its_journal_is_noticed(path: Path) -> None:
    """Even without a marker, a log says that something was here."""
    path.with_name("journal.db-wal").write_bytes(b"x" * 5000)

    with pytest.raises(JournalUnavailable, match="its log"):
        Store.open(path)


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    """A version rolled back does not write into what it does not know (F40)."""
    written(path, 1).close()
    with sqlite3.connect(path) as connection:
        newer = "SELECT max(version) + 1 FROM schema_version"
        connection.execute(f"INSERT INTO schema_version {newer}")
    connection.close()

    with pytest.raises(JournalUnavailable, match="written by a newer version"):
        Store.open(path)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    """A path mistyped does not put our tables into somebody's data."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (soup TEXT)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(JournalUnavailable, match="something else"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The message says what to make."""
    with pytest.raises(JournalUnavailable, match=r"nowhere does not exist.*install -d"):
        Store.open(tmp_path / "nowhere" / "journal.db")
    with pytest.raises(JournalUnavailable, match="is a directory"):
        Store.open(tmp_path)


CRASHES = """
import os
from pathlib import Path
from worker.adapters.journal.marker import read_marker
from worker.adapters.journal.store import Store
from builders import a_visit, an_entry

folder = Path(sys.argv[1])

def die_at(n, path):
    # Kill this process at the n-th line that opening runs; False: there is no n-th.
    left = n
    def on_line(frame, event, _):
        nonlocal left
        if "adapters/journal" not in frame.f_code.co_filename:
            return None
        left -= event == "line"
        if left < 0:
            os._exit(9)
        return on_line
    if (child := os.fork()) == 0:
        sys.settrace(on_line)
        store = Store.open(path)
        store.close()
        sys.settrace(None)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

def started(path):
    store = Store.open(path)
    store.commit([an_entry(a_visit(store.next_visit_id()))])
    count = len(store.open_visits())
    name = store.instance
    store.close()
    return name, count

fresh = used = 0
while die_at(fresh, folder / f"fresh{fresh}.db"):
    path = folder / f"fresh{fresh}.db"
    noted = read_marker(path)
    name, count = started(path)
    assert count == 1 and (noted is None or noted.instance == name), (fresh, noted, name)
    fresh += 1
used_path = folder / "used.db"
name, count = started(used_path)
while die_at(used, used_path):
    assert started(used_path) == (name, count + 1), used
    count, used = count + 1, used + 1
print(fresh, used, flush=True)
"""


def test_a_kill_at_any_line_of_opening_never_blocks_the_next_start(tmp_path: Path) -> None:
    """Begun or begun again, a journal that was being opened when we died is opened next time."""
    with a_process(CRASHES, tmp_path) as process:
        assert process.stdout is not None
        fresh, used = (int(number) for number in process.stdout.read().split())

    assert fresh > 150
    assert used > 150


def test_the_marker_survives_a_half_written_draft(path: Path) -> None:
    """A draft that was left behind is written over, never read."""
    written(path, 1).close()
    path.with_name("journal.db.instance.new").write_text('{"inst')

    assert numbers_in(path) == [1]


def test_the_marker_follows_the_journal(path: Path) -> None:
    """It holds the name and the generation, as JSON that an operator can read."""
    store = written(path, 1)
    store.close()
    note = json.loads(path.with_name("journal.db.instance").read_text())

    assert note == {"instance": store.instance, "generation": 2}
    write_marker(path, Marker(store.instance, 99))
    with pytest.raises(JournalUnavailable, match="older copy"):
        Store.open(path)


def test_visits_survive_a_restart(path: Path) -> None:
    """What was open is open again, what is over is over."""
    store = written(path, 1, 2)
    store.commit([an_entry(closed(a_visit(1)))])
    store.close()

    assert numbers_in(path) == [2]
