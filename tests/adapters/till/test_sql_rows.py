"""Rows become bills exactly or not at all."""

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.till.connector import Document
from worker.adapters.till.sql import rows
from worker.adapters.till.sql.rows import READERS, UnusableRows

PLAIN = ("bill_id", "amount_minor", "currency")
LINED = (*PLAIN, "line_title", "line_quantity", "line_amount_minor", "line_kind")


def read(columns: Sequence[str], *found: Sequence[object]) -> list[Document]:
    return rows.documents(columns, found, 9975, "table5")


def refused(columns: Sequence[str], *found: Sequence[object]) -> str:
    with pytest.raises(UnusableRows) as caught:
        read(columns, *found)
    assert str(caught.value).isprintable()
    return str(caught.value)


def with_one(name: str, value: object) -> tuple[tuple[str, ...], tuple[object, ...]]:
    """A good row with one column more, or with another value in it."""
    fields: dict[str, object] = {"bill_id": "B-1", "amount_minor": 2599, "currency": "EUR"}
    if name == "amount":
        del fields["amount_minor"]
    fields[name] = value
    return tuple(fields), tuple(fields.values())


def test_no_rows_are_no_bills() -> None:
    """A spot that owes nothing; the columns are looked at all the same."""
    assert read(PLAIN) == []
    assert "no column currency" in refused(("bill_id", "amount_minor"))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (("amount_minor", "currency"), "no column bill_id; its columns are: amount_minor, cur"),
        (("bill_id", "currency"), "no column amount_minor (or amount)"),
        (("?column?",), '"?column?" that is not known: select only'),
        ((*PLAIN, "discription"), "did you mean description?"),
        ((*PLAIN, "currency"), "the column currency twice"),
        ((*PLAIN, "CURRENCY"), "the column currency twice"),
        ((*PLAIN, "amount"), "both amount_minor and amount"),
        ((*LINED, "line_amount"), "both line_amount_minor and line_amount"),
        ((*PLAIN, "line_title"), "no column line_quantity, line_amount_minor (or"),
        ((*PLAIN, "line_kind"), "no column line_title"),
        ((*LINED, "lines"), "both lines and line_title"),
        ((), "no column bill_id"),
    ],
)
def test_columns_that_can_not_make_a_bill_are_named(columns: Sequence[str], why: str) -> None:
    """Missing, unknown, there twice, or two ways at once."""
    assert why in refused(columns)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("bill_id", 17, "17"),
        ("bill_id", uuid.UUID(int=17), "00000000-0000-0000-0000-000000000011"),
        ("amount_minor", Decimal("2599.0000"), 2599),
        ("amount", Decimal("25.99"), 2599),
        ("amount", Decimal("25.9900000000000000"), 2599),
        ("amount", Decimal("1E+2"), 10000),
        ("amount", Decimal("-0.01"), -1),
        ("final", 0, False),
        ("final", True, True),
        ("hold_s", Decimal(600), 600),
        ("opened_at", "2026-11-20 12:00:00", "2026-11-20T12:00:00+00:00"),
        ("opened_at", datetime.fromisoformat("2026-11-20 12:00"), "2026-11-20T12:00:00+00:00"),
        (
            "opened_at",
            datetime(2026, 11, 20, 14, 0, tzinfo=timezone(timedelta(hours=2))),
            "2026-11-20T12:00:00+00:00",
        ),
        ("lines", '[{"title": "a"}]', [{"title": "a"}]),
        ("parts", "[]", []),
    ],
)
def test_a_value_is_taken_as_what_it_exactly_is(name: str, value: object, kept: object) -> None:
    """Numbers in any type that holds them exactly; instants in UTC; JSON as its text."""
    columns, row = with_one(name, value)

    (document,) = read(columns, row)

    key = "amount_minor" if name == "amount" else name
    assert document[key] == kept
    assert type(document[key]) is type(kept)
    assert "amount" not in document


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("bill_id", None, "bill_id: it is NULL, not text"),
        ("bill_id", b"B-1", "it is binary"),
        ("bill_id", 1.0, "binary fraction"),
        ("bill_id", True, "it is bool True"),
        ("currency", None, 'currency of bill "B-1": it is NULL'),
        ("currency", 978, "it is int 978, not text"),
        ("amount_minor", None, "it is NULL, not a whole number"),
        ("amount_minor", "2599", 'the text "2599", not a whole number'),
        ("amount_minor", 2599.0, "the binary fraction (REAL, FLOAT) 2599.0"),
        ("amount_minor", True, "bool True"),
        ("amount_minor", Decimal("2599.5"), "2599.5, not a whole number"),
        ("amount_minor", Decimal("1E+1000000"), "1e+1000000"),
        ("amount_minor", 2**65, "more than 64 bits"),
        ("bill_id", 2**65, "more than 64 bits"),
        ("amount_minor", b"\x00", "binary"),
        ("amount", 25, "int 25, not a NUMERIC or DECIMAL"),
        ("amount", "25.99", "not a NUMERIC or DECIMAL"),
        ("amount", 25.99, "binary fraction (REAL, FLOAT) 25.99"),
        ("amount", Decimal("25.999"), "25.999, which has more than two decimals"),
        ("amount", Decimal("NaN"), "NaN, which is not an amount"),
        ("amount", Decimal("sNaN"), "NaN, which is not an amount"),
        ("amount", Decimal("-Infinity"), "-Infinity, which is not an amount"),
        ("amount", Decimal("0." + "1" * 300), "which is not an amount"),
        ("amount", Decimal("1E-1000000"), "which is not an amount"),
        ("final", 2, "not true or false"),
        ("final", "true", "not true or false"),
        ("opened_at", "noon", "not an instant as ISO 8601 has it"),
        ("opened_at", date(2026, 11, 20), "not a timestamp"),
        ("opened_at", datetime.min.replace(tzinfo=timezone(timedelta(hours=2))), "beyond any"),
        ("hold_s", 1.5, "binary fraction"),
        ("description", 5, "not text"),
        ("lines", "[{]", "which is not JSON"),
        ("lines", '[{"a": 1, "a": 2}]', "which is not JSON"),
        ("lines", "[NaN]", "which is not JSON"),
        ("lines", "[" * 100_000, "which is not JSON"),
        ("lines", "{}", "JSON but no list"),
        ("lines", [{}], "not JSON text"),
        ("parts", "[" + " " * 2_000_000 + "]", "longer than"),
    ],
)
def test_a_value_of_the_wrong_kind_spoils_the_answer(name: str, value: object, why: str) -> None:
    """The column is named, and what was there; nothing is rounded, cut or read out of text."""
    columns, row = with_one(name, value)

    report = refused(columns, row)

    assert f"column {name}" in report
    assert why in report


def test_rows_of_one_bill_are_gathered_into_its_lines() -> None:
    """In the order of the rows, wherever they stand; a bill without lines has NULLs there."""
    found = read(
        LINED,
        ("B-1", 300, "EUR", "Soup", 1, 100, "item"),
        ("B-2", 500, "EUR", None, None, None, None),
        ("B-1", 300, "EUR", "Tea", Decimal(2), 200, None),
    )

    assert found == [
        {
            "bill_id": "B-1",
            "amount_minor": 300,
            "currency": "EUR",
            "lines": [
                {"title": "Soup", "quantity": 1, "amount_minor": 100, "kind": "item"},
                {"title": "Tea", "quantity": 2, "amount_minor": 200},
            ],
        },
        {"bill_id": "B-2", "amount_minor": 500, "currency": "EUR"},
    ]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (("B-1", 301, "EUR", "Tea", 1, 200, None), "agree on amount_minor: one has int 300"),
        (("B-1", 300, "USD", "Tea", 1, 200, None), "do not agree on currency"),
        (("B-1", 300, "EUR", None, 1, 200, None), "column line_title"),
        (("B-1", 300, "EUR", "Tea", Decimal("0.5"), 200, None), "column line_quantity"),
        (("B-1", 300, "EUR", None, None, None, "tip"), "column line_title"),
    ],
)
def test_rows_that_do_not_agree_are_no_bill(other: Sequence[object], why: str) -> None:
    """Which of them is right can not be known."""
    assert why in refused(LINED, ("B-1", 300, "EUR", "Soup", 1, 100, "item"), other)


def test_lines_may_be_decimals_as_well() -> None:
    """Of a line as of a bill, exactly."""
    columns = ("bill_id", "amount", "currency", "line_title", "line_quantity", "line_amount")
    row = ("B-1", Decimal("3.00"), "EUR", "Soup", 1, Decimal("3.00"))

    (bill,) = read(columns, row)

    assert bill["lines"] == [{"title": "Soup", "quantity": 1, "amount_minor": 300}]
    assert "column line_amount" in refused(columns, (*row[:-1], 3.0))


def test_one_bill_in_two_rows_without_lines_is_refused() -> None:
    """A join too many would else go unnoticed."""
    assert 'bill "B-1" in two rows' in refused(PLAIN, ("B-1", 1, "EUR"), ("B-1", 1, "EUR"))


def test_when_a_bill_was_opened_is_said_by_all_or_by_none() -> None:
    """The guard orders by it; half of a column is a mistake in the statement."""
    columns = (*PLAIN, "opened_at")
    new, old = ("B-1", 1, "EUR", "2026-11-20 12:00:00.5"), ("B-2", 1, "EUR", "2026-11-20 12:00:00")

    assert [bill["opened_at"] for bill in read(columns, new, old)] == [
        "2026-11-20T12:00:00.500000+00:00",
        "2026-11-20T12:00:00+00:00",
    ]
    assert [bill["bill_id"] for bill in read(PLAIN, new[:3], old[:3])] == ["B-1", "B-2"]
    assert "NULL for others" in refused(columns, new, ("B-2", 1, "EUR", None))


def test_another_spots_bill_is_refused_where_the_row_says_whose_it_is() -> None:
    """Some databases take TABLE5, table5 and táble5 for the same."""
    columns = (*PLAIN, "location_id", "spot")

    assert read(columns, ("B-1", 1, "EUR", 9975, "table5")) == [
        {"bill_id": "B-1", "amount_minor": 1, "currency": "EUR"}
    ]
    assert "compare it exactly" in refused(columns, ("B-1", 1, "EUR", 9975, "TABLE5"))
    assert "compare it exactly" in refused(columns, ("B-1", 1, "EUR", 9976, "table5"))


def test_too_many_rows_are_refused() -> None:
    """A statement without a WHERE is a mistake, not a feast."""
    many = [(f"B-{number}", 1, "EUR") for number in range(rows.ROWS_MAX + 1)]

    assert "more than 2000 rows" in refused(PLAIN, *many)
    assert len(read(PLAIN, *many[1:])) == rows.ROWS_MAX


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(),
    st.binary(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
    st.sampled_from(["B-1", "EUR", 1, 2599, Decimal("25.99"), "[]", '[{"a": 1.5}]', "table5"]),
)


@hypothesis.settings(deadline=None, max_examples=1000)
@given(st.data())
def test_whatever_comes_the_answer_is_bills_in_plain_values_or_a_reason(
    data: st.DataObject,
) -> None:
    """No other error, and no amount that is not a whole number."""
    columns = data.draw(st.lists(st.sampled_from([*READERS, *PLAIN, *PLAIN, "other"]), max_size=12))
    if data.draw(st.booleans()):
        columns = [*dict.fromkeys([*PLAIN, *columns])]
    found = data.draw(st.lists(st.tuples(*[anything] * len(columns)), max_size=4))
    documents, reason = [], ""
    try:
        documents = read(columns, *found)
    except UnusableRows as error:
        reason = str(error)
    assert reason.isprintable()
    assert len(reason) < 1000
    for document in documents:
        assert type(document["amount_minor"]) is int
        assert isinstance(document["bill_id"], str)
        assert isinstance(document["currency"], str)
