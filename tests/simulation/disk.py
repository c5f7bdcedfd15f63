"""The journal's disk: what outlives a process, and what a process may still lose on it.

A write is handed over, reaches the disk some time later, and only then returns. A process that dies
in between may have left it there or not. A disk that is full or fails lets the write fail, and what
it half kept then is anybody's guess: nobody may build on it.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from tests.simulation import checkers
from tests.simulation.truth import HALL
from worker.adapters.journal.memory import MemoryJournal
from worker.domain.choosing import Claims
from worker.domain.errors import JournalConflict, JournalLocked, JournalUnavailable
from worker.domain.ids import LocationId, SpotId, TransactionKey, VisitId
from worker.domain.visit import FINAL, Visit
from worker.ports import Entry, Intent, IntentState, Journal, JsonValue, Lost, OpenVisit, Owed

if TYPE_CHECKING:
    from tests.simulation.evening import Evening
    from tests.simulation.process import Process


class OpenJournal(Journal, Protocol):
    """A journal in a process's hands."""

    async def aclose(self) -> None:
        """Let go of it."""


class MemoryDisk:
    """A machine's disk with one journal on it, in memory. The journal's rules are the real ones."""

    def __init__(self, evening: "Evening", instance: str) -> None:
        self.evening = evening
        self.instance = instance
        self.holder: Process | None = None
        self.trouble = ""
        """Why nothing can be written now; empty: all is well."""
        self.under_way: dict[int, Entry] = {}
        """Writes that were handed over and have not reached the disk."""
        self.handed_over = 0
        self.busy_until_s = 0.0
        self.first_checkin: dict[VisitId, int] = {}
        """Which check-in of its table each visit began with."""
        self.freed: set[VisitId] = set()
        """The visits that let go of their spot."""
        self.durable = MemoryJournal(instance)
        """What is really there. Checkers read it; it is nobody's belief."""

    def open(self, process: "Process") -> "OpenJournal":
        """Let a process have the journal."""
        if self.holder is not None and not self.holder.is_dead:
            self.evening.choices.note("journal.locked")
            raise JournalLocked("another worker holds the journal")
        if self.trouble:
            raise JournalUnavailable(self.trouble)
        self.holder = process
        return SimJournal(self, process)

    def let_go(self, process: "Process") -> None:
        """Take the journal from a process that is gone.

        Of what was under way a part may have got there; what is forgotten is the end of it.
        """
        if self.holder is not process:
            return
        self.holder = None
        while self.under_way and self.evening.survives():
            entry = self.under_way.pop(next(iter(self.under_way)))
            with contextlib.suppress(JournalConflict):
                self.durable.keep(entry)
        self.under_way.clear()

    def lose_power(self) -> None:
        """Forget what was not synced; here that is what was under way, and it is gone already."""

    def hand_over(self, entry: Entry) -> int:
        """Take note of a write that begins; give its number."""
        self.handed_over += 1
        self.under_way[self.handed_over] = entry
        visit = entry.visit
        if visit is not None and not self.durable.has(visit.visit_id):
            self.first_checkin[visit.visit_id] = self.evening.truth.tables[visit.spot_id].checkin
        if visit is not None and visit.spot_closed_at and visit.visit_id not in self.freed:
            self.freed.add(visit.visit_id)
            checkers.check_freed(self.evening, self, visit)
        self.evening.stirs += 1
        if entry.begun is not None and self.holder is not None:
            self.evening.trouble.stand_still(self.holder)
        return self.handed_over

    # What the checkers ask.

    def page(self, visit: str) -> VisitId | None:
        """Give a visit's number if anything of it is durable."""
        return VisitId(int(visit)) if visit.isdigit() and self.durable.has(int(visit)) else None

    def is_pending(self, visit: str, intent: Intent) -> bool:
        """Tell whether an intent is durable and unanswered."""
        page = self.page(visit)
        kept = self.durable.intents(page).get(intent) if page is not None else None
        return kept is not None and kept.state is IntentState.PENDING

    def attempts(self, visit: str, intent: Intent) -> int:
        """Tell how often an intent was begun."""
        page = self.page(visit)
        kept = self.durable.intents(page).get(intent) if page is not None else None
        return kept.attempts if kept is not None else 0

    def visit_at(self, spot_id: SpotId) -> str:
        """Give the number of the visit that holds a spot; empty: none does."""
        found = self.durable.visit_at(HALL, spot_id)
        return "" if found is None else str(found)

    def visits(self) -> tuple[Visit, ...]:
        """Give every durable visit."""
        return self.durable.visits()

    def open_visits(self) -> list[Visit]:
        """Give the unfinished ones."""
        return [visit for visit in self.durable.visits() if visit.step not in FINAL]

    def owed(self) -> list[Owed]:
        """Give the durable notices that the till has not accepted."""
        return self.durable.owed()

    def close(self) -> None:
        """Do nothing: there is no file."""


class SimJournal:
    """The Journal port of one process over a disk in memory."""

    def __init__(self, disk: MemoryDisk, process: "Process") -> None:
        self._disk = disk
        self._process = process
        self._evening = disk.evening
        self._loop = disk.evening.loop

    @property
    def instance(self) -> str:
        """The journal's own name."""
        return self._disk.instance

    async def open_visits(self) -> tuple[OpenVisit, ...]:
        """Give every visit that is not at a final step."""
        self._check()
        return await self._disk.durable.open_visits()

    async def next_visit_id(self) -> VisitId:
        """Give the number after the highest."""
        self._check()
        return await self._disk.durable.next_visit_id()

    async def claims_on_bill(self, location_id: LocationId, bill_id: str) -> Claims:
        """Tell which visits charge a bill or its parts now, or were paid for them."""
        self._check()
        return await self._disk.durable.claims_on_bill(location_id, bill_id)

    async def owed_notices(self) -> tuple[Owed, ...]:
        """Give every notice that is still to be told."""
        self._check()
        return await self._disk.durable.owed_notices()

    async def visit_of_key(self, key: TransactionKey) -> Visit | None:
        """Give the visit that a transaction was made for."""
        self._check()
        return await self._disk.durable.visit_of_key(key)

    async def lost_creates(self) -> tuple[Lost, ...]:
        """Give the creates given up in doubt."""
        self._check()
        return await self._disk.durable.lost_creates()

    async def parked_lately(self) -> tuple[Visit, ...]:
        """Give those of the newest visits that were left to a human."""
        self._check()
        return await self._disk.durable.parked_lately()

    async def beat(self, at: datetime, report: Mapping[str, JsonValue]) -> None:
        """Keep the newest report."""
        self._check()
        await self._disk.durable.beat(at, report)

    async def aclose(self) -> None:
        """Let go."""
        self._disk.let_go(self._process)

    def _check(self) -> None:
        self._process.must_live()
        if self._process.is_broken:
            raise JournalUnavailable("the journal failed before")
        if self._disk.trouble:
            self._break(self._disk.trouble)

    def _break(self, why: str) -> None:
        self._process.is_broken = True
        raise JournalUnavailable(why)

    async def write(self, entry: Entry) -> None:
        """Write one entry; return when it is durable."""
        self._check()
        evening = self._evening
        delay_s, kind = evening.draw_disk()
        written: asyncio.Future[None] = self._loop.create_future()
        disk = self._disk
        number = disk.hand_over(entry)
        # One after the other, as a file is written: what was handed over first is there first.
        disk.busy_until_s = at_s = max(self._loop.time() + delay_s, disk.busy_until_s + 1e-5)
        self._loop.call_at(at_s, self._commit, number, kind, written, context=evening.context)
        await written

    def _commit(self, number: int, kind: str, written: "asyncio.Future[None]") -> None:
        evening = self._evening
        entry = self._disk.under_way.pop(number, None)
        if entry is None or self._process.is_dead:
            return
        if self._process.is_broken:  # Nothing is appended after what failed.
            _fail(written, JournalUnavailable("the journal failed before"))
            return
        if kind == "disk.write_fails":
            _fail(written, JournalUnavailable("disk I/O error"))
            self._process.is_broken = True
            return
        try:
            self._disk.durable.keep(entry)
        except JournalConflict as conflict:
            _fail(written, conflict)
            return
        evening.stirs += 1
        if evening.trace is not None:
            evening.tell("durable", str(entry.visit_id), str(entry.begun or ""))
        if kind == "disk.sync_fails":
            self._process.is_broken = True
            _fail(written, JournalUnavailable("fsync failed"))
        elif not written.done():
            written.set_result(None)


def _fail(written: "asyncio.Future[None]", error: Exception) -> None:
    if not written.done():
        written.set_exception(error)
