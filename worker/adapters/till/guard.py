"""The guard around every connector: whatever a shop's till does, the worker gets an answer in time.

A connector may be slow, hang, raise, lie or refuse to be cancelled. Each call has a time limit and
each location a way of its own, so that one till's trouble is nobody else's. What comes back is read
as strictly as a letter from a stranger; a bill that can not be read without doubt is trouble, never
a guess.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from worker.adapters.till.circuit import Circuit
from worker.adapters.till.connector import (
    BillGone,
    Connector,
    Refused,
    TillError,
    UnreadableBill,
)
from worker.adapters.till.document import UnusableBill, bill_from, load_currencies, opened_at
from worker.adapters.till.text import shown
from worker.domain.bill import Bill
from worker.domain.ids import LocationId
from worker.domain.notice import Notice
from worker.ports import Clock, TillMissing, TillTrouble

TIME_LIMIT_S: Final = 5.0
CLOSE_LIMIT_S: Final = 1.0
LOCK_S: Final = 120
"""Longer than one look at a visit is from the next, so that a lock that is in use never lapses."""
BILLS_MAX: Final = 50
LINES_IN_ALL_MAX: Final = 2000
"""Over all bills of one table; more would be read for longer than anybody looks at them."""
LINES_AT_ONCE: Final = 100
"""Read within a millisecond; more are read beside the loop."""
STUCK_MAX: Final = 2
"""So many calls of a location may be out that were given up and did not end; then it gets none."""
PROBLEMS_MAX: Final = 20
WHY_CHARS_MAX: Final = 300
_CANCELS: Final = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Failed:
    """A call that gave no answer."""

    why: str
    is_till: bool = True
    """False: the till works, and says no to this one thing."""


@dataclass(slots=True)
class _Way:
    """What is known of one location's till."""

    asking: Circuit
    telling: Circuit
    """Apart: a till that refuses notices for hours may still tell what its tables owe."""
    stuck: set[asyncio.Task[object]] = field(default_factory=set)


class GuardedTill:
    """The Till port, over any connector.

    Args:
        connector: the way to the shop.
        clock: what the pauses of an unreachable till are counted by.
        time_limit_s: how long one call may take.
        has_ids: whether bills have ids. A price list's have none, and nothing is told to it.

    """

    def __init__(
        self,
        connector: Connector,
        clock: Clock,
        time_limit_s: float = TIME_LIMIT_S,
        *,
        has_ids: bool = True,
    ) -> None:
        self._connector = connector
        self._clock = clock
        self._time_limit_s = time_limit_s
        self._has_ids = has_ids
        self._can_lock = connector.can_lock is True
        load_currencies()
        self._ways: dict[LocationId, _Way] = {}
        self._calls: set[asyncio.Task[object]] = set()

    @property
    def can_lock(self) -> bool:
        """Whether bills can be locked while they are being paid."""
        return self._can_lock

    def trouble_of(self, location_id: LocationId) -> str | None:
        """Say why a location's till is left alone at the moment; None: it is not."""
        way = self._ways.get(location_id)
        return None if way is None else way.asking.trouble or way.telling.trouble

    async def find_bills(
        self, location_id: LocationId, table: str
    ) -> tuple[Bill, ...] | TillTrouble:
        """Tell what the table owes now, the oldest bill first; empty: nothing."""
        way = self._way(location_id)

        async def ask() -> tuple[Bill, ...]:
            given = await self._connector.open_bills(location_id, table)
            return await self._read(_documents(given), location_id, table)

        answer = await self._call(way, way.asking, ask)
        return TillTrouble(answer.why) if isinstance(answer, _Failed) else answer

    async def lock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> Bill | TillMissing | TillTrouble:
        """Keep a bill from being changed for two minutes, and give it as it is now."""
        if not self._can_lock:
            return TillTrouble("this till can not lock bills")
        way = self._way(location_id)

        async def ask() -> Bill | TillMissing:
            try:
                given = await self._connector.lock(location_id, table, bill_id, visit, LOCK_S)
            except BillGone:
                return TillMissing()
            (document,) = _documents([given])
            if document.get("bill_id") != bill_id:
                raise UnreadableBill("the till locked another bill than it was asked to")
            found = await self._read([document], location_id, table)
            return found[0] if found else TillMissing()

        answer = await self._call(way, way.asking, ask)
        return TillTrouble(answer.why) if isinstance(answer, _Failed) else answer

    async def unlock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> None:
        """Let a bill be changed again. If the till can not be told, the lock lapses by itself."""
        if not self._can_lock:
            return
        way = self._way(location_id)
        await self._call(
            way, way.asking, lambda: self._connector.unlock(location_id, table, bill_id, visit)
        )

    async def post(self, notice: Notice) -> TillTrouble | None:
        """Tell that a bill is paid; None: the till has it for good."""
        if not self._has_ids:
            return None
        way = self._way(notice.location_id)
        answer = await self._call(way, way.telling, lambda: self._connector.post(notice))
        return TillTrouble(answer.why) if isinstance(answer, _Failed) else None

    async def check(self) -> list[str]:
        """Try the way to the till without changing anything; say in sentences what is wrong."""

        async def ask() -> list[str]:
            found = await self._connector.check()
            if isinstance(found, str) or not isinstance(found, Sequence):
                raise TillError("its check gave something else than sentences")
            few = itertools.islice(found, PROBLEMS_MAX)
            return [shown(str(problem), WHY_CHARS_MAX) for problem in few]

        answer = await self._outcome(ask, set())
        if isinstance(answer, _Failed):
            return [f"The till can not be used: {answer.why}."]
        return answer

    async def aclose(self) -> None:
        """Let go of what is open. Neither a call nor a connector that hangs is waited for long."""
        for call in self._calls:
            call.cancel()
        stuck = set(self._calls)
        await self._outcome(self._connector.aclose, stuck, CLOSE_LIMIT_S)
        for _ in range(_CANCELS):
            left = {call for call in stuck if not call.done()}
            if not left:
                return
            for call in left:
                call.cancel()
            await asyncio.wait(left, timeout=CLOSE_LIMIT_S / _CANCELS)
        for call in left:
            # One that will not be cancelled would keep the loop, and with it the process, for ever.
            asyncio._unregister_task(call)  # noqa: SLF001 - in the manual, in "Extending"

    def _way(self, location_id: LocationId) -> _Way:
        way = self._ways.get(location_id)
        if way is None:
            ticks_s = self._clock.ticks_s
            way = self._ways[location_id] = _Way(
                Circuit(location_id, "bills", ticks_s), Circuit(location_id, "notices", ticks_s)
            )
        return way

    async def _call(
        self, way: _Way, circuit: Circuit, call: Callable[[], Awaitable[T]]
    ) -> T | _Failed:
        """Make one call of a location, unless its till is left alone."""
        if len(way.stuck) >= STUCK_MAX:
            return _Failed(f"{len(way.stuck)} calls that were given up have not ended")
        if not circuit.enter():
            return _Failed(f"left alone for a while, {circuit.trouble}")
        try:
            answer = await self._outcome(call, way.stuck)
        except asyncio.CancelledError:
            circuit.give_up()
            raise
        if isinstance(answer, _Failed) and answer.is_till:
            circuit.fail(answer.why)
        else:
            circuit.succeed()
        return answer

    async def _outcome(
        self,
        call: Callable[[], Awaitable[T]],
        stuck: set[asyncio.Task[object]],
        time_limit_s: float | None = None,
    ) -> T | _Failed:
        """Make a call and wait for its end, but no longer than the limit.

        A task of its own, so that a call that swallows its cancellation holds nobody. It is owned
        here: given up, it stays in `stuck` until it ends, and `aclose` cancels what is left.
        """
        limit_s = self._time_limit_s if time_limit_s is None else time_limit_s
        task = asyncio.get_running_loop().create_task(_answer_of(call), name="till call")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        try:
            await asyncio.wait([task], timeout=limit_s)
        finally:
            if not task.done():
                stuck.add(task)
                task.add_done_callback(stuck.discard)
                task.add_done_callback(_retrieve)
                task.cancel()
        if not task.done():
            return _Failed(f"no answer within {limit_s:g} s")
        if task.cancelled():
            return _Failed("the call was broken off")
        error = task.exception()
        return task.result() if error is None else _Failed(type(error).__name__)

    async def _read(
        self, documents: list[dict[str, object]], location_id: LocationId, table: str
    ) -> tuple[Bill, ...]:
        """Read the bills; many lines beside the loop, so that they hold up no other location.

        Raises:
            UnreadableBill: the table's bills are in doubt, or longer than any are.

        """
        lines = sum(_length(document.get("lines")) for document in documents)
        if lines > LINES_IN_ALL_MAX:
            raise UnreadableBill(
                f"the till gave {lines} lines for one table; {LINES_IN_ALL_MAX} is the most"
            )
        if lines > LINES_AT_ONCE:
            return await asyncio.to_thread(self._bills, documents, location_id, table)
        return self._bills(documents, location_id, table)

    def _bills(
        self, documents: Iterable[dict[str, object]], location_id: LocationId, table: str
    ) -> tuple[Bill, ...]:
        """Read every document, or say which one can not be read: it may be the one that counts.

        The oldest bill comes first if each says when it was opened; else the till's order stands.

        Raises:
            UnreadableBill: the table's bills are in doubt.

        """
        bills: list[Bill] = []
        ages: list[datetime] = []
        names: set[object] = set()
        for document in documents:
            name = document.get("bill_id")
            for key, asked in (("location_id", location_id), ("spot", table)):
                named = document.get(key)
                if named is not None and (type(named) is not type(asked) or named != asked):
                    raise UnreadableBill(
                        f"the till answered for another table: bill {_label(name)}"
                    )
            try:
                bill = bill_from(document, needs_id=self._has_ids)
            except UnusableBill as reason:
                raise UnreadableBill(f"bill {_label(name)}: {reason}") from None
            if name is not None:
                if name in names:
                    raise UnreadableBill(f"bill {_label(name)} is there twice")
                names.add(name)
            if bill is not None:
                bills.append(bill)
                if (age := opened_at(document)) is not None:
                    ages.append(age)
        if len(ages) < len(bills):
            return tuple(bills)
        order = sorted(range(len(bills)), key=ages.__getitem__)
        return tuple(bills[place] for place in order)


async def _answer_of(call: Callable[[], Awaitable[T]]) -> T | _Failed:
    """Make a call; whatever a stranger's code raises is an answer too."""
    try:
        return await call()
    except Refused as error:
        return _Failed(_said(error), is_till=False)
    except TillError as error:
        return _Failed(_said(error))
    except (Exception, SystemExit) as error:  # A plug-in that ends the process is no reason to end.
        return _Failed(type(error).__name__)


def _said(error: TillError) -> str:
    return shown(str(error), WHY_CHARS_MAX) or type(error).__name__


def _documents(given: object) -> list[dict[str, object]]:
    """Take a list of objects, and copy them, so that what is read is what was looked at.

    Raises:
        TillError: it is something else, which a till that works does not give.
        UnreadableBill: it is one, of more bills than any table has.

    """
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise TillError(f"the till gave {_article(given)} in place of a list of bills")
    few = list(itertools.islice(given, BILLS_MAX + 1))
    if len(few) > BILLS_MAX:
        raise UnreadableBill(f"the till gave more than {BILLS_MAX} bills for one table")
    for document in few:
        if not isinstance(document, Mapping):
            raise TillError(f"the till gave {_article(document)} in place of a bill")
    return [dict(document) for document in few]


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else 0


def _article(given: object) -> str:
    return f"something of the type {shown(type(given).__name__, 60)}"


def _label(bill_id: object) -> str:
    """Name a bill in a message, whatever its name is."""
    return shown(bill_id, 60) if type(bill_id) is str else "without a bill_id"


def _retrieve(task: asyncio.Task[object]) -> None:
    """Take an answer that came too late, so that nobody complains that it was never taken."""
    if not task.cancelled():
        task.exception()
