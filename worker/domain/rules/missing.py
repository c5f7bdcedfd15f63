"""What every step does about a transaction that the wallet shows as gone or as a riddle."""

from datetime import datetime

from worker.domain import decision, events
from worker.domain.decision import Decision
from worker.domain.facts import Fact, FactName, error, warning
from worker.domain.part import PartState
from worker.domain.policy import Policy
from worker.domain.rules import parts
from worker.domain.visit import End, Visit, replace


def transaction_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Look a few times over half a minute before believing it, then call a human."""
    missed = replace(visit, misses=visit.misses + 1)
    if missed.misses < policy.misses_max:
        told = warning(FactName.TRANSACTION_MISSING, transaction=visit.transaction_key)
        return decision.wait(missed, now, policy.misses_gap_s, told)
    return park(missed, now, "the wallet no longer knows the transaction that it made for us")


def look_again(visit: Visit, now: datetime, policy: Policy) -> Decision:
    """Wait a little: the answer left out what would have to be compared."""
    return decision.wait(replace(visit, unclears=visit.unclears + 1), now, policy.misses_gap_s)


def park(visit: Visit, now: datetime, why: str) -> Decision:
    """Stop acting on this money, withdraw what else is on offer, and leave the rest to a human."""
    left = parts.with_part(visit, state=PartState.PARKED)
    return parts.wind_up(left, now, End.PARKED, why, parked(visit, why))


def parked(visit: Visit, why: str) -> Fact:
    """Call a human."""
    return error(
        FactName.VISIT_PARKED,
        transaction=visit.transaction_key,
        amount=str(visit.asked) if visit.asked else None,
        why=why,
        do="the worker leaves the money alone; look it up at Paysera and tell the till",
    )


def status_unknown(
    visit: Visit, event: events.TransactionLooked, now: datetime, policy: Policy
) -> Decision:
    """Treat a word that we do not know as neither paid nor over."""
    told, facts = decision.alarm(
        visit,
        warning(
            FactName.TRANSACTION_STATUS_UNKNOWN,
            transaction=event.transaction.key,
            status=event.transaction.status_text,
            do="it counts as not paid and not over; the worker keeps looking",
        ),
    )
    return decision.wait(told, now, policy.look_every_s, *facts)
