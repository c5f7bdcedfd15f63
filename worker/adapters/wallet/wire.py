"""Turn answers into the domain's nouns.

Strict on what decides (keys, statuses, amounts), lenient on the rest: null is absent, an id may be
a number or text, unknown fields are ignored. What can not be read is Unreadable, never an exception
and never a guess. Untyped JSON does not leave this file.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, NoReturn, TypeVar

from worker.adapters.wallet import shapes
from worker.domain.errors import MoneyError
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money, minor_from_decimal
from worker.domain.wallet import (
    Payment,
    Spot,
    SpotOrder,
    SpotStatus,
    Transaction,
    TransactionStatus,
)

T = TypeVar("T")

DESCRIPTION_CHARS_MAX: Final = 300
IDENTIFIER_CHARS_MAX: Final = 256
PAYMENT_ID_DIGITS_MAX: Final = 20
REFERENCE_CHARS_MAX: Final = 256
SPOT_ID_CHARS_MAX: Final = 64
STATUS_CHARS_MAX: Final = 64

_KEY: Final = re.compile(r"[!-~]{1,256}")
_UNIX_MIN: Final = 10**9
_UNIX_MAX: Final = 10**11
_SPOT_STATUSES: Final = {status.value: status for status in SpotStatus}
_TRANSACTION_STATUSES: Final = {status.value: status for status in TransactionStatus}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The answer does not say what it must."""

    why: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list."""

    rows: tuple[T, ...]
    unread: int
    """How many rows could not be read."""
    facts: shapes.PageFacts


def read_spots(body: bytes) -> Page[Spot] | Unreadable:
    """Read a page of spots."""
    return _page(body, "spots", _spot)


def read_transactions(body: bytes) -> Page[Transaction] | Unreadable:
    """Read a page of shortened transactions."""
    return _page(body, "transactions", _transaction)


def read_spot(body: bytes, asked: SpotId) -> Spot | Unreadable:
    """Read the spot that was asked for; another one is no answer."""
    for candidate in _candidates(body, shapes.SPOT_PLACES):
        spot = _spot(candidate)
        if spot is not None:
            return spot if spot.spot_id == asked else Unreadable("the answer is another spot")
    return Unreadable("the answer is no spot")


def read_transaction(body: bytes, asked: TransactionKey) -> Transaction | Unreadable:
    """Read the transaction that was asked for; another one is no answer."""
    for candidate in _candidates(body, shapes.TRANSACTION_PLACES):
        found = _transaction(candidate)
        if found is not None:
            return found if found.key == asked else Unreadable("the answer is another transaction")
    return Unreadable("the answer is no transaction")


def read_created(body: bytes) -> Transaction | Unreadable:
    """Read a new transaction. Only its key must be there: nothing can be done without it."""
    for candidate in _candidates(body, shapes.TRANSACTION_PLACES):
        found = _transaction(candidate, needs_status=False)
        if found is not None:
            return found
    return Unreadable("the answer has no readable transaction key")


def read_linked(body: bytes, key: TransactionKey) -> SpotOrder | None:
    """Find the order with our key in a link's answer, wherever it is; None: it is not shown."""
    for candidate in _candidates(body, shapes.ORDER_PLACES):
        for order in (_order(candidate), *(_orders(candidate.get("orders")) or ())):
            if order is not None and order.transaction_key == key:
                return order
    return None


def read_server_time(body: bytes) -> int | Unreadable:
    """Read the server's Unix time."""
    for candidate in _candidates(body, ((),)):
        time = candidate.get("time")
        if type(time) is int and _UNIX_MIN <= time <= _UNIX_MAX:
            return time
    return Unreadable("the answer has no server time")


def read_refusal(body: bytes) -> tuple[str, str] | None:
    """Give code and description of the wallet's error object; None: it is no such object."""
    for candidate in _candidates(body, ((),)):
        code = candidate.get("error")
        if isinstance(code, str) and code:
            description = candidate.get("error_description")
            words = description if isinstance(description, str) else ""
            return printable(code, STATUS_CHARS_MAX), printable(words, DESCRIPTION_CHARS_MAX)
    return None


def printable(text: str, chars_max: int) -> str:
    """Cut text from outside and escape what could forge a log line."""
    kept = text[:chars_max]
    if kept.isprintable():
        return kept
    return "".join(c if c.isprintable() else _escaped(c) for c in kept)[:chars_max]


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _json(body: bytes) -> Any:
    """Parse, or give None. Deep nesting and numbers of megabytes are unreadable, not a crash.

    So is an object that says two things under one name: which of them counts would be a guess.
    """
    try:
        return json.loads(
            body, object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_refuse
        )
    except (ValueError, ArithmeticError, RecursionError):
        # ArithmeticError: what Decimal says of an exponent that is too large for it.
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is there twice")
    return fields


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _candidates(body: bytes, places: Sequence[tuple[str, ...]]) -> Iterator[Mapping[str, Any]]:
    """Give the objects found at these places of the answer."""
    root = _json(body)
    for place in places:
        found = root
        for name in place:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict):
            yield found


def _page(
    body: bytes, name: str, read: Callable[[Mapping[str, Any]], T | None]
) -> Page[T] | Unreadable:
    root = _json(body)
    raw = root.get(name) if isinstance(root, dict) else None
    if not isinstance(raw, list):
        return Unreadable(f"the answer has no list of {name}")
    found = [read(row) if isinstance(row, dict) else None for row in raw]
    rows = tuple(row for row in found if row is not None)
    return Page(rows, len(raw) - len(rows), _facts(root.get("_metadata"), len(raw)))


def _facts(metadata: Any, rows: int) -> shapes.PageFacts:
    if not isinstance(metadata, dict):
        return shapes.PageFacts(rows)
    has_next = metadata.get("has_next")
    return shapes.PageFacts(
        rows,
        _count(metadata.get("total")),
        _count(metadata.get("offset")),
        _count(metadata.get("limit")),
        has_next if isinstance(has_next, bool) else None,
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= 10**9 else None


def _text(value: Any, chars_max: int) -> str | None:
    """Give text that can be kept anywhere: a lone surrogate could not even be written down."""
    if not isinstance(value, str):
        return None
    return value[:chars_max].encode("utf-8", "replace").decode("utf-8")


def _spot(row: Mapping[str, Any]) -> Spot | None:
    spot_id = _spot_id(row.get("id"))
    status = _text(row.get("status"), STATUS_CHARS_MAX)
    if spot_id is None or not status:
        return None
    place = row.get("place_info")
    return Spot(
        spot_id,
        _SPOT_STATUSES.get(status, SpotStatus.OTHER),
        _text(row.get("identifier"), IDENTIFIER_CHARS_MAX) or "",
        _location_id(place.get("location_id")) if isinstance(place, dict) else None,
        _orders(row.get("orders")),
    )


def _spot_id(value: Any) -> SpotId | None:
    if type(value) is int:
        return SpotId(str(value)) if 0 <= value < 10**SPOT_ID_CHARS_MAX else None
    if isinstance(value, str) and 1 <= len(value) <= SPOT_ID_CHARS_MAX:
        text = _text(value, SPOT_ID_CHARS_MAX)
        # A cut or mended id would be another spot's.
        return SpotId(value) if text == value else None
    return None


def _location_id(value: Any) -> LocationId | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        value = int(value)
    return LocationId(value) if type(value) is int else None


def _orders(raw: Any) -> tuple[SpotOrder, ...] | None:
    """Read orders; one that can not be read makes the list say nothing, since it may be ours."""
    if not isinstance(raw, list):
        return None
    orders = tuple(_order(row) for row in raw if isinstance(row, dict))
    read = tuple(order for order in orders if order is not None)
    return read if len(read) == len(raw) else None


def _order(row: Mapping[str, Any]) -> SpotOrder | None:
    key = _key(row.get("transaction_key"))
    return None if key is None else SpotOrder(key, _text(row.get("status"), STATUS_CHARS_MAX) or "")


def _key(value: Any) -> TransactionKey | None:
    return TransactionKey(value) if isinstance(value, str) and _KEY.fullmatch(value) else None


def _transaction(row: Mapping[str, Any], *, needs_status: bool = True) -> Transaction | None:
    key = _key(row.get("transaction_key"))
    status = _text(row.get("status"), STATUS_CHARS_MAX) or ""
    if key is None or (needs_status and not status):
        return None
    payments = row.get("payments")
    auto_confirm = row.get("auto_confirm")
    return Transaction(
        key,
        _TRANSACTION_STATUSES.get(status, TransactionStatus.OTHER),
        printable(status, STATUS_CHARS_MAX),
        tuple(_payment(each) for each in payments) if isinstance(payments, list) else None,
        auto_confirm if isinstance(auto_confirm, bool) else None,
    )


def _payment(row: Any) -> Payment:
    if not isinstance(row, dict):
        return Payment(None, None)
    parameters = row.get("parameters")
    given = parameters.get(shapes.REFERENCE_FIELD) if isinstance(parameters, dict) else None
    return Payment(_money(row), _reference(given), _payment_id(row.get("id")))


def _payment_id(value: Any) -> str | None:
    """Read the payment's name: a whole number in every example seen, so also text of one."""
    if type(value) is int and 0 < value < 10**PAYMENT_ID_DIGITS_MAX:
        return str(value)
    is_text = isinstance(value, str) and value.isascii() and value.isdigit()
    return value if is_text and 1 <= len(value) <= PAYMENT_ID_DIGITS_MAX else None


def _reference(value: Any) -> OrderReference | None:
    if type(value) is int and abs(value) < 10**SPOT_ID_CHARS_MAX:
        return OrderReference(str(value))
    if isinstance(value, str) and 1 <= len(value) <= REFERENCE_CHARS_MAX:
        return OrderReference(value) if _text(value, REFERENCE_CHARS_MAX) == value else None
    return None


def _money(row: Mapping[str, Any]) -> Money | None:
    """Read the amount from `price` and `price_decimal`; if both are there they must agree."""
    price, decimal = row.get("price"), row.get("price_decimal")
    figures: set[int] = set()
    try:
        if price is not None:
            if type(price) is not int:
                return None
            figures.add(price)
        if decimal is not None:
            if not isinstance(decimal, str):
                return None
            figures.add(minor_from_decimal(decimal))
        return Money(figures.pop(), row["currency"]) if len(figures) == 1 else None
    except (MoneyError, KeyError):
        return None
