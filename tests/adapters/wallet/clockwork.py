"""Time for tests: a clock whose wall can be wrong, and a loop in which waiting takes no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

START = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


class LoopClock:
    """Ticks with the running loop; its wall clock is off by `wall_off_s`."""

    def __init__(self, wall_off_s: float = 0.0) -> None:
        self.wall_off_s = wall_off_s
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.ticks_s())

    def wall_s(self) -> float:
        return self.now().timestamp() + self.wall_off_s

    def ticks_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Keep how long it should have been, and only let the others run."""
        self.slept.append(seconds)
        await asyncio.sleep(0)


class _Jumping(selectors.SelectSelector):
    """Where others would wait, it moves the time."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "nothing will ever happen again"
            self.now_s += max(timeout, 0.0)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop in which time passes only when everybody waits."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def play(story: Coroutine[object, object, T]) -> T:
    """Run a story in jumping time."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(story)
