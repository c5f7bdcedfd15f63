"""What the worker says about itself: to `status`, to systemd and in `worker.alive`."""

from collections import Counter
from collections.abc import Mapping

from worker.ports import JsonValue
from worker.service.engine import Engine
from worker.service.postman import Postman
from worker.service.pulse import Pulse


def report(
    engine: Engine,
    postman: Postman,
    pulse: Pulse,
    wallet: Mapping[str, JsonValue],
    mode: str = "",
) -> dict[str, JsonValue]:
    """Put together the newest figures."""
    visits = list(engine.open_visits())
    steps = Counter(visit.step.value for visit in visits)
    age_s = pulse.good_poll_age_s()
    return {
        "mode": mode,
        "open": len(visits),
        "steps": dict(sorted(steps.items())),
        "ended": engine.ended,
        "parked": engine.parked,
        "unposted": len(postman.pending()),
        "is_draining": engine.is_draining,
        "polls": pulse.polls,
        "polls_failed": pulse.polls_failed,
        "last_poll_ms": pulse.last_poll_ms,
        "good_poll_age_s": None if age_s is None else round(age_s, 1),
        "late_loops": pulse.late(),
        "wallet": dict(wallet),
    }


def one_line(figures: Mapping[str, JsonValue]) -> str:
    """Say it in one line for a human."""
    age_s = figures["good_poll_age_s"]
    wallet = "wallet not reached yet" if age_s is None else f"wallet ok {age_s} s ago"
    draining = "draining, " if figures["is_draining"] else ""
    return f"{draining}{figures['open']} open, {figures['parked']} parked, {wallet}"
