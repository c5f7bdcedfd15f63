"""A visit as a row, and back, exactly.

The whole visit is one JSON document; the columns beside it repeat what indexes and listings need.
A field at its default is left out of the document, so a field that is added later reads as its
default from the rows that were written before it existed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, get_args, get_origin, get_type_hints

from worker.domain.bill import AtHoldEnd, Bill, BillLine, BillPart, Hold, LineKind
from worker.domain.money import Money
from worker.domain.part import Part, PartState
from worker.domain.visit import End, Step, Visit
from worker.ports import Entry

VisitRow = tuple[str | int | None, ...]


class UnreadableRow(ValueError):
    """A row says something that this version can not read."""


def visit_row(visit: Visit) -> VisitRow:
    """Give the columns of a visit: those that may change, its identity, then its table."""
    bill, closed_at = visit.bill, visit.spot_closed_at
    money = bill.money if bill else None
    return (
        visit.step.value,
        visit.end.value if visit.end else None,
        clean(bill.bill_id) if bill and bill.bill_id is not None else None,
        money.amount_minor if money else None,
        money.currency if money else None,
        clean(visit.transaction_key) if visit.transaction_key is not None else None,
        at_text(closed_at) if closed_at else None,
        visit.taken_minor,
        visit_text(visit),
        visit.visit_id,
        visit.location_id,
        clean(visit.spot_id),
        at_text(visit.opened_at),
        clean(visit.table),
    )


def visit_text(visit: Visit) -> str:
    """Write a visit as one JSON document."""
    return _encode(
        {
            name: value
            for name, value, default in zip(_NAMES, _values_of(visit), _DEFAULTS, strict=True)
            if value is not default and value != default
        }
    )


def visit_from_text(text: str) -> Visit:
    """Read a visit from its JSON document.

    Raises:
        UnreadableRow: the document is not one that this version writes.

    """
    try:
        document = json.loads(text)
        return Visit(**{name: _DECODERS[name](value) for name, value in document.items()})
    except KeyError as error:
        raise UnreadableRow(
            f"a visit has a field {error} that this version does not know"
        ) from error
    except (AttributeError, TypeError, ValueError) as error:
        raise UnreadableRow(f"a visit can not be read: {error}") from error


def moment_of(entry: Entry, visit: Visit) -> datetime:
    """Tell when an entry is made: at its newest record, else when its visit got where it is."""
    return max((record.at for record in entry.records), default=visit.since)


def body_text(body: Mapping[str, Any]) -> str:
    """Write any record's body as JSON: ASCII, one line."""
    return _encode(body)


@lru_cache(maxsize=1024)  # A visit is written again and again with the same few instants.
def at_text(at: datetime) -> str:
    """Write an instant as UTC text that sorts as time does.

    Raises:
        ValueError: the instant has no time zone.

    """
    if at.tzinfo is None:
        raise ValueError(f"an instant without a time zone: {at}")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def at_from_text(text: str) -> datetime:
    """Read what `at_text` wrote."""
    return datetime.fromisoformat(text)


def clean(text: str) -> str:
    """Give a text that a TEXT column can hold, the same for the same text.

    A lone surrogate can come out of an answer's JSON and has no UTF-8 form. The document keeps the
    text as it was; the columns only ever serve to compare.
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _plain(value: object) -> object:
    """Give JSON's form of what the encoder does not know."""
    match value:
        case datetime():
            return at_text(value)
        case Bill():
            return _bill_document(value)
        case Part():
            return _part_document(value)
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"a {type(value).__name__} has no place in the journal")


def _bill_document(bill: Bill) -> dict[str, object]:
    """Give JSON's form of a bill; what only some bills have is left out of the others."""
    document: dict[str, object] = {
        "bill_id": bill.bill_id,
        "amount_minor": bill.money.amount_minor,
        "currency": bill.money.currency,
        "description": bill.description,
        "lines": [_line_document(line) for line in bill.lines],
    }
    if bill.parts:
        document["parts"] = [[p.part_id, p.money.amount_minor, p.description] for p in bill.parts]
    if bill.hold is not None:
        document["hold"] = [bill.hold.known_minor, bill.hold.for_s, bill.hold.at_end.value]
    return document


def _line_document(line: BillLine) -> list[object]:
    plain: list[object] = [line.title, line.quantity, line.amount_minor]
    return plain if line.kind is LineKind.ITEM else [*plain, line.kind.value]


def _bill(document: Any) -> Bill:
    currency, hold = document["currency"], document.get("hold")
    return Bill(
        bill_id=document["bill_id"],
        money=Money(document["amount_minor"], currency),
        description=document["description"],
        lines=tuple(_line(*line) for line in document["lines"]),
        parts=tuple(
            BillPart(part_id, Money(amount_minor, currency), description)
            for part_id, amount_minor, description in document.get("parts", ())
        ),
        hold=Hold(hold[0], hold[1], AtHoldEnd(hold[2])) if hold else None,
    )


def _line(title: str, quantity: int, amount_minor: int, kind: str = "item") -> BillLine:
    return BillLine(title, quantity, amount_minor, LineKind(kind))


def _part_document(part: Part) -> list[object]:
    return [
        part.part_id,
        part.money.amount_minor,
        part.money.currency,
        part.description,
        part.state.value,
        part.number,
        part.key,
        at_text(part.reserved_at) if part.reserved_at else None,
    ]


def _parts(document: Any) -> tuple[Part, ...]:
    return tuple(_part(*row) for row in document)


def _part(
    part_id: str, amount_minor: int, currency: str, description: str, state: str, *rest: Any
) -> Part:
    number, key, reserved_at = rest
    return Part(
        part_id,
        Money(amount_minor, currency),
        description,
        PartState(state),
        number,
        key,
        at_from_text(reserved_at) if reserved_at else None,
    )


def _as_is(value: Any) -> Any:
    return value


def _decoder(hint: Any) -> Callable[[Any], Any]:
    """Choose how a field of this type is read back."""
    kinds = {hint, *get_args(hint)}
    if Part in kinds:
        return _parts
    for kind, decode in ((datetime, at_from_text), (Step, Step), (End, End), (Bill, _bill)):
        if kind in kinds:
            return decode
    return tuple if get_origin(hint) is tuple else _as_is


_encode: Final = json.JSONEncoder(separators=(",", ":"), default=_plain).encode
_NAMES: Final = tuple(field.name for field in fields(Visit))
_DEFAULTS: Final = tuple(field.default for field in fields(Visit))
_DECODERS: Final = {name: _decoder(hint) for name, hint in get_type_hints(Visit).items()}
_values_of: Final[Callable[[Visit], tuple[Any, ...]]] = attrgetter(*_NAMES)

assert MISSING in _DEFAULTS, "a field without a default is always written"
