"""`python -m tests.planted [NAME ...]`: plant each bug in a copy of its own; see who notices."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.planted.bug import Bug, StaleBug
from tests.planted.bugs import BUGS
from tests.planted.workshop import (
    FIRST_SEED,
    VISITS,
    Unusable,
    Verdict,
    Workshop,
    check_names,
    hunt,
    look_for,
    run_tests,
)


def main() -> int:
    """Look for each bug, then at the untouched copy; the exit code is 1 if any look went wrong."""
    options = parse(sys.argv[1:])
    bugs = [bug for bug in BUGS if not options.names or bug.name in options.names]
    unknown = set(options.names) - {bug.name for bug in bugs}
    if unknown:
        say(f"no such bug: {', '.join(sorted(unknown))}")
        return 2
    wrong = 0
    with Workshop.opened() as workshop, ThreadPoolExecutor(options.jobs) as pool:
        width = max(len(bug.name) for bug in bugs)
        say(f"{'BUG':{width}}  {'VISITS':>7} {'SECONDS':>8}  NOTICED BY")
        looks = [pool.submit(look, workshop, bug, options.first, options.visits) for bug in bugs]
        visits: list[int] = []
        for bug, running in zip(bugs, looks, strict=True):
            verdict = running.result()
            wrong += not verdict.is_caught
            if verdict.is_caught and verdict.visits is not None:
                visits.append(verdict.visits)
            say(row(bug, verdict, width))
            if options.verbose or not verdict.is_caught:
                say(f"    {verdict.what or bug.story}")
        say(f"{len(bugs)} bugs, {len(bugs) - wrong} caught, {wrong} not caught; {spread(visits)}")
        wrong += look_at_the_untouched(workshop, bugs, options.first, options.visits)
    return 1 if wrong else 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these bugs; default: all")
    parser.add_argument("--visits", type=int, default=VISITS, help="how long a hunt goes on")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the seed to begin with")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="looks at a time")
    parser.add_argument("--verbose", action="store_true", help="say what each checker saw")
    return parser.parse_args(words)


def look(workshop: Workshop, bug: Bug, first: int, visits: int) -> Verdict:
    """Plant one bug and see whether it is noticed; what proves nothing is not noticed."""
    try:
        with workshop.spoiled(bug) as root:
            check_names(root, bug.files())
            return look_for(bug, root, first=first, visits=visits)
    except (StaleBug, Unusable) as trouble:
        return Verdict(is_caught=False, by="NO VERDICT", visits=None, seconds=0, what=str(trouble))


def look_at_the_untouched(workshop: Workshop, bugs: Sequence[Bug], first: int, visits: int) -> int:
    """See that nobody cries wolf: neither the hunt nor any test that catches a bug here."""
    wrong = 0
    tests = sorted({test for bug in bugs for test in bug.tests})
    journals = sorted({bug.journal for bug in bugs if not bug.tests})
    looks: list[Callable[[], Verdict]] = [
        partial(hunt, workshop.plain, first=first, visits=visits, journal=journal)
        for journal in journals
    ]
    if tests:
        looks.append(partial(run_tests, workshop.plain, tests))
    for name, see in zip([*(f"hunt on {j}" for j in journals), "tests"], looks, strict=False):
        try:
            verdict = see()
        except Unusable as trouble:
            verdict = Verdict(is_caught=True, by="NO VERDICT", visits=None, seconds=0)
            say(str(trouble))
        played = "" if verdict.visits is None else f", {verdict.visits} visits"
        found = f"CRIED WOLF: {verdict.by} {verdict.what}" if verdict.is_caught else "silent"
        say(f"untouched copy, {name}{played}, {verdict.seconds:.1f} s: {found}")
        wrong += verdict.is_caught
    return wrong


def row(bug: Bug, verdict: Verdict, width: int) -> str:
    """Write one bug's line of the table."""
    visits = "-" if verdict.visits is None else str(verdict.visits)
    by = verdict.by if verdict.is_caught else f"{verdict.by or 'NOBODY'} !"
    return f"{bug.name:{width}}  {visits:>7} {verdict.seconds:8.1f}  {by}"


def spread(visits: Sequence[int]) -> str:
    """Say how many visits the hunts took."""
    if not visits:
        return "none was hunted down"
    middle = sorted(visits)[len(visits) // 2]
    return f"hunted down within {middle} visits at the median and {max(visits)} at most"


def say(line: str) -> None:
    """Tell whoever waits at the shell."""
    print(line, flush=True)  # noqa: T201 - what a person reads at the shell


if __name__ == "__main__":
    sys.exit(main())
