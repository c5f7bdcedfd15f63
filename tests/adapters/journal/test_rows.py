"""A visit survives being a row, whatever is in it."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.journal.rows import UnreadableRow, at_text, visit_from_text, visit_text
from worker.domain.bill import AtHoldEnd, Bill, BillLine, BillPart, Hold, LineKind
from worker.domain.money import AMOUNT_MINOR_MAX, Money
from worker.domain.part import Part, PartState
from worker.domain.visit import End, Step, Visit

from .builders import NOON, a_visit

# Everything that Python can hold as text, half letters and control characters too.
TEXTS = st.text(st.characters(), max_size=12)
MOMENTS = st.integers(0, 4_102_444_800_000_000).map(
    lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
)
COUNTS = st.integers(0, 2**40)
CURRENCIES = st.from_regex(r"[A-Z]{3}", fullmatch=True)
MINORS = st.integers(1, AMOUNT_MINOR_MAX)
LINES = st.builds(BillLine, TEXTS, COUNTS, COUNTS, st.sampled_from(LineKind))
HOLDS = st.builds(Hold, COUNTS, COUNTS, st.sampled_from(AtHoldEnd))
PARTS = st.builds(
    Part,
    part_id=TEXTS,
    money=st.builds(Money, MINORS, CURRENCIES),
    description=TEXTS,
    state=st.sampled_from(PartState),
    number=COUNTS,
    key=st.none() | TEXTS,
    reserved_at=st.none() | MOMENTS,
)


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    """A bill, all of which is in one currency."""
    currency = draw(CURRENCIES)
    money = st.builds(Money, MINORS, st.just(currency))
    return Bill(
        bill_id=draw(st.none() | TEXTS),
        money=draw(money),
        description=draw(TEXTS),
        lines=tuple(draw(st.lists(LINES, max_size=3))),
        parts=tuple(draw(st.lists(st.builds(BillPart, TEXTS, money, TEXTS), max_size=3))),
        hold=draw(st.none() | HOLDS),
    )


BILLS = bills()
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "visit_id": st.integers(1, 2**40),
    "step": st.sampled_from(Step),
    "end": st.none() | st.sampled_from(End),
    "bill": st.none() | BILLS,
    "transaction_key": st.none() | TEXTS,
    "parts": st.lists(PARTS, max_size=3).map(tuple),
    "former_keys": st.lists(TEXTS, max_size=3).map(tuple),
    "opened_at": MOMENTS,
    "since": MOMENTS,
}


def strategy_of(name: str, kind: object) -> st.SearchStrategy[Any]:
    """Choose values for a field; a new kind of field fails here until somebody thinks of it."""
    if name in BY_TYPE:
        return BY_TYPE[name]
    simple = {
        "str": TEXTS,
        "int": COUNTS,
        "bool": st.booleans(),
        "LocationId": COUNTS,
        "SpotId": TEXTS,
        "datetime | None": st.none() | MOMENTS,
        "int | None": st.none() | COUNTS,
        "str | None": st.none() | TEXTS,
    }
    return simple[kind if isinstance(kind, str) else str(getattr(kind, "__name__", kind))]


def plain(kind: object) -> str:
    return str(kind).replace("datetime.datetime", "datetime") if "|" in str(kind) else str(kind)


VISITS = st.builds(
    Visit,
    **{
        field.name: strategy_of(
            field.name, plain(field.type) if "|" in str(field.type) else field.type
        )
        for field in fields(Visit)
    },
)


@given(VISITS)
def test_a_visit_reads_back_exactly(visit: Visit) -> None:
    """Not a microsecond and not a letter is lost."""
    text = visit_text(visit)

    assert visit_from_text(text) == visit
    assert text.isascii()
    assert "\n" not in text


def test_a_field_at_its_default_is_not_written() -> None:
    """A field that a later version adds reads as its default from the rows before it (F40)."""
    text = visit_text(a_visit())

    assert "former_keys" not in text
    assert visit_from_text(text) == a_visit()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        visit_text(a_visit()).replace('"step":"seen"', '"step":"flying"'),
        visit_text(a_visit()).replace("{", '{"tip":1,', 1),
    ],
)
def test_a_row_of_another_version_is_not_guessed_at(text: str) -> None:
    """What this version does not know, it does not half read (F40)."""
    with pytest.raises(UnreadableRow):
        visit_from_text(text)


def test_instants_are_utc_text_that_sorts_as_time_does() -> None:
    """The text of an instant does not depend on where it was taken."""
    vilnius = timezone(timedelta(hours=2))

    assert at_text(NOON) == "2026-11-20T12:00:00.000000+00:00"
    assert at_text(NOON.astimezone(vilnius)) == at_text(NOON)
    with pytest.raises(ValueError, match="without a time zone"):
        at_text(NOON.replace(tzinfo=None))
