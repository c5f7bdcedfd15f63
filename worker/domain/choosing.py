"""Which of a table's open bills is the visit's to charge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.domain import events
from worker.domain.bill import Bill
from worker.domain.ids import VisitId, visit_label
from worker.domain.policy import Policy
from worker.domain.visit import Visit


@dataclass(frozen=True, slots=True)
class Claims:
    """What is known of a bill beside what its till says of it."""

    holder: VisitId | None = None
    """The visit that charges it now, or was paid for it as a whole; None: none."""
    paid_parts: Mapping[str, VisitId] | None = None
    """Its parts that were paid or are being taken, with the visits that did; None: none."""

    def parts_of_others(self, visit: Visit) -> frozenset[str]:
        """Give the parts that other visits were paid for."""
        return frozenset(
            part for part, owner in (self.paid_parts or {}).items() if owner != visit.visit_id
        )


Answer = events.BillFound | events.BillMissing | events.BillUnreadable


def choose(
    visit: Visit, bills: Sequence[Bill], claims: Mapping[str, Claims], policy: Policy
) -> Answer:
    """Choose among the open bills of a table, oldest first, or say why none can be charged.

    A till may not have heard yet that a bill is paid, so one that another visit charges or was paid
    for does not count, whatever the till says. The bill that this visit has on offer stays the one.
    """
    taken: list[str] = []
    free: list[Bill] = []
    for bill in bills:
        holder = claims.get(bill.bill_id or "", Claims()).holder
        if holder is None or holder == visit.visit_id:
            free.append(bill)
        else:
            taken.append(f"bill {bill.bill_id!r:.80} belongs to visit {visit_label(holder)}")
    on_offer = [bill for bill in free if visit.bill and bill.bill_id == visit.bill.bill_id]
    if visit.has_paid_part():
        free = on_offer  # Whoever paid a part of one bill is not asked for another.
    if not free:
        return unfree(taken)
    if len(free) > 1 and not on_offer and not policy.serves_oldest_bill:
        names = ", ".join(f"{bill.bill_id!r:.40}" for bill in free[:5])
        return events.BillUnreadable(f"the table has {len(free)} open bills: {names}")
    bill = (on_offer or free)[0]
    known = claims.get(bill.bill_id or "", Claims())
    paid_parts = known.parts_of_others(visit)
    if not bill.parts and (paid_parts or visit.has_paid_part()):
        return events.BillUnreadable(
            f"bill {bill.bill_id!r:.80} was paid in parts before and no longer says which are left"
        )
    return events.BillFound(bill, paid_parts=paid_parts)


def unfree(taken: Sequence[str]) -> Answer:
    """Say that there is no bill, or that there is none that was not charged already."""
    if not taken:
        return events.BillMissing()
    return events.BillUnreadable(
        f"{taken[0]}, paid or being paid; a new bill needs a bill_id of its own"
    )
