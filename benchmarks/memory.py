"""Whether visits leave anything behind."""

import tempfile
from pathlib import Path

from benchmarks import driving
from benchmarks.figures import Figure, mb
from benchmarks.processes import rss_bytes
from benchmarks.stage import sandbox

WARM = 100
GROWTH_MAX = 0.5e6
"""Flat: in the later half nothing grows but the bounded memory of transaction keys. The first few
hundred visits also fill SQLite's page cache, which holds 2 MB and no more."""


def measure(*, is_quick: bool) -> list[Figure]:
    """Serve a hundred visits, then many more, and compare."""
    more = 300 if is_quick else 1000
    with (
        tempfile.TemporaryDirectory(prefix="paysera-worker-bench-") as folder,
        sandbox() as wallet,
        driving.worker(Path(folder), wallet) as worker,
    ):
        worker.bursts(WARM)
        before = rss_bytes(worker.pid)
        sizes = []
        for _ in range(more // WARM):
            worker.bursts(WARM)
            sizes.append(rss_bytes(worker.pid))
        wallet.check(WARM + more)
    half = len(sizes) // 2
    later = (sizes[-1] - sizes[-1 - half]) * 1000 / (half * WARM)
    return [
        Figure(
            f"memory (RSS) after {WARM + more} visits",
            mb(sizes[-1]),
            f"{mb(before)} after {WARM}",
            f"{sizes[-1] / before:.3f}",
        ),
        Figure(
            "  growth per 1,000 visits, later half",
            mb(later),
            f"{mb((sizes[-1] - before) * 1000 / more)} over all",
            "",
            "" if is_quick else f"<= {mb(GROWTH_MAX)}",
            None if is_quick else later <= GROWTH_MAX,  # A quick run sees only the first rise.
        ),
    ]
