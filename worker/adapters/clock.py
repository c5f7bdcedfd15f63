"""The machine's time. Nothing else in the worker reads it."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def wall_s() -> float:
    """Read the machine's idea of Unix time."""
    return time.time()


def boot_s() -> float:
    """Read the seconds since the machine started, suspended time included."""
    try:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):  # Only Linux counts suspended time this way.
        return time.monotonic()


class SystemClock:
    """The real clock.

    What rules are told never jumps: the wall is read once, at the start, and from then on only
    what has passed is added, suspended time included.
    """

    def __init__(
        self, wall_s: Callable[[], float] = wall_s, ticks_s: Callable[[], float] = boot_s
    ) -> None:
        self.wall_s = wall_s
        """The machine's idea of Unix time, for signatures. It may jump."""
        self.ticks_s = ticks_s
        """Seconds that only ever grow and count suspended time too."""
        self._started_at = datetime.fromtimestamp(wall_s(), UTC)
        self._started_s = ticks_s()

    def now(self) -> datetime:
        """Give the time as rules know it: aware UTC that never jumps while we run."""
        return self._started_at + timedelta(seconds=self.ticks_s() - self._started_s)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)
