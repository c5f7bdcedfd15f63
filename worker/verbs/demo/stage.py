"""The processes of the demo: sandbox, worker and the shop's side of the till."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from worker.verbs.demo.till import Counterpart, counterpart

CUSTOMERS: Final = 5
SPOTS: Final = 8
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
[log]
format = "pretty"
{till}"""


@dataclass(slots=True)
class Stage:
    """The processes and where they meet."""

    folder: Path
    port: int
    config: Path
    worker: subprocess.Popen[bytes]
    till: Counterpart
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
def stage(folder: Path, *, till: str, seed: int, faults: float) -> Iterator[Stage]:
    """Start everything; stop it whatever happens.

    Raises:
        TillUnavailable: this kind of till can not be shown here.

    """
    shop = counterpart(till, folder / "till")
    try:
        section = shop.start()
        with wallet_and_worker(folder, shop, section, seed=seed, faults=faults) as evening:
            yield evening
    finally:
        shop.stop()


@contextmanager
def wallet_and_worker(
    folder: Path, shop: Counterpart, section: str, *, seed: int, faults: float
) -> Iterator[Stage]:
    """Start the sandbox, and the worker with the shop's [till] section."""
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
        config.touch(mode=0o600)  # It may hold a secret of the till.
        config.write_text(CONFIG.format(port=port, folder=folder, till=section))
        print(f"demo: wallet on port {port}, guests are coming (seed {seed}, faults {faults:g})\n")
        sys.stdout.flush()
        started.append(Stage(folder, port, config, start_worker(config), shop))
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
