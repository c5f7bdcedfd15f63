"""Plain data for the core's tests: a visit that is told facts, and what it answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain import events, machine
from worker.domain.bill import Bill, BillPart, Hold
from worker.domain.commands import CloseSpot, Command
from worker.domain.decision import Decision
from worker.domain.facts import Fact
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.outcome import Refusal, Refused
from worker.domain.policy import Policy
from worker.domain.visit import Step, Visit
from worker.domain.wallet import (
    Payment,
    Spot,
    SpotOrder,
    SpotStatus,
    Transaction,
    TransactionStatus,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = TransactionKey("aaBBccDD11223344eeFF")
OTHER_KEY = TransactionKey("zzYYxxWW99887766ttSS")
EARLIER_KEY = TransactionKey("earlier000000000001")
BILL = Bill("bill-7", Money(1250, "EUR"), "Table 7")
SALE = Bill(None, Money(1250, "EUR"), "Table 7")
ON_HOLD = Bill("bill-7", Money(5000, "EUR"), "Bay 7", hold=Hold(known_minor=700, for_s=3600))
PART_MONEY = {name: Money(minor, "EUR") for name, minor in (("a", 400), ("b", 850), ("c", 200))}
PART_KEYS = {name: TransactionKey(f"part{name.upper()}00000000000001") for name in PART_MONEY}
POLICY = Policy()


def split_bill(*names: str, bill_id: str | None = "bill-7", **dearer: int) -> Bill:
    """The parts of these names; what is named with an amount costs that much."""
    money = {**PART_MONEY, **{name: Money(minor, "EUR") for name, minor in dearer.items()}}
    parts = tuple(BillPart(name, money[name], f"Part {name}") for name in names)
    total = sum(part.money.amount_minor for part in parts)
    return Bill(bill_id, Money(total, "EUR"), "Table 7", parts=parts)


SPLIT = split_bill("a", "b")

THROTTLED = Refused(Refusal.THROTTLED, 429, "rate_limit_exceeded")
CREDENTIALS = Refused(Refusal.CREDENTIALS, 401, "unauthorized")
CONFLICT = Refused(Refusal.STATE, 409, "invalid_state")
INVALID = Refused(Refusal.INVALID, 400, "invalid_parameters", "price is wrong")


def a_visit(step: Step = Step.SEEN, **changes: Any) -> Visit:
    """A visit at table7, opened at noon."""
    visit = Visit(
        visit_id=VisitId(42),
        instance="ab12cd34",
        nonce="k3f9x2",
        location_id=LocationId(9975),
        spot_id=SpotId("15"),
        table="table7",
        opened_at=NOON,
        step=step,
        since=NOON,
    )
    return replace(visit, **changes)


def an_offered_visit(step: Step = Step.OFFERED, **changes: Any) -> Visit:
    """A visit whose bill the guest can see."""
    given = {
        "bill": BILL,
        "creates": 1,
        "transaction_key": KEY,
        "offered_at": NOON,
        "wake_at": NOON + timedelta(seconds=10),
        **changes,
    }
    return a_visit(step, **given)


def a_spot(
    *keys: TransactionKey | SpotOrder,
    status: SpotStatus = SpotStatus.WAITING,
    is_blind: bool = False,
) -> Spot:
    """The visit's spot, with orders of these keys."""
    orders = tuple(k if isinstance(k, SpotOrder) else SpotOrder(k, "pending") for k in keys)
    return Spot(SpotId("15"), status, "table7", LocationId(9975), None if is_blind else orders)


def spot_looked(
    *keys: TransactionKey | SpotOrder,
    status: SpotStatus = SpotStatus.WAITING,
    earlier: frozenset[TransactionKey] = frozenset(),
    since: datetime | None = NOON,
    is_blind: bool = False,
) -> events.SpotLooked:
    """The spot was read."""
    return events.SpotLooked(a_spot(*keys, status=status, is_blind=is_blind), earlier, since)


def a_transaction(
    status: TransactionStatus = TransactionStatus.RESERVED,
    *,
    amount_minor: int = 1250,
    currency: str = "EUR",
    key: TransactionKey = KEY,
    reference: str | None = "v1.ab12cd34.9975.42.k3f9x21",
    payment_id: str | None = "77",
    **changes: Any,
) -> Transaction:
    """The visit's transaction as the wallet shows it."""
    ref = None if reference is None else OrderReference(reference)
    payment = Payment(Money(amount_minor, currency), ref, payment_id)
    return replace(Transaction(key, status, status.value, (payment,)), **changes)


def looked(
    status: TransactionStatus = TransactionStatus.RESERVED, **changes: Any
) -> events.TransactionLooked:
    """The transaction was read."""
    return events.TransactionLooked(a_transaction(status, **changes))


def looked_part(
    name: str, status: TransactionStatus = TransactionStatus.RESERVED, **changes: Any
) -> events.TransactionLooked:
    """The transaction of a part was read; its reference is the one of its place in the bill."""
    number = "abc".index(name) + 1
    given = {
        "amount_minor": PART_MONEY[name].amount_minor,
        "key": PART_KEYS[name],
        "reference": f"v1.ab12cd34.9975.42.k3f9x2{number}",
        **changes,
    }
    return looked(status, **given)


class Story:
    """A visit that is told one fact after the other."""

    def __init__(self, visit: Visit, policy: Policy = POLICY) -> None:
        self.visit = visit
        self.now = NOON
        self.policy = policy
        self.command: Command | None = None
        self.facts: tuple[Fact, ...] = ()
        self.notices: tuple[Notice, ...] = ()

    def tell(self, *facts: events.Event, after_s: float = 0.0) -> Command | None:
        """Let time pass, tell the facts, and give the last command."""
        self.now += timedelta(seconds=after_s)
        for event in facts:
            decided: Decision = machine.decide(self.visit, event, self.now, self.policy)
            self.visit, self.command, self.facts = decided.visit, decided.command, decided.facts
            self.notices = decided.notices
        return self.command

    @property
    def step(self) -> Step:
        """Where the visit stands."""
        return self.visit.step

    def names(self) -> list[str]:
        """What the operator was told last."""
        return [fact.name.value for fact in self.facts]

    def waits_s(self) -> float:
        """How long the visit rests."""
        assert self.visit.wake_at is not None
        return (self.visit.wake_at - self.now).total_seconds()


class AnyClose:
    """Equal to any close, whenever it must have left by; `test_closing` says when that is."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CloseSpot)

    def __hash__(self) -> int:
        return 0


A_CLOSE = AnyClose()
