"""The guest sees the bill. Everything now depends on the guest."""

from datetime import datetime

from worker.domain import decision, events
from worker.domain.commands import AskTill, LookAtSpot, LookAtTransaction
from worker.domain.decision import Decision, Rules, seconds
from worker.domain.facts import FactName, warning
from worker.domain.policy import Policy
from worker.domain.rules import missing, parts, revoking, taking, terms
from worker.domain.visit import End, Visit, replace
from worker.domain.wallet import RELEASED, SpotStatus, TransactionStatus


def woke(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Look at each transaction on offer in turn: a guest's refusal shows nowhere else."""
    first = parts.next_live(visit)
    if first is None or visit.misses or visit.unclears:  # A row of looks is finished first.
        return look_at(visit)
    return look_at(parts.focus(visit, first))


def look_at(visit: Visit) -> Decision:
    """Read the present transaction."""
    assert visit.transaction_key is not None, "what is offered has a key"
    return decision.look(visit, LookAtTransaction(visit.transaction_key))


def transaction_hinted(
    visit: Visit, event: events.TransactionHinted, now: datetime, policy: Policy
) -> Decision:
    """A list says that the guest did something. See for ourselves."""
    index = parts.part_of(visit, event.key)
    return look_at(visit if index is None else parts.focus(visit, index))


def spot_hinted(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """A list says that the table changed. See for ourselves."""
    return decision.look(visit, LookAtSpot())


def transaction_looked(
    visit: Visit, event: events.TransactionLooked, now: datetime, policy: Policy
) -> Decision:
    """Follow the guest's decision."""
    transaction = event.transaction
    if transaction.status is TransactionStatus.RESERVED:
        return taking.reserved(visit, transaction, now, policy)
    if transaction.status is TransactionStatus.CONFIRMED:
        return taking.confirmed(visit, transaction, now, policy)
    if transaction.status in RELEASED:
        return taking.released(visit, transaction, now)
    if transaction.status is TransactionStatus.OTHER:
        return missing.status_unknown(visit, event, now, policy)
    assert visit.offered_at is not None, "what is offered was shown"
    undecided = replace(visit, looked_at=None, reserved_at=None, unclears=0, is_locked=False)
    if seconds(visit.offered_at, now) >= policy.offer_ttl_s:
        why = f"not paid within {policy.offer_ttl_s:g} s"
        return taking.withdraw(undecided, now, end=End.UNPAID, reason=why)
    if visit.at is not None:
        another = parts.next_live(undecided, visit.at)
        if another is not None:
            return look_at(parts.focus(undecided, another))
        first = parts.next_live(undecided)
        assert first is not None, "what is undecided is on offer"
        undecided = parts.focus(undecided, first)
    return decision.look(undecided, AskTill())


def spot_looked(visit: Visit, event: events.SpotLooked, now: datetime, policy: Policy) -> Decision:
    """The offer stands as long as our order is on the spot; held money outlasts it."""
    spot = event.spot
    if visit.is_held:
        return look_at(visit)
    if spot.status is SpotStatus.OTHER or spot.orders is None:
        if spot.status in {SpotStatus.OPEN, SpotStatus.CLOSED}:
            return revoking.release(visit, now, End.LEFT, "the guest left without paying")
        return decision.wait_for_guest(visit, now, policy)
    if spot.status is not SpotStatus.WAITING:
        return revoking.release(visit, now, End.LEFT, "the guest left without paying")
    if visit.live_keys.isdisjoint(spot.live_keys()):
        return revoking.release(visit, now, End.LEFT, "our order is no longer on the spot")
    others = spot.live_keys() - event.earlier_keys - visit.keys
    if others and min(visit.live_keys) > min(others):
        # Of two workers that can not know of one another both see the same keys: one gives way.
        why = "an order that is not ours is on the spot beside ours"
        return revoking.release(visit, now, End.REFUSED, why)
    if others:
        told, facts = decision.alarm(
            visit,
            warning(
                FactName.SPOT_FOREIGN,
                why="an order that is not ours is on the spot beside ours",
                do="the worker leaves it alone; is another worker or till at work?",
            ),
        )
        return decision.wait_for_guest(told, now, policy, *facts)
    return decision.wait_for_guest(visit, now, policy)


def spot_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Nobody can see the offer any more."""
    return revoking.release(visit, now, End.LEFT, "the wallet knows no such spot")


RULES: Rules = {
    events.Woke: woke,
    events.Resumed: woke,
    events.SpotHinted: spot_hinted,
    events.TransactionHinted: transaction_hinted,
    events.SpotLooked: spot_looked,
    events.SpotMissing: spot_missing,
    events.TransactionLooked: transaction_looked,
    events.TransactionMissing: missing.transaction_missing,
    **terms.RULES,
}
