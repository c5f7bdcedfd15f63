"""Run the worker on a machine whose wall clock is wrong: `python -m tests.rig.skewed SECONDS run`.

Only the wall clock is moved. The worker reads it once as it starts, for the time that its rules go
by, and again for each signature and log line. The clocks that measure how long something takes are
the machine's own, as they are where the battery of the clock is flat.
"""

import sys
import time

from worker.cli import main


def skew(offset_s: float) -> None:
    """Move this process's wall clock for good."""
    true_time = time.time

    def time_here() -> float:
        return true_time() + offset_s

    time.time = time_here


if __name__ == "__main__":
    skew(float(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
