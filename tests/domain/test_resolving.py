"""What follows when a human says of a parked visit whether it was paid."""

from tests.domain.stations import offered_part, splitting
from tests.domain.story import NOON, PART_KEYS, PART_MONEY, a_visit, an_offered_visit
from worker.domain import resolving
from worker.domain.part import PartState
from worker.domain.visit import Step


def test_a_plain_bill_that_was_paid_is_told_once_and_charged_by_nobody_else() -> None:
    """A notice that was made before is not made again."""
    visit = an_offered_visit(Step.PARKED)

    told = resolving.as_paid(visit, NOON, frozenset())
    again = resolving.as_paid(visit, NOON, {notice.notice_id for notice in told.notices})

    assert [notice.money for notice in told.notices] == [visit.asked]
    assert (told.frees_bill, told.freed_parts) == (False, ())
    assert again.notices == ()


def test_of_a_visit_without_a_bill_there_is_nothing_to_tell() -> None:
    """It was parked before the till said what is owed."""
    assert resolving.as_paid(a_visit(Step.PARKED), NOON, frozenset()).notices == ()


def test_only_the_parts_in_doubt_are_told_or_freed() -> None:
    """What was paid stays paid, and what was declined was never in doubt."""
    visit = splitting(
        offered_part("a", PartState.PAID),
        offered_part("b", PartState.PARKED),
        offered_part("c", PartState.TAKING),
        at=1,
        step=Step.PARKED,
    )

    told = resolving.as_paid(visit, NOON, frozenset())
    freed = resolving.as_unpaid(visit)

    assert [(notice.part_id, notice.transaction_key, notice.money) for notice in told.notices] == [
        (name, PART_KEYS[name], PART_MONEY[name]) for name in "bc"
    ]
    assert len({notice.notice_id for notice in told.notices}) == 2
    assert {notice.paid_at for notice in told.notices} == {NOON}
    assert told.frees_bill
    assert (freed.notices, freed.frees_bill, freed.freed_parts) == ((), True, ("b", "c"))
    assert resolving.as_unpaid(a_visit(Step.PARKED)).freed_parts == ()
