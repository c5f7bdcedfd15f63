"""A folder as a shop's software keeps it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from worker.domain.bill import Bill
from worker.domain.ids import LocationId, OrderReference, TransactionKey
from worker.domain.money import Money
from worker.ports import PaidBill

HALL = LocationId(9975)
TERRACE = LocationId(9976)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def fields(**changed: object) -> dict[str, Any]:
    """What stands in a good file."""
    return {
        "bill_id": "B-1",
        "spot": "table5",
        "location_id": 9975,
        "currency": "EUR",
        "amount_minor": 2599,
        "description": "Lunch",
    } | changed


def put(folder: Path, name: str = "one.json", **changed: object) -> Path:
    """Put a file there as the shop does: whole, by rename."""
    draft = folder / f".{name}.tmp"
    draft.write_text(json.dumps(fields(**changed)))
    return draft.rename(folder / name)


def paid(bill_id: str | None = "B-1", amount: int = 2599, key: str = "ATaNkey-0001") -> PaidBill:
    """What the worker tells once a bill is paid."""
    return PaidBill(
        bill=Bill(bill_id, Money(amount, "EUR"), "Lunch"),
        visit="v-0042",
        location_id=HALL,
        table="table5",
        transaction_key=TransactionKey(key),
        reference=OrderReference("v1.abc.9975.42.qwer1"),
        paid_at=NOON,
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Everything in the folder, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def receipt(folder: Path, name: str = "one") -> dict[str, Any]:
    """A receipt's content."""
    content = json.loads((folder / "paid" / f"{name}.receipt.json").read_text())
    assert isinstance(content, dict)
    return content
