"""A price list: every guest at a table owes that table's price.

There is no bill to look up or to mark as paid, so every visit is a sale of its own.
"""

from collections.abc import Mapping, Sequence

from worker.adapters.till.connector import Document, TillError
from worker.adapters.till.document import DESCRIPTION_CHARS_MAX
from worker.adapters.till.text import one_line
from worker.domain.money import Money
from worker.domain.notice import Notice

ANY_TABLE = "*"


class FixedTill:
    """A connector that knows one price for each table. Its bills have no ids.

    Args:
        currency: what every price is in.
        prices: minor units by spot identifier; `ANY_TABLE` stands for the rest.
        description: what the guest reads; `{spot}` becomes the table's name.

    """

    can_lock = False
    """A price list does not change while it is paid."""

    def __init__(self, *, currency: str, prices: Mapping[str, int], description: str) -> None:
        # A wrong price must stop the start, not the first guest.
        self._prices = {table: Money(amount, currency) for table, amount in prices.items()}
        self._description = description

    async def open_bills(self, location_id: int, spot: str) -> Sequence[Document]:
        """Tell the table's price."""
        money = self._prices.get(spot) or self._prices.get(ANY_TABLE)
        if money is None:
            return ()
        described = one_line(self._description.replace("{spot}", spot), DESCRIPTION_CHARS_MAX)
        return (
            {
                "amount_minor": money.amount_minor,
                "currency": money.currency,
                "description": described,
            },
        )

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Document:
        """Refuse: a price list has no bills."""
        raise TillError("a price list has no bills to lock")

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Do nothing: nothing is ever locked."""

    async def post(self, notice: Notice) -> None:
        """Do nothing: a price list keeps no account."""

    async def check(self) -> Sequence[str]:
        """Find nothing wrong: there is nothing that could be."""
        return ()

    async def aclose(self) -> None:
        """Do nothing: there is nothing open."""
