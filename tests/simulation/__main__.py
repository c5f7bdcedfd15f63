"""`python -m tests.simulation FIRST LAST`: play these seeds and say what was seen."""

import asyncio
import sys
from collections import Counter

import structlog

from tests.simulation.evening import Evening


def main() -> int:
    """Play and report; the exit code is 1 if any evening went wrong."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())
    first, last = int(sys.argv[1]), int(sys.argv[2])
    fired: Counter[str] = Counter()
    visits = crashes = wrong = 0
    for seed in range(first, last):
        evening = Evening(seed)
        try:
            asyncio.run(evening.play())
        except Exception as exc:
            wrong += 1
            print(f"WRONG seed {seed}: {exc!r}"[:700])  # noqa: T201
        fired.update(evening.fired)
        visits += len(evening.bench.visits())
        crashes += evening.bench.crashes
    for what, count in sorted(fired.items()):
        print(f"{count:8} {what}")  # noqa: T201
    print(f"{last - first} evenings, {visits} visits, {crashes} crashes, {wrong} wrong")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
