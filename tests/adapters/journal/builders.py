"""Visits, entries and helper processes for the journal's own tests."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from worker.domain.bill import Bill
from worker.domain.ids import LocationId, SpotId, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.visit import End, Step, Visit
from worker.ports import Entry, Record

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HALL = LocationId(9975)


def a_visit(number: int = 1, **changes: Any) -> Visit:
    fields: dict[str, Any] = {
        "visit_id": VisitId(number),
        "instance": "abcdefgh",
        "nonce": "k3f9",
        "location_id": HALL,
        "spot_id": SpotId(f"spot-{number}"),
        "table": f"T{number}",
        "opened_at": NOON,
        "step": Step.SEEN,
        "since": NOON,
    }
    return Visit(**{**fields, **changes})


def a_bill(bill_id: str | None = None, amount_minor: int = 1250, currency: str = "EUR") -> Bill:
    return Bill(bill_id, Money(amount_minor, currency), "Table 15")


def closed(visit: Visit, end: End = End.LEFT) -> Visit:
    return replace(visit, step=Step.CLOSED, end=end, spot_closed_at=NOON)


def a_notice(visit: Visit, **changes: Any) -> Notice:
    """What the till has to hear of a visit that paid."""
    assert visit.bill is not None
    notice = Notice(
        notice_id=visit.reference,
        visit_id=visit.visit_id,
        location_id=visit.location_id,
        table=visit.table,
        bill_id=visit.bill.bill_id or "",
        part_id=None,
        money=visit.bill.money,
        bill_minor=visit.bill.money.amount_minor,
        service_minor=0,
        tip_minor=0,
        transaction_key=visit.transaction_key or TransactionKey("key-1"),
        reference=visit.reference,
        paid_at=NOON,
    )
    return replace(notice, **changes)


def an_entry(visit: Visit, **parts: Any) -> Entry:
    return Entry(visit.visit_id, visit, **parts)


def told(number: int) -> Record:
    return Record(NOON + timedelta(seconds=number), "visit.told", {"line": number})


def a_process(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Run code in a process of its own, with pipes both ways."""
    prelude = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
