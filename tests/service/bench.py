"""The real service floor over a fake world, driven by hand: no sleep, no socket, no chance."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from tests.service.world import HALL, FakeClock, FakeWallet, World
from worker.adapters.journal.memory import MemoryJournal
from worker.domain.bill import Bill
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.policy import Policy
from worker.domain.safety import Safety
from worker.domain.visit import FINAL, Visit
from worker.ports import TillMissing, TillTrouble
from worker.service.allowance import Allowance
from worker.service.engine import Engine
from worker.service.ledger import KeyLedger
from worker.service.performing import Hands
from worker.service.poller import ReservationPoller, SpotPoller
from worker.service.postman import Postman, heads
from worker.service.pulse import Pulse
from worker.service.sightings import Sightings
from worker.service.strangers import Strangers
from worker.service.sweeper import Sweeper

TURNS_MAX = 20_000


class FakeTill:
    """A till whose bills a test writes."""

    def __init__(self) -> None:
        self.bills: dict[str, tuple[Bill, ...]] = {}
        self.price = Money(1250, "EUR")
        self.trouble: str | None = None
        self.refuses: str | None = None
        """Why it accepts no notice; None: it does."""
        self.posted: list[Notice] = []
        self.heard: list[Notice] = []
        """What it was told, accepted or not."""
        self.hangs_for: set[LocationId] = set()
        """Where it takes no notice and gives no answer."""
        self.lists_paid = False
        """Bills and parts that are paid stay on the table."""
        self.can_lock = False
        self.locks: dict[str, str] = {}
        """Which visit holds each bill."""
        self.unlocked: list[str] = []

    def owe(self, table: str, *bills: Bill) -> None:
        """Make these the open bills of a table."""
        self.bills[table] = bills

    async def find_bills(
        self, location_id: LocationId, table: str
    ) -> tuple[Bill, ...] | TillTrouble:
        """Tell what the table owes: its bills, or a sale at the price."""
        if self.trouble is not None:
            return TillTrouble(self.trouble)
        return self.bills.get(table, (Bill(None, self.price, f"Table {table}"),))

    async def lock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> Bill | TillMissing | TillTrouble:
        """Keep a bill as it is."""
        if self.trouble is not None:
            return TillTrouble(self.trouble)
        if self.locks.setdefault(bill_id, visit) != visit:
            return TillTrouble("it is being changed")
        return next((b for b in self.bills[table] if b.bill_id == bill_id), TillMissing())

    async def unlock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> None:
        """Let a bill go."""
        self.unlocked.append(bill_id)
        self.locks.pop(bill_id, None)

    async def post(self, notice: Notice) -> TillTrouble | None:
        """Take a bill, or a part of it, off the table."""
        self.heard.append(notice)
        if notice.location_id in self.hangs_for:
            await asyncio.Event().wait()
        if self.refuses is not None:
            return TillTrouble(self.refuses)
        self.posted.append(notice)
        if self.lists_paid:
            return None
        self.bills[notice.table] = tuple(
            left
            for bill in self.bills.get(notice.table, ())
            for left in [without(bill, notice)]
            if left is not None
        )
        return None


def without(bill: Bill, notice: Notice) -> Bill | None:
    """Give what is left of a bill after a payment; None: nothing."""
    if bill.bill_id != notice.bill_id:
        return bill
    left = tuple(part for part in bill.parts if part.part_id != notice.part_id)
    if not left:
        return None
    total = Money(sum(part.money.amount_minor for part in left), bill.money.currency)
    return replace(bill, parts=left, money=total)


class Bench:
    """One worker after the other over one world and one journal."""

    def __init__(self, policy: Policy | None = None, safety: Safety | None = None) -> None:
        self.clock = FakeClock()
        self.world = World(self.clock)
        self.till = FakeTill()
        self.journal = MemoryJournal()
        self.safety = safety or Safety()
        self.past: tuple[Visit, ...] = ()
        self.policy = policy or Policy(bill_wait_s=20, offer_ttl_s=60)
        self.hire()

    def hire(self) -> None:
        """Start afresh with the same world and journal, as after a restart."""
        wallet, journal, clock = FakeWallet(self.world), self.journal, self.clock
        ledger = KeyLedger(journal)
        self.pulse = Pulse(clock)
        sightings = Sightings(3.0)
        self.strangers = Strangers(wallet, journal, clock, ledger)
        self.postman = Postman(
            till=self.till, journal=journal, clock=clock, policy=self.policy, pulse=self.pulse
        )
        self.engine = Engine(
            hands=Hands(
                wallet=wallet,
                till=self.till,
                journal=journal,
                clock=clock,
                ledger=ledger,
                sightings=sightings,
                strangers=self.strangers,
                search_lock=asyncio.Lock(),
                policy=self.policy,
                allowance=Allowance(self.safety, clock, self.past),
            ),
            journal=journal,
            clock=clock,
            policy=self.policy,
            dice=random.Random(7),
            postman=self.postman,
        )
        self.spots = SpotPoller(
            location_id=HALL,
            interval_s=3.0,
            wallet=wallet,
            engine=self.engine,
            sightings=sightings,
            clock=clock,
            pulse=self.pulse,
        )
        self.reservations = ReservationPoller(
            interval_s=3.0,
            wallet=wallet,
            engine=self.engine,
            strangers=self.strangers,
            clock=clock,
            pulse=self.pulse,
        )
        self.sweeper = Sweeper(
            engine=self.engine, strangers=self.strangers, clock=clock, pulse=self.pulse
        )

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Engine]:
        """Start the worker and stop it politely."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            await self.postman.start(group)
            await self.engine.start(group)
            outbox = group.create_task(self.postman.run(stop))
            await self.rest()
            yield self.engine
            await self.rest()
            await self.engine.drain(1.0)
            await self.postman.drain(1.0)
            outbox.cancel()

    async def rest(self) -> None:
        """Wait until no visit has a turn under way, and the till was told all that is due."""
        for _ in range(TURNS_MAX):
            await asyncio.sleep(0)  # Also lets the news of a crash arrive.
            now = self.clock.now()
            first = heads({one.notice.notice_id: one for one in self.postman.pending()})
            due = [
                owed
                for owed in first.values()
                if owed.next_at <= now and owed.notice.location_id not in self.till.hangs_for
            ]
            if not self.engine.in_flight() and not due:
                await asyncio.sleep(0)
                return
        raise AssertionError(f"turns without end: {self.engine.in_flight()}")

    async def poll(self) -> None:
        """Turn both polls and the watch once."""
        await self.spots.poll()
        await self.rest()
        await self.reservations.poll()
        await self.rest()
        await self.strangers.look_round()

    async def wait(self, seconds: float = 3.0) -> None:
        """Let time pass and wake whom it concerns."""
        self.clock.at += timedelta(seconds=seconds)
        self.engine.wake_due(self.clock.now())
        self.postman.take(())
        await self.rest()

    async def tick(self, count: int = 1, seconds: float = 3.0) -> None:
        """Let the usual happen: poll, then wait."""
        for _ in range(count):
            await self.poll()
            await self.wait(seconds)

    # What the tests ask.

    def visits(self) -> list[Visit]:
        """Give every visit of the journal, oldest first."""
        return sorted(self.journal.visits(), key=lambda visit: visit.visit_id)

    def last(self) -> Visit:
        """Give the newest visit of the journal."""
        return self.visits()[-1]

    def open_visits(self) -> list[Visit]:
        """Give the unfinished visits of the journal."""
        return [visit for visit in self.visits() if visit.step not in FINAL]
