"""The listener of a real worker beside a real sandbox: what it shows, and that it hinders nobody.

Each is a process of its own, as at a venue.
"""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.listener.door import TOKEN
from tests.operator.processes import ROOT, Daemon, environ, until
from tests.operator.theatre import MAC_KEY, stage
from worker.domain.visit import Step

pytestmark = pytest.mark.timeout(180)


def with_listener(config: Path, port: int = 0, more: str = "") -> Path:
    """Add the section that opens the door."""
    text = config.read_text() + f"\n[listener]\nenabled = true\nport = {port}\n{more}"
    config.write_text(text)
    return config


def port_of(daemon: Daemon) -> int:
    return int(daemon.await_line("listener.ready")["port"])


def ask(port: int, path: str, token: str | None = None) -> tuple[int, str]:
    """Ask as curl would."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def floor(port: int) -> Any:
    status, text = ask(port, "/floor.json")
    assert status == 200
    return json.loads(text)


def figures(port: int) -> dict[str, float]:
    """Read the figures as Prometheus would."""
    status, text = ask(port, "/metrics")
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def state_of(port: int, table: str) -> str:
    tables = {spot["name"]: spot["state"] for spot in floor(port)["locations"][0]["spots"]}
    return str(tables.get(table, ""))


@contextmanager
def dawdlers(port: int, count: int) -> Iterator[None]:
    """Take up places and never finish a question."""
    opened = []
    try:
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), timeout=30)
            opened.append(one)
            one.sendall(b"GET / HTTP/1.1\r\nHo")
        yield
    finally:
        for one in opened:
            with suppress(OSError):
                one.close()


def test_a_visit_is_on_the_floor_and_in_the_figures_to_the_cent(tmp_path: Path) -> None:
    """From free to billed to paid; the counts are the ledger's, and a restart keeps the day's."""
    with stage(tmp_path) as play:
        config = with_listener(play.config())
        play.scan()
        daemon = play.start(config)
        port = port_of(daemon)
        play.await_offer()
        until("table1 is billed", lambda: state_of(port, "table1") == "billed")
        key = play.pay()
        daemon.await_line("visit.closed", end="paid")
        until("table1 is paid", lambda: state_of(port, "table1") == "paid")
        shown, counted = floor(port), figures(port)

        hall = shown["locations"][0]
        assert hall["takings"] == [{"currency": "EUR", "visits": 1, "amount_minor": 1250}]
        assert [(one["table"], one["end"]) for one in shown["last"]] == [("table1", "paid")]
        assert shown["troubles"] == []
        assert (shown["mode"], hall["poll"]["result"]) == ("sandbox", "ok")
        here = "location=9975"
        assert counted[f"paysera_worker_visits_total{{{here},outcome=paid}}"] == 1
        assert counted["paysera_worker_confirmed_amount_minor_total{currency=EUR}"] == 1250
        assert counted[f"paysera_worker_poll_total{{{here},result=ok}}"] >= 1
        assert counted["paysera_worker_order_visible_seconds_count"] == 1
        assert counted["paysera_worker_confirm_seconds_count"] == 1
        assert counted["paysera_worker_close_seconds_count"] == 1
        assert counted["paysera_worker_close_guard_seconds_count"] == 1
        assert counted["paysera_worker_close_guard_seconds_sum"] < 5
        calls = "paysera_worker_api_request_duration_seconds_count"
        for op in ("create", "confirm"):
            applied = play.applied(f"transaction.{op}")
            assert counted[f"{calls}{{op={op},result=ok}}"] == applied == 1
        assert counted["paysera_worker_journal_commit_seconds_count"] > 3
        assert counted["paysera_worker_journal_bytes"] > 4096
        assert counted["paysera_worker_event_loop_lag_seconds_count"] > 0
        assert counted["paysera_worker_ready"] == 1
        assert counted["paysera_worker_pos_outbox_pending"] == 0
        assert sum(n for name, n in counted.items() if "_in_doubt" in name) == 0
        for path in ("/", "/page.js", "/floor.json", "/healthz", "/metrics", "/readyz"):
            told = ask(port, path)[1]
            assert MAC_KEY not in told
            assert key not in told
        assert daemon.stop() == 0

        again = play.start(config)
        port = port_of(again)
        until("the past is read", lambda: floor(port)["last"])
        after = floor(port)
        assert after["locations"][0]["takings"] == hall["takings"]
        assert after["last"] == shown["last"]
        assert again.stop() == 0


def test_the_probes_tell_a_dead_line_from_a_dead_worker(tmp_path: Path) -> None:
    """While Paysera can not be reached a restart would not help, and no guest can be served."""
    with stage(tmp_path) as play:
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            gone = nobody.getsockname()[1]
        daemon = play.start(with_listener(play.config(port=gone)))
        port = port_of(daemon)

        assert ask(port, "/livez") == (200, '{"ok":true,"why":[]}\n')
        status, text = ask(port, "/readyz")
        assert (status, json.loads(text)["why"]) == (
            503, ["no location was polled with these credentials yet"]
        )  # fmt: skip
        until("the trouble is known", lambda: "Unreachable" in ask(port, "/healthz")[1]
              or json.loads(ask(port, "/healthz")[1])["locations"][0]["last_error"])  # fmt: skip
        health = json.loads(ask(port, "/healthz")[1])
        assert health["state"] == "degraded"
        assert figures(port)["paysera_worker_ready"] == 0
        assert ask(port, "/livez")[0] == 200
        assert daemon.stop() == 0


def test_wrong_credentials_are_not_ready_and_say_so(tmp_path: Path) -> None:
    with stage(tmp_path) as play:
        daemon = play.start(with_listener(play.config(mac_key="x" * 32)))
        port = port_of(daemon)
        auth = "paysera_worker_poll_total{location=9975,result=auth}"
        until("a poll was refused", lambda: figures(port)[auth] > 0)

        assert ask(port, "/readyz")[0] == 503
        assert ask(port, "/livez")[0] == 200


def test_a_payment_does_not_notice_a_crowd_at_the_door(tmp_path: Path) -> None:
    """All places taken and more outside; the visit goes its way, and a stop does not wait."""
    with stage(tmp_path) as play:
        daemon = play.start(with_listener(play.config()))
        port = port_of(daemon)
        with dawdlers(port, 60):
            play.scan()
            play.pay()
            closed = daemon.await_line("visit.closed", end="paid")
            assert closed["lasted_s"] < 15
            assert daemon.stop(patience_s=10) == 0
        assert daemon.told("listener.failed") == []


def test_a_taken_port_costs_the_page_and_not_the_payments(tmp_path: Path) -> None:
    """One line that says what to do; when the port is free again the door is opened."""
    with stage(tmp_path) as play, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daemon = play.start(with_listener(play.config(), port))
        line = daemon.await_line("listener.unavailable")
        assert line["level"] == "error"
        assert "payments go on" in line["do"]
        play.scan()
        play.pay()
        daemon.await_line("visit.closed", end="paid")
        play.await_steps(Step.CLOSED)
        assert daemon.stop() == 0


def test_a_token_from_a_secret_file_guards_a_real_worker(tmp_path: Path) -> None:
    """Neither the log nor an answer ever shows it."""
    with stage(tmp_path) as play:
        daemon = play.start(with_listener(play.config(), more=f'token = "{TOKEN}"\n'))
        port = port_of(daemon)

        assert ask(port, "/livez")[0] == 200
        assert ask(port, "/metrics")[0] == 401
        assert ask(port, "/metrics", TOKEN)[0] == 200
        assert daemon.stop() == 0
        assert TOKEN not in daemon.said()


def test_a_frozen_worker_is_not_alive(tmp_path: Path) -> None:
    """Nobody answers for a loop that stands still; whoever probes waits in vain and decides."""
    with stage(tmp_path) as play:
        daemon = play.start(with_listener(play.config()))
        port = port_of(daemon)
        daemon.tell(signal.SIGSTOP)
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as probe:
                probe.sendall(f"GET /livez HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                with pytest.raises(TimeoutError):
                    probe.recv(1)
        finally:
            daemon.tell(signal.SIGCONT)
        assert ask(port, "/livez")[0] == 200


def test_who_does_not_ask_for_a_listener_does_not_pay_for_one(tmp_path: Path) -> None:
    """No port is open, and no web server, figures or page are even loaded."""
    with stage(tmp_path) as play:
        daemon = play.start(play.config())
        daemon.await_line("worker.ready")
        links = Path(f"/proc/{daemon.process.pid}/fd").iterdir()
        ours = {str(link.readlink()) for link in links if link.is_symlink()}
        inodes = {name[8:-1] for name in ours if name.startswith("socket:[")}
        listening = [
            line.split()
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        ]
        assert [row for row in listening if row[3] == "0A" and row[9] in inodes] == []
        assert daemon.stop() == 0
    program = (
        "import sys, worker.bootstrap; "
        "print([m for m in ('uvicorn', 'starlette', 'prometheus_client', 'worker.watching')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environ(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"
