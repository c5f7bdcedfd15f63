"""What is written into a journal here."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from worker.adapters.journal.memory import MemoryJournal
from worker.adapters.journal.sqlite import SqliteJournal
from worker.domain.bill import Bill, BillLine
from worker.domain.commands import WriteKind
from worker.domain.ids import LocationId, SpotId, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.visit import End, Step, Visit
from worker.ports import Entry, Intent

HALL = LocationId(9975)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

Journal = MemoryJournal | SqliteJournal


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


def a_bill(bill_id: str | None = "bill-7") -> Bill:
    return Bill(bill_id, Money(1250, "EUR"), "Table 15", (BillLine("Soup", 2, 1250),))


def an_entry(visit: Visit, **parts: Any) -> Entry:
    return Entry(visit.visit_id, visit, **parts)


def key(text: str) -> TransactionKey:
    return TransactionKey(text)


def closed(visit: Visit, end: End = End.LEFT) -> Visit:
    return replace(visit, step=Step.CLOSED, end=end, spot_closed_at=NOON)


CREATE_1 = Intent(WriteKind.CREATE, "v1.abcdefgh.9975.1.k3f91")
CREATE_2 = Intent(WriteKind.CREATE, "v1.abcdefgh.9975.1.k3f92")
CONFIRM_A = Intent(WriteKind.CONFIRM, "key-a")
CONFIRM_B = Intent(WriteKind.CONFIRM, "key-b")
CLOSE = Intent(WriteKind.CLOSE, "")
