"""A real wallet stand-in and real workers, each a process of its own, on a stage of their own.

Everything here waits for a fact and never for time, and stops exactly what it started.
"""

import json
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.operator.processes import Daemon, Json, Performer, until
from worker.adapters.journal.reader import JournalReader
from worker.domain.errors import JournalUnavailable
from worker.domain.visit import Step

MAC_KEY: Final = "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU"
FOR_EVER_S: Final = 3600.0
PRICE_MINOR: Final = 1250
FIXED: Final = 'kind = "fixed"\ncurrency = "EUR"\n[till.prices]\n"*" = 1250'
CONFIG: Final = """\
[wallet]
base_url  = "{base_url}"
client_id = "wkVd93h2uS"
mac_key   = "{mac_key}"
timeout_s = {timeout_s}
[polling]
spots_interval_s        = 3.0
reservations_interval_s = 1.0
[visit]
bill_wait_s = 3.0
offer_ttl_s = {offer_ttl_s}
[journal]
path = "{journal}"
[log]
level  = "debug"
format = "json"
[[locations]]
id = 9975
[till]
{till}
"""


@dataclass(slots=True)
class Stage:
    """One wallet, one folder, and the workers that were started there."""

    folder: Path
    sandbox: Performer
    port: int
    performers: list[Performer] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    def config(
        self,
        name: str = "worker",
        *,
        port: int | None = None,
        mac_key: str = MAC_KEY,
        timeout_s: float = 3.0,
        offer_ttl_s: float = 600.0,
        till: str = FIXED,
        journal: Path | None = None,
    ) -> Path:
        """Write a configuration."""
        path = self.folder / f"{name}.toml"
        path.write_text(
            CONFIG.format(
                base_url=f"http://127.0.0.1:{port or self.port}/rest/v1",
                mac_key=mac_key,
                timeout_s=timeout_s,
                offer_ttl_s=offer_ttl_s,
                till=till,
                journal=journal or self.journal,
            )
        )
        path.chmod(0o600)
        return path

    def start(self, config: Path) -> Daemon:
        """Start a worker."""
        number = len(self.performers) + 1
        daemon = Daemon(self.folder, f"daemon{number}", "run", "--config", config)
        self.performers.append(daemon)
        return daemon

    def control(self, method: str, path: str, body: object = None) -> Json:
        """Call one of the wallet's control routes."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/_sandbox/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: Json = json.loads(answer.read())
            return found

    def ledger(self) -> Json:
        return self.control("GET", "ledger")

    def calls(self, op: str) -> list[Json]:
        """Give every call of one kind that reached the wallet, oldest first."""
        return [one for one in self.control("GET", "requests")["requests"] if one["op"] == op]

    def applied(self, op: str) -> int:
        """Give how many calls of one kind took effect."""
        return int(self.control("GET", "requests")["applied"].get(op, 0))

    def scan(self, table: str = "table1") -> None:
        self.control("POST", f"spots/{table}/scan")

    def hold(self, op: str, seconds: float = FOR_EVER_S) -> None:
        """Let the next call of one kind wait before it takes effect."""
        planned = {"op": op, "kind": "slow", "times": 1}
        self.control("PUT", "faults", {"next": [planned], "slow_s": seconds})

    def await_held(self, op: str) -> int:
        """Wait until a held call is there; give its number."""
        held = until(f"a {op} is held", lambda: [c for c in self.calls(op) if c["fault"] == "slow"])
        return int(held[0]["n"])

    def await_landed(self, op: str, number: int) -> None:
        """Wait until a held call was carried out or refused."""

        def landed() -> list[Json]:
            return [c for c in self.calls(op) if c["n"] == number and c["answered"]]

        until(f"call {number}, a {op}, landed", landed)

    def await_offer(self, table: str = "table1") -> str:
        """Wait until a guest sees the bill; give the transaction's key."""

        def offers() -> list[str]:
            return [
                order["transaction_key"]
                for spot in self.ledger()["spots"]
                for order in spot["orders"]
                if spot["identifier"] == table and order["status"] == "pending"
            ]

        return until(f"{table} has its bill", offers)[0]

    def pay(self, table: str = "table1") -> str:
        """Let the guest of a table agree to the bill; give the transaction's key."""
        key = self.await_offer(table)
        self.control("POST", f"transactions/{key}/reserve")
        return key

    def steps(self) -> list[Step]:
        """Give where the journal's visits stand, newest first."""
        try:
            with JournalReader(self.journal) as reader:
                return [visit.step for visit in reader.visits()]
        except JournalUnavailable:
            return []

    def await_steps(self, *steps: Step) -> None:
        """Wait until the journal's visits stand exactly there, newest first."""
        until(f"the journal shows {steps}", lambda: self.steps() == list(steps))


@contextmanager
def stage(folder: Path, *options: str) -> Iterator[Stage]:
    """Open a stage; whatever happens there, every process it started is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    sandbox = Performer(folder, "sandbox", "sandbox", "--port", "0", *options)
    opened: list[Stage] = []
    try:
        until("the wallet listens", lambda: "\n" in sandbox.out.read_text())
        first = sandbox.out.read_text().partition("\n")[0]
        opened.append(Stage(folder, sandbox, int(first.rpartition(":")[2])))
        yield opened[0]
    finally:
        for one in opened:
            for performer in one.performers:
                performer.kill()
        sandbox.kill()


def side_by_side(plays: Sequence[Callable[[], object]]) -> None:
    """Play several at once, on a stage each, and raise whatever went wrong on any."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        failures = [future.exception() for future in [pool.submit(play) for play in plays]]
    wrong = [failure for failure in failures if isinstance(failure, Exception)]
    if wrong:
        raise ExceptionGroup(f"{len(wrong)} of {len(plays)} went wrong", wrong)
