"""The journal's own way to the disk: what it asks of the operating system by itself.

The marker beside the journal, the lock and the first making of the file go through `os`, not
through SQLite. This stands in for `os` in those three modules and passes on whatever is not about
the disk's folder.
"""

import errno
import os
from pathlib import Path
from typing import Any

from tests.disk.medium import FOLDER, Medium, Op, Refused, Trouble

ERRORS = {
    Trouble.FULL: errno.ENOSPC,
    Trouble.IO_ERROR: errno.EIO,
    Trouble.READ_ONLY: errno.EROFS,
    Trouble.SYNC_FAILS: errno.EIO,
}


def os_error(trouble: Trouble, path: str) -> OSError:
    """Give the system's error for a trouble."""
    number = ERRORS[trouble]
    return OSError(number, os.strerror(number), path)


class DiskSystem:
    """`os`, as far as the folder goes; `inner` is what stands there for everything else."""

    def __init__(self, medium: Medium, folder: Path, inner: Any) -> None:
        self._medium = medium
        self._folder = folder
        self._inner = inner
        self._opened: dict[int, tuple[str, int]] = {}
        """The name and the process behind each descriptor; the folder has a name of its own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        """Open a file of the folder, or the folder itself to sync it."""
        where = Path(path).absolute()
        if self._folder not in (where, where.parent):
            return int(self._inner.open(path, flags, mode))
        name = FOLDER if where == self._folder else where.name
        makes = bool(flags & os.O_CREAT) and name not in self._medium.folder.now
        life = self._medium.life
        self._meet(Op.OPEN, name, life, makes=makes)
        descriptor = os.open(path, flags, mode)
        self._opened[descriptor] = (name, life)
        if makes:
            self._medium.make(name)
        elif flags & os.O_TRUNC:
            self._medium.cut(self._medium.folder.now[name], 0)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        """Write on where the last write ended, as much as there is room for."""
        if descriptor not in self._opened:
            return int(self._inner.write(descriptor, data))
        return self._write(descriptor, data, os.lseek(descriptor, 0, os.SEEK_CUR), moves=True)

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        """Write at a place, as much as there is room for."""
        if descriptor not in self._opened:
            return int(self._inner.pwrite(descriptor, data, offset))
        return self._write(descriptor, data, offset, moves=False)

    def ftruncate(self, descriptor: int, size: int) -> None:
        """Cut a file."""
        if descriptor not in self._opened:
            self._inner.ftruncate(descriptor, size)
            return
        name, life = self._opened[descriptor]
        self._meet(Op.TRUNCATE, name, life)
        os.ftruncate(descriptor, size)
        self._medium.cut(self._medium.folder.now[name], size)

    def fsync(self, descriptor: int) -> None:
        """Make a file or the names in the folder durable."""
        if descriptor not in self._opened:
            self._inner.fsync(descriptor)
            return
        name, life = self._opened[descriptor]
        try:
            if name == FOLDER:
                self._medium.sync_names(life)
            else:
                self._medium.sync(self._medium.folder.now[name], name, life)
        except Refused as refused:
            raise os_error(refused.trouble, name) from None

    def close(self, descriptor: int) -> None:
        """Close a file. The dead may do so too."""
        if self._opened.pop(descriptor, None) is None:
            self._inner.close(descriptor)
        else:
            os.close(descriptor)

    def close_all(self) -> None:
        """Close what a dead process leaves open; the system does it for it, and the lock goes."""
        while self._opened:
            self.close(next(iter(self._opened)))

    def replace(self, old: Path, new: Path) -> None:
        """Put a file in the place of another."""
        if Path(new).absolute().parent != self._folder:
            self._inner.replace(old, new)
            return
        self._meet(Op.RENAME, new.name, self._medium.life)
        old.replace(new)
        self._medium.rename(old.name, new.name)

    def _write(self, descriptor: int, data: bytes, offset: int, *, moves: bool) -> int:
        name, life = self._opened[descriptor]
        self._meet(Op.WRITE, name, life)
        file = self._medium.folder.now[name]
        fits = self._medium.fits(file, offset, len(data))
        if data and not fits:
            raise os_error(Trouble.FULL, name)
        os.pwrite(descriptor, data[:fits], offset)
        if moves:
            os.lseek(descriptor, offset + fits, os.SEEK_SET)
        self._medium.write(file, offset, data[:fits])
        return fits

    def _meet(self, op: Op, name: str, life: int, *, makes: bool = False) -> None:
        try:
            self._medium.meet(op, life, makes=makes)
        except Refused as refused:
            raise os_error(refused.trouble, name) from None
