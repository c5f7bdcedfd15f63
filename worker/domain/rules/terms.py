"""What the till says, asked again, of a bill that is on offer.

An offer is never taken at a stale total: what changed is taken back first and offered anew. Two
things may be taken for less than the guest agreed to: a bill on hold, once its final amount is
known, and, where the operator allows it, a bill that only shrank.
"""

from dataclasses import replace as changed
from datetime import datetime

from worker.domain import decision, events
from worker.domain.bill import AtHoldEnd, Bill, Hold
from worker.domain.decision import Decision, Rules, seconds
from worker.domain.facts import FactName, error, info, warning
from worker.domain.policy import Policy
from worker.domain.rules import parts
from worker.domain.rules.taking import confirm, withdraw
from worker.domain.visit import End, Visit, replace


def bill_found(visit: Visit, event: events.BillFound, now: datetime, policy: Policy) -> Decision:
    """Take the money if the bill is still what the guest agreed to, or may be taken for less."""
    assert visit.bill is not None, "what is offered was billed"
    offered = visit.bill
    if event.is_locked:
        visit = replace(visit, is_locked=True)
    if event.too_much is not None:
        return too_much(visit, event.too_much, now)
    if visit.at is not None:
        return parts_found(visit, event, now, policy)
    if offered.hold is not None and event.bill.bill_id == offered.bill_id:
        return hold_found(visit, offered.hold, event.bill, now, policy)
    if event.bill.asks_the_same_as(offered):
        same = replace(visit, bill=changed(offered, lines=event.bill.lines))
        return stands(same, now, policy)
    if policy.confirms_lowered and is_lower(visit, event.bill):
        told = info(
            FactName.BILL_LOWERED,
            transaction=visit.transaction_key,
            amount=str(event.bill.money),
            why=f"the guest agreed to {offered.money}",
        )
        lowered = replace(visit, bill=changed(offered, lines=event.bill.lines))
        return confirm(lowered, now, policy, event.bill.money.amount_minor, told)
    return offer_anew(visit, event.bill, now)


def still_asks_for_it(visit: Visit, event: events.BillFound) -> bool:
    """Tell whether the till still asks for what a confirm that may have left takes."""
    bill, found, due = visit.bill, event.bill, visit.due
    assert bill is not None, "what is offered was billed"
    assert due is not None, "what is taken has an amount"
    if found.bill_id != bill.bill_id:
        return False
    if visit.part is not None:
        theirs = parts.outstanding(found, visit, event.paid_parts)
        return theirs.get(visit.part.part_id) == due
    if found.parts or found.money.currency != due.currency:
        return False
    if found.hold is not None:
        return bill.hold is not None and due.amount_minor <= found.hold.known_minor
    if bill.hold is not None:  # What was known at the hold's end may be less than what it came to.
        return due.amount_minor <= found.money.amount_minor
    return due == found.money


def too_much(visit: Visit, why: str, now: datetime) -> Decision:
    """Take back what the operator's bounds no longer allow: they may be lower since a restart."""
    told = warning(
        FactName.BILL_TOO_MUCH,
        transaction=visit.transaction_key,
        why=why,
        do="it is taken back from the guest; take the money another way",
    )
    return withdraw(visit, now, told, end=End.REFUSED, reason=why)


def is_lower(visit: Visit, found: Bill) -> bool:
    """Tell whether the bill that a guest agreed to only shrank, and can be taken for less."""
    assert visit.bill is not None, "what is offered was billed"
    plain = changed(found, money=visit.bill.money, lines=visit.bill.lines)
    return (
        plain.asks_the_same_as(visit.bill)
        and found.money.currency == visit.bill.money.currency
        and found.money.amount_minor < visit.bill.money.amount_minor
        and visit.looked_at is not None
        and visit.payment_id is not None
    )


def stands(visit: Visit, now: datetime, policy: Policy) -> Decision:
    """The bill is still the same: take what was seen reserved, or let the guest think."""
    if visit.looked_at is None:
        return decision.wait_for_guest(visit, now, policy)
    return confirm(visit, now, policy)


def offer_anew(visit: Visit, found: Bill, now: datetime) -> Decision:
    """Take the offer back, and ask again once it is gone: never take a stale total."""
    assert visit.bill is not None, "what is offered was billed"
    why = f"the till now says {found.money}, the guest was shown {visit.bill.money}"
    told = warning(FactName.BILL_CHANGED, transaction=visit.transaction_key, why=why)
    return withdraw(visit, now, told, end=None, reason="", requote=True)


def hold_found(visit: Visit, hold: Hold, found: Bill, now: datetime, policy: Policy) -> Decision:
    """Wait for the final amount with the guest's money held, and take no more than that."""
    assert visit.bill is not None, "what is on hold was billed"
    offered = visit.bill
    if found.parts or found.money.currency != offered.money.currency:
        return offer_anew(visit, found, now)
    if found.hold is not None:
        if found.money != offered.money:
            return offer_anew(visit, found, now)
        grown = changed(found.hold, for_s=hold.for_s)
        known = replace(visit, bill=changed(offered, lines=found.lines, hold=grown))
        if visit.looked_at is None:
            return decision.wait_for_guest(known, now, policy)
        return keep_holding(known, grown, now, policy)
    is_covered = found.money.amount_minor <= offered.money.amount_minor
    is_lowerable = visit.payment_id is not None or found.money == offered.money
    if visit.looked_at is None or not is_covered or not is_lowerable:
        return offer_anew(visit, found, now)
    final = changed(hold, known_minor=found.money.amount_minor)
    told = info(FactName.BILL_LOWERED, transaction=visit.transaction_key, amount=str(found.money))
    ended = replace(visit, bill=changed(offered, lines=found.lines, hold=final))
    return confirm(ended, now, policy, found.money.amount_minor, told)


def keep_holding(visit: Visit, hold: Hold, now: datetime, policy: Policy) -> Decision:
    """Wait on, or do as the bill says once the reservation is about to run out."""
    left = hold_left_s(visit, hold, now, policy)
    if left > 0:
        told, facts = decision.alarm(
            visit, info(FactName.BILL_HELD, transaction=visit.transaction_key, seconds=round(left))
        )
        return decision.wait(told, now, min(policy.hold_look_s, left), *facts)
    may_take = hold.at_end is AtHoldEnd.CONFIRM and hold.known_minor > 0
    if may_take and visit.payment_id is not None:
        return confirm(visit, now, policy, hold.known_minor)
    why = "the till never said the final amount, and the reservation runs out"
    return withdraw(visit, now, end=End.WITHDRAWN, reason=why)


def hold_left_s(visit: Visit, hold: Hold, now: datetime, policy: Policy) -> float:
    """Say how many seconds the till still has to tell the final amount."""
    assert visit.reserved_at is not None, "what is held was reserved"
    margin = min(policy.reservation_margin_s, hold.for_s / 4)
    return hold.for_s - margin - seconds(visit.reserved_at, now)


def parts_found(visit: Visit, event: events.BillFound, now: datetime, policy: Policy) -> Decision:
    """Take a part's money if it still stands; take back the parts that the till took back."""
    assert visit.bill is not None, "what is offered was billed"
    theirs = parts.outstanding(event.bill, visit, event.paid_parts)
    ours = parts.on_offer(visit)
    is_whole = not event.bill.parts and not visit.has_paid_part()
    is_other = is_whole or event.bill.bill_id != visit.bill.bill_id
    if is_other or not theirs.items() <= ours.items():
        return offer_anew(visit, event.bill, now)
    for index, part in enumerate(visit.parts):
        if part.is_live and part.part_id not in theirs:
            other = visit if index == visit.at else parts.focus(visit, index)
            return withdraw_part(other, now)
    return stands(visit, now, policy)


def withdraw_part(visit: Visit, now: datetime) -> Decision:
    """Take back the present part alone: somebody paid it at the counter, perhaps."""
    why = "the till took this part of the bill back"
    part = visit.part.part_id if visit.part else None
    told = warning(FactName.BILL_WITHDRAWN, transaction=visit.transaction_key, part=part, why=why)
    return withdraw(visit, now, told, end=None, reason=why)


def bill_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """The till took the bill back, perhaps for cash: this guest must not pay it as well."""
    why = "the till took the bill back after it was offered"
    told = warning(FactName.BILL_WITHDRAWN, transaction=visit.transaction_key, why=why)
    return withdraw(visit, now, told, end=End.WITHDRAWN, reason=why)


def bill_unreadable(
    visit: Visit, event: events.BillUnreadable, now: datetime, policy: Policy
) -> Decision:
    """Take nothing on a guess. Held money is given back before it would lapse by itself."""
    if visit.reserved_at is None:
        return decision.wait_for_guest(visit, now, policy)
    if visit.bill is not None and visit.bill.hold is not None:
        return keep_holding(visit, visit.bill.hold, now, policy)
    held = seconds(visit.reserved_at, now)
    if held > policy.reserve_for_s - policy.reservation_margin_s:
        why = f"the till could not say whether the bill still stands: {event.why}"
        return withdraw(visit, now, end=End.REFUSED, reason=why)
    told, facts = decision.alarm(
        visit,
        error(
            FactName.VISIT_DOUBTFUL,
            transaction=visit.transaction_key,
            why=f"the guest's money is held, but the till can not be read: {event.why}",
            do="make the till's bill readable again; otherwise the money is given back",
        ),
    )
    return decision.wait(told, now, policy.bill_retry_s, *facts)


RULES: Rules = {
    events.BillFound: bill_found,
    events.BillMissing: bill_missing,
    events.BillUnreadable: bill_unreadable,
}
