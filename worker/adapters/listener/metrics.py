"""The figures that Prometheus collects, kept where things happen and added up when it asks.

A location is the only thing from outside that ever becomes a label: never a table, a visit or a
key, and no amount that could be tied to a guest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from worker.adapters.listener.oddities import CRASHED, Oddities, seconds
from worker.domain.facts import FactName
from worker.domain.ids import LocationId
from worker.domain.visit import FINAL, End, Step, Visit
from worker.domain.wallet import SpotList
from worker.ports import Surfaced

PREFIX: Final = "paysera_worker"
CALL_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
GUEST_S: Final = (0.5, 1.0, 2.0, 3.0, 4.0, 5.5, 8.0, 12.0, 20.0, 60.0)
GUARD_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
DISK_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LAG_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is not counted but read off at the moment of asking."""

    is_ready: bool
    open_steps: Mapping[tuple[LocationId, str], int]
    """Open visits by location and step."""
    oldest_open_s: Mapping[LocationId, float]
    in_doubt: Mapping[str, int]
    """Writes that may have taken effect, by kind."""
    parked: Mapping[LocationId, int]
    loops: Sequence[tuple[str, float, float]]
    """Each loop's name, the seconds since it turned, and how many it may take."""
    throttled_s: float
    clock_offset_s: float
    notices_pending: int
    notices_oldest_s: float
    journal_bytes: int
    journal_free_bytes: int


class Metrics:
    """A recorder with a registry of its own."""

    def __init__(
        self,
        *,
        version: str,
        mode: str,
        locations: Sequence[LocationId],
        ops: Sequence[str],
        till_ops: Sequence[str],
        results: Sequence[str],
        figures: Callable[[], Figures],
    ) -> None:
        """Set up every figure.

        `ops`, `till_ops` and `results` are the words that calls are told with; what is known
        beforehand starts at 0, so that a rule can tell "never" from "unknown".
        """
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry: Final = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        build = self._gauge("build_info", "Always 1", "version", "mode")
        build.labels(version, mode).set(1)
        self._polls = self._counter("poll", "Polls for waiting spots", "location", "result")
        self._polled = self._gauge(
            "poll_last_success_timestamp_seconds", "When a poll was last answered well", "location"
        )
        self._calls = self._histogram(
            "api_request_duration_seconds",
            "A call to the wallet as the worker sees it, waits and repeats included",
            CALL_S, "op", "result",
        )  # fmt: skip
        self._visits = self._counter("visits", "Visits that ended", "location", "outcome")
        self._facts = self._counter("facts", "Lines told about visits, by name", "fact")
        self._oddities = Oddities(self._counter, self._histogram)
        self._visible = self._histogram(
            "order_visible_seconds", "From the check-in seen to the bill in the app", GUEST_S
        )
        self._confirm = self._histogram(
            "confirm_seconds", "From the guest's yes seen to the money taken", GUEST_S
        )
        self._close = self._histogram(
            "close_seconds", "From the outcome to the spot seen free", GUEST_S
        )
        self._guard = self._histogram(
            "close_guard_seconds", "From the look at a spot to its close", GUARD_S
        )
        self._money = self._counter("confirmed_amount_minor", "Money taken", "currency")
        self._till = self._histogram(
            "pos_request_duration_seconds", "A question to the till", CALL_S, "op", "result"
        )
        self._commits = self._histogram(
            "journal_commit_seconds", "A durable commit of the journal", DISK_S
        )
        self._lag = self._histogram(
            "event_loop_lag_seconds", "How late a timer of the event loop fired", LAG_S
        )
        self._closing_since: dict[int, datetime] = {}
        self._taken: dict[int, int] = {}
        self.registry.register(_Read(figures))
        self._begin_at_nothing(locations, ops, till_ops, results)

    def render(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(self.registry)

    # What it is told.

    def told(self, visit: Visit, fact: FactName) -> None:
        """Count a line, and measure what the guest felt where it marks the end of a wait."""
        self._facts.labels(fact.value).inc()
        self._oddities.told(visit, fact)
        if fact is FactName.ORDER_OFFERED and visit.offered_at and not visit.former_keys:
            self._visible.observe(seconds(visit.opened_at, visit.offered_at))
        elif fact is FactName.TRANSACTION_CONFIRMED and visit.paid_at and visit.bill:
            self._count_money(visit)
            if visit.reserved_at is not None:
                self._confirm.observe(seconds(visit.reserved_at, visit.paid_at))

    def _count_money(self, visit: Visit) -> None:
        """Count what came in since the last payment: a bill in parts is paid by and by."""
        known = self._taken.get(visit.visit_id, 0)
        if visit.bill is not None and visit.taken_minor > known:
            self._money.labels(visit.bill.money.currency).inc(visit.taken_minor - known)
            self._taken[visit.visit_id] = visit.taken_minor

    def wrote(self, visit: Visit) -> None:
        """Measure how long the closing took, and count the end."""
        self._oddities.wrote(visit)
        if visit.step is Step.CLOSING:
            self._closing_since.setdefault(visit.visit_id, visit.since)
        elif visit.spot_closed_at is not None:
            began_at = self._closing_since.pop(visit.visit_id, None)
            if began_at is not None:
                self._close.observe(seconds(began_at, visit.spot_closed_at))
        if visit.step in FINAL:
            self._closing_since.pop(visit.visit_id, None)
            self._taken.pop(visit.visit_id, None)
            outcome = "parked" if visit.step is Step.PARKED else (visit.end or End.LEFT).value
            self._visits.labels(str(visit.location_id), outcome).inc()

    def crashed(self, visit: Visit) -> None:
        """Count a failed turn."""
        self._facts.labels(CRASHED).inc()
        self._oddities.crashed()

    def called(self, op: str, result: str, took_s: float) -> None:
        """Measure a call."""
        self._calls.labels(op, result).observe(took_s)

    def polled(
        self,
        location_id: LocationId,
        result: str,
        answer: SpotList | str,
        took_s: float,
        at: datetime,
    ) -> None:
        """Count a poll, and remember when one was answered well."""
        self._polls.labels(str(location_id), result).inc()
        if not isinstance(answer, str):
            self._polled.labels(str(location_id)).set(at.timestamp())

    def closing(self, guard_s: float) -> None:
        """Measure the window in which a guest could change."""
        self._guard.observe(guard_s)

    def asked_till(
        self, location_id: LocationId, op: str, trouble: str | None, took_s: float
    ) -> None:
        """Measure a question to the till."""
        self._till.labels(op, "ok" if trouble is None else "trouble").observe(took_s)

    def surfaced(self, what: Surfaced) -> None:
        """Count a transaction that no visit had the key of."""
        self._oddities.surfaced(what)

    def committed(self, took_s: float) -> None:
        """Measure a commit. May be called from another thread."""
        self._commits.observe(took_s)

    def lagged(self, late_s: float) -> None:
        """Measure how late the event loop was."""
        self._lag.observe(max(0.0, late_s))

    # How it is set up.

    def _begin_at_nothing(
        self,
        locations: Sequence[LocationId],
        ops: Sequence[str],
        till_ops: Sequence[str],
        results: Sequence[str],
    ) -> None:
        for location_id in locations:
            for result in results:
                self._polls.labels(str(location_id), result)
            for end in End:
                self._visits.labels(str(location_id), end.value)
        for fact in FactName:
            self._facts.labels(fact.value)
        self._facts.labels(CRASHED)
        for op in ops:
            self._calls.labels(op, "ok")
        for op in till_ops:
            self._till.labels(op, "ok")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", f"{text}.", labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", f"{text}.", labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(
            f"{PREFIX}_{name}", f"{text}.", labels, registry=self.registry, buckets=buckets
        )


class _Read(Collector):
    """Turns the figures of the moment into gauges."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Read them off."""
        now = self._figures()
        yield plain("ready", "1 when /readyz says yes", int(now.is_ready))
        yield by_label(
            "visit_oldest_open_age_seconds",
            "Age of the oldest open visit; 0: none is open",
            "location",
            {str(key): age_s for key, age_s in now.oldest_open_s.items()},
        )
        yield by_label(
            "intents_in_doubt", "Writes that may have taken effect", "kind", now.in_doubt
        )
        yield by_label(
            "location_parked",
            "Visits left to a human",
            "location",
            {str(key): count for key, count in now.parked.items()},
        )
        yield by_label(
            "loop_age_seconds",
            "Time since a loop turned",
            "loop",
            {name: age_s for name, age_s, _ in now.loops},
        )
        yield by_label(
            "loop_late",
            "1 when a loop did not turn in its time",
            "loop",
            {name: int(age_s > budget_s) for name, age_s, budget_s in now.loops},
        )
        steps = GaugeMetricFamily(
            f"{PREFIX}_visits_open", "Open visits.", labels=["location", "step"]
        )
        for (location_id, step), count in sorted(now.open_steps.items()):
            steps.add_metric([str(location_id), step], count)
        yield steps
        yield plain("api_retry_after_seconds", "How long the wallet wants quiet", now.throttled_s)
        yield plain(
            "api_clock_offset_seconds",
            "What is added to this machine's time to get the wallet's",
            now.clock_offset_s,
        )
        yield plain("pos_outbox_pending", "Payments untold to the till", now.notices_pending)
        yield plain(
            "pos_outbox_oldest_age_seconds", "Age of the oldest of them", now.notices_oldest_s
        )
        yield plain("journal_bytes", "Size of the journal with its log", now.journal_bytes)
        yield plain("journal_free_bytes", "Room left on its disk", now.journal_free_bytes)


def plain(name: str, text: str, value: float) -> GaugeMetricFamily:
    """Make a gauge without labels."""
    return GaugeMetricFamily(f"{PREFIX}_{name}", f"{text}.", value=value)


def by_label(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """Make a gauge with one label."""
    gauge = GaugeMetricFamily(f"{PREFIX}_{name}", f"{text}.", labels=[label])
    for value, figure in sorted(values.items()):
        gauge.add_metric([value], figure)
    return gauge
