"""How many programs may be at work at once: a slow one for one shop leaves others their turns."""

import asyncio
from collections import defaultdict
from typing import Final

PER_LOCATION_MAX: Final = 4
IN_ALL_MAX: Final = 16


class Turns:
    """Turns to run a program; who waits is served in the order of asking."""

    def __init__(self, *, per_location: int = PER_LOCATION_MAX, in_all: int = IN_ALL_MAX) -> None:
        self._by_location: defaultdict[int | None, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(per_location)
        )
        self._in_all = asyncio.Semaphore(in_all)

    async def take(self, location_id: int | None) -> None:
        """Wait for a turn; None: a question of no location.

        A location's own limit comes first, so those who wait for it keep no turn from anybody.
        """
        own = self._by_location[location_id]
        await own.acquire()
        try:
            await self._in_all.acquire()
        except BaseException:
            own.release()
            raise

    def give_back(self, location_id: int | None) -> None:
        """Let the next one begin."""
        self._in_all.release()
        self._by_location[location_id].release()
