"""The figures, counted where things happen."""

import re
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.listener.figures import fresh, samples
from tests.listener.scene import EVENING, HALL, KEY, TERRACE, a_paid, a_visit, an_end
from worker.domain.facts import FactName
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.domain.visit import End, Step, replace
from worker.domain.wallet import SpotList
from worker.ports import Surfaced
from worker.service.recorder import RESULTS, Several, Silence, result_of


def test_a_paid_visit_is_counted_and_measured_once() -> None:
    """Its money, its waits and its end."""
    metrics = fresh()
    offered = a_visit(1, "table1", Step.OFFERED, minor=2599, ago_s=100)
    offered_at = offered.opened_at + timedelta(seconds=2)
    paid = a_paid(1, "table1", 2599, ago_s=10, lasted_s=90)
    metrics.told(a_visit(1, "t", Step.OFFERED, ago_s=100, offered_at=offered_at),
                 FactName.ORDER_OFFERED)  # fmt: skip
    reserved_at = EVENING - timedelta(seconds=13)
    confirmed = a_visit(1, "table1", Step.CLOSING, minor=2599, ago_s=100, lasted_s=90,
                        reserved_at=reserved_at,
                        paid_at=EVENING - timedelta(seconds=10), taken_minor=2599)  # fmt: skip
    metrics.told(confirmed, FactName.TRANSACTION_CONFIRMED)
    metrics.wrote(confirmed)
    metrics.wrote(confirmed)
    metrics.wrote(paid)
    metrics.told(paid, FactName.VISIT_CLOSED)
    found = samples(metrics)

    assert found["paysera_worker_visits_total{location=9975,outcome=paid}"] == 1
    assert found["paysera_worker_confirmed_amount_minor_total{currency=EUR}"] == 2599
    assert found["paysera_worker_order_visible_seconds_sum"] == 2.0
    assert found["paysera_worker_confirm_seconds_sum"] == 3.0
    assert found["paysera_worker_close_seconds_count"] == 1
    assert found["paysera_worker_close_seconds_sum"] == 0.0
    assert found["paysera_worker_facts_total{fact=transaction.confirmed}"] == 1


def test_each_end_has_its_outcome() -> None:
    metrics = fresh()
    metrics.wrote(an_end(1, "table1", End.LEFT, ago_s=5))
    metrics.wrote(a_visit(2, "table2", Step.PARKED, end=End.PAID))
    metrics.crashed(a_visit(3, "table3", Step.OFFERED))
    found = samples(metrics)

    assert found["paysera_worker_visits_total{location=9975,outcome=left}"] == 1
    assert found["paysera_worker_visits_total{location=9975,outcome=parked}"] == 1
    assert found["paysera_worker_visits_total{location=9975,outcome=paid}"] == 0
    assert found["paysera_worker_facts_total{fact=visit.crashed}"] == 1


@pytest.mark.parametrize(
    ("changes", "how", "took_s"),
    [
        ({"step": Step.CLOSING, "since": EVENING, "end": End.PAID}, "read", 30.0),
        ({"step": Step.CLOSING, "since": EVENING, "end": End.PAID, "attempts": 4}, "repeat", 30.0),
        ({"step": Step.CLOSING, "since": EVENING, "end": End.PARKED}, "human", 30.0),
        ({"is_doubtful": False, "looked_at": EVENING}, "read", 30.0),
    ],
)
def test_a_write_in_doubt_is_measured_until_it_is_known(
    changes: dict[str, Any], how: str, took_s: float
) -> None:
    """Also when the same step goes on without the doubt; and once only."""
    metrics = fresh()
    sent_at = EVENING - timedelta(seconds=30)
    doubtful = a_visit(1, "table1", Step.CONFIRMING, ago_s=60, tried_at=sent_at, is_doubtful=True)
    known = replace(doubtful, **{"is_doubtful": False, **changes})
    for visit in (doubtful, doubtful, known, known):
        metrics.wrote(visit)
    found = samples(metrics)

    resolved = "paysera_worker_intent_resolution_seconds"
    assert found[f"{resolved}_count{{how={how},kind=confirm}}"] == 1
    assert found[f"{resolved}_sum{{how={how},kind=confirm}}"] == took_s
    assert sum(value for name, value in found.items() if name.startswith(f"{resolved}_count")) == 1


def test_what_no_visit_knew_and_what_can_not_happen_is_counted() -> None:
    """By the names that rules are made of."""
    metrics = fresh()
    for what in (*Surfaced, Surfaced.UNKNOWN):
        metrics.surfaced(what)
    offered, closing = a_visit(1, "table1", Step.OFFERED), a_visit(2, "table2", Step.CLOSING)
    metrics.told(offered, FactName.VISIT_SURPRISED)
    metrics.told(offered, FactName.SPOT_FOREIGN)
    metrics.told(closing, FactName.SPOT_FOREIGN)
    metrics.told(closing, FactName.SPOT_NOT_OURS)
    metrics.crashed(closing)
    found = samples(metrics)

    assert found["paysera_worker_unknown_reservations_total"] == 2
    for action in ("adopted", "revoked", "expired"):
        assert found[f"paysera_worker_orphan_transactions_total{{action={action}}}"] == 1
    for name in ("visit.surprised", "visit.crashed"):
        assert found[f"paysera_worker_invariant_violations_total{{id={name}}}"] == 1
    for reason in ("not_ours", "foreign_order"):
        assert found[f"paysera_worker_close_skipped_total{{reason={reason}}}"] == 1


def test_polls_calls_and_the_till_are_counted_by_result() -> None:
    metrics = fresh()
    metrics.polled(HALL, "ok", SpotList((), is_complete=True), 0.1, EVENING)
    metrics.polled(TERRACE, "auth", "HTTP 401", 0.1, EVENING)
    metrics.called("confirm", "transient", 3.0)
    metrics.asked_till(HALL, "find_bills", "gone", 0.2)
    metrics.closing(0.07)
    metrics.committed(0.004)
    metrics.lagged(-0.001)
    found = samples(metrics)

    assert found["paysera_worker_poll_total{location=9975,result=ok}"] == 1
    assert found["paysera_worker_poll_total{location=9976,result=auth}"] == 1
    last = "paysera_worker_poll_last_success_timestamp_seconds"
    assert found[f"{last}{{location=9975}}"] == EVENING.timestamp()
    assert f"{last}{{location=9976}}" not in found
    calls = "paysera_worker_api_request_duration_seconds"
    assert found[f"{calls}_sum{{op=confirm,result=transient}}"] == 3.0
    assert (
        found["paysera_worker_pos_request_duration_seconds_count{op=find_bills,result=trouble}"]
        == 1
    )
    assert found["paysera_worker_close_guard_seconds_bucket{le=0.1}"] == 1
    assert found["paysera_worker_journal_commit_seconds_count"] == 1
    assert found["paysera_worker_event_loop_lag_seconds_sum"] == 0


def test_what_is_read_off_is_what_it_is_at_that_moment() -> None:
    found = samples(fresh())

    assert found["paysera_worker_build_info{mode=sandbox,version=1.2.3}"] == 1
    assert found["paysera_worker_ready"] == 1
    assert found["paysera_worker_visits_open{location=9975,step=offered}"] == 2
    assert found["paysera_worker_visit_oldest_open_age_seconds{location=9975}"] == 61.5
    assert found["paysera_worker_intents_in_doubt{kind=confirm}"] == 1
    assert found["paysera_worker_location_parked{location=9975}"] == 1
    assert found["paysera_worker_loop_late{loop=slow}"] == 1
    assert found["paysera_worker_loop_late{loop=sweep}"] == 0
    assert found["paysera_worker_api_retry_after_seconds"] == 3
    assert found["paysera_worker_api_clock_offset_seconds"] == -0.5
    assert found["paysera_worker_pos_outbox_pending"] == 2
    assert found["paysera_worker_pos_outbox_oldest_age_seconds"] == 12
    assert found["paysera_worker_journal_bytes"] == 4096
    assert found["process_resident_memory_bytes"] > 0


def test_no_label_can_name_a_guest_a_table_or_a_key() -> None:
    """Whatever the visits were: the labels are a closed list, and their number stays bounded."""
    metrics = fresh()
    for number in range(200):
        visit = a_paid(number + 1, f"table{number}", 100, ago_s=1)
        metrics.wrote(visit)
        metrics.told(visit, FactName.TRANSACTION_CONFIRMED)
        metrics.told(visit, FactName.VISIT_CLOSED)
    text = metrics.render().decode()
    labels = set(re.findall(r'[{,]([a-z_]+)="', text))

    assert labels == {
        "version", "mode", "location", "result", "op", "le", "outcome", "fact", "currency", "step",
        "kind", "loop", "id", "how", "reason", "action",
    }  # fmt: skip
    assert KEY not in text
    assert "table1" not in text
    assert len(text.splitlines()) < 700


def test_every_way_a_call_can_end_has_its_word() -> None:
    outcomes: dict[str, Outcome[object]] = {
        "ok": Done(SpotList((), is_complete=True)),
        "malformed": Done(SpotList((), is_complete=False)),
        "throttled": Refused(Refusal.THROTTLED, 429),
        "auth": Refused(Refusal.CREDENTIALS, 401),
        "missing": Refused(Refusal.MISSING, 404),
        "refused": Refused(Refusal.STATE, 409),
        "transient": Unknown("ReadTimeout"),
    }
    assert {word: result_of(outcome) for word, outcome in outcomes.items()} == {
        word: word for word in RESULTS
    }
    assert result_of(Unsent("held back")) == "transient"


def test_a_recorder_that_fails_costs_its_figures_and_nothing_else() -> None:
    """It is told once; the others still hear."""

    class Broken(Silence):
        def wrote(self, visit: Any) -> None:
            raise RuntimeError("full")

    metrics = fresh()
    several = Several([Broken(), metrics])
    with capture_logs() as lines:
        for number in (1, 2):
            several.wrote(an_end(number, "table1", End.LEFT, ago_s=5))

    assert samples(metrics)["paysera_worker_visits_total{location=9975,outcome=left}"] == 2
    assert [line["event"] for line in lines] == ["listener.miscounted"]
