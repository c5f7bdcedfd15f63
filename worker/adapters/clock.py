"""The machine's time. Nothing else in the worker reads it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The real clock.

    What rules are told never jumps: the wall is read once, at the start, and from then on only
    what has passed is added, suspended time included.
    """

    def __init__(self) -> None:
        self._started_at = datetime.fromtimestamp(time.time(), UTC)
        self._started_s = self.ticks_s()

    def now(self) -> datetime:
        """Give the time as rules know it: aware UTC that never jumps while we run."""
        return self._started_at + timedelta(seconds=self.ticks_s() - self._started_s)

    def wall_s(self) -> float:
        """Give the machine's idea of Unix time. It may jump."""
        return time.time()

    def ticks_s(self) -> float:
        """Give seconds that only ever grow and count suspended time too."""
        try:
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        except (AttributeError, OSError):  # Only Linux counts suspended time this way.
            return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)
