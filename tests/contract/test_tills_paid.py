"""The contract of the tills, when something is paid and when something is wrong."""

import asyncio
import time
from dataclasses import replace

import pytest

from tests.adapters.till.support import HALL, TERRACE, Ticks
from tests.contract.tills import (
    LIMIT_S,
    SPOT,
    VISIT,
    booked,
    document,
    if_it_can,
    notice,
    owed,
    until_told,
    until_well,
    where_bills_have_ids,
)
from tests.tills.plugin_shop import PluginShop
from tests.tills.shop import Shop
from worker.adapters.till import GuardedTill
from worker.ports import TillTrouble


@where_bills_have_ids
async def test_a_paid_bill_is_in_the_books_once_and_not_owed(shop: Shop, till: GuardedTill) -> None:
    """Told twice, the second time changes nothing (F72); another bill's payment is its own."""
    await shop.owe(HALL, SPOT, document())
    await shop.owe(HALL, "table6", document("B-2"))

    for _ in range(3):
        assert await till.post(notice()) is None
        assert await booked(shop) == [("notice-B-1", "B-1")]
        assert await owed(till) == ()
    assert len(await owed(till, "table6")) == 1
    assert await till.post(replace(notice("B-2"), table="table6")) is None
    assert await booked(shop) == [("notice-B-1", "B-1"), ("notice-B-2", "B-2")]


@where_bills_have_ids
async def test_told_twice_at_the_same_time_is_told_once(shop: Shop, till: GuardedTill) -> None:
    """An answer that was lost may only have been late."""
    await shop.owe(HALL, SPOT, document())

    await asyncio.gather(*(till.post(notice()) for _ in range(4)))
    assert await till.post(notice()) is None

    assert await booked(shop) == [("notice-B-1", "B-1")]


@where_bills_have_ids
async def test_a_payment_of_a_bill_that_is_gone_is_never_lost(
    shop: Shop, till: GuardedTill
) -> None:
    """Either the shop has it in its books, once, or it says that it does not."""
    for _ in range(2):
        told = await till.post(notice("B-gone"))
        expected = [("notice-B-gone", "B-gone")] if told is None else []
        assert await booked(shop) == expected


@where_bills_have_ids
async def test_each_part_of_a_bill_is_paid_once(shop: Shop, till: GuardedTill) -> None:
    """The bill is owed until the last part is paid."""
    parts = [{"part_id": "a", "amount_minor": 2000}, {"part_id": "b/2", "amount_minor": 599}]
    with if_it_can():
        await shop.owe(HALL, SPOT, document(parts=parts))

    for _ in range(2):
        assert await till.post(notice(part="b/2", amount=599)) is None
    assert len(await owed(till)) == 1
    for _ in range(2):
        assert await till.post(notice(part="a", amount=2000)) is None

    assert await owed(till) == ()
    assert await booked(shop) == [("notice-B-1-a", "B-1"), ("notice-B-1-b_2", "B-1")]


async def test_a_till_that_is_out_of_order_is_trouble_until_it_is_mended(
    shop: Shop, till: GuardedTill, clock: Ticks
) -> None:
    """An outage must never look like an empty table; the payment is told afterwards (F71)."""
    with if_it_can():
        await shop.owe(HALL, SPOT, document())
        await shop.break_down()

    for _ in range(4):
        assert isinstance(await till.find_bills(HALL, SPOT), TillTrouble)
        assert isinstance(await till.post(notice()), TillTrouble)
    assert await till.check() != []
    await till.unlock_bill(HALL, SPOT, "B-1", VISIT)

    await shop.mend()
    await until_well(till, clock)
    assert len(await owed(till)) == 1
    assert await till.post(notice()) is None
    assert await booked(shop) == [("notice-B-1", "B-1")]


async def test_a_till_that_hangs_is_trouble_in_time(
    shop: Shop, till: GuardedTill, clock: Ticks
) -> None:
    """However many ask; and it comes back by itself (F70)."""
    with if_it_can():
        await shop.owe(HALL, SPOT, document())
        await shop.hang()
    begun_s = time.monotonic()

    found = await asyncio.gather(*(till.find_bills(HALL, f"table{n}") for n in range(10)))
    told = await till.post(notice())

    assert all(isinstance(one, TillTrouble) for one in found)
    assert isinstance(told, TillTrouble)
    assert time.monotonic() - begun_s < 2 * LIMIT_S + 2
    await shop.mend()
    await until_well(till, clock)
    await until_told(till, clock, notice())
    assert await booked(shop) == [("notice-B-1", "B-1")]


@pytest.mark.parametrize("shop", ["plugin"], indirect=True)
async def test_a_location_that_hangs_is_no_other_locations_trouble(
    shop: PluginShop, till: GuardedTill
) -> None:
    """A shop whose ways to its locations are apart, so that one of them can hang (F70)."""
    await shop.owe(TERRACE, SPOT, document())
    await shop.hang_at(HALL)
    hanging = asyncio.ensure_future(till.find_bills(HALL, SPOT))

    for _ in range(20):
        assert len(await owed(till, at=TERRACE)) == 1

    assert isinstance(await hanging, TillTrouble)


async def test_closing_does_not_wait_for_a_till_that_hangs(shop: Shop, till: GuardedTill) -> None:
    """The worker stops within its ten seconds, whatever the shop does."""
    with if_it_can():
        await shop.hang()
    asking = [asyncio.ensure_future(till.find_bills(HALL, SPOT)) for _ in range(3)]
    await asyncio.sleep(0)
    begun_s = time.monotonic()

    await till.aclose()

    assert time.monotonic() - begun_s < 4
    assert all(isinstance(one, TillTrouble) for one in await asyncio.gather(*asking))
