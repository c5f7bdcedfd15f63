"""Remember at which location a spot was seen, in case the wallet shows no single spots to us.

Only a shortcut to the right list: it forgets freely, and nothing is decided by it.
"""

from collections.abc import Iterable
from typing import Final

from worker.domain.ids import LocationId, SpotId
from worker.domain.wallet import Spot
from worker.ports import Clock

SPOTS_MAX: Final = 4096
ASKED_AGAIN_S: Final = 600.0
"""How long a refusal to show single spots is believed."""


class SpotMemory:
    """Where spots were last seen waiting."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._locations: dict[SpotId, LocationId] = {}
        self._refused_until_s: float | None = None

    def learn(self, spots: Iterable[Spot], location_id: LocationId) -> None:
        """Remember the location of these spots; the longest unseen are forgotten first."""
        for spot in spots:
            self._locations.pop(spot.spot_id, None)
            self._locations[spot.spot_id] = location_id
        while len(self._locations) > SPOTS_MAX:
            del self._locations[next(iter(self._locations))]

    def location_of(self, spot_id: SpotId) -> LocationId | None:
        """Give the location where a spot was last seen."""
        return self._locations.get(spot_id)

    def remember_refusal(self) -> None:
        """Take it that single spots are not shown, for a while."""
        if self._refused_until_s is None:
            self._refused_until_s = self._clock.ticks_s() + ASKED_AGAIN_S

    def is_shown_singly(self) -> bool:
        """Tell whether it is worth asking for a single spot."""
        if self._refused_until_s is not None and self._clock.ticks_s() >= self._refused_until_s:
            self._refused_until_s = None
        return self._refused_until_s is None
