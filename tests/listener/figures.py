"""Metrics with nothing in them yet, and how Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families

from tests.listener.scene import HALL, LOOPS, TERRACE
from worker.adapters.listener.metrics import Figures, Metrics
from worker.service.measuring import OPS, TILL_OPS
from worker.service.recorder import RESULTS


def figures() -> Figures:
    return Figures(
        is_ready=True,
        open_steps={(HALL, "offered"): 2},
        oldest_open_s={HALL: 61.5, TERRACE: 0.0},
        in_doubt={"confirm": 1, "create": 0},
        parked={HALL: 1, TERRACE: 0},
        loops=(*LOOPS, ("slow", 31.0, 30.0)),
        throttled_s=3.0,
        clock_offset_s=-0.5,
        notices_pending=2,
        notices_oldest_s=12.0,
        journal_bytes=4096,
        journal_free_bytes=10**9,
    )


def fresh() -> Metrics:
    return Metrics(
        version="1.2.3", mode="sandbox", locations=[HALL, TERRACE], ops=OPS, till_ops=TILL_OPS,
        results=RESULTS, figures=figures,
    )  # fmt: skip


def samples(metrics: Metrics) -> dict[str, float]:
    """Read what Prometheus would, as name{labels} -> value."""
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found
