"""A database: two tables of the shop's, and the statements that its operator wrote."""

import importlib.util
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from worker.verbs.demo.till.counterpart import CURRENCY, LOCATION, Payment, TillUnavailable

TABLES: Final = """
CREATE TABLE bills (
  bill_id VARCHAR(100) PRIMARY KEY, location_id BIGINT NOT NULL, spot VARCHAR(100) NOT NULL,
  amount_minor BIGINT NOT NULL, currency CHAR(3) NOT NULL, description VARCHAR(200) NOT NULL,
  opened INTEGER NOT NULL, is_open INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE payments (
  notice_id VARCHAR(200) PRIMARY KEY, bill_id VARCHAR(100) NOT NULL, amount_minor BIGINT NOT NULL,
  currency CHAR(3) NOT NULL, paid_at VARCHAR(40) NOT NULL
);
"""
STATEMENTS: Final = '''\
open_bills_sql = """
  SELECT bill_id, amount_minor, currency, description FROM bills b
  WHERE location_id = :location_id AND spot = :spot AND is_open = 1
    AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.bill_id = b.bill_id)
  ORDER BY opened"""
mark_paid_sql = """
  INSERT INTO payments (notice_id, bill_id, amount_minor, currency, paid_at)
  VALUES (:notice_id, :bill_id, :amount_minor, :currency, :paid_at)
  ON CONFLICT (notice_id) DO NOTHING"""
confirm_sql = "SELECT 1 FROM payments WHERE notice_id = :notice_id"
'''
_CLEAR: Final = "UPDATE bills SET is_open = 0 WHERE location_id = {0} AND spot = {0}"
_OPEN: Final = (
    "INSERT INTO bills (bill_id, location_id, spot, amount_minor, currency, description, opened) "
    "VALUES ({0}, {0}, {0}, {0}, {0}, {0}, {0})"
)
_PAID: Final = "SELECT bill_id, amount_minor, currency FROM payments"
START_S: Final = 60


class SqliteCounterpart:
    """A shop with a SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "shop.db"
        self._opened = 0

    def start(self) -> str:
        """Make the tables."""
        with closing(sqlite3.connect(self._path)) as books:
            books.executescript(TABLES)
        return f'[till]\nkind = "sql"\nurl = "sqlite:///{self._path}"\n{STATEMENTS}'

    def seat(self, table: str, bill_id: str, amount_minor: int) -> None:
        """Give the table another bill, in one transaction."""
        self._opened += 1
        with closing(sqlite3.connect(self._path, timeout=30)) as books, books:
            books.execute(_CLEAR.format("?"), (LOCATION, table))
            books.execute(_OPEN.format("?"), _row(table, bill_id, amount_minor, self._opened))

    def books(self) -> Sequence[Payment]:
        """Read the shop's table of payments."""
        with closing(sqlite3.connect(self._path, timeout=30)) as books:
            return [Payment(*row) for row in books.execute(_PAID)]

    def stop(self) -> None:
        """Do nothing: there is only a file."""


class PostgresCounterpart:
    """A shop with a PostgreSQL of its own: the one that is installed, with its data in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._binaries: Path | None = None
        self._as_user: list[str] = []
        self._port = 0
        self._opened = 0

    def start(self) -> str:
        """Make a cluster, start its server, make the tables."""
        binaries = _binaries()
        if importlib.util.find_spec("psycopg") is None:
            raise TillUnavailable(
                "This till takes psycopg: pip install 'paysera-worker[postgres]'."
            )
        if os.geteuid() == 0:  # A server refuses to be root; its package made a user for it.
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(self._folder, "postgres", "postgres")
            self._folder.parent.chmod(0o711)
        made = ("initdb", "-D", str(self._data), "-U", "shop", "-E", "UTF8", "--locale=C")
        self._run(binaries, *made, "-A", "trust", "--no-sync")
        self._port = _free_port()
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= "
        options += "-c fsync=off"  # Nothing of a demo has to survive a power cut.
        log = str(self._folder / "server.log")
        started = ("pg_ctl", "-D", str(self._data), "-w", "-t", str(START_S), "-l", log)
        self._run(binaries, *started, "-o", options, "start")
        self._binaries = binaries
        with self._connect() as books:
            books.execute(TABLES)
        url = f"postgresql://shop@127.0.0.1:{self._port}/postgres"
        return f'[till]\nkind = "sql"\nurl = "{url}"\n{STATEMENTS}'

    def seat(self, table: str, bill_id: str, amount_minor: int) -> None:
        """Give the table another bill, in one transaction."""
        self._opened += 1
        with self._connect() as books:
            books.execute(_CLEAR.format("%s"), (LOCATION, table))
            books.execute(_OPEN.format("%s"), _row(table, bill_id, amount_minor, self._opened))

    def books(self) -> Sequence[Payment]:
        """Read the shop's table of payments."""
        with self._connect() as books:
            return [Payment(*row) for row in books.execute(_PAID).fetchall()]

    def stop(self) -> None:
        """Stop the server; its folder goes with the demo's."""
        if self._binaries is not None:
            self._run(self._binaries, "pg_ctl", "-D", str(self._data), "-m", "fast", "-w", "stop")

    def _connect(self) -> Any:
        """Connect as the shop does; what is done with it is one transaction."""
        import psycopg  # noqa: PLC0415 - of an extra that only this till takes

        return psycopg.connect(host="127.0.0.1", port=self._port, user="shop", dbname="postgres")

    def _run(self, binaries: Path, program: str, *arguments: str) -> None:
        """Run one of the server's programs. A server that it leaves running keeps no pipe open."""
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [*self._as_user, str(binaries / program), *arguments],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=2 * START_S,
                check=False,
            )
            if done.returncode != 0:
                said.seek(0)
                raise RuntimeError(f"{program}: {said.read().decode(errors='replace')}")


def _row(table: str, bill_id: str, amount_minor: int, opened: int) -> tuple[object, ...]:
    return (bill_id, LOCATION, table, amount_minor, CURRENCY, f"Table {table}", opened)


def _binaries() -> Path:
    """Find an installed server."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "pg_ctl").exists():
            return place
    raise TillUnavailable("This till takes an installed PostgreSQL server (postgresql on Debian).")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
