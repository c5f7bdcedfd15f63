"""A vendor call as handlers see it, and the reading of what all endpoints share.

Paging, status words, fields and ids are read here, so that every endpoint refuses them in the same
words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TypeVar

from . import wire
from .errors import invalid_parameters, invalid_request, not_found, unsupported
from .model import CheckIn, Spot

R = TypeVar("R")

LIMIT_DEFAULT = 20
LIMIT_MAX = 200
SOMETIMES = frozenset(
    {"wallet", "type", "confirmed_at", "location_id"}
)  # absent until they are set


@dataclass(slots=True)
class Call:
    """A vendor call: the variable parts of its path, its query, its body, what it learned."""

    op: str
    params: tuple[str, ...]
    query: dict[str, str]
    body: bytes
    ext: dict[str, str] = field(default_factory=dict)
    stale_s: float = 0.0  # tell lists as they were so long ago
    drop: int | None = None  # leave out this row of a list
    shows: list[CheckIn] = field(default_factory=list)
    closed: CheckIn | None = None

    def only(self, *names: str) -> None:
        """Refuse query parameters that this endpoint has not learned."""
        for name in self.query:
            if name not in names:
                raise unsupported(
                    f"the query parameter {name[:80]!r} of {self.op}", "request.query"
                )

    def json(self) -> object:
        """Read the body."""
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as exc:
            raise invalid_request("the body is not JSON") from exc

    def no_body(self) -> None:
        """Refuse a body where none belongs; an empty list or object is none."""
        if self.body and self.json() not in ([], {}):
            raise unsupported(f"a body of {self.op}", "request.body")

    def ext_number(self, name: str) -> int | None:
        """Read a number that the client signed into ext."""
        if name not in self.ext:
            return None
        return whole(self.ext[name], f"ext.{name}")

    def query_number(self, name: str) -> int | None:
        """Read a number of the query."""
        return whole(self.query[name], name) if name in self.query else None


def page(call: Call, rows: list[R]) -> tuple[list[R], wire.JsonObject]:
    """Cut a page out of rows, and tell which it is."""
    limit, offset = call.query_number("limit"), call.query_number("offset") or 0
    limit = LIMIT_DEFAULT if limit is None else limit
    if not 1 <= limit <= LIMIT_MAX:
        raise invalid_parameters("limit", f"must be between 1 and {LIMIT_MAX}")
    page = rows[offset : offset + limit]
    if call.drop is not None and page:
        del page[call.drop % len(page)]
    return page, {"total": len(rows), "offset": offset, "limit": limit}


def fields(call: Call, row: wire.JsonObject) -> wire.JsonObject:
    """Limit an answer to the fields that were asked for."""
    names = [one for one in call.query.get("fields", "").split(",") if one]
    tops = {one.partition(".")[0] for one in names}
    for name in tops - {"*", *row} - SOMETIMES:
        raise unsupported(f"the field {name[:80]!r} in fields of {call.op}", "request.fields")
    return row if not tops or "*" in tops else {key: row[key] for key in row if key in tops}


def statuses(call: Call, known: tuple[str, ...]) -> tuple[str, ...]:
    """Read the status words of a list; all that are known when none is given."""
    if "status" not in call.query:
        return known
    wanted = tuple(call.query["status"].split(","))
    for one in wanted:
        if one not in known:
            raise unsupported(f"the status {one[:80]!r} of {call.op}", "request.query")
    return wanted


def shown(call: Call, spot: Spot) -> None:
    """Note that the client will see the present guest of a spot."""
    if spot.checkin is not None:
        call.shows.append(spot.checkin)


def id_in(text: str, what: str) -> int:
    """Read an id from a path; what is no id is not found."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise not_found(f"{what} {text[:80]}")
    return int(text)


def whole(text: str, name: str) -> int:
    """Read a whole number from a query, a path or ext."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise invalid_parameters(name, "must be a whole number")
    return int(text)


def _no_constant(name: str) -> object:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
