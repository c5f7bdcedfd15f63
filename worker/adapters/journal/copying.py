"""A copy of the journal, made while the worker runs, and read again before it gets its name."""

import contextlib
import os
import sqlite3
from pathlib import Path

from worker.adapters.journal import chain
from worker.adapters.journal.marker import sync_directory
from worker.domain.errors import JournalUnavailable


class CopyRefused(Exception):
    """The copy is not made; the text says what to do."""


def copy_journal(source: sqlite3.Connection, journal: Path, target: Path) -> tuple[int, int]:
    """Copy the journal to a file that does not exist yet; give its visits and story lines.

    One read transaction is copied (sqlite.org/backup.html), into one file that needs no log beside
    it. It is checked page by page and line by line before it gets its name.

    Raises:
        CopyRefused: the file exists, or can not be written.
        JournalUnavailable: what was copied does not hold together.

    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    if os.path.lexists(target):
        raise CopyRefused(f"Choose another name: {target} exists, and nothing is overwritten.")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        try:
            with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                counts = _check(copy, journal)
            _sync(draft)
            os.link(draft, target, follow_symlinks=False)  # Unlike a rename it never overwrites.
            sync_directory(target.parent)
        finally:
            for name in (draft, f"{draft}-journal", f"{draft}-wal", f"{draft}-shm"):
                with contextlib.suppress(OSError):
                    os.unlink(name)  # noqa: PTH108 - beside the other calls to the system
    except FileExistsError as error:
        raise CopyRefused(f"Choose another name: {target} exists.") from error
    except (OSError, sqlite3.Error) as error:
        raise CopyRefused(
            f"Make room or choose another place: {target} can not be written ({error})."
        ) from error
    return counts


def _check(copy: sqlite3.Connection, journal: Path) -> tuple[int, int]:
    (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    tail, broken = chain.verify(copy)
    if found != "ok" or broken is not None:
        why = found if found != "ok" else f"the story does not follow at line {broken}"
        raise JournalUnavailable(
            f"journal {journal}: its copy does not hold together ({why}), so none was kept. "
            "Look at it: paysera-worker doctor"
        )
    (visits,) = copy.execute("SELECT count(*) FROM visit").fetchone()
    return int(visits), tail.seq


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
