"""The real service floor over a fake world, driven by hand: no sleep, no socket, no chance."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from tests.service.world import HALL, FakeClock, FakeWallet, World
from worker.adapters.journal.memory import MemoryJournal
from worker.domain.bill import Bill
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import FINAL, Visit
from worker.ports import PaidBill, TillMissing, TillTrouble
from worker.service.engine import Engine
from worker.service.ledger import KeyLedger
from worker.service.performing import Hands
from worker.service.poller import ReservationPoller, SpotPoller
from worker.service.pulse import Pulse
from worker.service.sightings import Sightings
from worker.service.strangers import Strangers
from worker.service.sweeper import Sweeper

TURNS_MAX = 20_000


class FakeTill:
    """A till whose bills a test writes."""

    def __init__(self) -> None:
        self.bills: dict[str, Bill] = {}
        self.price = Money(1250, "EUR")
        self.trouble: str | None = None
        self.cannot_settle: str | None = None
        self.settled: list[PaidBill] = []

    async def find_bill(
        self, location_id: LocationId, table: str
    ) -> Bill | TillMissing | TillTrouble:
        """Tell what the table owes: its bill, or a sale at the price."""
        if self.trouble is not None:
            return TillTrouble(self.trouble)
        return self.bills.get(table) or Bill(None, self.price, f"Table {table}")

    async def settle(self, paid: PaidBill) -> TillTrouble | None:
        """Take a bill off the table."""
        if self.cannot_settle is not None:
            return TillTrouble(self.cannot_settle)
        self.settled.append(paid)
        self.bills.pop(paid.table, None)
        return None


class Bench:
    """One worker after the other over one world and one journal."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.clock = FakeClock()
        self.world = World(self.clock)
        self.till = FakeTill()
        self.journal = MemoryJournal()
        self.policy = policy or Policy(bill_wait_s=20, offer_ttl_s=60)
        self.hire()

    def hire(self) -> None:
        """Start afresh with the same world and journal, as after a restart."""
        wallet, journal, clock = FakeWallet(self.world), self.journal, self.clock
        ledger = KeyLedger(journal)
        self.pulse = Pulse(clock)
        sightings = Sightings(3.0)
        self.strangers = Strangers(wallet, journal, clock, ledger)
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
            ),
            journal=journal,
            clock=clock,
            policy=self.policy,
            dice=random.Random(7),
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
        async with asyncio.TaskGroup() as group:
            await self.engine.start(group)
            await self.rest()
            yield self.engine
            await self.engine.drain(1.0)

    async def rest(self) -> None:
        """Wait until no visit has a turn under way."""
        for _ in range(TURNS_MAX):
            await asyncio.sleep(0)  # Also lets the news of a crash arrive.
            if not self.engine.in_flight():
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
