"""An answer agrees with the bill exactly when every part of it does: not less often, not more.

Here the parts are drawn, and what must come out is known from the parts, not from the bytes.
"""

import json
from decimal import Decimal
from typing import Any, Final

from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.domain.story import OTHER_KEY
from tests.fuzz import known, profiles
from tests.fuzz.answers import AMOUNT, CURRENCY, OTHER_REFERENCE, REFERENCE, VISIT
from tests.fuzz.wire_surface import KEY
from worker.adapters.till.billfile import OpenBill, parse
from worker.adapters.wallet import wire
from worker.domain.agreement import disagreement
from worker.domain.money import AMOUNT_MINOR_MAX
from worker.domain.wallet import Transaction

ABSENT: Final = object()

near = st.sampled_from(
    [AMOUNT, AMOUNT, AMOUNT - 1, AMOUNT + 1, AMOUNT * 100, AMOUNT // 100, -AMOUNT]
)
no_figure = st.sampled_from([True, "1250", 1250.0, [1250], {}, ""]) | st.floats(allow_nan=False)
prices = st.sampled_from([ABSENT, None]) | near | st.integers() | no_figure
decimals = (
    st.sampled_from([ABSENT, None, "12.5", "12.50", "12.500", "012.5", "12,50", "+12.50", "1.25e1"])
    | st.decimals(0, 20, places=2).map(str)
    | st.text("0123456789.-", max_size=8)
    | no_figure
)
currencies = st.sampled_from(
    [CURRENCY, CURRENCY, CURRENCY, "USD", "eur", "EUR ", ABSENT, None, 978]
)
keys = st.sampled_from([KEY, KEY, KEY, OTHER_KEY, KEY.lower(), KEY + " ", ABSENT, None, 7])
references = st.sampled_from(
    [
        *(REFERENCE, REFERENCE, REFERENCE, OTHER_REFERENCE, REFERENCE.upper(), REFERENCE[:-1], 7),
        *(ABSENT, None, "", [], {}, 1.5, [REFERENCE]),
    ]
)
counts = st.sampled_from([1, 1, 1, 0, 2])


def told(**parts: object) -> dict[str, Any]:
    """Put together what is there."""
    return {name: value for name, value in parts.items() if value is not ABSENT}


def minor_of(price: object, decimal: object) -> int | None:
    """Say by other means what the two notations come to; None: nothing, or nothing certain."""
    figures = set()
    if price is not ABSENT and price is not None:
        if type(price) is not int:
            return None
        figures.add(Decimal(price))
    if decimal is not ABSENT and decimal is not None:
        if not isinstance(decimal, str) or set(decimal) - set("0123456789."):
            return None
        whole, point, parts = decimal.partition(".")
        if not whole or bool(point) != bool(parts) or "." in parts:
            return None
        figures.add(Decimal(decimal) * 100)
    if len(figures) != 1:
        return None
    figure = figures.pop()
    return int(figure) if figure == figure.to_integral_value() else None


@profiles.examples(300)
@given(prices, decimals, currencies, keys, references, counts)
@example(AMOUNT, ABSENT, CURRENCY, KEY, REFERENCE, 1)
@example(ABSENT, "12.50", CURRENCY, KEY, REFERENCE, 1)
@example(AMOUNT, "12.50", CURRENCY, KEY, REFERENCE, 1)
def test_an_answer_agrees_exactly_when_all_its_parts_do(
    price: object, decimal: object, currency: object, key: object, reference: object, count: int
) -> None:
    """Money is taken for nothing less, and no guest is refused for nothing."""
    if known.NO_REFERENCE in known.OPEN:
        assume(reference == 7 or (isinstance(reference, str) and reference))
    parameters = told(orderid=reference)
    payment = told(price=price, price_decimal=decimal, currency=currency, parameters=parameters)
    body = json.dumps(told(transaction_key=key, status="reserved", payments=[payment] * count))
    found = wire.read_transaction(body.encode(), KEY)
    is_same = (minor_of(price, decimal), currency, key, reference, count) == (
        *(AMOUNT, CURRENCY, KEY, REFERENCE, 1),
    )

    agrees = isinstance(found, Transaction) and disagreement(VISIT, found) is None

    assert agrees == is_same


@profiles.examples(200)
@given(
    st.lists(st.integers(-(10**6), 10**6), max_size=5),
    st.integers(-5, 5) | st.integers(-(10**11), 10**11) | st.floats(allow_nan=False),
)
def test_a_bill_is_charged_exactly_when_its_lines_add_up(amounts: list[int], off: float) -> None:
    """A sum that is one cent off, or no whole number, is charged to nobody."""
    total = sum(amounts) + off
    lines = [{"title": "x", "quantity": 1, "amount_minor": amount} for amount in amounts]
    content = {"bill_id": "B", "spot": "t", "location_id": 1, "currency": "EUR", "lines": lines}
    found = parse(json.dumps(content | {"amount_minor": total}).encode())
    is_money = type(total) is int and 1 <= total <= AMOUNT_MINOR_MAX
    adds_up = not amounts or total == sum(amounts)

    assert isinstance(found, OpenBill) == (is_money and adds_up)
    if isinstance(found, OpenBill):
        assert found.bill is not None
        assert found.bill.money.amount_minor == total
        assert sum(line.amount_minor for line in found.bill.lines) in {total if amounts else 0}
