"""How far the worker may go, as plain arithmetic."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from worker.domain.bill import Bill, BillPart
from worker.domain.ids import LocationId, SpotId, VisitId
from worker.domain.money import Money
from worker.domain.part import Part, PartState
from worker.domain.safety import Mode, Safety, Stake, asked_of, stake_of, why_too_much
from worker.domain.visit import Step, Visit

MIDNIGHT = datetime(2026, 5, 1, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
BILL = Bill("B-1", Money(500, "EUR"), "Table 1")


def visit(number: int = 1, step: Step = Step.SEEN, bill: Bill | None = BILL) -> Visit:
    """Make a visit at a step."""
    return Visit(
        visit_id=VisitId(number),
        instance="abc",
        nonce="qwerty",
        location_id=LocationId(9975),
        spot_id=SpotId("501"),
        table="table1",
        opened_at=NOON,
        step=step,
        since=NOON,
        bill=bill,
    )


def weighed(safety: Safety, *others: Visit, bill: Bill = BILL, mine: Visit | None = None) -> str:
    """Give why a bill is too much beside what other visits hold; empty: it is not."""
    me = mine or visit()
    stakes = {one.visit_id: stake for one in others if (stake := stake_of(one)) is not None}
    asked = asked_of(me, bill, frozenset())
    return why_too_much(me, asked, stakes, safety, MIDNIGHT) or ""


def paid(number: int, at: datetime, amount_minor: int = 500) -> Visit:
    """Make a visit that was paid."""
    return replace(visit(number, Step.CLOSED), paid_at=at, taken_minor=amount_minor)


def test_without_bounds_nothing_is_too_much() -> None:
    """The product exists to take payments."""
    assert weighed(Safety(), *(paid(n, NOON) for n in range(2, 50))) == ""
    assert not Safety().is_bounded
    assert Safety(max_amount_minor=1).is_bounded
    assert Safety(max_day_minor=1).is_bounded
    assert Safety().serves("any")


def test_the_bound_of_a_transaction_is_the_last_amount_that_passes() -> None:
    """Neither one more nor one less."""
    assert weighed(Safety(max_amount_minor=500)) == ""
    assert "5.00 EUR is more than safety.max_amount_minor allows (4.99 EUR)" in weighed(
        Safety(max_amount_minor=499)
    )


def test_each_part_of_a_split_bill_is_a_transaction_of_its_own() -> None:
    """A bill of ten parts is ten small amounts, and none of its paid parts counts again."""
    parts = (BillPart("a", Money(300, "EUR")), BillPart("b", Money(200, "EUR")))
    bill = replace(BILL, parts=parts)
    mine = replace(visit(), parts=(Part("a", Money(300, "EUR"), state=PartState.PAID),))

    assert weighed(Safety(max_amount_minor=300), bill=bill) == ""
    assert weighed(Safety(max_amount_minor=299), bill=bill) != ""
    assert weighed(Safety(max_amount_minor=299), bill=bill, mine=mine) == ""
    assert weighed(Safety(max_amount_minor=1), bill=replace(bill, parts=()), mine=mine) != ""


def test_the_day_counts_what_was_taken_and_what_may_yet_be() -> None:
    """Every step at which money may still move counts in full, a parked visit too."""
    alive = {Step.CREATING, Step.LINKING, Step.OFFERED, Step.CONFIRMING, Step.REVOKING, Step.PARKED}
    for step in Step:
        is_too_much = weighed(Safety(max_day_minor=999), visit(2, step)) != ""
        assert is_too_much == (step in alive), step

    assert weighed(Safety(max_day_minor=999), paid(2, NOON)) != ""
    assert weighed(Safety(max_day_minor=1000), paid(2, NOON)) == ""


def test_what_another_day_or_another_currency_took_does_not_count() -> None:
    """Yesterday's last second is over; this day's first is not."""
    safety = Safety(max_day_minor=500)
    dollars = replace(paid(3, NOON), bill=replace(BILL, money=Money(500, "USD")))

    assert weighed(safety, paid(2, MIDNIGHT - timedelta(seconds=1)), dollars) == ""
    assert weighed(safety, paid(2, MIDNIGHT)) != ""


def test_a_visit_does_not_stand_in_its_own_way() -> None:
    """What it has on offer is what is asked for again; what it took counts."""
    mine = visit(1, Step.OFFERED)

    assert weighed(Safety(max_day_minor=500), mine, mine=mine) == ""
    had = replace(mine, taken_minor=1, paid_at=NOON)
    assert weighed(Safety(max_day_minor=500), had, mine=had) != ""


def test_the_parts_of_a_visit_count_each_once() -> None:
    """Taken parts as taken, live and coming ones as open, released ones not at all."""
    parts = tuple(Part(state.value, Money(100, "EUR"), state=state) for state in PartState)
    split = replace(visit(1, Step.OFFERED), parts=parts, taken_minor=100, paid_at=NOON)

    assert stake_of(split) == Stake("EUR", 100, NOON, 400)
    assert stake_of(replace(split, step=Step.CLOSED)) == Stake("EUR", 100, NOON, 0)


def test_a_visit_without_money_has_nothing_at_stake() -> None:
    """Neither before there is a bill nor after it came to nothing."""
    assert stake_of(visit(bill=None)) is None
    assert stake_of(visit(step=Step.CLOSED)) is None


def test_canary_serves_the_listed_spots_alone() -> None:
    """A name is its whole name."""
    safety = Safety(mode=Mode.CANARY, canary_spots=frozenset({"table1"}))

    assert safety.serves("table1")
    assert not safety.serves("table12")
    assert not safety.serves("")


def test_a_bill_whose_every_part_is_paid_asks_for_nothing() -> None:
    """Nothing is never too much."""
    bill = replace(BILL, parts=(BillPart("a", Money(500, "EUR")),))

    assert asked_of(visit(), bill, frozenset({"a"})) == ()
    assert why_too_much(visit(), (), {}, Safety(max_amount_minor=1), MIDNIGHT) is None
