"""A folder as a shop's software keeps it."""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.adapters.till import GuardedTill
from worker.adapters.till.connector import Connector
from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice

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


def paid(
    bill_id: str = "B-1",
    amount: int = 2599,
    key: str = "ATaNkey-0001",
    *,
    part_id: str | None = None,
    bill_minor: int | None = None,
) -> Notice:
    """What the worker tells once a bill is paid."""
    return Notice(
        notice_id=f"notice-of-{key}",
        visit_id=VisitId(42),
        location_id=HALL,
        table="table5",
        bill_id=bill_id,
        part_id=part_id,
        money=Money(amount, "EUR"),
        bill_minor=amount if bill_minor is None else bill_minor,
        service_minor=0,
        tip_minor=0,
        transaction_key=TransactionKey(key),
        reference=OrderReference("v1.abc.9975.42.qwer1"),
        paid_at=NOON,
    )


def die_after(patch: pytest.MonkeyPatch, crash: int) -> Iterator[int]:
    """Let the power go after the n-th call to the system that changes a file.

    The first number that the answer gives is one more than the calls there were.
    """
    calls = itertools.count(1)

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **named: object) -> object:
            result = real(*given, **named)
            if next(calls) == crash:
                raise OSError(5, "the power is gone")
            return result

        return call

    for name in ("fsync", "fchmod"):
        patch.setattr(os, name, dying(getattr(os, name)))
    for name in ("rename", "mkdir", "chmod"):
        patch.setattr(Path, name, dying(getattr(Path, name)))
    return calls


class Ticks:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.s = 0.0

    def now(self) -> datetime:
        """Give the time."""
        return NOON + timedelta(seconds=self.s)

    def wall_s(self) -> float:
        """Give Unix time."""
        return self.now().timestamp()

    def ticks_s(self) -> float:
        """Give seconds that only grow."""
        return self.s

    async def sleep(self, seconds: float) -> None:
        """Pass the time at once."""
        self.s += seconds


def guarded(
    connector: Connector, *, time_limit_s: float = 5.0, has_ids: bool = True
) -> GuardedTill:
    """Put a connector behind its guard, with a clock that stands still."""
    return GuardedTill(connector, Ticks(), time_limit_s, has_ids=has_ids)


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
