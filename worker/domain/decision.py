"""The few moves that every rule is made of.

A decision is a visit as it shall be, at most one command, and what the operator is told. A rule
never waits without saying until when, and never acts on two things at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from worker.domain.commands import Command, LookAtSpot, Write
from worker.domain.facts import Fact, FactName, error
from worker.domain.notice import Notice
from worker.domain.policy import Policy
from worker.domain.visit import FINAL, End, Step, Visit, replace


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes of a fact."""

    visit: Visit
    command: Command | None = None
    facts: tuple[Fact, ...] = ()
    notices: tuple[Notice, ...] = ()
    """What the till has to hear of: kept with the visit in one write, told afterwards."""

    def __post_init__(self) -> None:
        """Hold the one promise that keeps every visit alive."""
        is_moving = self.command is not None or self.visit.wake_at is not None
        assert is_moving != (self.visit.step in FINAL), (
            "an open visit moves or waits; a final one rests"
        )


Rule = Callable[[Visit, Any, datetime, Policy], Decision]
"""What a step does about one kind of fact. The table sees to it that the fact is of that kind."""

Rules = dict[type[Any], Rule]

_FRESH: Final[dict[str, Any]] = {
    "wake_at": None,
    "tries": 0,
    "tried_at": None,
    "is_doubtful": False,
    "misses": 0,
    "unclears": 0,
    "failures": 0,
    "is_alarmed": False,
    "is_locked": False,
}
"""What belongs to one step only."""


def enter(
    visit: Visit, step: Step, now: datetime, command: Command, *facts: Fact, **changes: Any
) -> Decision:
    """Go to another step and do its first thing at once."""
    fresh: dict[str, Any] = {**_FRESH, "step": step, "since": now, **changes}
    return Decision(replace(visit, **fresh), command, facts)


def send(visit: Visit, now: datetime, command: Write, *facts: Fact) -> Decision:
    """Send a write, counted."""
    tried = replace(
        visit, wake_at=None, tries=visit.tries + 1, tried_at=now, attempts=visit.attempts + 1
    )
    return Decision(tried, command, facts)


def enter_and_send(
    visit: Visit, step: Step, now: datetime, command: Write, *facts: Fact, **changes: Any
) -> Decision:
    """Go to another step whose first thing is a write."""
    sent = {"tries": 1, "tried_at": now, "attempts": visit.attempts + 1}
    return enter(visit, step, now, command, *facts, **sent, **changes)


def look(visit: Visit, command: Command, *facts: Fact) -> Decision:
    """Find out before anything else; the step stays."""
    awake = visit if visit.wake_at is None else replace(visit, wake_at=None)
    return Decision(awake, command, facts)


def wait(visit: Visit, now: datetime, seconds: float, *facts: Fact) -> Decision:
    """Rest, but not for ever."""
    return Decision(replace(visit, wake_at=now + timedelta(seconds=seconds)), None, facts)


def wait_for_guest(visit: Visit, now: datetime, policy: Policy, *facts: Fact) -> Decision:
    """Let the guest think: look again before long, and on time when the offer ends."""
    assert visit.offered_at is not None, "what is offered was shown"
    left = policy.offer_ttl_s - seconds(visit.offered_at, now)
    pause = policy.look_every_s if left <= 0 else min(policy.look_every_s, left)
    return wait(visit, now, pause, *facts)


def stay(visit: Visit, now: datetime) -> Decision:
    """Let the fact pass. What was due stays due; what was not comes due soon."""
    if visit.step in FINAL or visit.wake_at is not None:
        return Decision(visit)
    return wait(visit, now, 1.0)


def alarm(visit: Visit, fact: Fact) -> tuple[Visit, tuple[Fact, ...]]:
    """Tell the operator once in a step, not at every turn."""
    if visit.is_alarmed:
        return visit, ()
    return replace(visit, is_alarmed=True), (fact,)


def surprised(visit: Visit, event: object, now: datetime) -> Decision:
    """Answer what can not happen: touch nothing, say so, and look again soon."""
    told = error(
        FactName.VISIT_SURPRISED,
        why=f"{type(event).__name__} while {visit.step}",
        do="nothing was done about it; please report this line",
    )
    return wait(visit, now, 5.0, told)


def close(visit: Visit, now: datetime, end: End, reason: str, *facts: Fact) -> Decision:
    """No money is held any more: free the spot, and remember why."""
    return enter(visit, Step.CLOSING, now, LookAtSpot(), *facts, end=end, reason=reason)


def seconds(earlier: datetime, later: datetime) -> float:
    """Measure the time between."""
    return (later - earlier).total_seconds()


def look_failed(visit: Visit, now: datetime, policy: Policy) -> Decision:
    """Wait longer each time that looking gives nothing."""
    failed = replace(visit, failures=visit.failures + 1)
    pause = min(policy.look_failed_wait_s_max, float(2 ** min(visit.failures, 10)))
    return wait(failed, now, pause)
