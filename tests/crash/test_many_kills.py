"""A bad evening: guests come, calls fail, and the power goes again and again."""

import random
import time
from pathlib import Path

import pytest

from tests.crash.books import await_quiet, check_books
from tests.operator.processes import until
from tests.operator.theatre import Stage, stage

KILLS = 12
LIFE_S = (0.0, 3.0)
"""How long a worker lives after its first word: from before its first poll to a few rounds."""


def kill_again_and_again(play: Stage, config: Path, dice: random.Random) -> None:
    for _ in range(KILLS):
        daemon = play.start(config)
        # However slow the machine is, no worker dies before it has begun to work.
        until("it speaks", daemon.said)
        lives_until = time.monotonic() + dice.uniform(*LIFE_S)
        while time.monotonic() < lives_until:
            assert daemon.process.poll() is None, f"it ended by itself:\n{daemon.said()[-3000:]}"
            time.sleep(0.02)
        daemon.kill()


@pytest.mark.timeout(240)
def test_an_evening_of_kills_and_faults_ends_with_both_books_equal(tmp_path: Path) -> None:
    """
    Whatever instants the worker is killed at and whatever becomes of its calls, once the faults
    stop every guest is done with, no money is left held, and both books agree to the cent (F31).
    """
    options = ("--customers", "6", "--faults", "0.15", "--seed", "7", "--spots", "8")
    with stage(tmp_path, *options) as play:
        config = play.config(offer_ttl_s=8.0)
        kill_again_and_again(play, config, random.Random(7))
        play.control("PUT", "faults", {})
        last = play.start(config)
        until("guests came", lambda: len(play.steps()) >= KILLS, patience_s=60.0)
        play.control("POST", "customers/stop")
        await_quiet(play, patience_s=150.0)
        assert last.stop() == 0

        ends = check_books(play)
        assert len(ends) >= KILLS
        assert play.ledger()["confirmed_count"] > 0
        assert last.told("visit.parked") == []
