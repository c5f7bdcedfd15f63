"""Read one value of a shop's database. What is not exactly meant is refused, never repaired.

A sum of money must have been whole or decimal in the database already: a binary fraction has lost
what it was, and text would have to be guessed at.
"""

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from worker.adapters.till.text import one_line

JSON_CHARS_MAX: Final = 1024 * 1024
_DIGITS_MAX: Final = 18
_BITS_MAX: Final = 64
_PRECISION: Final = 28
"""Digits that decimal arithmetic keeps exactly unless it is told otherwise."""
_SHOWN_CHARS_MAX: Final = 40


class UnusableValue(Exception):
    """Why a value can not be what its column says; the words follow the column's name."""


def identifier(value: object) -> str:
    """Take a bill's or a spot's name; a number is written as text."""
    if isinstance(value, uuid.UUID) or (type(value) is int and value.bit_length() <= _BITS_MAX):
        return str(value)
    return text(value)


def text(value: object) -> str:
    """Take text as it is."""
    if isinstance(value, str):
        return value
    raise UnusableValue(f"is {shown(value)}, not text")


def whole(value: object) -> int:
    """Take a whole number. Some databases give sums as decimals, which may be whole all the same.

    Raises:
        UnusableValue: it is text, a truth, a binary fraction, or no whole number.

    """
    if type(value) is int and value.bit_length() <= _BITS_MAX:
        return value
    if isinstance(value, Decimal) and _is_sane(value) and value == value.to_integral_value():
        return int(value)
    raise UnusableValue(f"is {shown(value)}, not a whole number")


def minor(value: object) -> int:
    """Turn a decimal amount into minor units, exactly.

    Raises:
        UnusableValue: it is not a decimal, or has more than two places that are not zero.

    """
    if not isinstance(value, Decimal):
        raise UnusableValue(
            f"is {shown(value)}, not a NUMERIC or DECIMAL; whole minor units belong into a column "
            "whose name ends in _minor"
        )
    if not _is_sane(value):
        raise UnusableValue(f"is {shown(value)}, which is not an amount")
    hundredfold = value.scaleb(2)
    if hundredfold != hundredfold.to_integral_value():
        raise UnusableValue(f"is {shown(value)}, which has more than two decimals")
    return int(hundredfold)


def truth(value: object) -> bool:
    """Take true or false, which some databases write as 1 and 0."""
    if type(value) is bool or (type(value) is int and value in {0, 1}):
        return bool(value)
    raise UnusableValue(f"is {shown(value)}, not true or false")


def instant(value: object) -> datetime:
    """Take an instant; one without a zone is UTC, which is what the session is set to.

    Raises:
        UnusableValue: it is neither a timestamp nor text as ISO 8601 writes one.

    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise UnusableValue(f"is {shown(value)}, not an instant as ISO 8601 has it") from None
    if not isinstance(value, datetime):
        raise UnusableValue(f"is {shown(value)}, not a timestamp")
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise UnusableValue(f"is {shown(value)}, which is beyond any calendar") from None


def listing(value: object) -> list[object]:
    """Read a list from JSON text.

    Raises:
        UnusableValue: it is not, or says two things under one name.

    """
    if not isinstance(value, str):
        raise UnusableValue(f"is {shown(value)}, not JSON text")
    if len(value) > JSON_CHARS_MAX:
        raise UnusableValue(f"is longer than {JSON_CHARS_MAX} characters")
    try:
        found: object = json.loads(value, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UnusableValue(f"is {shown(value)}, which is not JSON") from None
    if not isinstance(found, list):
        raise UnusableValue(f"is {shown(value)}, which is JSON but no list")
    return found


def shown(value: object) -> str:
    """Name a value for the operator: its kind, and as much of it as fits."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes | bytearray | memoryview):
        return "binary"
    if isinstance(value, float):
        return f"the binary fraction (REAL, FLOAT) {value!r:.40}"
    if isinstance(value, Decimal):
        # A driver gives what it is sent; a million digits are not worth writing out.
        return f"{value:.12g}" if not _is_sane(value) else str(value)
    if isinstance(value, str):
        text = value if len(value) <= _SHOWN_CHARS_MAX else f"{value[:_SHOWN_CHARS_MAX]}..."
        return f'the text "{one_line(text)}"'
    if type(value) is int and value.bit_length() > _BITS_MAX:
        return f"a number of more than {_BITS_MAX} bits"
    return f"{type(value).__name__} {one_line(str(value), _SHOWN_CHARS_MAX)}"


def _is_sane(value: Decimal) -> bool:
    """Tell whether a decimal is a number of a size that can be worked with."""
    return (
        value.is_finite()
        and (not value or abs(value.adjusted()) <= _DIGITS_MAX)
        and len(value.as_tuple().digits) <= _PRECISION
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(name)
