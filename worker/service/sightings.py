"""Since when each spot was seen waiting without a gap.

Where no order on a spot can tell whose guest is waiting there, this is the only evidence that it is
still the same one. It lives in memory alone: after a restart nobody can know.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from worker.domain.ids import SpotId, VisitId
from worker.domain.visit import Visit
from worker.domain.wallet import Spot

LEFT_OUT_MAX: Final = 5
"""Answers in a row without orders before a wallet that showed them is taken to show none."""


@dataclass(slots=True)
class _Streak:
    since: datetime
    last: datetime


class Sightings:
    """The polls' memory of waiting spots.

    A gap of more than two polls, a complete list without the spot, or a look that shows it not
    waiting ends a streak.
    """

    def __init__(self, poll_interval_s: float) -> None:
        self._gap_max = timedelta(seconds=2 * poll_interval_s + 0.5)
        self._streaks: dict[SpotId, _Streak] = {}
        self._taken_up: set[VisitId] = set()
        self._shows_orders = False
        self._left_out = 0

    def see(self, spot_ids: Iterable[SpotId], at: datetime) -> None:
        """Note which spots a poll showed waiting."""
        for spot_id in spot_ids:
            streak = self._streaks.get(spot_id)
            if streak is None or at - streak.last > self._gap_max:
                self._streaks[spot_id] = _Streak(at, at)
            else:
                streak.last = at

    def end(self, spot_id: SpotId) -> None:
        """Note that a spot was seen not waiting."""
        self._streaks.pop(spot_id, None)

    def take_up(self, visit_id: VisitId) -> None:
        """Note that a visit is from before this process: no poll of ours saw it begin.

        Comparing instants would not do, as the machine's clock may have been set back meanwhile.
        """
        self._taken_up.add(visit_id)

    def waiting_since(self, visit: Visit, now: datetime) -> datetime | None:
        """Tell since when every poll saw the visit's spot waiting; None: nobody can tell."""
        streak = self._streaks.get(visit.spot_id)
        if streak is None or now - streak.last > self._gap_max:
            return None
        if visit.visit_id in self._taken_up:
            return None
        return streak.since

    def is_whole(self, spot: Spot) -> bool:
        """Tell whether an answer about a spot says all that the wallet usually says.

        Where orders are shown they are the strongest evidence of whose guest waits, so one answer
        that leaves them out must not let weaker evidence decide.
        """
        if spot.orders is not None:
            self._shows_orders, self._left_out = True, 0
        elif self._shows_orders:
            self._left_out += 1
            self._shows_orders = self._left_out < LEFT_OUT_MAX
        return spot.orders is not None or not self._shows_orders
