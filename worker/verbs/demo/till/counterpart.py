"""What the demo needs of a shop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

LOCATION: Final = 9975
CURRENCY: Final = "EUR"


class TillUnavailable(Exception):
    """A kind of till that can not be shown here; the text says what it takes."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment in the shop's books."""

    bill_id: str
    amount_minor: int
    currency: str


class Counterpart(Protocol):
    """A shop that the worker is connected to."""

    def start(self) -> str:
        """Open the shop; give the [till] section that connects the worker with it.

        Raises:
            TillUnavailable: something that it takes is not on this machine.

        """

    def seat(self, table: str, bill_id: str, amount_minor: int) -> None:
        """Give a table a new bill, and forget what it owed before."""

    def books(self) -> Sequence[Payment] | None:
        """Give every payment in the shop's books; None: a price list keeps none."""

    def stop(self) -> None:
        """Close the shop; nothing is left running. Also of one that did not open."""


def bill(table: str, bill_id: str, amount_minor: int) -> dict[str, Any]:
    """Write a bill as a shop does: two lines that add up to it."""
    bread = amount_minor // 3
    return {
        "bill_id": bill_id,
        "spot": table,
        "location_id": LOCATION,
        "currency": CURRENCY,
        "amount_minor": amount_minor,
        "description": f"Table {table}",
        "lines": [
            {"title": "Soup", "quantity": 1, "amount_minor": amount_minor - bread},
            {"title": "Bread", "quantity": 2, "amount_minor": bread},
        ],
    }


def payment(told: Mapping[str, Any]) -> Payment:
    """Read a payment from what the worker told."""
    return Payment(str(told["bill_id"]), int(told["amount_minor"]), str(told["currency"]))


def example(*names: str) -> Path:
    """Find one of the documents' examples, which lie beside the source and in no wheel.

    Raises:
        TillUnavailable: they are not there.

    """
    path = Path(__file__).parents[4].joinpath("docs", "examples", *names)
    if not path.exists():
        shown = "/".join(("docs", "examples", *names))
        raise TillUnavailable(f"This till is shown with {shown}: run the demo from the source.")
    return path
