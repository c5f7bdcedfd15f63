"""Make documents of bills from the rows that a shop's database gave.

A row is a bill, or one line of a bill: rows with the same bill_id are gathered, and must agree on
everything that is the bill's. Whatever does not fit spoils the whole answer: a bill that is left
out would look as if the guest owed nothing.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from worker.adapters.till.connector import Document
from worker.adapters.till.sql import values
from worker.adapters.till.sql.values import UnusableValue, shown

ROWS_MAX: Final = 2000

Row = Sequence[object]
_Reader = Callable[[object], object]

_REQUIRED: Final[Mapping[str, _Reader]] = {"bill_id": values.identifier, "currency": values.text}
_AMOUNTS: Final[Mapping[str, _Reader]] = {"amount_minor": values.whole, "amount": values.minor}
_OPTIONAL: Final[Mapping[str, _Reader]] = {
    "description": values.text,
    "opened_at": values.instant,
    "final": values.truth,
    "ceiling_minor": values.whole,
    "hold_s": values.whole,
    "at_hold_end": values.text,
    "lines": values.listing,
    "parts": values.listing,
}
_ASKED: Final[Mapping[str, _Reader]] = {
    "location_id": values.whole,
    "spot": values.identifier,
}
"""What a row may repeat of the question, to be sure that it is an answer to it."""
_LINE: Final[Mapping[str, _Reader]] = {
    "line_title": values.text,
    "line_quantity": values.whole,
}
_LINE_AMOUNTS: Final[Mapping[str, _Reader]] = {
    "line_amount_minor": values.whole,
    "line_amount": values.minor,
}
_LINE_OPTIONAL: Final[Mapping[str, _Reader]] = {"line_kind": values.text}

READERS: Final[Mapping[str, _Reader]] = {
    **_REQUIRED, **_AMOUNTS, **_OPTIONAL, **_ASKED, **_LINE, **_LINE_AMOUNTS, **_LINE_OPTIONAL
}  # fmt: skip


class UnusableRows(Exception):
    """Why the rows are not bills; the words follow the statement's name."""


@dataclass(slots=True)
class _Gathered:
    """One bill while its rows come in."""

    row: Mapping[str, object]
    lines: list[Document] = field(default_factory=list)


def documents(
    columns: Sequence[str], rows: Sequence[Row], location_id: int, spot: str
) -> list[Document]:
    """Read every row; the bills in the statement's own order.

    Raises:
        UnusableRows: columns are missing, unknown or there twice, or a row does not fit.

    """
    names = columns_of(columns)
    if len(rows) > ROWS_MAX:
        raise UnusableRows(f"gives more than {ROWS_MAX} rows for one spot: is its WHERE complete?")
    bills: dict[str, _Gathered] = {}
    for row in rows:
        fields = _read(names, row)
        _refuse_stranger(fields, location_id, spot)
        bill_id = str(fields["bill_id"])
        line = _line(fields)
        bill = {name: value for name, value in fields.items() if name not in _NOT_THE_BILLS}
        known = bills.get(bill_id)
        if known is None:
            known = bills[bill_id] = _Gathered(bill)
        elif "line_title" not in names:
            raise UnusableRows(
                f"gives bill {_name(bill_id)} in two rows: without columns for lines "
                "(line_title ...) a bill is one row"
            )
        else:
            _refuse_disagreement(bill_id, known.row, bill)
        if line is not None:
            known.lines.append(line)
    return [_document(bill) for bill in _gathered_bills(bills)]


_LINES: Final = frozenset({*_LINE, *_LINE_AMOUNTS, *_LINE_OPTIONAL})
_NOT_THE_BILLS: Final = frozenset({*_LINES, *_ASKED})


def columns_of(columns: Sequence[str]) -> list[str]:
    """Check the names of the columns, whatever case the database gives them in.

    Raises:
        UnusableRows: they can not make a bill.

    """
    names = [name.lower() for name in columns]
    for name in names:
        if name not in READERS:
            close = difflib.get_close_matches(name, READERS, n=1)
            meant = f"did you mean {close[0]}?" if close else "select only what a bill is made of"
            raise UnusableRows(f"gives a column {_name(name)} that is not known: {meant}")
        if names.count(name) > 1:
            raise UnusableRows(f"gives the column {name} twice")
    missing = [name for name in _REQUIRED if name not in names]
    if not any(name in names for name in _AMOUNTS):
        missing.append("amount_minor (or amount)")
    if missing:
        found = ", ".join(names) or "none"
        raise UnusableRows(f"gives no column {', '.join(missing)}; its columns are: {found}")
    for first, other in (_AMOUNTS, _LINE_AMOUNTS):
        if first in names and other in names:
            raise UnusableRows(f"gives both {first} and {other}: select one of them")
    lines = [name for name in names if name in _LINES]
    without = [name for name in _LINE if lines and name not in names]
    if lines and not any(name in names for name in _LINE_AMOUNTS):
        without.append("line_amount_minor (or line_amount)")
    if without:
        raise UnusableRows(f"gives {', '.join(lines)} but no column {', '.join(without)}")
    if lines and "lines" in names:
        raise UnusableRows(f"gives both lines and {lines[0]}: select one of them")
    return names


def _read(names: Sequence[str], row: Row) -> dict[str, object]:
    """Read one row; a column that is NULL and need not be there is left out."""
    raw = dict(zip(names, row, strict=True))
    is_line_free = all(raw.get(name) is None for name in _LINES)
    fields: dict[str, object] = {}
    for name, value in raw.items():
        if value is None and (
            name in _OPTIONAL or name in _LINE_OPTIONAL or (name in _LINES and is_line_free)
        ):
            continue
        try:
            fields[name] = READERS[name](value)
        except UnusableValue as reason:
            of = f" of bill {_name(str(fields['bill_id']))}" if "bill_id" in fields else ""
            raise UnusableRows(f"gives a wrong column {name}{of}: it {reason}") from None
    return fields


def _refuse_stranger(fields: Mapping[str, object], location_id: int, spot: str) -> None:
    """Refuse another spot's bill: some databases compare text without case or accents."""
    asked = {"location_id": location_id, "spot": spot}
    for name, value in asked.items():
        if name in fields and fields[name] != value:
            raise UnusableRows(
                f"gives a bill whose {name} is {shown(fields[name])}, which is not the one asked "
                "for: compare it exactly"
            )


def _line(fields: Mapping[str, object]) -> Document | None:
    """Take the line out of a row; None: the bill of this row has none."""
    if "line_title" not in fields:
        return None
    line = {name.removeprefix("line_"): fields[name] for name in _LINES if name in fields}
    if "amount" in line:
        line["amount_minor"] = line.pop("amount")
    return line


def _refuse_disagreement(
    bill_id: str, first: Mapping[str, object], other: Mapping[str, object]
) -> None:
    for name in READERS:
        if first.get(name) != other.get(name):
            raise UnusableRows(
                f"gives bill {_name(bill_id)} in rows that do not agree on {name}: one has "
                f"{shown(first.get(name))}, another {shown(other.get(name))}"
            )


def _gathered_bills(bills: Mapping[str, _Gathered]) -> list[Mapping[str, object]]:
    """Refuse bills of which some say when they were opened, and others do not.

    The guard orders by it where every bill has it; half of a column is a mistake to tell.
    """
    gathered: list[Mapping[str, object]] = [
        {**bill.row, "lines": bill.lines} if bill.lines else bill.row for bill in bills.values()
    ]
    opened = [at for bill in gathered if isinstance(at := bill.get("opened_at"), datetime)]
    if opened and len(opened) < len(gathered):
        raise UnusableRows("gives an opened_at for some bills and NULL for others")
    return gathered


def _document(bill: Mapping[str, object]) -> Document:
    """Write a bill in plain values."""
    document = dict(bill)
    if "amount" in document:
        document["amount_minor"] = document.pop("amount")
    opened_at = document.get("opened_at")
    if isinstance(opened_at, datetime):
        document["opened_at"] = opened_at.isoformat()
    return document


def _name(name: str) -> str:
    """Show a bill's name within bounds."""
    return shown(name).removeprefix("the text ")
