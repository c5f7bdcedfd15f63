"""Telling the till what was paid: at least once, in order for each bill, for three days.

A notice is kept with the payment it tells of, so none is lost, and each has one name for good, so a
till that is told twice can see it. Nothing here is waited for by a visit: a till that hangs delays
its own location's notices and nothing else.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from worker.domain.facts import FactName
from worker.domain.ids import LocationId
from worker.domain.notice import Notice
from worker.domain.policy import Policy
from worker.domain.posting import next_try
from worker.ports import Clock, Entry, Journal, NoticeState, Owed, Posted, Record, Till
from worker.service.pulse import Pulse
from worker.service.waiting import nap

PAUSE_S_MAX: Final = 5.0
DETAIL_CHARS_MAX: Final = 300

log = structlog.get_logger()

BillKey = tuple[LocationId, str]


@dataclass(slots=True)
class _Round:
    """One location's notices."""

    owed: dict[str, Owed] = field(default_factory=dict)
    """By name, oldest first."""
    task: asyncio.Task[None] | None = None


class Postman:
    """The outbox of the journal, and whoever empties it."""

    name = "notices"

    def __init__(
        self, *, till: Till, journal: Journal, clock: Clock, policy: Policy, pulse: Pulse
    ) -> None:
        self._till = till
        self._journal = journal
        self._clock = clock
        self._policy = policy
        self._pulse = pulse
        self._rounds: dict[LocationId, _Round] = {}
        self._alarmed: set[str] = set()
        self._group: asyncio.TaskGroup | None = None
        self._is_stopping = False
        self._stirred = asyncio.Event()

    async def start(self, group: asyncio.TaskGroup) -> int:
        """Take up what is still to be told; return how much that is."""
        self._group = group
        owed, now = await self._journal.owed_notices(), self._clock.now()
        for one in owed:  # At once, as the clock may have been set since they were written.
            self._keep(replace(one, told_since=min(one.told_since, now), next_at=now))
        return len(owed)

    def take(self, notices: tuple[Notice, ...]) -> None:
        """Tell of payments that are durable by now."""
        now = self._clock.now()
        for notice in notices:
            self._keep(Owed(notice, 0, now, now))
        self._stirred.set()

    def take_back(self, owed: Owed) -> None:
        """Tell again what a human handed back."""
        self._alarmed.discard(owed.notice.notice_id)
        self._keep(owed)
        self._stirred.set()

    def pending(self) -> list[Owed]:
        """Give what the till has not accepted, location by location, oldest first."""
        return [owed for round_ in self._rounds.values() for owed in round_.owed.values()]

    async def run(self, stop: asyncio.Event) -> None:
        """Tell what is due until told to stop."""
        self._pulse.expect(self.name, 30.0)
        while not stop.is_set():
            self._stirred.clear()
            now = self._clock.now()
            for round_ in self._rounds.values():
                self._begin(round_, now)
            self._pulse.beat(self.name)
            await nap(self._left_s(now), self._stirred)

    async def drain(self, patience_s: float) -> None:
        """Begin nothing new, and let what is being told come to its end."""
        self._is_stopping = True
        running = [round_.task for round_ in self._rounds.values() if round_.task is not None]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=patience_s)
        for task in late:
            task.cancel()

    def _keep(self, owed: Owed) -> None:
        round_ = self._rounds.setdefault(owed.notice.location_id, _Round())
        round_.owed[owed.notice.notice_id] = owed

    def _left_s(self, now: datetime) -> float:
        """Tell how long nothing is due; a location that is being told wakes us itself."""
        waits = [
            (owed.next_at - now).total_seconds()
            for round_ in self._rounds.values()
            if round_.task is None
            for owed in heads(round_.owed).values()
        ]
        return max(0.01, min([PAUSE_S_MAX, *waits]))

    def _begin(self, round_: _Round, now: datetime) -> None:
        is_due = any(owed.next_at <= now for owed in heads(round_.owed).values())
        if is_due and round_.task is None and self._group is not None and not self._is_stopping:
            round_.task = self._group.create_task(self._tell_all(round_), name="notices of a till")

    async def _tell_all(self, round_: _Round) -> None:
        """Tell one location's due notices one after the other."""
        try:
            while not self._is_stopping:
                now = self._clock.now()
                due = [owed for owed in heads(round_.owed).values() if owed.next_at <= now]
                if not due:
                    return
                await self._tell(round_, due[0])
        finally:
            round_.task = None
            self._stirred.set()

    async def _tell(self, round_: _Round, owed: Owed) -> None:
        trouble = await self._till.post(owed.notice)
        now = self._clock.now()
        told = replace(owed, attempts=owed.attempts + 1)
        if trouble is None:
            await self._note(told, NoticeState.ACCEPTED, now)
            del round_.owed[owed.notice.notice_id]
            self._say_accepted(told)
            if owed.attempts:
                self._hasten(round_, now)
            return
        why = trouble.why[:DETAIL_CHARS_MAX]
        next_at = next_try(owed.told_since, told.attempts, now, self._policy)
        if next_at is None:
            await self._note(told, NoticeState.PARKED, now, why)
            del round_.owed[owed.notice.notice_id]
            self._say(told, FactName.NOTICE_PARKED, why)
            return
        await self._note(told, NoticeState.PENDING, next_at, why)
        round_.owed[owed.notice.notice_id] = replace(told, next_at=next_at)
        age_s = (now - owed.told_since).total_seconds()
        if age_s >= self._policy.notice_alarm_s and owed.notice.notice_id not in self._alarmed:
            self._alarmed.add(owed.notice.notice_id)
            self._say(told, FactName.NOTICE_DELAYED, why)

    def _hasten(self, round_: _Round, now: datetime) -> None:
        """Let what waits wait no longer than after a first refusal: the till is well again."""
        soon = now + timedelta(seconds=self._policy.notice_wait_s)
        for name, owed in round_.owed.items():
            round_.owed[name] = replace(owed, next_at=min(owed.next_at, soon))

    async def _note(
        self, owed: Owed, state: NoticeState, next_at: datetime, detail: str = ""
    ) -> None:
        """Make durable what came of it, as a line of its visit's story."""
        notice = owed.notice
        body = {"notice": notice.notice_id, "state": state.value, "attempts": owed.attempts}
        record = Record(
            self._clock.now(), "notice_told", body | ({"why": detail} if detail else {})
        )
        posted = Posted(notice.notice_id, state, next_at, detail)
        await self._journal.write(Entry(notice.visit_id, None, (record,), posted=(posted,)))

    def _say_accepted(self, owed: Owed) -> None:
        self._alarmed.discard(owed.notice.notice_id)
        notice = owed.notice
        log.info(
            FactName.NOTICE_ACCEPTED,
            table=notice.table,
            visit=notice.visit,
            bill=notice.bill_id,
            amount=str(notice.money),
            attempts=owed.attempts,
        )

    def _say(self, owed: Owed, name: FactName, why: str) -> None:
        notice = owed.notice
        if name is FactName.NOTICE_PARKED:
            do = f"the bill IS paid: enter it by hand, or: paysera-worker repost {notice.visit}"
        else:
            do = "the bill IS paid; the worker keeps telling the till, make sure that it can"
        log.error(
            name,
            table=notice.table,
            visit=notice.visit,
            transaction=notice.transaction_key,
            bill=notice.bill_id,
            amount=str(notice.money),
            attempts=owed.attempts,
            why=why,
            do=do,
        )


def heads(owed: dict[str, Owed]) -> dict[BillKey, Owed]:
    """Give the notice that each bill's others wait behind: the order of one bill is kept."""
    first: dict[BillKey, Owed] = {}
    for one in owed.values():
        first.setdefault((one.notice.location_id, one.notice.bill_id), one)
    return first
