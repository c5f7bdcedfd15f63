"""A small wallet world in memory: the port's promises, the vendor's rules, and trouble on demand.

It is its own truth: what the worker believes never matters here.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from tests.domain.story import NOON
from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.domain.wallet import (
    PENDING,
    NewTransaction,
    Payment,
    Spot,
    SpotList,
    SpotOrder,
    SpotStatus,
    Transaction,
    TransactionStatus,
)

T = TypeVar("T")

HALL = LocationId(9975)


class FakeClock:
    """Time that moves only when it is told to."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        """Give the time."""
        return self.at

    def wall_s(self) -> float:
        """Give Unix time."""
        return self.at.timestamp()

    def ticks_s(self) -> float:
        """Give seconds that only grow."""
        return (self.at - NOON).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Pass the time at once."""
        self.at += timedelta(seconds=seconds)


@dataclass(slots=True)
class Charge:
    """A transaction as the world has it."""

    key: TransactionKey
    request: NewTransaction
    status: TransactionStatus = TransactionStatus.NEW
    money: Money | None = None
    created_at: datetime = NOON
    checkin: int | None = None
    """The check-in that it was shown to; None: nobody saw it."""
    checkin_at: SpotId | None = None

    @property
    def visit(self) -> str:
        """The visit that asked for it, as its reference says."""
        return self.request.reference.rpartition(".")[0]

    def shown(self, *, is_short: bool = False) -> Transaction:
        """Show it as the wallet does."""
        reference = None if is_short else self.request.reference
        money = self.money or self.request.money
        payment = Payment(money, reference, f"payment-of-{self.key}")
        return Transaction(self.key, self.status, self.status.value, (payment,), auto_confirm=False)


@dataclass(slots=True)
class Table:
    """A spot as the world has it."""

    spot_id: SpotId
    identifier: str
    status: SpotStatus = SpotStatus.OPEN
    checkin: int = 0
    looked_at_checkin: int = 0
    """The newest check-in that the worker was ever shown by the spot's id."""
    orders: list[TransactionKey] = field(default_factory=list)


@dataclass(slots=True)
class World:
    """Spots, transactions and what was done to them."""

    clock: FakeClock
    tables: dict[SpotId, Table] = field(default_factory=dict)
    charges: dict[TransactionKey, Charge] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    trouble: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    wrongs: list[str] = field(default_factory=list)
    are_orders_hidden: bool = False
    unlisted: set[SpotId] = field(default_factory=set)
    is_list_partial: bool = False
    are_new_charges_unlisted: bool = False
    """The list of transactions lags behind: it shows none that nobody has seen."""
    stale_rows: list[Spot] = field(default_factory=list)
    weather: Callable[[str], str] | None = None
    """Draws what a call suffers, beside what was ordered for it."""
    later: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)
    """Effects that take place after everybody gave up on them."""
    on_close: Callable[[Table], None] | None = None
    """Called the moment a spot was closed: a guest may be waiting for it."""

    # Guests.

    def scan(self, identifier: str) -> Table:
        """A guest checks in."""
        spot_id = SpotId(f"id-{identifier}")
        table = self.tables.setdefault(spot_id, Table(spot_id, identifier))
        if table.status is not SpotStatus.WAITING:
            table.status = SpotStatus.WAITING
            table.checkin += 1
            table.orders.clear()
        return table

    def leave(self, identifier: str) -> None:
        """A guest checks out."""
        table = self.tables[SpotId(f"id-{identifier}")]
        table.status = SpotStatus.OPEN
        table.orders.clear()

    def offers(self, identifier: str) -> list[Charge]:
        """What the guest's app shows to pay."""
        table = self.tables.get(SpotId(f"id-{identifier}"))
        keys = table.orders if table else []
        return [self.charges[k] for k in keys if self.charges[k].status in PENDING]

    def charge(self, request: NewTransaction) -> Charge:
        """Somebody asks for a transaction."""
        key = TransactionKey(f"key-{len(self.charges) + 1:04d}")
        self.charges[key] = Charge(key, request, created_at=self.clock.now())
        return self.charges[key]

    def reserve(self, charge: Charge) -> None:
        """A guest agrees to pay."""
        assert charge.status in PENDING
        charge.status = TransactionStatus.RESERVED

    # Calls.

    def _begin(self, op: str) -> str:
        self.calls[op] += 1
        if self.trouble[op]:
            return self.trouble[op].popleft()
        return self.weather(op) if self.weather is not None else ""

    def catch_up(self) -> None:
        """Let the late effects happen that are due."""
        due = [effect for at, effect in self.later if at <= self.clock.now()]
        self.later = [(at, effect) for at, effect in self.later if at > self.clock.now()]
        for effect in due:
            effect()

    def call(self, op: str, effect: Callable[[], Outcome[T]]) -> Outcome[T]:
        """Carry out a call, or suffer what was ordered for it."""
        trouble = self._begin(op)
        if trouble == "unsent":
            return Unsent("ConnectError")
        if trouble == "lost_request":
            return Unknown("ReadTimeout")
        if trouble.startswith("refuse"):
            refusal = Refusal(trouble.partition(":")[2])
            return Refused(refusal, 400, "ordered")
        if trouble.startswith("late:"):
            delay = timedelta(seconds=float(trouble.partition(":")[2]))
            self.later.append((self.clock.now() + delay, lambda: self._carry_out(op, effect)))
            return Unknown("ReadTimeout")
        outcome = self._carry_out(op, effect)
        return Unknown("ReadTimeout") if trouble == "lost_reply" else outcome

    def _carry_out(self, op: str, effect: Callable[[], Outcome[T]]) -> Outcome[T]:
        outcome = effect()
        if isinstance(outcome, Done):
            self.effects[op] += 1
        return outcome

    def show(self, table: Table) -> Spot:
        """Show a spot as the wallet does."""
        words = {
            TransactionStatus.RESERVED: "reserved",
            TransactionStatus.CONFIRMED: "confirmed",
        }
        orders = tuple(
            SpotOrder(key, words.get(self.charges[key].status, "pending")) for key in table.orders
        )
        shown = None if self.are_orders_hidden else orders
        return Spot(table.spot_id, table.status, table.identifier, HALL, shown)


class FakeWallet:
    """The Wallet port over a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def list_waiting_spots(self, location_id: LocationId) -> Outcome[SpotList]:
        """Read the waiting spots."""

        def effect() -> Outcome[SpotList]:
            tables = self.world.tables.values()
            rows = [
                self.world.show(table)
                for table in tables
                if table.status is SpotStatus.WAITING and table.spot_id not in self.world.unlisted
            ]
            is_complete = not self.world.is_list_partial
            return Done(SpotList((*rows, *self.world.stale_rows), is_complete))

        return self.world.call("spots", effect)

    async def list_transactions(
        self, statuses: Sequence[TransactionStatus], since: datetime | None = None
    ) -> Outcome[tuple[Transaction, ...]]:
        """Read the list, whose rows are shortened."""
        return self.world.call(
            "transactions",
            lambda: Done(
                tuple(
                    charge.shown(is_short=True)
                    for charge in self.world.charges.values()
                    if charge.status in statuses
                    and not (self.world.are_new_charges_unlisted and charge.checkin is None)
                    and (since is None or charge.created_at >= since)
                )
            ),
        )

    async def look_at_spot(self, spot_id: SpotId) -> Outcome[Spot]:
        """Read one spot."""

        def effect() -> Outcome[Spot]:
            table = self.world.tables.get(spot_id)
            if table is None:
                return Refused(Refusal.MISSING, 404, "not_found")
            table.looked_at_checkin = table.checkin
            return Done(self.world.show(table))

        return self.world.call("spot", effect)

    async def look_at_transaction(self, key: TransactionKey) -> Outcome[Transaction]:
        """Read one transaction."""

        def effect() -> Outcome[Transaction]:
            charge = self.world.charges.get(key)
            if charge is None:
                return Refused(Refusal.MISSING, 404, "not_found")
            return Done(charge.shown())

        return self.world.call("transaction", effect)

    async def create_transaction(self, request: NewTransaction) -> Outcome[Transaction]:
        """Make a transaction."""

        def effect() -> Outcome[Transaction]:
            return Done(self.world.charge(request).shown())

        return self.world.call("create", effect)

    async def link_order(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        """Put a transaction on a spot."""

        def effect() -> Outcome[SpotOrder | None]:
            table = self.world.tables[spot_id]
            if table.status is not SpotStatus.WAITING:
                return Refused(Refusal.STATE, 409, "invalid_state")
            if self.world.charges[key].status not in PENDING:
                return Refused(Refusal.STATE, 409, "invalid_state")
            mine = self.world.charges[key].visit
            live = [k for k in table.orders if self.world.charges[k].status in PENDING]
            if any(self.world.charges[other].visit != mine for other in live):
                self.world.wrongs.append(f"a second live order on {table.identifier}")
            if key not in table.orders:
                table.orders.append(key)
            self.world.charges[key].checkin = table.checkin
            self.world.charges[key].checkin_at = spot_id
            return Done(SpotOrder(key, "pending"))

        return self.world.call("link", effect)

    async def confirm_transaction(
        self, key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        """Take the money, or less of it."""
        if self.world.clock.now() > not_after:
            return Unsent("too late")

        def effect() -> Outcome[None]:
            charge = self.world.charges[key]
            if charge.status is not TransactionStatus.RESERVED:
                return Refused(Refusal.STATE, 409, "invalid_state")
            if charge.money is not None and charge.money != charge.request.money:
                self.world.wrongs.append("took other money than the bill's")
            if charge.checkin is None:
                self.world.wrongs.append("took money that nobody was shown")
            if lowered is not None:
                assert lowered.payment_id == f"payment-of-{key}", "it names the payment"
                assert lowered.money.amount_minor < charge.request.money.amount_minor
                charge.money = lowered.money
            charge.status = TransactionStatus.CONFIRMED
            return Done(None)

        return self.world.call("confirm", effect)

    async def revoke_transaction(self, key: TransactionKey) -> Outcome[None]:
        """Withdraw a transaction."""

        def effect() -> Outcome[None]:
            charge = self.world.charges[key]
            if charge.status not in {*PENDING, TransactionStatus.RESERVED}:
                return Refused(Refusal.STATE, 409, "invalid_state")
            charge.status = TransactionStatus.REVOKED
            return Done(None)

        return self.world.call("revoke", effect)

    async def close_spot(self, spot_id: SpotId, not_after: datetime) -> Outcome[None]:
        """Free a spot."""
        if self.world.clock.now() > not_after:
            return Unsent("too late")

        def effect() -> Outcome[None]:
            table = self.world.tables[spot_id]
            if table.status is not SpotStatus.WAITING:
                return Refused(Refusal.STATE, 409, "invalid_state")
            if any(
                self.world.charges[key].status in {*PENDING, TransactionStatus.RESERVED}
                for key in table.orders
            ):
                self.world.wrongs.append(f"closed {table.identifier} over a live order")
            if table.looked_at_checkin < table.checkin:
                self.world.wrongs.append(f"closed a guest at {table.identifier} it never saw")
            table.status = SpotStatus.CLOSED
            table.orders.clear()
            if self.world.on_close is not None:
                self.world.on_close(table)
            return Done(None)

        return self.world.call("close", effect)
