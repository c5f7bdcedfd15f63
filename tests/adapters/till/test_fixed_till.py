"""A price list."""

import pytest

from tests.adapters.till.support import HALL, guarded, paid
from worker.adapters.till import FixedTill
from worker.domain.bill import Bill
from worker.domain.errors import MoneyError
from worker.domain.money import Money

TILL = guarded(
    FixedTill(currency="EUR", prices={"table1": 500, "*": 1250}, description="Table {spot}"),
    has_ids=False,
)


async def test_a_table_owes_its_own_price_or_else_the_price_of_all() -> None:
    """A named table goes before the star; a fixed price has no bill id."""
    assert await TILL.find_bills(HALL, "table1") == (Bill(None, Money(500, "EUR"), "Table table1"),)
    assert await TILL.find_bills(HALL, "table2") == (
        Bill(None, Money(1250, "EUR"), "Table table2"),
    )


async def test_a_table_without_a_price_owes_nothing() -> None:
    """Without a star there is no price for a table that is not named."""
    till = guarded(
        FixedTill(currency="EUR", prices={"table1": 500}, description="x"), has_ids=False
    )

    assert await till.find_bills(HALL, "table2") == ()


async def test_a_price_list_keeps_no_account() -> None:
    """It is told nothing, locks nothing and can not be out of order."""
    assert await TILL.post(paid()) is None
    assert not TILL.can_lock
    assert await TILL.check() == []


async def test_a_hostile_table_name_stays_text_of_one_line() -> None:
    """The name comes from a QR code that anybody could have printed (F63)."""
    bills = await TILL.find_bills(HALL, "a\nb\x1b[2J{spot}%s" + "x" * 10_000)

    assert isinstance(bills, tuple)
    (bill,) = bills
    assert bill.description.startswith("Table a b [2J{spot}%sxx")
    assert bill.description.isprintable()
    assert len(bill.description) == 240


@pytest.mark.parametrize("price", [0, -1, 10**10 + 1, True, 12.5])
def test_a_price_that_is_no_money_stops_the_start(price: int) -> None:
    """Better no start than a wrong charge."""
    with pytest.raises(MoneyError):
        FixedTill(currency="EUR", prices={"*": price}, description="x")
