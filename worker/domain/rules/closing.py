"""No money is held any more; the spot is being freed.

Closing is the one call that can hurt an innocent third person: the spot's id is the same for the
next guest, and the wallet has no name for a visit. So a close is sent only right after a look that
ties the spot to this visit, and never repeated without another.
"""

from datetime import datetime, timedelta
from typing import Final

from worker.domain import decision, events
from worker.domain.commands import CloseSpot, LookAtSpot, WriteKind
from worker.domain.decision import Decision, Rules, seconds
from worker.domain.facts import Fact, FactName, error, info, warning
from worker.domain.policy import Policy, backoff_s
from worker.domain.rules import refusing
from worker.domain.visit import FINAL, End, Step, Visit, replace
from worker.domain.wallet import ORDER_CLOSED, SpotStatus

HAS_PAID: Final = frozenset({End.PAID, End.PART_PAID})
MAY_HAVE_PAID: Final = HAS_PAID | {End.PARKED}


def is_tied(visit: Visit, event: events.SpotLooked) -> bool:
    """Tell whether the guest now waiting at the spot is the one of this visit.

    Our order on the spot ties it. An order marked closed says that its check-in is over, if it was
    paid; if it was released, the word may only mean that, unless the spot keeps a history of other
    orders. Where no order can tell, the spot must have been seen waiting in every poll since the
    visit began. None of this weaker evidence counts once a close of ours may have worked.
    """
    is_unbroken = event.waiting_since is not None and event.waiting_since <= visit.opened_at
    orders = event.spot.orders
    if orders is None:
        # Who paid, or may have, must not be asked again: that outweighs a next guest's second scan.
        return visit.end in MAY_HAVE_PAID or (is_unbroken and not visit.is_doubtful)
    if visit.end is End.LEFTOVER:  # It is tied by what our earlier visit left there, and only so.
        return bool(event.spot.live_keys() & event.earlier_keys)
    ours = [o for o in orders if visit.owns(frozenset({o.transaction_key}))]
    if any(order.status != ORDER_CLOSED for order in ours):
        return True
    if visit.is_doubtful:
        return False
    if ours:
        has_history = len(ours) < len(orders)
        return visit.end not in HAS_PAID and (is_unbroken or not has_history)
    return is_unbroken and not event.spot.live_keys() and visit.offered_at is None


def woke(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Every try begins with a look."""
    return decision.look(visit, LookAtSpot())


def resumed(visit: Visit, event: events.Resumed, now: datetime, policy: Policy) -> Decision:
    """A pending close may have been sent."""
    in_doubt = replace(visit, is_doubtful=visit.is_doubtful or WriteKind.CLOSE in event.in_flight)
    return decision.look(in_doubt, LookAtSpot())


def doubt(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """It may be free: look."""
    return decision.look(replace(visit, is_doubtful=True), LookAtSpot())


def refused(visit: Visit, event: events.WriteRefused, now: datetime, policy: Policy) -> Decision:
    """It may be free already: look."""
    if refusing.is_passing(event.refused):
        return refusing.wait_out(visit, event.refused, now, policy)
    return decision.look(visit, LookAtSpot())


def spot_looked(visit: Visit, event: events.SpotLooked, now: datetime, policy: Policy) -> Decision:
    """Close what is ours; leave what is not."""
    spot, visit = event.spot, replace(visit, misses=0)
    if spot.status is SpotStatus.OTHER:
        return decision.wait(visit, now, backoff_s(visit.tries + 1))
    if spot.status is not SpotStatus.WAITING:
        return finish(visit, now, visit.end, visit.reason)
    if not is_tied(visit, event):
        told = info(FactName.SPOT_NOT_OURS, why="the guest now waiting there is not this visit's")
        return finish(visit, now, visit.end, visit.reason, told)
    if spot.live_keys() - event.earlier_keys - visit.keys:
        told_once, facts = decision.alarm(
            visit,
            warning(
                FactName.SPOT_FOREIGN,
                why="an order that is not ours is on the spot beside ours",
                do="the spot is closed once it is gone; is another worker or till at work?",
            ),
        )
        return decision.wait(told_once, now, policy.foreign_look_s, *facts)
    return send(visit, now, policy)


def send(visit: Visit, now: datetime, policy: Policy) -> Decision:
    """Send the close, with a pause between tries; call for help but never give up."""
    pause = backoff_s(visit.tries) - seconds(visit.tried_at or visit.since, now)
    if visit.tries > 0 and pause > 0:
        return decision.wait(visit, now, pause)
    close = CloseSpot(now + timedelta(seconds=policy.close_window_s))
    is_stuck = seconds(visit.since, now) >= policy.doubt_alarm_s
    if visit.tries < policy.refusals_max and not is_stuck:
        return decision.send(visit, now, close)
    told, facts = decision.alarm(
        visit,
        error(
            FactName.SPOT_STUCK,
            tries=visit.tries,
            why="the wallet does not close the spot, and its guest is still shown as waiting",
            do="close the spot in Paysera's own tools; the worker keeps trying",
        ),
    )
    return decision.send(told, now, close, *facts)


def spot_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Nothing is left to free when it is said again and again; once may be a stray answer."""
    missed = replace(visit, misses=visit.misses + 1)
    if missed.misses < policy.misses_max:
        return decision.wait(missed, now, policy.misses_gap_s)
    return finish(missed, now, visit.end, visit.reason)


def finish(visit: Visit, now: datetime, end: End | None, reason: str, *facts: Fact) -> Decision:
    """The spot is free of this visit."""
    assert end is not None, "a visit does not finish without an end"
    freed = replace(
        visit, end=end, reason=reason, spot_closed_at=visit.spot_closed_at or now, since=now
    )
    return rest(freed, *facts, lasted_s=round(max(0.0, seconds(visit.opened_at, now)), 1))


def rest(visit: Visit, *facts: Fact, lasted_s: float) -> Decision:
    """Write the visit's last line: all that is needed when somebody calls about it."""
    assert visit.end is not None, "a visit does not rest without an end"
    step = Step.PARKED if visit.end is End.PARKED else Step.CLOSED
    line = info if step is Step.CLOSED else error
    amount = visit.taken or (visit.bill.money if visit.bill else None)
    told = line(
        FactName.VISIT_CLOSED,
        end=visit.end.value,
        amount=str(amount) if amount else None,
        transaction=visit.transaction_key,
        bill=visit.bill.bill_id if visit.bill else None,
        why=visit.reason,
        attempts=visit.attempts,
        lasted_s=lasted_s,
    )
    assert step in FINAL, "a visit rests at a final step"
    return Decision(replace(visit, step=step, wake_at=None), None, (*facts, told))


RULES: Rules = {
    events.Woke: woke,
    events.Resumed: resumed,
    events.SpotLooked: spot_looked,
    events.SpotMissing: spot_missing,
    events.WriteDone: doubt,
    events.WriteRefused: refused,
    events.WriteUnknown: doubt,
}
