"""The real journal on a real file, inside a simulated evening.

Beside the file a second journal is kept in memory: what was acknowledged, and nothing else. When
the file is opened again it has to hold all of that, and what a dying process had under way either
wholly or not at all.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest import mock

from tests.disk.disk import SimDisk
from tests.disk.medium import Op, Trouble
from tests.simulation.disk import MemoryDisk
from worker.adapters.journal import opening, sqlite
from worker.adapters.journal.memory import MemoryJournal
from worker.adapters.journal.reader import JournalReader
from worker.adapters.journal.sqlite import SqliteJournal
from worker.adapters.journal.store import Store
from worker.domain.choosing import Claims
from worker.domain.errors import JournalConflict, JournalLocked, JournalUnavailable
from worker.domain.ids import LocationId, TransactionKey, VisitId
from worker.domain.visit import Visit
from worker.ports import Entry, JsonValue, Lost, OpenVisit, Owed

if TYPE_CHECKING:
    from tests.simulation.evening import Evening
    from tests.simulation.process import Process

NEVER_QUICK: Final = -1.0


class SqliteDisk(MemoryDisk):
    """A machine's disk with a journal file on it: a plain one, or one that may fail and forget."""

    def __init__(self, evening: "Evening", number: int, *, is_plain: bool) -> None:
        super().__init__(evening, "")
        self.dice = evening.choices.stream(f"sqlite{number}")
        self.folder = Path(tempfile.mkdtemp(prefix="evening-"))
        self.path = self.folder / "journal.db"
        self.store: Store | None = None
        self.disk = None if is_plain else SimDisk(self.folder)
        self._patches = contextlib.ExitStack()
        # Names are drawn from the seed, and every other evening waits for its disk in the thread.
        self._patches.enter_context(mock.patch.object(opening, "secrets", self.dice))
        if self.dice.random() < 0.5:
            self._patches.enter_context(mock.patch.object(sqlite, "QUICK_S", NEVER_QUICK))
        evening.loop.executor_delay_s = lambda: 0.001 + 0.01 * self.dice.random()
        if self.disk is not None:
            self._patches.enter_context(self.disk.installed())

    def open(self, process: "Process") -> "ShadowedJournal":
        """Let a process have the journal, once the file has proved to hold what it must."""
        if self.holder is not None and not self.holder.is_dead:
            self.evening.choices.note("journal.locked")
            raise JournalLocked("another worker holds the journal")
        self._fail_if_told()
        self.store = store = Store.open(self.path)
        self.holder = process
        self._compare(store)
        return ShadowedJournal(self, process, SqliteJournal(store))

    def _compare(self, store: Store) -> None:
        """S6: everything acknowledged is there, and nothing that was never handed over."""
        if not self.instance:
            self.instance = store.instance
            self.durable = MemoryJournal(store.instance)
        truth = self.evening.truth
        if store.instance != self.instance:
            truth.wrong("S6", f"the journal changed its name to {store.instance}")
        found = {visit.visit_id: visit for visit in self._visits_in_file()}
        for entry in self.under_way.values():
            if self._is_in_file(entry, found):
                with contextlib.suppress(JournalConflict):
                    self.durable.keep(entry)
        self.under_way.clear()
        wanted = {visit.visit_id: visit for visit in self.durable.visits()}
        for number in sorted(found.keys() | wanted.keys()):
            if found.get(number) != wanted.get(number):
                was, now = wanted.get(number), found.get(number)
                truth.wrong("S6", f"visit {number} is {now} in the file, acknowledged was {was}")
        owed = {one.notice.notice_id: one for one in store.owed_notices()}
        wanted_notices = {one.notice.notice_id: one for one in self.durable.owed()}
        if owed != wanted_notices:
            truth.wrong("S6", f"the file owes {owed}, acknowledged was {wanted_notices}")

    def _is_in_file(self, entry: Entry, found: Mapping[VisitId, Visit]) -> bool:
        """Tell whether an entry that nobody acknowledged has reached the file all the same."""
        if entry.visit is not None:
            return found.get(entry.visit_id) == entry.visit
        assert self.store is not None
        rows = self.store._all("SELECT notice_id, state, attempts FROM notice")
        in_file = {notice_id: (state, attempts) for notice_id, state, attempts in rows}
        told = {owed.notice.notice_id: owed.attempts for owed in self.durable.owed()}
        return bool(entry.posted) and all(
            in_file.get(one.notice_id) == (one.state.value, told.get(one.notice_id, -1) + 1)
            for one in entry.posted
        )

    def _visits_in_file(self) -> tuple[Visit, ...]:
        assert self.store is not None
        rows = self.store._all("SELECT body FROM visit")
        return tuple(self.store._visit(body) for (body,) in rows)

    def let_go(self, process: "Process") -> None:
        """Take the journal from a process that is gone."""
        if self.holder is not process:
            return
        self.holder = None
        store, self.store = self.store, None
        if store is None:
            return
        if self.disk is not None:
            self.disk.kill(store)
        else:
            store._broken = "the process that had it open died"
            store._is_closed = True
            store._connection.close()
            store._lock.release()

    def lose_power(self) -> None:
        """Forget what was not synced."""
        if self.disk is not None:
            self.disk.lose_power(self.dice)

    def acknowledge(self, number: int) -> None:
        """Note that a write is durable, and with it whatever was handed over before it."""
        for earlier in [n for n in self.under_way if n < number]:
            # Its caller has not been told yet. What the file refused is refused here too.
            with contextlib.suppress(JournalConflict):
                self.durable.keep(self.under_way.pop(earlier))
        entry = self.under_way.pop(number, None)
        if entry is not None:
            self.durable.keep(entry)

    def strike(self, kind: str) -> None:
        """Let the next access fail."""
        if self.disk is None:
            return
        if kind == "disk.write_fails":
            self.disk.break_down(Trouble.IO_ERROR, on=frozenset({Op.WRITE}), is_lasting=False)
        elif kind == "disk.sync_fails":
            self.disk.break_down(Trouble.SYNC_FAILS, is_lasting=False)

    def _fail_if_told(self) -> None:
        if self.disk is None:
            if self.trouble:
                raise JournalUnavailable(self.trouble)
            return
        self.disk.heal()
        if self.trouble:
            self.disk.break_down(Trouble.FULL)

    def close(self) -> None:
        """Judge the story's hashes, and throw the files away."""
        try:
            if self.disk is not None:
                self.disk.heal()
            if self.instance:
                with JournalReader(self.path) as reader:
                    broken = reader.verify_chain()
                if broken is not None:
                    self.evening.truth.wrong("S15", f"the story breaks at line {broken}")
        finally:
            self._patches.close()
            shutil.rmtree(self.folder, ignore_errors=True)


class ShadowedJournal:
    """The Journal port of one process: the real one, and a note of what it acknowledged."""

    def __init__(self, disk: SqliteDisk, process: "Process", journal: SqliteJournal) -> None:
        self._disk = disk
        self._process = process
        self._journal = journal

    @property
    def instance(self) -> str:
        """The journal's own name."""
        return self._journal.instance

    async def open_visits(self) -> tuple[OpenVisit, ...]:
        """Give every visit that is not at a final step."""
        return await self._while_alive().open_visits()

    async def next_visit_id(self) -> VisitId:
        """Give the number after the highest."""
        return await self._while_alive().next_visit_id()

    async def claims_on_bill(self, location_id: LocationId, bill_id: str) -> Claims:
        """Tell which visits charge a bill or its parts now, or were paid for them."""
        return await self._while_alive().claims_on_bill(location_id, bill_id)

    async def owed_notices(self) -> tuple[Owed, ...]:
        """Give every notice that is still to be told."""
        return await self._while_alive().owed_notices()

    async def visit_of_key(self, key: TransactionKey) -> Visit | None:
        """Give the visit that a transaction was made for."""
        return await self._while_alive().visit_of_key(key)

    async def lost_creates(self) -> tuple[Lost, ...]:
        """Give the creates given up in doubt."""
        return await self._while_alive().lost_creates()

    async def parked_lately(self) -> tuple[Visit, ...]:
        """Give those of the newest visits that were left to a human."""
        return await self._while_alive().parked_lately()

    async def beat(self, at: datetime, report: Mapping[str, JsonValue]) -> None:
        """Keep the newest report."""
        await self._while_alive().beat(at, report)

    async def aclose(self) -> None:
        """Close the file as a polite end does."""
        await self._journal.aclose()
        self._disk.holder = None
        self._disk.store = None

    async def write(self, entry: Entry) -> None:
        """Write one entry; note it once it is acknowledged."""
        journal, disk, evening = self._while_alive(), self._disk, self._disk.evening
        _, kind = evening.draw_disk()
        disk.strike(kind)
        number = disk.hand_over(entry)
        try:
            await journal.write(entry)
        except JournalConflict:
            disk.under_way.pop(number, None)
            raise
        except JournalUnavailable:
            self._process.is_broken = True
            raise
        if self._process.is_dead:
            return  # Nobody heard that it was done.
        disk.acknowledge(number)
        evening.stirs += 1

    def _while_alive(self) -> SqliteJournal:
        self._process.must_live()
        if self._disk.trouble and self._disk.disk is not None:
            self._disk.disk.break_down(Trouble.FULL)
        return self._journal
