"""One part of a split bill, from the bill to its own transaction and its own payment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from worker.domain.ids import TransactionKey
from worker.domain.money import Money


class PartState(StrEnum):
    """How far a part got."""

    DUE = "due"
    """Not offered yet."""
    OFFERED = "offered"
    """Its transaction is on the spot, or on its way there."""
    TAKING = "taking"
    """It is being confirmed: from here on it may be paid."""
    PAID = "paid"
    RELEASED = "released"
    """Nobody pays it in this visit any more, and no money is held."""
    PARKED = "parked"
    """Left to a human."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the visit's bill."""

    part_id: str
    money: Money
    description: str = ""
    state: PartState = PartState.DUE
    number: int = 0
    """Which of the visit's references its transaction carries; 0: none yet."""
    key: TransactionKey | None = None
    reserved_at: datetime | None = None
    """When its transaction was first seen reserved."""

    @property
    def is_live(self) -> bool:
        """Tell whether its transaction may still be paid or taken."""
        return self.key is not None and self.state in {PartState.OFFERED, PartState.TAKING}

    @property
    def is_charged(self) -> bool:
        """Tell whether no other visit may charge it: it is paid, or may be."""
        return self.state in {PartState.TAKING, PartState.PAID, PartState.PARKED}
