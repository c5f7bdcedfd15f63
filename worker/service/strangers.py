"""Transactions that no open visit owns: foreign reservations, twins and our own lost ones.

What is not ours is never confirmed, revoked or edited; it is told to the operator. What is ours but
was lost with an answer was never shown to a guest, and is revoked when it surfaces.
"""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

import structlog

from worker.domain.commands import WriteKind
from worker.domain.ids import OrderReference, TransactionKey, visit_label
from worker.domain.outcome import Done
from worker.domain.wallet import PENDING, RELEASED, Transaction, TransactionStatus
from worker.logbook import LineName
from worker.ports import (
    Clock,
    Entry,
    Intent,
    IntentState,
    Journal,
    Lost,
    Record,
    Settled,
    Surfaced,
    Wallet,
)
from worker.service.ledger import KeyLedger
from worker.service.recorder import Recorder, Silence

TOLD_AGAIN_S: Final = 900.0
TOLD_MAX: Final = 5000
WATCHED_FOR: Final = timedelta(days=31)
"""The wallet deletes a transaction that nobody touched after a month, as its documents say."""
SEARCHED_EVERY_S_MIN: Final = 60.0
SEARCHED_AFTER: Final = 0.02
"""The older the newest lost create is, the seldomer is its search: by this share of its age."""
SEARCHED_WIDELY_FOR: Final = timedelta(minutes=10)
"""A process that just started can not tell how old an earlier one's lost creates are, as the clock
may have been set meanwhile: for so long it searches a whole month."""
SEARCHED: Final = (TransactionStatus.NEW, TransactionStatus.WAITING, TransactionStatus.RESERVED)
SEARCH_MARGIN: Final = timedelta(seconds=120)
"""How far before a create the search for it begins: the wallet's clock is not ours."""
LOOKS_A_ROUND: Final = 50
"""So that a project with many foreign transactions does not eat the budget of the guests."""

log = structlog.get_logger()


class Strangers:
    """The watch over transactions without a visit."""

    def __init__(
        self,
        wallet: Wallet,
        journal: Journal,
        clock: Clock,
        ledger: KeyLedger,
        recorder: Recorder | None = None,
    ) -> None:
        self._wallet = wallet
        self._journal = journal
        self._clock = clock
        self._ledger = ledger
        self._recorder = recorder or Silence()
        self._told: dict[TransactionKey, datetime] = {}
        self._noticed: deque[tuple[TransactionKey, str]] = deque(maxlen=1000)
        self._started_at = self._next_search_at = clock.now()

    def notice(self, key: TransactionKey, where: str) -> None:
        """Take note of a key that is not ours; it is looked at in the next round."""
        told_at = self._told.get(key)
        if told_at is None or (self._clock.now() - told_at).total_seconds() > TOLD_AGAIN_S:
            self._told[key] = self._clock.now()
            self._noticed.append((key, where))

    async def look_round(self) -> None:
        """Judge what was noticed, and search for our own lost transactions now and then."""
        for _ in range(min(len(self._noticed), LOOKS_A_ROUND)):
            key, where = self._noticed.popleft()
            await self.judge(key, where)
        now = self._clock.now()
        self._forget_told(now)
        if now >= self._next_search_at:
            await self.search_lost(now)

    def _forget_told(self, now: datetime) -> None:
        """Keep what was told no longer than it silences the next telling."""
        if len(self._told) > TOLD_MAX:
            old = now - timedelta(seconds=TOLD_AGAIN_S)
            self._told = {key: at for key, at in self._told.items() if at > old}

    async def search_lost(self, now: datetime) -> None:
        """Find and revoke the transactions whose create was given up in doubt."""
        soon = now + timedelta(seconds=SEARCHED_EVERY_S_MIN)
        lost = await self._journal.lost_creates()
        self._next_search_at = soon
        if not lost:
            return
        is_early = now - self._started_at < SEARCHED_WIDELY_FOR
        ages = [WATCHED_FOR if is_early else age_of(one, now) for one in lost]
        listed = await self._wallet.list_transactions(SEARCHED, now - max(ages) - SEARCH_MARGIN)
        if not isinstance(listed, Done):
            return
        looks = 0
        for row in listed.value:
            if self._ledger.is_read(row.key) or looks >= LOOKS_A_ROUND:
                continue
            looks += 1
            looked = await self._wallet.look_at_transaction(row.key)
            if isinstance(looked, Done):
                self._ledger.note(looked.value)
        for one, age in zip(lost, ages, strict=True):
            key = self._ledger.key_of(one.reference)
            if key is not None:
                await self.revoke_lost(one, key)
            elif is_early or looks >= LOOKS_A_ROUND:
                continue
            elif now - one.begun_at >= WATCHED_FOR:
                await self.strike_off(one, "never seen in a month")
                self._recorder.surfaced(Surfaced.EXPIRED)
            elif age == min(ages):
                self._next_search_at = max(soon, now + age * SEARCHED_AFTER)

    async def judge(self, key: TransactionKey, where: str) -> None:
        """Tell whose a strange transaction is."""
        if await self._ledger.owner(key) is not None:
            return
        looked = await self._wallet.look_at_transaction(key)
        if not isinstance(looked, Done):
            self._told.pop(key, None)
            return
        transaction = looked.value
        reference = transaction.reference()
        self._ledger.note(transaction)
        fields = {
            "transaction": key,
            "status": transaction.status_text,
            "reference": reference,
            "amount": amount_of(transaction),
            "why": f"seen {where}",
        }
        if reference is None or not reference.startswith("v1."):
            self._recorder.surfaced(Surfaced.UNKNOWN)
            log.warning(
                LineName.TRANSACTION_FOREIGN,
                **fields,
                do="it is not this worker's: it is never confirmed and never revoked by it",
            )
        elif not reference.startswith(f"v1.{self._journal.instance}."):
            self._recorder.surfaced(Surfaced.UNKNOWN)
            log.error(
                LineName.WORKER_TWIN_SEEN,
                **fields,
                do="another worker with another journal serves these credentials; stop one of them",
            )
        else:
            await self.judge_own(transaction, reference)

    async def judge_own(self, transaction: Transaction, reference: OrderReference) -> None:
        """Handle a transaction that carries our name but whose key no visit knows."""
        for one in await self._journal.lost_creates():
            if one.reference == reference:
                await self.revoke_lost(one, transaction.key)
                return
        # A visit that is searching for it right now will find it by itself.
        self._told.pop(transaction.key, None)

    async def revoke_lost(self, lost: Lost, key: TransactionKey) -> None:
        """Withdraw one of our own that nobody was shown, and see it gone."""
        looked = await self._wallet.look_at_transaction(key)
        if not isinstance(looked, Done):
            return
        status = looked.value.status
        if status in RELEASED:
            await self.strike_off(lost, f"{key} is {status.value}")
            self._recorder.surfaced(Surfaced.EXPIRED)
            return
        if status not in PENDING and status is not TransactionStatus.RESERVED:
            log.error(
                LineName.TRANSACTION_LOST_BUT_PAID,
                transaction=key,
                status=status.value,
                visit=visit_label(lost.visit_id),
                do="the worker does not touch it; look it up at Paysera and tell the till",
            )
            return
        intent = Intent(WriteKind.REVOKE, key)
        record = self._record("lost_transaction_found", key=key, reference=lost.reference)
        await self._journal.write(Entry(lost.visit_id, None, (record,), begun=intent))
        answer = await self._wallet.revoke_transaction(key)
        state = IntentState.DONE if isinstance(answer, Done) else IntentState.UNKNOWN
        ended = Settled(intent, state)
        await self._journal.write(
            Entry(lost.visit_id, None, (self._record("revoke_answered"),), (ended,))
        )
        again = await self._wallet.look_at_transaction(key)
        if isinstance(again, Done) and again.value.status in RELEASED:
            await self.strike_off(lost, f"{key} found and revoked")
            self._recorder.surfaced(Surfaced.REVOKED)
            log.info(
                LineName.TRANSACTION_LOST_AND_REVOKED,
                transaction=key,
                reference=lost.reference,
                visit=visit_label(lost.visit_id),
            )

    async def strike_off(self, lost: Lost, detail: str) -> None:
        """Stop watching for a reference."""
        intent = Intent(WriteKind.CREATE, lost.reference)
        struck = Settled(intent, IntentState.DONE, detail)
        record = self._record("lost_transaction_over")
        await self._journal.write(Entry(lost.visit_id, None, (record,), (struck,)))

    def _record(self, kind: str, **body: str) -> Record:
        return Record(self._clock.now(), kind, body)


def age_of(lost: Lost, now: datetime) -> timedelta:
    """Tell how long ago a create began; one from the future may be of any age that counts."""
    age = now - lost.begun_at
    return min(age, WATCHED_FOR) if age >= timedelta(0) else WATCHED_FOR


def amount_of(transaction: Transaction) -> str | None:
    """Show a transaction's amount, if it has a plain one."""
    payments = transaction.payments or ()
    return ", ".join(str(payment.money or "unreadable") for payment in payments) or None
