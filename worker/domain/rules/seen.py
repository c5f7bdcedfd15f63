"""The spot waits, and the till has not told a bill yet."""

from datetime import datetime
from typing import Final

from worker.domain import decision, events
from worker.domain.commands import AskTill, CreateTransaction, LookAtSpot
from worker.domain.decision import Decision, Rules, seconds
from worker.domain.facts import Fact, FactName, info, warning
from worker.domain.policy import Policy
from worker.domain.rules import closing, parts
from worker.domain.visit import End, Step, Visit, replace
from worker.domain.wallet import NewTransaction, SpotStatus

DESCRIPTION_CHARS_MAX: Final = 240
"""Room for the short code within what the wallet shows of a description."""


def leaves(visit: Visit, end: End) -> End:
    """Say how a visit ends while its table is quoted: what was paid before stays paid."""
    return End.PART_PAID if visit.has_paid_part() else end


def woke(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """See whether the guest still waits, then ask the till."""
    return decision.look(visit, LookAtSpot())


def resumed(visit: Visit, event: events.Resumed, now: datetime, policy: Policy) -> Decision:
    """Let the next poll begin anew: while we were down, the guest may have become another.

    Nothing was offered yet, so nothing is lost; a table that is being quoted anew goes on.
    """
    if visit.offered_at is None:
        return closing.finish(visit, now, End.LEFT, "the worker restarted before there was a bill")
    return decision.look(replace(visit, since=now), LookAtSpot())


def spot_looked(visit: Visit, event: events.SpotLooked, now: datetime, policy: Policy) -> Decision:
    """Ask the till, unless the spot is not ours to serve."""
    spot = event.spot
    if spot.status is SpotStatus.OTHER:
        return decision.wait(visit, now, policy.look_every_s)
    if spot.status is not SpotStatus.WAITING:
        end = leaves(visit, End.LEFT)
        return closing.finish(visit, now, end, "the guest left before there was a bill")
    earlier = spot.live_keys() & event.earlier_keys
    if spot.live_keys() - earlier - visit.keys:
        told, facts = decision.alarm(
            visit,
            warning(
                FactName.SPOT_FOREIGN,
                why="the spot carries an order that is not ours",
                do="nothing is offered here until it is gone; is another worker or till at work?",
            ),
        )
        return decision.wait(told, now, policy.foreign_look_s, *facts)
    if earlier:
        return leftover(visit, event, now, policy)
    return decision.look(visit, AskTill())


def leftover(visit: Visit, event: events.SpotLooked, now: datetime, policy: Policy) -> Decision:
    """Free a spot that goes on showing our earlier visit; a passing echo of it is waited out."""
    if seconds(visit.opened_at, now) < policy.leftover_wait_s:
        return decision.wait(visit, now, policy.leftover_wait_s / 3)
    end = leaves(visit, End.LEFTOVER)
    return decision.close(visit, now, end, "the spot still showed an earlier visit")


def spot_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Nothing to serve, and nothing to close unless the guest was shown an order before."""
    why = "the wallet knows no such spot"
    if visit.offered_at is None:
        return closing.finish(visit, now, End.LEFT, why)
    return decision.close(visit, now, leaves(visit, End.LEFT), why)


def bill_found(visit: Visit, event: events.BillFound, now: datetime, policy: Policy) -> Decision:
    """Ask for the transaction of the bill, or of its first part."""
    if event.too_much is not None:
        return too_much(visit, event.too_much, now, policy)
    billed = parts.split(visit, event.bill, event.paid_parts)
    if not event.bill.parts:
        return ask_for(billed, now, policy)
    first = parts.next_due(billed)
    if first is None:
        return bill_missing(visit, events.BillUnreadable("all its parts are paid"), now, policy)
    return ask_for(parts.focus(billed, first), now, policy)


def too_much(visit: Visit, why: str, now: datetime, policy: Policy) -> Decision:
    """Offer nothing beyond the operator's bounds; the bill may shrink, or another may fall away."""
    if seconds(visit.since, now) >= policy.bill_wait_s:
        return decision.close(visit, now, leaves(visit, End.REFUSED), why)
    told, facts = decision.alarm(
        visit,
        warning(
            FactName.BILL_TOO_MUCH,
            why=why,
            do="take the money another way, or raise the bound under [safety] and restart",
        ),
    )
    left = policy.bill_wait_s - seconds(visit.since, now)
    return decision.wait(told, now, min(policy.bill_retry_s, left), *facts)


def ask_for(visit: Visit, now: datetime, policy: Policy, *facts: Fact) -> Decision:
    """Ask for a transaction; its reference is durable before the call leaves."""
    numbered = number(visit)
    return decision.enter_and_send(
        numbered, Step.CREATING, now, creation(numbered, policy), *facts, charge_minor=None
    )


def number(visit: Visit) -> Visit:
    """Make the next reference."""
    creates = visit.creates + 1
    return parts.with_part(replace(visit, creates=creates), number=creates)


def creation(visit: Visit, policy: Policy) -> CreateTransaction:
    """Word the request for the visit's present reference."""
    assert visit.bill is not None, "a transaction is asked for a bill"
    assert visit.asked is not None, "a bill says what it asks for"
    words = (visit.bill.description, visit.part.description if visit.part else "")
    described = " ".join(word for word in words if word)[:DESCRIPTION_CHARS_MAX]
    hold = visit.bill.hold
    return CreateTransaction(
        NewTransaction(
            reference=visit.reference,
            money=visit.asked,
            description=f"{described} #{visit.short_code}",
            reserve_for_s=hold.for_s if hold else policy.reserve_for_s,
        )
    )


def bill_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Give the till some time, then let the guest go."""
    why = event.why if isinstance(event, events.BillUnreadable) else "the till has no bill for it"
    if seconds(visit.since, now) >= policy.bill_wait_s:
        return decision.close(visit, now, leaves(visit, End.NO_BILL), why)
    told, facts = decision.alarm(
        visit, info(FactName.BILL_AWAITED, why=why, seconds=policy.bill_wait_s)
    )
    left = policy.bill_wait_s - seconds(visit.since, now)
    return decision.wait(told, now, min(policy.bill_retry_s, left), *facts)


RULES: Rules = {
    events.Woke: woke,
    events.Resumed: resumed,
    events.SpotHinted: woke,
    events.SpotLooked: spot_looked,
    events.SpotMissing: spot_missing,
    events.BillFound: bill_found,
    events.BillMissing: bill_missing,
    events.BillUnreadable: bill_missing,
}
