"""From the list that shows one guest, or 100 at once, to each order linked, beyond the calls."""

import tempfile
from pathlib import Path
from statistics import median

from benchmarks import driving
from benchmarks.driving import Driver, Sum
from benchmarks.figures import Figure, ms, percentile, spread
from benchmarks.stage import SPOTS, sandbox

BEYOND_S_MAX = 0.025
SHARES = (("p50", 0.5), ("p99", 0.99))


def measure(*, is_quick: bool) -> list[Figure]:
    """Serve guests in turns with the bare calls; every visit is a sample."""
    alone_each, bursts = (50, 3) if is_quick else (100, 10)
    with (
        tempfile.TemporaryDirectory(prefix="paysera-worker-bench-") as folder,
        sandbox() as wallet,
        driving.worker(Path(folder), wallet, is_timed=True) as worker,
        driving.bare(wallet) as bare,
    ):
        worker.bursts(SPOTS)
        bare.bursts(SPOTS)
        alone = in_turns(worker, bare, rounds=2, visits=alone_each, at_once=1)
        queued = in_turns(worker, bare, rounds=bursts, visits=SPOTS, at_once=SPOTS)
        wallet.check(2 * (SPOTS + 2 * alone_each + SPOTS * bursts))
    rows = [beyond("one guest, poll's answer to order linked, beyond the calls, p99", alone[0])]
    rows += beside("with the calls", *alone)
    rows += [beyond(f"the same, {SPOTS} guests at once, p99", queued[0])]
    each = [percentile(burst.beyond_s, 0.99) * 1000 for burst in queued[0]]
    rows += [Figure("  burst by burst, p99", f"{median(each):.1f} ({spread(each, 1)}) ms")]
    rows += beside("with the calls, in a queue", *queued)
    return rows


def in_turns(
    worker: Driver, bare: Driver, *, rounds: int, visits: int, at_once: int
) -> tuple[list[Sum], list[Sum]]:
    """Let both serve so many visits, again and again; give what each round took of each."""
    ours: list[Sum] = []
    theirs: list[Sum] = []
    for _ in range(rounds):
        ours.append(worker.bursts(visits, at_once))
        theirs.append(bare.bursts(visits, at_once))
    for done in (*ours, *theirs):
        if len(done.totals_s) != visits:
            raise RuntimeError(f"{len(done.totals_s)} samples, not {visits}")
    return ours, theirs


def beyond(name: str, rounds: list[Sum]) -> Figure:
    """Say what the worker itself adds, and whether that is within its bounds."""
    found = percentile([one for done in rounds for one in done.beyond_s], 0.99)
    return Figure(name, ms(found), "", "", f"<= {ms(BEYOND_S_MAX)}", found <= BEYOND_S_MAX)


def beside(name: str, ours: list[Sum], theirs: list[Sum]) -> list[Figure]:
    """Set the whole time beside that of the bare calls."""
    rows = []
    for share_name, share in SHARES:
        total, bare_total = (
            percentile([one for done in rounds for one in done.totals_s], share)
            for rounds in (ours, theirs)
        )
        rows.append(
            Figure(
                f"  {name}, {share_name}",
                ms(total),
                f"{ms(bare_total)} bare",
                f"{total / bare_total:.2f}",
            )
        )
    return rows
