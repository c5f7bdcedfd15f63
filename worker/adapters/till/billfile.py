"""Read one bill's file. Whatever stands in it, the answer is a bill or a reason why not.

A reason keeps what could still be read, so that a bad file troubles its own table and no other.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from worker.adapters.till.document import (
    BILL_ID_CHARS_MAX,
    UnusableBill,
    bill_from,
    bill_id_of,
    text_of,
    whole,
)
from worker.domain.bill import Bill
from worker.domain.ids import LocationId

BYTES_MAX: Final = 1024 * 1024
TABLE_CHARS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class OpenBill:
    """A bill that can be charged, or that says itself that nothing is owed."""

    location_id: LocationId
    table: str
    bill_id: str
    bill: Bill | None
    """None: nothing is owed."""
    document: Mapping[str, object]
    """What stands in the file."""
    amount_minor: int
    """What the file asks for now; of a bill on hold, what is owed so far."""
    currency: str


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file that can not be charged, and what could be read of it; None: could not be read."""

    why: str
    location_id: int | None = None
    table: str | None = None
    bill_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None

    def is_of(self, location_id: int, table: str) -> bool:
        """Tell whether the file says that it is this table's."""
        return (self.location_id, self.table) == (location_id, table)

    def may_be_of(self, location_id: int, table: str) -> bool:
        """Tell whether nothing in the file says that it is another table's."""
        return self.location_id in {None, location_id} and self.table in {None, table}


def parse(content: bytes) -> OpenBill | BadFile:
    """Read a file's content. Never raises."""
    if len(content) > BYTES_MAX:
        return BadFile(f"larger than {BYTES_MAX} bytes")
    try:
        fields = _fields(content)
    except UnusableBill as reason:
        return BadFile(str(reason))
    location_id = whole(fields.get("location_id"), 1, 2**63 - 1)
    table = text_of(fields.get("spot"), TABLE_CHARS_MAX)
    bill_id = bill_id_of(fields)
    if location_id is None:
        return BadFile("location_id is not a whole number above zero", None, table, bill_id)
    if table is None:
        why = f"spot is not a text of 1 to {TABLE_CHARS_MAX} characters"
        return BadFile(why, location_id, None, bill_id)
    if bill_id is None:
        why = f"bill_id is not a text of 1 to {BILL_ID_CHARS_MAX} characters"
        return BadFile(why, location_id, table, None)
    try:
        bill = bill_from(fields)
    except UnusableBill as reason:
        return BadFile(str(reason), location_id, table, bill_id)
    # Both were just read as a whole number and a currency.
    amount, currency = fields["amount_minor"], fields["currency"]
    assert type(amount) is int
    assert type(currency) is str
    location = LocationId(location_id)
    return OpenBill(location, table, bill_id, bill, fields, amount, currency)


def _fields(content: bytes) -> Mapping[str, object]:
    """Read the object in a file."""
    try:
        # Byte order marks are what some shops' software begins a file with.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableBill("not UTF-8 text") from None
    if not text.strip():
        raise UnusableBill("empty")
    try:
        value: object = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UnusableBill("not JSON, or only half of it") from None
    if not isinstance(value, dict):
        raise UnusableBill("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that says two things under one name."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise UnusableBill("a field is there twice")
    return fields


def _no_constant(name: str) -> object:
    raise UnusableBill(f"{name} is not a figure")
