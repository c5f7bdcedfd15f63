"""The ports as they are, and beside each answer a note of how long it took.

Put around the wallet and the till only while figures are kept. Nothing is added, repeated or
changed on the way.
"""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from worker.domain.bill import Bill
from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.notice import Notice
from worker.domain.outcome import Done, Outcome
from worker.domain.wallet import (
    NewTransaction,
    Spot,
    SpotList,
    SpotOrder,
    Transaction,
    TransactionStatus,
)
from worker.ports import Clock, Till, TillMissing, TillTrouble, Wallet
from worker.service.recorder import Recorder, result_of

T = TypeVar("T")

LOOKS_MAX: Final = 10_000
"""Spots whose last look is remembered; far more than can be open at once."""


class MeasuredWallet:
    """A wallet whose calls are timed."""

    def __init__(self, wallet: Wallet, recorder: Recorder, clock: Clock) -> None:
        self._wallet = wallet
        self._recorder = recorder
        self._clock = clock
        self._looked_s: dict[SpotId, float] = {}

    async def list_waiting_spots(self, location_id: LocationId) -> Outcome[SpotList]:
        """Read every page of the location's waiting spots."""
        began_s = self._clock.ticks_s()
        outcome = await self._wallet.list_waiting_spots(location_id)
        took_s = self._clock.ticks_s() - began_s
        result = result_of(outcome)
        self._recorder.called("list_spots", result, took_s)
        answer = outcome.value if isinstance(outcome, Done) else str(outcome)
        self._recorder.polled(location_id, result, answer, took_s, self._clock.now())
        return outcome

    async def list_transactions(
        self, statuses: Sequence[TransactionStatus], since: datetime | None = None
    ) -> Outcome[tuple[Transaction, ...]]:
        """Read every page."""
        calling = self._wallet.list_transactions(statuses, since)
        return await self._timed("list_transactions", calling)

    async def look_at_spot(self, spot_id: SpotId) -> Outcome[Spot]:
        """Read one spot by its id."""
        outcome = await self._timed("look_at_spot", self._wallet.look_at_spot(spot_id))
        if len(self._looked_s) >= LOOKS_MAX:
            self._looked_s.clear()
        self._looked_s[spot_id] = self._clock.ticks_s()
        return outcome

    async def look_at_transaction(self, key: TransactionKey) -> Outcome[Transaction]:
        """Read one transaction by its key."""
        return await self._timed("look_at_transaction", self._wallet.look_at_transaction(key))

    async def create_transaction(self, request: NewTransaction) -> Outcome[Transaction]:
        """Ask for a transaction."""
        return await self._timed("create", self._wallet.create_transaction(request))

    async def link_order(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        """Put a transaction on a spot."""
        return await self._timed("link", self._wallet.link_order(spot_id, key))

    async def confirm_transaction(
        self, key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        """Take the reserved money, or less; Unsent if the call can not leave in time."""
        calling = self._wallet.confirm_transaction(key, not_after, lowered)
        return await self._timed("confirm", calling)

    async def revoke_transaction(self, key: TransactionKey) -> Outcome[None]:
        """Withdraw a transaction."""
        return await self._timed("revoke", self._wallet.revoke_transaction(key))

    async def close_spot(self, spot_id: SpotId, not_after: datetime) -> Outcome[None]:
        """Free a spot, or answer Unsent if the call can not leave in time."""
        looked_s = self._looked_s.pop(spot_id, None)
        if looked_s is not None:
            self._recorder.closing(self._clock.ticks_s() - looked_s)
        return await self._timed("close", self._wallet.close_spot(spot_id, not_after))

    async def _timed(self, op: str, calling: Awaitable[Outcome[T]]) -> Outcome[T]:
        began_s = self._clock.ticks_s()
        outcome = await calling
        self._recorder.called(op, result_of(outcome), self._clock.ticks_s() - began_s)
        return outcome


OPS: Final = (
    "list_spots", "list_transactions", "look_at_spot", "look_at_transaction",
    "create", "link", "confirm", "revoke", "close",
)  # fmt: skip
"""Every word for a call to the wallet."""


class MeasuredTill:
    """A till whose answers are timed."""

    def __init__(self, till: Till, recorder: Recorder, clock: Clock) -> None:
        self._till = till
        self._recorder = recorder
        self._clock = clock

    @property
    def can_lock(self) -> bool:
        """Whether a bill can be kept from being changed while it is being paid."""
        return self._till.can_lock

    async def find_bills(
        self, location_id: LocationId, table: str
    ) -> tuple[Bill, ...] | TillTrouble:
        """Give every open bill of a table, oldest first."""
        began_s = self._clock.ticks_s()
        answer = await self._till.find_bills(location_id, table)
        self._note(location_id, "find_bills", answer, began_s)
        return answer

    async def lock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> Bill | TillMissing | TillTrouble:
        """Keep a bill from being changed for a while, and tell what it asks for now."""
        began_s = self._clock.ticks_s()
        answer = await self._till.lock_bill(location_id, table, bill_id, visit)
        self._note(location_id, "lock_bill", answer, began_s)
        return answer

    async def unlock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> None:
        """Let a bill be changed again."""
        await self._till.unlock_bill(location_id, table, bill_id, visit)

    async def post(self, notice: Notice) -> TillTrouble | None:
        """Tell that a bill is paid."""
        began_s = self._clock.ticks_s()
        answer = await self._till.post(notice)
        self._note(notice.location_id, "post", answer, began_s)
        return answer

    def _note(self, location_id: LocationId, op: str, answer: object, began_s: float) -> None:
        trouble = answer.why if isinstance(answer, TillTrouble) else None
        self._recorder.asked_till(location_id, op, trouble, self._clock.ticks_s() - began_s)


TILL_OPS: Final = ("find_bills", "lock_bill", "post")
