"""A connection that looks like the standard library's, over a disk of ours.

Only what the journal uses, and that as the standard library does it: the same answers, the same
errors with the same codes and words.
"""

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from tests.disk.medium import Died, Medium
from tests.disk.vfs import WORDS, DiskVfs

T = TypeVar("T")

BUSY_TIMEOUT_MS: Final = 2000
CHECKPOINT_PAGES: Final = 1000
"""What SQLite begins with."""

_SETS_CHECKPOINTS: Final = re.compile(r"PRAGMA wal_autocheckpoint *=", re.IGNORECASE)

_KINDS: Final[dict[int, type[sqlite3.Error]]] = {
    apsw.SQLITE_INTERNAL: sqlite3.InternalError,
    apsw.SQLITE_NOTFOUND: sqlite3.InternalError,
    apsw.SQLITE_TOOBIG: sqlite3.DataError,
    apsw.SQLITE_CONSTRAINT: sqlite3.IntegrityError,
    apsw.SQLITE_MISMATCH: sqlite3.IntegrityError,
    apsw.SQLITE_MISUSE: sqlite3.InterfaceError,
    apsw.SQLITE_RANGE: sqlite3.InterfaceError,
    apsw.SQLITE_CORRUPT: sqlite3.DatabaseError,
    apsw.SQLITE_NOTADB: sqlite3.DatabaseError,
    apsw.SQLITE_AUTH: sqlite3.DatabaseError,
}
"""Which error the standard library raises for each; every other one is operational."""

_CLOSED: Final = "Cannot operate on a closed database."


def as_sqlite3(error: apsw.Error) -> sqlite3.Error:
    """Give the standard library's form of an error."""
    if isinstance(error, apsw.ConnectionClosedError):
        return sqlite3.ProgrammingError(_CLOSED)
    family: int = getattr(error, "result", apsw.SQLITE_ERROR)
    code: int = getattr(error, "extendedresult", family)
    told = _KINDS.get(family, sqlite3.OperationalError)(str(error) or WORDS.get(family, "error"))
    told.sqlite_errorcode = code
    name = apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes[code]
    told.sqlite_errorname = str(name)
    return told


@lru_cache(maxsize=256)
def _changes_rows(statement: str) -> bool:
    return statement.lstrip()[:7].upper() in {"INSERT ", "UPDATE ", "DELETE ", "REPLACE"}


class DiskCursor:
    """The rows of one statement.

    As in the standard library, a row is handed out when the statement has gone on to the next one:
    what fails at a statement's end fails where its last row is asked for.
    """

    def __init__(self, connection: "DiskConnection", cursor: apsw.Cursor, rowcount: int) -> None:
        self._connection = connection
        self._cursor = cursor
        self._next = connection.asking(cursor.fetchone)
        self.rowcount: Final = rowcount

    def fetchone(self) -> Any:
        """Give the next row; None: there is no more."""
        row = self._next
        if row is not None:
            self._next = self._connection.asking(self._cursor.fetchone)
        return row

    def fetchall(self) -> list[Any]:
        """Give the rows that are left."""
        return list(self)

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row


class DiskConnection:
    """One open database."""

    isolation_level: Final = None

    def __init__(self, medium: Medium, path: Path, *, may_write: bool) -> None:
        self._medium = medium
        self._life = medium.life
        self._vfs = DiskVfs(medium)
        self._checkpoint_pages = CHECKPOINT_PAGES
        flags = apsw.SQLITE_OPEN_READWRITE if may_write else apsw.SQLITE_OPEN_READONLY
        self._connection: apsw.Connection | None = self.asking(
            lambda: apsw.Connection(str(path), flags=flags, vfs=self._vfs.name)
        )
        self._connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        self._connection.set_wal_hook(self._checkpoint)

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is open."""
        return self._connection is not None and self._connection.in_transaction

    def execute(self, statement: str, values: Sequence[Any] = ()) -> DiskCursor:
        """Run one statement."""
        cursor = self._open().cursor()
        try:
            self.asking(lambda: cursor.execute(statement, values))
        except BaseException:
            cursor.close(True)  # It failed already; it need not say so again when it goes.
            raise
        return self._cursor(statement, cursor)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        for row in rows:
            self.execute(statement, row)

    def executescript(self, script: str) -> None:
        """Run every statement of a text, after a commit of what is open."""
        if self.in_transaction:
            self.execute("COMMIT")
        self.asking(lambda: self._open().execute(script).fetchall())

    def close(self) -> None:
        """Close it. As in the standard library, a checkpoint that fails here fails in silence."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        was_alive = self._life == self._medium.life
        if not was_alive:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        with contextlib.suppress(apsw.Error):
            connection.close()
        if was_alive and self._life != self._medium.life:
            raise Died

    def asking(self, question: Callable[[], T]) -> T:
        """Put a question to SQLite, and give its answer or its error in the usual form."""
        self._check_alive()
        try:
            answer = question()
        except apsw.Error as error:
            self._check_alive()
            raise as_sqlite3(error) from None
        except UnicodeDecodeError:
            raise sqlite3.OperationalError("Could not decode to UTF-8 column") from None
        self._check_alive()
        return answer

    def _check_alive(self) -> None:
        if self._life != self._medium.life:
            raise Died

    def _open(self) -> apsw.Connection:
        self._check_alive()
        if self._connection is None:
            raise sqlite3.ProgrammingError(_CLOSED)
        return self._connection

    def _cursor(self, statement: str, cursor: apsw.Cursor) -> DiskCursor:
        if _changes_rows(statement):
            return DiskCursor(self, cursor, self._open().changes())
        if _SETS_CHECKPOINTS.match(statement):
            self._checkpoint_pages = self._open().execute("PRAGMA wal_autocheckpoint").get
            self._open().set_wal_hook(self._checkpoint)
        return DiskCursor(self, cursor, -1)

    def _checkpoint(self, connection: apsw.Connection, name: str, pages: int) -> int:
        """Do what SQLite's own automatic checkpoint does, which hides its failures.

        Its own would not: an error that a file of ours raises is also raised to the caller.
        """
        if 0 < self._checkpoint_pages <= pages:
            with contextlib.suppress(apsw.Error):
                connection.wal_checkpoint(name)
        return apsw.SQLITE_OK
