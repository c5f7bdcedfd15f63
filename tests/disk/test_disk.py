"""The disk itself keeps what it must, loses what it may, and fails as it is told to."""

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.journal.builders import a_visit, an_entry, told
from tests.disk.disk import SimDisk, contents_of
from tests.disk.evening import BATCHES
from tests.disk.files import Cut, Loss, Naming, SimFile, SimFolder, Write
from tests.disk.medium import CHANGING, Died, Op, Trouble
from tests.disk.trial import JOURNAL, Progress, Truth, play, until_death
from worker.adapters.journal import marker, opening
from worker.adapters.journal.lock import is_held
from worker.adapters.journal.reader import JournalReader
from worker.adapters.journal.sqlite import SqliteJournal
from worker.adapters.journal.store import Store
from worker.domain.errors import JournalLocked, JournalUnavailable


def a_file(*changes: Write | Cut, durable: bytes = b"") -> SimFile:
    """Give a file with changes that wait."""
    file = SimFile(bytearray(durable), size=len(durable))
    for moment, change in enumerate(changes, 1):
        file.change(moment, change)
    return file


def a_folder(file: SimFile) -> SimFolder:
    """Give a folder that has had this file for long."""
    folder = SimFolder({})
    folder.change(0, Naming({"file": file}))
    folder.settle()
    return folder


def outcomes(folder: SimFolder, how: Loss, sector: int = 512) -> set[tuple[tuple[str, bytes], ...]]:
    """Give everything that a power cut of a kind may leave, as far as many tries show it."""
    return {
        tuple(sorted(folder.after_loss(how, random.Random(seed), sector).items()))
        for seed in range(500)
    }


def test_what_is_not_synced_may_be_lost_and_what_is_synced_may_not() -> None:
    """A sync is the only promise."""
    file = a_file(Write(0, b"new"), durable=b"old bytes")
    folder = a_folder(file)
    assert outcomes(folder, Loss.EVERYTHING) == {(("file", b"old bytes"),)}

    file.settle()
    for how in (Loss.EVERYTHING, Loss.SCATTERED, Loss.TORN):
        assert outcomes(folder, how) == {(("file", b"new bytes"),)}


def test_a_torn_change_is_cut_where_sectors_meet_and_nothing_after_it_is_kept() -> None:
    """Sectors are whole; what came before the cut is there."""
    new = b"a" * 512 + b"b" * 512
    folder = a_folder(a_file(Write(256, new), Cut(300), durable=bytes(2048)))

    kept = {dict(one)["file"] for one in outcomes(folder, Loss.TORN)}

    assert kept == {
        bytes(256) + new[:edge] + bytes(2048 - 256 - edge) for edge in (0, 256, 768, 1024)
    }
    assert len(outcomes(folder, Loss.TORN, sector=4096)) == 2


def test_scattered_sectors_are_kept_lost_zeroed_or_noise_and_their_neighbours_stay() -> None:
    """A disk may write in any order; what it was not asked to write stays as it was."""
    folder = a_folder(a_file(Write(512, b"n" * 1024), durable=b"o" * 512))

    kept = [dict(one)["file"] for one in outcomes(folder, Loss.SCATTERED)]

    assert all(one[:512] == b"o" * 512 for one in kept)
    ends = {one[512:] for one in kept}
    assert {b"", b"n" * 512, b"n" * 1024, bytes(512) + b"n" * 512} <= ends
    assert any(set(end) - set(b"n\0") for end in ends), "no noise was ever seen"


def test_a_name_waits_for_its_folder() -> None:
    """A new file may be gone, a deleted one back, and a renamed one under its old name."""
    folder = SimFolder({"gone": b"1", "target": b"2"})
    draft = a_file(Write(0, b"3"))
    draft.settle()
    folder.change(1, Naming({"draft": draft}))
    folder.change(2, Naming({"draft": None, "target": draft}))
    folder.change(3, Naming({"gone": None}))

    before = (("gone", b"1"), ("target", b"2"))
    assert outcomes(folder, Loss.EVERYTHING) == {before}
    assert outcomes(folder, Loss.TORN) == {
        before,
        (("draft", b"3"), *before),
        (("gone", b"1"), ("target", b"3")),
    }
    assert (("target", b"3"),) in outcomes(folder, Loss.SCATTERED)
    folder.settle()
    assert outcomes(folder, Loss.EVERYTHING) == {(("target", b"3"),)}


def test_what_a_failed_sync_gave_up_no_later_sync_brings_back() -> None:
    """The process sees it still; the disk never will."""
    file = a_file(Write(0, b"lost"))
    file.forget()
    file.change(9, Write(4, b"kept"))
    file.settle()

    assert outcomes(a_folder(file), Loss.NOTHING) == {(("file", bytes(4) + b"kept"),)}
    assert file.size == 8


def test_everything_that_is_written_is_remembered(folder: Path, real: Truth) -> None:
    """What is durable, with what waits, is byte for byte what is in the files."""
    disk, progress = SimDisk(folder), Progress()
    with disk.installed():
        play(disk, progress, real, at_most=len(BATCHES))
        remembered = disk.after_loss(random.Random(0), Loss.NOTHING)
        assert remembered == contents_of(folder)
        assert disk.size() == sum(len(content) for content in remembered.values())
        disk.kill(progress.store)


def test_every_access_is_counted(folder: Path, real: Truth) -> None:
    """Every kind of access is seen, and those that change something make up the count."""
    disk = SimDisk(folder)
    until_death(disk, Progress(), real)

    assert set(disk.counts) == set(Op)
    assert disk.io_count == sum(disk.counts[op] for op in CHANGING)
    assert disk.counts[Op.SYNC] > len(BATCHES)


def test_the_dead_leave_everything_as_it_was_and_the_lock_is_free(folder: Path) -> None:
    """Nothing is committed, folded or tidied up, and nothing of the dead can be used any more."""
    path = folder / JOURNAL
    disk = SimDisk(folder)
    with disk.installed():
        store = Store.open(path)
        store.commit(BATCHES[0])
        store.write(BATCHES[1])
        with pytest.raises(JournalLocked):
            Store.open(path)
        before = contents_of(folder)

        disk.kill(store)

        assert contents_of(folder) == before
        assert not is_held(path)
        for use in (store.open_visits, store.seal, lambda: store.commit(BATCHES[1])):
            with pytest.raises(JournalUnavailable):
                use()
        store.close()
        assert contents_of(folder) == before
        again = Store.open(path)
        assert [one.visit.visit_id for one in again.open_visits()] == [1]
        again.close()


def test_a_death_in_the_middle_of_an_access_ends_the_process_there(folder: Path) -> None:
    """Nothing catches it, and the access has not taken place."""
    disk = SimDisk(folder)
    with disk.installed():
        store = Store.open(folder / JOURNAL)
        before, last = contents_of(folder), disk.io_count
        disk.die_at(last + 1)
        with pytest.raises(Died):
            store.commit(BATCHES[0])
        with pytest.raises(Died):
            store.open_visits()
        disk.kill(store)

    assert contents_of(folder) == before
    assert disk.io_count == last + 1


def test_a_power_cut_leaves_files_that_the_next_start_finds(folder: Path) -> None:
    """What was acknowledged is there, what was only written is not, whatever else lies around."""
    path, note = folder / JOURNAL, folder / "note.txt"
    disk = SimDisk(folder)
    note.write_text("not the journal's")
    with disk.installed():
        store = Store.open(path)
        store.commit(BATCHES[0])
        store.write(BATCHES[2])
        disk.lose_power(random.Random(1), Loss.EVERYTHING)
        with pytest.raises(Died):
            store.seal()
        again = Store.open(path)
        assert [one.visit.visit_id for one in again.open_visits()] == [1]
        again.close()

    assert note.read_text() == "not the journal's"


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble.FULL, "the disk is full.*SQLITE_FULL: database or disk is full"),
        (Trouble.IO_ERROR, "failed to read or write.*SQLITE_IOERR_WRITE: disk I/O error"),
        (Trouble.READ_ONLY, "is read-only.*SQLITE_READONLY: attempt to write a readonly database"),
        (Trouble.SYNC_FAILS, "failed to read or write.*SQLITE_IOERR_FSYNC: disk I/O error"),
    ],
)
def test_each_trouble_is_told_as_the_real_one_is(
    folder: Path, trouble: Trouble, words: str
) -> None:
    """The operator reads the same words; a disk that was mended serves the next start."""
    disk = SimDisk(folder)
    with disk.installed():
        store = Store.open(folder / JOURNAL)
        disk.break_down(trouble)
        with pytest.raises(JournalUnavailable, match=words):
            store.commit(BATCHES[0])
        store.close()
        disk.heal()
        again = Store.open(folder / JOURNAL)
        assert again.commit(BATCHES[0]) == [None]
        again.close()


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble.FULL, "the disk is full.*No space left"),
        (Trouble.IO_ERROR, "failed to read or write.*Input/output"),
        (Trouble.READ_ONLY, "is read-only.*Read-only file system"),
    ],
)
def test_the_journals_own_files_suffer_too(folder: Path, trouble: Trouble, words: str) -> None:
    """The lock is the first thing that a start makes."""
    disk = SimDisk(folder)
    disk.break_down(trouble)
    with disk.installed(), pytest.raises(JournalUnavailable, match=words):
        Store.open(folder / JOURNAL)


def test_slow_syncs_are_reported_and_waited_for_by_nobody(folder: Path) -> None:
    """Whoever keeps the time of a simulation hears how long each took, and of which file."""
    heard: list[tuple[str, float]] = []
    disk = SimDisk(folder)
    with disk.installed():
        store = Store.open(folder / JOURNAL)
        disk.slow_down(2.0, lambda name, seconds: heard.append((name, seconds)))
        store.commit(BATCHES[0])
        assert heard == [(f"{JOURNAL}-wal", 2.0)]
        store.close()

    assert {name for name, _ in heard} == {
        JOURNAL,
        f"{JOURNAL}-wal",
        f"{JOURNAL}.instance.new",
        ".",
    }


async def test_the_journal_of_the_loop_and_its_thread_runs_over_it(folder: Path) -> None:
    """A commit that another thread waits for is as good as any."""
    disk = SimDisk(folder)
    with disk.installed():
        journal = SqliteJournal.open(folder / JOURNAL)
        journal._is_quick = False
        for number in range(1, 6):
            await journal.write(an_entry(a_visit(number), records=(told(number),)))
        with JournalReader(folder / JOURNAL) as reader:
            assert reader.verify_chain() is None
        await journal.aclose()

    assert journal.commits == 5


def test_two_disks_and_the_machines_own_do_not_meet(folder: Path, again: Path, place: Path) -> None:
    """Each folder has its own disk; every other one is the machine's."""
    first, second = SimDisk(folder), SimDisk(again)
    with first.installed(), second.installed():
        stores = [Store.open(where / JOURNAL) for where in (folder, again, place)]
        counts = (first.io_count, second.io_count)
        first.break_down(Trouble.FULL)
        with pytest.raises(JournalUnavailable, match="full"):
            stores[0].commit(BATCHES[0])
        stores[1].commit(BATCHES[0])
        stores[2].commit(BATCHES[0])
        assert first.io_count > counts[0]
        assert second.io_count > counts[1]
        for store in stores:
            store.close()

    assert marker.__dict__["os"] is os
    with closing(opening.connect(place / JOURNAL)) as connection:
        assert isinstance(connection, sqlite3.Connection)
