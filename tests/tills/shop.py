"""What the contract of the tills needs of a shop: the other side of each connector, for real."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from worker.adapters.till.connector import Connector, Document


class Shop(Protocol):
    """A shop with its own books, and the connector that leads to it."""

    kind: str
    """The connector's name in the settings."""
    knows_ids: bool
    """Whether its bills have ids, so that payments are told to it. A price list's have none."""

    async def open(self) -> None:
        """Begin business; may be slow."""

    async def close(self) -> None:
        """End business; nothing is left running."""

    def connector(self) -> Connector:
        """Give the connector to this shop, always the same one until it is closed."""

    async def owe(self, location_id: int, spot: str, *documents: Document) -> None:
        """Make these the open bills of a spot, in this order; none: it owes nothing."""

    async def payments(self) -> Sequence[Mapping[str, object]]:
        """Give the payments in the shop's books, each at least with notice_id and bill_id."""

    async def break_down(self) -> None:
        """Be out of order: every question and every notice fails from now on."""

    async def hang(self) -> None:
        """Take far longer than anybody waits, from now on."""

    async def mend(self) -> None:
        """Work again."""


class Unholdable(Exception):
    """The shop's books have no way to say this, so it can not come from there."""
