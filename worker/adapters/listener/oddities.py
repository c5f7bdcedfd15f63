"""The figures of what should be rare: doubts, closes left out, and what no visit knows of."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from prometheus_client import Counter, Histogram

from worker.domain.commands import WRITE_OF, WriteKind
from worker.domain.facts import FactName
from worker.domain.visit import End, Step, Visit
from worker.ports import Surfaced

DOUBT_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 90.0, 300.0, 900.0)
CRASHED: Final = "visit.crashed"
NOT_OURS: Final = "not_ours"
"""Another guest than the visit's waits there, or it can not be told."""
FOREIGN_ORDER: Final = "foreign_order"
"""Somebody else's order is beside ours; it is closed once that is gone."""


class Oddities:
    """Counts them, in the registry that the makers of figures belong to."""

    def __init__(
        self, counter: Callable[..., Counter], histogram: Callable[..., Histogram]
    ) -> None:
        self._violations = counter(
            "invariant_violations", "What can not happen and did, by its line; must stay 0", "id"
        )
        self._resolved = histogram(
            "intent_resolution_seconds",
            "From a write in doubt to knowing, by a read, a repeat or a human",
            DOUBT_S, "kind", "how",
        )  # fmt: skip
        self._skipped = counter(
            "close_skipped", "Spots that were not closed, or not yet, by why", "reason"
        )
        self._strange = counter(
            "unknown_reservations", "Transactions met that are not this worker's; left alone"
        )
        self._orphans = counter(
            "orphan_transactions", "Transactions of ours whose create's answer was lost", "action"
        )
        self._doubts: dict[int, Visit] = {}
        """Each visit as it was when its present doubt became durable."""
        begin_at_nothing(self._violations, (FactName.VISIT_SURPRISED.value, CRASHED))
        begin_at_nothing(self._skipped, (NOT_OURS, FOREIGN_ORDER))
        ours = set(Surfaced) - {Surfaced.UNKNOWN}
        begin_at_nothing(self._orphans, sorted(what.value for what in ours))
        for kind in WriteKind:
            for way in ("read", "repeat", "human"):
                self._resolved.labels(kind.value, way)

    def told(self, visit: Visit, fact: FactName) -> None:
        """Count a line that should be rare."""
        if fact is FactName.VISIT_SURPRISED:
            self._violations.labels(fact.value).inc()
        elif fact is FactName.SPOT_NOT_OURS:
            self._skipped.labels(NOT_OURS).inc()
        elif fact is FactName.SPOT_FOREIGN and visit.step is Step.CLOSING:
            self._skipped.labels(FOREIGN_ORDER).inc()

    def crashed(self) -> None:
        """Count a failed turn."""
        self._violations.labels(CRASHED).inc()

    def surfaced(self, what: Surfaced) -> None:
        """Count a transaction that no visit had the key of."""
        if what is Surfaced.UNKNOWN:
            self._strange.inc()
        else:
            self._orphans.labels(what.value).inc()

    def wrote(self, visit: Visit) -> None:
        """Measure how long a write was in doubt once a step is over, or its doubt is."""
        before = self._doubts.get(visit.visit_id)
        if before is None:
            if visit.is_doubtful and visit.step in WRITE_OF:
                self._doubts[visit.visit_id] = visit
            return
        if visit.step is before.step and visit.is_doubtful:
            return
        del self._doubts[visit.visit_id]
        ended_at = visit.since if visit.step is not before.step else visit.looked_at
        took_s = seconds(before.tried_at or before.since, ended_at or visit.since)
        self._resolved.labels(WRITE_OF[before.step].value, how(before, visit)).observe(took_s)


def begin_at_nothing(counter: Counter, values: Sequence[str]) -> None:
    """Show 0 for each value, so that a rule can tell "never" from "unknown"."""
    for value in values:
        counter.labels(value)


def how(before: Visit, after: Visit) -> str:
    """Tell how a doubt ended: left to a human, or known after another try, or by looking alone."""
    if after.end is End.PARKED:
        return "human"
    return "read" if after.attempts == before.attempts else "repeat"


def seconds(earlier: datetime, later: datetime) -> float:
    """Measure the time between; a clock that was set back makes it nothing."""
    return max(0.0, (later - earlier).total_seconds())
