"""What a payment of a transaction says: money that is exact or none, a reference, a name."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.wallet import wire
from worker.domain.ids import TransactionKey
from worker.domain.money import AMOUNT_MINOR_MAX, Money
from worker.domain.wallet import Payment, Transaction

KEY = TransactionKey("aaBBccDD11223344eeFF")


def payments_of(*rows: object) -> tuple[Payment, ...] | None:
    body = json.dumps({"transaction_key": KEY, "status": "new", "payments": rows}).encode()
    found = wire.read_transaction(body, KEY)
    assert isinstance(found, Transaction)
    return found.payments


def money_of(payment: dict[str, object]) -> Money | None:
    (found,) = payments_of(payment) or ()
    return found.money


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"price": 1250}, 1250),
        ({"price_decimal": "12.50"}, 1250),
        ({"price_decimal": "2.5"}, 250),
        ({"price_decimal": "1"}, 100),
        ({"price": 1250, "price_decimal": "12.50"}, 1250),
        ({"price": None, "price_decimal": "12.50"}, 1250),
        ({"price": 1250, "price_decimal": None}, 1250),
        ({"price": 1250, "price_decimal": "12.51"}, None),
        ({"price": 1250, "price_decimal": "oops"}, None),
        ({"price": 1250, "price_decimal": 12.5}, None),
        ({"price": 1250, "price_decimal": 12}, None),
        ({"price": 1250.0}, None),
        ({"price": 12.5, "price_decimal": "12.50"}, None),
        ({"price": "1250"}, None),
        ({"price": True}, None),
        ({"price": 0}, None),
        ({"price": -1250}, None),
        ({"price": 2**63}, None),
        ({"price": AMOUNT_MINOR_MAX + 1}, None),
        ({"price_decimal": "-1.00"}, None),
        ({"price_decimal": "0.00"}, None),
        ({"price_decimal": "1.005"}, None),
        ({"price_decimal": "1e3"}, None),
        ({"price_decimal": "1,00"}, None),
        ({"price_decimal": " 1.00"}, None),
        ({"price_decimal": "NaN"}, None),
        ({}, None),
    ],
)
def test_an_amount_is_exact_or_it_is_none(figures: dict[str, object], expected: int | None) -> None:
    """What is no whole number of minor units, or contradicts itself, is never guessed (F22)."""
    wanted = None if expected is None else Money(expected, "EUR")

    assert money_of({**figures, "currency": "EUR"}) == wanted


@pytest.mark.parametrize("currency", [None, "", "eur", "EURO", 978, ["EUR"], {"EUR": 1}])
def test_an_amount_without_a_currency_is_none(currency: object) -> None:
    """A number alone is no money."""
    assert money_of({"price": 1250, "currency": currency}) is None


@given(st.integers(1, AMOUNT_MINOR_MAX), st.sampled_from(["EUR", "GBP", "USD"]))
def test_every_amount_survives_both_notations(minor: int, currency: str) -> None:
    """Minor units and decimals of the same sum are the same money, without rounding."""
    text = f"{Decimal(minor).scaleb(-2):f}"

    for figures in ({"price": minor}, {"price_decimal": text}):
        assert money_of({**figures, "currency": currency}) == Money(minor, currency)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_never_money(figure: float) -> None:
    """Not as a price, not as a decimal, and not even when it happens to be whole (F22)."""
    assert money_of({"price": figure, "currency": "EUR"}) is None
    assert money_of({"price_decimal": figure, "currency": "EUR"}) is None
    assert money_of({"price": 100, "price_decimal": figure, "currency": "EUR"}) is None


@pytest.mark.parametrize("parameters", [None, [], "orderid", {"orderid": ""}, {"orderid": [1]}])
def test_a_payment_without_a_readable_reference_has_none(parameters: object) -> None:
    """List rows carry none, and an empty map may come as an empty list."""
    row = {"price": 1, "currency": "EUR", "parameters": parameters}

    assert payments_of(row, 7) == (Payment(Money(1, "EUR"), None), Payment(None, None))


LONGEST = 10**wire.PAYMENT_ID_DIGITS_MAX - 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, "1"), (77, "77"), ("7", "7"), ("0077", "0077"),
        (LONGEST, str(LONGEST)), (str(LONGEST), str(LONGEST)),
        (LONGEST + 1, None), (str(LONGEST + 1), None),
        (0, None), (-1, None), (True, None), (7.0, None), ("", None), ("7/8", None), ("²", None),
        ("\N{ARABIC-INDIC DIGIT SEVEN}", None), (None, None), ([7], None),
    ],
)  # fmt: skip
def test_a_payments_name_is_digits_as_they_came_or_none(
    number: object, expected: str | None
) -> None:
    """A lowered confirm names it; without one nothing is taken for less."""
    row = {"id": number, "price": 1, "currency": "EUR"}

    assert payments_of(row) == (Payment(Money(1, "EUR"), None, expected),)
