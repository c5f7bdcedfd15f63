"""`python -m tests.disk [COMMITS]`: how many commits a second a journal makes, here and there."""

import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tests.adapters.journal.builders import a_visit, an_entry, told
from tests.disk.disk import SimDisk
from worker.adapters.journal.store import Store


def measure(folder: Path, around: AbstractContextManager[object], commits: int) -> float:
    """Give the commits a second of a journal in a folder; each is a visit with one line told."""
    with around:
        store = Store.open(folder / "journal.db")
        began_s = time.perf_counter()
        for number in range(1, commits + 1):
            refused = store.commit([an_entry(a_visit(number), records=(told(number),))])
            assert refused == [None], "a commit was refused"
        took_s = time.perf_counter() - began_s
        store.close()
    return commits / took_s


def main() -> int:
    """Measure and say, twice each, so that one sees how much the machine itself wavers."""
    commits = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for _ in range(2):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            folder = Path(one)
            simulated = measure(folder, SimDisk(folder).installed(), commits)
            plain = measure(Path(other), nullcontext(), commits)
        sys.stdout.write(
            f"{simulated:10.0f} commits/s over the simulated disk\n"
            f"{plain:10.0f} commits/s over the machine's own, syncs and all\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
