"""The till: bills that come late, change their mind or are paid in cash, and a till that sulks.

A bill may be plain, in parts, or on hold: then the guest agrees to a ceiling, and the house says
the final amount some time after, if it ever does.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.domain.bill import AtHoldEnd, Bill, BillPart, Hold
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.wallet import TransactionStatus
from worker.ports import Owed, TillMissing, TillTrouble

if TYPE_CHECKING:
    from tests.simulation.evening import Evening
    from tests.simulation.process import Process
    from tests.simulation.truth import Charge

PRICE: Final = Money(1250, "EUR")
LABELS: Final = frozenset(
    {
        "bill.changes_when_agreed",
        "bill.in_parts",
        "bill.on_hold",
        "hold.grows",
        "hold.final",
        "hold.final_is_all",
        "hold.final_is_more",
        "hold.comes_to_nothing",
        "hold.never_final",
        "till.lists_paid_parts",
        "till.locks",
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a process was last told about a table."""

    at_s: float
    bills: tuple[Bill, ...]


class House:
    """What the shop's own books say, whoever asks."""

    def __init__(self, evening: "Evening", *, has_bills: bool) -> None:
        self.evening = evening
        self.has_bills = has_bills
        self.bills: dict[str, Bill] = {}
        self.trouble = ""
        """Why the till can not be used now; empty: it can."""
        self.told: dict[tuple[Process, str], Told] = {}
        self.known: defaultdict[str, set[int]] = defaultdict(set)
        """Every amount that the house ever said a bill on hold has come to."""
        self.at_end: dict[str, AtHoldEnd] = {}
        """What each bill on hold says of held money whose final amount is never told."""
        self.finals: dict[str, tuple[float, int] | None] = {}
        """What a script says that a bill on hold comes to, and how long after the guest's yes;
        None: never. A bill without an entry: as chance will have it."""
        self.ordered: deque[str] = deque()
        """What a script has in store for the next notices; an empty word: nothing."""
        self.posted: dict[str, Notice] = {}
        """What it was told, by the notice's name."""
        self.taken: defaultdict[str, set[str]] = defaultdict(set)
        """The parts of each bill that were taken; an empty name stands for the whole."""
        self.paid_parts: defaultdict[str, set[str]] = defaultdict(set)
        self.locks: dict[str, tuple[str, float]] = {}
        """Which visit locked each bill, and until when."""
        self.asked_most: Counter[tuple[str, str]] = Counter()
        """The most that was ever asked for each part of each bill; "" stands for the whole."""
        self._count = 0
        self._dice = evening.choices.stream("bill")
        self._kinds = evening.choices.stream("bill-kind")

    def seat(self, table: str) -> Bill:
        """Open a bill for a table."""
        self._count += 1
        amount = self._dice.randrange(100, 9000)
        bill = Bill(f"bill-{self._count}", Money(amount, "EUR"), table)
        plan, choices = self.evening.plan, self.evening.choices
        if plan.split_chance and choices.fires("bill.in_parts", plan.split_chance):
            bill = self._in_parts(bill)
        elif plan.hold_chance and choices.fires("bill.on_hold", plan.hold_chance):
            for_s = self._kinds.choice((61, 95, 121))
            known = 0 if self._kinds.random() < 0.2 else self._kinds.randrange(0, amount)
            at_end = self._kinds.choice((AtHoldEnd.CONFIRM, AtHoldEnd.RELEASE))
            bill = replace(bill, hold=Hold(known, for_s, at_end))
        self.lay(table, bill)
        return bill

    def lay(self, table: str, bill: Bill) -> None:
        """Lay a bill on a table that was not there before."""
        if bill.hold is not None:
            self.known[f"{bill.bill_id}"].add(bill.hold.known_minor)
            self.at_end[f"{bill.bill_id}"] = bill.hold.at_end
        self._put(table, bill)

    def _put(self, table: str, bill: Bill) -> None:
        """Lay a bill on a table, as a new one or instead of what it said before."""
        self.bills[table] = bill
        paid = {part.part_id for part in bill.parts} & self.paid_parts[f"{bill.bill_id}"]
        assert not paid or bill.parts, "what was paid in parts stays in parts"
        asked = {part.part_id: part.money for part in bill.parts} or {"": bill.money}
        for part_id, money in asked.items():
            name = f"{bill.bill_id}", part_id
            self.asked_most[name] = max(self.asked_most[name], money.amount_minor)

    def _in_parts(self, bill: Bill) -> Bill:
        parts = tuple(
            BillPart(f"p{number}", Money(self._kinds.randrange(100, 3000), "EUR"))
            for number in range(1, self._kinds.randrange(3, 5))
        )
        return replace(bill, parts=parts, money=total(parts))

    def change(self, table: str) -> None:
        """Order one more, or send something back."""
        bill = self.bills[table]
        if self._is_locked(bill):
            return  # The cashier is told to wait a minute.
        more = self._dice.choice((-50, 50, 200))
        if bill.hold is not None:
            self.grow(table)
        elif bill.parts:
            self._change_part(table, bill, more)
        else:
            money = Money(max(50, bill.money.amount_minor + more), "EUR")
            self._put(table, Bill(bill.bill_id, money, table))

    def _change_part(self, table: str, bill: Bill, more: int) -> None:
        """Change an unpaid part's price, or take it back."""
        paid = self.paid_parts[f"{bill.bill_id}"]
        unpaid = [part for part in bill.parts if part.part_id not in paid]
        if not unpaid:
            return
        chosen = unpaid[0]
        left = tuple(part for part in bill.parts if part is not chosen)
        if more > 0 or not left:
            money = Money(max(50, chosen.money.amount_minor + more), "EUR")
            left = (*left, replace(chosen, money=money))
        self._put(table, replace(bill, parts=left, money=total(left)))

    def raise_part(self, table: str, more: int) -> None:
        """Ask for more for an unpaid part."""
        self._change_part(table, self.bills[table], more)

    def grow(self, table: str) -> None:
        """The meter runs on, below the ceiling."""
        bill = self.bills[table]
        assert bill.hold is not None, "only a bill on hold grows"
        self.evening.choices.note("hold.grows")
        grown = min(bill.money.amount_minor, bill.hold.known_minor + 50)
        self.known[f"{bill.bill_id}"].add(grown)
        self._put(table, replace(bill, hold=replace(bill.hold, known_minor=grown)))

    def on_reserve(self, charge: "Charge") -> None:
        """A guest agreed, and a bill may change at that instant; what is on hold is ended later."""
        table = charge.table.identifier if charge.table else ""
        bill = self.bills.get(table)
        chance = self.evening.plan.bill_chance
        if bill is not None and self.evening.choices.fires("bill.changes_when_agreed", chance):
            self.change(table)
            bill = self.bills[table]
        if bill is None or bill.hold is None:
            return
        name, later = f"{bill.bill_id}", self.evening.loop.call_later
        if name in self.finals:
            final = self.finals[name]
            if final is not None:
                later(final[0], self._finish, table, name, final[1], context=self.evening.context)
            return
        if self.evening.choices.fires("hold.never_final", 0.2):
            return
        delay_s, context = self._kinds.uniform(0.0, 40.0), self.evening.context
        later(delay_s, self._finish, table, name, None, context=context)

    def _finish(self, table: str, bill_id: str, amount: int | None) -> None:
        bill = self.bills.get(table)
        if bill is None or bill.bill_id != bill_id or bill.hold is None:
            return
        if amount is None:
            amount = self._draw_final(bill.money.amount_minor)
        self.evening.tell("bill is final", table, str(amount))
        self.evening.stirs += 1
        if amount == 0:
            del self.bills[table]
            return
        self.known[f"{bill.bill_id}"].add(amount)
        self._put(table, Bill(bill.bill_id, Money(amount, "EUR"), table))

    def _draw_final(self, ceiling: int) -> int:
        """Draw what a bill on hold comes to; 0: nothing."""
        choices = self.evening.choices
        if choices.fires("hold.final_is_more", 0.1):
            return ceiling + 500
        if choices.fires("hold.comes_to_nothing", 0.1):
            return 0
        if choices.fires("hold.final_is_all", 0.1):
            return ceiling
        choices.note("hold.final")
        return self._kinds.randrange(1, ceiling + 1)

    def _is_locked(self, bill: Bill) -> bool:
        _, until_s = self.locks.get(f"{bill.bill_id}", ("", 0.0))
        return self.evening.loop.time() < until_s

    def on_taken(self, charge: "Charge") -> None:
        """Somebody got up from the table; the next one's bill is another, told or not."""
        bill_id, part = self.evening.bill_of(charge), self.evening.part_of(charge)
        self.taken[bill_id].add(part)

    def is_over(self, table: str) -> bool:
        """Tell whether a table has no bill, or one that is paid and merely not told yet."""
        bill = self.bills.get(table)
        if bill is None:
            return True
        taken = self.taken[f"{bill.bill_id}"]
        return bool(taken) and all(part.part_id in taken for part in bill.parts)

    def ask(self, table: str) -> tuple[Bill, ...]:
        """Tell what a table owes now."""
        if not self.has_bills:
            return (Bill(None, PRICE, f"Table {table}"),)
        bill = self.bills.get(table)
        if bill is None:
            return ()
        if bill.parts and self.evening.plan.lists_paid_parts:
            self.evening.choices.note("till.lists_paid_parts")
            return (bill,)
        paid = self.paid_parts[f"{bill.bill_id}"]
        left = tuple(part for part in bill.parts if part.part_id not in paid)
        return (replace(bill, parts=left, money=total(left)) if bill.parts else bill,)

    def lock(self, table: str, bill_id: str, visit: str) -> Bill | TillMissing | TillTrouble:
        """Keep a bill as it is."""
        self.evening.choices.note("till.locks")
        now_s = self.evening.loop.time()
        holder, until_s = self.locks.get(bill_id, (visit, 0.0))
        if now_s < until_s and holder != visit:
            return TillTrouble("it is locked by another")
        found = next((bill for bill in self.ask(table) if bill.bill_id == bill_id), None)
        if found is None:
            return TillMissing()
        self.locks[bill_id] = (visit, now_s + 120.0)
        return found

    def post(self, notice: Notice) -> None:
        """Take a payment into the books. Told twice, it must be the same in every word (S7)."""
        truth, evening = self.evening.truth, self.evening
        charge = truth.charges[notice.transaction_key]
        if charge.status is not TransactionStatus.CONFIRMED:
            truth.wrong("S7", f"the till was told that {notice.visit} paid, but nothing was taken")
        about = (evening.bill_of(charge), evening.part_of(charge))
        if (notice.bill_id, notice.part_id or "") != about:
            truth.wrong(
                "S7", f"the till was told of {notice.bill_id} {notice.part_id}, not {about}"
            )
        if charge.taken != notice.money:
            truth.wrong("S7", f"the till was told {notice.money}, {charge.taken} moved")
        evening.stirs += 1
        before = self.posted.setdefault(notice.notice_id, notice)
        if before != notice:
            truth.wrong("S7", f"the till was told two different things: {before} and {notice}")
        self._take_off(notice)
        evening.tell("till is told", notice.visit, notice.transaction_key)

    def check_order(self, notice: Notice, owed: Sequence[Owed]) -> None:
        """S7: the till hears of a bill's payments in the order in which they were written down."""
        if notice.notice_id in self.posted:
            return
        for earlier in (one.notice for one in owed):
            if earlier.notice_id == notice.notice_id:
                return
            if earlier.bill_id == notice.bill_id and earlier.notice_id not in self.posted:
                what = f"{notice.notice_id} is told before {earlier.notice_id} of the same bill"
                self.evening.truth.wrong("S7", what)
        self.evening.truth.wrong("S7", f"{notice.notice_id} is told and not durable")

    def _take_off(self, notice: Notice) -> None:
        bill = self.bills.get(notice.table)
        if bill is None or bill.bill_id != notice.bill_id:
            return
        paid = self.paid_parts[notice.bill_id]
        if notice.part_id is not None:
            paid.add(notice.part_id)
        if all(part.part_id in paid for part in bill.parts):
            del self.bills[notice.table]


def total(parts: tuple[BillPart, ...]) -> Money:
    """Add parts up; of none, the smallest amount there is."""
    return Money(sum(part.money.amount_minor for part in parts) or 1, "EUR")


class SimTill:
    """The Till port of one process."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._evening = process.evening
        self._house = process.evening.till
        self._loop = process.evening.loop

    @property
    def can_lock(self) -> bool:
        """Whether the house locks its bills, this evening."""
        return self._evening.plan.can_lock

    async def _wait(self, then: Callable[[], object]) -> None:
        """Take the till's time; whatever happens there happens to a dead process too."""
        self._process.must_live()
        evening = self._evening
        done = self._loop.create_future()
        delay_s = evening.delay_s()
        if evening.choices.fires("till.slow", evening.till_chance):
            delay_s = 6.0

        def act() -> None:
            then()
            if not done.done():
                done.set_result(None)

        self._loop.call_later(delay_s, act, context=evening.context)
        await done

    async def find_bills(
        self, location_id: LocationId, table: str
    ) -> tuple[Bill, ...] | TillTrouble:
        """Tell what the table owes now."""
        found: list[tuple[Bill, ...]] = []
        await self._wait(lambda: found.append(self._house.ask(table)))
        if (trouble := self._trouble()) is not None:
            return trouble
        self._house.told[self._process, table] = Told(self._loop.time(), found[0])
        return found[0]

    async def lock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> Bill | TillMissing | TillTrouble:
        """Keep a bill as it is."""
        found: list[Bill | TillMissing | TillTrouble] = []
        await self._wait(lambda: found.append(self._house.lock(table, bill_id, visit)))
        if (trouble := self._trouble()) is not None:
            return trouble
        bills = (found[0],) if isinstance(found[0], Bill) else ()
        self._house.told[self._process, table] = Told(self._loop.time(), bills)
        return found[0]

    async def unlock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> None:
        """Let a bill be changed again."""
        locks = self._house.locks
        await self._wait(lambda: locks.pop(bill_id) if bill_id in locks else None)

    def _trouble(self) -> TillTrouble | None:
        if self._house.trouble:
            return TillTrouble(self._house.trouble)
        if self._evening.choices.fires("till.unreadable", self._evening.till_chance):
            return TillTrouble("half written")
        return None

    async def post(self, notice: Notice) -> TillTrouble | None:
        """Record that a bill is paid."""
        evening, ordered = self._evening, self._house.ordered
        fate = ordered.popleft() if ordered else ""
        if (
            self._house.trouble
            or fate == "refuses"
            or evening.choices.fires("till.refuses", evening.till_chance)
        ):
            await self._wait(lambda: None)
            return TillTrouble(self._house.trouble or "no space")
        evening.stirs += 1
        self._house.check_order(notice, self._process.disk.owed())
        await self._wait(lambda: self._house.post(notice))
        is_lost = evening.choices.fires("till.answer_lost", evening.till_chance)
        if is_lost or fate == "answer_lost":
            return TillTrouble("timed out")
        return None

    async def aclose(self) -> None:
        """Do nothing."""
