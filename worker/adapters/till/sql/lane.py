"""Threads for one location's work at the database, that can be given up.

A location whose database hangs waits for itself alone: the others have lanes of their own, and
more than one thread a lane is never made.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from worker.adapters.till.thread import OneThread

CUT_PAUSE_S: Final = 0.1
"""How soon what still hangs is cut again."""

T = TypeVar("T")


class LaneTrouble(Exception):
    """Work was given up; the words follow the name of what was asked."""


class Lane:
    """One thing after the other, each within a time limit that includes its wait.

    Args:
        name: the thread's.
        time_limit_s: how long anybody waits here.
        cut: breaks whatever a thread, named by its number, hangs on. Called until work that was
            given up has ended.

    """

    def __init__(self, name: str, *, time_limit_s: float, cut: Callable[[int], None]) -> None:
        self._thread = OneThread(name)
        self._time_limit_s = time_limit_s
        self._cut = cut
        self._overdue: asyncio.Future[Any] | None = None

    @property
    def hangs(self) -> bool:
        """Whether work that was given up has not ended yet."""
        return self._overdue is not None and not self._overdue.done()

    async def run(
        self,
        work: Callable[[], T],
        *,
        until_s: float | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> T:
        """Do blocking work on the thread.

        Args:
            work: what blocks.
            until_s: when to give up, by the loop's clock; None: after the lane's own limit.
            on_end: called once the thread is done with it, which may be long after it was given up.

        Raises:
            LaneTrouble: it did not end within the time limit, or what was given up before it has
                not ended yet. Whether its work was done is not known.

        """
        if self.hangs:
            raise LaneTrouble(f"has not answered for more than {self._time_limit_s:g} s")
        loop = asyncio.get_running_loop()
        limit_s = self._time_limit_s if until_s is None else max(0.0, until_s - loop.time())
        job = _Job(work)
        future = loop.run_in_executor(self._thread, job.run)
        future.add_done_callback(_retrieve)
        future.add_done_callback(lambda _: on_end())
        try:
            done, _ = await asyncio.wait([future], timeout=limit_s)
        except asyncio.CancelledError:
            self._give_up(job, future)
            raise
        if not done:
            self._give_up(job, future)
            raise LaneTrouble(f"did not answer within {self._time_limit_s:g} s")
        return future.result()

    def close(self) -> None:
        """Let the thread end after its work. A database that hangs is not waited for."""
        self._thread.shutdown(wait=False)
        if self._overdue is not None:
            # A cancelled future does not mind that its loop is closed when the thread ends.
            self._overdue.cancel()

    def _give_up(self, job: "_Job[T]", future: "asyncio.Future[T]") -> None:
        """Leave work behind. What has not begun never will; what hangs is broken off."""
        thread = job.leave()
        if thread is None:
            future.cancel()
        else:
            self._overdue = future
            self._cut_until_over(job, thread)

    def _cut_until_over(self, job: "_Job[T]", thread: int) -> None:
        """Break off what hangs, and again what comes after it, until the thread is done with it.

        Once is not enough: between two calls of the driver there is nothing to break, and the next
        one may have no limit of its own.
        """
        if not job.is_over:
            self._cut(thread)
            loop = asyncio.get_running_loop()
            loop.call_later(CUT_PAUSE_S, self._cut_until_over, job, thread)


class Lanes:
    """Several lanes: so many things at once, and who comes later waits for a turn.

    Args:
        name: the threads'.
        count: how many; a thread is only made once it is needed.
        time_limit_s: how long anybody waits here, the wait for a turn included.
        cut: breaks whatever a thread, named by its number, hangs on.

    """

    def __init__(
        self, name: str, *, count: int, time_limit_s: float, cut: Callable[[int], None]
    ) -> None:
        self._lanes = [Lane(name, time_limit_s=time_limit_s, cut=cut) for _ in range(count)]
        self._free = list(reversed(self._lanes))
        self._turns = asyncio.Semaphore(count)
        self._time_limit_s = time_limit_s

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work on a thread that is free.

        Raises:
            LaneTrouble: it had no turn or did not end within the time limit, or all that was given
                up before it has not ended yet. Whether its work was done is not known.

        """
        if all(lane.hangs for lane in self._lanes):
            raise LaneTrouble(f"has not answered for more than {self._time_limit_s:g} s")
        until_s = asyncio.get_running_loop().time() + self._time_limit_s
        try:
            async with asyncio.timeout_at(until_s):
                await self._turns.acquire()
        except TimeoutError:
            raise LaneTrouble(
                f"has {len(self._lanes)} earlier questions of this location without an answer "
                f"after {self._time_limit_s:g} s, and is not asked more at once"
            ) from None
        lane = self._free.pop()

        def on_end() -> None:
            self._free.append(lane)
            self._turns.release()

        return await lane.run(work, until_s=until_s, on_end=on_end)

    def close(self) -> None:
        """Let the threads end after their work. A database that hangs is not waited for."""
        for lane in self._lanes:
            lane.close()


class _Job(Generic[T]):
    """Work that is either left before it begins or known to be on a thread."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._guard = threading.Lock()
        self._thread: int | None = None
        self._is_left = False
        self.is_over = False
        """Whether the thread is done with it. A future can not tell: it may have been cancelled."""

    def run(self) -> T:
        """Do it, unless it was left."""
        with self._guard:
            if self._is_left:
                raise LaneTrouble("was not asked: nobody waits any more")
            self._thread = threading.get_ident()
        try:
            return self._work()
        finally:
            self.is_over = True

    def leave(self) -> int | None:
        """Give the thread that is at it; None: it has not begun and never will."""
        with self._guard:
            self._is_left = True
            return self._thread


def _retrieve(future: "asyncio.Future[T]") -> None:
    """Take an answer that came too late, so that nobody complains that it was never taken."""
    if not future.cancelled():
        future.exception()
