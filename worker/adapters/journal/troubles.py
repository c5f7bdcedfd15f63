"""What went wrong with the file, in the operator's words."""

import errno
import sqlite3
from pathlib import Path
from typing import Final

from worker.domain.errors import JournalUnavailable

NOTHING_STARTS: Final = "No side effect will be started; what was acknowledged is kept."

_FULL: Final = (
    "the disk is full",
    "Make room, then start the worker again; it resumes where it stopped.",
)
_IO: Final = (
    "the disk failed to read or write (a quota, a limit on file sizes or a failing disk)",
    "Check the disk and the system's log, then start the worker again.",
)
_READONLY: Final = (
    "the file or its directory is read-only",
    "Make both writable for the worker's user, then start the worker again.",
)
_CORRUPT: Final = (
    "the file is damaged",
    "Keep the file for inspection and restore a backup; do not delete it just to start again.",
)
_NOT_A_JOURNAL: Final = (
    "the file is not a journal",
    "Check the configured path, or restore the journal from a backup.",
)
_BUSY: Final = (
    "another program keeps the file locked",
    "Find it (`fuser PATH`), stop it, then start the worker again.",
)
_CANNOT_OPEN: Final = (
    "the file can not be opened",
    "Check that the path and its directory exist and belong to the worker's user.",
)
_OTHER: Final = ("it does not work", "Keep the file and look at the cause before starting again.")

_BY_CODE: Final = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _IO,
    sqlite3.SQLITE_READONLY: _READONLY,
    sqlite3.SQLITE_PERM: _READONLY,
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _NOT_A_JOURNAL,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_CANTOPEN: _CANNOT_OPEN,
}
_BY_ERRNO: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _IO,
    errno.EIO: _IO,
    errno.EROFS: _READONLY,
    errno.EACCES: _READONLY,
    errno.EPERM: _READONLY,
    errno.ENOENT: _CANNOT_OPEN,
    errno.ENOTDIR: _CANNOT_OPEN,
}


def trouble(path: Path, error: Exception) -> JournalUnavailable:
    """Say what a failure means to the writer: what happened, what follows, what to do."""
    cause, remedy = _cause(error)
    return refusal(path, cause, remedy)


def refusal(path: Path, cause: str, remedy: str) -> JournalUnavailable:
    """Say why the journal can not be trusted, and what to do."""
    return JournalUnavailable(f"journal {path}: {cause}. {NOTHING_STARTS} {remedy}")


def out_of_reach(path: Path, error: OSError) -> JournalUnavailable:
    """Say that nobody can tell whether there is a journal, so none is begun either."""
    cause = f"its directory {path.parent} can not be looked into ({error.strerror})"
    remedy = _CANNOT_OPEN[1]
    if error.errno in {errno.EACCES, errno.EPERM}:
        remedy = (
            "Run it as the worker's user (sudo -u USER paysera-worker run), or let this one in."
        )
    return refusal(path, cause, remedy)


def unreadable(path: Path, error: Exception) -> JournalUnavailable:
    """Say what a failure means to a reader."""
    cause, _ = _cause(error)
    return JournalUnavailable(f"journal {path}: {cause}.")


def _cause(error: Exception) -> tuple[str, str]:
    """Tell the cause and the remedy of a failure."""
    cause, remedy = _OTHER
    if isinstance(error, sqlite3.Error):
        # The low byte is the family; the rest says which call of the system failed.
        code = getattr(error, "sqlite_errorcode", None)
        cause, remedy = _BY_CODE.get(code & 0xFF, _OTHER) if code is not None else _OTHER
    elif isinstance(error, OSError):
        cause, remedy = _BY_ERRNO.get(error.errno or 0, _OTHER)
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return f"{cause} ({name}: {error})", remedy
