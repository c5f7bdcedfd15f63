"""Which of a table's open bills is the visit's to charge."""

from typing import Any

import pytest

from tests.domain.stations import offered_part
from tests.domain.story import (
    BILL,
    NOON,
    POLICY,
    SALE,
    SPLIT,
    Story,
    a_visit,
    an_offered_visit,
    split_bill,
)
from worker.domain import events
from worker.domain.bill import Bill
from worker.domain.choosing import Answer, Claims, choose, unfree
from worker.domain.ids import VisitId
from worker.domain.money import Money
from worker.domain.part import PartState
from worker.domain.policy import Policy
from worker.domain.visit import Visit

OURS, OTHERS = VisitId(42), VisitId(41)
OLDEST = Policy(serves_oldest_bill=True)
EIGHT, NINE = (Bill(f"bill-{n}", Money(n * 100, "EUR"), "Table 7") for n in (8, 9))


def chosen(
    *bills: Bill, visit: Visit | None = None, policy: Policy = POLICY, **claims: Claims
) -> Answer:
    """The answer for a table that is seen; `b7=` is what is known of bill-7."""
    known = {f"bill-{name[1:]}": claim for name, claim in claims.items()}
    return choose(visit or a_visit(), bills, known, policy)


def charged(holder: VisitId) -> Claims:
    """What is known of a bill that a visit charges."""
    return Claims(holder=holder)


def test_the_only_open_bill_is_the_one() -> None:
    """With or without a name, and none of its parts are anybody's."""
    assert chosen(BILL) == events.BillFound(BILL)
    assert chosen(SALE) == events.BillFound(SALE)
    assert chosen(SPLIT) == events.BillFound(SPLIT, paid_parts=frozenset())


def test_no_open_bill_is_no_bill() -> None:
    """The till may have one in a moment."""
    assert chosen() == events.BillMissing()
    assert unfree([]) == events.BillMissing()


def test_several_open_bills_are_none_unless_the_operator_wants_the_oldest() -> None:
    """A guest must not pay a neighbour's; the reason counts them and names five."""
    assert chosen(EIGHT, NINE) == events.BillUnreadable(
        "the table has 2 open bills: 'bill-8', 'bill-9'"
    )
    assert chosen(EIGHT, NINE, policy=OLDEST) == events.BillFound(EIGHT)
    assert chosen(NINE, EIGHT, policy=OLDEST) == events.BillFound(NINE)
    many = [Bill(f"bill-{n}", BILL.money, "") for n in range(10, 16)]
    answer = chosen(*many)
    assert answer == events.BillUnreadable(
        "the table has 6 open bills: 'bill-10', 'bill-11', 'bill-12', 'bill-13', 'bill-14'"
    )


def test_a_bill_that_another_visit_charges_or_was_paid_for_does_not_count() -> None:
    """Whatever the till says: it may not have heard yet. What is left is chosen among."""
    taken = "bill 'bill-7' belongs to visit v-0041, paid or being paid; a new bill needs a bill_id"

    assert chosen(BILL, b7=charged(OTHERS)) == events.BillUnreadable(f"{taken} of its own")
    assert chosen(BILL, EIGHT, b7=charged(OTHERS)) == events.BillFound(EIGHT)
    assert chosen(BILL, EIGHT, b7=charged(OTHERS), b8=charged(VisitId(40))) == (
        events.BillUnreadable(f"{taken} of its own")
    )
    assert chosen(BILL, b7=charged(OURS)) == events.BillFound(BILL)
    assert chosen(SALE, b7=charged(OTHERS)) == events.BillFound(SALE)


def test_a_long_name_is_cut_to_what_a_line_can_bear() -> None:
    """Eighty signs of one, forty of each of several, quotes and all."""
    long = Bill("x" * 200, BILL.money, "")
    claims = {long.bill_id or "": charged(OTHERS)}

    answer = choose(a_visit(), [long], claims, POLICY)
    several = choose(a_visit(), [long, BILL], {}, POLICY)

    assert answer == events.BillUnreadable(
        f"bill '{'x' * 79} belongs to visit v-0041, "
        "paid or being paid; a new bill needs a bill_id of its own"
    )
    assert several == events.BillUnreadable(f"the table has 2 open bills: '{'x' * 39}, 'bill-7'")


@pytest.mark.parametrize("policy", [POLICY, OLDEST])
def test_the_bill_on_offer_stays_the_one(policy: Policy) -> None:
    """A guest who looks at one bill is not shown another because an older one came up."""
    visit = an_offered_visit()

    assert chosen(EIGHT, BILL, NINE, visit=visit, policy=policy) == events.BillFound(BILL)
    assert chosen(EIGHT, visit=visit, policy=policy) == events.BillFound(EIGHT)


def test_a_bill_on_offer_that_is_gone_leaves_the_others_to_choose_among() -> None:
    """By the same rules as at first."""
    visit = an_offered_visit()

    assert isinstance(chosen(EIGHT, NINE, visit=visit), events.BillUnreadable)
    assert chosen(EIGHT, NINE, visit=visit, policy=OLDEST) == events.BillFound(EIGHT)


# Parts.


def part_payer(*states: PartState, **changes: Any) -> Visit:
    """A visit that deals with the parts of a bill, in these states."""
    parts = tuple(offered_part("abc"[n], state) for n, state in enumerate(states))
    return an_offered_visit(**{"bill": SPLIT, "parts": parts, "at": 0, **changes})


def test_parts_that_other_visits_were_paid_for_are_told_with_the_bill() -> None:
    """Not those of the visit itself, which it knows."""
    known = Claims(paid_parts={"a": OTHERS, "b": OURS})

    assert known.parts_of_others(a_visit()) == {"a"}
    assert Claims().parts_of_others(a_visit()) == frozenset()
    assert chosen(SPLIT, b7=known) == events.BillFound(SPLIT, paid_parts=frozenset({"a"}))


def test_whoever_paid_a_part_of_one_bill_is_not_asked_for_another() -> None:
    """The table's next bill is the next guest's."""
    visit = part_payer(PartState.PAID, PartState.OFFERED)

    assert chosen(EIGHT, visit=visit) == events.BillMissing()
    assert chosen(EIGHT, SPLIT, visit=visit) == events.BillFound(SPLIT)
    assert chosen(SPLIT, visit=visit, b7=charged(OTHERS)) == events.BillUnreadable(
        "bill 'bill-7' belongs to visit v-0041, "
        "paid or being paid; a new bill needs a bill_id of its own"
    )
    unpaid = part_payer(PartState.OFFERED, PartState.RELEASED)
    assert chosen(EIGHT, visit=unpaid) == events.BillFound(EIGHT)


def test_a_bill_that_was_paid_in_parts_is_never_charged_as_a_whole() -> None:
    """Which are left only its till knows: by this visit's payments or by another's."""
    why = "bill 'bill-7' was paid in parts before and no longer says which are left"
    visit = part_payer(PartState.PAID, PartState.OFFERED)
    others = Claims(paid_parts={"a": OTHERS})

    assert chosen(BILL, visit=visit) == events.BillUnreadable(why)
    assert chosen(BILL, b7=others) == events.BillUnreadable(why)
    assert chosen(BILL, b7=Claims(paid_parts={})) == events.BillFound(BILL)
    long = Bill("x" * 200, BILL.money, "")
    answer = choose(a_visit(), [long], {"x" * 200: others}, POLICY)
    assert answer == events.BillUnreadable(why.replace("bill-7'", "x" * 79))


def test_a_bill_whose_parts_are_all_paid_elsewhere_is_nobodys_to_charge() -> None:
    """The answer says so, and the visit that gets it asks for nothing."""
    all_paid = Claims(paid_parts={"a": OTHERS, "b": VisitId(40)})
    answer = chosen(SPLIT, b7=all_paid)
    story = Story(a_visit())

    assert answer == events.BillFound(SPLIT, paid_parts=frozenset({"a", "b"}))
    assert story.tell(answer) is None
    again = Story(a_visit(bill=SPLIT, parts=(offered_part("a", PartState.PAID),), offered_at=NOON))
    left = chosen(split_bill("a", "b"), visit=again.visit, b7=Claims(paid_parts={"b": OTHERS}))
    assert again.tell(left) is None
