"""`demo`: an evening in half a minute, with nothing pretended but the wallet and the guests.

Sandbox and worker are two real processes over loopback, with a real journal in a folder of its own.
The demo stands in for systemd: a worker that dies is started again. At the end it sets the
journal's books beside the wallet's and says whether they agree to the cent.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from worker.adapters.journal.reader import JournalReader
from worker.domain.errors import JournalUnavailable
from worker.domain.visit import End, Step
from worker.verbs.journal import money

CUSTOMERS: Final = 5
SPOTS: Final = 8
SETTLE_S_MAX: Final = 150.0
"""How long the last guests may take to be done with after the doors close."""
RESTARTS_MAX: Final = 50

SAMPLE_KEY: Final = "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU"
"""The vendor's published sample, which the sandbox knows. No secret."""

CONFIG: Final = """\
[wallet]
base_url  = "http://127.0.0.1:{port}/rest/v1"
client_id = "wkVd93h2uS"
timeout_s = 3.0
[polling]
spots_interval_s        = 3.0
reservations_interval_s = 1.0
[visit]
bill_wait_s   = 5.0
offer_ttl_s   = 8.0
reserve_for_s = 900
[journal]
path = "{folder}/journal.db"
[[locations]]
id   = 9975
name = "Demo hall"
[till]
kind        = "fixed"
currency    = "EUR"
description = "Table {{spot}}"
[till.prices]
"*"    = 1250
table2 = 1890
table3 = 640
table5 = 4210
[log]
format = "pretty"
"""


@dataclass(slots=True)
class Stage:
    """The two processes and where they meet."""

    folder: Path
    port: int
    config: Path
    worker: subprocess.Popen[bytes]
    restarts: int = 0
    exit_code: int | None = None
    said: list[str] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        """Where the worker keeps its journal."""
        return self.folder / "journal.db"

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Call one of the sandbox's control routes."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/_sandbox/{path}", data=data, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def keep_worker_alive(self) -> None:
        """Do as systemd would: start a worker that died."""
        if self.worker.poll() is None or self.restarts >= RESTARTS_MAX:
            return
        self.restarts += 1
        how = self.worker.returncode
        died = f"was killed by signal {-how}" if how < 0 else f"ended with exit code {how}"
        print(f"demo: the worker {died}; starting it again, as systemd would", flush=True)
        self.worker = start_worker(self.config)


def run(*, seconds: float, seed: int, faults: float) -> int:
    """Play the evening; return 0 only if every visit ended right and both books agree."""
    if not 1 <= seconds <= 3600 or not 0 <= faults <= 0.5:
        print("Give --seconds from 1 to 3600 and --faults from 0 to 0.5.", file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="paysera-worker-demo-") as folder,
        stop_on_term(),
        stage(Path(folder), seed=seed, faults=faults) as evening,
    ):
        play(evening, seconds)
        return compare(evening)


@contextmanager
def stop_on_term() -> Iterator[None]:
    """Let TERM end the demo the way Ctrl-C does, so that it stops what it started."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def stage(folder: Path, *, seed: int, faults: float) -> Iterator[Stage]:
    """Start both processes; stop them whatever happens."""
    sandbox = subprocess.Popen(
        [
            *(sys.executable, "-m", "worker", "sandbox", "--port", "0", "--spots", str(SPOTS)),
            *("--customers", str(CUSTOMERS), "--seed", str(seed), "--faults", str(faults)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started: list[Stage] = []
    try:
        assert sandbox.stdout is not None, "its output is piped"
        first = sandbox.stdout.readline()
        if "127.0.0.1:" not in first:
            raise RuntimeError(f"the sandbox did not start: {first!r}")
        port = int(first.rsplit(":", 1)[1])
        config = folder / "worker.toml"
        config.write_text(CONFIG.format(port=port, folder=folder))
        config.chmod(0o600)
        print(f"demo: wallet on port {port}, guests are coming (seed {seed}, faults {faults:g})\n")
        sys.stdout.flush()
        started.append(Stage(folder, port, config, start_worker(config)))
        yield started[0]
    finally:
        for one in started:
            end(one.worker)
        end(sandbox)
        assert sandbox.stdout is not None, "its output is piped"
        sandbox.stdout.close()


def start_worker(config: Path) -> subprocess.Popen[bytes]:
    """Start the real worker, writing to our own output."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PAYSERA_WORKER_")}
    environ["PAYSERA_WORKER_WALLET__MAC_KEY"] = SAMPLE_KEY
    command = [sys.executable, "-m", "worker", "run", "--config", str(config)]
    return subprocess.Popen(command, env=environ, start_new_session=True)


def end(process: subprocess.Popen[Any]) -> None:
    """Stop a process politely, then firmly."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=12)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def play(evening: Stage, seconds: float) -> None:
    """Let guests come for a while, then wait until the last one is done with."""
    doors_close = time.monotonic() + seconds
    while time.monotonic() < doors_close:
        evening.keep_worker_alive()
        time.sleep(0.2)
    evening.control("POST", "customers/stop")
    evening.control("PUT", "faults", {})
    print("\ndemo: the doors are closed; waiting for the last guests\n", flush=True)
    deadline = time.monotonic() + SETTLE_S_MAX
    while time.monotonic() < deadline and not is_quiet(evening):
        evening.keep_worker_alive()
        time.sleep(0.3)
    evening.keep_worker_alive()
    end(evening.worker)
    evening.exit_code = evening.worker.returncode


def is_quiet(evening: Stage) -> bool:
    """Tell whether nobody waits any more, at the wallet or in the journal."""
    state = evening.control("GET", "state")
    ledger = evening.control("GET", "ledger")
    if state["customers_active"] or ledger["waiting_spots"] or ledger["reserved_count"]:
        return False
    try:
        with JournalReader(evening.journal) as reader:
            return not reader.visits(open_only=True)
    except JournalUnavailable:
        return False


def compare(evening: Stage) -> int:
    """Set the books side by side and judge them."""
    ledger = evening.control("GET", "ledger")
    requests = evening.control("GET", "requests")
    with JournalReader(evening.journal) as reader:
        totals = reader.totals()
        still_open = len(reader.visits(open_only=True))
    ends = {one.end: 0 for one in totals.by_end if one.end is not None}
    for one in totals.by_end:
        if one.end is not None:
            ends[one.end] += one.visits
    taken, held = totals.confirmed(), ledger["confirmed_total_minor"]
    currencies = sorted(set(taken) | set(held)) or ["EUR"]
    rows = [("paid visits", ends.get(End.PAID, 0), ledger["confirmed_count"])]
    table = [
        *((name, str(ours), str(theirs), ours == theirs) for name, ours, theirs in rows),
        *(
            (
                f"money taken, {currency}",
                money(taken.get(currency, 0), currency),
                money(held.get(currency, 0), currency),
                taken.get(currency, 0) == held.get(currency, 0),
            )
            for currency in currencies
        ),
        (
            "open visits / occupied spots",
            str(still_open),
            str(ledger["waiting_spots"]),
            still_open == 0 and ledger["waiting_spots"] == 0,
        ),
        (
            "parked visits / money still held",
            str(totals.by_step.get(Step.PARKED, 0)),
            str(ledger["reserved_count"]),
            totals.by_step.get(Step.PARKED, 0) == 0 and ledger["reserved_count"] == 0,
        ),
        (
            "violations seen by the wallet",
            "-",
            str(len(ledger["violations"])),
            not ledger["violations"],
        ),
    ]
    print(f"\n{'':<34}{'JOURNAL':>14}{'WALLET':>14}")
    for name, ours, theirs, is_same in table:
        print(f"{name:<34}{ours:>14}{theirs:>14}   {'ok' if is_same else 'DIFFERS'}")
    by_end = ", ".join(f"{count} {name.value}" for name, count in sorted(ends.items()))
    calls = sum(requests["counts"].values())
    print(f"\nvisits: {by_end or 'none'}; calls to the wallet: {calls}", end="")
    print(f"; worker restarted {evening.restarts} times" if evening.restarts else "")
    for violation in ledger["violations"]:
        print(f"violation: {json.dumps(violation)}")
    good = all(row[3] for row in table) and evening.exit_code == 0
    print("\nBoth books agree to the cent." if good else "\nThe books do NOT agree.", flush=True)
    return 0 if good else 1
