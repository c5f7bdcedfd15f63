"""Share one credential's calls: how many at once, who goes first, and when nobody may go.

The vendor limits calls per client, so all locations and all kinds of calls share one budget. After
a 429 everything is held; when the hold ends, the calls leave in the order of their urgency, first
one at a time and then more and more, so that the queue does not become the next burst.

It never makes a call and never drops one: who can not go before its own deadline is told so.
"""

import asyncio
import heapq
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import IntEnum
from typing import Final

from worker.ports import Clock

HOLD_MIN_S: Final = 1.0
HOLD_MAX_S: Final = 300.0
BACKOFF_MAX_S: Final = 60.0
"""The longest hold of our own making, when the vendor does not say how long."""

_SECONDS: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_TIMER_MIN_S: Final = 0.001


class Urgency(IntEnum):
    """Who leaves first when not all may leave."""

    FINISH = 0
    """Confirm and close: money is held, or a guest's table is."""
    SETTLE = 1
    """Reads that decide about money, and revoke."""
    BEGIN = 2
    """Create and link: nothing is held yet."""
    POLL = 3


@dataclass(slots=True, eq=False)
class _Waiter:
    urgency: Urgency
    number: int
    until_s: float
    turn: asyncio.Future[None]
    is_gone: bool = False

    def __lt__(self, other: "_Waiter") -> bool:
        return (self.urgency, self.number) < (other.urgency, other.number)


class Budget:
    """A gate of `width` places, with a hold and a slow start."""

    def __init__(self, *, width: int, clock: Clock, dice: random.Random) -> None:
        if width < 1:
            raise ValueError("a budget has at least one place")
        self._width_max = width
        self._width = width
        self._clock = clock
        self._dice = dice
        self._in_flight = 0
        self._queue: list[_Waiter] = []
        self._waiters_made = 0
        self._held_until_s = -1.0
        self._hold = 0
        self._holds_in_a_row = 0
        self._is_closed = False

    @property
    def in_flight(self) -> int:
        """How many calls are out."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """How many callers wait at the gate."""
        return sum(not waiter.is_gone for waiter in self._queue)

    @property
    def width(self) -> int:
        """How many calls may be out at once now."""
        return self._width

    def held_for_s(self) -> float:
        """Give how long nothing may leave from now on; zero when it may."""
        if self._held_until_s < 0:
            return 0.0
        return max(0.0, self._held_until_s - self._clock.ticks_s())

    def enter_now(self, urgency: Urgency) -> int | None:
        """Take a place if one is free and nobody waits. Gives the hold that it belongs to."""
        if self._queue or not self._has_room(urgency):
            return None
        self._in_flight += 1
        return self._hold

    async def enter(self, urgency: Urgency, until_s: float) -> int | None:
        """Wait for a place until `until_s`, by the clock's ticks; None: it did not come."""
        if self._is_closed:
            return None
        turn = asyncio.get_running_loop().create_future()
        me = _Waiter(urgency, self._waiters_made, until_s, turn)
        self._waiters_made += 1
        heapq.heappush(self._queue, me)
        try:
            return await self._queue_up(me)
        finally:
            me.is_gone = True
            self._call_next()

    def leave(self, hold: int, *, is_throttled: bool = False, retry_after: str = "") -> None:
        """Give the place back, and tell what the answer said about our pace."""
        self._in_flight -= 1
        if is_throttled:
            self._throttle(hold, retry_after)
        elif hold == self._hold:
            # Each answer makes room for one more: what is out doubles with every round trip.
            self._width = min(self._width + 1, self._width_max)
            self._holds_in_a_row = 0
        self._call_next()

    def close(self) -> None:
        """Send everybody home who still waits."""
        self._is_closed = True
        for waiter in self._queue:
            _wake(waiter)

    async def _queue_up(self, me: _Waiter) -> int | None:
        loop = asyncio.get_running_loop()
        while not self._is_closed:
            if self._first() is me and self._has_room(me.urgency):
                self._in_flight += 1
                return self._hold
            left_s = me.until_s - self._clock.ticks_s()
            if left_s <= 0:
                return None
            # Only the first in the queue watches the hold; the others are called by the one before.
            if self._first() is me:
                left_s = min(left_s, self.held_for_s() or left_s)
            if me.turn.done():
                me.turn = loop.create_future()
            timer = loop.call_later(max(left_s, _TIMER_MIN_S), _wake, me)
            try:
                await me.turn
            finally:
                timer.cancel()
        return None

    def _has_room(self, urgency: Urgency) -> bool:
        width = self._width
        if urgency is Urgency.POLL:
            # Slow polls must not be able to take every lane from a confirm.
            width -= width // 4
        return self._in_flight < width and not self._is_closed and self.held_for_s() == 0.0

    def _first(self) -> _Waiter | None:
        while self._queue and self._queue[0].is_gone:
            heapq.heappop(self._queue)
        return self._queue[0] if self._queue else None

    def _call_next(self) -> None:
        first = self._first()
        if first is not None:
            _wake(first)

    def _throttle(self, hold: int, retry_after: str) -> None:
        told_s = _told_s(retry_after, self._clock.wall_s())
        is_news = hold == self._hold
        if is_news:
            # Answers to calls that left before this hold say nothing new about our pace.
            self._hold += 1
            self._holds_in_a_row += 1
            self._width = 1
        if told_s is None:
            if not is_news:
                return
            most_s = min(BACKOFF_MAX_S, 2.0 ** min(self._holds_in_a_row, 10))
            told_s = most_s * self._dice.uniform(0.5, 1.0)
        for_s = min(max(told_s, HOLD_MIN_S), HOLD_MAX_S)
        self._held_until_s = max(self._held_until_s, self._clock.ticks_s() + for_s)


def _wake(waiter: _Waiter) -> None:
    if not waiter.turn.done():
        waiter.turn.set_result(None)


def _told_s(retry_after: str, wall_s: float) -> float | None:
    """Read a Retry-After header, which is a number of seconds or a date; None: it says nothing."""
    text = retry_after.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    if text.isascii() and text.isdigit():
        return HOLD_MAX_S
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return (at - datetime.fromtimestamp(wall_s, UTC)).total_seconds()
