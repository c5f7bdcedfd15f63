"""Wake what is due, and look after what no visit owns.

The sweeper has no shortcuts: an overdue visit is woken and decides for itself.
"""

import asyncio
from typing import Final

from worker.ports import Clock
from worker.service.engine import Engine
from worker.service.pulse import Pulse
from worker.service.strangers import Strangers
from worker.service.waiting import nap

PAUSE_S_MAX: Final = 5.0
STRANGERS_EVERY_S: Final = 2.0


class Sweeper:
    """Two loops: the alarm clock of the visits, and the watch over strangers."""

    def __init__(self, *, engine: Engine, strangers: Strangers, clock: Clock, pulse: Pulse) -> None:
        self._engine = engine
        self._strangers = strangers
        self._clock = clock
        self._pulse = pulse

    async def run(self, stop: asyncio.Event) -> None:
        """Wake each visit when it asked to be woken."""
        self._pulse.expect("sweep", 30.0)
        while not stop.is_set():
            self._engine.stirred.clear()
            self._engine.wake_due(self._clock.now())
            self._pulse.beat("sweep")
            due_at = self._engine.next_due()
            left_s = PAUSE_S_MAX
            if due_at is not None:
                left_s = min(left_s, (due_at - self._clock.now()).total_seconds())
            await nap(max(left_s, 0.01), self._engine.stirred)

    async def watch_strangers(self, stop: asyncio.Event) -> None:
        """Judge foreign transactions and search for our own lost ones."""
        self._pulse.expect("strangers", 900.0)
        while not stop.is_set():
            await self._strangers.look_round()
            self._pulse.beat("strangers")
            await nap(STRANGERS_EVERY_S, stop)
