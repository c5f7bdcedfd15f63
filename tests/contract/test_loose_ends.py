"""What a journal finds again of visits that are over: lost creates, and what a human was left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.adapters.journal.builders import NOON, a_visit, an_entry, closed
from tests.contract.entries import CREATE_1, Journal
from worker.adapters.journal.rules import NEWEST_VISITS
from worker.domain.ids import OrderReference, VisitId
from worker.domain.visit import End, Step
from worker.ports import Entry, IntentState, Lost, Record, Settled


async def test_creates_given_up_are_remembered_until_struck_off(journal: Journal) -> None:
    """A lost transaction that shows up later is known as ours, until it is seen gone."""
    visit, later = a_visit(), NOON + timedelta(hours=1)
    await journal.write(an_entry(visit, begun=CREATE_1))
    told = (Record(later, "given up", {}),)
    given_up = (Settled(CREATE_1, IntentState.ABANDONED),)
    await journal.write(an_entry(closed(visit), records=told, settled=given_up))
    lost = Lost(VisitId(1), OrderReference(CREATE_1.target), NOON)

    assert await journal.lost_creates() == (lost,)

    struck = (Settled(CREATE_1, IntentState.DONE, "found and revoked"),)
    await journal.write(Entry(visit.visit_id, settled=struck))
    assert await journal.lost_creates() == ()


@pytest.mark.parametrize("state", [IntentState.PENDING, IntentState.UNKNOWN])
async def test_a_create_in_doubt_is_lost_once_its_visit_is_over(
    journal: Journal, state: IntentState
) -> None:
    """Its visit looks for it until then; afterwards only the watch over lost ones does."""
    visit = a_visit(step=Step.CREATING)
    await journal.write(an_entry(visit, begun=CREATE_1))
    settled = (Settled(CREATE_1, state),)
    await journal.write(an_entry(visit, settled=settled))
    assert await journal.lost_creates() == ()

    await journal.write(an_entry(closed(visit, End.REFUSED)))
    lost = Lost(VisitId(1), OrderReference(CREATE_1.target), NOON)
    assert await journal.lost_creates() == (lost,)

    await journal.write(Entry(visit.visit_id, settled=(Settled(CREATE_1, IntentState.DONE),)))
    assert await journal.lost_creates() == ()


async def test_parked_visits_are_found_again_while_they_are_among_the_newest(
    journal: Journal,
) -> None:
    """Whoever starts can call the human again, whether the spot is free already or not."""
    freeing = replace(a_visit(1), step=Step.CLOSING, end=End.PARKED, reason="who knows")
    over = replace(a_visit(3), step=Step.PARKED, end=End.PARKED, spot_closed_at=NOON)
    for visit in (freeing, closed(a_visit(2), End.PAID), over):
        await journal.write(an_entry(visit))
    assert await journal.parked_lately() == (freeing, over)

    await journal.write(an_entry(a_visit(1 + NEWEST_VISITS)))
    assert await journal.parked_lately() == (over,)
