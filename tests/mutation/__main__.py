"""Plant small faults into the money core, one at a time, and see whether its tests find them.

    python -m tests.mutation [FUNCTION ...]

mutmut makes the faults, in a copy of the sources under `mutants/`, and runs for each the tests that
reach it. Without arguments it is the whole measurement, from scratch; with the names of some
functions (mutmut's patterns) it is a quick look while a test is being written. Ends with 1 when
fewer than 90 % are found.

Of the wallet adapter only what turns an answer into Done, Refused, Unknown or Unsent is measured.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.mutation import score

ROOT: Final = Path(__file__).parents[2]
COPY: Final = ROOT / "mutants"
TIME_MAX_S: Final = 3600.0

FUNCTIONS: Final = (
    "worker.domain.*",
    "worker.adapters.wallet.failures.*",
    "worker.adapters.wallet.wire.*",
    "worker.adapters.wallet.retrying.*",
    "worker.adapters.wallet.shapes.x_is_*",
    "worker.adapters.wallet.client.x__outcome__*",
    "worker.adapters.wallet.client.x__is_*",
    "worker.adapters.wallet.client.*ǁ_read__*",
    "worker.adapters.wallet.client.*ǁ_write__*",
    "worker.adapters.wallet.client.*ǁlook_at_spot__*",
    "worker.adapters.wallet.courier.x__is_about_clock__*",
    "worker.adapters.wallet.courier.*ǁDepartureǁ*",
    "worker.adapters.wallet.courier.*ǁcarry__*",
    "worker.adapters.wallet.courier.*ǁ_why_held__*",
    "worker.adapters.wallet.courier.*ǁ_converse__*",
    "worker.adapters.wallet.courier.*ǁ_send__*",
)


def mutmut(*arguments: str) -> list[str]:
    """Run mutmut in a group of its own, so that nothing of it is left, and give what it printed."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            printed, _ = run.communicate(timeout=TIME_MAX_S)
        except BaseException:
            os.killpg(run.pid, signal.SIGKILL)
            raise
    lines = printed.replace("\r", "\n").splitlines()
    if run.returncode != 0:
        sys.exit("\n".join([*lines[-25:], f"mutmut ended with {run.returncode}"]))
    return lines


def stop(number: int, _frame: object) -> None:
    """Leave by the way that also ends mutmut."""
    sys.exit(128 + number)


def main(functions: list[str]) -> int:
    """Measure, report, and tell whether it is enough."""
    signal.signal(signal.SIGTERM, stop)
    if not functions:
        shutil.rmtree(COPY, ignore_errors=True)
    began = time.monotonic()
    mutmut("run", *(functions or FUNCTIONS))
    results = score.read_results(mutmut("results", "--all", "true"))
    took_s = time.monotonic() - began
    sys.stdout.write(f"{score.report(results)}\n\n{len(results)} faults in {took_s:.0f} s\n")
    return 0 if score.is_enough(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
