"""Read one bill's file. Whatever stands in it, the answer is a bill or a reason why not.

A reason keeps what could still be read, so that a bad file troubles its own table and no other.
Nothing is repaired or guessed: a figure that is not a whole number is no figure.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from worker.adapters.till.text import one_line
from worker.domain.bill import Bill, BillLine
from worker.domain.errors import MoneyError
from worker.domain.ids import LocationId
from worker.domain.money import AMOUNT_MINOR_MAX, Money

BYTES_MAX: Final = 1024 * 1024
BILL_ID_CHARS_MAX: Final = 128
TABLE_CHARS_MAX: Final = 1000
TEXT_CHARS_MAX: Final = 10_000
LINES_MAX: Final = 1000
QUANTITY_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class OpenBill:
    """A bill that can be charged."""

    location_id: LocationId
    table: str
    bill_id: str
    bill: Bill

    @property
    def money(self) -> Money:
        """What the file asks for."""
        return self.bill.money


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file that can not be charged, and what could be read of it; None: could not be read."""

    why: str
    location_id: int | None = None
    table: str | None = None
    bill_id: str | None = None
    money: Money | None = None

    def is_of(self, location_id: int, table: str) -> bool:
        """Tell whether the file says that it is this table's."""
        return (self.location_id, self.table) == (location_id, table)

    def may_be_of(self, location_id: int, table: str) -> bool:
        """Tell whether nothing in the file says that it is another table's."""
        return self.location_id in {None, location_id} and self.table in {None, table}


class _Unusable(Exception):
    """Why a file is not a bill."""


def parse(content: bytes) -> OpenBill | BadFile:
    """Read a file's content. Never raises."""
    if len(content) > BYTES_MAX:
        return BadFile(f"larger than {BYTES_MAX} bytes")
    try:
        fields = _fields(content)
    except _Unusable as reason:
        return BadFile(str(reason))
    location_id, table, bill_id = _location(fields), _table(fields), _bill_id(fields)
    if location_id is None:
        return BadFile("location_id is not a whole number above zero", None, table, bill_id)
    if table is None:
        why = f"spot is not a text of 1 to {TABLE_CHARS_MAX} characters"
        return BadFile(why, location_id, None, bill_id)
    if bill_id is None:
        why = f"bill_id is not a text of 1 to {BILL_ID_CHARS_MAX} characters"
        return BadFile(why, location_id, table, None)
    try:
        bill = _bill(fields, bill_id)
    except _Unusable as reason:
        return BadFile(str(reason), location_id, table, bill_id)
    return OpenBill(LocationId(location_id), table, bill_id, bill)


def _fields(content: bytes) -> Mapping[str, object]:
    """Read the object in a file."""
    try:
        # Byte order marks are what some shops' software begins a file with.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Unusable("not UTF-8 text") from None
    if not text.strip():
        raise _Unusable("empty")
    try:
        value: object = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _Unusable("not JSON, or only half of it") from None
    if not isinstance(value, dict):
        raise _Unusable("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that says two things under one name."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Unusable("a field is there twice")
    return fields


def _no_constant(name: str) -> object:
    raise _Unusable(f"{name} is not a figure")


def _text(value: object, chars_max: int) -> str | None:
    """Take a text that can be kept and sent; half a surrogate pair can not."""
    if not isinstance(value, str) or not 1 <= len(value) <= chars_max:
        return None
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return value


def _whole(value: object, low: int, high: int) -> int | None:
    """Take a whole number. True is an int to Python, and 5.0 a number to JSON; neither is meant."""
    return value if type(value) is int and low <= value <= high else None


def _location(fields: Mapping[str, object]) -> int | None:
    return _whole(fields.get("location_id"), 1, 2**63 - 1)


def _table(fields: Mapping[str, object]) -> str | None:
    return _text(fields.get("spot"), TABLE_CHARS_MAX)


def _bill_id(fields: Mapping[str, object]) -> str | None:
    return _text(fields.get("bill_id"), BILL_ID_CHARS_MAX)


def _bill(fields: Mapping[str, object], bill_id: str) -> Bill:
    """Read what is owed."""
    amount = _whole(fields.get("amount_minor"), 1, AMOUNT_MINOR_MAX)
    if amount is None:
        raise _Unusable(f"amount_minor is not a whole number from 1 to {AMOUNT_MINOR_MAX}")
    currency = fields.get("currency")
    if not isinstance(currency, str) or not _has_two_decimals(currency):
        raise _Unusable("currency is not an ISO 4217 code with two decimals")
    try:
        money = Money(amount, currency)
    except MoneyError as error:
        raise _Unusable(one_line(str(error))) from None
    described = fields.get("description")
    description = _text(described, TEXT_CHARS_MAX)
    if description is None and described is not None and described != "":
        raise _Unusable("description is not a text")
    lines = _lines(fields.get("lines"), amount)
    return Bill(bill_id, money, one_line(description or ""), lines)


def _lines(value: object, amount: int) -> tuple[BillLine, ...]:
    """Read the lines, which must add up: a bill that does not is wrong in a way we can not see."""
    if value is None or value == []:
        return ()
    if not isinstance(value, list) or len(value) > LINES_MAX:
        raise _Unusable(f"lines is not a list of at most {LINES_MAX}")
    lines = tuple(_line(entry, number) for number, entry in enumerate(value, start=1))
    total = sum(line.amount_minor for line in lines)
    if total != amount:
        raise _Unusable(f"the lines add up to {total}, not to amount_minor {amount}")
    return lines


def _line(value: object, number: int) -> BillLine:
    """Read one line. Its amount is the line's total; a discount's is below zero."""
    fields = value if isinstance(value, dict) else {}
    title = _text(fields.get("title"), TEXT_CHARS_MAX)
    quantity = _whole(fields.get("quantity"), 1, QUANTITY_MAX)
    amount = _whole(fields.get("amount_minor"), -AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
    if title is None or quantity is None or amount is None:
        raise _Unusable(
            f"line {number} is not a title, a whole quantity above 0 and a whole amount_minor"
        )
    return BillLine(one_line(title), quantity, amount)


@functools.lru_cache(maxsize=512)
def _has_two_decimals(code: str) -> bool:
    """Ask the ISO 4217 table: the wallet counts hundredths whatever the currency is."""
    import iso4217  # noqa: PLC0415 - a table that only this till needs

    try:
        return len(code) == 3 and bool(iso4217.Currency(code).exponent == 2)
    except ValueError:
        return False
