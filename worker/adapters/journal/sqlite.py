"""The journal in a SQLite file: every write that returns is on the disk.

One thread waits for the disk. What arrives while it does is gathered and committed together, so a
hundred visits at once cost a few commits, not a hundred. The connection is only ever used by one
thread at a time: by that one while it has a job, by the loop's own while it has none.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from worker.adapters.journal import desk
from worker.adapters.journal.store import Beat, Kept, Store
from worker.domain.choosing import Claims
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import LocationId, TransactionKey, VisitId
from worker.domain.visit import Visit
from worker.ports import (
    Entry,
    Handled,
    JsonValue,
    KeptNotice,
    Lost,
    OpenVisit,
    Owed,
    Reply,
    Resolution,
)

T = TypeVar("T")

GATHER_S: Final = 0.005
"""How long writers in company wait for more of it: a fraction of one call to the wallet, and less
disk for everybody. A lone writer does not wait."""

QUICK_S: Final = 0.002
"""A commit that takes less than this is waited for in place: handing it to the thread and back
would cost more. The last commit tells what the next one will take."""

Batch = list[tuple[Kept, "asyncio.Future[None]"]]


class SqliteJournal:
    """The durable record, for one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: Batch = []
        self._running: set[asyncio.Future[Any]] = set()
        """What the thread does now; while it is at work, the connection is its own."""
        self._is_closing = False
        self._is_quick = True
        self._company = 1
        """How many writers came together lately; it takes a few lone ones to forget them."""
        self.on_commit: Callable[[float], None] | None = None
        """Hears how many seconds each commit took, perhaps in the journal's own thread."""

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

    async def claims_on_bill(self, location_id: LocationId, bill_id: str) -> Claims:
        """Tell which visits charge a bill or its parts now, or were paid for them."""
        return await self._call(lambda: self._store.claims_on_bill(location_id, bill_id))

    async def owed_notices(self) -> tuple[Owed, ...]:
        """Give every notice that is still to be told, oldest first."""
        return await self._call(self._store.owed_notices)

    async def visit_of_key(self, key: TransactionKey) -> Visit | None:
        """Give the visit that a transaction of ours was made for; None: it is not ours."""
        return await self._call(lambda: self._store.visit_of_key(key))

    async def lost_creates(self) -> tuple[Lost, ...]:
        """Give the creates in doubt that no visit waits for any more, oldest first."""
        return await self._call(self._store.lost_creates)

    async def parked_lately(self) -> tuple[Visit, ...]:
        """Give those of the newest visits that were left to a human, oldest first."""
        return await self._call(self._store.parked_lately)

    async def beat(self, at: datetime, report: Mapping[str, JsonValue]) -> None:
        """Keep the newest report of the running worker. It travels with the next commit."""
        await self._keep(Beat(at, report))

    async def keep_handled(self, handled: Handled) -> None:
        """Write a request that concerns no visit, with its reply."""
        await self._keep(handled)

    async def reply_to(self, request_id: str) -> Reply | None:
        """Give the reply to a request that was done before; None: it was not."""
        return await self._call(lambda: self._store.ask(lambda db: desk.reply_to(db, request_id)))

    async def draining_since(self) -> datetime | None:
        """Tell since when no new visits are begun; None: they are."""
        return await self._call(lambda: self._store.ask(desk.draining_since))

    async def kept_visit(self, visit_id: VisitId) -> Visit | None:
        """Give one visit; None: there is no such number."""
        return await self._call(lambda: self._store.ask(lambda db: desk.visit_of(db, visit_id)))

    async def kept_notices(self, visit_id: VisitId) -> tuple[KeptNotice, ...]:
        """Give every notice of a visit, oldest first."""
        return await self._call(lambda: self._store.ask(lambda db: desk.notices_of(db, visit_id)))

    async def resolution_of(self, visit_id: VisitId) -> Resolution | None:
        """Tell how a human settled a visit; None: nobody did."""
        return await self._call(
            lambda: self._store.ask(lambda db: desk.resolution_of(db, visit_id))
        )

    async def aclose(self) -> None:
        """Write what is waiting, close the file and let go of the lock. Twice does no harm."""
        self._is_closing = True
        while self._running or self._waiting:
            if self._running:
                await asyncio.wait(self._running)
            else:
                self._flush()
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
        if len(self._waiting) == 1 and not self._running:
            self._arm()
        await done

    def _arm(self) -> None:
        """Write soon: at once when writers are few, with all who come in a moment when many."""
        loop = asyncio.get_running_loop()
        if self._company > 1:
            loop.call_later(GATHER_S, self._flush)
        else:
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write everything that waits, and leave a long wait for the disk to the thread.

        The statements run here: in the thread each of them would have to win the interpreter back
        from a busy loop, and a batch of a hundred would take a hundred times as long as its commit.
        """
        if self._running or not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        self._company = max(len(batch), self._company // 2)
        now_s = asyncio.get_running_loop().time
        try:
            refusals = self._store.write([item for item, _ in batch])
            if self._is_quick:
                self._seal(now_s)
                _deliver(batch, refusals)
                return
        except JournalUnavailable as error:
            _deliver(batch, [error] * len(batch))
            return
        sealing = self._submit(lambda: self._seal(now_s))
        sealing.add_done_callback(lambda done: self._sealed(batch, refusals, done))

    def _seal(self, now_s: Callable[[], float]) -> None:
        began_s = now_s()
        self._store.seal()
        took_s = now_s() - began_s
        self._is_quick = took_s < QUICK_S
        if self.on_commit is not None:
            self.on_commit(took_s)

    def _sealed(
        self, batch: Batch, refusals: list[Exception | None], sealing: "asyncio.Future[None]"
    ) -> None:
        failure = sealing.exception()
        _deliver(batch, [failure] * len(batch) if isinstance(failure, Exception) else refusals)

    def _submit(self, job: Callable[[], T]) -> "asyncio.Future[T]":
        """Hand the connection to the thread; it is ours again when every job there has ended."""
        running = asyncio.get_running_loop().run_in_executor(self._thread, job)
        self._running.add(running)
        running.add_done_callback(self._ended)
        return running

    def _ended(self, job: "asyncio.Future[Any]") -> None:
        self._running.discard(job)
        if self._waiting and not self._running:
            self._arm()

    async def _call(self, read: Callable[[], T]) -> T:
        self._check_open()
        return await asyncio.shield(self._submit(read))

    def _check_open(self) -> None:
        if self._is_closing:
            raise JournalUnavailable("the journal is closed")


def _deliver(batch: Batch, refusals: Sequence[Exception | None]) -> None:
    """Tell every caller what became of its own entry."""
    for (_, done), refusal in zip(batch, refusals, strict=True):
        if done.done():
            continue  # Its caller was cancelled. The entry is written all the same.
        if refusal is None:
            done.set_result(None)
        elif isinstance(refusal, JournalUnavailable):
            done.set_exception(type(refusal)(*refusal.args))  # Each caller raises its own.
        else:
            done.set_exception(refusal)
