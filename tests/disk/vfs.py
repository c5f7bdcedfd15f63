"""SQLite's way to the disk: its own unix files, each access of which the medium hears of first.

Reads, locks and the shared index of the log go to the real files as ever. Syncs do not: what is
durable is only decided by the medium, which also makes them quick. The shared index is no part of
the medium, as SQLite keeps nothing in it that it could not make again from the log.
"""

import contextlib
import itertools
from collections.abc import Callable
from pathlib import PurePath
from types import TracebackType
from typing import Any

import apsw

from tests.disk.files import SimFile
from tests.disk.medium import Died, Medium, Op, Refused, Trouble

WORDS = {
    apsw.SQLITE_FULL: "database or disk is full",
    apsw.SQLITE_IOERR: "disk I/O error",
    apsw.SQLITE_READONLY: "attempt to write a readonly database",
    apsw.SQLITE_CANTOPEN: "unable to open database file",
}
"""What SQLite says of each; an error that comes from here carries no words of its own."""

IO_CODES = {
    Op.READ: apsw.SQLITE_IOERR_READ,
    Op.WRITE: apsw.SQLITE_IOERR_WRITE,
    Op.TRUNCATE: apsw.SQLITE_IOERR_TRUNCATE,
    Op.SYNC: apsw.SQLITE_IOERR_FSYNC,
    Op.DELETE: apsw.SQLITE_IOERR_DELETE,
    Op.SYNC_NAMES: apsw.SQLITE_IOERR_DIR_FSYNC,
}
MAKES_NAMES_DURABLE = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
"""The files at whose first sync SQLite's unix files sync the folder as well."""

_numbers = itertools.count(1)


def failure(code: int) -> apsw.Error:
    """Give the error that makes SQLite see this code."""
    error = apsw.exception_for(code)
    assert isinstance(error, apsw.Error)
    error.args = (WORDS[code & 0xFF],)
    return error


def code_of(refused: Refused) -> int:
    """Tell what SQLite calls a refusal."""
    if refused.op is Op.OPEN:
        return apsw.SQLITE_CANTOPEN
    if refused.trouble is Trouble.FULL:
        return apsw.SQLITE_FULL
    if refused.trouble is Trouble.READ_ONLY and refused.op is not Op.DELETE:
        return apsw.SQLITE_READONLY
    return IO_CODES[refused.op]


def told(asked: Callable[[], None]) -> None:
    """Ask the medium, and turn what it says into what SQLite understands.

    A death becomes an error too, so that SQLite lets go in good order, and the connection tells its
    user afterwards. Whatever SQLite still does for the dead changes nothing any more.
    """
    try:
        asked()
    except Refused as refused:
        raise failure(code_of(refused)) from None
    except Died:
        raise failure(apsw.SQLITE_IOERR) from None


class DiskFile(apsw.VFSFile):
    """One of SQLite's files on the disk."""

    def __init__(
        self,
        medium: Medium,
        life: int,
        name: str,
        path: apsw.URIFilename | str,
        flags: list[int],
    ) -> None:
        self._medium = medium
        self._life = life
        self._name = name
        may_make = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        self._are_names_due = may_make and bool(flags[0] & MAKES_NAMES_DURABLE)
        makes = may_make and name not in medium.folder.now
        told(lambda: medium.meet(Op.OPEN, life, makes=makes))
        super().__init__("unix", path, flags)
        self._file: SimFile = medium.make(name) if makes else medium.folder.now[name]

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - apsw calls it by this name
        if self._life == self._medium.life:
            told(lambda: self._medium.meet(Op.READ, self._life))
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - apsw calls it by this name
        if self._life != self._medium.life:
            return
        told(lambda: self._medium.meet(Op.WRITE, self._life))
        kept = bytes(data)
        fits = self._medium.fits(self._file, offset, len(kept))
        super().xWrite(kept[:fits], offset)
        self._medium.write(self._file, offset, kept[:fits])
        if fits < len(kept):
            raise failure(apsw.SQLITE_FULL)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - apsw calls it by this name
        if self._life != self._medium.life:
            return
        told(lambda: self._medium.meet(Op.TRUNCATE, self._life))
        super().xTruncate(newsize)
        self._medium.cut(self._file, newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw calls it by this name
        if self._life != self._medium.life:
            return
        told(lambda: self._medium.sync(self._file, self._name, self._life))
        if self._are_names_due:
            self._are_names_due = False
            told(self._sync_names_unasked)

    def _sync_names_unasked(self) -> None:
        """Sync the folder with a new file; SQLite does not look whether that worked."""
        with contextlib.suppress(Refused):
            self._medium.sync_names(self._life)

    def excepthook(
        self,
        etype: type[BaseException] | None,
        evalue: BaseException | None,
        etraceback: TracebackType | None,
    ) -> bool:
        """Hear of an error that nobody else hears of; ordered ones need no second telling."""
        return isinstance(evalue, apsw.Error)


class DiskVfs(apsw.VFS):
    """SQLite's view of the folder, for one connection of one process."""

    def __init__(self, medium: Medium) -> None:
        self.name = f"simulated-disk-{next(_numbers)}"
        self._medium = medium
        self._life = medium.life
        super().__init__(self.name, "unix")

    def xOpen(  # noqa: N802 - apsw calls it by this name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        assert name is not None, "the journal keeps what is temporary in memory"
        path = name if isinstance(name, str) else name.filename()
        return DiskFile(self._medium, self._life, PurePath(path).name, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - apsw calls it by this name
        if self._life != self._medium.life:
            return
        told(lambda: self._medium.meet(Op.DELETE, self._life))
        super().xDelete(filename, False)
        self._medium.delete(PurePath(filename).name)
        if syncdir:
            told(lambda: self._medium.sync_names(self._life))

    def excepthook(
        self,
        etype: type[BaseException] | None,
        evalue: BaseException | None,
        etraceback: TracebackType | None,
    ) -> bool:
        """Hear of an error that nobody else hears of; ordered ones need no second telling."""
        return isinstance(evalue, apsw.Error)
