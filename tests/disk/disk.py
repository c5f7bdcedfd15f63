"""A disk for the journal that fills, fails, lies, and forgets what was not synced.

    disk = SimDisk(folder)
    with disk.installed():
        store = Store.open(folder / "journal.db")
        store.commit(batch)
        disk.kill(store)            # the process died: nothing is committed, folded or tidied up
        disk.lose_power(dice)       # what was not synced is lost, wholly, in part or not at all
        store = Store.open(folder / "journal.db")

The journal's own code runs over it unchanged; its files are real ones in the folder. Keep the disk
installed for as long as a journal on it is open, as closing one writes its marker. Several disks
may be installed at once, each with a folder of its own.
"""

import contextlib
import random
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.disk.connection import DiskConnection
from tests.disk.files import SECTOR, Loss
from tests.disk.medium import TOUCHED, Breakdown, Medium, Op, Trouble, is_honest
from tests.disk.system import DiskSystem
from worker.adapters.journal import lock, marker, opening, reader
from worker.adapters.journal.store import Store

SHARED_INDEX = "-shm"
"""The end of the name of SQLite's shared index, which a restart of the machine empties."""


class SimDisk:
    """One folder on a disk of its own. What lies in it at the beginning is durable."""

    def __init__(self, folder: Path, *, room: int | None = None) -> None:
        self.folder = folder.absolute()
        self._medium = Medium(contents_of(self.folder))
        self._medium.room = room
        self._systems: list[DiskSystem] = []
        self._connections: weakref.WeakSet[DiskConnection] = weakref.WeakSet()

    @property
    def io_count(self) -> int:
        """How many accesses were made that change something, syncs and opens among them."""
        return self._medium.io_count

    @property
    def counts(self) -> Mapping[Op, int]:
        """How many accesses of each kind were made, reads too."""
        return self._medium.counts

    @property
    def struck(self) -> int:
        """How many accesses failed by a breakdown."""
        return self._medium.struck

    @contextlib.contextmanager
    def installed(self) -> Iterator["SimDisk"]:
        """Let every journal in the folder be opened over this disk."""
        with contextlib.ExitStack() as stack:
            for module in (opening, reader):
                stack.enter_context(patch.object(module, "connect", self._connect(module.connect)))
            system = DiskSystem(self._medium, self.folder, vars(marker)["os"])
            self._systems.append(system)
            stack.callback(self._systems.remove, system)
            for own in (lock, marker, opening):
                stack.enter_context(patch.object(own, "os", system))
            yield self

    def die_at(self, io_count: int) -> None:
        """Let the process die right before that access takes effect: `Died` is raised there."""
        self._medium.dies_at = io_count

    def kill(self, store: Store | None = None) -> None:
        """Let the process die now. Afterwards its store refuses everything, and closing it is idle.

        Nothing is committed, checkpointed or tidied up; the lock goes as it does with a process.
        """
        self._medium.life += 1
        self._medium.dies_at = None
        for connection in list(self._connections):
            connection.close()
        for system in self._systems:
            system.close_all()
        if store is not None:
            store._broken = "the process that had it open died"
            store._is_closed = True

    def lose_power(self, dice: random.Random, how: Loss | None = None) -> None:
        """Let the machine lose its power: the process dies, and what was not synced is at risk."""
        self.kill()
        contents = self.after_loss(dice, how or dice.choice(list(Loss)))
        for name in self._medium.folder.names() - contents.keys():
            (self.folder / name).unlink(missing_ok=True)
        lay_out(self.folder, contents)
        self._medium.restart(contents)

    def after_loss(self, dice: random.Random, how: Loss, sector: int = SECTOR) -> dict[str, bytes]:
        """Give the files that would be found if the power went now, and change nothing."""
        return self._medium.folder.after_loss(how, dice, sector)

    def break_down(
        self,
        trouble: Trouble,
        *,
        on: frozenset[Op] | None = None,
        after: int = 0,
        is_lasting: bool = True,
    ) -> None:
        """Fail from the next access on, or only once, or after some more that pass; until healed.

        `on` narrows the accesses that fail to fewer kinds than the trouble would touch.
        """
        ops = TOUCHED[trouble] if on is None else TOUCHED[trouble] & on
        self._medium.breakdown = Breakdown(trouble, ops, after, is_lasting)

    def fill_up(self, room: int | None) -> None:
        """Say how many bytes the files may have together; None: enough for all."""
        self._medium.room = room

    def heal(self) -> None:
        """Work well again, with room enough. What was given up meanwhile stays given up."""
        self._medium.breakdown = None
        self._medium.room = None
        self._medium.lies_about = is_honest

    def lie(self, about: Callable[[str], bool] = lambda _: True) -> None:
        """Say of every sync of such files that it worked, and do nothing."""
        self._medium.lies_about = about

    def slow_down(self, seconds: float, on_slow_sync: Callable[[str, float], None]) -> None:
        """Report every sync as slow, with its file's name; nothing waits here."""
        self._medium.sync_takes_s, self._medium.on_slow_sync = seconds, on_slow_sync

    def size(self) -> int:
        """Tell how many bytes the files have together."""
        return sum(file.size for file in self._medium.folder.now.values())

    def _connect(self, elsewhere: Callable[..., Any]) -> Callable[..., Any]:
        def connect(path: Path, *, may_write: bool = True) -> Any:
            if path.absolute().parent != self.folder:
                return elsewhere(path, may_write=may_write)
            connection = DiskConnection(self._medium, path, may_write=may_write)
            self._connections.add(connection)
            return connection

        return connect


def contents_of(folder: Path) -> dict[str, bytes]:
    """Read the files of a folder as they are."""
    return {
        file.name: file.read_bytes()
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.name.endswith(SHARED_INDEX)
    }


def lay_out(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Put files into a folder as a machine finds them when it starts: without a shared index."""
    for file in folder.glob(f"*{SHARED_INDEX}"):
        file.unlink()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
