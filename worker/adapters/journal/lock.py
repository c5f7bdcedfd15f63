"""One worker per journal: an advisory lock on a file beside it, held for life."""

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final

from worker.adapters.journal import troubles
from worker.domain.errors import JournalLocked

TRIES: Final = 20
PAUSE_S: Final = 0.05
"""`status` and its like hold the lock for a moment, so a second is waited for."""


def lock_path(path: Path) -> Path:
    """Name the lock file of a journal."""
    return path.with_name(path.name + ".lock")


class Lock:
    """The held lock. The file stays when the lock goes: removing it would let two in."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, journal: Path) -> "Lock":
        """Take the lock of a journal.

        Raises:
            JournalLocked: another process holds it.
            JournalUnavailable: the lock file can not be made.

        """
        path = lock_path(journal)
        for again in range(TRIES):
            if again:
                time.sleep(PAUSE_S)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                raise troubles.trouble(journal, error) from error
            lock = cls(path, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Somebody may have removed the file between our open and our lock.
                if lock.is_in_place():
                    lock.sign()
                    return lock
                lock.release()
            except BlockingIOError:
                lock.release()
            except OSError as error:
                lock.release()
                raise troubles.trouble(journal, error) from error
        holder = holder_of(path)
        who = f"another worker (pid {holder})" if holder else "another worker"
        raise JournalLocked(
            f"{who} holds the journal {journal}: one journal serves one worker. "
            "Stop that one first, or give this one a journal of its own."
        )

    def is_in_place(self) -> bool:
        """Tell whether the file at the path is the one that is locked."""
        if self._descriptor is None:
            return False
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._descriptor))

    def sign(self) -> None:
        """Write who holds the lock, for the message that a second worker gives."""
        assert self._descriptor is not None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go. Twice does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def is_held(journal: Path) -> bool:
    """Tell whether a worker holds the journal now, by trying for an instant to share the lock."""
    try:
        descriptor = os.open(lock_path(journal), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder_of(path: Path) -> int | None:
    """Give the process that last signed a lock file."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None
