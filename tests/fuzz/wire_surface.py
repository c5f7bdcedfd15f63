"""The parser of the wallet's answers: any bytes, through every reader it has.

Whatever comes, the answer is a value or Unreadable, and what is in the value stood in the bytes:
the key, the status, the reference, and the amount to the last minor unit.
"""

import random
import re
from collections.abc import Iterator
from typing import Any

from tests.fuzz import known, witness
from tests.fuzz.answers import (
    AMOUNT,
    ANSWERS,
    CURRENCY,
    NAMES,
    REFERENCE,
    SPOT,
    VISIT,
)
from tests.fuzz.spoiling import TOKENS, spoiled
from tests.fuzz.surface import Surface
from worker.adapters.wallet import wire
from worker.domain.agreement import disagreement
from worker.domain.ids import TransactionKey
from worker.domain.wallet import Spot, SpotStatus, Transaction, TransactionStatus

KEY = VISIT.transaction_key or TransactionKey("")


def make(dice: random.Random) -> bytes:
    """Make the body of an answer: mostly a valid one that was spoiled, now and then mere noise."""
    if dice.random() < 0.03:
        return b"".join(dice.choice(TOKENS) for _ in range(dice.randrange(40)))
    return spoiled(dice, dice.choice(ANSWERS)(dice), NAMES)


def check(body: bytes) -> Iterator[str]:
    """Read the body in every way and vouch for whatever comes out."""
    truth = witness.read(body)
    looked = wire.read_transaction(body, KEY)
    if isinstance(looked, Transaction):
        assert looked.key == KEY
        vouch_for_transaction(looked, truth)
        yield judged(looked, truth)
    yield _readable("transaction", looked)
    created = wire.read_created(body)
    if isinstance(created, Transaction):
        vouch_for_transaction(created, truth)
    yield _readable("created", created)
    yield from _check_pages(body, truth)
    spot = wire.read_spot(body, SPOT)
    if isinstance(spot, Spot):
        assert spot.spot_id == SPOT
        vouch_for_spot(spot, truth)
    yield _readable("spot", spot)
    linked = wire.read_linked(body, KEY)
    if linked is not None:
        assert linked.transaction_key == KEY
        assert KEY in witness.texts(truth, "transaction_key")
        yield "linked read"
    time = wire.read_server_time(body)
    if not isinstance(time, wire.Unreadable):
        assert str(time) in witness.wholes(truth, "time")
        yield "time read"
    yield from _check_refusal(body, truth)


def judged(looked: Transaction, truth: object) -> str:
    """Nothing is ever taken for agreement that does not agree in every part."""
    why = disagreement(VISIT, looked)
    if why is not None:
        assert why.isprintable()
        return "judged: " + re.sub("[0-9].*", "...", why)
    really = witness.agrees(truth, key=KEY, amount=AMOUNT, currency=CURRENCY, reference=REFERENCE)
    if not really and known.NO_REFERENCE in known.OPEN and looked.reference() is None:
        return f"known: {known.NO_REFERENCE}"
    if not really and known.SAID_TWICE in known.OPEN and witness.is_said_twice(truth):
        return f"known: {known.SAID_TWICE}"
    assert really, "it was taken for agreement"
    return "judged: agrees"


def vouch_for_transaction(found: Transaction, truth: object) -> None:
    """Hold every part of a transaction against the bytes."""
    assert found.key in witness.texts(truth, "transaction_key")
    words = witness.texts(truth, "status")
    if found.status is not TransactionStatus.OTHER:
        assert found.status.value in words
        assert found.status_text == found.status.value
    _vouch_for_text(found.status_text, wire.STATUS_CHARS_MAX)
    assert found.auto_confirm is None or found.auto_confirm in witness.said(truth, "auto_confirm")
    if found.payments is None:
        return
    lists = [each for each in witness.said(truth, "payments") if isinstance(each, list)]
    assert len(found.payments) in {len(each) for each in lists}
    for payment in found.payments:
        if payment.money is not None:
            money = payment.money
            assert type(money.amount_minor) is int
            assert (money.amount_minor, money.currency) in witness.amounts(truth)
        if payment.reference is not None:
            given = witness.said(truth, "orderid")
            assert payment.reference in {each for each in given if isinstance(each, str)}


def vouch_for_spot(found: Spot, truth: object) -> None:
    """Hold every part of a spot against the bytes."""
    ids = witness.said(truth, "id")
    assert found.spot_id in {each for each in ids if isinstance(each, str)}
    if found.status is not SpotStatus.OTHER:
        assert found.status.value in witness.texts(truth, "status")
    assert len(found.identifier) <= wire.IDENTIFIER_CHARS_MAX
    found.identifier.encode()  # A lone surrogate could not be written down.
    names = witness.texts(truth, "identifier") | {""}
    assert any(_is_cut_of(found.identifier, name) for name in names)
    if found.location_id is not None:
        places = [each for each in witness.said(truth, "location_id") if isinstance(each, str)]
        assert int(found.location_id) in {int(each) for each in places if _is_short_number(each)}
    if found.orders is not None:
        keys = witness.texts(truth, "transaction_key")
        assert all(order.transaction_key in keys for order in found.orders)
        lists = [each for each in witness.said(truth, "orders") if isinstance(each, list)]
        assert len(found.orders) in {len(each) for each in lists}


def _is_cut_of(kept: str, whole: str) -> bool:
    mended = whole[: wire.IDENTIFIER_CHARS_MAX].encode("utf-8", "replace").decode()
    return kept == mended


def _is_short_number(text: str) -> bool:
    return text.lstrip("-").isdecimal() and len(text) < 4300


def _check_pages(body: bytes, truth: object) -> Iterator[str]:
    """A row is read or counted as unread, and no row is made up."""
    spots, rows = wire.read_spots(body), wire.read_transactions(body)
    for name, page in (("spots", spots), ("transactions", rows)):
        if isinstance(page, wire.Page):
            _vouch_for_page(page, truth, name)
        yield _readable(name, page)
    for spot in spots.rows if isinstance(spots, wire.Page) else ():
        vouch_for_spot(spot, truth)
    for row in rows.rows if isinstance(rows, wire.Page) else ():
        vouch_for_transaction(row, truth)


def _vouch_for_page(page: wire.Page[Any], truth: object, name: str) -> None:
    lists = [each for each in witness.under(truth, name) if isinstance(each, list)]
    assert page.facts.rows in {len(each) for each in lists}
    assert page.unread >= 0
    assert len(page.rows) + page.unread == page.facts.rows
    for told, figure in (
        ("total", page.facts.total),
        ("offset", page.facts.offset),
        ("limit", page.facts.limit),
    ):
        assert figure is None or str(figure) in witness.wholes(truth, told) | {"0"}


def _check_refusal(body: bytes, truth: object) -> Iterator[str]:
    told = wire.read_refusal(body)
    if told is None:
        return
    code, description = told
    assert witness.texts(truth, "error")
    _vouch_for_text(code, wire.STATUS_CHARS_MAX)
    _vouch_for_text(description, wire.DESCRIPTION_CHARS_MAX)
    yield "refusal read"


def _vouch_for_text(text: str, chars_max: int) -> None:
    assert len(text) <= chars_max
    assert text.isprintable()


def _readable(name: str, found: object) -> str:
    if isinstance(found, wire.Unreadable):
        _vouch_for_text(found.why, 200)
        return f"{name} unreadable"
    return f"{name} read"


WIRE = Surface("wire", make, check, share=1.0)
