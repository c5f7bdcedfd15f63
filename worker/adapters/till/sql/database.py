"""Connections to the shop's database, with limits on both ends and a way to cut one that hangs.

Everything here blocks and is called on a lane's thread, but for `cut`, which is called beside it.
"""

import contextlib
import os
import socket
import sqlite3
import threading
import urllib.parse
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.adapters.till.sql.rows import ROWS_MAX
from worker.adapters.till.sql.troubles import words_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

CONNECT_LIMIT_S: Final = 4
STATEMENT_LIMIT_S: Final = 4
IDLE_CONNECTIONS_MAX: Final = 10
"""Kept open for the next question; more are opened while needed, up to four for each location."""

_EXTRAS: Final = {
    "sqlite": ("sql", ("sqlalchemy",)),
    "postgresql": ("postgres", ("sqlalchemy", "psycopg")),
    "mysql": ("mysql", ("sqlalchemy", "pymysql")),
    "mariadb": ("mysql", ("sqlalchemy", "pymysql")),
}
_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}


class Unreachable(Exception):
    """No connection can be had; the text says where to and why not."""


def missing_extra(url: str) -> str | None:
    """Say what to install for this kind of database; None: nothing."""
    kind = kind_of(url)
    extra, modules = _EXTRAS[kind]
    missing = [module for module in modules if find_spec(module) is None]
    if not missing:
        return None
    return (
        f"{' and '.join(missing)} is not installed, which a till in a {kind} database needs: "
        f"pip install 'paysera-worker[{extra}]'"
    )


def kind_of(url: str) -> str:
    """Give the scheme of an address that the settings accepted."""
    return url.partition(":")[0]


class Database:
    """One shop's database.

    Args:
        url: as the settings accept it: no password in it, no driver in its scheme.
        password: None: the database asks for none.
        is_writing: whether transactions may write; else the database is told that none will, and
            connections are kept for the next question.

    Raises:
        ModuleNotFoundError: what `missing_extra` says is not installed.

    """

    def __init__(self, url: str, password: str | None, *, is_writing: bool) -> None:
        self.kind = kind_of(url)
        parts = urllib.parse.urlsplit(url)
        self._place = parts.hostname or parts.path[1:]
        self._password = password
        self._is_writing = is_writing
        self._open: dict[int, tuple[Any, int | None]] = {}
        """Each driver's connection by its id, with the thread that uses it; None: nobody does."""
        self._guard = threading.Lock()
        self._is_disposed = False
        self._engine = self._make_engine(url, password)

    @contextlib.contextmanager
    def transaction(self) -> "Iterator[Connection]":
        """Give a connection in a transaction. Only an explicit commit keeps what is done in it.

        A connection on which anything went wrong is thrown away: nobody knows what it still holds.

        Raises:
            Unreachable: there is no connection to be had.

        """
        thread = threading.get_ident()
        pool = self._engine.pool
        try:
            connection = self._engine.connect()
        except Exception as error:  # A driver raises what it likes.
            self._throw_away(thread)
            words = words_of(error, {"password": self._password})
            raise Unreachable(f"the database {self._place} can not be reached: {words}") from None
        try:
            with connection:
                try:
                    yield connection
                    connection.rollback()
                except BaseException:
                    connection.invalidate()
                    raise
        except BaseException:
            self._throw_away(thread)
            raise
        finally:
            if self._is_disposed:
                # What was given up and ends only now gave its connection to a pool nobody has.
                pool.dispose()
                self._engine.pool.dispose()

    def bounded(self, query: str) -> str:
        """Keep a query without a WHERE from filling the memory.

        PostgreSQL would send everything at once, so it is asked for no more than can be used; its
        order comes through. MySQL's session says the same, and SQLite gives rows one by one.
        """
        if self.kind != "postgresql":
            return query
        # Put together of what the operator wrote and a number; every value is bound.
        return f"SELECT * FROM ({query}) AS open_bills LIMIT {ROWS_MAX + 1}"  # noqa: S608 - see above

    def unwritable(self) -> str | None:
        """Say why a SQLite file could be read and not written; None: nothing stands in the way.

        SQLite opens such a file without a word, and keeps its journal beside it.
        """
        if self.kind != "sqlite":
            return None
        for path, what in (
            (Path(self._place), "the file"),
            (Path(self._place).parent, "its folder"),
        ):
            if not os.access(path, os.W_OK):
                return f"{what} {path} can not be written: give this user the right to"
        return None

    def cut(self, thread: int) -> None:
        """Break the connections that a thread hangs on, from beside it. The thread then fails."""
        with self._guard:
            for raw, user in self._open.values():
                if user == thread:
                    _break(raw)

    def dispose(self) -> None:
        """Close what nobody uses, and later what is in use now."""
        self._is_disposed = True
        self._engine.dispose()

    def _throw_away(self, thread: int) -> None:
        """Close what a failed job of this thread left open, such as a half-made connection."""
        with self._guard:
            left = [key for key, (_, user) in self._open.items() if user == thread]
            raws = [self._open.pop(key)[0] for key in left]
        for raw in raws:
            with contextlib.suppress(Exception):  # Whatever a broken one says when it is closed.
                raw.close()

    def _make_engine(self, url: str, password: str | None) -> "Engine":
        """Build what gives connections. Nothing is opened yet."""
        from sqlalchemy import create_engine, event, make_url  # noqa: PLC0415 - an extra
        from sqlalchemy.pool import NullPool, QueuePool  # noqa: PLC0415 - an extra

        options: dict[str, Any] = {"hide_parameters": True, "pool_reset_on_return": "rollback"}
        if self._is_writing:
            # Payments are rare; what the database forgot about is better not met by one.
            options |= {"poolclass": NullPool}
        else:
            options |= {
                "poolclass": QueuePool,
                "pool_size": IDLE_CONNECTIONS_MAX,
                "max_overflow": -1,
                "pool_use_lifo": True,
            }
        if self.kind == "sqlite":
            path = self._place
            engine = create_engine(
                "sqlite://",
                creator=lambda: _open_file(path, is_writing=self._is_writing),
                **options,
            )
        else:
            address = make_url(url).set(drivername=_DRIVERS[self.kind], password=password)
            if self.kind == "postgresql":
                options |= _postgresql_options(is_writing=self._is_writing)
            else:
                options |= {"connect_args": _MYSQL_ARGUMENTS}
            engine = create_engine(address, **options)
        pool = engine.pool
        event.listen(pool, "connect", self._on_connect, insert=True)
        event.listen(pool, "checkout", self._on_checkout)
        event.listen(pool, "checkin", self._on_checkin)
        event.listen(pool, "close", self._on_close)
        event.listen(engine, "begin", self._on_begin)
        return engine

    def _on_connect(self, raw: Any, _: object) -> None:
        with self._guard:
            self._open[id(raw)] = (raw, threading.get_ident())
        if self.kind in {"mysql", "mariadb"}:
            _limit_mysql(raw, is_writing=self._is_writing)

    def _on_checkout(self, raw: Any, entry: "ConnectionPoolEntry", _: object) -> None:
        """Give a connection to the thread that wants it, and try it if it has been idle.

        The pool's own try comes before this, when a connection that hangs is nobody's to cut.
        """
        from sqlalchemy.exc import InvalidatePoolError  # noqa: PLC0415 - an extra

        with self._guard:
            self._open[id(raw)] = (raw, threading.get_ident())
        if "was_lent" in entry.info:
            try:
                self._engine.dialect.do_ping(raw)
            except Exception:  # A driver raises what it likes.
                # The pool then opens another, and trusts none that it had before.
                raise InvalidatePoolError from None
        entry.info["was_lent"] = True

    def _on_checkin(self, raw: Any, _: object) -> None:
        with self._guard:
            if raw is not None and id(raw) in self._open:
                self._open[id(raw)] = (raw, None)

    def _on_close(self, raw: Any, _: object) -> None:
        with self._guard:
            self._open.pop(id(raw), None)

    def _on_begin(self, connection: "Connection") -> None:
        """Say what kind of transaction it is, where the driver does not say it for us."""
        if self.kind == "sqlite":
            # The lock is taken at once: a reader that turns writer can fail without waiting.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if self._is_writing else "BEGIN")
        elif self.kind in {"mysql", "mariadb"} and not self._is_writing:
            connection.exec_driver_sql("START TRANSACTION READ ONLY")


def _break(raw: Any) -> None:
    """Make the driver's call fail. PyMySQL has a limit on every read and needs no help."""
    with contextlib.suppress(Exception):  # It may have failed by itself in this very moment.
        if isinstance(raw, sqlite3.Connection):
            raw.interrupt()
        elif hasattr(raw, "pgconn"):
            # A copy, so that closing it does not close the driver's own.
            with socket.socket(fileno=os.dup(raw.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)


def _open_file(path: str, *, is_writing: bool) -> sqlite3.Connection:
    """Open a SQLite file that exists; a misspelt path must not become a new, empty database."""
    raw = sqlite3.connect(
        f"file:{urllib.parse.quote(path)}?mode=rw",
        uri=True,
        timeout=STATEMENT_LIMIT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    if not is_writing:
        raw.execute("PRAGMA query_only = 1")
    return raw


def _postgresql_options(*, is_writing: bool) -> dict[str, Any]:
    """Limit what libpq and the server may take; read JSON as the text it is."""
    limit_ms = STATEMENT_LIMIT_S * 1000
    options: dict[str, Any] = {
        "use_native_hstore": False,
        "json_deserializer": lambda text: text if isinstance(text, str) else text.decode(),
        "connect_args": {
            "application_name": "paysera-worker",
            "connect_timeout": CONNECT_LIMIT_S,
            "options": (
                f"-c statement_timeout={limit_ms} "
                f"-c idle_in_transaction_session_timeout={2 * limit_ms} -c timezone=UTC"
            ),
            "prepare_threshold": None,  # A pooler between us may give each question another server.
            "keepalives_idle": CONNECT_LIMIT_S,
            "keepalives_interval": 1,
            "keepalives_count": 3,
            "tcp_user_timeout": limit_ms,
        },
    }
    if not is_writing:
        options["execution_options"] = {"postgresql_readonly": True}
    return options


_MYSQL_ARGUMENTS: Final = {
    "charset": "utf8mb4",
    "connect_timeout": CONNECT_LIMIT_S,
    "read_timeout": STATEMENT_LIMIT_S,
    "write_timeout": STATEMENT_LIMIT_S,
}


def _limit_mysql(raw: Any, *, is_writing: bool) -> None:
    """Set the session's limits, its zone, and that what does not fit is an error.

    Without strict mode a notice's id would be cut to its column's width, and the next one taken
    for the same.
    """
    settings = [
        "time_zone = '+00:00'",
        "sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
        f"lock_wait_timeout = {STATEMENT_LIMIT_S - 1}",
        f"innodb_lock_wait_timeout = {STATEMENT_LIMIT_S - 1}",
        (
            f"max_statement_time = {STATEMENT_LIMIT_S}"
            if "mariadb" in str(raw.get_server_info()).lower()
            else f"max_execution_time = {STATEMENT_LIMIT_S * 1000}"
        ),
    ]
    if not is_writing:
        settings.append(f"sql_select_limit = {ROWS_MAX + 1}")
    with raw.cursor() as cursor:
        cursor.execute("SET " + ", ".join(f"SESSION {setting}" for setting in settings))
        if not is_writing:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
