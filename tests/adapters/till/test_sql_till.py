"""A till in a database does the same in each kind: bills out, payments in, each once."""

import asyncio
from dataclasses import replace

import pytest

from tests.adapters.till.programs import HALL
from tests.adapters.till.programs import NOTICE as PROGRAMS_NOTICE
from tests.tills.sql_shop import SqlShop
from worker.adapters.till.connector import Refused, TillError
from worker.adapters.till.sql import SqlTill

NOTICE = replace(PROGRAMS_NOTICE, notice_id="n-1", tip_minor=100)
BILL = {"bill_id": "B-1", "amount_minor": 2599, "currency": "EUR"}


async def test_a_bill_is_read_and_its_payment_written(shop: SqlShop) -> None:
    """Everything that a bill and a notice say arrives on the other side, exactly."""
    lines = [{"title": "Lunch €", "quantity": 1, "amount_minor": 2599, "kind": "item"}]
    full = BILL | {"description": "Žuvis %s :x", "final": False, "ceiling_minor": 5000}
    full |= {"hold_s": 600, "at_hold_end": "confirm", "lines": lines}
    await shop.owe(HALL, "table5", full, BILL | {"bill_id": "B-2"})
    till = shop.connector()

    assert await till.check() == []
    assert list(await till.open_bills(HALL, "table5")) == [full, BILL | {"bill_id": "B-2"}]
    assert await till.open_bills(HALL, "table6") == []
    assert await till.open_bills(9976, "table5") == []

    await till.post(NOTICE)

    (paid,) = await shop.payments()
    assert (paid["notice_id"], paid["bill_id"], paid["part_id"]) == ("n-1", "B-1", None)
    assert (paid["amount_minor"], paid["bill_amount_minor"]) == (2599, 2599)
    assert (paid["service_minor"], paid["tip_minor"]) == (200, 100)
    assert (paid["spot"], paid["location_id"], paid["visit"]) == ("table5", HALL, "v-0042")
    assert str(paid["paid_at"]).startswith("2026-11-20")
    assert "12:00:00" in str(paid["paid_at"])
    assert [bill["bill_id"] for bill in await till.open_bills(HALL, "table5")] == ["B-2"]


async def test_a_notice_told_again_changes_nothing(shop: SqlShop) -> None:
    """It is accepted each time, and stands in the books once."""
    await shop.owe(HALL, "table5", BILL)
    till = shop.connector()

    for _ in range(3):
        await till.post(NOTICE)
    await till.post(replace(NOTICE, notice_id="n-2", part_id="P-1"))

    assert [paid["notice_id"] for paid in await shop.payments()] == ["n-1", "n-2"]


async def test_a_no_to_one_thing_is_told_apart_from_a_database_that_fails(shop: SqlShop) -> None:
    """A NULL in one table's row or a key that is there says nothing about the others (F70)."""
    insert = shop.statements.mark_paid.replace("INSERT IGNORE", "INSERT").partition(" ON CONF")[0]
    wrong = "SELECT 'B-1' AS bill_id, 1 AS amount_minor, NULL AS currency"
    statements = replace(shop.statements, open_bills=wrong, mark_paid=insert, confirm=None)
    till = SqlTill(shop.server.url, shop.server.password, statements)
    await till.post(NOTICE)

    for asking in (till.open_bills(HALL, "table5"), till.post(NOTICE)):
        with pytest.raises(Refused):
            await asking
    await shop.break_down()
    with pytest.raises(TillError) as caught:
        await till.post(NOTICE)
    assert not isinstance(caught.value, Refused)
    await till.aclose()
    await shop.mend()


async def test_a_database_that_is_out_of_order_is_an_error_until_it_is_mended(
    shop: SqlShop,
) -> None:
    """Nothing is taken for "owes nothing", and nothing that was open before stands in the way."""
    await shop.owe(HALL, "table5", BILL)
    till = shop.connector()
    await till.open_bills(HALL, "table5")

    await shop.break_down()
    with pytest.raises(TillError, match=r"till\.open_bills_sql: "):
        await till.open_bills(HALL, "table5")
    with pytest.raises(TillError, match=r"till\.mark_paid_sql: "):
        await till.post(NOTICE)

    await shop.mend()
    assert len(await till.open_bills(HALL, "table5")) == 1
    await till.post(NOTICE)
    assert len(await shop.payments()) == 1


async def test_a_locked_table_costs_an_answer_and_no_other_table(shop: SqlShop) -> None:
    """The question ends as an error within its limit; the loop turns all the while."""
    await shop.owe(HALL, "table5", BILL)
    till = shop.connector()
    await shop.hang()
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    counting = asyncio.create_task(count_turns())
    asked, told = await asyncio.wait_for(
        asyncio.gather(till.open_bills(HALL, "table5"), till.post(NOTICE), return_exceptions=True),
        timeout=8,
    )
    counting.cancel()

    assert isinstance(asked, TillError)
    assert isinstance(told, TillError)
    assert turns > 100
    await shop.mend()
    assert len(await till.open_bills(HALL, "table5")) == 1
    assert await shop.payments() == []
