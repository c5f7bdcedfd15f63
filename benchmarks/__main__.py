"""`python -m benchmarks`: measure and print."""

import argparse
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from benchmarks import idle, latency, memory, start, tills, visit
from benchmarks.figures import Figure, show

ALL: Final[Mapping[str, Callable[..., list[Figure]]]] = {
    "visit": visit.measure,
    "latency": latency.measure,
    "tills": tills.measure,
    "start": start.measure,
    "idle": idle.measure,
    "memory": memory.measure,
}


def main() -> int:
    """Measure what is asked for; every outcome but an error is a good one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(ALL)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, rougher figures")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in ALL]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(ALL)}")
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, httpx {version('httpx')}, SQLite {sqlite3.sqlite_version}\n",
        flush=True,
    )
    began_s = time.monotonic()
    figures: list[Figure] = []
    for name in asked.names or ALL:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        figures += ALL[name](is_quick=asked.quick)
    print(show(figures))
    print(f"\nmeasured in {time.monotonic() - began_s:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
