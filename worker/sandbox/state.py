"""One sandbox: its world, signature check, faults, journal and guests, held together.

`reset` puts a fresh world in place; whoever keeps a reference should keep the sandbox, not the
world.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from . import faults, ledger
from .clock import Clock
from .faults import Faults
from .journal import Journal
from .mac import Verifier
from .options import SandboxOptions
from .world import World


class Sandbox:
    """Everything that the routes work on."""

    def __init__(self, options: SandboxOptions, clock: Clock | None = None) -> None:
        self.options = options
        self.clock = Clock() if clock is None else clock
        self.stopping = asyncio.Event()
        self.guests = Guests()
        self._begin()

    def _begin(self) -> None:
        options = self.options
        self.world = World(self.clock, options.location_id, options.spots)
        if options.manners.plays("transaction.revoke.new", "revoked"):
            self.world.status_of_revoked_new = "revoked"
        self.verifier = Verifier(options.client_id, options.mac_key)
        self.journal = Journal()
        self.set_faults(Faults(probability=options.faults, seed=options.seed))

    def reset(self) -> None:
        """Start over: empty tables, no transactions, the faults of the start. The clock stays."""
        self.world.timeline.end()
        self.guests.forget()
        self._begin()

    def set_faults(self, settings: faults.Faults) -> None:
        """Put other faults in force, and their clock skew with them."""
        self.faults = settings
        self.clock.skew_s = settings.clock_skew_s

    def ledger(self) -> dict[str, object]:
        """Tell what happened to the money and what was wrong with it."""
        self.world.timeline.catch_up()
        return ledger.report(self.world, self.verifier.repeated_nonces)

    def state(self) -> dict[str, object]:
        """Tell how things stand: guests, spots, counts, clock, faults."""
        self.world.timeline.catch_up()
        return {
            **self.guests.report(),
            "spots": ledger.spots(self.world),
            "transactions": {name: len(of) for name, of in self.world.by_status.items() if of},
            "clock": {
                "now": self.clock.now(),
                "wall": self.clock.wall(),
                "advanced_s": self.clock.advanced_s,
                "skew_s": self.clock.skew_s,
            },
            "faults": self.faults.report(),
        }


class Guests:
    """The count of scripted guests. Who they are and what they do is told by `scenarios`."""

    def __init__(self) -> None:
        self.is_stopped = False  # no new visits start
        self.is_running = False  # somebody lets guests in
        self.forget()

    def forget(self) -> None:
        """Begin counting anew."""
        self.active = 0
        self.started = 0
        self.done = 0
        self.scenarios: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def report(self) -> dict[str, object]:
        """Tell how many guests sit, how many have gone, and how it ended for them."""
        return {
            "customers_active": self.active,
            "customers_done": self.done,
            "customers_started": self.started,
            "customers_gone": self.active == 0 and (self.is_stopped or not self.is_running),
            "scenarios": dict(sorted(self.scenarios.items())),
            "outcomes": dict(sorted(self.outcomes.items())),
        }
