"""Connectors that are made of plain functions, for what no real shop would do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from worker.domain.notice import Notice


class Giving:
    """A connector that always gives the same answer, or raises it."""

    def __init__(self, answer: Any, *, can_lock: bool = True) -> None:
        self.answer = answer
        self.can_lock = can_lock
        self.asked: list[tuple[Any, ...]] = []
        self.before: Callable[[int], Awaitable[None]] | None = None
        """Awaited with the location before a question is answered."""

    async def _give(self, *question: Any) -> Any:
        self.asked.append(question)
        if self.before is not None:
            await self.before(question[1])
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    async def open_bills(self, location_id: int, spot: str) -> Any:
        """Give the answer."""
        return await self._give("open_bills", location_id, spot)

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Any:
        """Give the answer."""
        return await self._give("lock", location_id, spot, bill_id, visit, seconds)

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Give the answer, which nobody looks at."""
        await self._give("unlock", location_id, spot, bill_id, visit)

    async def post(self, notice: Notice) -> None:
        """Give the answer, which nobody looks at."""
        await self._give("post", notice.location_id, notice)

    async def check(self) -> Any:
        """Give the answer."""
        return await self._give("check", 0)

    async def aclose(self) -> None:
        """Give the answer, which nobody looks at."""
        await self._give("aclose", 0)


class Stubborn:
    """A wait that will not be cancelled, until it is let go."""

    def __init__(self, locations: Sequence[int] = (), *, cancels: int | None = None) -> None:
        self.locations = locations
        """Where it waits; empty: everywhere."""
        self.cancels = cancels
        """How many cancellations it survives; None: every one."""
        self.waiting = 0
        self._free = asyncio.Event()

    def let_go(self) -> None:
        """End every wait."""
        self._free.set()

    async def __call__(self, location_id: int) -> None:
        """Wait."""
        if self.locations and location_id not in self.locations:
            return
        survived = 0
        self.waiting += 1
        try:
            while not self._free.is_set():
                try:
                    await self._free.wait()
                except asyncio.CancelledError:
                    if self.cancels is not None and survived >= self.cancels:
                        raise
                    survived += 1
        finally:
            self.waiting -= 1
