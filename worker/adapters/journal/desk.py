"""What operators asked for and decided, as rows, over whichever connection is handed in."""

import json
import sqlite3
from datetime import datetime
from typing import Any

from worker.adapters.journal import statements
from worker.adapters.journal.notices import kept_from
from worker.adapters.journal.rows import at_from_text, at_text, body_text, clean, visit_from_text
from worker.domain.ids import VisitId
from worker.domain.visit import Visit
from worker.ports import Handled, KeptNotice, Reply, Resolution, Verdict


def keep_handled(connection: sqlite3.Connection, handled: Handled) -> None:
    """Write a request with its reply, and whether new visits are begun from now on."""
    request, reply = handled.request, handled.reply
    row = (
        clean(request.request_id),
        at_text(handled.at),
        clean(request.who),
        clean(request.verb),
        body_text(request.words),
        reply.exit_code,
        clean(reply.text),
    )
    connection.execute(statements.KEEP_REQUEST, row)
    if handled.is_draining:
        connection.execute(statements.BEGIN_DRAINING, (at_text(handled.at),))
    elif handled.is_draining is False:
        connection.execute(statements.END_DRAINING)


def keep_resolution(
    connection: sqlite3.Connection, visit_id: VisitId, resolution: Resolution
) -> None:
    """Write how a human settled a visit, and let go of what it no longer keeps from others."""
    more = {"frees_bill": resolution.frees_bill, "freed_parts": list(resolution.freed_parts)}
    row = (
        visit_id,
        resolution.verdict.value,
        at_text(resolution.at),
        clean(resolution.who),
        clean(resolution.note),
        body_text(more),
    )
    connection.execute(statements.KEEP_RESOLUTION, row)
    if resolution.frees_bill:
        connection.execute(statements.RELEASE_BILL, (visit_id,))
    for part_id in resolution.freed_parts:
        connection.execute(statements.RELEASE_PART, (visit_id, clean(part_id)))


def reply_to(connection: sqlite3.Connection, request_id: str) -> Reply | None:
    """Give the reply to a request that was done before."""
    found = connection.execute(statements.REPLY, (clean(request_id),)).fetchone()
    return Reply(*found) if found else None


def draining_since(connection: sqlite3.Connection) -> datetime | None:
    """Tell since when no new visits are begun; None: they are."""
    found = connection.execute(statements.DRAINING).fetchone()
    return at_from_text(found[0]) if found else None


def visit_of(connection: sqlite3.Connection, visit_id: VisitId) -> Visit | None:
    """Give one visit; None: there is no such number."""
    found = connection.execute(statements.VISIT, (visit_id,)).fetchone()
    return visit_from_text(found[0]) if found else None


def notices_of(connection: sqlite3.Connection, visit_id: VisitId) -> tuple[KeptNotice, ...]:
    """Give every notice of a visit, oldest first."""
    rows = connection.execute(f"{statements.NOTICES} WHERE visit_id = ? ORDER BY seq", (visit_id,))
    return tuple(kept_from(row) for row in rows.fetchall())


def unposted(connection: sqlite3.Connection) -> tuple[KeptNotice, ...]:
    """Give every notice that the till has not accepted, oldest first."""
    rows = connection.execute(f"{statements.NOTICES} WHERE state <> 'accepted' ORDER BY seq")
    return tuple(kept_from(row) for row in rows.fetchall())


def notices_since(connection: sqlite3.Connection, at: datetime) -> tuple[KeptNotice, ...]:
    """Give the notices of the visits that were paid since then, or later settled, oldest first."""
    where = "WHERE visit_id IN (SELECT visit_id FROM notice WHERE told_since >= ?) ORDER BY seq"
    rows = connection.execute(f"{statements.NOTICES} {where}", (at_text(at),))
    return tuple(kept_from(row) for row in rows.fetchall())


def resolution_of(connection: sqlite3.Connection, visit_id: VisitId) -> Resolution | None:
    """Tell how a human settled a visit; None: nobody did."""
    found = connection.execute(statements.RESOLUTION, (visit_id,)).fetchone()
    return resolution_from(*found) if found else None


def resolutions(connection: sqlite3.Connection) -> dict[VisitId, Resolution]:
    """Give how humans settled parked visits."""
    rows = connection.execute("SELECT visit_id, verdict, at, who, note, body FROM resolution")
    return {VisitId(visit_id): resolution_from(*row) for visit_id, *row in rows.fetchall()}


def resolution_from(verdict: str, at: str, who: str, note: str, body: str) -> Resolution:
    """Read what `keep_resolution` wrote."""
    more: dict[str, Any] = json.loads(body)
    return Resolution(
        verdict=Verdict(verdict),
        at=at_from_text(at),
        who=who,
        note=note,
        frees_bill=bool(more["frees_bill"]),
        freed_parts=tuple(more["freed_parts"]),
    )
