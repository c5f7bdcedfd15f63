"""The journal in a SQLite file: every write that returns is on the disk.

One thread has the connection. What arrives while it is busy is gathered and committed together, so
a hundred visits at once cost a few commits, not a hundred.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from worker.adapters.journal.store import Beat, Kept, Store
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import LocationId, TransactionKey, VisitId
from worker.domain.visit import Visit
from worker.ports import Entry, JsonValue, Lost, OpenVisit

T = TypeVar("T")

Batch = list[tuple[Kept, "asyncio.Future[None]"]]


class SqliteJournal:
    """The durable record, for one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: Batch = []
        self._flushing: asyncio.Future[list[Exception | None]] | None = None
        self._is_closing = False

    @classmethod
    def open(cls, path: Path) -> "SqliteJournal":
        """Open the journal, or begin one where none was. Blocks for as long as the checks take.

        Raises:
            JournalLocked: another worker holds it.
            JournalUnavailable: it can not be trusted or written; the message says what to do.

        """
        return cls(Store.open(path))

    @property
    def instance(self) -> str:
        """The journal's own name, made once."""
        return self._store.instance

    @property
    def commits(self) -> int:
        """How many durable commits were made since it was opened."""
        return self._store.commits

    async def open_visits(self) -> tuple[OpenVisit, ...]:
        """Give every visit that is not at a final step, oldest first."""
        return await self._call(self._store.open_visits)

    async def next_visit_id(self) -> VisitId:
        """Give the number after the highest that was ever written."""
        return await self._call(self._store.next_visit_id)

    async def write(self, entry: Entry) -> None:
        """Write one entry; return when it is on the disk.

        A caller that is cancelled while it waits has still written: once handed in, an entry is
        committed once, or refused once.
        """
        await self._keep(entry)

    async def holder_of_bill(self, location_id: LocationId, bill_id: str) -> VisitId | None:
        """Tell which visit is charging the bill now or has been paid for it; None: none."""
        return await self._call(lambda: self._store.holder_of_bill(location_id, bill_id))

    async def visit_of_key(self, key: TransactionKey) -> Visit | None:
        """Give the visit that a transaction of ours was made for; None: it is not ours."""
        return await self._call(lambda: self._store.visit_of_key(key))

    async def lost_creates(self, since: datetime) -> tuple[Lost, ...]:
        """Give the creates given up in doubt since then."""
        return await self._call(lambda: self._store.lost_creates(since))

    async def beat(self, at: datetime, report: Mapping[str, JsonValue]) -> None:
        """Keep the newest report of the running worker. It travels with the next commit."""
        await self._keep(Beat(at, report))

    async def aclose(self) -> None:
        """Write what is waiting, close the file and let go of the lock. Twice does no harm."""
        self._is_closing = True
        while self._flushing is not None:
            await asyncio.wait([self._flushing])
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._store.close)
        except RuntimeError:
            return  # Closed before: the thread is gone.
        self._thread.shutdown()

    async def _keep(self, item: Kept) -> None:
        self._check_open()
        # The caller waits for a future of its own, so cancelling it takes nothing out of the queue.
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._flushing is None:
            self._flush()
        await done

    def _flush(self) -> None:
        """Send everything that waits to the thread."""
        batch, self._waiting = self._waiting, []
        items = [item for item, _ in batch]
        flushing = asyncio.get_running_loop().run_in_executor(
            self._thread, self._store.commit, items
        )
        self._flushing = flushing
        flushing.add_done_callback(lambda done: self._deliver(batch, done))

    def _deliver(self, batch: Batch, flushed: "asyncio.Future[list[Exception | None]]") -> None:
        """Tell every caller what became of its own entry, then go on with what gathered."""
        self._flushing = None
        failure = flushed.exception()
        refusals = [failure] * len(batch) if failure else flushed.result()
        for (_, done), refusal in zip(batch, refusals, strict=True):
            if done.done():
                continue  # Its caller was cancelled. The entry is written all the same.
            if refusal is None:
                done.set_result(None)
            elif isinstance(refusal, JournalUnavailable):
                done.set_exception(type(refusal)(*refusal.args))  # Each caller raises its own.
            else:
                done.set_exception(refusal)
        if self._waiting:
            self._flush()

    async def _call(self, read: Callable[[], T]) -> T:
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._thread, read)

    def _check_open(self) -> None:
        if self._is_closing:
            raise JournalUnavailable("the journal is closed")
