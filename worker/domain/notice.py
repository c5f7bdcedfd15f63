"""What the till is told when money was taken: one notice a payment, the same each time."""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId, visit_label
from worker.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A bill, or a part of one, is paid. Told at least once, and always under the same name."""

    notice_id: str
    """Made with the payment and kept with it; a till that has seen it before has nothing to do."""
    visit_id: VisitId
    location_id: LocationId
    table: str
    bill_id: str
    part_id: str | None
    """None: the bill was paid as a whole."""
    money: Money
    """What was taken. Less than the bill asked for where the till lowered it in the end."""
    bill_minor: int
    """What the whole bill asked for, in minor units of the same currency."""
    service_minor: int
    """How much of the bill is service."""
    tip_minor: int
    """How much of the bill is tip."""
    transaction_key: TransactionKey
    reference: OrderReference
    paid_at: datetime

    @property
    def visit(self) -> str:
        """The visit's number as people read it."""
        return visit_label(self.visit_id)
