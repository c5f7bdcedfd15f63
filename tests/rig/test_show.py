"""A short show guards the rig and, with it, the worker: two theatres, twenty kills."""

import json
from pathlib import Path

import pytest

from tests.rig.show import play_show, shares

SEED = 338
"""Its draws have nearly everything, and no long rests."""
KILLS = 20


@pytest.mark.timeout(
    330
)  # More than an evening may take to become quiet: that is said better there.
def test_twenty_kills_on_two_stages_lose_nothing(tmp_path: Path) -> None:
    """
    Killed at any instant and in the middle of its calls, behind a network and before a wallet that
    mistreat it, with a price list and with a folder of bills: both books agree to the cent, and
    every line that any life wrote is borne out by the journal.
    """
    told: list[str] = []
    show = play_show(SEED, KILLS, 2, told.append)
    line = show.line()

    assert show.is_good, [(one.folder, one.wrong, one.lost) for one in show.evenings]
    assert not show.folder.exists()
    assert line["kills"] == KILLS
    assert line["evenings"] == 2
    assert line["violations"] == line["lost_facts"] == 0
    assert json.dumps(line)
    # A show in which nothing happened would prove nothing.
    for evening in show.evenings:
        assert evening.ends["paid"] > 0
        assert evening.facts["transaction.confirmed"] > 0
        assert evening.proxy["connections"] > 0
    assert sum(evening.faults.total() for evening in show.evenings) > 0
    assert show.evenings[1].facts["notice.accepted"] > 0


def test_a_run_is_cut_into_evenings_that_can_be_played_again() -> None:
    """Each evening has a seed of its own, and together they have all the kills."""
    assert shares(7, 1000, 4) == [(7 + n, 50) for n in range(20)]
    assert shares(7, 120, 2) == [(7, 50), (8, 50), (9, 20)]
    assert shares(7, 20, 2) == [(7, 10), (8, 10)]
    assert shares(7, 1, 4) == [(7, 1)]
