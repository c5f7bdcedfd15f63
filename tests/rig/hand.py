"""The stage hand: draws from a seed what befalls the worker next, and does it.

The same seed gives the same row of draws. What each of them hits is up to two busy processors, so a
replay is the same evening of troubles, not the same evening.
"""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.operator.processes import Json
from tests.rig.checkers import missing_intent
from tests.rig.proxy import Mode, Weather
from tests.rig.theatre import CAN_LIMIT_FILES, STOP_S, Life, Theatre
from worker.sandbox.faults import KINDS
from worker.sandbox.ops import OPS

BETWEEN_S: Final = (0.2, 3.0)
STOPPED_S_MAX: Final = 30.0
AMBUSH_S: Final = 3.0
"""How long an ambush waits for its request before it is a kill like any other."""
AT_THE_TILL: Final = 0.25
"""How many ambushes, where there is a folder of bills, wait for a bill to be put away."""
TILL_SIGNS: Final = (".tmp", ".receipt.json")
"""A receipt that is being written, and one that is; its bill is moved after that."""
LOOK_S: Final = 0.0005
DISK_S: Final = 8.0
"""A full disk shows at the next write; the worker writes a report every five seconds."""
EXIT_UNAVAILABLE: Final = 69
EXIT_LOCKED: Final = 75

WEIGHTS: Final = {
    "kill": 34,
    "ambush": 26,
    "weather": 18,
    "faults": 6,
    "term": 5,
    "rest": 4,
    "stop": 3,
    "disk": 2,
    "second": 2,
}
SIGNS: Final = (
    b"POST /rest/v1/transaction",
    b"/order ",
    b"/confirm",
    b"DELETE /rest/v1/transaction",
    b"DELETE /rest/v1/spot",
    b"GET /rest/v1/transaction/",
    b"GET /rest/v1/spot/",
)
"""Requests to lie in wait for: what a visit is made of."""
OFFSETS_S: Final = (3 * 86_400.0, -600.0, 3_600.0, -86_400.0)
SKEWED: Final = 0.08
"""How many lives begin with a wrong wall clock."""
RETRY_AFTER: Final = ("1", "2", "5", "soon", "-1", "86400")


class Hand:
    """One theatre's bad luck."""

    def __init__(self, theatre: Theatre, seed: int, is_over: threading.Event) -> None:
        self._theatre = theatre
        self._dice = random.Random(f"hand {seed}")
        self._is_over = is_over
        self.tally: Counter[str] = Counter()
        """How often each thing was done; `kill` counts every kill -9."""
        self.weathers: Counter[str] = Counter()
        self.wrong: list[str] = []
        """What the worker did that it must not, in sentences."""

    def play(self, kills: int) -> None:
        """Go on until so many kills are done."""
        self._faults()
        self._begin()
        acts: dict[str, Callable[[], None]] = {name: getattr(self, f"_{name}") for name in WEIGHTS}
        while self.tally["kill"] < kills and not self._is_over.is_set():
            self._nap(*BETWEEN_S)
            self._keep_alive()
            (name,) = self._dice.choices(list(WEIGHTS), list(WEIGHTS.values()))
            self.tally[name] += name != "kill"
            acts[name]()

    # What befalls the worker.

    def _kill(self) -> None:
        """The power goes."""
        self.tally["kill"] += 1
        self._theatre.life.kill()
        self._begin()

    def _ambush(self) -> None:
        """The power goes while a certain call is out: just before it leaves, or just after."""
        sign, is_lost = self._dice.choice(SIGNS), self._dice.random() < 0.4
        is_at_till, ending = self._dice.random() < AT_THE_TILL, self._dice.choice(TILL_SIGNS)
        life, shop = self._theatre.life, self._theatre.shop
        if shop is not None and is_at_till:
            self.tally["till_met"] += self._sees_settling(life, shop.folder / "paid", ending)
            self._kill()
            return
        leaving: list[bytes] = []

        def spring(request: bytes) -> None:
            leaving.append(request)
            life.process.kill()

        trip = self._theatre.proxy.trip(sign, spring, is_lost=is_lost)
        self._end_of(life, AMBUSH_S)
        self._theatre.proxy.untrip(trip)
        life.kill()  # Also when it met nothing: from here on the journal stands still.
        for request in leaving:
            self.tally["ambush_met"] += 1
            if missing := missing_intent(self._theatre.journal, request):
                self._blame(life, missing)
        self._kill()

    def _sees_settling(self, life: Life, paid: Path, ending: str) -> bool:
        """Look, as fast as one can, for a sign of a bill that is being put away."""
        before = names_in(paid, ending)
        deadline_s = time.monotonic() + AMBUSH_S
        while not life.is_over and time.monotonic() < deadline_s:
            if names_in(paid, ending) != before:
                return True
            time.sleep(LOOK_S)
        return False

    def _stop(self) -> None:
        """The host is out of breath; the worker goes on in the middle of whatever it did."""
        seconds = STOPPED_S_MAX * self._dice.random() ** 3
        has_second, is_killed = self._dice.random() < 0.3, self._dice.random() < 0.25
        self._theatre.life.tell(signal.SIGSTOP)
        if has_second:
            self._second()
        self._nap(seconds, seconds)
        if is_killed:
            self._kill()
        else:
            self._theatre.life.tell(signal.SIGCONT)

    def _term(self) -> None:
        """The operator stops it. Before it is up it may simply die of that."""
        life = self._theatre.life
        was_up = bool(life.told("worker.ready"))
        life.tell(signal.SIGTERM)
        code = self._end_of(life, STOP_S)
        if code is None:
            self._blame(life, "did not stop when told to")
            life.kill()
        elif code != 0 and (was_up or code != -signal.SIGTERM):
            self._blame(life, f"was told to stop and ended with {code}")
        self._begin()

    def _weather(self) -> None:
        """The network changes."""
        dice = self._dice
        mode = Mode.PASS if dice.random() < 0.5 else dice.choice(list(Mode))
        weather = Weather(
            mode,
            bytes_passed=dice.randrange(0, 700),
            delay_s=dice.choice((0.05, 0.3, 1.0, 4.0)),
            bytes_per_s=dice.choice((200.0, 1000.0, 5000.0)),
        )
        self.weathers[mode] += 1
        self._theatre.proxy.change(weather)

    def _faults(self) -> None:
        """The wallet gets other troubles."""
        self._theatre.play.control("PUT", "faults", draw_faults(self._dice))

    def _rest(self) -> None:
        """Nothing happens for once, and guests get through."""
        self._nap(4.0, 8.0)

    def _disk(self) -> None:
        """The disk is full. The worker must end, say so, and not begin before there is room."""
        life = self._theatre.life
        is_begun_full = self._dice.random() < 0.4
        if not CAN_LIMIT_FILES:
            return
        self._theatre.fill_the_disk()
        if not self._check_full(life):
            return
        if is_begun_full:
            self.tally["lives"] += 1
            if not self._check_full(self._theatre.start_on_a_full_disk()):
                return
        self._begin()

    def _check_full(self, life: Life) -> bool:
        """Require that a life on a full disk ends as it must; False: it met no limit and lives."""
        code = self._end_of(life, DISK_S)
        if code is None:
            life.limit_files(-1)
            return False
        self.tally["disk_met"] += 1
        if code != EXIT_UNAVAILABLE or not life.told("journal.unavailable"):
            self._blame(life, f"met a full disk and ended with {code}")
        return True

    def _second(self) -> None:
        """Somebody starts a second worker on a journal that the first one has in hand."""
        if not self._theatre.life.told("worker.ready"):
            return
        self.tally["second_met"] += 1
        second = self._theatre.second_worker()
        code = self._end_of(second, STOP_S)
        if code is None:
            second.kill()
        if code != EXIT_LOCKED or not second.told("journal.locked"):
            self._blame(second, f"came second to a journal and ended with {code}")

    # The rest of the hand.

    def _begin(self) -> None:
        """Start the worker again as its supervisor would: mostly at once."""
        if self.tally and self._dice.random() < 0.25:
            self._nap(0.1, 2.0)
        is_skewed = self._dice.random() < SKEWED
        offset_s = self._dice.choice(OFFSETS_S) if is_skewed else 0.0
        self.tally["skewed"] += is_skewed
        self.tally["lives"] += 1
        self._theatre.start(offset_s)

    def _keep_alive(self) -> None:
        """Start a worker that ended by itself, which it must not."""
        life = self._theatre.life
        if life.is_over:
            self._blame(life, f"ended by itself with {life.process.returncode}")
            self._begin()

    def _blame(self, life: Life, what: str) -> None:
        self.wrong.append(f"{life.out.stem} {what}; it said: {life.said()[-1500:]}")

    def _end_of(self, life: Life, patience_s: float) -> int | None:
        deadline_s = time.monotonic() + patience_s
        while not life.is_over and time.monotonic() < deadline_s:
            time.sleep(0.02)
        return life.process.poll()

    def _nap(self, least_s: float, most_s: float) -> None:
        """Wait, unless the show is called off."""
        self._is_over.wait(self._dice.uniform(least_s, most_s))


def names_in(folder: Path, ending: str) -> set[str]:
    """Give the names with an ending in a folder that may not be there yet."""
    try:
        return {path.name for path in folder.iterdir() if path.name.endswith(ending)}
    except FileNotFoundError:
        return set()


def draw_faults(dice: random.Random) -> Json:
    """Draw the wallet's troubles: how many, which, how bad.

    A close of a spot is never slow: one that lands late may meet the next guest, and no client
    could help that.
    """
    if dice.random() < 0.25:
        return {}
    kinds = {kind: dice.random() for kind in KINDS if kind not in {"huge", "slow"}}
    ops = None
    if dice.random() < 0.4:
        kinds["slow"] = 3 * dice.random()
        ops = sorted(OPS - {"spot.close"})
    return {
        "probability": dice.choice((0.05, 0.15, 0.3)),
        "seed": dice.randrange(10**9),
        "kinds": kinds,
        "ops": ops,
        "clock_skew_s": dice.choice((0.0, 0.0, 0.0, 400.0, -400.0)),
        "slow_s": dice.choice((0.3, 1.0, 4.0)),
        "stale_s": dice.choice((1.0, 3.0, 10.0)),
        "retry_after": dice.choice(RETRY_AFTER),
    }
