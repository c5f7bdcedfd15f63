"""`python -m tests.simulation VERB`: play evenings, hunt, replay, and soak."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.simulation.choices import Fired
from tests.simulation.running import CHUNK, Tally, append_result, play_chunk, play_many
from tests.simulation.shrinking import Story, shrink, told

say = print


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; the exit code is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="play seeds FIRST to LAST")
    run.add_argument("first", type=int)
    run.add_argument("last", type=int)
    run.add_argument("--jobs", type=int, default=2)
    run.add_argument("--all-must-fire", action="store_true", help="fail if some trouble never came")
    soak = verbs.add_parser("soak", help="play fresh seeds for a while, and keep the result")
    soak.add_argument("--seconds", type=float, required=True)
    soak.add_argument("--first", type=int, help="the first seed; else one from the clock")
    soak.add_argument("--jobs", type=int, default=2)
    soak.add_argument("--results", type=Path, default=Path("soak-results.jsonl"))
    hunt = verbs.add_parser("hunt", help="play until something is wrong")
    hunt.add_argument("--first", type=int, default=0)
    hunt.add_argument("--visits", type=int, default=20_000)
    replay = verbs.add_parser("replay", help="play one seed and tell everything")
    replay.add_argument("seed", type=int)
    replay.add_argument("--set", action="append", default=[], metavar="NAME=JSON")
    replay.add_argument("--only", metavar="LABEL:N,...", help="the troubles and guests to keep")
    replay.add_argument("--shrink", action="store_true")
    for one in (run, soak, hunt):
        one.add_argument("--journal", choices=("memory", "sqlite", "disk"), default="memory")
    given = parser.parse_args(arguments)
    verb = {"run": _run, "soak": _soak, "hunt": _hunt, "replay": _replay}[given.verb]
    return verb(given)


def _run(given: argparse.Namespace) -> int:
    began_s, total = time.monotonic(), Tally()
    shown = Progress(began_s)
    for total in play_many(given.first, given.last - given.first, given.jobs, given.journal):
        shown.show(total)
    _summarise(total, time.monotonic() - began_s)
    missed = total.missed() if given.all_must_fire else []
    if missed:
        say(f"NEVER CAME UP: {', '.join(missed)}")
    return 1 if total.wrong or missed else 0


def _soak(given: argparse.Namespace) -> int:
    first = given.first if given.first is not None else int(time.time()) * 1000
    began_s, total = time.monotonic(), Tally()
    shown = Progress(began_s)
    try:
        for total in play_many(first, 10**9, given.jobs, given.journal, given.seconds):
            shown.show(total)
    except KeyboardInterrupt:
        say("interrupted; what was played so far is kept")
    took_s = time.monotonic() - began_s
    _summarise(total, took_s)
    append_result(
        given.results,
        total,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        journal=given.journal,
        first_seed=first,
        last_seed=first + total.evenings - 1,
        seconds=round(took_s),
        visits_per_s=round(total.visits / took_s),
    )
    return 1 if total.wrong else 0


class Progress:
    """Tells how far a run is, and what went wrong as soon as it did."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._wrongs = 0

    def show(self, total: Tally) -> None:
        """Write a line now and then; at a terminal, write it over the one before."""
        for seed, what in total.wrong[self._wrongs :]:
            sys.stderr.write(f"WRONG {what[:600]}\n  again: {Story(seed).command()} --shrink\n")
        self._wrongs = len(total.wrong)
        is_watched = sys.stderr.isatty()
        if not is_watched and total.evenings % 1000:
            return
        speed = total.visits / max(0.001, time.monotonic() - self._began_s)
        sys.stderr.write(
            f"{total.evenings} evenings, {total.visits} visits, {speed:.0f}/s, "
            f"{total.kills} kills, {len(total.wrong)} wrong" + ("\r" if is_watched else "\n")
        )


def _summarise(total: Tally, took_s: float) -> None:
    for what, count in sorted(total.fired.items()):
        say(f"{count:9} {what}")
    say(f"ends: {dict(total.ends.most_common())}")
    say(
        f"edges travelled: {len(total.edges)}; "
        f"of {total.closes} closes {total.unlucky_closes} hit the next guest, "
        f"{total.closes_in_window} of them neither late nor twice"
    )
    say(
        f"{total.evenings} evenings, {total.visits} visits, {total.paid} paid, "
        f"{total.kills} kills, {total.virtual_s / 3600:.0f} hours in {took_s:.0f} s: "
        f"{total.visits / took_s:.0f} visits/s"
    )
    say(f"{len(total.wrong)} wrong")


def _hunt(given: argparse.Namespace) -> int:
    visits, seed = 0, given.first
    while visits < given.visits:
        tally = play_chunk(range(seed, seed + CHUNK), given.journal, is_hunt=True)
        visits += tally.visits
        if tally.wrong:
            at, what = tally.wrong[0]
            checker = what.partition(": ")[2].partition(":")[0] if "seed" in what else what
            caught = {"caught": True, "visits": visits, "seed": at}
            say(json.dumps({**caught, "checker": checker[:40], "what": what[:300]}))
            return 1
        seed += CHUNK
    say(json.dumps({"caught": False, "visits": visits}))
    return 0


def _replay(given: argparse.Namespace) -> int:
    changes = {name: json.loads(value) for name, _, value in (s.partition("=") for s in given.set)}
    only: tuple[Fired, ...] | None = None
    if given.only is not None:
        parts = (part.rpartition(":") for part in given.only.split(",") if part)
        only = tuple((label, int(number)) for label, _, number in parts)
    story = Story(given.seed, changes, only)
    if given.shrink:
        story = shrink(story, say)
    say(f"{story.plan()}\n\n{told(story)}\n\nagain: {story.command()}")
    if given.shrink:
        kept = {"seed": story.seed, "changes": story.changes, "only": story.only}
        kept |= {"bug": "the planted bug that brings it back", "what": "what went wrong"}
        say(f"to keep it for good, in regressions.json: {json.dumps(kept)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
