"""A venue: the machine that runs the service, and the wallet that it talks to."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.operator.processes import Json, until
from tests.operator.theatre import MAC_KEY, Stage
from tests.system.machine import Machine

UNIT: Final = "paysera-worker"
PROGRAM: Final = "/opt/paysera-worker/bin/paysera-worker"
KEY_FILE: Final = "/etc/paysera-worker/wallet.mac_key"


@dataclass(slots=True)
class Venue:
    """What a check can look at and touch."""

    machine: Machine
    wallet: Stage

    # The service.

    def start(self) -> None:
        """Start it; systemd comes back when it is ready."""
        self.machine.type(f"systemctl start {UNIT}")

    def stop(self) -> None:
        self.machine.type(f"systemctl stop {UNIT}")

    def property(self, name: str, unit: str = UNIT) -> str:
        """Ask systemd for one property of the service."""
        return self.machine.ask(f"systemctl show --value --property={name} {unit}")

    def states(self) -> tuple[str, str, str]:
        """Give whether it is active, in which way, and how its last run ended."""
        return self.property("ActiveState"), self.property("SubState"), self.property("Result")

    def pid(self) -> int:
        """Give its main process, as it is numbered in the machine; 0: none runs."""
        return int(self.property("MainPID") or 0)

    def restarts(self) -> int:
        """Give how often systemd started it again by itself."""
        return int(self.property("NRestarts") or 0)

    def verb(self, words: str) -> str:
        """Run a verb as the README says: as the worker's own user."""
        return self.machine.ask(f"sudo -u paysera-worker {PROGRAM} {words}")

    def report(self) -> Json:
        """Give what `status --json` says; empty while it can say nothing."""
        text = self.verb("status --json")
        found: Json = json.loads(text) if text.startswith("{") else {}
        return found

    def await_status(self, part: str) -> str:
        """Wait until the line that systemd shows says something; give the line."""
        return (
            until(
                f"its status line says {part!r}",
                lambda: part in (text := self.property("StatusText")) and text,
            )
            or ""
        )

    # Its log.

    def log(self, options: str = "", unit: str = UNIT) -> list[Json]:
        """Give its lines from the journal, each with its priority as `PRIORITY`."""
        text = self.machine.ask(f"journalctl -u {unit} -o json --no-pager {options}")
        return [one for line in text.splitlines() for one in [_line(json.loads(line))] if one]

    def told(self, event: str, options: str = "") -> list[Json]:
        return [line for line in self.log(options) if line.get("event") == event]

    def await_told(self, event: str, count: int) -> list[Json]:
        """Wait until it has told an event so often in all."""

        def found() -> list[Json] | None:
            lines = self.told(event)
            return lines if len(lines) >= count else None

        return until(f"it told {event} {count} times", found) or []

    # The guests.

    def guest(self, table: str) -> str:
        """Seat a guest and wait for the bill; give the transaction's key."""
        self.wallet.scan(table)
        return self.wallet.await_offer(table)

    def agree(self, key: str) -> None:
        """Let the guest agree to the bill."""
        self.wallet.control("POST", f"transactions/{key}/reserve")

    def await_quiet(self) -> None:
        """Wait until nobody waits at the wallet and no visit is open."""

        def is_quiet() -> bool:
            ledger = self.wallet.ledger()
            busy = ledger["waiting_spots"] or ledger["reserved_count"]
            return not busy and self.report().get("open") == 0

        until("nobody waits at the wallet or in the journal", is_quiet)

    def confirms(self, key: str) -> int:
        """Give how often one transaction's money was asked for."""
        return sum(key in one["path"] for one in self.wallet.calls("transaction.confirm"))

    def paid(self) -> int:
        return int(self.wallet.ledger()["confirmed_count"])

    def paying(self, count: int = 1) -> "Paying":
        """Give a watch over the wallet's book: so many payments, and not one more."""
        return Paying(self, self.paid() + count)


@dataclass(slots=True)
class Paying:
    """What the wallet's book has to show at the end."""

    venue: Venue
    expected: int

    def settle(self) -> str:
        """Wait for quiet and compare; give a phrase for the report."""
        self.venue.await_quiet()
        ledger = self.venue.wallet.ledger()
        assert ledger["violations"] == [], ledger["violations"]
        assert ledger["confirmed_count"] == self.expected, ledger
        return "paid once, table free"


def until_gone(what: str, fact: Callable[[], object], patience_s: float) -> None:
    """Wait until something is no longer so."""
    until(what, lambda: not fact(), patience_s)


def _line(entry: Json) -> Json:
    """Give what the service wrote, or a message of systemd's about it."""
    text = entry.get("MESSAGE")
    if not isinstance(text, str):
        return {}
    told: Json = json.loads(text) if text.startswith("{") else {"message": text}
    own = {"PRIORITY": int(entry.get("PRIORITY", 6)), "by": entry.get("_COMM", "")}
    return {**told, **own}


__all__ = ["KEY_FILE", "MAC_KEY", "PROGRAM", "UNIT", "Paying", "Venue", "until_gone"]
