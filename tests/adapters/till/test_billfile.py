"""What stands in a file becomes a bill or a reason why not, and nothing else."""

import json

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.till.support import HALL, fields
from worker.adapters.till.billfile import BYTES_MAX, BadFile, OpenBill, parse
from worker.domain.bill import Bill, BillLine
from worker.domain.money import AMOUNT_MINOR_MAX, Money


def read(**changed: object) -> OpenBill | BadFile:
    return parse(json.dumps(fields(**changed)).encode())


def test_a_good_file_is_a_bill() -> None:
    """Every field arrives; line amounts are the lines' totals and add up."""
    lines = [
        {"title": "Soup", "quantity": 2, "amount_minor": 1000},
        {"title": "Wine", "quantity": 1, "amount_minor": 1799},
        {"title": "Regular's discount", "quantity": 1, "amount_minor": -200},
    ]

    found = read(lines=lines, opened_at="2026-11-20T14:00:00+02:00")

    assert isinstance(found, OpenBill)
    assert (found.location_id, found.table, found.bill_id) == (HALL, "table5", "B-1")
    assert (found.amount_minor, found.currency) == (2599, "EUR")
    assert found.bill == Bill(
        "B-1",
        Money(2599, "EUR"),
        "Lunch",
        (
            BillLine("Soup", 2, 1000),
            BillLine("Wine", 1, 1799),
            BillLine("Regular's discount", 1, -200),
        ),
    )


@pytest.mark.parametrize("absent", ["description", "lines"])
def test_description_and_lines_may_be_left_out(absent: str) -> None:
    """The rest is required."""
    content = fields()
    content.pop(absent, None)

    assert isinstance(parse(json.dumps(content).encode()), OpenBill)


@pytest.mark.parametrize("absent", ["bill_id", "spot", "location_id", "currency", "amount_minor"])
def test_a_missing_field_is_named(absent: str) -> None:
    """The reason tells the shop what to mend."""
    content = fields()
    del content[absent]
    found = parse(json.dumps(content).encode())

    assert isinstance(found, BadFile)
    assert absent in found.why


@pytest.mark.parametrize(
    "changed",
    [
        {"amount_minor": 25.99},
        {"amount_minor": 2599.0},
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"amount_minor": AMOUNT_MINOR_MAX + 1},
        {"amount_minor": "2599"},
        {"amount_minor": True},
        {"amount_minor": None},
        {"amount_minor": [2599]},
        {"currency": "JPY"},
        {"currency": "XAU"},
        {"currency": "eur"},
        {"currency": "ZZZ"},
        {"currency": 978},
        {"bill_id": ""},
        {"bill_id": "x" * 129},
        {"bill_id": 7},
        {"bill_id": "\ud800"},
        {"description": ["x"]},
        {"description": 5},
        {"lines": {}},
        {"lines": [{"title": "Soup", "quantity": 1, "amount_minor": 2598}]},
        {"lines": [{"title": "Soup", "quantity": 0.5, "amount_minor": 2599}]},
        {"lines": [{"title": "Soup", "quantity": 0, "amount_minor": 2599}]},
        {"lines": [{"title": "Soup", "quantity": 1, "amount_minor": 2599.0}]},
        {"lines": ["Soup"]},
    ],
)
def test_a_bad_figure_is_no_bill_but_still_says_whose_it_is(changed: dict[str, object]) -> None:
    """Only its own table is troubled (F73, F75)."""
    found = read(**changed)

    assert isinstance(found, BadFile)
    assert found.is_of(9975, "table5")
    assert not found.may_be_of(9975, "table6")
    assert not found.may_be_of(9976, "table5")


@pytest.mark.parametrize(
    ("changed", "location_id", "table"),
    [
        ({"spot": 5}, 9975, None),
        ({"spot": ""}, 9975, None),
        ({"location_id": "9975"}, None, "table5"),
        ({"location_id": 9975.0}, None, "table5"),
        ({"location_id": True}, None, "table5"),
    ],
)
def test_a_table_that_can_not_be_read_may_be_any(
    changed: dict[str, object], location_id: int | None, table: str | None
) -> None:
    """What can be read still narrows it down."""
    found = read(**changed)

    assert isinstance(found, BadFile)
    assert (found.location_id, found.table) == (location_id, table)
    assert found.may_be_of(9975, "table5")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"{",
        b'{"bill_id": "B-1", "amount_min',
        b"[]",
        b"null",
        b"\xff\xfe",
        b"\x00" * 50,
        b"<html></html>",
        b'{"amount_minor": NaN}',
        b'{"amount_minor": Infinity}',
        b'{"amount_minor": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        json.dumps(fields()).encode("utf-16"),
        b'{"amount_minor": 1, "amount_minor": 2}',
        json.dumps(fields(pad="x" * BYTES_MAX)).encode(),
    ],
)
def test_what_is_no_object_says_nothing(content: bytes) -> None:
    """Half a file, another encoding, a bomb: a reason, and no table."""
    found = parse(content)

    assert isinstance(found, BadFile)
    assert (found.location_id, found.table, found.bill_id) == (None, None, None)


def test_a_byte_order_mark_is_no_fault() -> None:
    """Some shops' software begins every file with one."""
    assert isinstance(parse(b"\xef\xbb\xbf" + json.dumps(fields()).encode()), OpenBill)


def test_fields_of_the_shops_own_are_left_alone() -> None:
    """A waiter's name in the file is nobody's trouble."""
    assert isinstance(read(waiter="Ona", tip=1.5), OpenBill)


def test_text_that_does_not_print_becomes_spaces() -> None:
    """The guest's screen and the log are no place for control characters."""
    found = read(description="Lunch\n\x1b[31m" + "x" * 500)

    assert isinstance(found, OpenBill)
    assert found.bill is not None
    assert found.bill.description.startswith("Lunch  [31mxx")
    assert len(found.bill.description) == 240


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(st.binary(max_size=300))
def test_no_bytes_make_the_reading_fail(content: bytes) -> None:
    """Bytes from anywhere are a reason, never an exception."""
    assert isinstance(parse(content), BadFile | OpenBill)


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(st.sampled_from(sorted(fields())), anything)
def test_whatever_stands_in_a_field_only_a_whole_number_is_money(name: str, value: object) -> None:
    """One field is anything that JSON can say; a bill that comes of it is exact (F75)."""
    found = read(**{name: value})

    if isinstance(found, OpenBill):
        assert found.bill is not None
        assert type(found.bill.money.amount_minor) is int
        assert found.bill.money.amount_minor == (value if name == "amount_minor" else 2599)
        assert 1 <= len(found.bill_id) <= 128


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_never_money(value: float) -> None:
    """Not even 2599.0: where one float is, another will not be whole (F75)."""
    assert isinstance(read(amount_minor=value), BadFile)


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(st.lists(st.integers(-5000, 5000), max_size=6), st.integers(1, 5000))
def test_lines_that_do_not_add_up_are_never_a_bill(amounts: list[int], total: int) -> None:
    """A bill that contradicts itself is charged to nobody (F73)."""
    lines = [{"title": "x", "quantity": 1, "amount_minor": amount} for amount in amounts]
    found = read(lines=lines, amount_minor=total)

    assert isinstance(found, OpenBill) == (not lines or sum(amounts) == total)
