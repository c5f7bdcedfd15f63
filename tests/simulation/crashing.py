"""Dying at every point there is: once at each step, and twice at each pair of stirs."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.simulation.evening import Knife
from tests.simulation.scenarios import SCENARIOS, play


@dataclass(slots=True)
class Crashes:
    """What was tried."""

    runs: int = 0
    kills: int = 0
    points: int = 0


def once(name: str) -> Crashes:
    """Die after the n-th step for every n, with the write under way kept and lost."""
    quiet = play(name)
    done = Crashes(points=quiet.loop.total)
    for step in range(1, quiet.loop.total + 1):
        for keeps in (False, True):
            knife = Knife(steps=(step,), keeps_last_write=keeps)
            done.kills += play(name, knife).kills
            done.runs += 1
            if not knife.was_writing:
                break
    return done


def twice(name: str) -> Crashes:
    """Die at the n-th stir, and again at the m-th, for every n and every m after it."""
    done = Crashes(points=play(name).stirs)
    for first in range(1, done.points + 1):
        stirs = play(name, Knife(stirs=(first,))).stirs
        for second in range(first + 1, stirs + 1):
            knife = Knife(stirs=(first, second), keeps_last_write=second % 2 == 0)
            done.kills += play(name, knife).kills
            done.runs += 1
    return done


def everywhere(jobs: int, how: Callable[[str], Crashes]) -> Iterator[tuple[str, Crashes]]:
    """Die in every scenario, on several cores."""
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        yield from zip(SCENARIOS, pool.map(how, SCENARIOS), strict=True)
