"""Since when a spot was seen waiting, and who may say so."""

from datetime import timedelta

from tests.domain.story import NOON, a_visit
from worker.domain.visit import Step
from worker.service.sightings import Sightings


def test_no_poll_of_ours_vouches_for_a_visit_from_before() -> None:
    """The clock may have been set back: by the instants alone every poll came before it began."""
    sightings, visit = Sightings(3.0), a_visit(Step.CLOSING)
    sightings.see([visit.spot_id], NOON - timedelta(days=3))
    now = NOON - timedelta(days=3)
    assert sightings.waiting_since(visit, now) == now

    sightings.take_up(visit.visit_id)
    assert sightings.waiting_since(visit, now) is None
