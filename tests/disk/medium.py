"""The disk as such: every access is counted, may fail, may be the last, and is remembered.

Nothing here knows SQLite. Its two users translate: `vfs` for SQLite's calls, `system` for the
journal's own.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.disk.files import Cut, Naming, SimFile, SimFolder, Write


class Op(StrEnum):
    """What can be asked of a disk."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    DELETE = "delete"
    RENAME = "rename"
    SYNC_NAMES = "sync names"


CHANGING = frozenset(Op) - {Op.READ}
"""What is counted as a point at which to die: dying before a read is dying before what follows."""


class Trouble(StrEnum):
    """A way in which a disk breaks down."""

    FULL = "full"
    IO_ERROR = "i/o error"
    READ_ONLY = "read-only"
    SYNC_FAILS = "sync fails"


TOUCHED = {
    Trouble.FULL: frozenset({Op.OPEN, Op.WRITE}),
    Trouble.IO_ERROR: frozenset(Op),
    Trouble.READ_ONLY: frozenset({Op.OPEN, Op.WRITE, Op.TRUNCATE, Op.DELETE, Op.RENAME}),
    Trouble.SYNC_FAILS: frozenset({Op.SYNC, Op.SYNC_NAMES}),
}
"""What each trouble makes fail. Opening means making a file, but for an I/O error."""


FOLDER = "."
"""The name of the folder itself, where a file's name is asked for."""


def is_honest(name: str) -> bool:
    """Tell that a disk lies about no file."""
    del name
    return False


class Died(BaseException):
    """The process ended here. Not an error: nothing of the process may catch it and go on."""


class Refused(Exception):
    """The disk says no."""

    def __init__(self, trouble: Trouble, op: Op) -> None:
        super().__init__(f"{op.value}: {trouble.value}")
        self.trouble = trouble
        self.op = op


@dataclass(slots=True)
class Breakdown:
    """A trouble that is ordered."""

    trouble: Trouble
    ops: frozenset[Op]
    passes: int
    """How many accesses still pass."""
    is_lasting: bool

    def strikes(self, op: Op, *, makes: bool) -> bool:
        """Tell whether an access fails by it; it counts those that pass."""
        if op not in self.ops:
            return False
        if op is Op.OPEN and not makes and self.trouble is not Trouble.IO_ERROR:
            return False
        self.passes -= 1
        return self.passes < 0 if self.is_lasting else self.passes == -1


class Medium:
    """A disk with one folder, and the process that uses it."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.folder = SimFolder(contents)
        self.counts: Counter[Op] = Counter()
        self.io_count = 0
        self.life = 0
        """Which process uses the disk now; what belongs to an earlier one reaches it no more."""
        self.dies_at: int | None = None
        self.breakdown: Breakdown | None = None
        self.struck = 0
        """How many accesses failed."""
        self.room: int | None = None
        """How many bytes all files may have together; None: enough."""
        self.lies_about: Callable[[str], bool] = is_honest
        """Of which files a sync says that it worked and does nothing."""
        self.sync_takes_s = 0.0
        self.on_slow_sync: Callable[[str, float], None] | None = None
        self._moment = 0

    def meet(self, op: Op, life: int, *, makes: bool = False) -> None:
        """Let an access pass, or not.

        Raises:
            Died: the process that asks is dead, or dies of this.
            Refused: the disk says no.

        """
        if life != self.life:
            raise Died
        self.counts[op] += 1
        if op in CHANGING:
            self.io_count += 1
            if self.io_count == self.dies_at:
                self.life += 1
                raise Died
        if self.breakdown and self.breakdown.strikes(op, makes=makes):
            self.struck += 1
            raise Refused(self.breakdown.trouble, op)

    def fits(self, file: SimFile, offset: int, size: int) -> int:
        """Tell how many of the bytes that are to be written at a place there is room for."""
        if self.room is None:
            return size
        used = sum(one.size for one in self.folder.now.values())
        room = max(0, file.size - offset) + max(0, self.room - used)
        self.struck += room < size
        return min(size, room)

    def write(self, file: SimFile, offset: int, data: bytes) -> None:
        """Remember bytes that were written."""
        file.change(self._now(), Write(offset, data))

    def cut(self, file: SimFile, size: int) -> None:
        """Remember that a file was cut."""
        file.change(self._now(), Cut(size))

    def make(self, name: str) -> SimFile:
        """Remember a new file."""
        file = SimFile()
        self.folder.change(self._now(), Naming({name: file}))
        return file

    def delete(self, name: str) -> None:
        """Remember that a name was taken away."""
        self.folder.change(self._now(), Naming({name: None}))

    def rename(self, old: str, new: str) -> None:
        """Remember that a file took the place of another."""
        self.folder.change(self._now(), Naming({old: None, new: self.folder.now[old]}))

    def sync(self, file: SimFile, name: str, life: int) -> None:
        """Make a file's bytes durable, if the disk is honest.

        Raises:
            Died: see `meet`.
            Refused: it did not work, and what waited is given up.

        """
        try:
            self.meet(Op.SYNC, life)
        except Refused:
            file.forget()
            raise
        self._take_time(name)
        if not self.lies_about(name):
            file.settle()

    def sync_names(self, life: int) -> None:
        """Make the names in the folder durable, if the disk is honest."""
        self.meet(Op.SYNC_NAMES, life)
        self._take_time(FOLDER)
        if not self.lies_about(FOLDER):
            self.folder.settle()

    def restart(self, contents: dict[str, bytes]) -> None:
        """Begin again with what the disk is found to hold."""
        self.folder = SimFolder(contents)

    def _take_time(self, name: str) -> None:
        if self.on_slow_sync is not None and self.sync_takes_s:
            self.on_slow_sync(name, self.sync_takes_s)

    def _now(self) -> int:
        self._moment += 1
        return self._moment
