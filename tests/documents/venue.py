"""A venue in virtual time: Paysera's side, a till that speaks in documents, and a worker's life."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from tests.service.world import HALL, Charge, FakeClock, FakeWallet, World
from tests.simulation.process import Herald
from worker import bootstrap
from worker.adapters.clock import SystemClock
from worker.adapters.journal.memory import MemoryJournal
from worker.adapters.till import GuardedTill
from worker.adapters.till.connector import Document, TillError
from worker.adapters.wallet.health import Pulse
from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.notice import Notice
from worker.domain.outcome import Outcome
from worker.domain.wallet import (
    NewTransaction,
    Spot,
    SpotList,
    SpotOrder,
    Transaction,
    TransactionStatus,
)
from worker.logbook import LineName
from worker.service.assembly import assemble
from worker.settings import Settings, load

T = TypeVar("T")

SETTINGS: Final = """
[wallet]
client_id = "the-venue"
[polling]
spots_interval_s = 4.0
[[locations]]
id = 9975
name = "Main hall"
[till]
kind = "folder"
path = "/var/lib/paysera-worker/bills"
"""
LETTERS: Final = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class VenueClock(FakeClock):
    """The venue's time, which is the loop's."""

    def __init__(self, began_at: datetime, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = SystemClock(lambda: began_at.timestamp() + loop.time(), loop.time)

    def now(self) -> datetime:
        """Give the time."""
        return self._clock.now()


class VenueWorld(World):
    """Paysera's side, with keys that look like keys."""

    def __init__(self, clock: FakeClock, dice: Random) -> None:
        super().__init__(clock)
        self._dice = dice

    def charge(self, request: NewTransaction) -> Charge:
        """Somebody asks for a transaction."""
        key = TransactionKey("AT" + "".join(self._dice.choices(LETTERS, k=22)))
        self.charges[key] = Charge(key, request, created_at=self.clock.now())
        return self.charges[key]


class VenueWallet:
    """The Wallet port: each call takes its time and is noted as the real client notes it."""

    def __init__(self, world: World, clock: SystemClock, dice: Random) -> None:
        self._wallet = FakeWallet(world)
        self._dice = dice
        self._pulse = Pulse(clock)

    async def _call(self, op: str, outcome: Outcome[T]) -> Outcome[T]:
        await asyncio.sleep(self._dice.uniform(0.09, 0.24))
        self._pulse.note(op, outcome)
        return outcome

    async def list_waiting_spots(self, location_id: LocationId) -> Outcome[SpotList]:
        """Read the waiting spots."""
        return await self._call("spots", await self._wallet.list_waiting_spots(location_id))

    async def list_transactions(
        self, statuses: Sequence[TransactionStatus], since: datetime | None = None
    ) -> Outcome[tuple[Transaction, ...]]:
        """Read the list."""
        listed = await self._wallet.list_transactions(statuses, since)
        return await self._call("transactions", listed)

    async def look_at_spot(self, spot_id: SpotId) -> Outcome[Spot]:
        """Read one spot."""
        return await self._call("spot", await self._wallet.look_at_spot(spot_id))

    async def look_at_transaction(self, key: TransactionKey) -> Outcome[Transaction]:
        """Read one transaction."""
        return await self._call("transaction", await self._wallet.look_at_transaction(key))

    async def create_transaction(self, request: NewTransaction) -> Outcome[Transaction]:
        """Make a transaction."""
        return await self._call("create", await self._wallet.create_transaction(request))

    async def link_order(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        """Put a transaction on a spot."""
        return await self._call("link", await self._wallet.link_order(spot_id, key))

    async def confirm_transaction(
        self, key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        """Take the money."""
        confirmed = await self._wallet.confirm_transaction(key, not_after, lowered)
        return await self._call("confirm", confirmed)

    async def revoke_transaction(self, key: TransactionKey) -> Outcome[None]:
        """Withdraw a transaction."""
        return await self._call("revoke", await self._wallet.revoke_transaction(key))

    async def close_spot(self, spot_id: SpotId, not_after: datetime) -> Outcome[None]:
        """Free a spot."""
        return await self._call("close", await self._wallet.close_spot(spot_id, not_after))


@dataclass
class VenueTill:
    """The shop's software."""

    bills: dict[str, dict[str, object]] = field(default_factory=dict)
    """The open bill of each table."""
    refuses: str | None = None
    """Why it accepts no notice; None: it does."""
    paid: list[Notice] = field(default_factory=list)
    can_lock: bool = False

    async def open_bills(self, location_id: int, spot: str) -> Sequence[Document]:
        """Give the open bill of a table."""
        return [self.bills[spot]] if spot in self.bills else []

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Document:
        """Refuse: it locks nothing."""
        raise TillError("it locks nothing")

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Do nothing."""

    async def post(self, notice: Notice) -> None:
        """Take what is paid off the table."""
        if self.refuses is not None:
            raise TillError(self.refuses)
        self.paid.append(notice)
        if notice.part_id is None:
            self.bills.pop(notice.table, None)

    async def check(self) -> Sequence[str]:
        """Find nothing wrong."""
        return []

    async def aclose(self) -> None:
        """Close nothing."""


class Venue:
    """What outlives a worker: the world, the till, the journal."""

    def __init__(self, began_at: datetime, loop: asyncio.AbstractEventLoop, dice: Random) -> None:
        self._loop = loop
        self._dice = dice
        self.clock = SystemClock(lambda: began_at.timestamp() + loop.time(), loop.time)
        self.world = VenueWorld(VenueClock(began_at, loop), Random(1))
        self.till = VenueTill()
        self.journal = MemoryJournal()
        self._number = 1040
        self._stop = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    def owe(self, table: str, minor: int, **more: object) -> None:
        """Write a table's bill."""
        known = self.till.bills.get(table, {})
        if not known:
            self._number += 1
        bill: Mapping[str, object] = {
            "bill_id": f"B-{self._number}", "currency": "EUR", "amount_minor": minor,
            "description": f"Table {table.removeprefix('table')}",
        }  # fmt: skip
        self.till.bills[table] = {**bill, **known, "amount_minor": minor, **more}

    def reserve(self, table: str, place: int = 0) -> None:
        """A guest at the table agrees to pay."""
        self.world.reserve(self.world.offers(table)[place])

    def decline(self, table: str) -> None:
        """A guest says no in the app."""
        self.world.offers(table)[0].status = TransactionStatus.REJECTED

    def start(self) -> None:
        """Start a worker, as systemd would."""
        self._stop = asyncio.Event()
        self._life = self._loop.create_task(self._live(self._stop))

    def ask_to_stop(self) -> None:
        """Ask the worker to stop."""
        bootstrap.ask_to_stop(self._stop, "SIGTERM")

    async def has_stopped(self) -> None:
        """Wait until it has, and hear what went wrong."""
        assert self._life is not None, "it was started"
        await self._life

    async def _live(self, stop: asyncio.Event) -> None:
        settings, clock = settings_of_the_venue(), self.clock
        bootstrap.tell_start(settings)
        supervisor = assemble(
            locations=[HALL],
            spots_interval_s=settings.polling.spots_interval_s,
            reservations_interval_s=settings.polling.reservations_interval_s,
            policy=bootstrap.make_policy(settings),
            wallet=VenueWallet(self.world, clock, self._dice),
            journal=self.journal,
            till=GuardedTill(self.till, clock),
            clock=clock,
            dice=self._dice,
            herald=Herald(),
            wallet_report=dict,
        )
        await supervisor.run(stop)
        bootstrap.log.info(LineName.WORKER_STOPPED, exit_code=bootstrap.EXIT_OK)


def settings_of_the_venue() -> Settings:
    """Read the settings as the daemon does."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "worker.toml"
        file.write_text(SETTINGS)
        environ = {"PAYSERA_WORKER_WALLET__MAC_KEY": "a-key-that-no-line-shows"}
        return load(file, environ, secrets_dir=Path(folder) / "none")
