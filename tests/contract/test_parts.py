"""What a journal keeps of a bill in parts: who takes which, and that none is taken twice."""

from dataclasses import replace

import pytest

from tests.adapters.journal.builders import HALL, a_bill, a_visit, an_entry, closed
from tests.contract.entries import CONFIRM_A, CONFIRM_B, Journal
from worker.domain.choosing import Claims
from worker.domain.errors import JournalConflict
from worker.domain.money import Money
from worker.domain.part import Part, PartState
from worker.domain.visit import End, Visit
from worker.ports import IntentState, Settled

BILL = a_bill("bill-7")


def in_parts(visit: Visit, *states: PartState) -> Visit:
    """Give a visit that deals with the first part of a bill whose parts got so far."""
    parts = tuple(
        Part(f"p{number}", Money(100, "EUR"), state=state) for number, state in enumerate(states, 1)
    )
    return replace(visit, bill=BILL, parts=parts, at=0)


async def test_a_part_is_claimed_from_the_confirm_on_until_nothing_was_taken(
    journal: Journal,
) -> None:
    """What is merely on offer, or was given back, is anybody's."""
    for states, claimed in (
        ((PartState.DUE, PartState.OFFERED), set[str]()),
        ((PartState.TAKING, PartState.OFFERED), {"p1"}),
        ((PartState.RELEASED, PartState.OFFERED), set()),
        ((PartState.PAID, PartState.TAKING), {"p1", "p2"}),
        ((PartState.PAID, PartState.PARKED), {"p1", "p2"}),
    ):
        visit = in_parts(a_visit(), *states)
        await journal.write(an_entry(visit))
        wanted = dict.fromkeys(claimed, visit.visit_id)
        assert await journal.claims_on_bill(HALL, "bill-7") == Claims(visit.visit_id, wanted)


async def test_a_part_is_charged_by_one_visit_for_good(journal: Journal) -> None:
    """The visit that was paid for it is long over; nobody else may take it."""
    first = in_parts(a_visit(1), PartState.PAID, PartState.RELEASED)
    await journal.write(an_entry(closed(first, End.PART_PAID)))
    assert await journal.claims_on_bill(HALL, "bill-7") == Claims(None, {"p1": first.visit_id})

    second = in_parts(a_visit(2), PartState.TAKING, PartState.DUE)
    with pytest.raises(JournalConflict, match="part_paid_once"):
        await journal.write(an_entry(second))
    await journal.write(an_entry(in_parts(a_visit(2), PartState.DUE, PartState.TAKING)))


async def test_each_part_has_one_confirm_of_its_own(journal: Journal) -> None:
    """Two keys for two parts are two payments; two keys for one part are one too many."""
    visit = in_parts(a_visit(), PartState.TAKING, PartState.OFFERED)
    first, second = replace(CONFIRM_A, part="p1"), replace(CONFIRM_B, part="p2")
    await journal.write(an_entry(visit, begun=first))
    await journal.write(an_entry(visit, settled=(Settled(first, IntentState.DONE),), begun=second))
    with pytest.raises(JournalConflict, match="one_confirm_per_visit"):
        await journal.write(an_entry(visit, begun=replace(first, target="key-c")))


async def test_more_may_be_taken_than_the_rest_of_the_bill_asks_for(journal: Journal) -> None:
    """A till that takes paid parts off its bill shows a smaller one when it is asked again."""
    visit = in_parts(a_visit(), PartState.PAID, PartState.DUE)
    rest = replace(visit, bill=a_bill("bill-7", amount_minor=100), taken_minor=900)
    await journal.write(an_entry(rest))

    assert [one.visit for one in await journal.open_visits()] == [rest]
