"""A shop with a price list: no books, nothing that could break."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.tills.shop import Unholdable
from worker.adapters.till.connector import Connector, Document
from worker.adapters.till.fixed import FixedTill
from worker.domain.errors import MoneyError
from worker.domain.money import Money


class FixedShop:
    """One price for each table, the same at every location."""

    kind = "fixed"
    knows_ids = False

    def __init__(self, folder: Path) -> None:
        self._till = FixedTill(currency="EUR", prices={}, description="Table {spot}")

    async def open(self) -> None:
        """There is nothing to open."""

    async def close(self) -> None:
        """There is nothing to close."""

    def connector(self) -> Connector:
        """Give the price list."""
        return self._till

    async def owe(self, location_id: int, spot: str, *documents: Document) -> None:
        """Change a price; a worker would be started anew for it."""
        self._till._prices.pop(spot, None)
        if len(documents) > 1:
            raise Unholdable("a price list has one price for a table")
        for document in documents:
            amount, currency = document.get("amount_minor"), document.get("currency")
            try:
                self._till._prices[spot] = Money(amount, currency)  # type: ignore[arg-type] # Judged.
            except MoneyError as error:
                raise Unholdable(str(error)) from error

    async def payments(self) -> Sequence[Mapping[str, object]]:
        """A price list keeps no account."""
        return []

    async def break_down(self) -> None:
        """A price list can not be out of order."""
        raise Unholdable("a price list can not be out of order")

    async def hang(self) -> None:
        """A price list can not hang."""
        raise Unholdable("a price list can not hang")

    async def mend(self) -> None:
        """There is nothing to mend."""
