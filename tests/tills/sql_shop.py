"""A shop whose books are a database: SQLite in a file, PostgreSQL, or MariaDB."""

import asyncio
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import sqlalchemy
from sqlalchemy import text

from tests.tills.servers import Server
from tests.tills.shop import Unholdable
from worker.adapters.till.connector import Connector, Document
from worker.adapters.till.sql import SqlStatements, SqlTill

COLUMNS = {
    "bill_id": "VARCHAR(200)",
    "amount_minor": "NUMERIC(20, 4)",
    "currency": "VARCHAR(20)",
    "description": "TEXT",
    "opened_at": "VARCHAR(40)",
    "final": "BOOLEAN",
    "ceiling_minor": "NUMERIC(20, 4)",
    "hold_s": "NUMERIC(20, 4)",
    "at_hold_end": "VARCHAR(20)",
    "lines": "TEXT",
    "parts": "TEXT",
}
PAYMENT_COLUMNS = {
    "notice_id": "VARCHAR(200) PRIMARY KEY",
    "bill_id": "VARCHAR(200) NOT NULL",
    "part_id": "VARCHAR(200)",
    "location_id": "BIGINT NOT NULL",
    "spot": "VARCHAR(200) NOT NULL",
    "amount_minor": "BIGINT NOT NULL",
    "currency": "CHAR(3) NOT NULL",
    "visit": "VARCHAR(40) NOT NULL",
    "transaction_key": "VARCHAR(200) NOT NULL",
    "orderid": "VARCHAR(200) NOT NULL",
    "paid_at": "VARCHAR(40) NOT NULL",
    "bill_amount_minor": "BIGINT NOT NULL",
    "service_minor": "BIGINT NOT NULL",
    "tip_minor": "BIGINT NOT NULL",
}
_numbers = itertools.count(1)


class SqlShop:
    """Keeps its bills and its payments in two tables of its own."""

    kind = "sql"
    knows_ids = True

    def __init__(self, server: Server, *, time_limit_s: float = 4.5) -> None:
        self.server = server
        number = f"{os.getpid()}_{next(_numbers)}"
        self.bills, self.paid = f"bills_{number}", f"payments_{number}"
        self._engine = server.engine()
        self._time_limit_s = time_limit_s
        self._till: SqlTill | None = None
        self._holder: sqlalchemy.Connection | None = None
        self._is_broken = False

    @property
    def statements(self) -> SqlStatements:
        """The statements that the operator of this shop writes."""
        names = ", ".join(PAYMENT_COLUMNS)
        ignore = "INSERT IGNORE" if self.server.kind == "mariadb" else "INSERT"
        conflict = "" if self.server.kind == "mariadb" else " ON CONFLICT (notice_id) DO NOTHING"
        values = ", ".join(f":{name}" for name in PAYMENT_COLUMNS)
        columns = ", ".join(f"b.{_quoted(self.server.kind, name)}" for name in COLUMNS)
        return SqlStatements(
            open_bills=f"""
                SELECT {columns}, b.spot FROM {self.bills} b
                WHERE b.location_id = :location_id AND b.spot = :spot AND NOT EXISTS (
                  SELECT 1 FROM {self.paid} p WHERE p.bill_id = b.bill_id AND p.part_id IS NULL)
                AND (b.parts_left IS NULL OR b.parts_left > (
                  SELECT COUNT(*) FROM {self.paid} p WHERE p.bill_id = b.bill_id))
                ORDER BY b.position;
            """,
            mark_paid=f"{ignore} INTO {self.paid} ({names}) VALUES ({values}){conflict}",
            confirm=f"SELECT 1 FROM {self.paid} WHERE notice_id = :notice_id",
        )

    async def open(self) -> None:
        await asyncio.to_thread(self._create)

    async def close(self) -> None:
        await self.mend()
        if self._till is not None:
            await self._till.aclose()
        await asyncio.to_thread(self._do, f"DROP TABLE {self.bills}", f"DROP TABLE {self.paid}")

    def connector(self) -> Connector:
        if self._till is None:
            self._till = SqlTill(
                self.server.url,
                self.server.password,
                self.statements,
                time_limit_s=self._time_limit_s,
            )
        return self._till

    async def owe(self, location_id: int, spot: str, *documents: Document) -> None:
        amounts = [document.get("amount_minor") for document in documents]
        if any(amount is True for amount in amounts):
            raise Unholdable("a column of figures makes a figure of a truth")
        if self.server.kind != "sqlite" and any(isinstance(one, float) for one in amounts):
            raise Unholdable("a column of whole figures makes one of a fraction")
        try:
            await asyncio.to_thread(self._write, location_id, spot, documents)
        except (sqlalchemy.exc.SQLAlchemyError, OverflowError) as error:
            raise Unholdable(f"a column does not hold it: {error}") from error

    async def payments(self) -> Sequence[Mapping[str, object]]:
        return await asyncio.to_thread(self._read)

    async def break_down(self) -> None:
        """Move the tables away."""
        self._is_broken = True
        names = (self.bills, self.paid)
        await asyncio.to_thread(self._do, *(f"ALTER TABLE {n} RENAME TO {n}_away" for n in names))

    async def hang(self) -> None:
        """Hold the tables locked, as a cashier's half-done transaction does."""
        await asyncio.to_thread(self._hold)

    async def mend(self) -> None:
        if self._holder is not None:
            await asyncio.to_thread(self._let_go)
        if self._is_broken:
            self._is_broken = False
            names = (self.bills, self.paid)
            back = [f"ALTER TABLE {n}_away RENAME TO {n}" for n in names]
            await asyncio.to_thread(self._do, *back)

    def _create(self) -> None:
        kind = self.server.kind
        typed = ", ".join(f"{_quoted(kind, name)} {of}" for name, of in COLUMNS.items())
        if kind == "sqlite":
            typed = ", ".join(f'"{name}"' for name in COLUMNS)  # Whatever it is given is kept so.
        payments = ", ".join(f"{name} {of}" for name, of in PAYMENT_COLUMNS.items())
        self._do(
            f"CREATE TABLE {self.bills} (location_id BIGINT, spot VARCHAR(200), position INTEGER, "
            f"parts_left INTEGER, "
            f"{typed})",
            f"CREATE TABLE {self.paid} ({payments})",
        )

    def _do(self, *statements: str) -> None:
        with self._engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def _write(self, location_id: int, spot: str, documents: Sequence[Document]) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                text(f"DELETE FROM {self.bills} WHERE location_id = :location AND spot = :spot"),
                {"location": location_id, "spot": spot},
            )
            for position, document in enumerate(documents):
                fields = {
                    name: json.dumps(value) if isinstance(value, list | dict) else value
                    for name, value in document.items()
                }
                fields |= {"location_id": location_id, "spot": spot, "position": position}
                parts = document.get("parts")
                fields["parts_left"] = len(parts) if isinstance(parts, list) else None
                names = ", ".join(_quoted(self.server.kind, name) for name in fields)
                values = ", ".join(f":{name}" for name in fields)
                connection.execute(
                    text(f"INSERT INTO {self.bills} ({names}) VALUES ({values})"), fields
                )

    def _read(self) -> list[Mapping[str, object]]:
        with self._engine.connect() as connection:
            found = connection.execute(text(f"SELECT * FROM {self.paid} ORDER BY paid_at"))
            return [dict(row) for row in found.mappings()]

    def _hold(self) -> None:
        if self._holder is not None:
            return
        self._holder = connection = self._engine.connect()
        if self.server.kind == "sqlite":
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.isolation_level = None
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
        elif self.server.kind == "postgresql":
            connection.exec_driver_sql(
                f"LOCK TABLE {self.bills}, {self.paid} IN ACCESS EXCLUSIVE MODE"
            )
        else:
            connection.exec_driver_sql(f"LOCK TABLES {self.bills} WRITE, {self.paid} WRITE")

    def _let_go(self) -> None:
        holder, self._holder = self._holder, None
        if holder is not None:
            holder.invalidate()
            holder.close()


def sqlite_server(folder: Path) -> Server:
    """A new, empty file."""
    path = folder / "shop.db"
    path.touch()
    return Server(f"sqlite:///{path}", None)


def _quoted(kind: str, name: str) -> str:
    """Some names of columns are words of the language somewhere."""
    return f"`{name}`" if kind == "mariadb" else f'"{name}"'
