"""The sandbox's time: one clock for signatures, another for everything that can run out.

`wall` is the machine's time plus a settable skew: `GET /server` tells it and signatures are judged
by it. `now` only ever moves forward and can be advanced by command: reservations and freezes count
on it. Advancing therefore ends a reservation without breaking anybody's signature.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Machine time, a skew and a forward-only offset."""

    def __init__(
        self,
        machine: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine = machine
        self.steady = steady
        self.skew_s = 0.0
        self.advanced_s = 0.0

    def wall(self) -> float:
        """Unix time as the vendor's signature check and `GET /server` see it."""
        return self._machine() + self.skew_s

    def now(self) -> float:
        """Give the time by which reservations run out. The skew does not touch it."""
        return self._machine() + self.advanced_s

    def stamp(self) -> int:
        """Unix second to write into created_at, confirmed_at and the like."""
        return int(self._machine() + self.skew_s + self.advanced_s)

    def advance(self, seconds: float) -> None:
        """Move `now` forward. Backwards is a mistake of the caller."""
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self.advanced_s += seconds
