"""A document becomes a bill, nothing owed, or a reason why not, and nothing else."""

from decimal import Decimal
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.till.document import UnusableBill, bill_from, opened_at
from worker.domain.bill import AtHoldEnd, Bill, BillLine, BillPart, Hold, LineKind
from worker.domain.money import AMOUNT_MINOR_MAX, Money


def document(**changed: object) -> dict[str, Any]:
    """A good bill, changed."""
    good = {"bill_id": "B-1", "currency": "EUR", "amount_minor": 2599, "description": "Lunch"}
    return good | changed


def refused(**changed: object) -> str:
    """Give the reason why a changed bill is none."""
    return refusal(document(**changed), needs_id=True)


def refusal(content: dict[str, Any], *, needs_id: bool) -> str:
    """Give the reason why a document is no bill, in one printable line."""
    with pytest.raises(UnusableBill) as caught:
        bill_from(content, needs_id=needs_id)
    assert str(caught.value).isprintable()
    return str(caught.value)


def line(amount: int, **changed: object) -> dict[str, Any]:
    return {"title": "Soup", "quantity": 1, "amount_minor": amount} | changed


def part(part_id: str, amount: int, **changed: object) -> dict[str, Any]:
    return {"part_id": part_id, "amount_minor": amount} | changed


def on_hold(**changed: object) -> dict[str, Any]:
    return document(final=False, ceiling_minor=5000) | changed


def test_a_plain_bill() -> None:
    """The least that a shop must say."""
    assert bill_from({"bill_id": "B-1", "currency": "EUR", "amount_minor": 1}) == Bill(
        "B-1", Money(1, "EUR"), ""
    )


def test_tips_and_service_are_kept_apart() -> None:
    """Every kind of line counts for the total, and can be told from the rest."""
    lines = [line(2000), line(-100, kind="item"), line(399, kind="service"), line(300, kind="tip")]

    bill = bill_from(document(lines=lines))

    assert bill is not None
    assert bill.lines[0] == BillLine("Soup", 1, 2000, LineKind.ITEM)
    assert [bill.minor_of(kind) for kind in LineKind] == [1900, 399, 300]


def test_a_bill_in_parts() -> None:
    """Each part has a name and an amount; together they are the bill."""
    parts = [part("a", 2000, description="Ona"), part("b", 599, currency="EUR")]

    bill = bill_from(document(parts=parts))

    assert bill is not None
    assert bill.parts == (
        BillPart("a", Money(2000, "EUR"), "Ona"),
        BillPart("b", Money(599, "EUR"), ""),
    )


def test_a_bill_on_hold_asks_for_its_ceiling() -> None:
    """What is known so far may be nothing; an hour and release are meant if nothing is said."""
    assert bill_from(on_hold()) == Bill("B-1", Money(5000, "EUR"), "Lunch", hold=Hold(2599, 3600))
    bill = bill_from(on_hold(amount_minor=0, hold_s=60, at_hold_end="confirm"))
    assert bill is not None
    assert bill.hold == Hold(0, 60, AtHoldEnd.CONFIRM)
    lines = [line(2000), line(599)]
    known = bill_from(on_hold(lines=lines))
    assert known is not None
    assert len(known.lines) == 2


def test_a_hold_that_came_to_nothing_is_no_bill() -> None:
    """Only a bill that was on hold can say so: elsewhere a zero is a mistake."""
    assert bill_from(document(amount_minor=0, ceiling_minor=5000)) is None
    assert bill_from(document(amount_minor=0, ceiling_minor=5000, final=True)) is None
    assert "amount_minor" in refused(amount_minor=0)


def test_a_hold_that_ended_is_a_plain_bill() -> None:
    """It may keep what it said before."""
    bill = bill_from(on_hold(final=True, hold_s="whatever", at_hold_end=7))

    assert bill == Bill("B-1", Money(2599, "EUR"), "Lunch")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"bill_id": None}, "bill_id"),
        ({"bill_id": ""}, "bill_id"),
        ({"bill_id": "x" * 129}, "bill_id"),
        ({"bill_id": 1041}, "bill_id"),
        ({"bill_id": "\ud800"}, "bill_id"),
        ({"currency": None}, "currency"),
        ({"currency": "JPY"}, "currency"),
        ({"currency": "eur"}, "currency"),
        ({"currency": ["EUR"]}, "currency"),
        ({"amount_minor": None}, "amount_minor"),
        ({"amount_minor": 25.99}, "amount_minor"),
        ({"amount_minor": 2599.0}, "amount_minor"),
        ({"amount_minor": Decimal(2599)}, "amount_minor"),
        ({"amount_minor": "2599"}, "amount_minor"),
        ({"amount_minor": True}, "amount_minor"),
        ({"amount_minor": -1}, "amount_minor"),
        ({"amount_minor": AMOUNT_MINOR_MAX + 1}, "amount_minor"),
        ({"description": 7}, "description"),
        ({"description": "x" * 10_001}, "description"),
        ({"lines": {}}, "lines"),
        ({"lines": [line(2598)]}, "add up to 2598, not to amount_minor 2599"),
        ({"lines": [line(2599)] * 1001}, "lines is not a list of at most"),
        ({"lines": [line(2599, title="")]}, "line 1"),
        ({"lines": [line(2599, quantity=0)]}, "line 1"),
        ({"lines": [line(2599), 5]}, "line 2"),
        ({"lines": [line(2599, kind="gift")]}, "the kind of line 1"),
        ({"lines": [line(2599, currency="USD")]}, "line 1 is not in the bill's currency"),
        ({"lines": [line(2599, currency=["EUR"])]}, "line 1 is not in the bill's currency"),
        ({"parts": [part("a", 2000), part("a", 599)]}, "same part_id"),
        ({"parts": [part("a", 2000), part("b", 600)]}, "add up to 2600"),
        ({"parts": [part("a", 2599), part("b", 0)]}, "part 2"),
        ({"parts": [part("a", 2000), part("", 599)]}, "part 2"),
        ({"parts": [part("a", 2000), part("x" * 65, 599)]}, "part 2"),
        ({"parts": [part("a", 2000), part("b", 599, currency="USD")]}, "part 2"),
        ({"parts": [part("a", 2000), part("b", 599, description=5)]}, "part 2: description"),
        ({"parts": [part(f"{n}", 1) for n in range(51)]}, "parts is not a list of at most"),
        ({"final": 0}, "final"),
        ({"final": "false"}, "final"),
        ({"final": None}, "final"),
        ({"final": False}, "no ceiling_minor"),
        ({"final": False, "ceiling_minor": 2598}, "above ceiling_minor"),
        ({"final": False, "ceiling_minor": 0}, "ceiling_minor"),
        ({"final": False, "ceiling_minor": 5000.0}, "ceiling_minor"),
        ({"final": False, "ceiling_minor": AMOUNT_MINOR_MAX + 1}, "ceiling_minor"),
        ({"ceiling_minor": "5000"}, "ceiling_minor"),
        ({"final": False, "ceiling_minor": 5000, "hold_s": 59}, "hold_s"),
        ({"final": False, "ceiling_minor": 5000, "hold_s": 2_592_001}, "hold_s"),
        ({"final": False, "ceiling_minor": 5000, "hold_s": 3600.0}, "hold_s"),
        ({"final": False, "ceiling_minor": 5000, "at_hold_end": "keep"}, "at_hold_end"),
        ({"final": False, "ceiling_minor": 5000, "at_hold_end": []}, "at_hold_end"),
        ({"final": False, "ceiling_minor": 5000, "lines": [line(5000)]}, "add up to 5000"),
        (
            {"final": False, "ceiling_minor": 5000, "parts": [part("a", 2000), part("b", 599)]},
            "on hold can not be in parts",
        ),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, object], why: str) -> None:
    """A bill that is wrong anywhere is charged to nobody; the reason names the field (F73, F75)."""
    assert why in refused(**changed)


def test_only_a_price_list_does_without_a_bill_id() -> None:
    """And only for a bill that is paid at once and as a whole."""
    plain = document()
    del plain["bill_id"]

    bill = bill_from(plain, needs_id=False)

    assert bill is not None
    assert bill.bill_id is None
    assert "bill_id" in refusal(document(bill_id=7), needs_id=False)
    why = refusal(on_hold(bill_id=None), needs_id=False)
    assert "neither be in parts nor on hold" in why


def test_what_a_shop_says_besides_is_left_alone() -> None:
    """A waiter's name is nobody's trouble, nor is a table that is not ours to judge here."""
    assert bill_from(document(waiter="Ona", spot=5, location_id=None, tip=1.5)) is not None


def test_a_description_is_one_printable_line_with_room_for_a_code() -> None:
    """At most 240 characters; whatever does not print becomes a space."""
    bill = bill_from(document(description='Lunch "für\t2"\n\x1b[31m\u202e🍜' + "x" * 999))

    assert bill is not None
    assert bill.description.startswith('Lunch "für 2"  [31m 🍜xx')
    assert bill.description.isprintable()
    assert len(bill.description) == 240


def test_when_a_bill_was_opened_is_read_with_its_zone() -> None:
    """Two notations of one instant are the same; without a zone it says nothing."""
    assert opened_at({"opened_at": "2026-11-20T12:00:00Z"}) == opened_at(
        {"opened_at": "2026-11-20T14:00:00.000+02:00"}
    )
    for text in ("2026-11-20T12:00:00", "noon", "", 5, None, "0001-01-01T00:00:00+23:59"):
        assert opened_at({"opened_at": text}) is None


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from(
    [
        *("bill_id", "currency", "amount_minor", "description", "lines", "parts", "final"),
        *("ceiling_minor", "hold_s", "at_hold_end", "opened_at"),
    ]
)


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(st.dictionaries(names, anything, max_size=4))
def test_whatever_stands_in_the_fields_a_bill_is_exact(changed: dict[str, object]) -> None:
    """Either a reason, or a bill of whole figures that stood there (F75)."""
    given_document = document(**changed)
    try:
        bill = bill_from(given_document)
    except UnusableBill:
        return
    if bill is None:
        assert given_document["amount_minor"] == 0
        return
    known = bill.hold.known_minor if bill.hold else bill.money.amount_minor
    assert type(known) is int
    assert known == given_document["amount_minor"]


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(st.lists(st.integers(1, 5000), min_size=2, max_size=6), st.integers(-2, 2))
def test_parts_are_taken_exactly_when_they_add_up(amounts: list[int], off: int) -> None:
    """One cent off, and nobody can tell who owes it."""
    parts = [part(f"p{number}", amount) for number, amount in enumerate(amounts)]
    total = sum(amounts) + off
    hypothesis.assume(total > 0)
    try:
        bill = bill_from(document(amount_minor=total, parts=parts))
    except UnusableBill:
        assert off != 0
        return
    assert bill is not None
    assert off == 0
    assert [one.money.amount_minor for one in bill.parts] == amounts


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(st.integers(-2, 10_000), st.integers(-2, 10_000))
def test_what_is_known_is_never_above_the_ceiling(known: int, ceiling: int) -> None:
    """The guest agreed to the ceiling and to nothing more."""
    try:
        bill = bill_from(on_hold(amount_minor=known, ceiling_minor=ceiling))
    except UnusableBill:
        assert known < 0 or ceiling < 1 or known > ceiling
        return
    assert bill is not None
    assert bill.hold is not None
    assert 0 <= bill.hold.known_minor == known <= bill.money.amount_minor == ceiling
