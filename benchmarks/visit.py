"""What a visit costs beside the same signed calls made bare."""

import tempfile
from pathlib import Path
from statistics import median

from benchmarks import driving
from benchmarks.driving import Sum
from benchmarks.figures import Figure, ms, spread
from benchmarks.stage import SPOTS, sandbox

RATIO_MAX = 1.4


def measure(*, is_quick: bool) -> list[Figure]:
    """Take turns, so that whatever disturbs the machine disturbs both."""
    rounds, visits = (3, 100) if is_quick else (5, 300)
    ours: list[Sum] = []
    theirs: list[Sum] = []
    with (
        tempfile.TemporaryDirectory(prefix="paysera-worker-bench-") as folder,
        sandbox() as wallet,
        driving.worker(Path(folder), wallet) as worker,
        driving.bare(wallet) as bare,
    ):
        for subject in (worker, bare):
            subject.bursts(SPOTS)  # Lanes open, caches warm.
        for number in range(rounds):
            # Who goes first changes, for the same reason.
            for subject in (worker, bare) if number % 2 else (bare, worker):
                (ours if subject is worker else theirs).append(subject.bursts(visits))
        wallet.check(2 * (SPOTS + rounds * visits))
    for mine, other in zip(ours, theirs, strict=True):
        if mine.calls != other.calls:
            raise RuntimeError(f"not the same calls: {mine.calls} and bare {other.calls}")
    return figures(ours, theirs)


def figures(ours: list[Sum], theirs: list[Sum]) -> list[Figure]:
    """Lay out what the rounds gave."""
    ratios = [
        mine.cpu_s / other.cpu_s  # Both served as many visits.
        for mine, other in zip(ours, theirs, strict=True)
    ]
    ratio = median(ratios)
    cpu, cpu_bare = (median(one.cpu_s / one.visits for one in side) for side in (ours, theirs))
    speed, speed_bare = (median(one.visits / one.wall_s for one in side) for side in (ours, theirs))
    visits = sum(one.visits for one in ours)
    calls = ours[0].calls
    each = calls.total() / ours[0].visits
    commits = sum(one.commits for one in ours) / visits
    return [
        Figure(
            "processor time per visit, 100 at once",
            ms(cpu),
            f"{ms(cpu_bare)} bare",
            f"{ratio:.2f} ({spread(ratios)})",
            f"<= {RATIO_MAX}",
            ratio <= RATIO_MAX,
        ),
        Figure(
            "visits per second",
            f"{speed:.0f}",
            f"{speed_bare:.0f} bare",
            f"{speed / speed_bare:.2f}",
        ),
        Figure("calls per visit", f"{each:.2f}", f"{each:.2f} bare"),
        *(
            Figure(f"  {kind}", f"{count / ours[0].visits:.2f}")
            for kind, count in calls.most_common()
        ),
        Figure("commits per visit", f"{commits:.2f}"),
    ]
