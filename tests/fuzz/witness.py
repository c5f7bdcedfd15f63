"""What an answer really says, read by other means than the worker reads it.

Figures stay the letters they were written in, and a field that is there twice keeps both values. So
whatever the worker gives can be held against what was in the bytes, without its own arithmetic.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

NOTHING: Final = object()
"""What bytes say that are no JSON."""


class Figure(str):
    """A number, letter by letter."""

    __slots__ = ()


class Fields(list[tuple[str, Any]]):
    """An object, with every field as often as it is there."""


def read(body: bytes) -> Any:
    """Read JSON without understanding it."""
    try:
        return json.loads(
            body,
            object_pairs_hook=Fields,
            parse_int=_whole,
            parse_float=Figure,
            parse_constant=Figure,
        )
    except (ValueError, RecursionError):
        return NOTHING


def _whole(letters: str) -> Figure:
    """Keep a whole figure; a zero has no sign."""
    return Figure("0" if letters == "-0" else letters)


def under(node: object, name: str) -> list[Any]:
    """Give everything that an object says under a name."""
    return [value for said, value in node if said == name] if isinstance(node, Fields) else []


def everywhere(tree: object) -> Iterator[Fields]:
    """Give every object of a tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Fields):
            yield node
            waiting += [value for _, value in node]
        elif isinstance(node, list):
            waiting += node


def said(tree: object, name: str) -> list[Any]:
    """Give everything that is said under a name, wherever it stands."""
    return [value for node in everywhere(tree) for value in under(node, name)]


def texts(tree: object, name: str) -> set[str]:
    """Give the texts among them; a figure is no text."""
    return {value for value in said(tree, name) if type(value) is str}


def wholes(tree: object, name: str) -> set[str]:
    """Give the whole figures among them."""
    return {value for value in said(tree, name) if is_whole(value)}


def is_whole(value: object) -> bool:
    """Tell whether a value is a figure without a point or an exponent."""
    return isinstance(value, Figure) and value.lstrip("-").isdecimal()


def minor_of(price: object) -> int | None:
    """Read `price`: whole minor units, or nothing."""
    return int(str(price)) if is_whole(price) and len(str(price)) < 40 else None


def minor_of_decimal(text: object) -> int | None:
    """Read `price_decimal`: a text of plain digits that is a whole number of hundredths."""
    if type(text) is not str or len(text) > 40:
        return None
    units, _, parts = text.partition(".")
    parts = parts.rstrip("0").ljust(2, "0")
    is_plain = (units + parts).isascii() and (units + parts).isdigit() and len(parts) == 2
    return int(units + parts) if is_plain and units else None


def amounts(tree: object) -> set[tuple[int, str]]:
    """Give every amount that some object of the tree can be said to name."""
    found: set[tuple[int, str]] = set()
    for node in everywhere(tree):
        currencies = [each for each in under(node, "currency") if type(each) is str]
        figures = [minor_of(price) for price in under(node, "price")]
        figures += [minor_of_decimal(text) for text in under(node, "price_decimal")]
        found |= {
            (figure, currency)
            for figure in figures
            if figure is not None
            for currency in currencies
        }
    return found


def agrees(tree: object, *, key: str, amount: int, currency: str, reference: str) -> bool:
    """Tell whether an answer is this transaction with exactly this one payment.

    A field that is there twice with two values says nothing.
    """
    places = [tree, *under(tree, "transaction")]
    return any(
        _only(place, "transaction_key") == key
        and _is_one_payment(_only(place, "payments"), amount, currency, reference)
        for place in places
    )


def _is_one_payment(payments: object, amount: int, currency: str, reference: str) -> bool:
    if not isinstance(payments, list) or len(payments) != 1 or isinstance(payments, Fields):
        return False
    payment = payments[0]
    figures = [minor_of(price) for price in under(payment, "price") if price is not None]
    figures += [
        minor_of_decimal(text) for text in under(payment, "price_decimal") if text is not None
    ]
    return (
        bool(figures)
        and all(figure == amount for figure in figures)
        and _only(payment, "currency") == currency
        and _only(_only(payment, "parameters"), "orderid") == reference
    )


def is_said_twice(tree: object) -> bool:
    """Tell whether some object says one name twice."""
    return any(len({name for name, _ in node}) != len(node) for node in everywhere(tree))


def _only(node: object, name: str) -> Any:
    """Give what is said under a name, if it is said once or always the same."""
    values = under(node, name)
    return values[0] if values and all(value == values[0] for value in values) else NOTHING
