"""The search finds what it is looking for: each of these faults, put in on purpose, is noticed.

A check that no fault can fail proves nothing, however many inputs it sees.
"""

import json
import random
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import httpx
import hypothesis
import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st

from tests.fuzz import profiles, spoiling, witness
from tests.fuzz.answers import AMOUNT, CURRENCY, REFERENCE
from tests.fuzz.surface import Broken
from tests.fuzz.surfaces import SURFACES
from tests.fuzz.wire_surface import KEY, WIRE, judged
from worker.adapters import logs
from worker.adapters.till import billfile, document, guard, receiptfile
from worker.adapters.wallet import budget, client, failures, shapes, wire
from worker.domain.bill import Hold
from worker.domain.money import Money
from worker.domain.outcome import Refusal, Refused
from worker.settings import loading, printing, problem

INPUTS_MAX: Final = 20_000


def rounded(row: Any) -> Money | None:
    """Take a float for money, as a careless reader would."""
    try:
        return Money(int(float(row["price"])), row["currency"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def unbounded(text: str, _chars_max: int = 0) -> str:
    """Leave a stranger's text as it is."""
    return text


def trusting(body: bytes) -> Any:
    """Parse without expecting the worst."""
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError:
        return None


def every_no(reply: failures.Reply, *, is_write: bool) -> Refused:
    """Believe every answer that is no yes."""
    return Refused(Refusal.INVALID, reply.status)


def any_currency(body: bytes, asked: Any) -> Any:
    """Read every amount as the currency that was expected."""
    return wire_read_transaction(re.sub(rb'"(USD|eur|EURO)"', b'"EUR"', body), asked)


def loosely(value: object, low: int, high: int) -> int | None:
    """Take any figure that is nearly whole."""
    return int(value) if isinstance(value, int | float) and low <= value <= high else None


def adds_up_somehow(value: object, _amount: int, currency: str) -> Any:
    """Read lines without adding them up."""
    rows = value if isinstance(value, list) else []
    return tuple(document._line(row, 1, currency) for row in rows if isinstance(row, dict))


def parts_as_they_are(value: object, _amount: int, currency: str) -> Any:
    """Read parts without adding them up."""
    rows = value if isinstance(value, list) else []
    return tuple(document._part(row, 1, currency) for row in rows if isinstance(row, dict))


def held_anyhow(_fields: object, known: int, _ceiling: int) -> Hold:
    """Hold money without minding what the bill says about it."""
    return Hold(known, 10)


def credulous(_till: object, documents: Any, *_: object) -> Any:
    """Believe that every bill is the table's."""
    bills = [document.bill_from({**each, "bill_id": "B-0"}) for each in documents]
    return tuple(bill for bill in bills if bill is not None)


def unlocked(value: object) -> str:
    """Show a secret like every other value."""
    return str(getattr(value, "get_secret_value", lambda: value)())


wire_read_transaction = wire.read_transaction
key_of, location_of = wire._key, wire._location_id

FAULTS: Final[dict[str, tuple[str, object, str, object]]] = {
    "a float is money": ("wire", wire, "_money", rounded),
    "another currency is ours": ("wire", wire, "read_transaction", any_currency),
    "a key is mended": ("wire", wire, "_key", lambda value: key_of(str(value).strip())),
    "a location is made up": ("wire", wire, "_location_id", lambda v: location_of(v) or 9975),
    "deep nesting raises": ("wire", wire, "_json", trusting),
    "a word of theirs is not escaped": ("wire", wire, "printable", unbounded),
    "a stumble is a refusal": ("refusal", failures, "of_no", every_no),
    "a hold has no bounds": ("refusal", budget, "HOLD_MAX_S", 10.0**9),
    "a page too many": ("pages", shapes, "PAGES_MAX", 60),
    "a lost answer is unsent": (
        *("client", failures, "NEVER_SENT"),
        (*failures.NEVER_SENT, httpx.ReadError, httpx.RemoteProtocolError),
    ),
    "a place is not given back": ("client", budget.Budget, "leave", lambda *_, **__: None),
    "another transaction is an answer": (
        *("wire", wire, "read_transaction"),
        lambda body, _asked: wire.read_created(body),
    ),
    "a write is sent again": ("client", client, "_is_unsent", client._is_read_worth_repeating),
    "a float is a bill": ("till", document, "whole", loosely),
    "lines need not add up": ("till", document, "_lines", adds_up_somehow),
    "a field may be there twice": ("till", billfile, "_unique", dict),
    "parts need not add up": ("till", document, "_parts", parts_as_they_are),
    "a hold has no ceiling": ("till", document, "_hold", held_anyhow),
    "a figure is taken for another type": ("document", document, "whole", loosely),
    "an answer is for another table": ("document", guard.GuardedTill, "_bills", credulous),
    "a till's own words are not escaped": ("document", guard, "shown", unbounded),
    "a bill's name is a file's": ("folder", re, "sub", lambda _p, _r, text: text),
    "a receipt is not looked for": ("folder", receiptfile.Receipt, "is_of", lambda *_: False),
    "a problem is told as it is": ("settings", problem, "escaped", unbounded),
    "a secret is shown when printed": ("settings", printing, "_written", unlocked),
    "a wrong secret is shown": ("settings", loading, "_shown", lambda p, v: f" {v}"),
    "a name is a path": ("text", shapes, "_segment", unbounded),
    "a value is not escaped": ("text", logs, "_escaped", unbounded),
    "a description is two lines": ("text", wire, "printable", unbounded),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_put_in_on_purpose_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within fewer inputs than a night plays in a second or two, but for the slowest surfaces."""
    name, where, what, instead = FAULTS[fault]
    monkeypatch.setattr(where, what, instead)

    assert first_broken(SURFACES[name].play) < INPUTS_MAX


def first_broken(play: Callable[[int], object]) -> int:
    """Give how many inputs it takes until one breaks a rule."""
    for number in range(INPUTS_MAX):
        try:
            play(number)
        except Broken:
            return number
    return INPUTS_MAX


def test_hypothesis_notices_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dice that it plays reach as deep as the seeded ones."""
    monkeypatch.setattr(wire, "_money", rounded)

    # To find it is enough here; to make it small takes far longer.
    @hypothesis.settings(profiles.examples(3000), phases=[Phase.generate])
    @given(st.randoms(use_true_random=False))
    def play(dice: Any) -> None:
        WIRE.judge(WIRE.make(dice))

    with pytest.raises(AssertionError):
        play()


def test_what_is_vouched_for_is_read_by_other_means() -> None:
    """The witness says yes to the right answer and no to each that differs in one letter."""

    def agrees(text: str) -> bool:
        truth = witness.read(text.encode())
        return witness.agrees(truth, key=KEY, amount=AMOUNT, currency=CURRENCY, reference=REFERENCE)

    reference = f'"parameters": {{"orderid": "{REFERENCE}"}}'
    payment = f'{{"price": 1250, "currency": "EUR", {reference}}}'
    right = f'{{"transaction_key": "{KEY}", "status": "reserved", "payments": [{payment}]}}'
    wrong = [
        right.replace("1250", other)
        for other in ("1251", "1250.0", "125e1", '"1250"', "null", "[1250]", "1250.5")
    ]
    wrong += [right.replace(REFERENCE, "v1.x"), right.replace("EUR", "USD"), right[:-1]]
    wrong += [right.replace(KEY, "other"), right.replace(payment, f"{payment},{payment}")]
    wrong += [right.replace('"price": 1250', '"price": 1250, "price": 1')]
    wrong += [right.replace('"price": 1250', '"price": 1250, "price_decimal": "12.51"')]

    assert agrees(right)
    assert [text for text in wrong if agrees(text)] == []


def test_an_answer_that_was_not_spoiled_is_read_and_agrees() -> None:
    """Otherwise nothing would have been bent but what was broken from the start."""
    body = f"""{{"transaction_key": "{KEY}", "status": "reserved", "payments": [{{"price": 1250,
        "currency": "EUR", "parameters": {{"orderid": "{REFERENCE}"}}}}]}}""".encode()
    looked = wire.read_transaction(body, KEY)

    assert not isinstance(looked, wire.Unreadable)
    assert judged(looked, witness.read(body)) == "judged: agrees"


def test_every_way_of_spoiling_is_used() -> None:
    """Each bend changes the tree it is given, sooner or later."""
    dice = random.Random(1)
    for bend in spoiling.BENDS:
        changed = 0
        for _ in range(50):
            tree = {"a": [1, {"b": "x"}], "c": {"d": 2}}
            bent = bend(dice, tree, spoiling.slots(tree), ("a", "e"))
            changed += spoiling.written(bent) != '{"a":[1,{"b":"x"}],"c":{"d":2}}'
        assert changed > 10, bend
