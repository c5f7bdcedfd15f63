"""A price list: every guest at a table owes that table's price.

There is no bill to look up or to mark as paid, so every visit is a sale of its own.
"""

from collections.abc import Mapping

from worker.adapters.till.text import one_line
from worker.domain.bill import Bill
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.ports import PaidBill, TillMissing, TillTrouble

ANY_TABLE = "*"


class FixedTill:
    """A till that knows one price for each table.

    Args:
        currency: what every price is in.
        prices: minor units by spot identifier; `ANY_TABLE` stands for the rest.
        description: what the guest reads; `{spot}` becomes the table's name.

    """

    def __init__(self, *, currency: str, prices: Mapping[str, int], description: str) -> None:
        # A wrong price must stop the start, not the first guest.
        self._prices = {table: Money(amount, currency) for table, amount in prices.items()}
        self._description = description

    async def find_bill(
        self, location_id: LocationId, table: str
    ) -> Bill | TillMissing | TillTrouble:
        """Tell the table's price."""
        money = self._prices.get(table) or self._prices.get(ANY_TABLE)
        if money is None:
            return TillMissing()
        description = one_line(self._description.replace("{spot}", table))
        return Bill(bill_id=None, money=money, description=description)

    async def settle(self, paid: PaidBill) -> TillTrouble | None:
        """Do nothing: a price list keeps no account."""
        return None

    async def aclose(self) -> None:
        """Do nothing: there is nothing open."""
