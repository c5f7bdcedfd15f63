"""The till: bills that come late, change their mind or are paid in cash, and a till that sulks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from worker.domain.bill import Bill
from worker.domain.ids import LocationId, TransactionKey
from worker.domain.money import Money
from worker.domain.wallet import TransactionStatus
from worker.ports import PaidBill, TillMissing, TillTrouble

if TYPE_CHECKING:
    from tests.simulation.evening import Evening
    from tests.simulation.process import Process

PRICE: Final = Money(1250, "EUR")


class House:
    """What the shop's own books say, whoever asks."""

    def __init__(self, evening: "Evening", *, has_bills: bool) -> None:
        self.evening = evening
        self.has_bills = has_bills
        self.bills: dict[str, Bill] = {}
        self.trouble = ""
        """Why the till can not be used now; empty: it can."""
        self.told: dict[tuple[Process, str], tuple[float, Bill | None]] = {}
        """What each process was last told about a table, and when."""
        self.settled: dict[str, PaidBill] = {}
        """What each visit was paid with."""
        self._count = 0

    def seat(self, table: str) -> Bill:
        """Open a bill for a table."""
        self._count += 1
        amount = self.evening.choices.stream("bill").randrange(100, 9000)
        bill = self.bills[table] = Bill(f"bill-{self._count}", Money(amount, "EUR"), table)
        return bill

    def change(self, table: str) -> None:
        """Order one more, or send something back."""
        bill = self.bills[table]
        more = self.evening.choices.stream("bill").choice((-50, 50, 200))
        money = Money(max(50, bill.money.amount_minor + more), "EUR")
        self.bills[table] = Bill(bill.bill_id, money, table)

    def ask(self, table: str) -> Bill | None:
        """Tell what a table owes now; None: nothing."""
        if self.has_bills:
            return self.bills.get(table)
        return Bill(None, PRICE, f"Table {table}")

    def settle(self, paid: PaidBill) -> None:
        """Take a bill off the table. Told twice, it must be the same in every word (S7)."""
        truth, evening = self.evening.truth, self.evening
        charge = truth.charges[TransactionKey(paid.transaction_key)]
        if charge.status is not TransactionStatus.CONFIRMED:
            truth.wrong("S7", f"the till was told that {paid.visit} is paid, but nothing was taken")
        if charge.request.money != paid.bill.money:
            truth.wrong("S7", f"the till was told {paid.bill.money}, {charge.request.money} moved")
        evening.stirs += 1
        before = self.settled.setdefault(f"{paid.reference}", paid)
        if before != paid:
            truth.wrong("S7", f"the till was told two different things: {before} and {paid}")
        bill = self.bills.get(paid.table)
        if bill is not None and bill.bill_id == paid.bill.bill_id:
            del self.bills[paid.table]
        evening.tell("till is told", paid.visit, paid.transaction_key)


class SimTill:
    """The Till port of one process."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._evening = process.evening
        self._house = process.evening.till
        self._loop = process.evening.loop

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

    async def find_bill(
        self, location_id: LocationId, table: str
    ) -> Bill | TillMissing | TillTrouble:
        """Tell what the table owes now."""
        found: list[Bill | None] = []
        await self._wait(lambda: found.append(self._house.ask(table)))
        evening = self._evening
        if self._house.trouble:
            return TillTrouble(self._house.trouble)
        if evening.choices.fires("till.unreadable", evening.till_chance):
            return TillTrouble("half written")
        self._house.told[self._process, table] = (self._loop.time(), found[0])
        return found[0] or TillMissing()

    async def settle(self, paid: PaidBill) -> TillTrouble | None:
        """Record that a bill is paid."""
        evening = self._evening
        if self._house.trouble or evening.choices.fires("till.refuses", evening.till_chance):
            await self._wait(lambda: None)
            return TillTrouble(self._house.trouble or "no space")
        evening.stirs += 1
        await self._wait(lambda: self._house.settle(paid))
        if evening.choices.fires("till.answer_lost", evening.till_chance):
            return TillTrouble("timed out")
        return None

    async def aclose(self) -> None:
        """Do nothing."""
