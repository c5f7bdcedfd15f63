"""What the contract of the tills is written with."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.adapters.till.support import HALL, NOON, Ticks
from tests.tills.shop import Shop, Unholdable
from tests.tills.shops import NAMING
from worker.adapters.till import GuardedTill
from worker.domain.bill import Bill
from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice

LIMIT_S: Final = 3.0
TRIES_MAX: Final = 400
SPOT: Final = "table5"
VISIT, OTHER_VISIT = "v-0042", "v-0043"
where_bills_have_ids = pytest.mark.parametrize("shop", NAMING, indirect=True)
AWKWARD: Final = "O'Hara \"5\";\n--\t%s \\ {spot}/../é🍜 '); DROP TABLE bills; --"


@contextlib.contextmanager
def if_it_can() -> Iterator[None]:
    """Leave a law aside that a shop can not meet because it can not get there."""
    try:
        yield
    except Unholdable as why:
        pytest.skip(str(why))


def document(bill_id: str = "B-1", amount: int = 2599, **more: object) -> dict[str, Any]:
    return {"bill_id": bill_id, "currency": "EUR", "amount_minor": amount, **more}


def notice(bill_id: str = "B-1", *, part: str | None = None, amount: int = 2599) -> Notice:
    name = f"{bill_id}-{part}".replace("/", "_") if part else bill_id  # Fit for a header.
    return Notice(
        notice_id=f"notice-{name}",
        visit_id=VisitId(42),
        location_id=HALL,
        table=SPOT,
        bill_id=bill_id,
        part_id=part,
        money=Money(amount, "EUR"),
        bill_minor=2599,
        service_minor=0,
        tip_minor=0,
        transaction_key=TransactionKey(f"ATaN-{name}"),
        reference=OrderReference(f"v1.abc.9975.42.{name}"),
        paid_at=NOON,
    )


async def owed(till: GuardedTill, spot: str = SPOT, at: LocationId = HALL) -> tuple[Bill, ...]:
    """Give the bills of a spot, which the till must be able to tell."""
    found = await till.find_bills(at, spot)
    assert isinstance(found, tuple), found
    return found


async def booked(shop: Shop) -> list[tuple[object, object]]:
    """Give the payments in the shop's books, by notice and bill."""
    return sorted((str(one["notice_id"]), str(one["bill_id"])) for one in await shop.payments())


async def until_well(till: GuardedTill, clock: Ticks) -> None:
    """Wait until the till answers again; pauses pass at once."""
    for _ in range(TRIES_MAX):
        clock.s += 60
        if isinstance(await till.find_bills(HALL, SPOT), tuple):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the till never came back")


async def until_told(till: GuardedTill, clock: Ticks, told: Notice) -> None:
    """Tell a payment again and again, as the outbox does; pauses pass at once."""
    for _ in range(TRIES_MAX):
        clock.s += 600
        if await till.post(told) is None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the till never took the notice")
