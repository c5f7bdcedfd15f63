"""What a human's word about a parked visit means for its bill and for the till."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from worker.domain.notice import Notice
from worker.domain.part import Part, PartState
from worker.domain.rules.taking import notice_of
from worker.domain.visit import Visit, replace


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows."""

    notices: tuple[Notice, ...]
    """What the till has to hear of now."""
    frees_bill: bool
    """Whether other visits may charge the bill again; of a split bill, its parts decide."""
    freed_parts: tuple[str, ...]
    """Parts that other visits may charge again."""


def as_paid(visit: Visit, now: datetime, told: AbstractSet[str]) -> Consequence:
    """The money in doubt was taken. `told`: the names of the notices that were made before."""
    notices = []
    for one in in_doubt(visit):
        asked = one.due or one.asked
        is_named = one.bill is not None and one.bill.bill_id is not None
        if asked is None or one.bill is None or not is_named or one.transaction_key is None:
            continue
        notice = notice_of(one, one.bill, asked, now)
        if notice.notice_id not in told:
            notices.append(notice)
    return Consequence(tuple(notices), frees_bill=bool(visit.parts), freed_parts=())


def as_unpaid(visit: Visit) -> Consequence:
    """The money in doubt was not taken; what was paid before stays paid."""
    freed = tuple(part.part_id for part in visit.parts if is_in_doubt(part))
    return Consequence((), frees_bill=True, freed_parts=freed)


def in_doubt(visit: Visit) -> tuple[Visit, ...]:
    """Give the visit as it deals with each payment that was left to a human."""
    if not visit.parts:
        return (visit,)
    return tuple(
        visit
        if index == visit.at
        else replace(visit, at=index, transaction_key=part.key, charge_minor=None)
        for index, part in enumerate(visit.parts)
        if is_in_doubt(part)
    )


def is_in_doubt(part: Part) -> bool:
    """Tell whether nobody knows if a part was paid."""
    return part.state in {PartState.PARKED, PartState.TAKING}
