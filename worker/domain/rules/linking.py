"""The transaction exists and is being put on the spot."""

from datetime import datetime
from typing import Final

from worker.domain import decision, events
from worker.domain.commands import LinkOrder, LookAtSpot, LookAtTransaction
from worker.domain.decision import Decision, Rules, seconds
from worker.domain.facts import FactName, info
from worker.domain.policy import Policy, backoff_s
from worker.domain.rules import parts, refusing, revoking, seen
from worker.domain.visit import End, Step, Visit, replace
from worker.domain.wallet import PENDING, SpotStatus

UNSEEN_TRIES_MAX: Final = 3
"""Links sent before an offer is taken as shown, where spots do not show their orders."""


def woke(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Send what certainly was not sent; look where it may have been."""
    assert visit.transaction_key is not None, "what is linked has a key"
    if visit.is_doubtful:
        return decision.look(visit, LookAtSpot())
    return decision.send(visit, now, LinkOrder(visit.transaction_key))


def resumed(visit: Visit, event: events.Resumed, now: datetime, policy: Policy) -> Decision:
    """Look first, whatever the journal says: the guest may have gone meanwhile."""
    return doubt(visit, event, now, policy)


def doubt(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """See whether the order is there before anything else."""
    return decision.look(replace(visit, is_doubtful=True), LookAtSpot())


def linked(visit: Visit, event: events.OrderLinked, now: datetime, policy: Policy) -> Decision:
    """Believe an answer that shows the order; look when it does not."""
    if event.order is not None and event.order.transaction_key == visit.transaction_key:
        return offered(visit, now, policy)
    return doubt(visit, event, now, policy)


def refused(visit: Visit, event: events.WriteRefused, now: datetime, policy: Policy) -> Decision:
    """See what the spot looks like: the guest may have gone, or the order may be there."""
    if refusing.is_passing(event.refused):
        return refusing.wait_out(visit, event.refused, now, policy)
    return decision.look(visit, LookAtSpot())


def offered(visit: Visit, now: datetime, policy: Policy) -> Decision:
    """The guest can see the bill, or this part of it: then the next part, until all are shown."""
    assert visit.asked is not None, "what is offered was billed"
    told = info(
        FactName.ORDER_OFFERED,
        transaction=visit.transaction_key,
        amount=str(visit.asked),
        part=visit.part.part_id if visit.part else None,
        took_ms=None if visit.former_keys else waited_ms(visit, now),
    )
    shown = replace(visit, offered_at=now)
    due = parts.next_due(shown)
    if due is not None:
        return seen.ask_for(parts.focus(shown, due), now, policy, told)
    first = parts.next_live(shown)
    turned = shown if first is None else parts.focus(shown, first)
    fresh = decision.enter(
        turned, Step.OFFERED, now, LookAtSpot(), reserved_at=None, looked_at=None
    ).visit
    return decision.wait_for_guest(fresh, now, policy, told)


def waited_ms(visit: Visit, now: datetime) -> int:
    """Measure what the guest has waited; a clock that was set back makes it nothing."""
    return round(max(0.0, seconds(visit.opened_at, now)) * 1000)


def spot_looked(visit: Visit, event: events.SpotLooked, now: datetime, policy: Policy) -> Decision:
    """Go on when the order shows; try again, within bounds, when it does not."""
    spot, key = event.spot, visit.transaction_key
    assert key is not None, "what is linked has a key"
    if spot.status in {SpotStatus.OPEN, SpotStatus.CLOSED}:
        return give_up(visit, now, End.LEFT, "the guest left before the bill was shown")
    is_there = key in spot.live_keys()
    would_add = not is_there or parts.next_due(visit) is not None
    if would_add and spot.live_keys() - event.earlier_keys - visit.keys:
        return give_up(visit, now, End.REFUSED, "somebody else put an order on the spot")
    if spot.status is SpotStatus.OTHER:
        return decision.wait(visit, now, policy.unsent_wait_s)
    if is_there:
        return offered(visit, now, policy)
    if spot.orders is None:
        return decision.look(visit, LookAtTransaction(key))
    if visit.tries >= policy.refusals_max:
        why = f"the wallet did not show the order on the spot after {visit.tries} tries"
        return give_up(visit, now, End.REFUSED, why)
    return again(visit, now)


def again(visit: Visit, now: datetime) -> Decision:
    """Repeat the link with the same key, after a pause in which a late effect may still show."""
    assert visit.transaction_key is not None, "what is linked has a key"
    pause = backoff_s(visit.tries) - seconds(visit.tried_at or visit.since, now)
    if visit.tries > 0 and pause > 0:
        return decision.wait(visit, now, pause)
    return decision.send(visit, now, LinkOrder(visit.transaction_key))


def give_up(visit: Visit, now: datetime, end: End, why: str) -> Decision:
    """Begin to withdraw. A link in doubt may have shown the bill to a guest who is gone by now."""
    may_be_shown = visit.is_doubtful and visit.offered_at is None
    shown = replace(visit, offered_at=now) if may_be_shown else visit
    return revoking.release(shown, now, end, why)


def spot_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """There is nothing to put it on."""
    return give_up(visit, now, End.LEFT, "the wallet knows no such spot")


def transaction_looked(
    visit: Visit, event: events.TransactionLooked, now: datetime, policy: Policy
) -> Decision:
    """Where spots hide their orders, the transaction tells whether anybody has seen it."""
    if event.transaction.status in PENDING and visit.tries < UNSEEN_TRIES_MAX:
        return again(visit, now)
    return offered(visit, now, policy)


RULES: Rules = {
    events.Woke: woke,
    events.Resumed: resumed,
    events.OrderLinked: linked,
    events.SpotLooked: spot_looked,
    events.SpotMissing: spot_missing,
    events.TransactionLooked: transaction_looked,
    events.TransactionMissing: doubt,
    events.WriteRefused: refused,
    events.WriteUnknown: doubt,
}
