"""Looking on without touching anything: what the worker would do, told and not done.

Two things make sure of it. Nothing is wired up that could decide on a write: no visit is opened or
resumed, no till is told. And the wallet is handed on behind a seal that lets reads through only.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from worker.domain import choosing, events, machine
from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, SpotId, TransactionKey, VisitId
from worker.domain.outcome import Outcome, Unsent
from worker.domain.visit import Visit
from worker.domain.wallet import (
    NewTransaction,
    Spot,
    SpotList,
    SpotOrder,
    Transaction,
    TransactionStatus,
)
from worker.logbook import LineName
from worker.ports import TillTrouble, Wallet
from worker.service.performing import Hands
from worker.service.pulse import Pulse
from worker.service.waiting import nap

SEALED: Final = "safety.mode is observe: nothing is sent that changes anything"
LOOK_ROUND_S: Final = 1.0
BUDGET_S: Final = 60.0

log = structlog.get_logger()


class SealedWallet:
    """A wallet that can be read and not written. Every write ends Unsent, without a call."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet

    async def list_waiting_spots(self, location_id: LocationId) -> Outcome[SpotList]:
        """Read every page of the location's waiting spots."""
        return await self._wallet.list_waiting_spots(location_id)

    async def list_transactions(
        self, statuses: Sequence[TransactionStatus], since: datetime | None = None
    ) -> Outcome[tuple[Transaction, ...]]:
        """Read every page."""
        return await self._wallet.list_transactions(statuses, since)

    async def look_at_spot(self, spot_id: SpotId) -> Outcome[Spot]:
        """Read one spot by its id."""
        return await self._wallet.look_at_spot(spot_id)

    async def look_at_transaction(self, key: TransactionKey) -> Outcome[Transaction]:
        """Read one transaction by its key."""
        return await self._wallet.look_at_transaction(key)

    async def create_transaction(self, request: NewTransaction) -> Outcome[Transaction]:
        """Send nothing."""
        return self._sealed("create")

    async def link_order(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        """Send nothing."""
        return self._sealed("link")

    async def confirm_transaction(
        self, key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        """Send nothing."""
        return self._sealed("confirm")

    async def revoke_transaction(self, key: TransactionKey) -> Outcome[None]:
        """Send nothing."""
        return self._sealed("revoke")

    async def close_spot(self, spot_id: SpotId, not_after: datetime) -> Outcome[None]:
        """Send nothing."""
        return self._sealed("close")

    def _sealed(self, op: str) -> Unsent:
        log.error(LineName.OBSERVE_SEALED, call=op, why=SEALED, do="please report this line")
        return Unsent(SEALED)


Newcomer = Callable[[Spot, LocationId, datetime], None]
"""Hears of a spot that waits and that no visit holds."""


@dataclass(slots=True)
class CheckIn:
    """A guest that was seen waiting."""

    visit: Visit
    """What would be opened; kept here alone."""
    spot: Spot
    seen_at: datetime
    is_told: bool = False


class Observer:
    """Tells once for each check-in what would be offered, or why nothing would."""

    name = "observer"

    def __init__(self, hands: Hands, pulse: Pulse, *, gone_after_s: float) -> None:
        """Begin. A spot that no poll showed for `gone_after_s` has another guest next time."""
        self._till, self._journal, self._clock = hands.till, hands.journal, hands.clock
        self._hands = hands
        self._pulse = pulse
        self._gone_after_s = gone_after_s
        self._check_ins: dict[tuple[LocationId, SpotId], CheckIn] = {}

    def see(self, spot: Spot, location_id: LocationId, at: datetime) -> None:
        """Take note of a waiting spot."""
        key = (location_id, spot.spot_id)
        known = self._check_ins.get(key)
        if known is not None and (at - known.seen_at).total_seconds() <= self._gone_after_s:
            known.spot, known.seen_at = spot, at
            return
        opened = machine.open_visit(
            visit_id=VisitId(0),
            instance=self._journal.instance,
            nonce="",
            location_id=location_id,
            spot_id=spot.spot_id,
            table=spot.identifier,
            now=at,
        )
        self._check_ins[key] = CheckIn(opened.visit, spot, at)

    async def run(self, stop: asyncio.Event) -> None:
        """Look round until told to stop."""
        self._pulse.expect(self.name, BUDGET_S)
        while not stop.is_set():
            await self.look_round()
            self._pulse.beat(self.name)
            await nap(LOOK_ROUND_S, stop)

    async def look_round(self) -> None:
        """Ask the till for every table that was not told of yet."""
        now = self._clock.now()
        for key, known in list(self._check_ins.items()):
            if (now - known.seen_at).total_seconds() > self._gone_after_s:
                del self._check_ins[key]
            elif not known.is_told:
                await self._judge(known)

    async def _judge(self, known: CheckIn) -> None:
        visit = known.visit
        waited_s = (self._clock.now() - visit.opened_at).total_seconds()
        if known.spot.live_keys():
            known.is_told = True
            self._tell_not(visit, "the spot carries an order that is not ours")
            return
        event = self._hands.allowance.weigh(visit, await self._ask(visit))
        if isinstance(event, events.BillFound) and event.too_much is None:
            known.is_told = True
            bill = event.bill
            log.info(
                LineName.OBSERVE_WOULD_OFFER,
                table=visit.table,
                location=visit.location_id,
                spot=visit.spot_id,
                amount=str(bill.money),
                bill=bill.bill_id,
                description=bill.description,
            )
        elif waited_s >= self._hands.policy.bill_wait_s:
            known.is_told = True
            too_much = event.too_much if isinstance(event, events.BillFound) else None
            unread = event.why if isinstance(event, events.BillUnreadable) else None
            self._tell_not(visit, too_much or unread or "the till has no bill for it")

    async def _ask(self, visit: Visit) -> choosing.Answer:
        answer = await self._till.find_bills(visit.location_id, visit.table)
        if isinstance(answer, TillTrouble):
            return events.BillUnreadable(answer.why)
        return await self._hands.choose(visit, answer)

    def _tell_not(self, visit: Visit, why: str) -> None:
        log.info(
            LineName.OBSERVE_WOULD_NOT_OFFER,
            table=visit.table,
            location=visit.location_id,
            spot=visit.spot_id,
            why=why,
        )
