"""What the journal knows from before this process, read beside the writer and off its loop.

Only for people's eyes: no payment waits for it, and it never writes.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from worker.adapters.journal.reader import JournalReader
from worker.domain.visit import Visit

T = TypeVar("T")

VISITS_READ: Final = (200, 2_000, 20_000)
"""How many of the newest visits are read, until they reach back far enough."""


class JournalPast:
    """A reader with a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._reader = JournalReader(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="past")

    async def visits_since(self, at: datetime) -> tuple[Visit, ...]:
        """Give the newest visits, newest first: all that began since then, and perhaps more.

        Raises:
            JournalUnavailable: it can not be read.

        """
        return await self._ask(lambda: visits_since(self._reader, at))

    async def parked(self) -> tuple[Visit, ...]:
        """Give those of the newest visits that were left to a human, newest first.

        Raises:
            JournalUnavailable: it can not be read.

        """
        return await self._ask(self._reader.parked_lately)

    async def aclose(self) -> None:
        """Close the file. Twice does no harm."""
        try:
            await self._ask(self._reader.close)
        except RuntimeError:
            return  # Closed before: the thread is gone.
        self._thread.shutdown()

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)


def visits_since(reader: JournalReader, at: datetime) -> tuple[Visit, ...]:
    """Give the newest visits, newest first: all that began since then, and perhaps more.

    Raises:
        JournalUnavailable: they can not be read.

    """
    visits: tuple[Visit, ...] = ()
    for limit in VISITS_READ:
        visits = reader.visits(limit=limit)
        if len(visits) < limit or visits[-1].opened_at < at:
            break
    return visits
