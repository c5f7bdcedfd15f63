"""The state machine: what a visit does about whatever it learns.

`decide` is a pure function of the visit, the fact, the time and the policy. The table below holds a
rule for every pair of a step and a fact; recovery after a crash is the fact `Resumed`, decided here
like any other, so there is no second path.
"""

from datetime import datetime
from typing import Final, get_args

from worker.domain import decision, events
from worker.domain.commands import Command, LookAtSpot, Write
from worker.domain.decision import Decision, Rule, Rules
from worker.domain.facts import Fact, FactName, info
from worker.domain.ids import LocationId, SpotId, VisitId
from worker.domain.policy import Policy
from worker.domain.rules import (
    closing,
    confirming,
    creating,
    linking,
    missing,
    offered,
    parts,
    refusing,
    revoking,
    seen,
)
from worker.domain.visit import FINAL, Step, Visit, replace

EVENTS: Final[tuple[type[events.Event], ...]] = get_args(events.Event)


def let_pass(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Nothing follows from it."""
    return decision.stay(visit, now)


def look_failed(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Look again later."""
    return decision.look_failed(visit, now, policy)


def surprised(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Say that this can not happen here."""
    return decision.surprised(visit, event, now)


_EVERYWHERE: Final[Rules] = {
    events.SpotHinted: let_pass,
    events.TransactionHinted: let_pass,
    events.LookFailed: look_failed,
    events.WriteUnsent: refusing.unsent,
}
"""What an unfinished visit does unless its step knows better."""

_STEPS: Final[dict[Step, Rules]] = {
    Step.SEEN: seen.RULES,
    Step.CREATING: creating.RULES,
    Step.LINKING: linking.RULES,
    Step.OFFERED: offered.RULES,
    Step.CONFIRMING: confirming.RULES,
    Step.REVOKING: revoking.RULES,
    Step.CLOSING: closing.RULES,
    Step.CLOSED: dict.fromkeys(EVENTS, let_pass),
    Step.PARKED: dict.fromkeys(EVENTS, let_pass),
}

TABLE: Final[dict[tuple[Step, type[events.Event]], Rule]] = {
    (step, event): rules.get(event, _EVERYWHERE.get(event, surprised))
    for step, rules in _STEPS.items()
    for event in EVENTS
}
"""A rule for every pair. What is answered with `surprised` can not happen, and is survived."""

_NO_NEWS: Final = (events.LookFailed, events.Woke, events.SpotHinted, events.TransactionHinted)


def open_visit(
    *,
    visit_id: VisitId,
    instance: str,
    nonce: str,
    location_id: LocationId,
    spot_id: SpotId,
    table: str,
    now: datetime,
) -> Decision:
    """Begin a visit at a spot that a poll showed waiting, with a look at the spot itself."""
    visit = Visit(
        visit_id=visit_id,
        instance=instance,
        nonce=nonce,
        location_id=location_id,
        spot_id=spot_id,
        table=table,
        opened_at=now,
        step=Step.SEEN,
        since=now,
    )
    return Decision(visit, LookAtSpot(), (info(FactName.SPOT_SEEN, spot=spot_id),))


def decide(visit: Visit, event: events.Event, now: datetime, policy: Policy) -> Decision:
    """Return the next step and what must be done about it. Touches nothing."""
    if visit.failures and not isinstance(event, _NO_NEWS):
        visit = replace(visit, failures=0)
    if visit.misses and isinstance(event, events.TransactionLooked):
        visit = replace(visit, misses=0)
    if isinstance(event, events.Resumed) and visit.step not in FINAL:
        visit = taken_up(visit, now)
    decided = TABLE[visit.step, type(event)](visit, event, now, policy)
    if isinstance(event, events.Resumed) and visit.step not in FINAL:
        told = info(FactName.VISIT_RESUMED, step=visit.step.value)
        facts = (told, *decided.facts)
        return Decision(decided.visit, decided.command, facts, decided.notices)
    return decided


def taken_up(visit: Visit, now: datetime) -> Visit:
    """Make a visit's instants sound again after a restart, whatever the clock showed before.

    Nothing can have happened in the future, and a look from before the restart allows nothing.
    """
    return replace(
        visit,
        since=min(visit.since, now),
        tried_at=visit.tried_at and min(visit.tried_at, now),
        offered_at=visit.offered_at and min(visit.offered_at, now),
        reserved_at=visit.reserved_at and min(visit.reserved_at, now),
        parts=parts.sound(visit.parts, now),
        spot_closed_at=visit.spot_closed_at and min(visit.spot_closed_at, now),
        looked_at=None,
    )


def left_undone(visit: Visit, command: Command) -> Visit:
    """Take back that a command was sent: the worker stops, and the next one decides anew."""
    return refusing.uncounted(visit) if isinstance(command, Write) else visit


def parked_before(visit: Visit) -> Fact:
    """Call a human once more about a visit that is parked."""
    return missing.parked(visit, visit.reason)


def park(visit: Visit, now: datetime, why: str) -> Decision:
    """Take a visit out of the worker's hands that its own rules can not bring to an end."""
    if visit.step in FINAL:
        return Decision(visit)
    return missing.park(visit, now, why)
