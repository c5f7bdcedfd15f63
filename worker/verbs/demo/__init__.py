"""`demo`: an evening in half a minute, with nothing pretended but the wallet and the guests.

Sandbox and worker are two real processes over loopback, with a real journal in a folder of its own,
and the till leads to a real shop: a folder, a server, a database or a program. The demo stands in
for systemd: a worker that dies is started again. At the end it sets the journal's books beside the
wallet's and the shop's, and says whether they agree to the cent.
"""

import sys
import tempfile
from pathlib import Path

from worker.verbs.demo.books import compare
from worker.verbs.demo.evening import play
from worker.verbs.demo.stage import stage, stop_on_term
from worker.verbs.demo.till import TillUnavailable

EXIT_UNAVAILABLE = 69


def run(*, seconds: float, seed: int, faults: float, till: str) -> int:
    """Play the evening; return 0 only if every visit ended right and all books agree."""
    if not 1 <= seconds <= 3600 or not 0 <= faults <= 0.5:
        print("Give --seconds from 1 to 3600 and --faults from 0 to 0.5.", file=sys.stderr)
        return 2
    try:
        with (
            tempfile.TemporaryDirectory(prefix="paysera-worker-demo-") as folder,
            stop_on_term(),
            stage(Path(folder), till=till, seed=seed, faults=faults) as evening,
        ):
            play(evening, seconds, seed)
            return compare(evening)
    except TillUnavailable as why:
        print(why, file=sys.stderr)
        return EXIT_UNAVAILABLE
