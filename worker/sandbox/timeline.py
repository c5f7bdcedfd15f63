"""What is due, how things looked a while ago, and who waits to hear of a change.

Nothing happens by itself here: due things happen when somebody catches up, so a world stands still
between calls and a test can advance the clock by hand.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from .clock import Clock

T = TypeVar("T")
Row = dict[str, object]

HISTORY_MAX = 20_000


class Timeline:
    """The past, the future and the waiting of one world."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        # (when, kind, name, the row before the change; None when there was none)
        self._past: deque[tuple[float, str, object, Row | None]] = deque(maxlen=HISTORY_MAX)
        self._bells: dict[int, asyncio.Event] = {}
        self._is_over = False

    def at(self, in_s: float, happens: Callable[[], None]) -> None:
        """Let something happen in so many seconds of sandbox time."""
        heapq.heappush(self._due, (self._clock.now() + in_s, next(self._numbers), happens))

    def catch_up(self) -> None:
        """Let everything happen that was due by now."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()

    def remember(self, kind: str, name: object, row: Row | None) -> None:
        """Keep how a thing looks, just before it changes."""
        self._past.append((self._clock.steady(), kind, name, row))

    def rows_then(self, kind: str, ago_s: float) -> dict[object, Row | None]:
        """Give the rows, as they were, of the things of a kind that have changed since."""
        since = self._clock.steady() - ago_s
        rows: dict[object, Row | None] = {}
        for when, changed, name, row in reversed(self._past):
            if when < since:
                break
            if changed == kind:
                rows[name] = row
        return rows

    def ring(self, spot_id: int) -> None:
        """Wake everybody who watches a spot."""
        bell = self._bells.pop(spot_id, None)
        if bell is not None:
            bell.set()

    def end(self) -> None:
        """Wake everybody for good: this world is replaced."""
        self._is_over = True
        for spot_id in list(self._bells):
            self.ring(spot_id)

    async def until(self, spot_id: int, fact: Callable[[], T | None], timeout_s: float) -> T | None:
        """Wait until something is so at a spot; None when it did not become so in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while (found := fact()) is None and not self._is_over:
            bell = self._bells.setdefault(spot_id, asyncio.Event())
            try:
                async with asyncio.timeout_at(deadline):
                    await bell.wait()
            except TimeoutError:
                return fact()
        return found
