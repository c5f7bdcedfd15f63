"""Playing many evenings: one after the other, on every core, until something is wrong."""

import gc
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from tests.simulation import edges, fates, guests, till, trouble
from tests.simulation.evening import Evening, Violation, from_seed

ROOT: Final = Path(__file__).parents[2]
LABELS: Final = fates.LABELS | guests.LABELS | trouble.LABELS | till.LABELS
"""Everything that can befall an evening. A run that is long enough has seen all of it."""

COUNTS: Final = (
    "evenings",
    "visits",
    "paid",
    "kills",
    "lives",
    "steps",
    "closes",
    "unlucky_closes",
    "closes_in_window",
)
CHUNK: Final = 20
"""Evenings between two looks at the time, and between two rounds of the garbage collector."""


@dataclass(slots=True)
class Tally:
    """What a run played and saw."""

    evenings: int = 0
    visits: int = 0
    paid: int = 0
    kills: int = 0
    lives: int = 0
    steps: int = 0
    virtual_s: float = 0.0
    unlucky_closes: int = 0
    closes_in_window: int = 0
    closes: int = 0
    fired: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[int, str]] = field(default_factory=list)

    def add(self, evening: Evening) -> None:
        """Count one evening."""
        self.evenings += 1
        for disk in evening.disks:
            for visit in disk.visits():
                self.visits += 1
                self.ends[visit.end.value if visit.end else "open"] += 1
        self.paid += len(evening.truth.taken)
        self.kills += evening.kills
        self.lives += evening.lives
        self.steps += evening.loop.total
        self.virtual_s += evening.loop.time()
        self.unlucky_closes += evening.truth.unlucky_closes
        self.closes_in_window += evening.truth.closes_in_window
        self.closes += evening.truth.closes
        self.fired.update(evening.choices.fired)

    def merge(self, other: "Tally") -> None:
        """Count another run."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.virtual_s += other.virtual_s
        self.fired.update(other.fired)
        self.edges.update(other.edges)
        self.ends.update(other.ends)
        self.wrong += other.wrong

    def missed(self) -> list[str]:
        """Name what never came up."""
        return sorted(LABELS - set(self.fired)) + sorted(edges.WANTED - set(self.edges))


def play_chunk(seeds: Iterable[int], journal: str = "memory", *, is_hunt: bool = False) -> Tally:
    """Play some evenings; one that goes wrong stops a hunt, and nothing else."""
    tally = Tally()
    gc.disable()
    try:
        with edges.counted(tally.edges):
            for seed in seeds:
                evening = from_seed(seed, journal)
                try:
                    evening.play()
                except Violation as violation:
                    tally.wrong.append((seed, str(violation)))
                except Exception as error:  # A fault of this world's own must not stop a long run.
                    tally.wrong.append((seed, f"{type(error).__name__}: {error}"))
                tally.add(evening)
                if is_hunt and tally.wrong:
                    break
    finally:
        gc.enable()
        gc.collect()
    return tally


def play_many(
    first: int, count: int, jobs: int, journal: str = "memory", until_s: float | None = None
) -> Iterator[Tally]:
    """Play seeds on several cores, and give the running total after each piece.

    Args:
        first: the first seed.
        count: how many seeds at most.
        jobs: how many processes play.
        journal: which journal the workers keep; see `Plan`.
        until_s: stop handing out seeds after so many seconds; None: play them all.

    """
    began_s, total = time.monotonic(), Tally()
    starts = range(first, first + count, CHUNK)
    waiting = (range(start, min(start + CHUNK, first + count)) for start in starts)
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        running = [pool.submit(play_chunk, chunk, journal) for chunk in islice(waiting, 2 * jobs)]
        while running:
            total.merge(running.pop(0).result())
            yield total
            is_over = until_s is not None and time.monotonic() - began_s > until_s
            following = None if is_over else next(waiting, None)
            if following is not None:
                running.append(pool.submit(play_chunk, following, journal))


def commit() -> str:
    """Name the commit that is checked out, with a plus when something is changed."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "?") + (
        "+" if git("status", "-s", "-uno") else ""
    )


def append_result(path: Path, tally: Tally, **about: object) -> None:
    """Add one line to a file of results."""
    line = {
        **about,
        "commit": commit(),
        **{name: getattr(tally, name) for name in COUNTS},
        "virtual_hours": round(tally.virtual_s / 3600),
        "wrong": tally.wrong,
        "missed": tally.missed(),
        "edges": len(tally.edges),
        "ends": dict(tally.ends.most_common()),
        "fired": dict(sorted(tally.fired.items())),
    }
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
