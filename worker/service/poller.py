"""The two polls: waiting spots, and reserved transactions.

A poll turns what a list says into facts and hints for the engine and decides nothing. A list is
never proof: every visit reads its own spot and its own transaction before it acts.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from worker.domain.events import SpotHinted, TransactionHinted
from worker.domain.ids import LocationId, SpotId, VisitId
from worker.domain.outcome import Done
from worker.domain.visit import Step, Visit
from worker.domain.wallet import Spot, SpotList, TransactionStatus
from worker.logbook import LineName
from worker.ports import Clock, Wallet
from worker.service.engine import Engine
from worker.service.observing import Newcomer
from worker.service.pulse import Pulse
from worker.service.sightings import Sightings
from worker.service.strangers import Strangers
from worker.service.waiting import nap

PAUSE_S_MAX: Final = 30.0
FAILURES_BEFORE_SLOWING: Final = 5
UNLISTED_POLLS: Final = 2
"""Polls in a row without the spot before it is worth a look."""
BLIND_LOOK_S: Final = 30.0
"""How often to look at an offered spot whose rows go on saying the same, or show no orders."""
IDLE_FACTOR: Final = 5
"""How much slower reservations are asked for while nothing is offered."""
START_MARGIN_S: Final = 0.01
"""So that two starts never look closer together at the wallet than here."""
BUDGET_S: Final = 60.0
"""A poll with all its repeats takes less than this, so a loop that is silent for longer hangs."""

log = structlog.get_logger()


class SpotPoller:
    """Asks for one location's waiting spots, again and again."""

    def __init__(
        self,
        *,
        location_id: LocationId,
        interval_s: float,
        wallet: Wallet,
        engine: Engine,
        sightings: Sightings,
        clock: Clock,
        pulse: Pulse,
        newcomer: Newcomer | None = None,
        serves: Callable[[str], bool] = lambda _table: True,
    ) -> None:
        """Prepare. `newcomer` hears of waiting spots in the engine's place; `serves`: which."""
        self._newcomer = newcomer or engine.begin
        self._serves = serves
        self._location_id = location_id
        self._interval_s = interval_s
        self._wallet = wallet
        self._engine = engine
        self._sightings = sightings
        self._clock = clock
        self._pulse = pulse
        self._failures = 0
        self._is_incomplete = False
        self._unlisted: dict[VisitId, int] = {}
        self._hinted_at: dict[VisitId, datetime] = {}
        self.name = f"spots-{location_id}"

    async def run(self, stop: asyncio.Event, first_pause_s: float) -> None:
        """Poll from start to start until told to stop."""
        self._pulse.expect(self.name, BUDGET_S)
        await nap(first_pause_s, stop)
        while not stop.is_set():
            began_s = self._clock.ticks_s()
            await self.poll()
            self._pulse.beat(self.name)
            took_s = self._clock.ticks_s() - began_s
            await nap(max(0.0, self._pause_s() - took_s), stop)

    def _pause_s(self) -> float:
        extra = self._failures - FAILURES_BEFORE_SLOWING
        if extra <= 0:
            return self._interval_s + START_MARGIN_S
        return float(min(PAUSE_S_MAX, self._interval_s * 2 ** min(extra, 10)))

    async def poll(self) -> None:
        """Ask once and pass on what it says."""
        began_s = self._clock.ticks_s()
        answer = await self._wallet.list_waiting_spots(self._location_id)
        self._pulse.polled(began_s, is_good=isinstance(answer, Done))
        if not isinstance(answer, Done):
            self._failures += 1
            log.debug(LineName.POLL_FAILED, location=self._location_id, why=str(answer))
            return
        if self._failures:
            self._failures = 0
            self._engine.wake_failed()
        log.debug(LineName.POLL_ANSWERED, location=self._location_id, count=len(answer.value.spots))
        self._tell_incomplete(answer.value)
        self._pass_on(answer.value, self._clock.now())

    def _tell_incomplete(self, listed: SpotList) -> None:
        if listed.is_complete == self._is_incomplete:
            self._is_incomplete = not listed.is_complete
            if self._is_incomplete:
                log.warning(
                    LineName.POLL_INCOMPLETE,
                    location=self._location_id,
                    why="some rows or pages of the waiting spots could not be read",
                    do="the readable ones are served; see the assumptions if it persists",
                )
            else:
                log.info(LineName.POLL_COMPLETE, location=self._location_id)

    def _pass_on(self, listed: SpotList, at: datetime) -> None:
        self._sightings.see((spot.spot_id for spot in listed.spots), at)
        listed_ids: set[SpotId] = set()
        for spot in listed.spots:
            listed_ids.add(spot.spot_id)
            visit = self._engine.visit_at(spot.spot_id)
            if visit is None:
                if self._serves(spot.identifier):
                    self._newcomer(spot, self._location_id, at)
            else:
                self._unlisted.pop(visit.visit_id, None)
                self._compare(visit, spot, at)
        if listed.is_complete:
            self._note_unlisted(listed_ids)

    def _compare(self, visit: Visit, spot: Spot, at: datetime) -> None:
        """See whether the row says anything that the visit does not know."""
        if visit.step is not Step.OFFERED or visit.is_held:
            return
        if spot.orders is None:
            self._hint_seldom(visit, visit.offered_at or at, at, "its rows do not show orders")
            return
        ours = [order for order in spot.orders if order.transaction_key in visit.live_keys]
        moved = [order for order in ours if order.status not in {"pending", ""}]
        if not ours:
            self._engine.hint(visit.visit_id, SpotHinted("listed without our order"))
        elif moved:
            hint = TransactionHinted(f"order is {moved[0].status}", moved[0].transaction_key)
            self._engine.hint(visit.visit_id, hint)
        elif spot.live_keys() - visit.keys:
            self._hint_seldom(visit, None, at, "listed with another order beside ours")

    def _hint_seldom(self, visit: Visit, since: datetime | None, at: datetime, hint: str) -> None:
        """Hint at what every poll shows again. `since` stands for the hint before the first."""
        hinted_at = self._hinted_at.get(visit.visit_id, since)
        if hinted_at is None or (at - hinted_at).total_seconds() >= BLIND_LOOK_S:
            self._hinted_at[visit.visit_id] = at
            self._engine.hint(visit.visit_id, SpotHinted(hint))

    def _note_unlisted(self, listed_ids: set[SpotId]) -> None:
        open_here = set()
        for visit in self._engine.open_visits():
            if visit.location_id != self._location_id or visit.spot_closed_at is not None:
                continue
            open_here.add(visit.visit_id)
            if visit.spot_id in listed_ids:
                continue
            self._sightings.end(visit.spot_id)
            count = self._unlisted.get(visit.visit_id, 0) + 1
            self._unlisted[visit.visit_id] = count
            if count % UNLISTED_POLLS == 0:
                self._engine.hint(visit.visit_id, SpotHinted("no longer listed as waiting"))
        for gone in set(self._unlisted).union(self._hinted_at) - open_here:
            self._unlisted.pop(gone, None)
            self._hinted_at.pop(gone, None)


class ReservationPoller:
    """Asks which transactions are reserved, so that a guest's yes is seen within seconds."""

    name = "reservations"

    def __init__(
        self,
        *,
        interval_s: float,
        wallet: Wallet,
        engine: Engine,
        strangers: Strangers,
        clock: Clock,
        pulse: Pulse,
    ) -> None:
        self._interval_s = interval_s
        self._wallet = wallet
        self._engine = engine
        self._strangers = strangers
        self._clock = clock
        self._pulse = pulse

    async def run(self, stop: asyncio.Event, first_pause_s: float) -> None:
        """Poll until told to stop: often while an offer is open, seldom while none is."""
        self._pulse.expect(self.name, BUDGET_S)
        await nap(first_pause_s, stop)
        while not stop.is_set():
            began_s = self._clock.ticks_s()
            await self.poll()
            self._pulse.beat(self.name)
            while not stop.is_set():
                left_s = self._pause_s() - (self._clock.ticks_s() - began_s)
                if left_s <= 0:
                    break
                await nap(min(left_s, 1.0), stop)

    def _pause_s(self) -> float:
        is_offering = any(
            visit.step in {Step.LINKING, Step.OFFERED} for visit in self._engine.open_visits()
        )
        return self._interval_s * (1 if is_offering else IDLE_FACTOR)

    async def poll(self) -> None:
        """Ask once and pass on what it says."""
        began_s = self._clock.ticks_s()
        answer = await self._wallet.list_transactions((TransactionStatus.RESERVED,))
        self._pulse.polled(began_s, is_good=isinstance(answer, Done))
        if not isinstance(answer, Done):
            log.debug(LineName.POLL_FAILED, loop=self.name, why=str(answer))
            return
        for row in answer.value:
            visit = self._engine.visit_of(row.key)
            if visit is None:
                self._strangers.notice(row.key, "in the list of reservations")
            elif not visit.is_held:
                hint = TransactionHinted("listed as reserved", row.key)
                self._engine.hint(visit.visit_id, hint)
