"""Whatever comes in at a boundary, the rule of that boundary holds.

The seeded inputs are the first of those that `python -m tests.fuzz EXAMPLES` plays by the million;
hypothesis plays the same dice, looks for the smallest input that breaks a rule, and finds its own
way there.
"""

import random
from collections import Counter
from typing import Final

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from tests.fuzz import profiles
from tests.fuzz.answers import SPOT
from tests.fuzz.surface import Surface
from tests.fuzz.surfaces import SURFACES
from tests.fuzz.wire_surface import KEY
from worker.adapters.lanes import BODY_BYTES_MAX
from worker.adapters.wallet import wire

FIRST: Final = 5_000_000
IN_A_BUILD: Final = {
    "wire": 4000,
    "refusal": 2500,
    "pages": 1500,
    "client": 240,
    "till": 3000,
    "document": 1500,
    "folder": 150,
    "settings": 400,
    "text": 400,
}
EXAMPLES: Final = 100

COMES_UP: Final = {
    "wire": {
        *("judged: agrees", "judged: it carries another reference", "judged: it says ..."),
        *("judged: its amount can not be read, and the bill says ...", "judged: it has ..."),
        *("judged: the wallet shows no payments", "transaction unreadable", "created read"),
        *("spot read", "spots read", "transactions read", "linked read", "time read"),
        "refusal read",
    },
    "refusal": {
        *("write unknown", "read unknown", "write invalid", "write state", "write throttled"),
        *("write credentials", "write missing", "read missing", "read state", "held"),
    },
    "pages": {
        *("complete", "incomplete", "more pages", "as many pages as are ever asked for"),
        *("no list: Unknown", "no list: Refused", "no list: Unsent"),
    },
    "client": {
        f"{call} {ending}"
        for call in ("create", "link", "confirm", "revoke", "close", "transaction", "spot")
        for ending in ("Done", "Refused", "Unknown", "Unsent")
    },
    "till": {
        *("bill with lines", "bill with no lines", "bad: amount_minor", "bad: currency"),
        *("bad: not", "bad: line", "bad: lines", "bad: the", "bad: a", "bad: bill_id"),
        *("bill on hold", "bill in parts", "nothing owed", "bad: part", "bad: parts"),
        *("bad: ceiling_minor", "bad: final", "bad: hold_s", "bad: at_hold_end"),
    },
    "document": {
        *("bill on hold", "bill in parts", "bill with lines", "bill with no lines", "3 bills"),
        *("trouble: bill", "trouble: the", "trouble: OSError", "trouble: SystemExit"),
    },
    "folder": {"bills", "none", "TillTrouble"},
    "settings": {"settings", "refused for 1", "refused for 5+"},
    "text": {"printable", "not printable", "refusal told", "refusal without words"},
}
"""What must have been seen, or else the inputs prove nothing about it."""


@pytest.mark.parametrize("surface", SURFACES.values(), ids=list(SURFACES))
def test_no_input_breaks_the_rule_and_every_ending_comes_up(surface: Surface) -> None:
    """No exception, nothing made up, nothing mistaken; and not for want of trying."""
    endings: Counter[str] = surface.play_all(FIRST, IN_A_BUILD[surface.name])

    assert COMES_UP[surface.name] - set(endings) == set()


@pytest.mark.parametrize("surface", SURFACES.values(), ids=list(SURFACES))
def test_no_dice_that_hypothesis_thinks_of_break_the_rule(surface: Surface) -> None:
    """The same rule; what breaks it is shown as small as it gets."""
    count = min(EXAMPLES, IN_A_BUILD[surface.name] // 4)

    @profiles.examples(count)
    @given(st.randoms(use_true_random=False))
    def play(dice: random.Random) -> None:
        case = surface.make(dice)
        note(repr(case))
        surface.judge(case)

    play()


@pytest.mark.parametrize("surface", SURFACES.values(), ids=list(SURFACES))
def test_the_same_number_is_the_same_input(surface: Surface) -> None:
    """Otherwise the number that is printed with a fault would prove nothing."""
    for number in range(20):
        assert repr(surface.case(number)) == repr(surface.case(number))
    assert len({repr(surface.case(number)) for number in range(20)}) > 5


@pytest.mark.parametrize(
    ("begins", "goes_on", "ends"),
    [
        (b"", b"[", b""),
        (b'{"status":', b"9", b"}"),
        (b'{"status":0.', b"3", b"}"),
        (b'{"status":"', b"\\u202e", b'"}'),
        (b'{"transactions":[{}', b",{}", b"]}"),
        (b'{"spots":[7', b',{"id":1,"status":"x"}', b"]}"),
    ],
    ids=["brackets", "a number", "decimals", "escapes", "empty rows", "good rows"],
)
def test_a_body_as_large_as_any_is_read_or_unreadable(
    begins: bytes, goes_on: bytes, ends: bytes
) -> None:
    """Four megabytes of one thing: rows are counted, and the rest is noise."""
    body = begins + goes_on * ((BODY_BYTES_MAX - 64) // len(goes_on)) + ends
    looks = [wire.read_transaction(body, KEY), wire.read_spot(body, SPOT), wire.read_created(body)]
    pages = [wire.read_spots(body), wire.read_transactions(body)]

    assert all(isinstance(look, wire.Unreadable) for look in looks)
    assert wire.read_refusal(body) is None
    read = [page for page in pages if isinstance(page, wire.Page)]
    assert len(read) == (1 if b's":[' in begins else 0)
    assert all(page.unread + len(page.rows) == page.facts.rows > 10**5 for page in read)
