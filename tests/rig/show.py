"""Several theatres at once, an evening of bad luck in each, and the reckoning afterwards.

An evening ends by healing everything: the network is well, the wallet keeps its word, no new guest
comes, the worker begins once more. Then it must become quiet, and every check must pass.
"""

import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.operator.processes import ROOT, Json
from tests.rig.checkers import Books, check_books, check_facts, check_receipts
from tests.rig.hand import Hand
from tests.rig.theatre import STOP_S, Life, Theatre, theatre

KILLS_AN_EVENING: Final = 50
GUESTS: Final = 8
TABLES: Final = 12
OFFER_TTL_S: Final = 8.0
QUIET_S_MAX: Final = 240.0
"""A guest who is forgotten sits for two minutes, and the machine may be busy."""


@dataclass(slots=True)
class Evening:
    """What one theatre's evening came to."""

    seed: int
    kills: int
    folder: Path
    hand: Counter[str] = field(default_factory=Counter)
    weathers: Counter[str] = field(default_factory=Counter)
    proxy: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    money: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    healing_s: float = 0.0
    """How long it took until it was quiet."""
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.wrong and not self.lost

    def replay(self) -> str:
        """Give the command that draws the same evening again."""
        return f"python -m tests.rig --stages 1 --kills {self.kills} --seed {self.seed}"


def play_evening(evening: Evening, is_over: threading.Event, hands: list[Hand]) -> Evening:
    """Play one evening and judge it. One that could not be played to its end is no pass either."""
    try:
        play_through(evening, is_over, hands)
    except Exception as error:
        evening.wrong.append(f"the evening broke off: {error!r}"[:3000])
    return evening


def play_through(evening: Evening, is_over: threading.Event, hands: list[Hand]) -> None:
    """Play one evening to its end and judge it. The seed also tells which till the theatre has."""
    has_shop = evening.seed % 2 == 1
    with theatre(
        evening.folder,
        seed=evening.seed,
        guests=GUESTS,
        tables=TABLES,
        has_shop=has_shop,
        offer_ttl_s=OFFER_TTL_S,
    ) as stage:
        hand = Hand(stage, evening.seed, is_over)
        hands.append(hand)
        hand.play(evening.kills)
        healed_s = time.monotonic()
        last = stage.heal()
        if not stage.await_quiet(QUIET_S_MAX):
            evening.wrong.append(f"it is not quiet {QUIET_S_MAX:g} s after everything healed")
        evening.healing_s = time.monotonic() - healed_s
        stop(last, evening.wrong)
        evening.hand, evening.weathers = hand.tally, hand.weathers
        evening.wrong += hand.wrong
        evening.proxy = stage.proxy.fired()
        judge(stage, evening)


def stop(life: Life, wrong: list[str]) -> None:
    """End the last life as an operator does."""
    try:
        code = life.stop(patience_s=STOP_S)
    except AssertionError as error:
        wrong.append(f"the last life: {str(error)[-1500:]}")
        return
    if code != 0:
        wrong.append(f"the last life ended with {code}")


def judge(stage: Theatre, evening: Evening) -> None:
    """Set everything side by side."""
    requests = stage.play.control("GET", "requests?limit=0")
    confirms = requests["applied"].get("transaction.confirm", 0)
    books = Books.read(stage.journal, stage.play.ledger(), confirms)
    evening.wrong += check_books(books)
    if stage.shop is not None:
        evening.wrong += check_receipts(stage.shop, books)
    facts = check_facts(said(stage.lives), books)
    evening.wrong += facts.wrong + complaints(stage.lives)
    evening.lost += facts.lost
    evening.facts = facts.compared
    evening.faults = Counter(requests["faults"])
    evening.calls = requests["total"]
    evening.ends = Counter(v.end.value for v in books.visits.values() if v.end is not None)
    for paid in books.confirmed():
        evening.money[paid["currency"]] += paid["amount_minor"]
    if not evening.ends["paid"]:
        evening.wrong.append("nobody paid: an evening without payments proves nothing")


def said(lives: Sequence[Life]) -> Iterator[tuple[str, Json]]:
    """Give every whole line of every life."""
    for life in lives:
        for line in life.lines():
            yield life.out.stem, line


def complaints(lives: Sequence[Life]) -> list[str]:
    """Give what any life wrote that is not its log: a traceback, a warning of the interpreter."""
    return [
        f"{life.err.stem} wrote to stderr: {text[-1500:]}"
        for life in lives
        if (text := life.err.read_text())
    ]


@dataclass(slots=True)
class Show:
    """All evenings of one run."""

    seed: int
    kills: int
    stages: int
    folder: Path
    evenings: list[Evening] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return all(evening.is_good for evening in self.evenings)

    def line(self) -> dict[str, object]:
        """Give the run's line for the results file."""
        evenings = self.evenings
        hand = total(one.hand for one in evenings)
        ends = total(one.ends for one in evenings)
        facts = total(one.facts for one in evenings)
        return {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "seed": self.seed,
            "stages": self.stages,
            "evenings": len(evenings),
            "kills": hand["kill"],
            "kills_in_a_call": hand["ambush_met"],
            "kills_at_the_till": hand["till_met"],
            "stops": hand["stop"],
            "terms": hand["term"],
            "full_disks": hand["disk_met"],
            "wrong_clocks": hand["skewed"],
            "second_workers": hand["second_met"],
            "lives": hand["lives"],
            "weathers": dict(sorted(total(one.weathers for one in evenings).items())),
            "proxy": dict(sorted(total(one.proxy for one in evenings).items())),
            "faults": dict(sorted(total(one.faults for one in evenings).items())),
            "calls": sum(one.calls for one in evenings),
            "visits": ends.total(),
            "paid": ends["paid"],
            "ends": dict(sorted(ends.items())),
            "money_minor": dict(total(one.money for one in evenings)),
            "facts_compared": facts.total(),
            "violations": sum(len(one.wrong) for one in evenings),
            "lost_facts": sum(len(one.lost) for one in evenings),
            "healing_s_max": round(max(one.healing_s for one in evenings), 1),
            "duration_s": round(self.seconds, 1),
        }


def play_show(
    seed: int, kills: int, stages: int, tell: Callable[[str], None], every_s: float = 10.0
) -> Show:
    """Play so many kills, spread over evenings of which some run at once."""
    show = Show(seed, kills, stages, Path(tempfile.mkdtemp(prefix="rig-")))
    began_s = time.monotonic()
    is_over = threading.Event()
    hands: list[Hand] = []
    with ThreadPoolExecutor(max_workers=stages) as pool:
        playing = [
            pool.submit(play_evening, Evening(one, share, show.folder / f"{one}"), is_over, hands)
            for one, share in shares(seed, kills, stages)
        ]
        try:
            watch(playing, hands, kills, tell, every_s)
        finally:
            is_over.set()
            for one in playing:
                one.cancel()
    show.evenings = [one.result() for one in playing]
    show.seconds = time.monotonic() - began_s
    for evening in show.evenings:
        if evening.is_good:
            shutil.rmtree(evening.folder)
    if show.is_good:
        shutil.rmtree(show.folder)
    return show


def shares(seed: int, kills: int, stages: int) -> list[tuple[int, int]]:
    """Cut a run into evenings: each one's seed and kills. Short ones are quicker to replay."""
    share = min(KILLS_AN_EVENING, -(-kills // stages))
    return [(seed + n, min(share, kills - at)) for n, at in enumerate(range(0, kills, share))]


def watch(
    playing: Sequence["Future[Evening]"],
    hands: Sequence[Hand],
    kills: int,
    tell: Callable[[str], None],
    every_s: float,
) -> None:
    """Show progress until all are done."""
    began_s = told_s = time.monotonic()
    while not all(one.done() for one in playing):
        time.sleep(0.2)
        if time.monotonic() - told_s >= every_s:
            told_s = time.monotonic()
            done = sum(hand.tally["kill"] for hand in list(hands))
            ended = sum(one.done() for one in playing)
            wrong = sum(len(hand.wrong) for hand in list(hands))
            tell(
                f"{told_s - began_s:6.0f} s  {done} of {kills} kills, {ended} of {len(playing)} "
                f"evenings judged, {wrong} complaints so far"
            )


def total(counters: "Iterator[Counter[str]]") -> Counter[str]:
    """Add counters up."""
    sum_of: Counter[str] = Counter()
    for one in counters:
        sum_of.update(one)
    return sum_of


def commit() -> str:
    """Name what was run; a `+` says that the checkout had changes of its own."""
    asked = (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--", "worker", "tests"))
    told = []
    for words in asked:
        try:
            done = subprocess.run(
                ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return "unknown"
        told.append(done.stdout.strip())
    return told[0] + ("+" if told[1] else "")
