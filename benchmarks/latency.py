"""From the list that shows 100 guests at once to each one's order linked, beyond the calls."""

import tempfile
from pathlib import Path
from statistics import median

from benchmarks import driving
from benchmarks.driving import Sum
from benchmarks.figures import Figure, ms, percentile, spread
from benchmarks.stage import SPOTS, sandbox

BEYOND_S_MAX = 0.025


def measure(*, is_quick: bool) -> list[Figure]:
    """Serve bursts in turns with the bare calls; every visit is a sample."""
    bursts = 3 if is_quick else 10
    ours, theirs = Sum(), Sum()
    each: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="paysera-worker-bench-") as folder,
        sandbox() as wallet,
        driving.worker(Path(folder), wallet, is_timed=True) as worker,
        driving.bare(wallet) as bare,
    ):
        worker.bursts(SPOTS)
        bare.bursts(SPOTS)
        for _ in range(bursts):
            for subject, into in ((worker, ours), (bare, theirs)):
                burst = subject.bursts(SPOTS)
                into.totals_s += burst.totals_s
                into.beyond_s += burst.beyond_s
                if subject is worker:
                    each.append(percentile(burst.beyond_s, 0.99) * 1000)
        wallet.check(2 * SPOTS * (1 + bursts))
    for side in (ours, theirs):
        if len(side.totals_s) != SPOTS * bursts:
            raise RuntimeError(f"{len(side.totals_s)} samples, not {SPOTS * bursts}")
    beyond = percentile(ours.beyond_s, 0.99)
    rows = [
        Figure(
            "poll's answer to order linked, beyond the calls, p99",
            ms(beyond),
            "",
            "",
            f"<= {ms(BEYOND_S_MAX)}",
            beyond <= BEYOND_S_MAX,
        ),
        Figure("  burst by burst, p99", f"{median(each):.1f} ({spread(each, 1)}) ms"),
        Figure("  the same, p50", ms(percentile(ours.beyond_s, 0.5))),
        Figure("  the same, largest", ms(max(ours.beyond_s))),
    ]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        total, bare_total = (percentile(side.totals_s, share) for side in (ours, theirs))
        rows.append(
            Figure(
                f"  with the calls, 100 in a queue, {name}",
                ms(total),
                f"{ms(bare_total)} bare",
                f"{total / bare_total:.2f}",
            )
        )
    return rows
