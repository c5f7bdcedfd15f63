"""`python -m tests.fuzz EXAMPLES`: feed as many fresh inputs as one likes, and say what was seen.

EXAMPLES go to the wire parser; every other surface gets its share, by how fast it is. Each input
is made from its own number, so one that broke a rule is made again by the line printed with it.
"""

import argparse
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import structlog

from tests.fuzz.surface import Broken, Surface
from tests.fuzz.surfaces import SURFACES


@dataclass
class Tally:
    """What was seen of one surface."""

    inputs: int = 0
    took_s: float = 0.0
    endings: Counter[str] = field(default_factory=Counter)
    broken: dict[str, Broken] = field(default_factory=dict)
    """The first input of each kind of fault."""
    faults: Counter[str] = field(default_factory=Counter)


def main() -> int:
    """Play and report; the exit code is 1 if any input broke a rule."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    wanted = _arguments()
    first = secrets.randbelow(10**12) if wanted.first is None else int(wanted.first)
    names = wanted.surface or list(SURFACES)
    say(f"inputs from number {first}")
    say(f"{'surface':<10}{'inputs':>10}{'per second':>12}{'seconds':>9}{'broken':>8}")
    tallies = {}
    for name in names:
        share = 1.0 if wanted.surface else SURFACES[name].share
        tallies[name] = tally = play(SURFACES[name], first, max(1, int(wanted.examples * share)))
        rate = tally.inputs / max(tally.took_s, 1e-9)
        broken = sum(tally.faults.values())
        say(f"{name:<10}{tally.inputs:>10}{rate:>12.0f}{tally.took_s:>9.1f}{broken:>8}")
    say(f"{'together':<10}{sum(tally.inputs for tally in tallies.values()):>10}")
    for name, tally in tallies.items():
        tell(name, tally, with_endings=wanted.endings)
    return 1 if any(tally.broken for tally in tallies.values()) else 0


def say(line: str) -> None:
    """Tell whoever waits at the shell, at once."""
    print(line, flush=True)  # noqa: T201 - what a person reads at the shell


def _arguments() -> argparse.Namespace:
    told = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    told.add_argument("examples", type=int, metavar="EXAMPLES")
    told.add_argument("--surface", action="append", choices=list(SURFACES), help="only this one")
    told.add_argument("--first", type=int, metavar="N", help="the first input's number")
    told.add_argument("--endings", action="store_true", help="count how inputs ended")
    return told.parse_args()


def play(surface: Surface, first: int, count: int) -> Tally:
    """Play on whatever breaks, and keep the first input of each kind of fault."""
    tally = Tally()
    begun_s = time.perf_counter()
    for number in range(first, first + count):
        try:
            tally.endings.update(surface.play(number))
        except Broken as broken:
            kind = _kind(broken.error)
            tally.faults[kind] += 1
            tally.broken.setdefault(kind, broken)
        tally.inputs += 1
    tally.took_s = time.perf_counter() - begun_s
    return tally


def _kind(error: BaseException) -> str:
    """Name a fault by where it came up."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
    return f"{type(error).__name__} in {where}"


def tell(name: str, tally: Tally, *, with_endings: bool) -> None:
    """Print the faults, what is known already, and how the rest ended."""
    for ending, count in sorted(tally.endings.items()):
        if with_endings or ending.startswith("known: "):
            say(f"{count:>10} {name}: {ending}")
    for kind, broken in tally.broken.items():
        say(f"\nBROKEN {tally.faults[kind]} times: {kind}\n{broken}")


if __name__ == "__main__":
    sys.exit(main())
