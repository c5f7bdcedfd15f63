"""Each open question, answered otherwise by a sandbox: the rehearsal notices that, and no more.

Sandbox, phone and rehearsal share a process here, because there are many answers.
"""

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.operator.theatre import CONFIG, FIXED, MAC_KEY
from worker import sandbox
from worker.sandbox.manners import SWITCHES
from worker.settings import load
from worker.verbs import rehearse
from worker.verbs.rehearse import steps
from worker.verbs.rehearse.assumptions import BY_NAME, is_harmless

OTHER = [(name, value) for name, values in SWITCHES.items() for value in values[1:]]


def control(port: int, method: str, path: str) -> Any:
    """Call one of the sandbox's control routes."""
    url = f"http://127.0.0.1:{port}/_sandbox/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30) as answer:
        return json.loads(answer.read())


@contextmanager
def served(**chosen: str) -> Iterator[int]:
    """Serve a sandbox with these manners in a thread of its own; give its port."""
    ready, ports, stops = threading.Event(), list[int](), list[asyncio.Event]()

    async def serve(loop: asyncio.AbstractEventLoop) -> None:
        stop = asyncio.Event()
        stops.append(stop)

        def on_ready(port: int) -> None:
            ports.append(port)
            ready.set()

        options = sandbox.SandboxOptions(port=0, manners=sandbox.Manners(chosen))
        await sandbox.serve(options, on_ready=on_ready, stop=stop)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve(loop)))
    thread.start()
    try:
        assert ready.wait(30)
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stops[0].set)
        thread.join(30)
        loop.close()


@contextmanager
def phone(port: int) -> Iterator[None]:
    """Scan the table once it is waited for, and accept whatever it shows."""
    over = threading.Event()

    def look() -> None:
        is_seated = False
        while not over.wait(0.05):
            if not is_seated:
                asked = control(port, "GET", "requests")["requests"]
                is_seated = any(one["op"] == "transaction.revoke" for one in asked)
                if is_seated:
                    control(port, "POST", "spots/table1/scan")
            for spot in control(port, "GET", "ledger")["spots"]:
                for order in spot["orders"]:
                    if order["status"] == "pending":
                        control(port, "POST", f"transactions/{order['transaction_key']}/reserve")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


@pytest.mark.parametrize(("name", "value"), OTHER)
def test_a_rehearsal_notices_exactly_what_a_sandbox_does_differently(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    """One answer is another: it is found, with its remedy, and nothing else seems to differ."""
    monkeypatch.setattr(steps, "FRESH_S", 5.0)
    monkeypatch.setattr(steps, "LIST_LAG_S", 1.0)
    lowers = name == "transaction.confirm.lowered"
    out = tmp_path / "rehearsal.json"
    try:
        with served(**{name: value}) as port, phone(port):
            config = tmp_path / "worker.toml"
            config.write_text(
                CONFIG.format(
                    base_url=f"http://127.0.0.1:{port}/rest/v1",
                    mac_key=MAC_KEY,
                    timeout_s=5.0,
                    offer_ttl_s=600.0,
                    till=FIXED,
                    journal=tmp_path / "journal.db",
                )
            )
            config.chmod(0o600)
            wish = rehearse.Wish("table1", None, 2 if lowers else 1, "EUR", lowers, True, out)
            code = rehearse.run(load(config, {}, secrets_dir=tmp_path / "none"), wish)
            ledger = control(port, "GET", "ledger")
    finally:
        structlog.reset_defaults()

    said = capsys.readouterr()
    found: dict[str, str] = json.loads(out.read_text())["findings"]
    assert {n: v for n, v in found.items() if v != BY_NAME[n].assumed} == {name: value}, said
    remedy = BY_NAME[name].answers[value]
    assert f"{value}, not {BY_NAME[name].assumed}: {remedy}" in said.out
    assert code == (0 if is_harmless(remedy) else 1)
    assert (ledger["waiting_spots"], ledger["reserved_count"]) == (0, 0)
    assert ledger["confirmed_count"] == 1
    assert not (tmp_path / "rehearsal.json.unfinished").exists()
