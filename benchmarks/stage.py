"""The sandbox in a process of its own, and the guests, who are played from here.

Neither the wallet's work nor the guests' moves are in any figure of the process that is measured.
"""

import http.client
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import running

LOCATION_ID: Final = 9975
SPOTS: Final = 100
CLIENT_ID: Final = "wkVd93h2uS"
MAC_KEY: Final = "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU"
"""The vendor's published sample, which the sandbox knows."""

CONFIG: Final = """\
[wallet]
base_url  = "http://127.0.0.1:{port}/rest/v1"
client_id = "{client_id}"
mac_key   = "{mac_key}"
[journal]
path = "{folder}/journal.db"
[[locations]]
id = {location_id}
[till]
kind     = "fixed"
currency = "EUR"
[till.prices]
"*" = 1250
[log]
format = "json"
"""


class Wallet:
    """The sandbox as its guests and its owner see it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Call one of the sandbox's control routes."""
        data = None if body is None else json.dumps(body)
        self._line.request(method, f"/_sandbox/{path}", body=data)
        answer = self._line.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the sandbox says {answer.status} to {path}: {text[:200]!r}")
        found: dict[str, Any] = json.loads(text)
        return found

    def scan(self, guests: int) -> None:
        """Let a guest sit down at each of so many tables."""
        for number in range(1, guests + 1):
            self.control("POST", f"spots/table{number}/scan")

    def reserve(self, guests: int) -> None:
        """Let every guest accept the bill that is shown; there must be so many."""
        keys = [
            order["transaction_key"]
            for spot in self.control("GET", "state")["spots"]
            for order in spot["orders"]
            if order["status"] == "pending"
        ]
        if len(keys) != guests:
            raise RuntimeError(f"{len(keys)} bills are shown, not {guests}")
        for key in keys:
            self.control("POST", f"transactions/{key}/reserve")

    def calls(self) -> Counter[str]:
        """Count the signed calls so far, by kind."""
        return Counter(self.control("GET", "requests?limit=0")["counts"])

    def check(self, visits: int) -> None:
        """See that everybody paid and nobody was wronged; figures of a broken run say nothing."""
        ledger = self.control("GET", "ledger")
        if ledger["violations"] or ledger["waiting_spots"] or ledger["confirmed_count"] != visits:
            raise RuntimeError(
                f"{visits} visits, but the wallet took {ledger['confirmed_count']} payments, "
                f"{ledger['waiting_spots']} spots wait, violations: {ledger['violations'][:3]}"
            )

    def hang_up(self) -> None:
        self._line.close()


@contextmanager
def sandbox() -> Iterator[Wallet]:
    """Run a sandbox without scripted guests and without faults."""
    command = ("-m", "worker", "sandbox", "--port", "0", "--spots", str(SPOTS))
    with running(*command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None, "its output is piped"
        first = process.stdout.readline()
        if "127.0.0.1:" not in first:
            raise RuntimeError(f"the sandbox did not start: {first!r}")
        wallet = Wallet(int(first.rsplit(":", 1)[1]))
        try:
            yield wallet
        finally:
            wallet.hang_up()


def write_config(folder: Path, port: int) -> Path:
    """Write the worker's settings, private as they must be."""
    config = folder / "worker.toml"
    config.write_text(
        CONFIG.format(
            port=port,
            folder=folder,
            client_id=CLIENT_ID,
            mac_key=MAC_KEY,
            location_id=LOCATION_ID,
        )
    )
    config.chmod(0o600)
    return config
