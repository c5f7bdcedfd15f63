"""The transaction is being withdrawn, so that nobody can pay it any more.

The spot is only closed once the transaction is seen to be over. A guest who paid in the last moment
is taken at their word, as long as no revoke was sent yet and the bill was not the problem.
"""

from datetime import datetime
from typing import Final

from worker.domain import decision, events
from worker.domain.commands import LookAtSpot, LookAtTransaction, RevokeTransaction, WriteKind
from worker.domain.decision import Decision, Rules, seconds
from worker.domain.facts import Fact, FactName, error, info
from worker.domain.part import PartState
from worker.domain.policy import Policy, backoff_s
from worker.domain.rules import missing, parts, refusing, taking
from worker.domain.visit import End, Step, Visit, replace
from worker.domain.wallet import RELEASED, TransactionStatus

SOFT_ENDS: Final = frozenset({End.LEFT, End.UNPAID})
"""Ends that a payment in the last moment overrules."""


def release(visit: Visit, now: datetime, end: End, reason: str) -> Decision:
    """Begin to withdraw, by looking whether there is anything left to withdraw."""
    assert visit.transaction_key is not None, "what is withdrawn has a key"
    return decision.enter(
        visit,
        Step.REVOKING,
        now,
        LookAtTransaction(visit.transaction_key),
        end=end,
        reason=reason,
        looked_at=None,
    )


def woke(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Every try begins with a look."""
    assert visit.transaction_key is not None, "what is withdrawn has a key"
    return decision.look(visit, LookAtTransaction(visit.transaction_key))


def resumed(visit: Visit, event: events.Resumed, now: datetime, policy: Policy) -> Decision:
    """A pending intent may never have been sent. Patience begins anew, as the clock may be too."""
    in_doubt = visit.is_doubtful or WriteKind.REVOKE in event.in_flight
    return woke(replace(visit, is_doubtful=in_doubt, since=now), event, now, policy)


def done(visit: Visit, event: events.WriteDone, now: datetime, policy: Policy) -> Decision:
    """The wallet said yes: see it gone."""
    return woke(replace(visit, is_doubtful=False), event, now, policy)


def doubt(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """It may be over, or not: look."""
    return woke(replace(visit, is_doubtful=True), event, now, policy)


def refused(visit: Visit, event: events.WriteRefused, now: datetime, policy: Policy) -> Decision:
    """Look: it may be over already."""
    if refusing.is_passing(event.refused):
        return refusing.wait_out(visit, event.refused, now, policy)
    return doubt(visit, event, now, policy)


def transaction_looked(
    visit: Visit, event: events.TransactionLooked, now: datetime, policy: Policy
) -> Decision:
    """Withdraw what is still alive; go on when it is over."""
    transaction = event.transaction
    if transaction.status is TransactionStatus.CONFIRMED:
        return taking.confirmed(visit, transaction, now, policy)
    if transaction.status in RELEASED:
        is_declined = transaction.status is TransactionStatus.REJECTED
        return over(visit, now, f"seen {transaction.status.value}", is_declined=is_declined)
    if transaction.status is TransactionStatus.OTHER:
        return missing.status_unknown(visit, event, now, policy)
    is_reserved = transaction.status is TransactionStatus.RESERVED
    if is_reserved and visit.tries == 0 and visit.end in SOFT_ENDS:
        offered = replace(
            visit,
            step=Step.OFFERED,
            since=now,
            offered_at=visit.offered_at or now,
            end=None,
            reason="",
        )
        return taking.reserved(offered, transaction, now, policy)
    return revoke(visit, now, policy, is_reserved=is_reserved)


def revoke(visit: Visit, now: datetime, policy: Policy, *, is_reserved: bool) -> Decision:
    """Send the revoke, with a pause between tries; call a human when it is refused for good."""
    assert visit.transaction_key is not None, "what is withdrawn has a key"
    pause = backoff_s(visit.tries) - seconds(visit.tried_at or visit.since, now)
    if visit.tries > 0 and pause > 0:
        return decision.wait(visit, now, pause)
    if visit.tries < policy.refusals_max:
        return decision.send(visit, now, RevokeTransaction(visit.transaction_key))
    told, facts = decision.alarm(
        visit,
        error(
            FactName.VISIT_DOUBTFUL,
            transaction=visit.transaction_key,
            tries=visit.tries,
            why="the wallet does not let the transaction be withdrawn",
            do="the worker keeps trying; the spot stays occupied while money is held",
        ),
    )
    sent = decision.send(told, now, RevokeTransaction(visit.transaction_key), *facts)
    if is_reserved or seconds(visit.since, now) < policy.revoke_patience_s:
        return sent
    return missing.park(told, now, "the wallet would not let the unpaid transaction be withdrawn")


def transaction_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Gone after the wallet agreed to revoke it is as good as revoked.

    Where the revoke itself is in doubt, one answer that knows of no such transaction is not enough:
    it may still be payable, and another must not be offered beside it.
    """
    if visit.tries == 0:
        return missing.transaction_missing(visit, event, now, policy)
    missed = replace(visit, misses=visit.misses + 1)
    if visit.is_doubtful and missed.misses < policy.misses_max:
        return decision.wait(missed, now, policy.misses_gap_s)
    return over(missed, now, "gone", is_declined=False)


def over(visit: Visit, now: datetime, why: str, *, is_declined: bool) -> Decision:
    """No money is held. Quote the table anew, go on with the other parts, or free the spot."""
    told = info(FactName.TRANSACTION_RELEASED, transaction=visit.transaction_key, why=why)
    assert visit.transaction_key is not None, "what was withdrawn had a key"
    released = parts.with_part(visit, state=PartState.RELEASED)
    if visit.is_requoting:
        return quote_anew(released, now, told)
    if visit.end is None:  # This part alone was taken back.
        return parts.go_on(released, now, End.WITHDRAWN, visit.reason, told)
    is_last = parts.next_live(released) is None
    if is_declined and is_last and visit.end in SOFT_ENDS:
        return parts.wind_up(released, now, End.DECLINED, "the guest declined", told)
    return parts.wind_up(released, now, visit.end, visit.reason, told)


def quote_anew(visit: Visit, now: datetime, told: Fact) -> Decision:
    """Ask what the table owes once nothing is on offer any more. What was paid stays paid."""
    another = parts.next_live(visit)
    if another is not None:
        return parts.withdraw_next(visit, now, another, told)
    paid = tuple(part for part in visit.parts if part.state is PartState.PAID)
    gone = visit.keys - {part.key for part in paid} - set(visit.former_keys)
    return decision.enter(
        visit,
        Step.SEEN,
        now,
        LookAtSpot(),
        told,
        former_keys=(*visit.former_keys, *sorted(gone)),
        transaction_key=None,
        parts=paid,
        at=None,
        bill=visit.bill if paid else None,
        reserved_at=None,
        looked_at=None,
        is_requoting=False,
    )


RULES: Rules = {
    events.Woke: woke,
    events.Resumed: resumed,
    events.TransactionLooked: transaction_looked,
    events.TransactionMissing: transaction_missing,
    events.WriteDone: done,
    events.WriteRefused: refused,
    events.WriteUnknown: doubt,
}
