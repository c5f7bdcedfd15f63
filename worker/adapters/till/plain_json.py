"""Read JSON from a shop's hand: strictly, and so that no float ever becomes money.

A whole number is an int. Any other number is a Decimal, so that nothing is rounded before somebody
has looked at it. What two readers could understand in two ways is refused.
"""

import json
from decimal import Decimal, DecimalException
from typing import Final

READ_AT_ONCE_BYTES: Final = 32 * 1024
"""Read within a millisecond or two; the largest answer takes some tenths of a second, and is read
beside the loop."""
FRACTION_CHARS_MAX: Final = 60
_MAGNITUDE_MAX: Final = 30


class NotPlainJson(Exception):
    """What was read is not JSON that can only be understood in one way; the text says why."""


def read_json(content: bytes) -> object:
    """Read a JSON text (RFC 8259) of plain values.

    A byte order mark is passed over, as RFC 8259 section 8.1 allows.

    Raises:
        NotPlainJson: it is not UTF-8, not JSON, says two things under one name, or holds a number
            that no bill needs.

    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotPlainJson("it is not UTF-8 text") from None
    if not text.strip():
        raise NotPlainJson("it is empty")
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_fraction,
        )
    except (ValueError, RecursionError):
        # The parser's own words quote what it read, and RecursionError has no words for a shop.
        raise NotPlainJson("it is not JSON, or only half of it") from None
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that says two things under one name."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NotPlainJson("a field is there twice")
    return fields


def _no_constant(name: str) -> object:
    raise NotPlainJson(f"{name} is not a number")


def _fraction(text: str) -> Decimal:
    """Keep a number that is not whole as it stands; one that could fill the memory is refused."""
    if len(text) > FRACTION_CHARS_MAX:
        raise NotPlainJson("a number has too many digits")
    try:
        number = Decimal(text)
    except DecimalException:
        raise NotPlainJson("a number is too large") from None
    if number and abs(number.adjusted()) > _MAGNITUDE_MAX:
        raise NotPlainJson("a number is too large or too small")
    return number
