"""A shop's endpoint that plays what it is told, and the connector that leads to it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.adapters.wallet.clockwork import LoopClock
from tests.adapters.wallet.stage import Scene, Stage, raw, says
from tests.faults.conftest import serving
from worker.adapters.till.connector import TillError
from worker.adapters.till.http import HttpTill
from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice

HALL = 9975
TOKEN = "tok-0123456789-never-shown"
SIGNING_SECRET = "whsec_dGhpcnR5LXR3byBieXRlcyBvZiBhIHRlc3Qgc2VjcmV0"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"


def bill(**changed: object) -> dict[str, Any]:
    """A plain bill's document."""
    return {
        "bill_id": "B-1",
        "location_id": HALL,
        "spot": "table7",
        "currency": "EUR",
        "amount_minor": 2350,
        "description": "Table 7",
    } | changed


def notice(**changed: Any) -> Notice:
    """A payment to tell."""
    given: dict[str, Any] = {
        "notice_id": "n-9975-42-1",
        "visit_id": VisitId(42),
        "location_id": LocationId(HALL),
        "table": "table7",
        "bill_id": "B-1",
        "part_id": None,
        "money": Money(2350, "EUR"),
        "bill_minor": 2350,
        "service_minor": 0,
        "tip_minor": 0,
        "transaction_key": TransactionKey("ATaNkey0001"),
        "reference": OrderReference("v1.abc.9975.42.qwer1"),
        "paid_at": NOON,
    }
    return Notice(**(given | changed))


def till_to(url: str, **changed: Any) -> HttpTill:
    """A connector to an address."""
    given: dict[str, Any] = {
        "url": url,
        "token": TOKEN,
        "signing_secret": SIGNING_SECRET,
        "clock": LoopClock(),
        "check_location": HALL,
        "lock": True,
    }
    return HttpTill(**(given | changed))


@asynccontextmanager
async def a_shop(**changed: Any) -> AsyncIterator[tuple[Stage, HttpTill]]:
    """A stage and the connector to it, both closed at the end."""
    async with serving(None) as stage:
        stage.otherwise = json_says(200, {"bills": []})
        till = till_to(f"http://127.0.0.1:{stage.port}/shop", **changed)
        try:
            yield stage, till
        finally:
            await till.aclose()


def json_says(status: int, body: object, content_type: str = "application/json") -> Scene:
    """Answer JSON, and say so."""
    return says(status, body, content_type=content_type)


def silent(status: int) -> Scene:
    """Answer a status and nothing else."""
    head = f"HTTP/1.1 {status} X\r\n" + ("" if status == 204 else "content-length: 0\r\n")
    return raw(f"{head}\r\n".encode())


async def why_not(of: Any) -> str:
    """Wait for what must fail, and give the sentence that the operator reads."""
    with pytest.raises(TillError) as caught:
        await of
    told = str(caught.value)
    assert told.startswith("the till at http"), told
    assert told.isprintable(), told
    assert len(told) < 700
    assert TOKEN not in told
    assert SIGNING_SECRET not in told
    assert caught.value.__cause__ is None
    return told


def body_of(seen: Any) -> dict[str, Any]:
    """Read what a request carried."""
    content = json.loads(seen.body)
    assert isinstance(content, dict)
    return content
