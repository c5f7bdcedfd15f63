"""Which spots a list names: ranges, padding, and everything that is refused."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.verbs.cards import spots

SAFE = r"[A-Za-z0-9._-]{1,64}"
PREFIXES = st.from_regex(r"\A([A-Za-z0-9._-]{0,20}[A-Za-z._-])?\Z").filter(lambda x: ".." not in x)


@given(PREFIXES, st.integers(0, 10**9), st.integers(0, 499))
def test_a_range_names_every_number_once_and_in_order(prefix: str, low: int, more: int) -> None:
    """Both ends belong to it."""
    named = spots.spots_named(f"{prefix}{low}..{prefix}{low + more}")

    assert named == [f"{prefix}{number}" for number in range(low, low + more + 1)]


@given(PREFIXES, st.integers(2, 6), st.integers(0, 9), st.integers(0, 300))
def test_zeros_that_were_typed_are_kept(prefix: str, width: int, low: int, more: int) -> None:
    """table01..table24 is table01, table02 and so on: the width is that of the first."""
    first, last = (f"{prefix}{number:0{width}}" for number in (low, low + more))

    named = spots.spots_named(f"{first}..{last}")

    assert named == [f"{prefix}{number:0{width}}" for number in range(low, low + more + 1)]


@given(PREFIXES, st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_range_that_runs_backwards_is_refused(prefix: str, low: int, more: int) -> None:
    with pytest.raises(spots.SpotsError, match=r"Write a range from its lowest|Pad both"):
        spots.spots_named(f"{prefix}{low + more}..{prefix}{low}")


@given(st.integers(0, 10**60), st.integers(500, 10**60))
def test_a_range_of_more_than_five_hundred_is_refused_at_once(low: int, more: int) -> None:
    """However many it would name, nothing is counted out."""
    with pytest.raises(spots.SpotsError, match="at most 500 spots"):
        spots.spots_named(f"t{low}..t{low + more}")


@example("\U00010000" * 20)
@given(st.text(st.sampled_from("table01,. -_:é*9\x1b\n") | st.characters(), max_size=80))
def test_whatever_is_typed_gives_safe_names_or_one_sentence(text: str) -> None:
    """Every name that comes out is safe, there once, and not another one in capitals."""
    named, advice = ["there-was-none"], "Name nothing"
    try:
        named = spots.spots_named(text)
    except spots.SpotsError as exc:
        advice = str(exc)

    assert advice.isprintable()
    assert len(advice) < 300
    assert 1 <= len(named) <= 500
    assert all(re.fullmatch(SAFE, spot, re.ASCII) for spot in named)
    assert len({spot.lower() for spot in named}) == len(named)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("bar", ["bar"]),
        ("Bar, terrace1..terrace2", ["Bar", "terrace1", "terrace2"]),
        ("table9..table11", ["table9", "table10", "table11"]),
        ("table99..table101", ["table99", "table100", "table101"]),
        ("T01..T03,T1", ["T01", "T02", "T03", "T1"]),
        ("7..9", ["7", "8", "9"]),
        ("a.1..a.2", ["a.1", "a.2"]),
        ("table5..table5", ["table5"]),
    ],
)
def test_lists_as_people_write_them(text: str, named: list[str]) -> None:
    """Spaces around a comma mean nothing; case and order stay as typed."""
    assert spots.spots_named(text) == named


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "one is empty"),
        ("table1,,table2", "one is empty"),
        ("..table4", "one is empty"),
        ("table 1", "Use 1 to 64 letters"),
        ("table:1", "Use 1 to 64 letters"),
        ("stalas-ė", "Use 1 to 64 letters"),
        ("table٣", "Use 1 to 64 letters"),
        ("table1\n", None),
        ("x" * 65, "Use at most 64 characters"),
        ("bar,bar", "bar is there twice"),
        ("table1..table9,table5", "table5 is there twice"),
        ("Bar,bar", "apart by more than capital letters"),
        ("table1..24", "the same beginning"),
        ("table1..desk4", "the same beginning"),
        ("table1..Table4", "the same beginning"),
        ("bar..terrace", "End both sides of a range with a number"),
        ("table1..table04", "Pad both numbers"),
        ("table001..table04", "Pad both numbers"),
        ("a1..a300,b1..b300", "at most 500 spots"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_to_type(text: str, advice: str | None) -> None:
    """A card with a wrong code stands on a table for a year; better none."""
    if advice is None:
        assert spots.spots_named(text) == [text.strip()]
        return
    with pytest.raises(spots.SpotsError, match=re.escape(advice)):
        spots.spots_named(text)


def test_the_code_and_the_link_are_the_vendors() -> None:
    """Accept payments via QR codes, step 2; the link carries the code percent-encoded."""
    code = spots.code_of(9975, "table1")

    assert code == "PAYSERA*9975:table1"
    assert spots.link_of(code) == "https://paysera.com/app?qr=PAYSERA*9975%3Atable1"


def test_a_card_can_call_its_spot_in_the_guests_words() -> None:
    """{number} is the digits at the end, as printed; without any the identifier must do."""
    assert spots.label_of("{spot}", "table07") == "table07"
    assert spots.label_of("Stalas {number}", "table07") == "Stalas 07"
    assert spots.label_of("Stalas {number}", "bar") == "bar"
    assert spots.label_of("{spot} / {number}", "t{number}1") == "t{number}1 / 1"
