"""The journal in memory: the same promises, for tests and simulations. It dies with its process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.adapters.journal.memory_desk import MemoryDesk
from worker.adapters.journal.memory_intents import (
    Intents,
    Kept,
    check_intents,
    is_live_create,
    pending_of,
    settle,
)
from worker.adapters.journal.rows import moment_of
from worker.adapters.journal.rules import NEWEST_VISITS, Rule, conflict
from worker.domain.choosing import Claims
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey, VisitId
from worker.domain.visit import FINAL, End, Visit
from worker.ports import (
    Entry,
    Handled,
    Intent,
    IntentState,
    JsonValue,
    KeptNotice,
    Lost,
    NoticeState,
    OpenVisit,
    Owed,
    Record,
    Reply,
    Resolution,
)

_HOLDS_BILL = frozenset({End.PAID, End.PARKED})


@dataclass(slots=True)
class _Page:
    """All that is kept of one visit."""

    visit: Visit
    intents: Intents = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)


class MemoryJournal:
    """The durable record's stand-in."""

    def __init__(self, instance: str = "memory22") -> None:
        self._instance = instance
        self._pages: dict[VisitId, _Page] = {}
        self._at_spot: dict[tuple[LocationId, SpotId], VisitId] = {}
        self._of_bill: dict[tuple[LocationId, str], VisitId] = {}
        self._of_key: dict[TransactionKey, VisitId] = {}
        self._confirmed: dict[str, VisitId] = {}
        self._charges: dict[tuple[LocationId, str], dict[str, VisitId]] = {}
        self._notices: dict[str, KeptNotice] = {}
        self._desk = MemoryDesk()
        self._broken: str | None = None
        self.last_beat: tuple[datetime, Mapping[str, JsonValue]] | None = None

    @property
    def instance(self) -> str:
        """The journal's own name."""
        return self._instance

    def break_down(self, why: str) -> None:
        """Refuse everything from now on, as a journal with a broken disk does."""
        self._broken = f"journal in memory: {why}"

    def visits(self) -> tuple[Visit, ...]:
        """Give every visit, for a test to look at."""
        return tuple(page.visit for page in self._pages.values())

    def has(self, visit_id: int) -> bool:
        """Tell whether a visit was ever written, for a test to ask."""
        return VisitId(visit_id) in self._pages

    def visit(self, visit_id: VisitId) -> Visit:
        """Give one visit, for a test to look at."""
        return self._pages[visit_id].visit

    def visit_at(self, location_id: LocationId, spot_id: SpotId) -> VisitId | None:
        """Tell which visit holds a spot, for a test to ask; None: none does."""
        return self._at_spot.get((location_id, spot_id))

    def intents(self, visit_id: VisitId) -> Mapping[Intent, Kept]:
        """Give what was sent for a visit, for a test to look at."""
        return self._pages[visit_id].intents

    def story(self, visit_id: VisitId) -> tuple[Record, ...]:
        """Give a visit's story, for a test to look at."""
        return tuple(self._pages[visit_id].records)

    def owed(self) -> list[Owed]:
        """Give the notices that are still to be told, for a test to look at."""
        kept = self._notices.values()
        return [one.owed for one in kept if one.state is NoticeState.PENDING]

    def notices(self, visit_id: VisitId) -> tuple[NoticeState, ...]:
        """Give how far a visit's notices got, for a test to look at."""
        kept = self._notices.values()
        return tuple(one.state for one in kept if one.owed.notice.visit_id == visit_id)

    async def open_visits(self) -> tuple[OpenVisit, ...]:
        """Give every visit that is not at a final step, oldest first."""
        self._check_alive()
        return tuple(
            OpenVisit(page.visit, pending_of(page.intents))
            for _, page in sorted(self._pages.items())
            if page.visit.step not in FINAL
        )

    async def next_visit_id(self) -> VisitId:
        """Give the number after the highest that was ever written."""
        self._check_alive()
        return VisitId(max(self._pages, default=0) + 1)

    async def write(self, entry: Entry) -> None:
        """Write one entry, or nothing of it."""
        self._check_alive()
        self.keep(entry)

    def keep(self, entry: Entry) -> None:
        """Write one entry, or nothing of it, at once."""
        visit_id = entry.visit_id
        page = self._pages.get(visit_id)
        before = page.visit if page else None
        visit = entry.visit or before
        if visit is None:
            raise conflict(visit_id, Rule.VISIT_IS_UNKNOWN)
        assert visit.visit_id == visit_id, "an entry speaks of one visit"
        if before is not None and before is not visit:
            _check_same(before, visit)
        keys = visit.keys
        self._check_visit(visit, keys)
        self._check_notices(entry)
        self._desk.check(entry, visit)
        intents = self._next_intents(entry, visit, page.intents if page else {})
        if page is None:
            page = self._pages[visit_id] = _Page(visit)
        self._index(page.visit, visit, keys)
        page.visit, page.intents = visit, intents
        page.records.extend(entry.records)
        self._keep_notices(entry, moment_of(entry, visit))
        self._keep_desk(entry, visit)
        if entry.begun and entry.begun.kind is WriteKind.CONFIRM:
            self._confirmed[entry.begun.target] = visit_id

    async def claims_on_bill(self, location_id: LocationId, bill_id: str) -> Claims:
        """Tell which visits charge a bill or its parts now, or were paid for them."""
        self._check_alive()
        holder = self._of_bill.get((location_id, bill_id))
        return Claims(holder, dict(self._charges.get((location_id, bill_id), {})))

    async def owed_notices(self) -> tuple[Owed, ...]:
        """Give every notice that is still to be told, oldest first."""
        self._check_alive()
        return tuple(self.owed())

    async def visit_of_key(self, key: TransactionKey) -> Visit | None:
        """Give the visit that a transaction of ours was made for; None: it is not ours."""
        self._check_alive()
        owner = self._of_key.get(key)
        return self._pages[owner].visit if owner is not None else None

    async def lost_creates(self) -> tuple[Lost, ...]:
        """Give the creates in doubt that no visit waits for any more, oldest first."""
        self._check_alive()
        lost = [
            Lost(visit_id, OrderReference(intent.target), kept.begun_at)
            for visit_id, page in self._pages.items()
            for intent, kept in page.intents.items()
            if kept.state is IntentState.ABANDONED
            or (page.visit.step in FINAL and is_live_create(intent, kept))
        ]
        return tuple(sorted(lost, key=lambda one: (one.begun_at, one.visit_id)))

    async def parked_lately(self) -> tuple[Visit, ...]:
        """Give those of the newest visits that were left to a human, oldest first."""
        self._check_alive()
        newest = max(self._pages, default=0)
        return tuple(
            page.visit
            for visit_id, page in sorted(self._pages.items())
            if page.visit.end is End.PARKED
            and visit_id > newest - NEWEST_VISITS
            and self._desk.resolution(visit_id) is None
        )

    async def keep_handled(self, handled: Handled) -> None:
        """Write a request that concerns no visit, with its reply."""
        self._check_alive()
        self._desk.keep_handled(handled)

    async def reply_to(self, request_id: str) -> Reply | None:
        """Give the reply to a request that was done before; None: it was not."""
        self._check_alive()
        return self._desk.reply(request_id)

    async def draining_since(self) -> datetime | None:
        """Tell since when no new visits are begun; None: they are."""
        self._check_alive()
        return self._desk.draining_since

    async def kept_visit(self, visit_id: VisitId) -> Visit | None:
        """Give one visit; None: there is no such number."""
        self._check_alive()
        return self._pages[visit_id].visit if visit_id in self._pages else None

    async def kept_notices(self, visit_id: VisitId) -> tuple[KeptNotice, ...]:
        """Give every notice of a visit, oldest first."""
        self._check_alive()
        kept = self._notices.values()
        return tuple(one for one in kept if one.owed.notice.visit_id == visit_id)

    async def resolution_of(self, visit_id: VisitId) -> Resolution | None:
        """Tell how a human settled a visit; None: nobody did."""
        self._check_alive()
        return self._desk.resolution(visit_id)

    async def beat(self, at: datetime, report: Mapping[str, JsonValue]) -> None:
        """Keep the newest report."""
        self._check_alive()
        self.last_beat = (at, dict(report))

    async def aclose(self) -> None:
        """Refuse everything from now on."""
        self._broken = "the journal is closed"

    def _check_alive(self) -> None:
        if self._broken is not None:
            raise JournalUnavailable(self._broken)

    def _check_visit(self, visit: Visit, keys: frozenset[TransactionKey]) -> None:
        me = visit.visit_id
        if visit.spot_closed_at is None and self._at_spot.get(_spot(visit), me) != me:
            raise conflict(visit.visit_id, Rule.ONE_OPEN_VISIT)
        bill = self._held_bill(visit)
        if bill and self._of_bill.get(bill, me) != me:
            raise conflict(visit.visit_id, Rule.BILL_PAID_ONCE)
        if any(self._of_key.get(key, me) != me for key in keys):
            raise conflict(visit.visit_id, Rule.KEY_OF_ONE_VISIT)
        of_bill = self._charges.get(_named_bill(visit), {})
        if any(of_bill.get(part_id, me) != me for part_id in self._charged(visit)):
            raise conflict(visit.visit_id, Rule.PART_PAID_ONCE)

    def _check_notices(self, entry: Entry) -> None:
        if any(notice.notice_id in self._notices for notice in entry.notices):
            raise conflict(entry.visit_id, Rule.NOTICE_ONCE)
        if any(posted.notice_id not in self._notices for posted in entry.posted):
            raise conflict(entry.visit_id, Rule.NOTICE_IS_UNKNOWN)
        for posted in entry.posted:
            is_accepted = self._notices[posted.notice_id].state is NoticeState.ACCEPTED
            if is_accepted and not posted.is_attempt:
                raise conflict(entry.visit_id, Rule.NOTICE_IS_ACCEPTED)

    def _keep_notices(self, entry: Entry, at: datetime) -> None:
        for notice in entry.notices:
            owed = Owed(notice, 0, notice.paid_at, notice.paid_at)
            self._notices[notice.notice_id] = KeptNotice(owed, NoticeState.PENDING, None, "")
        for posted in entry.posted:
            owed = self._notices[posted.notice_id].owed
            told_since = owed.told_since if posted.is_attempt else posted.next_at
            attempts = owed.attempts + posted.is_attempt
            again = Owed(owed.notice, attempts, told_since, posted.next_at)
            ended_at = None if posted.state is NoticeState.PENDING else at
            self._notices[posted.notice_id] = KeptNotice(
                again, posted.state, ended_at, posted.detail
            )

    def _keep_desk(self, entry: Entry, visit: Visit) -> None:
        """Write what a human decided, and let go of what others may charge again."""
        resolution, me = entry.resolution, visit.visit_id
        self._desk.keep(entry)
        if resolution is None:
            return
        bill = _named_bill(visit)
        if resolution.frees_bill and self._of_bill.get(bill) == me:
            del self._of_bill[bill]
        charges = self._charges.get(_named_bill(visit), {})
        for part_id in resolution.freed_parts:
            if charges.get(part_id) == me:
                del charges[part_id]

    def _next_intents(self, entry: Entry, visit: Visit, before: Intents) -> Intents:
        if not entry.settled and entry.begun is None:
            return before
        visit_id, begun, after = visit.visit_id, entry.begun, dict(before)
        at = moment_of(entry, visit)
        for settled in entry.settled:
            settle(visit_id, settled, at, after)
            check_intents(visit_id, after)
        if begun is None:
            return after
        kept = after.get(begun)
        after[begun] = Kept(IntentState.PENDING, kept.attempts + 1 if kept else 1, at)
        check_intents(visit_id, after)
        if (
            begun.kind is WriteKind.CONFIRM
            and self._confirmed.get(begun.target, visit_id) != visit_id
        ):
            raise conflict(visit_id, Rule.CONFIRM_KEY_ONCE)
        return after

    def _index(self, before: Visit, visit: Visit, keys: frozenset[TransactionKey]) -> None:
        me = visit.visit_id
        old_bill, bill = self._held_bill(before), self._held_bill(visit)
        if old_bill and self._of_bill.get(old_bill) == me:
            del self._of_bill[old_bill]
        if bill:
            self._of_bill[bill] = me
        if visit.spot_closed_at is None:
            self._at_spot[_spot(visit)] = me
        elif self._at_spot.get(_spot(visit)) == me:
            del self._at_spot[_spot(visit)]
        for key in keys:
            self._of_key[key] = me
        if before.parts or visit.parts:
            self._index_charges(before, visit)

    def _index_charges(self, before: Visit, visit: Visit) -> None:
        me = visit.visit_id
        for of_bill in (self._charges.get(_named_bill(one), {}) for one in (before, visit)):
            for part_id in [part_id for part_id, owner in of_bill.items() if owner == me]:
                del of_bill[part_id]
        for part_id in self._charged(visit):
            self._charges.setdefault(_named_bill(visit), {})[part_id] = me

    def _held_bill(self, visit: Visit) -> tuple[LocationId, str] | None:
        """Tell which bill nobody else may charge because of this visit."""
        if visit.bill is None or visit.bill.bill_id is None:
            return None
        resolution = self._desk.resolution(visit.visit_id)
        if resolution is not None and resolution.frees_bill:
            return None
        is_held = visit.spot_closed_at is None or visit.end in _HOLDS_BILL
        return (visit.location_id, visit.bill.bill_id) if is_held else None

    def _charged(self, visit: Visit) -> list[str]:
        """Tell which parts of its bill are the visit's for good, or for now."""
        resolution = self._desk.resolution(visit.visit_id)
        freed = resolution.freed_parts if resolution is not None else ()
        return [
            part.part_id for part in visit.parts if part.is_charged and part.part_id not in freed
        ]


def _check_same(before: Visit, visit: Visit) -> None:
    """Refuse to change what is over, or to take a number that is another's."""
    identities = [
        (one.location_id, one.spot_id, one.opened_at, one.table) for one in (before, visit)
    ]
    if identities[0] != identities[1]:
        raise conflict(visit.visit_id, Rule.VISIT_IS_ANOTHER)
    if before.step in FINAL and before != visit:
        raise conflict(visit.visit_id, Rule.VISIT_IS_OVER)


def _spot(visit: Visit) -> tuple[LocationId, SpotId]:
    return visit.location_id, visit.spot_id


def _named_bill(visit: Visit) -> tuple[LocationId, str]:
    return visit.location_id, (visit.bill.bill_id or "") if visit.bill else ""
