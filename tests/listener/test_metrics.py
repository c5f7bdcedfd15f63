"""The figures, and the rules and pictures made of them."""

import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tests.listener.scene import EVENING, HALL, KEY, LOOPS, TERRACE, a_paid, a_visit, an_end
from worker.adapters.listener.metrics import Figures, Metrics
from worker.domain.facts import FactName
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.domain.visit import End, Step, replace
from worker.domain.wallet import SpotList
from worker.ports import Surfaced
from worker.service.measuring import OPS, TILL_OPS
from worker.service.recorder import RESULTS, Several, Silence, result_of

CONFIG: Final = Path(__file__).parents[2] / "config"
PROMTOOL: Final = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: apt install prometheus"
)


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


# The rules and the dashboard.


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\b(?:paysera_worker|process)_[a-z_]+", text))


FACTS: Final = {*FactName, "visit.crashed"}


def facts_in(text: str) -> set[str]:
    """Give every line's name that an expression picks."""
    return {fact for group in re.findall(r'fact=~?"([^"]+)"', text) for fact in group.split("|")}


def names_given() -> set[str]:
    """Give every name that /metrics can hold."""
    metrics = fresh()
    metrics.polled(HALL, "ok", SpotList((), is_complete=True), 0.1, EVENING)
    lines = [one for one in metrics.render().decode().splitlines() if not one.startswith("#")]
    money = "paysera_worker_confirmed_amount_minor_total"  # It has no line before the first.
    return {re.split(r"[{ ]", line)[0] for line in lines} | {money}


def expressions() -> dict[str, str]:
    """Give each panel's questions."""
    board = json.loads((CONFIG / "grafana-dashboard.json").read_text())
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in board["panels"]
        for target in panel["targets"]
    }


def test_every_alert_asks_for_figures_that_exist() -> None:
    """And says what happened and what to do; a rule about a figure that was renamed never fires."""
    text = (CONFIG / "alerts.yml").read_text()

    assert names_in(text) - names_given() == set()
    rules = text.split("- alert: ")[1:]
    assert len(rules) >= 15
    for rule in rules:
        for part in ("expr: ", "severity: ", "summary: ", "action: "):
            assert part in rule, f"{rule.splitlines()[0]} has no {part}"
    assert facts_in(text)
    assert facts_in(text) - FACTS == set()
    assert set(re.findall(r'result="([^"]+)"', text)) <= {*RESULTS, "trouble"}


def test_every_panel_asks_for_figures_that_exist_and_no_figure_is_forgotten() -> None:
    text = " ".join(expressions().values())
    asked = names_in(text)

    assert asked - names_given() == set()
    assert facts_in(text)
    assert facts_in(text) - FACTS == set()
    rules = names_in((CONFIG / "alerts.yml").read_text())
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked | rules}
    given = {re.sub(r"_(bucket|count|sum)$", "", name) for name in names_given()}
    assert {name for name in given - shown if name.startswith("paysera_worker")} == set()


def test_the_documents_name_every_figure_and_no_other() -> None:
    """The table in docs/monitoring.md is what /metrics says, labels included."""
    told = (CONFIG.parent / "docs/monitoring.md").read_text()
    rows = dict(
        re.findall(r"^\| `(paysera_worker_[a-z_]+)` \| ([a-z, ]*?) ?\|", told, re.MULTILINE)
    )
    metrics = fresh()
    metrics.polled(HALL, "ok", SpotList((), is_complete=True), 0.1, EVENING)
    metrics.told(a_paid(1, "t", 100, ago_s=1), FactName.TRANSACTION_CONFIRMED)
    given: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        if family.name.startswith("paysera_worker"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = given.setdefault(name, set())
            for sample in family.samples:
                labels |= set(sample.labels) - {"le"}

    assert {name: set(labels.split(", ")) - {""} for name, labels in rows.items()} == given


def test_no_two_panels_lie_on_each_other() -> None:
    board = json.loads((CONFIG / "grafana-dashboard.json").read_text())
    taken: dict[tuple[int, int], str] = {}
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken[x, y]}"
                taken[x, y] = panel["title"]


def promtool(*arguments: str | Path, given: bytes = b"") -> str:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *map(str, arguments)], input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return (done.stdout + done.stderr).decode()


@needs_promtool
def test_prometheus_itself_accepts_the_rules_and_the_figures(tmp_path: Path) -> None:
    """Rules, the dashboard's questions as rules, and what /metrics says."""
    assert "19 rules found" in promtool("check", "rules", CONFIG / "alerts.yml")
    rules: list[dict[str, str]] = []
    for number, text in enumerate(expressions().values()):
        asked = text.replace("$__rate_interval", "5m").replace("$instance", ".*")
        rules.append({"record": f"panel_{number}", "expr": asked})
    file = tmp_path / "panels.yml"  # JSON is YAML.
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", file)
    metrics = fresh()
    metrics.wrote(an_end(1, "table1", End.LEFT, ago_s=5))
    said = promtool("check", "metrics", given=metrics.render())
    assert said == ""


@needs_promtool
def test_the_rules_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    """Prometheus plays the figures of a bad hour and of a good one."""

    def played(alert: str, series: str, at: str, fires: int) -> dict[str, Any]:
        name, _, values = series.partition(" ")
        firing = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
        expected = [{"labels": "{}", "value": fires}]
        return {
            "interval": "30s",
            "input_series": [{"series": name, "values": values}],
            "promql_expr_test": [{"expr": firing, "eval_time": at, "exp_samples": expected}],
        }

    doubt = 'paysera_worker_intents_in_doubt{kind="confirm"} '
    surprised = 'paysera_worker_invariant_violations_total{id="visit.surprised"} '
    polled = 'paysera_worker_poll_last_success_timestamp_seconds{location="9975"} '
    in_doubt, fails = "PayseraWorkerMoneyInDoubt", "PayseraWorkerPollsFail"
    full, room = "PayseraWorkerDiskFull", "paysera_worker_journal_free_bytes "
    tests = [
        played(in_doubt, f"{doubt}1+0x10", "4m", 1),
        played(in_doubt, f"{doubt}1 1 0 0 1 0 0 0 0", "4m", 0),
        played("PayseraWorkerSurprised", f"{surprised}0 0 0 1 1 1 1 1", "3m", 1),
        played("PayseraWorkerSurprised", f"{surprised}0+0x10", "3m", 0),
        played(fails, f"{polled}0+0x20", "5m", 1),
        played(fails, f"{polled}0+30x20", "5m", 0),
        played(full, f"{room}1000000+0x9", "1m", 1),
        played(full, f"{room}1000000000+0x9", "1m", 0),
    ]
    whole = {"rule_files": [str(CONFIG / "alerts.yml")], "evaluation_interval": "30s"}
    for number, test in enumerate(tests):
        (tmp_path / f"{number}.yml").write_text(json.dumps({**whole, "tests": [test]}))
    done = subprocess.run(
        [str(PROMTOOL), "test", "rules", *map(str, sorted(tmp_path.glob("*.yml")))],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
