"""Repeat a call that may be repeated, bounded by attempts and by time.

The only file that knows tenacity. It is entered after a first plain try failed, since most calls
need no repeating. It never decides what may be repeated: it is told.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import tenacity

from worker.ports import Clock

T = TypeVar("T")

ATTEMPTS_MAX: Final = 3
_WAIT_FIRST_S: Final = 0.2
_WAIT_MAX_S: Final = 2.0


async def repeat(
    attempt: Callable[[], Awaitable[T]],
    *,
    first: T,
    is_worth: Callable[[T], bool],
    until_s: float,
    clock: Clock,
    dice: random.Random,
) -> T:
    """Repeat `attempt`, whose first try ended as `first`, and give how the last one ended.

    `until_s` is by the clock's ticks: no attempt begins after it.
    """
    ended = [first]

    async def turn() -> T:
        return ended.pop() if ended else await attempt()

    def is_over(state: tenacity.RetryCallState) -> bool:
        # tenacity's own bound on time reads the machine's clock; ours is handed in.
        if state.attempt_number >= ATTEMPTS_MAX:
            return True
        return clock.ticks_s() + state.upcoming_sleep >= until_s

    def wait_s(state: tenacity.RetryCallState) -> float:
        most_s = min(_WAIT_MAX_S, _WAIT_FIRST_S * 2.0 ** (state.attempt_number - 1))
        return most_s * dice.uniform(0.5, 1.0)

    def last_result(state: tenacity.RetryCallState) -> T:
        assert state.outcome is not None
        result: T = state.outcome.result()
        return result

    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(is_worth),
        stop=is_over,
        wait=wait_s,
        sleep=clock.sleep,
        retry_error_callback=last_result,
        reraise=True,
    )
    return await retrying(turn)
