"""A notice as a row, and back, exactly."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from worker.adapters.journal import statements
from worker.adapters.journal.rows import UnreadableRow, at_from_text, at_text, body_text, clean
from worker.adapters.journal.rules import Rule, conflict
from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.ports import KeptNotice, NoticeState, Owed, Posted

NoticeRow = tuple[str | int, ...]


def notice_row(notice: Notice) -> NoticeRow:
    """Give the columns of a notice that is to be told from now on."""
    told_since = at_text(notice.paid_at)
    return (
        clean(notice.notice_id),
        notice.visit_id,
        notice.location_id,
        clean(notice.bill_id),
        body_text(notice_body(notice)),
        told_since,
        told_since,
    )


def notice_body(notice: Notice) -> Mapping[str, Any]:
    """Give what the other columns do not say, and the texts that they only compare."""
    return {
        "bill_id": notice.bill_id,
        "table": notice.table,
        "part_id": notice.part_id,
        "amount_minor": notice.money.amount_minor,
        "currency": notice.money.currency,
        "bill_minor": notice.bill_minor,
        "service_minor": notice.service_minor,
        "tip_minor": notice.tip_minor,
        "transaction_key": notice.transaction_key,
        "reference": notice.reference,
        "paid_at": notice.paid_at,
    }


def notice_from(notice_id: str, visit_id: int, location_id: int, bill_id: str, body: str) -> Notice:
    """Read what `notice_row` wrote.

    Raises:
        UnreadableRow: it is not what this version writes.

    """
    try:
        said = json.loads(body)
        return Notice(
            notice_id=notice_id,
            visit_id=VisitId(visit_id),
            location_id=LocationId(location_id),
            table=said["table"],
            bill_id=said.get("bill_id", bill_id),
            part_id=said["part_id"],
            money=Money(said["amount_minor"], said["currency"]),
            bill_minor=said["bill_minor"],
            service_minor=said["service_minor"],
            tip_minor=said["tip_minor"],
            transaction_key=TransactionKey(said["transaction_key"]),
            reference=OrderReference(said["reference"]),
            paid_at=at_from_text(said["paid_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRow(f"notice {notice_id} can not be read: {error}") from error


def owed_from(row: tuple[Any, ...]) -> Owed:
    """Read a notice that the till has not accepted."""
    *identity, attempts, told_since, next_at = row
    return Owed(
        notice=notice_from(*identity),
        attempts=attempts,
        told_since=at_from_text(told_since),
        next_at=at_from_text(next_at),
    )


def kept_from(row: tuple[Any, ...]) -> KeptNotice:
    """Read a notice, however far it got."""
    *owed, state, ended_at, detail = row
    return KeptNotice(
        owed=owed_from(tuple(owed)),
        state=NoticeState(state),
        ended_at=at_from_text(ended_at) if ended_at else None,
        detail=detail,
    )


def note_posted(connection: sqlite3.Connection, visit_id: VisitId, posted: Posted, at: str) -> None:
    """Write what came of telling a notice, or of a human's handing it back.

    Raises:
        JournalConflict: there is no such notice, or it is handed back and the till has it already.

    """
    is_over = posted.state is not NoticeState.PENDING
    name = clean(posted.notice_id)
    row = (
        posted.state.value,
        int(posted.is_attempt),
        at_text(posted.next_at),
        clean(posted.detail),
        at if is_over else None,
        name,
    )
    if connection.execute(statements.POSTED, row).rowcount == 0:
        asked = "SELECT 1 FROM notice WHERE notice_id = ?"
        is_known = connection.execute(asked, (name,)).fetchone() is not None
        rule = Rule.NOTICE_IS_ACCEPTED if is_known else Rule.NOTICE_IS_UNKNOWN
        raise conflict(visit_id, rule)
