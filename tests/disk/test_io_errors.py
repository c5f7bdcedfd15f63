"""An access to the disk fails, any of them, once or for good, and nothing acknowledged is lost.

What the worker is told is `JournalUnavailable`; from then on its journal refuses everything. A
start after the disk was mended goes on where it stopped.
"""

import contextlib
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.adapters.journal.builders import HALL
from tests.disk.disk import SimDisk
from tests.disk.evening import BATCHES, a_beat
from tests.disk.files import Loss
from tests.disk.medium import Died, Op, Trouble
from tests.disk.trial import (
    JOURNAL,
    Prepare,
    Progress,
    Truth,
    as_it_is,
    check,
    cuts,
    fold_often,
    found_in,
    play,
    said_of,
)
from worker.adapters.journal.store import Store
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import TransactionKey

Hurt = tuple[str, Callable[[SimDisk], object]]
"""What is done to a disk, and how to speak of it."""


@dataclass(frozen=True)
class Blow:
    """What fails."""

    trouble: Trouble
    op: Op
    is_lasting: bool = False

    def __str__(self) -> str:
        return f"{self.op.value}-{self.trouble.value}-{'lasting' if self.is_lasting else 'once'}"

    @property
    def step(self) -> int:
        """How many accesses to pass over; a write that fails for good need not tell its reason."""
        return 5 if self.is_lasting and self.op is Op.WRITE else 1

    def hurts(self) -> Iterator[Hurt]:
        """Give every way to strike: after so many accesses of its kind."""
        for after in itertools.count(0, self.step):
            strike = partial(
                SimDisk.break_down,
                trouble=self.trouble,
                on=frozenset({self.op}),
                after=after,
                is_lasting=self.is_lasting,
            )
            yield f"{self} after {after}", strike


ALL = [Op.OPEN, Op.READ, Op.WRITE, Op.TRUNCATE, Op.SYNC, Op.SYNC_NAMES, Op.DELETE, Op.RENAME]
ONCE = [Blow(Trouble.IO_ERROR, op) for op in ALL]
LASTING = [Blow(Trouble.IO_ERROR, op, is_lasting=True) for op in ALL if op is not Op.SYNC]
FULL = [Blow(Trouble.FULL, op, is_lasting=True) for op in (Op.OPEN, Op.WRITE)]
READ_ONLY = [
    Blow(Trouble.READ_ONLY, op, is_lasting=True)
    for op in (Op.OPEN, Op.WRITE, Op.TRUNCATE, Op.DELETE, Op.RENAME)
]


def refuses_everything(disk: SimDisk, store: Store) -> None:
    """See that a journal that failed once is never used again, whatever the disk says by now."""
    before = disk.io_count
    for use in (
        lambda: store.commit([a_beat(99)]),
        lambda: store.write(BATCHES[-1]),
        store.seal,
        store.open_visits,
        store.next_visit_id,
        lambda: store.claims_on_bill(HALL, "bill-1"),
        lambda: store.visit_of_key(TransactionKey("key-1")),
    ):
        with pytest.raises(JournalUnavailable):
            use()
    assert disk.io_count == before, "the disk was touched all the same"


def suffer(disk: SimDisk, real: Truth, prepare: Prepare, *, is_killed: bool = False) -> Progress:
    """Play until the disk fails; see what is told; let the process end, closing or killed."""
    progress = Progress()
    try:
        play(disk, progress, real, prepare)
    except JournalUnavailable:
        assert disk.struck, "nothing had failed"
        if progress.store is not None:
            refuses_everything(disk, progress.store)
    if is_killed:
        disk.kill(progress.store)
    elif progress.store is not None:
        progress.store.close()
    return progress


def go_on(disk: SimDisk, again: Path, progress: Progress, real: Truth) -> None:
    """Mend the disk, play some more of the evening on it, and cut the power in the middle."""
    disk.heal()
    play(disk, progress, real, at_most=2)
    left = disk.after_loss(random.Random(0), Loss.EVERYTHING)
    disk.kill(progress.store)
    check(again, left, progress, real)


def each(
    hurts: Iterable[Hurt],
    folder: Path,
    real: Truth,
    prepare: Prepare = as_it_is,
    *,
    is_killed: bool = False,
) -> Iterator[tuple[str, SimDisk, Progress]]:
    """Play an evening with each hurt, until there is one that hurts no more."""
    for where, hurt in hurts:
        disk = found_in(folder, {})
        hurt(disk)
        with disk.installed(), said_of(where):
            progress = suffer(disk, real, prepare, is_killed=is_killed)
            if not disk.struck:
                return
            yield where, disk, progress


@pytest.mark.parametrize("blow", [*ONCE, *LASTING, *FULL, *READ_ONLY], ids=str)
def test_any_access_may_fail_and_the_worker_is_told(
    folder: Path, again: Path, real: Truth, blow: Blow
) -> None:
    """No failure before the closing goes unnoticed, and none costs an acknowledged entry."""
    points = 0
    for where, disk, progress in each(blow.hurts(), folder, real):
        points += 1
        with said_of(where):
            assert not progress.was_hurt_unnoticed or blow.op is Op.SYNC_NAMES
            go_on(disk, again, progress, real)

    assert points > 0


@pytest.mark.parametrize("blow", ONCE, ids=str)
def test_any_access_may_fail_while_the_log_is_folded(
    folder: Path, again: Path, real: Truth, blow: Blow
) -> None:
    """SQLite hides what fails there. It does no harm: the log is whole, and folded again later."""
    points = hidden = 0
    for where, disk, progress in each(blow.hurts(), folder, real, fold_often):
        points += 1
        hidden += progress.was_hurt_unnoticed
        with said_of(where):
            go_on(disk, again, progress, real)

    assert points > 0
    if blow.op in (Op.WRITE, Op.SYNC, Op.READ):
        assert hidden > 0


@pytest.mark.parametrize("is_killed", [False, True], ids=["closed", "killed"])
def test_after_a_failed_sync_nothing_is_trusted_any_more(
    folder: Path, again: Path, real: Truth, is_killed: bool
) -> None:
    """Every use is refused from then on; closed or killed, no power cut finds anything missing."""
    told = 0
    blow = Blow(Trouble.SYNC_FAILS, Op.SYNC, is_lasting=True)
    for where, disk, progress in each(blow.hurts(), folder, real, is_killed=is_killed):
        with said_of(where):
            assert not progress.was_hurt_unnoticed
            told += progress.acknowledged < len(BATCHES)
            for _, left in cuts(disk, told):
                check(again, left, progress, real)

    assert told > len(BATCHES)


@pytest.mark.parametrize("is_killed", [False, True], ids=["closed", "killed"])
def test_a_start_after_a_failed_sync_builds_on_nothing_that_is_not_on_the_disk(
    folder: Path, again: Path, real: Truth, is_killed: bool
) -> None:
    """The machine went on meanwhile, so its memory still shows what the disk never got."""
    blow = Blow(Trouble.SYNC_FAILS, Op.SYNC, is_lasting=True)
    for where, disk, progress in each(blow.hurts(), folder, real, is_killed=is_killed):
        with said_of(where):
            go_on(disk, again, progress, real)


def test_a_power_cut_during_a_start_after_a_failed_sync_leaves_what_the_next_can_open(
    folder: Path, again: Path, real: Truth
) -> None:
    """Whatever the start does to be sure of the log may itself be cut at any access."""
    blow = Blow(Trouble.SYNC_FAILS, Op.SYNC, is_lasting=True)
    ((_, fail),) = itertools.islice(blow.hurts(), 22, 23)
    for n in itertools.count(1):
        disk = found_in(folder, {})
        fail(disk)
        with disk.installed():
            progress = suffer(disk, real, fold_often, is_killed=True)
            assert 0 < progress.acknowledged < len(BATCHES)
            disk.heal()
            disk.die_at(disk.io_count + n)
            is_over = False
            with contextlib.suppress(Died):
                play(disk, progress, real, fold_often, at_most=1)
                is_over = True
            disk.kill(progress.store)
        for where, left in cuts(disk, n):
            with said_of(where):
                check(again, left, progress, real)
        if is_over:
            break


def test_a_disk_that_fills_up_at_any_byte_costs_nothing_acknowledged(
    folder: Path, again: Path, real: Truth
) -> None:
    """There is room for so much and no more; when there is room again, the evening goes on."""
    points = 0
    hurts = (
        (f"room for {room}", partial(SimDisk.fill_up, room=room))
        for room in itertools.count(0, 2819)
    )
    for where, disk, progress in each(hurts, folder, real):
        points += 1
        with said_of(where):
            assert not progress.was_hurt_unnoticed
            go_on(disk, again, progress, real)

    assert points > 30


def test_a_disk_that_fills_up_within_the_marker_does_not_spoil_it(
    folder: Path, again: Path, real: Truth
) -> None:
    """The system may write less than it is asked to. Half a marker would block every start."""
    disk = found_in(folder, {})
    with disk.installed():
        store = Store.open(folder / JOURNAL)
        needed = disk.size()
        disk.kill(store)
    hurts = (
        (f"{missing} bytes too few", partial(SimDisk.fill_up, room=needed - missing))
        for missing in range(1, 60)
    )
    for where, disk, progress in each(hurts, folder, real):
        with said_of(where):
            go_on(disk, again, progress, real)
