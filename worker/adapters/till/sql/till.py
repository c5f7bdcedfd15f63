"""The shop's database as its till: one statement reads what a spot owes, another marks it paid.

Reading happens in a transaction that may not write and is always taken back. A payment is told in
one transaction: the operator's statement, then, if there is one, the statement that looks for what
it wrote. Only what is found to be recorded is committed and counts as told; so a statement that
touches no row can not lose a payment, and an answer that is lost costs a repetition under the same
notice_id and nothing else.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from worker.adapters.till.connector import Document, Refused, TillError, UnreadableBill
from worker.adapters.till.sql.asking import notice_values, read, record
from worker.adapters.till.sql.checking import problems_of
from worker.adapters.till.sql.database import Database, Unreachable, kind_of, missing_extra
from worker.adapters.till.sql.lane import Lane, Lanes, LaneTrouble
from worker.adapters.till.sql.rows import UnusableRows, documents
from worker.adapters.till.sql.troubles import is_of_the_values, words_of
from worker.adapters.till.thread import OneThread
from worker.domain.notice import Notice
from worker.statements import NOTICE_NAMES, READ_NAMES, read_statement

TIME_LIMIT_S: Final = 4.5
"""A little more than the database is given, so that its own words come first."""
LANES_MAX: Final = 4
"""Questions that may be at the database for one location at once; further ones wait their turn.
Payments of a location are told one by one."""
CLOSE_LIMIT_S: Final = 1.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlStatements:
    """What the operator wrote, as the settings accept it."""

    open_bills: str
    mark_paid: str
    confirm: str | None = None
    """Gives a row when the notice is recorded. None: what `mark_paid` touches is believed."""


class SqlTill:
    """A till that is a database.

    Args:
        url: `postgresql://`, `mysql://`, `mariadb://` or `sqlite:////path`; no password in it.
        password: None: the database asks for none.
        statements: the operator's.
        time_limit_s: how long a question or a notice may take, its wait for the earlier ones
            of its location included.

    Raises:
        StatementError: a statement is not one that the settings would have accepted.

    """

    can_lock = False

    def __init__(
        self,
        url: str,
        password: str | None,
        statements: SqlStatements,
        *,
        time_limit_s: float = TIME_LIMIT_S,
    ) -> None:
        self._open_bills = read_statement(statements.open_bills, READ_NAMES)
        self._mark_paid = read_statement(statements.mark_paid, NOTICE_NAMES)
        self._confirm = (
            None if statements.confirm is None else read_statement(statements.confirm, NOTICE_NAMES)
        )
        self._kind = kind_of(url)
        self._time_limit_s = time_limit_s
        self._trouble = missing_extra(url)
        if self._trouble is None:
            self._reader = Database(url, password, is_writing=False)
            self._writer = Database(url, password, is_writing=True)
        self._asking: dict[int, Lanes] = {}
        self._telling: dict[int, Lanes] = {}

    async def open_bills(self, location_id: int, spot: str) -> Sequence[Document]:
        """Give every open bill of a spot as the statement orders them.

        Raises:
            Refused: this spot's rows are not fit, or its name is none that the database can have.
            TillError: the database or the statement is not fit.

        """
        values = {"location_id": location_id, "spot": spot}

        def ask() -> list[Document]:
            columns, rows = read(self._reader, self._open_bills, values)
            return documents(columns, rows, location_id, spot)

        return await self._run(self._asking, location_id, "till.open_bills_sql", values, ask)

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Document:
        """Refuse: a lock would have to outlive its transaction, which no statement here does."""
        raise TillError("a till in a database can not lock bills")

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Do nothing: there are no locks."""

    async def post(self, notice: Notice) -> None:
        """Run the statement that marks a bill paid, make sure that it did, and commit.

        Raises:
            Refused: nothing was recorded: tell it again.
            TillError: it failed, or the answer was lost: tell it again.

        """
        values = notice_values(notice, self._kind)

        def tell() -> None:
            record(self._reader, self._writer, self._mark_paid, self._confirm, values)

        await self._run(self._telling, notice.location_id, "till.mark_paid_sql", values, tell)

    async def check(self) -> Sequence[str]:
        """Ask for the bills of a spot that is not there, and have the other statements planned.

        Nothing is written and nothing is kept. It may take as long as a few questions do.
        """
        if self._trouble is not None:
            return [f"{self._trouble[0].upper()}{self._trouble[1:]}."]
        lane = Lane("till-check", time_limit_s=4 * self._time_limit_s, cut=self._cut)

        def examine() -> list[str]:
            return problems_of(
                self._reader, self._writer, self._open_bills, self._mark_paid, self._confirm
            )

        try:
            return await lane.run(examine)
        except LaneTrouble as trouble:
            return [f"The database {trouble}."]
        finally:
            lane.close()

    async def aclose(self) -> None:
        """Close the connections. A database that hangs is not waited for."""
        for lanes in (*self._asking.values(), *self._telling.values()):
            lanes.close()
        if self._trouble is None:
            thread = OneThread("till-closing")
            closing = asyncio.get_running_loop().run_in_executor(thread, self._reader.dispose)
            thread.shutdown(wait=False)
            await asyncio.wait([closing], timeout=CLOSE_LIMIT_S)
            closing.cancel()

    async def _run(
        self,
        lanes_of: dict[int, Lanes],
        location_id: int,
        doing: str,
        values: Mapping[str, object],
        work: Callable[[], T],
    ) -> T:
        """Do blocking work on a lane of the location; turn what a driver raises into a sentence."""
        if self._trouble is not None:
            raise TillError(self._trouble)
        lanes = lanes_of.get(location_id)
        if lanes is None:
            lanes = lanes_of[location_id] = Lanes(
                f"till-{location_id}",
                count=LANES_MAX if lanes_of is self._asking else 1,
                time_limit_s=self._time_limit_s,
                cut=self._cut,
            )

        def guarded() -> T:
            try:
                return work()
            except TillError:
                raise
            except UnusableRows as reason:
                raise UnreadableBill(f"{doing} {reason}") from None
            except Unreachable as error:
                raise TillError(str(error)) from None
            except Exception as error:  # A driver raises what it likes.
                kind = Refused if is_of_the_values(error) else TillError
                raise kind(f"{doing}: {words_of(error, values)}") from None

        try:
            return await lanes.run(guarded)
        except LaneTrouble as trouble:
            raise TillError(f"the database {trouble}") from None

    def _cut(self, thread: int) -> None:
        """Break whatever a thread hangs on."""
        self._reader.cut(thread)
        self._writer.cut(thread)
