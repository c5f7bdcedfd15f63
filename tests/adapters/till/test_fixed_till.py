"""A price list."""

import pytest

from tests.adapters.till.support import HALL, paid
from worker.adapters.till import FixedTill
from worker.domain.bill import Bill
from worker.domain.errors import MoneyError
from worker.domain.money import Money
from worker.ports import Till, TillMissing

TILL: Till = FixedTill(
    currency="EUR", prices={"table1": 500, "*": 1250}, description="Table {spot}"
)


async def test_a_table_owes_its_own_price_or_else_the_price_of_all() -> None:
    """A named table goes before the star; a fixed price has no bill id."""
    assert await TILL.find_bill(HALL, "table1") == Bill(None, Money(500, "EUR"), "Table table1")
    assert await TILL.find_bill(HALL, "table2") == Bill(None, Money(1250, "EUR"), "Table table2")


async def test_a_table_without_a_price_owes_nothing() -> None:
    """Without a star there is no price for a table that is not named."""
    till = FixedTill(currency="EUR", prices={"table1": 500}, description="x")

    assert await till.find_bill(HALL, "table2") == TillMissing()


async def test_settling_changes_nothing() -> None:
    """A price list keeps no account."""
    assert await TILL.settle(paid(None)) is None
    assert await TILL.settle(paid("B-1")) is None


async def test_a_hostile_table_name_stays_text_of_one_line() -> None:
    """The name comes from a QR code that anybody could have printed (F63)."""
    bill = await TILL.find_bill(HALL, "a\nb\x1b[2J{spot}%s" + "x" * 10_000)

    assert isinstance(bill, Bill)
    assert bill.description.startswith("Table a b [2J{spot}%sxx")
    assert bill.description.isprintable()
    assert len(bill.description) == 255


@pytest.mark.parametrize("price", [0, -1, 10**10 + 1, True, 12.5])
def test_a_price_that_is_no_money_stops_the_start(price: int) -> None:
    """Better no start than a wrong charge."""
    with pytest.raises(MoneyError):
        FixedTill(currency="EUR", prices={"*": price}, description="x")
