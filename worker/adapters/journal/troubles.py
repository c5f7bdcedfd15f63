"""What went wrong with the file, in the operator's words."""

import errno
import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from worker.domain.errors import JournalUnavailable

NOTHING_STARTS: Final = "No side effect will be started; what was acknowledged is kept."


class _Cause(NamedTuple):
    """What happened, in the operator's words, and what to do about it."""

    what: str
    remedy: str
    is_passing: bool = False
    """Once the remedy is done, the journal is as good as ever."""


_FULL: Final = _Cause("the disk is full", "Make room", is_passing=True)
_IO: Final = _Cause(
    "the disk failed to read or write (a quota, a limit on file sizes or a failing disk)",
    "Check the disk and the system's log",
    is_passing=True,
)
_READONLY: Final = _Cause(
    "the file or its directory is read-only",
    "Make both writable for the worker's user",
    is_passing=True,
)
_CORRUPT: Final = _Cause(
    "the file is damaged",
    "Keep the file for inspection and restore a backup; do not delete it just to start again",
)
_NOT_A_JOURNAL: Final = _Cause(
    "the file is not a journal",
    "Check the configured path, or restore the journal from a backup",
)
_BUSY: Final = _Cause(
    "another program keeps the file locked", "Find it (`fuser PATH`) and stop it", is_passing=True
)
_CANNOT_OPEN: Final = _Cause(
    "the file can not be opened",
    "Check that the path and its directory exist and belong to the worker's user",
)
_OTHER: Final = _Cause(
    "it does not work", "Keep the file and look at the cause before starting again"
)

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
_BY_EXTENDED_CODE: Final = {sqlite3.SQLITE_IOERR_SHMSIZE: _FULL}
"""Where the family says less: the file that readers share could not be made as long as it has to
be."""
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
    cause, said = _cause(error)
    then = ", then start the worker again; it resumes where it stopped" * cause.is_passing
    return refusal(path, said, f"{_remedy(cause, path)}{then}.")


def refusal(path: Path, cause: str, remedy: str) -> JournalUnavailable:
    """Say why the journal can not be trusted, and what to do."""
    return JournalUnavailable(f"journal {path}: {cause}. {NOTHING_STARTS} {remedy}")


def out_of_reach(path: Path, error: OSError) -> JournalUnavailable:
    """Say that nobody can tell whether there is a journal, so none is begun either."""
    cause = f"its directory {path.parent} can not be looked into ({error.strerror})"
    remedy = f"{_CANNOT_OPEN.remedy}."
    if error.errno in {errno.EACCES, errno.EPERM}:
        remedy = (
            "Run it as the worker's user (sudo -u USER paysera-worker run), or let this one in."
        )
    return refusal(path, cause, remedy)


def unreadable(path: Path, error: Exception) -> JournalUnavailable:
    """Say what a failure means to a reader."""
    cause, said = _cause(error)
    return JournalUnavailable(f"journal {path}: {said}. {_remedy(cause, path)}.")


def _remedy(cause: _Cause, path: Path) -> str:
    return cause.remedy.replace("PATH", str(path))


def _cause(error: Exception) -> tuple[_Cause, str]:
    """Tell the cause of a failure, and say it together with the failure's own words."""
    cause = _OTHER
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None:
            # The low byte is the family; the rest says which call of the system failed.
            family = _BY_CODE.get(code & 0xFF, _OTHER)
            cause = _BY_EXTENDED_CODE.get(code, family)
    elif isinstance(error, OSError):
        cause = _BY_ERRNO.get(error.errno or 0, _OTHER)
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return cause, f"{cause.what} ({name}: {error})"
