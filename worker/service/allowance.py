"""The bounds on money, kept over all visits at once.

What a visit has at stake is noted in the same breath in which its decision is taken, before it is
written and before anything is sent. A bill is weighed in the same breath as the decision about it,
so two tables can never share what was left for one.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from worker.domain import events
from worker.domain.ids import VisitId
from worker.domain.safety import Safety, Stake, asked_of, stake_of, why_too_much
from worker.domain.visit import Visit
from worker.ports import Clock


class Allowance:
    """What is left of the operator's bounds."""

    def __init__(self, safety: Safety, clock: Clock, past: Iterable[Visit] = ()) -> None:
        """Begin with what the journal has: every visit that took money or may have this day."""
        self._safety = safety
        self._clock = clock
        self._stakes: dict[VisitId, Stake] = {}
        for visit in past:
            self.note(visit)

    def serves(self, table: str) -> bool:
        """Tell whether a spot is served at all."""
        return self._safety.serves(table)

    def note(self, visit: Visit) -> None:
        """Note what a visit has at stake now."""
        if self._safety.max_day_minor is None:
            return
        stake = stake_of(visit)
        if stake is None:
            self._stakes.pop(visit.visit_id, None)
        else:
            self._stakes[visit.visit_id] = stake

    def forget(self, visit: Visit) -> None:
        """Let go of a visit that never became durable, so that nothing was sent for it."""
        self._stakes.pop(visit.visit_id, None)

    def weigh(self, visit: Visit, event: events.Event) -> events.Event:
        """Mark a bill that must not be charged; everything else passes as it is.

        No wait may come between this and the decision about what it gives.
        """
        if not self._safety.is_bounded or not isinstance(event, events.BillFound):
            return event
        began = day_began(self._clock.now())
        self._forget(began)
        asked = asked_of(visit, event.bill, event.paid_parts)
        why = why_too_much(visit, asked, self._stakes, self._safety, began)
        return replace(event, too_much=why)

    def _forget(self, began: datetime) -> None:
        """Let go of what other days took."""
        past = [key for key, stake in self._stakes.items() if not stake.counts_minor(began)]
        for key in past:
            del self._stakes[key]


def day_began(now: datetime) -> datetime:
    """Give the midnight that began the day, as the machine's people count it."""
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
