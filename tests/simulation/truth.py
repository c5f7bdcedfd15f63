"""The wallet as it really is: spots, transactions, the vendor's rules, and what must never happen.

Nothing here knows what a worker believes. Every rule that an effect would break is noted at the
very instant of the effect, and the evening fails at the end of that step.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Done, Outcome, Refusal, Refused
from worker.domain.wallet import (
    PENDING,
    RELEASED,
    NewTransaction,
    Payment,
    Spot,
    SpotOrder,
    SpotStatus,
    Transaction,
    TransactionStatus,
)

HALL: Final = LocationId(9975)
DENIALS_MAX: Final = 3
"""After so many in a row a worker may leave a transaction to a human and free its table."""
ALIVE: Final = PENDING | {TransactionStatus.RESERVED}

_WORDS: Final = {
    TransactionStatus.RESERVED: "reserved",
    TransactionStatus.CONFIRMED: "confirmed",
}
_CONFLICT: Final = Refused(Refusal.STATE, 409, "invalid_state")
_MISSING: Final = Refused(Refusal.MISSING, 404, "not_found")


@dataclass(slots=True)
class Guest:
    """A person with one meal to pay, who may scan more than once."""

    number: int
    table: str
    plan: str
    is_done: bool = False
    charged: list[Money] = field(default_factory=list)
    scans: int = 0


@dataclass(slots=True)
class Charge:
    """A transaction."""

    key: TransactionKey
    request: NewTransaction
    created_s: float
    status: TransactionStatus = TransactionStatus.NEW
    table: "Table | None" = None
    checkin: int = 0
    """Which check-in of the table it was shown to; with no table: nobody was."""
    payer: Guest | None = None
    taken: Money | None = None
    """What was taken of it; None: nothing."""
    reserved_s: float = 0.0
    confirms: int = 0
    """How often it was asked to be confirmed."""
    denials: int = 0
    """Answers in a row that knew of no such transaction."""
    is_ours: bool = True
    """False: another till or shop made it, and no worker may touch it."""

    @property
    def owner(self) -> tuple[str, str]:
        """Give the journal's name and the visit's number, as the reference says them."""
        parts = self.request.reference.split(".")
        return (parts[1], parts[3]) if len(parts) == 5 else ("", "")

    @property
    def is_seen_alive(self) -> bool:
        """Tell whether it may still be paid or taken, and the wallet has not denied it thrice."""
        return self.status in ALIVE and self.denials < DENIALS_MAX

    def shown(self, *, is_short: bool = False) -> Transaction:
        """Show it as the wallet does."""
        reference: OrderReference | None = None if is_short else self.request.reference
        payment = Payment(self.taken or self.request.money, reference, f"payment-{self.key}")
        return Transaction(self.key, self.status, self.status.value, (payment,), auto_confirm=False)


@dataclass(slots=True)
class Table:
    """A spot."""

    spot_id: SpotId
    identifier: str
    status: SpotStatus = SpotStatus.OPEN
    checkin: int = 0
    waiting_s: float = 0.0
    """When the present check-in began."""
    free_s: float = -1e9
    """When the check-in before it ended."""
    gaps: list[float] = field(default_factory=list)
    """For how long the table was free before each check-in."""
    orders: list[Charge] = field(default_factory=list)
    served: list[Charge] = field(default_factory=list)
    """Every order that was ever put on it."""
    denied_until_s: float = 0.0
    """Until when the wallet, asked for this spot alone, says that there is none."""
    denied_checkin: int = 0
    """The last check-in that it was denied in."""
    past: list[Charge] = field(default_factory=list)
    """Orders of earlier check-ins, where the wallet goes on showing them as closed."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """What the vendor's pages leave open; each evening has one answer to it."""

    are_orders_hidden: bool = False
    keeps_history: bool = False
    """A spot goes on showing the orders of earlier check-ins, marked closed."""
    lists_new: bool = True
    """The list of transactions shows those that nobody has seen."""
    confirms_again: bool = False
    """A confirm of what is confirmed is a yes, not a refusal."""
    status_after_close: SpotStatus = SpotStatus.CLOSED


class Truth:
    """Everything that is so, whoever knows it."""

    def __init__(self, now_s: Callable[[], float], vendor: Vendor) -> None:
        self.now_s = now_s
        self.vendor = vendor
        self.tables: dict[SpotId, Table] = {}
        self.charges: dict[TransactionKey, Charge] = {}
        self.wrongs: list[str] = []
        self.confirmed_of_visit: defaultdict[tuple[str, ...], set[TransactionKey]]
        self.confirmed_of_visit = defaultdict(set)
        """What was confirmed, by journal, visit and part of its bill."""
        self.taken: list[Charge] = []
        self.closed_for: dict[tuple[str, str], int] = {}
        """Which check-in each visit's first close ended."""
        self.closes = 0
        self.unlucky_closes = 0
        """Closes that hit a guest who sat down between the look and the close. No client can
        prevent them; see the design."""
        self.closes_in_window = 0
        """Those of them that arrived within seconds of their look, not late or twice."""
        self.on_offer: Callable[[Table, Charge], None] = _ignore
        self.on_closed: Callable[[Table], None] = _ignore
        self.on_revoke: Callable[[Charge], None] = _ignore
        self.on_taken: Callable[[Charge], None] = _ignore
        self.on_reserve: Callable[[Charge], None] = _ignore
        self.part_of: Callable[[Charge], str] = lambda _: ""
        """Which part of a bill a transaction is for, as its own journal says; empty: the whole."""
        self.on_event: Callable[..., None] = _ignore

    def wrong(self, invariant: str, what: str) -> None:
        """Note what must never be."""
        self.wrongs.append(f"{invariant}: {what}")

    # What guests and staff do.

    def is_free(self, identifier: str) -> bool:
        """Tell whether nobody is checked in at a table."""
        table = self.tables.get(SpotId(f"id-{identifier}"))
        return table is None or table.status is not SpotStatus.WAITING

    def scan(self, identifier: str) -> Table:
        """Somebody checks in."""
        spot_id = SpotId(f"id-{identifier}")
        table = self.tables.get(spot_id)
        if table is None:
            table = self.tables[spot_id] = Table(spot_id, identifier)
        if table.status is not SpotStatus.WAITING:
            table.status = SpotStatus.WAITING
            table.checkin += 1
            table.waiting_s = self.now_s()
            table.gaps.append(table.waiting_s - table.free_s)
        self.on_event("scans", identifier, table.checkin)
        return table

    def leave(self, table: Table, status: SpotStatus = SpotStatus.OPEN) -> None:
        """Somebody checks out, or the staff frees the table in the vendor's own app."""
        table.status = status
        table.free_s = self.now_s()
        if self.vendor.keeps_history:
            table.past = (table.past + table.orders)[-4:]
        table.orders = []

    def reserve(self, charge: Charge, guest: Guest) -> bool:
        """A guest agrees to pay; tell whether the wallet holds the money now."""
        if charge.status not in PENDING:
            return False
        charge.status = TransactionStatus.RESERVED
        charge.payer = guest
        charge.reserved_s = self.now_s()
        self.on_event("reserves", charge.key, guest.number)
        self.on_reserve(charge)
        return True

    def decline(self, charge: Charge) -> None:
        """A guest refuses to pay."""
        if charge.status in PENDING:
            charge.status = TransactionStatus.REJECTED
            self.on_event("declines", charge.key)

    def expire(self) -> None:
        """Give back what was held for longer than was asked for."""
        now = self.now_s()
        for charge in self.charges.values():
            is_held = charge.status is TransactionStatus.RESERVED
            if is_held and now - charge.reserved_s >= charge.request.reserve_for_s:
                charge.status = TransactionStatus.FAILED
                self.on_event("expires", charge.key)

    # What the wallet shows.

    def show(self, table: Table) -> Spot:
        """Show a spot."""
        if self.vendor.are_orders_hidden:
            return Spot(table.spot_id, table.status, table.identifier, HALL, None)
        shown = tuple([SpotOrder(c.key, _WORDS.get(c.status, "pending")) for c in table.orders])
        if table.past:
            shown = (*(SpotOrder(c.key, "closed") for c in table.past), *shown)
        return Spot(table.spot_id, table.status, table.identifier, HALL, shown)

    def waiting(self) -> list[Spot]:
        """Show every waiting spot."""
        return [self.show(t) for t in self.tables.values() if t.status is SpotStatus.WAITING]

    def rows(
        self, statuses: frozenset[TransactionStatus], since_s: float, unseen_since_s: float
    ) -> tuple[Transaction, ...]:
        """Show the list of transactions, whose rows are shortened.

        Those that nobody has seen and that are newer than `unseen_since_s` do not show yet.
        """
        return tuple(
            [
                charge.shown(is_short=True)
                for charge in self.charges.values()
                if charge.status in statuses
                and charge.created_s >= since_s
                and (
                    charge.table is not None
                    or (self.vendor.lists_new and charge.created_s <= unseen_since_s)
                )
            ]
        )

    # What the wallet does.

    def create(self, request: NewTransaction) -> Outcome[Transaction]:
        """Make a transaction."""
        key = TransactionKey(f"key-{len(self.charges) + 1:04d}")
        charge = self.charges[key] = Charge(key, request, self.now_s())
        self.on_event("creates", key, request.reference, request.money.amount_minor)
        return Done(charge.shown())

    def link(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        """Put a transaction on a spot."""
        table, charge = self.tables[spot_id], self.charges[key]
        if table.status is not SpotStatus.WAITING or charge.status not in PENDING:
            return _CONFLICT
        if charge not in table.orders:
            self._check_only_offer(table, charge)
            self._check_unpaid(table, charge)
            table.orders.append(charge)
            table.served.append(charge)
            charge.table, charge.checkin = table, table.checkin
            self.on_event("links", key, table.identifier)
            self.on_offer(table, charge)
        return Done(SpotOrder(key, "pending"))

    def are_parts(self, one: Charge, other: Charge) -> bool:
        """Tell whether two transactions are for different parts of one bill."""
        parts = self.part_of(one), self.part_of(other)
        return "" not in parts and parts[0] != parts[1]

    def _check_only_offer(self, table: Table, charge: Charge) -> None:
        """S1: one live order a visit, or one for each part of its bill."""
        for other in table.orders:
            is_same_worker = other.owner[0] == charge.owner[0]
            if is_same_worker and other.owner == charge.owner and self.are_parts(charge, other):
                continue
            if other.status in ALIVE and is_same_worker:
                self.wrong("S1", f"{charge.key} beside live {other.key} at {table.identifier}")

    def _check_unpaid(self, table: Table, charge: Charge) -> None:
        """S4: who has paid is not asked again before the table was free."""
        if table.checkin == table.denied_checkin:
            return
        for paid in table.served:
            is_here = paid.checkin == table.checkin and paid.owner[0] == charge.owner[0]
            if self.are_parts(charge, paid):
                continue
            if is_here and paid.status is TransactionStatus.CONFIRMED:
                self.wrong("S4", f"{charge.key} is offered at {table.identifier} after {paid.key}")

    def confirm(self, key: TransactionKey, lowered: Lowered | None = None) -> Outcome[None]:
        """Take the money, or less of it."""
        charge = self.charges[key]
        if charge.status is TransactionStatus.CONFIRMED and self.vendor.confirms_again:
            return Done(None)
        if charge.status is not TransactionStatus.RESERVED:
            return _CONFLICT
        if lowered is not None and lowered.payment_id != f"payment-{key}":
            self.wrong("S2", f"{key} is lowered by the name of {lowered.payment_id}")
            return _CONFLICT
        charge.status = TransactionStatus.CONFIRMED
        charge.taken = lowered.money if lowered else charge.request.money
        self.taken.append(charge)
        self.on_event("confirms", key, charge.taken.amount_minor)
        if charge.table is None:
            self.wrong("S16", f"{key} was confirmed though nobody was shown it")
        self.on_taken(charge)
        return Done(None)

    def revoke(self, key: TransactionKey) -> Outcome[None]:
        """Withdraw a transaction."""
        charge = self.charges[key]
        self.on_revoke(charge)
        if charge.status not in ALIVE:
            return _CONFLICT
        charge.status = TransactionStatus.REVOKED
        self.on_event("revokes", key)
        return Done(None)

    def close(
        self, spot_id: SpotId, looked_at_checkin: int, instance: str, visit: str
    ) -> Outcome[None]:
        """Free a spot. Who closes it has looked at one of its check-ins; a late close at none."""
        table = self.tables[spot_id]
        if table.status is not SpotStatus.WAITING:
            return _CONFLICT
        if table.checkin != looked_at_checkin:
            self.unlucky_closes += 1
            self.closes_in_window += looked_at_checkin >= 0
            self.on_event("closes the next guest's", table.identifier)
        elif any(c.is_seen_alive and c.owner[0] == instance for c in table.orders):
            self.wrong("S16", f"{table.identifier} was closed over a live order")
        self.closes += 1
        self.closed_for.setdefault((instance, visit), table.checkin)
        self.leave(table, self.vendor.status_after_close)
        self.on_event("closes", table.identifier)
        self.on_closed(table)
        return Done(None)

    def look(self, spot_id: SpotId) -> Outcome[Spot]:
        """Read one spot."""
        table = self.tables.get(spot_id)
        if table is None:
            return _MISSING
        if self.now_s() < table.denied_until_s:
            table.denied_checkin = table.checkin
            return _MISSING
        return Done(self.show(table))

    def read(self, key: TransactionKey) -> Outcome[Transaction]:
        """Read one transaction."""
        charge = self.charges.get(key)
        return _MISSING if charge is None else Done(charge.shown())

    # What is asked at the end.

    def held(self) -> list[TransactionKey]:
        """Name the transactions whose money is held."""
        return [
            c.key
            for c in self.charges.values()
            if c.status is TransactionStatus.RESERVED and c.is_ours
        ]

    def payable(self) -> list[TransactionKey]:
        """Name the transactions that somebody was shown and could still pay."""
        return [
            c.key
            for c in self.charges.values()
            if c.status in PENDING and c.table is not None and c.is_ours
        ]

    def is_released(self, key: TransactionKey) -> bool:
        """Tell whether a transaction is over without money."""
        return self.charges[key].status in RELEASED


def _ignore(*_: object) -> None:
    return None
