"""How far the worker may go: which tables it serves, and how much money it may ask for.

Pure arithmetic over what visits hold. A day is handed in as the moment it began, since whose
midnight counts is for whoever owns the clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from worker.domain.bill import Bill
from worker.domain.ids import VisitId
from worker.domain.money import Money
from worker.domain.part import PartState
from worker.domain.visit import Step, Visit


class Mode(StrEnum):
    """What the worker may do at the wallet."""

    OBSERVE = "observe"
    """Read, and tell what it would do."""
    CANARY = "canary"
    """Serve the listed spots only."""
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """The bounds that the operator set."""

    mode: Mode = Mode.LIVE
    max_amount_minor: int | None = None
    """The most that one transaction may ask for, in minor units of any currency; None: no bound."""
    max_day_minor: int | None = None
    """The most that a day may take, by currency; None: no bound."""
    canary_spots: frozenset[str] = field(default_factory=frozenset)
    """The spots that canary serves, by what their QR codes say."""

    @property
    def is_bounded(self) -> bool:
        """Tell whether any amount could be too much."""
        return self.max_amount_minor is not None or self.max_day_minor is not None

    def serves(self, table: str) -> bool:
        """Tell whether a spot is served at all."""
        return self.mode is not Mode.CANARY or table in self.canary_spots


@dataclass(frozen=True, slots=True)
class Stake:
    """What one visit has to do with the day's money, in one currency."""

    currency: str
    taken_minor: int = 0
    taken_at: datetime | None = None
    """When it was last seen taken; None: nothing was."""
    open_minor: int = 0
    """What may still be taken: on offer, held, or left to a human in doubt."""

    def counts_minor(self, day_began: datetime) -> int:
        """Give what it makes of the day: what was taken that day, and what may yet be."""
        is_of_day = self.taken_at is not None and self.taken_at >= day_began
        return self.open_minor + (self.taken_minor if is_of_day else 0)


_ALIVE: Final = frozenset(
    {Step.CREATING, Step.LINKING, Step.OFFERED, Step.CONFIRMING, Step.REVOKING, Step.PARKED}
)
"""Steps at which a transaction of the visit may still take money."""
_PARTS_OVER: Final = frozenset({PartState.PAID, PartState.RELEASED})


def stake_of(visit: Visit) -> Stake | None:
    """Say what a visit has taken and may still take; None: it has to do with no money.

    A parked visit counts in full: nobody but a human knows what became of it.
    """
    if visit.bill is None:
        return None
    open_minor = 0
    if visit.step in _ALIVE and visit.parts:
        open_minor = sum(
            part.money.amount_minor for part in visit.parts if part.state not in _PARTS_OVER
        )
    elif visit.step in _ALIVE and visit.paid_at is None:
        open_minor = visit.bill.money.amount_minor
    if not open_minor and not visit.taken_minor:
        return None
    return Stake(visit.bill.money.currency, visit.taken_minor, visit.paid_at, open_minor)


def asked_of(visit: Visit, bill: Bill, paid_parts: frozenset[str]) -> tuple[Money, ...]:
    """Give what each transaction for a bill would ask for, or asks for."""
    if not bill.parts:
        return (bill.money,)
    mine = {part.part_id for part in visit.parts if part.state in _PARTS_OVER}
    done = paid_parts | mine
    return tuple(part.money for part in bill.parts if part.part_id not in done)


def why_too_much(
    visit: Visit,
    asked: Iterable[Money],
    stakes: Mapping[VisitId, Stake],
    safety: Safety,
    day_began: datetime,
) -> str | None:
    """Say why a bill must not be charged, or not now; None: it may be.

    What the visit itself has on offer is about to be asked for again, so only what it took counts
    beside the others' stakes.
    """
    amounts = tuple(asked)
    highest = max(amounts, key=lambda money: money.amount_minor, default=None)
    if highest is None:
        return None
    bound = safety.max_amount_minor
    if bound is not None and highest.amount_minor > bound:
        return f"{highest} is more than safety.max_amount_minor allows ({_text(bound, highest)})"
    bound = safety.max_day_minor
    if bound is None:
        return None
    committed = sum(
        stake.counts_minor(day_began) - (stake.open_minor if visit_id == visit.visit_id else 0)
        for visit_id, stake in stakes.items()
        if stake.currency == highest.currency
    )
    total = sum(money.amount_minor for money in amounts)
    if committed + total <= bound:
        return None
    left = _text(max(0, bound - committed), highest)
    return (
        f"{_text(total, highest)} would be more than the day may take: of safety.max_day_minor "
        f"({_text(bound, highest)}) {left} are left"
    )


def _text(amount_minor: int, like: Money) -> str:
    """Write a sum, which may be zero or more than any one bill, as money is written."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d} {like.currency}"
