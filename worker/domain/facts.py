"""What a visit tells the operator. A closed list: dashboards and greps depend on these words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """Sorted by what a human should do: nothing, watch, act."""

    INFO = 20
    WARNING = 30
    ERROR = 40


class FactName(StrEnum):
    """noun.past_verb, never interpolated."""

    SPOT_SEEN = "spot.seen"
    VISIT_RESUMED = "visit.resumed"
    BILL_AWAITED = "bill.awaited"
    BILL_CHANGED = "bill.changed"
    BILL_WITHDRAWN = "bill.withdrawn"
    BILL_HELD = "bill.held"
    BILL_LOWERED = "bill.lowered"
    BILL_TOO_MUCH = "bill.too_much"
    TRANSACTION_CREATED = "transaction.created"
    TRANSACTION_ABANDONED = "transaction.abandoned"
    TRANSACTION_RESERVED = "transaction.reserved"
    TRANSACTION_CONFIRMED = "transaction.confirmed"
    TRANSACTION_CONFIRMED_ELSEWHERE = "transaction.confirmed_elsewhere"
    TRANSACTION_MISMATCHED = "transaction.mismatched"
    TRANSACTION_RELEASED = "transaction.released"
    TRANSACTION_MISSING = "transaction.missing"
    TRANSACTION_STATUS_UNKNOWN = "transaction.status_unknown"
    ORDER_OFFERED = "order.offered"
    SPOT_FOREIGN = "spot.foreign"
    SPOT_NOT_OURS = "spot.not_ours"
    SPOT_STUCK = "spot.stuck"
    WRITE_REFUSED = "write.refused"
    VISIT_DOUBTFUL = "visit.doubtful"
    VISIT_SURPRISED = "visit.surprised"
    VISIT_CLOSED = "visit.closed"
    VISIT_PARKED = "visit.parked"
    NOTICE_ACCEPTED = "notice.accepted"
    NOTICE_DELAYED = "notice.delayed"
    NOTICE_PARKED = "notice.parked"


FieldValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One log line about a visit; the table and the visit's label are added to every one."""

    name: FactName
    level: Level = Level.INFO
    fields: Mapping[str, FieldValue] = field(default_factory=dict)


def info(name: FactName, **fields: FieldValue) -> Fact:
    """Tell a business fact."""
    return Fact(name, Level.INFO, fields)


def warning(name: FactName, **fields: FieldValue) -> Fact:
    """Tell what is worth watching."""
    return Fact(name, Level.WARNING, fields)


def error(name: FactName, **fields: FieldValue) -> Fact:
    """Tell what somebody must act on."""
    return Fact(name, Level.ERROR, fields)
