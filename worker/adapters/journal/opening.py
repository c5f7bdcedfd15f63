"""How a journal is opened: every check before the first write, each step safe to die after."""

import contextlib
import os
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.adapters.journal import chain, schema, troubles
from worker.adapters.journal.lock import Lock
from worker.adapters.journal.marker import (
    Marker,
    check_identity,
    check_presence,
    read_marker,
    replace_file,
    sync_directory,
    write_marker,
)
from worker.adapters.journal.ownership import check_owner

BUSY_TIMEOUT_S: Final = 2.0
CHECKPOINT_PAGES: Final = 1000
LINES_VERIFIED: Final = 1000
"""How much of the story's end is read again at each start; a log that belongs to another copy of
the file shows there."""

_INSTANCE_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"

SET_MODE: Final = (
    "PRAGMA trusted_schema = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cell_size_check = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
)
FULL: Final = 2
"""What SQLite calls `synchronous = FULL` when asked."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal that passed every check."""

    connection: sqlite3.Connection
    lock: Lock
    instance: str
    generation: int
    tail: chain.Tail


def open_journal(path: Path) -> Opened:
    """Open the journal, or begin one where none was.

    Raises:
        JournalLocked: another worker holds it.
        JournalUnavailable: it can not be trusted or written; the message says what to do.

    """
    try:
        check_directory(path)
        check_owner(path)
    except OSError as error:
        raise troubles.out_of_reach(path, error) from error
    lock = Lock.take(path)
    connection = None
    try:
        marker = read_marker(path)
        check_presence(path, marker)
        make_file(path)
        if marker is None:
            take_back_first_start(path)
        version, tail = inspect(path, marker)
        make_log_durable(path)
        connection = connect(path)
        set_mode(path, connection)
        schema.migrate(connection, version)
        instance, generation = begin_generation(connection)
        # The note comes second: if we die in between, the journal is ahead of it, which is fine.
        write_marker(path, Marker(instance, generation))
        return Opened(connection, lock, instance, generation, tail)
    except (sqlite3.Error, OSError) as error:
        _let_go(connection, lock)
        raise troubles.trouble(path, error) from error
    except BaseException:
        _let_go(connection, lock)
        raise


def make_log_durable(path: Path) -> None:
    """See to it that what is read from the log is on the disk before anything builds on it.

    A sync that failed may have left its commit in the system's memory alone: it reads as if it were
    there, and is gone after a power cut, with all that was written behind it. The kernel does not
    say so a second time, so only a new file is sure.
    """
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > 0:
        replace_file(log, log.read_bytes())


def inspect(path: Path, marker: Marker | None) -> tuple[int, chain.Tail]:
    """Refuse a file that is not ours to go on with; give its version and the end of its story.

    The connection is read-only, so a wrong file stays as it was found: one that may write would
    fold a log that lies beside it into the file, be it this file's or not.
    """
    with contextlib.closing(connect(path, may_write=False)) as connection:
        check_pages(path, connection)
        version = schema.check_version(path, connection)
        instance, generation = identity_of(connection, version)
        check_identity(path, marker, instance, generation)
        return version, check_story(path, connection, version)


def check_directory(path: Path) -> None:
    """Refuse a directory that is not there; whether it can be written shows at the lock."""
    directory = path.parent
    if not directory.is_dir():
        raise troubles.refusal(
            path,
            f"its directory {directory} does not exist",
            f"Make it and give it to the worker's user: install -d -m 0700 -o USER {directory}",
        )
    if path.is_dir():
        raise troubles.refusal(path, "it is a directory", "Name a file in it instead.")


def make_file(path: Path) -> None:
    """Make the file if there is none, for its owner's eyes only; SQLite's own files follow suit."""
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        sync_directory(path.parent)


def take_back_first_start(path: Path) -> None:
    """Undo what a first start left half done: SQLite's own rollback, which needs to write.

    Until the first start has ended the file is not yet in write-ahead mode, and a process that is
    killed then leaves a rollback journal beside it. Nothing was acknowledged by then.
    """
    if path.with_name(f"{path.name}-journal").exists():
        with contextlib.closing(connect(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def connect(path: Path, *, may_write: bool = True) -> sqlite3.Connection:
    """Connect without beginning anything. One thread at a time, not always the same one."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rw' if may_write else 'ro'}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def check_pages(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a damaged file."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise troubles.trouble(path, sqlite3_corrupt(found))


def sqlite3_corrupt(found: str) -> sqlite3.DatabaseError:
    """Give the error that SQLite would have raised had it read the damaged page by chance."""
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def identity_of(connection: sqlite3.Connection, version: int) -> tuple[str | None, int]:
    """Read whose journal this is and how often it was opened, without changing it."""
    if version == 0:
        return None, 0
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    return meta.get("instance"), int(meta.get("generation", 0))


def check_story(path: Path, connection: sqlite3.Connection, version: int) -> chain.Tail:
    """Refuse a journal whose newest lines do not follow from one another; give the last."""
    if version == 0:
        return chain.START
    tail, broken = chain.verify(connection, LINES_VERIFIED)
    if broken is not None:
        raise troubles.refusal(
            path,
            f"its story does not hold together at line {broken}: it was edited, or a -wal file of "
            "another copy lies beside it",
            "Keep all its files for inspection and restore a backup together with no -wal file.",
        )
    return tail


def set_mode(path: Path, connection: sqlite3.Connection) -> None:
    """Make every commit durable, and make sure of it by asking."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    for pragma in SET_MODE:
        connection.execute(pragma)
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    if mode != "wal" or synchronous != FULL:
        raise troubles.refusal(
            path,
            f"the disk can not keep it safely (journal_mode {mode}, synchronous {synchronous})",
            "Keep the journal on a local disk.",
        )


def begin_generation(connection: sqlite3.Connection) -> tuple[str, int]:
    """Name the journal if it has no name yet, and count this opening."""
    connection.execute("BEGIN IMMEDIATE")
    instance = "".join(secrets.choice(_INSTANCE_LETTERS) for _ in range(8))
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('instance', ?)", (instance,))
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('generation', '0')")
    connection.execute(
        "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'"
    )
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    connection.execute("COMMIT")
    return meta["instance"], int(meta["generation"])


def _let_go(connection: sqlite3.Connection | None, lock: Lock) -> None:
    if connection is not None:
        connection.close()
    lock.release()
