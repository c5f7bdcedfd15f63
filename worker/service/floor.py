"""The floor as a person would draw it: each table, what it owes, how long it has been so.

A book keeps what went by (polls, ended visits, the till's trouble); a plan puts the book and the
open visits of one moment into plain values. Nothing here decides or waits, and nothing that could
be used to pay, as a transaction's key, ever gets into a plan.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from worker.domain.ids import LocationId, VisitId
from worker.domain.money import Money
from worker.domain.visit import FINAL, End, Step, Visit
from worker.domain.wallet import SpotList
from worker.ports import Owed
from worker.service.recorder import Silence

PAID_SHOWN: Final = timedelta(minutes=2)
"""How long a table goes on showing that its last guest paid; the close takes a blink."""
SPOTS_KEPT: Final = timedelta(hours=36)
SPOTS_SHOWN_MAX: Final = 300
"""By location. A floor of more tables than this is not read from a page."""
LAST_SHOWN: Final = 30
TEXT_CHARS_MAX: Final = 80


class SpotState(StrEnum):
    """What a person sees at a table."""

    FREE = "free"
    WAITING = "waiting"
    """A guest checked in, and there is no bill in the app yet, or none any more."""
    BILLED = "billed"
    RESERVED = "reserved"
    """The guest agreed; the money is held and being taken."""
    PAID = "paid"
    PARKED = "parked"
    """Left to a human."""


STATES: Final[Mapping[Step, SpotState]] = {
    Step.SEEN: SpotState.WAITING,
    Step.CREATING: SpotState.WAITING,
    Step.LINKING: SpotState.WAITING,
    Step.OFFERED: SpotState.BILLED,
    Step.CONFIRMING: SpotState.RESERVED,
    Step.REVOKING: SpotState.BILLED,
    Step.CLOSING: SpotState.WAITING,
    Step.CLOSED: SpotState.FREE,
    Step.PARKED: SpotState.PARKED,
}
NOTES: Final[Mapping[Step, str]] = {
    Step.SEEN: "asking the till",
    Step.CREATING: "making the bill",
    Step.LINKING: "making the bill",
    Step.REVOKING: "taking the bill back",
    Step.CLOSING: "freeing the table",
}


@dataclass(frozen=True, slots=True)
class Notices:
    """What the till has not been told yet."""

    pending: int
    oldest_age_s: float
    """0 when none is pending."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The worker as it is now."""

    now: datetime
    open_visits: Sequence[Visit]
    loops: Sequence[tuple[str, float, float]]
    """Each loop's name, the seconds since it turned, and how many it may take."""
    is_ready: bool
    """Everything unfinished is taken up, and no stop was asked for."""
    is_draining: bool
    """No new visits are begun; open ones are finished."""
    notices: Notices
    throttled_s: float
    """How long the wallet still wants quiet; 0: it does not."""
    clock_offset_s: float
    """How far the machine's clock is behind the wallet's."""


@dataclass(slots=True)
class Polls:
    """How a location's polls went."""

    good_at: datetime | None = None
    took_ms: int = 0
    trouble: str | None = None
    """Why the newest poll failed; None: it did not."""
    result: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A visit that is over."""

    visit: Visit
    at: datetime


Seat = tuple[LocationId, str]


class FloorBook(Silence):
    """What went by, as far as a person wants to see it: a recorder of what is durable."""

    def __init__(self, locations: Mapping[LocationId, str]) -> None:
        """Begin an empty book of these locations, each with its name for people."""
        self.locations: Final = dict(locations)
        self.polls: Final = {location_id: Polls() for location_id in locations}
        self.till_troubles: Final[dict[LocationId, str]] = {}
        """The till's newest answer, where it was trouble."""
        self.parked: tuple[Visit, ...] = ()
        """Visits left to a human, newest first, as the journal last told."""
        self._seats: dict[Seat, datetime] = {}
        """When a guest or a free table was last seen there."""
        self._latest: dict[Seat, Ended] = {}
        self._last: deque[Ended] = deque(maxlen=LAST_SHOWN)
        self._paid: dict[VisitId, tuple[date, LocationId, Money]] = {}
        self._live: set[VisitId] | None = set()
        """What was told before the journal's own account came in; None: it has come."""

    # What it is told.

    def wrote(self, visit: Visit) -> None:
        """Note where a visit stands, what it took, and its end."""
        if self._live is not None:
            self._live.add(visit.visit_id)
        self._note(visit)

    def polled(
        self,
        location_id: LocationId,
        result: str,
        answer: SpotList | str,
        took_s: float,
        at: datetime,
    ) -> None:
        """Note how a poll went and which spots it showed."""
        polls = self.polls.setdefault(location_id, Polls())
        polls.took_ms, polls.result = round(took_s * 1000), result
        if isinstance(answer, str):
            polls.trouble = short(answer) or "no answer"
            return
        polls.trouble, polls.good_at = None, at
        for spot in answer.spots:
            self._seats[location_id, spot.identifier] = at

    def asked_till(
        self, location_id: LocationId, op: str, trouble: str | None, took_s: float
    ) -> None:
        """Keep the newest trouble until an answer is good."""
        if trouble is None:
            self.till_troubles.pop(location_id, None)
        else:
            self.till_troubles[location_id] = short(trouble)

    def remember(self, visits: Iterable[Visit]) -> None:
        """Take in what the journal has from before this process. Once."""
        live, self._live = self._live or set(), None
        for visit in sorted(visits, key=lambda one: one.visit_id):
            if visit.visit_id not in live:
                self._note(visit)
        self._last = deque(sorted(self._last, key=lambda one: one.at), maxlen=LAST_SHOWN)

    def _note(self, visit: Visit) -> None:
        seat = (visit.location_id, visit.table)
        self._seats[seat] = max(visit.since, self._seats.get(seat, visit.since))
        taken = visit.taken
        if taken is not None and visit.paid_at is not None:
            self._paid[visit.visit_id] = (day_of(visit.paid_at), visit.location_id, taken)
        if visit.step not in FINAL:
            return
        ended = Ended(visit, visit.since)
        self._last.append(ended)
        before = self._latest.get(seat)
        if before is None or before.visit.visit_id < visit.visit_id:
            self._latest[seat] = ended

    # What it tells.

    def forget(self, now: datetime) -> None:
        """Let go of tables and payments that no plan shows any more."""
        today = day_of(now)
        self._paid = {key: paid for key, paid in self._paid.items() if paid[0] >= today}
        for seat in [s for s, seen_at in self._seats.items() if now - seen_at > SPOTS_KEPT]:
            del self._seats[seat]
            self._latest.pop(seat, None)

    def takings(self) -> dict[tuple[LocationId, str], tuple[int, int]]:
        """Give the day's payments and minor units, by location and currency."""
        sums: dict[tuple[LocationId, str], tuple[int, int]] = {}
        for _, location_id, money in self._paid.values():
            key = (location_id, money.currency)
            count, amount_minor = sums.get(key, (0, 0))
            sums[key] = (count + 1, amount_minor + money.amount_minor)
        return sums

    def last(self) -> list[Ended]:
        """Give the visits that ended last, newest first."""
        return list(reversed(self._last))

    def seats(self, open_visits: Iterable[Visit]) -> dict[LocationId, dict[str, Visit | None]]:
        """Give each location's tables, and the visit that says how each one is; None: none does."""
        found: dict[LocationId, dict[str, Visit | None]] = {each: {} for each in self.locations}
        for location_id, table in self._seats:
            found.setdefault(location_id, {})[table] = None
        for ended in self._latest.values():
            self._sit(found, ended.visit)
        for visit in self.parked:
            self._sit(found, visit)
        for visit in open_visits:
            self._sit(found, visit)
        return found

    @staticmethod
    def _sit(found: dict[LocationId, dict[str, Visit | None]], visit: Visit) -> None:
        tables = found.setdefault(visit.location_id, {})
        there = tables.get(visit.table)
        if there is None or there.visit_id < visit.visit_id:
            tables[visit.table] = visit


def notices_of(owed: Sequence[Owed], now: datetime) -> Notices:
    """Count the payments that the till does not know of yet."""
    oldest_s = max(((now - one.notice.paid_at).total_seconds() for one in owed), default=0.0)
    return Notices(len(owed), max(0.0, oldest_s))


def day_of(at: datetime) -> date:
    """Give the day as the machine's people count it."""
    return at.astimezone().date()


def state_of(visit: Visit, now: datetime) -> SpotState:
    """Say how a table is whose newest visit is this one."""
    if visit.step is Step.CLOSED:
        is_fresh = visit.end in {End.PAID, End.PART_PAID} and now - visit.since < PAID_SHOWN
        return SpotState.PAID if is_fresh else SpotState.FREE
    if visit.step is Step.CLOSING and visit.paid_at is not None:
        return SpotState.PAID
    if visit.is_held:
        return SpotState.RESERVED
    return STATES[visit.step]


def short(text: str) -> str:
    """Keep what others wrote within a page's bounds."""
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[: TEXT_CHARS_MAX - 1]}…"


def in_order(name: str) -> list[tuple[int, int, str]]:
    """Sort table2 before table10."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+|[0-9]+", name)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p.casefold()) for p in parts]
