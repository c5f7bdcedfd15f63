"""A bill in parts: each has its own transaction, and the visit deals with one at a time.

A bill that is not split goes through here too, as one that has nothing else on offer: what a visit
does next when a transaction is over is decided in one place.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace as replace_part
from datetime import datetime
from typing import Any

from worker.domain import decision
from worker.domain.bill import Bill
from worker.domain.commands import LookAtTransaction
from worker.domain.decision import Decision
from worker.domain.facts import Fact
from worker.domain.money import Money
from worker.domain.part import Part, PartState
from worker.domain.visit import End, Step, Visit, replace


def split(visit: Visit, bill: Bill, paid_parts: frozenset[str]) -> Visit:
    """Take up a bill: in its unpaid parts, beside those that this visit was paid for, or whole."""
    if not bill.parts:
        return replace(visit, bill=bill, parts=(), at=None)
    paid = tuple(part for part in visit.parts if part.state is PartState.PAID)
    settled = paid_parts | {part.part_id for part in paid}
    due = tuple(
        Part(part.part_id, part.money, part.description)
        for part in bill.parts
        if part.part_id not in settled
    )
    return replace(visit, bill=bill, parts=(*paid, *due), at=None)


def sound(parts: tuple[Part, ...], now: datetime) -> tuple[Part, ...]:
    """Give the parts with no instant that lies ahead of the clock."""
    return tuple(
        replace_part(part, reserved_at=part.reserved_at and min(part.reserved_at, now))
        for part in parts
    )


def with_part(visit: Visit, **changes: Any) -> Visit:
    """Change the part that the visit deals with; of a bill that is not split, nothing."""
    if visit.at is None or visit.part is None:
        return visit
    changed = replace_part(visit.part, **changes)
    return replace(visit, parts=(*visit.parts[: visit.at], changed, *visit.parts[visit.at + 1 :]))


def focus(visit: Visit, index: int) -> Visit:
    """Turn to another part, and keep what is known of the one before; of the same, everything."""
    if index == visit.at:
        return visit
    kept = with_part(visit, key=visit.transaction_key, reserved_at=visit.reserved_at)
    part = kept.parts[index]
    return replace(
        kept,
        at=index,
        transaction_key=part.key,
        reserved_at=part.reserved_at,
        looked_at=None,
        payment_id=None,
        charge_minor=None,
        misses=0,
        unclears=0,
    )


def next_due(visit: Visit) -> int | None:
    """Give the first part that was not offered yet; None: all were."""
    return _first(visit, 0, lambda part: part.state is PartState.DUE)


def next_live(visit: Visit, after: int = -1) -> int | None:
    """Give the first part behind another that may still be paid; None: there is none."""
    return _first(visit, after + 1, lambda part: part.is_live)


def part_of(visit: Visit, key: object) -> int | None:
    """Tell which part on offer a transaction belongs to; None: none, or the bill is not split."""
    return _first(visit, 0, lambda part: part.is_live and part.key == key)


def _first(visit: Visit, start: int, fits: Callable[[Part], bool]) -> int | None:
    found = (index for index in range(start, len(visit.parts)) if fits(visit.parts[index]))
    return next(found, None)


def outstanding(bill: Bill, visit: Visit, paid_parts: frozenset[str]) -> Mapping[str, Money]:
    """Give what the till still asks for, by part; what was paid or declined here does not count."""
    over = {PartState.PAID, PartState.RELEASED, PartState.PARKED}
    done = paid_parts | {part.part_id for part in visit.parts if part.state in over}
    return {part.part_id: part.money for part in bill.parts if part.part_id not in done}


def on_offer(visit: Visit) -> Mapping[str, Money]:
    """Give what the visit asks for, by part."""
    open_states = {PartState.DUE, PartState.OFFERED, PartState.TAKING}
    return {part.part_id: part.money for part in visit.parts if part.state in open_states}


def ending(visit: Visit, end: End) -> End:
    """Say how a visit ends when its last transaction ends this way."""
    if end is End.PARKED or not visit.has_paid_part():
        return end
    is_covered = all(part.state is PartState.PAID for part in visit.parts)
    return End.PAID if is_covered else End.PART_PAID


def go_on(visit: Visit, now: datetime, end: End, reason: str, *facts: Fact) -> Decision:
    """The present transaction is over: go on with the other parts, or free the spot.

    Once a part is left to a human so is the visit, whatever becomes of its other parts.
    """
    if visit.end is End.PARKED:
        return wind_up(visit, now, End.PARKED, visit.reason, *facts)
    index = next_live(visit)
    if index is None:
        return wind_up(visit, now, end, reason, *facts)
    other = focus(visit, index)
    assert other.transaction_key is not None, "what may be paid has a key"
    look = LookAtTransaction(other.transaction_key)
    return decision.enter(
        other, Step.OFFERED, now, look, *facts, end=None, reason="", is_requoting=False
    )


def wind_up(visit: Visit, now: datetime, end: End, reason: str, *facts: Fact) -> Decision:
    """The present transaction is over, and so is the offer: withdraw the other parts, then close.

    Parts that nobody was shown yet never will be.
    """
    index = next_live(visit)
    if index is None:
        unseen = tuple(
            replace_part(part, state=PartState.RELEASED) if part.state is PartState.DUE else part
            for part in visit.parts
        )
        ended = replace(visit, parts=unseen)
        return decision.close(ended, now, ending(ended, end), reason, *facts)
    return withdraw_next(visit, now, index, *facts, end=end, reason=reason, is_requoting=False)


def withdraw_next(
    visit: Visit, now: datetime, index: int, *facts: Fact, **changes: Any
) -> Decision:
    """Begin to withdraw another part, by looking whether there is anything left to withdraw."""
    other = focus(visit, index)
    assert other.transaction_key is not None, "what may be paid has a key"
    look = LookAtTransaction(other.transaction_key)
    return decision.enter(other, Step.REVOKING, now, look, *facts, **changes)
