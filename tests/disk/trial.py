"""Plays the evening on a disk until something ends it, and judges what is found afterwards.

What must be found is not made up here: it is what an undisturbed evening leaves in a file of the
standard library's SQLite, batch by batch.
"""

import contextlib
import itertools
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.disk.disk import SimDisk, lay_out
from tests.disk.evening import BATCHES, REFUSED
from tests.disk.files import Loss
from tests.disk.medium import Died
from worker.adapters.journal import chain
from worker.adapters.journal.marker import read_marker
from worker.adapters.journal.store import Store
from worker.ports import OpenVisit

JOURNAL = "journal.db"
OFTEN = 8
"""The pages after which a short evening folds its log, so that it sees that happen."""
CONTENTS = (
    "SELECT * FROM visit ORDER BY visit_id",
    "SELECT * FROM known_key ORDER BY transaction_key",
    "SELECT * FROM intent ORDER BY intent_id",
    "SELECT * FROM event ORDER BY seq",
    "SELECT * FROM beat",
)

WAYS = (
    (Loss.NOTHING, 512),
    (Loss.EVERYTHING, 512),
    (Loss.SCATTERED, 512),
    (Loss.SCATTERED, 4096),
    (Loss.TORN, 512),
    (Loss.TORN, 4096),
)
"""What a power cut may do, and how much the disk writes whole or not at all."""

Contents = tuple[list[Any], ...]
Files = dict[str, bytes]


class Wrong(AssertionError):
    """The journal is not what it has to be."""


@contextlib.contextmanager
def said_of(where: str) -> Iterator[None]:
    """Say at which point something went wrong."""
    try:
        yield
    except Exception as error:
        raise Wrong(f"{where}: {error!r}") from error


@dataclass(slots=True)
class Truth:
    """What an undisturbed evening leaves after each number of batches."""

    contents: list[Contents] = field(default_factory=list)
    open_visits: list[tuple[OpenVisit, ...]] = field(default_factory=list)

    def number_of(self, found: Contents) -> int:
        """Tell after how many batches the journal looks like this."""
        assert found in self.contents, "what is found was never the journal's state"
        return self.contents.index(found)


def truth(folder: Path) -> Truth:
    """Play the evening with the standard library's SQLite and look after each batch."""
    real = Truth()
    path = folder / JOURNAL
    store = Store.open(path)
    for batch in ([], *BATCHES):
        store.commit(batch)
        real.open_visits.append(store.open_visits())
        real.contents.append(rows_of(store._connection))
    store.close()
    assert contents(path) == real.contents[-1]
    assert len({repr(one) for one in real.contents}) == len(BATCHES) + 1, "batches look alike"
    return real


def rows_of(connection: sqlite3.Connection) -> Contents:
    """Read all that a journal holds."""
    return tuple(connection.execute(question).fetchall() for question in CONTENTS)


def contents(path: Path) -> Contents:
    """Read all that a closed journal holds, with the standard library, and judge the file."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        damage = connection.execute("PRAGMA integrity_check").fetchall()
        assert damage == [("ok",)], f"the file is damaged: {damage}"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert chain.verify(connection)[1] is None, "the story does not hold together"
        return rows_of(connection)


@dataclass(slots=True)
class Progress:
    """How far an evening came, as its processes knew, one after the other."""

    instance: str | None = None
    """The journal's name, once opening it had told one."""
    begun: int = 0
    acknowledged: int = 0
    is_closed: bool = False
    was_hurt_unnoticed: bool = False
    """The disk had refused something, and the evening went on to its end."""
    store: Store | None = field(default=None, repr=False)
    """What the process that is alive now has open."""

    def judge(self, instance: str, found: int) -> None:
        """Compare what is found with what was acknowledged; a batch begun may be there or not."""
        assert self.instance in (None, instance), "the journal has another name"
        assert self.acknowledged <= found <= self.begun, f"{found} batches are found after {self}"


Prepare = Callable[[SimDisk, Store], object]
"""What is done to a disk or a journal each time that it was opened."""


def as_it_is(disk: SimDisk, store: Store) -> None:
    """Leave both as they are."""
    del disk, store


def fold_often(disk: SimDisk, store: Store) -> None:
    """Fold the log into the file every few pages, so that a short evening sees it happen."""
    del disk
    store._connection.execute(f"PRAGMA wal_autocheckpoint = {OFTEN}")


def play(
    disk: SimDisk,
    progress: Progress,
    real: Truth,
    prepare: Prepare = as_it_is,
    *,
    at_most: int | None = None,
) -> None:
    """Open the journal, find what must be there, and play what is left of the evening.

    With `at_most` so many batches, or fewer if none are left, and the journal stays open.
    """
    progress.store = None
    store = progress.store = Store.open(disk.folder / JOURNAL)
    found = real.number_of(rows_of(store._connection))
    progress.judge(store.instance, found)
    assert store.open_visits() == real.open_visits[found], "open visits or intents are not right"
    # What was found is acted on from here, so it is as good as acknowledged.
    progress.instance, progress.begun, progress.acknowledged = store.instance, found, found
    prepare(disk, store)
    until = None if at_most is None else found + at_most
    for number, batch in itertools.islice(enumerate(BATCHES), found, until):
        progress.begun += 1
        refusals = store.commit(batch)
        refused = [(number, place) for place, refusal in enumerate(refusals) if refusal]
        assert refused == [REFUSED] * (number == REFUSED[0])
        progress.acknowledged += 1
    progress.was_hurt_unnoticed = disk.struck > 0
    if at_most is None:
        store.close()
        progress.is_closed = True


def until_death(
    disk: SimDisk, progress: Progress, real: Truth, prepare: Prepare = as_it_is
) -> None:
    """Play until the process dies, if it does; without a death, until the journal is closed."""
    with disk.installed():
        with contextlib.suppress(Died):
            play(disk, progress, real, prepare)
        disk.kill(progress.store)


def found_in(folder: Path, files: Files) -> SimDisk:
    """Give a disk that holds these files and nothing else, all of them durable."""
    for file in folder.iterdir():
        file.unlink()
    lay_out(folder, files)
    return SimDisk(folder)


def every_death(
    folder: Path,
    real: Truth,
    *,
    prepare: Prepare = as_it_is,
    files: Files | None = None,
    progress: Progress | None = None,
    first: int = 1,
    step: int = 1,
) -> Iterator[tuple[int, SimDisk, Progress]]:
    """Play again and again, each time dying at a later access, until there is none to die at.

    Gives the number of the access, the disk as the dead left it, and how far it had come. The
    evening begins with these files and this progress; without them, with nothing.
    """
    for n in itertools.count(first, step):
        disk = found_in(folder, files or {})
        disk.die_at(n)
        come = replace(progress or Progress(), is_closed=False, store=None)
        until_death(disk, come, real, prepare)
        if come.is_closed:
            return
        yield n, disk, come


def cuts(disk: SimDisk, n: int) -> Iterator[tuple[str, Files]]:
    """Give every different outcome of a power cut at a point, and how it came about."""
    outcomes: list[Files] = []
    for how, sector in WAYS:
        left = disk.after_loss(random.Random(n * 10_007 + sector), how, sector)
        if left not in outcomes:
            outcomes.append(left)
            yield f"access {n}, {how.value}, sectors of {sector}", left


def check(
    folder: Path, files: Files, progress: Progress, real: Truth, *, holds: str = "visit"
) -> None:
    """Find these files on a disk, open the journal with all its checks, and judge what is there.

    `holds` names a table that has to have a row for each visit.
    """
    disk = found_in(folder, files)
    path = folder / JOURNAL
    with disk.installed():
        store = Store.open(path)
        seen, instance, generation = store.open_visits(), store.instance, store._generation
        rows = store._connection.execute(f"SELECT count(*) FROM {holds}").fetchone()
        store.close()
    found = real.number_of(contents(path))
    progress.judge(instance, found)
    assert seen == real.open_visits[found], "open visits or intents are not right"
    assert rows == (len(real.contents[found][0]),), f"{holds} is not filled"
    note = read_marker(path)
    assert note is not None
    assert (note.instance, note.generation) == (instance, generation + 1)
