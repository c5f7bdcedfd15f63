"""The alert rules and the dashboard, held against the figures that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.listener.figures import fresh
from tests.listener.scene import EVENING, HALL, a_paid, an_end
from worker.domain.facts import FactName
from worker.domain.visit import End
from worker.domain.wallet import SpotList
from worker.service.recorder import RESULTS

CONFIG: Final = Path(__file__).parents[2] / "config"
PROMTOOL: Final = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: apt install prometheus"
)


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
