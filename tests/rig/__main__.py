"""`python -m tests.rig --kills 1000`: kill real workers and see whether anything is ever lost."""

import argparse
import json
import sys
import time
from pathlib import Path

from tests.rig.show import Show, play_show


def main() -> int:
    """Play, tell, keep the line; the exit code is 1 if anything at all was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="kill -9 so often (default 1000)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    parser.add_argument("--stages", type=int, default=4, help="theatres at once (default 4)")
    parser.add_argument("--results", type=Path, default=Path("rig-results.jsonl"))
    asked = parser.parse_args()
    if asked.kills < 1 or asked.stages < 1:
        parser.error("kills and stages are at least 1")
    tell(f"{asked.kills} kills on {asked.stages} stages, seed {asked.seed}")
    show = play_show(asked.seed, asked.kills, asked.stages, tell)
    line = show.line()
    with asked.results.open("a") as results:
        results.write(json.dumps(line) + "\n")
    tell(json.dumps(line, indent=2))
    complain(show)
    tell("Nothing was lost and both books agree." if show.is_good else "SOMETHING IS WRONG.")
    return 0 if show.is_good else 1


def complain(show: Show) -> None:
    """Say what went wrong, where its files are and how to draw the same evening again."""
    for evening in show.evenings:
        if evening.is_good:
            continue
        tell(f"\nseed {evening.seed}: files in {evening.folder}\n  again: {evening.replay()}")
        for what in evening.wrong:
            tell(f"  wrong: {what}")
        for what in evening.lost:
            tell(f"  lost:  {what}")


def tell(text: str) -> None:
    """Print at once, for whoever watches."""
    print(text, flush=True)  # noqa: T201 - what a person reads at the shell


if __name__ == "__main__":
    sys.exit(main())
