"""What the till is told of money that was taken: one notice a payment, whatever happens."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.stations import confirming, offered_part, revoking, splitting
from tests.domain.story import (
    BILL,
    KEY,
    NOON,
    PART_KEYS,
    SALE,
    SPLIT,
    Story,
    an_offered_visit,
    looked,
    looked_part,
    split_bill,
    spot_looked,
)
from tests.domain.wanderer import Wanderer
from worker.domain import events
from worker.domain.bill import Bill, BillLine, LineKind
from worker.domain.commands import LookAtSpot
from worker.domain.ids import LocationId, OrderReference, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.part import PartState
from worker.domain.policy import Policy
from worker.domain.visit import End, Step, Visit
from worker.domain.wallet import SpotStatus, TransactionStatus

CONFIRMED = looked(TransactionStatus.CONFIRMED)
REFERENCE = OrderReference("v1.ab12cd34.9975.42.k3f9x21")
LINES = (
    BillLine("Soup", 1, 1000),
    BillLine("Service", 1, 150, LineKind.SERVICE),
    BillLine("Tip", 1, 60, LineKind.TIP),
    BillLine("Tip", 1, 40, LineKind.TIP),
)
NOTICE = Notice(
    notice_id="v1-ab12cd34-9975-42-k3f9x21",
    visit_id=VisitId(42),
    location_id=LocationId(9975),
    table="table7",
    bill_id="bill-7",
    part_id=None,
    money=BILL.money,
    bill_minor=1250,
    service_minor=0,
    tip_minor=0,
    transaction_key=KEY,
    reference=REFERENCE,
    paid_at=NOON + timedelta(seconds=3),
)


@pytest.mark.parametrize("visit", [confirming(), an_offered_visit(), revoking()])
def test_money_that_was_seen_taken_makes_one_notice(visit: Visit) -> None:
    """Whoever took it; it is named by the payment's own reference, so it is the same each time."""
    story = Story(visit)

    assert story.tell(CONFIRMED, after_s=3) == LookAtSpot()

    assert story.notices == (NOTICE,)
    assert story.notices[0].visit == "v-0042"
    assert (story.step, story.visit.end) == (Step.CLOSING, End.PAID)
    assert (story.visit.paid_at, story.visit.taken_minor) == (story.now, 1250)


def test_nothing_that_follows_makes_another() -> None:
    """The spot is freed, a restart comes, and the transaction is hinted at again."""
    story = Story(confirming())
    story.tell(CONFIRMED)

    later: list[events.Event] = [
        events.Resumed(), spot_looked(KEY), events.TransactionHinted("confirmed", KEY),
        spot_looked(status=SpotStatus.OPEN), CONFIRMED,
    ]  # fmt: skip
    for event in later:
        story.tell(event)
        assert story.notices == ()
    assert (story.step, story.visit.taken_minor) == (Step.CLOSED, 1250)


def test_a_sale_without_a_bill_of_its_own_is_told_to_nobody() -> None:
    """With fixed prices there is no till to tell; the money is counted all the same."""
    story = Story(confirming(bill=SALE))

    story.tell(CONFIRMED)

    assert (story.notices, story.visit.taken_minor, story.visit.end) == ((), 1250, End.PAID)
    parts = Story(splitting(bill=split_bill("a", "b", bill_id=None)))
    parts.tell(looked_part("a", TransactionStatus.CONFIRMED))
    assert (parts.notices, parts.visit.taken_minor) == ((), 400)


@pytest.mark.parametrize(
    "event",
    [
        looked(TransactionStatus.CONFIRMED, amount_minor=1249),
        looked(TransactionStatus.CONFIRMED, currency="USD"),
        looked(TransactionStatus.CONFIRMED, payments=None),
        looked(TransactionStatus.RESERVED),
        looked(TransactionStatus.FAILED),
        events.TransactionMissing(),
    ],
)
def test_money_that_was_not_seen_taken_as_it_was_owed_makes_none(event: events.Event) -> None:
    """What a human must look at is told to a human."""
    story = Story(confirming(unclears=2, misses=2))

    story.tell(event)

    assert (story.notices, story.visit.taken_minor, story.visit.paid_at) == ((), 0, None)


def test_service_and_tip_are_summed_by_themselves() -> None:
    """They are the staff's, and no sale."""
    story = Story(confirming(bill=Bill("bill-7", BILL.money, "Table 7", LINES)))

    story.tell(CONFIRMED, after_s=3)

    assert story.notices == (replace(NOTICE, service_minor=150, tip_minor=100),)


def test_a_bill_that_was_taken_for_less_asked_for_what_was_taken() -> None:
    """The till lowered it itself; the lines are those that it said last."""
    lines = (BillLine("Soup", 1, 800), BillLine("Service", 1, 200, LineKind.SERVICE))
    story = Story(
        an_offered_visit(reserved_at=NOON, looked_at=NOON, payment_id="77"),
        Policy(confirms_lowered=True),
    )
    story.tell(events.BillFound(Bill("bill-7", Money(1000, "EUR"), "Table 7", lines)))

    story.tell(looked(TransactionStatus.CONFIRMED, amount_minor=1000), after_s=3)

    money = Money(1000, "EUR")
    assert story.notices == (replace(NOTICE, money=money, bill_minor=1000, service_minor=200),)


def test_a_part_is_told_by_its_name_with_its_own_money_and_the_whole_bills() -> None:
    """And by the reference and the key of its own transaction."""
    bill = replace(SPLIT, lines=LINES)
    story = Story(splitting(at=1, bill=bill))

    story.tell(looked_part("b", TransactionStatus.CONFIRMED), after_s=3)

    reference = OrderReference(REFERENCE[:-1] + "2")
    told = replace(
        NOTICE,
        notice_id=reference.replace(".", "-"),
        reference=reference,
        transaction_key=PART_KEYS["b"],
    )
    sums = replace(told, bill_minor=1250, service_minor=150, tip_minor=100)
    assert story.notices == (replace(sums, part_id="b", money=Money(850, "EUR")),)


def test_a_part_beside_one_that_was_paid_adds_to_what_was_taken() -> None:
    """A notice says what this payment took, the visit what all of them did."""
    parts = (offered_part("a", PartState.PAID), offered_part("b"))
    story = Story(splitting(*parts, at=1, taken_minor=400))

    story.tell(looked_part("b", TransactionStatus.CONFIRMED))

    assert [notice.money.amount_minor for notice in story.notices] == [850]
    assert (story.visit.taken_minor, str(story.visit.taken)) == (1250, "12.50 EUR")


def test_what_was_taken_is_named_in_the_bills_currency_or_not_at_all() -> None:
    """Nothing was taken, or nobody knows of what: no amount is made up."""
    assert str(an_offered_visit(taken_minor=1).taken) == "0.01 EUR"
    assert an_offered_visit(taken_minor=0).taken is None
    assert an_offered_visit(taken_minor=5, bill=None).taken is None


def test_the_last_line_of_a_visit_says_what_was_taken() -> None:
    """Of a split bill perhaps less than it asked for; of an unpaid one, what it asked for."""
    for taken_minor, amount in [(400, "4.00 EUR"), (0, "12.50 EUR")]:
        story = Story(an_offered_visit(Step.CLOSING, end=End.LEFT, taken_minor=taken_minor))
        story.tell(spot_looked(status=SpotStatus.OPEN))
        assert story.facts[0].fields["amount"] == amount


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_happens_money_is_taken_once_for_what_was_asked_and_told_once(seed: int) -> None:
    """Any answer to any command, in any order and at any time, of a till that changes its mind.

    No transaction, no part and no bill is told twice; what was taken is the sum of what was told;
    no confirm asks for more than the guest agreed to or for what the till did not say last; what
    was paid or parked is not touched again; and a visit that took money says so in its end.
    """
    wanderer = Wanderer(seed)

    for _ in range(120):
        if not wanderer.goes_on():
            break
