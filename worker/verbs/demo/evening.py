"""The evening: guests come, the shop gives each table a bill, and the doors close."""

import random
import time
from typing import Final

from worker.adapters.journal.reader import JournalReader
from worker.domain.errors import JournalUnavailable
from worker.verbs.demo.stage import Stage, end

SETTLE_S_MAX: Final = 150.0
"""How long the last guests may take to be done with after the doors close."""
LOOK_S: Final = 0.2


class Waiter:
    """Sees who sits down, and gives that table a bill of its own.

    The bill comes a moment after the guest, as bills do; what a guest before left unpaid is void.
    """

    def __init__(self, evening: Stage, seed: int) -> None:
        self._evening = evening
        self._dice = random.Random(f"bills {seed}")  # noqa: S311 - the same bills again, no secret
        self._seated: dict[str, int] = {}
        self._bills = 0

    def look_around(self) -> None:
        """Give a bill to each table where somebody has sat down since the last look."""
        for spot in self._evening.control("GET", "state")["spots"]:
            table, guests = spot["identifier"], spot["checkins"]
            if guests > self._seated.get(table, 0):
                self._seated[table] = guests
                self._bills += 1
                amount_minor = self._dice.randrange(300, 6000)
                self._evening.till.seat(table, f"B-{self._bills:04d}", amount_minor)


def play(evening: Stage, seconds: float, seed: int) -> None:
    """Let guests come for a while, then wait until the last one is done with."""
    waiter = Waiter(evening, seed)

    def turn() -> None:
        evening.keep_worker_alive()
        waiter.look_around()
        time.sleep(LOOK_S)

    doors_close = time.monotonic() + seconds
    while time.monotonic() < doors_close:
        turn()
    evening.control("POST", "customers/stop")
    evening.control("PUT", "faults", {})
    print("\ndemo: the doors are closed; waiting for the last guests\n", flush=True)
    deadline = time.monotonic() + SETTLE_S_MAX
    while time.monotonic() < deadline and not is_quiet(evening):
        turn()
    evening.keep_worker_alive()
    end(evening.worker)
    evening.exit_code = evening.worker.returncode


def is_quiet(evening: Stage) -> bool:
    """Tell whether nobody waits any more, at the wallet, in the journal or for the till."""
    state = evening.control("GET", "state")
    ledger = evening.control("GET", "ledger")
    if state["customers_active"] or ledger["waiting_spots"] or ledger["reserved_count"]:
        return False
    told = evening.till.books()
    if told is not None and len(told) < ledger["confirmed_count"]:
        return False
    try:
        with JournalReader(evening.journal) as reader:
            return not reader.visits(open_only=True)
    except JournalUnavailable:
        return False
