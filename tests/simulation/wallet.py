"""The Wallet port of one simulated process: delays, faults, and the checks at the very wire.

A request that left goes on by itself: whatever becomes of the process, its effect takes place.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar, cast

from tests.simulation import checkers, prices
from tests.simulation.fates import NEVER_ARRIVED, REFUSALS, WRITES
from worker.domain.commands import Lowered, WriteKind
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.domain.wallet import (
    RELEASED,
    NewTransaction,
    Payment,
    Spot,
    SpotList,
    SpotOrder,
    SpotStatus,
    Transaction,
    TransactionStatus,
)
from worker.ports import Intent

if TYPE_CHECKING:
    from tests.simulation.process import Process

T = TypeVar("T")

TIMEOUT_S: Final = 10.0
LATE_S_MAX: Final = TIMEOUT_S + 50.0
"""How long after it was sent a call may land at the most."""
LOOK_IS_FRESH_S: Final = 5.0
STALE_BY_S: Final = 12.0
OTHERS: Final = OrderReference("pos-17-elsewhere")


class SimWallet:
    """Paysera, as one process reaches it."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._evening = process.evening
        self._truth = process.evening.truth
        self._loop = process.evening.loop
        self._roll = process.evening.choices.stream("fate").random
        self._seen_reserved: dict[TransactionKey, tuple[float, Money]] = {}
        self._has_shown_orders = False
        self._confirms_sent: dict[TransactionKey, int] = {}
        self._seen_spot: dict[SpotId, tuple[float, int, Spot]] = {}

    # How a call travels.

    async def _call(
        self, op: str, effect: Callable[[], Outcome[T]], late: Callable[[], object] | None = None
    ) -> Outcome[T]:
        kind = self._fate(op)
        answer: asyncio.Future[Outcome[T]] = self._loop.create_future()
        self._send(kind, effect, late or effect, answer)
        if op in WRITES:
            self._evening.stirs += 1
        got = await self._hear(answer)
        return self._distort(kind, got) if kind else got

    async def _hear(self, answer: "asyncio.Future[Outcome[T]]") -> Outcome[T]:
        """Wait for an answer, as long as a client does."""
        began_s = self._loop.time()
        got = await answer
        if self._loop.time() - began_s > TIMEOUT_S + 1.0:
            return Unknown("ReadTimeout")  # It was frozen meanwhile, and gives up on waking.
        return got

    def _fate(self, op: str) -> str:
        """Draw what befalls a call."""
        self._process.must_live()
        label = self._evening.fates.draw(op, self._roll())
        if not label or not self._evening.choices.note(label):
            return ""
        self._evening.tell("trouble", label)
        return label.partition(".")[2]

    def _send(
        self,
        kind: str,
        effect: Callable[[], Outcome[T]],
        late: Callable[[], object],
        answer: "asyncio.Future[Outcome[T]]",
    ) -> None:
        delay_s = self._evening.delay_s()
        if kind == "slow":
            delay_s = 1.0 + 8.0 * self._roll()
        if kind == "unsent":
            self._at(delay_s, _answer, answer, Unsent("ConnectError"))
        elif kind in NEVER_ARRIVED:
            self._at(self._silence_s(kind), _answer, answer, Unknown(kind))
        elif kind == "late":
            self._at(TIMEOUT_S + (LATE_S_MAX - TIMEOUT_S) * self._roll() ** 2, late)
            self._at(TIMEOUT_S, _answer, answer, Unknown("ReadTimeout"))
        elif kind in {"lost_reply", "error_after"}:
            self._at(delay_s, effect)
            self._at(max(delay_s, self._silence_s(kind)), _answer, answer, Unknown(kind))
        elif kind in REFUSALS:
            self._at(delay_s, _answer, answer, REFUSALS[kind])
        else:
            self._at(delay_s, _carry_out, answer, effect)
            if kind == "twice":
                self._at(delay_s + 20.0 * self._roll() ** 2, late)

    def _silence_s(self, kind: str) -> float:
        """Tell when the caller gives up: at its timeout, or when the connection breaks."""
        return 0.1 if kind.startswith("error") else TIMEOUT_S * min(1.0, 2 * self._roll())

    def _at(self, delay_s: float, what: Callable[..., object], *args: object) -> None:
        self._loop.call_later(delay_s, what, *args, context=self._evening.context)

    def _distort(self, kind: str, got: Outcome[T]) -> Outcome[T]:
        if not isinstance(got, Done):
            return got
        value: object = got.value
        if kind == "vague_yes":
            value = None
        elif kind == "odd_status" and isinstance(value, Spot):
            value = replace(value, status=SpotStatus.OTHER)
        elif kind == "orders_hidden" and isinstance(value, Spot) and self._has_shown_orders:
            # What a process never saw it can not miss.
            value = replace(value, orders=None)
        elif kind == "odd_status" and isinstance(value, Transaction):
            value = replace(value, status=TransactionStatus.OTHER, status_text="pondering")
        elif kind == "no_payments" and isinstance(value, Transaction):
            value = replace(value, payments=None)
        elif kind == "odd_amount" and isinstance(value, Transaction):
            money = self._odd_money(value)
            value = replace(value, payments=(Payment(money, value.reference(), self._name(value)),))
        elif kind == "odd_reference" and isinstance(value, Transaction):
            # A false one is told of a reservation alone: what a search reads stands for good.
            if value.status is TransactionStatus.RESERVED:
                value = replace(
                    value, payments=(Payment(self._money(value), OTHERS, self._name(value)),)
                )
        elif kind == "two_payments" and isinstance(value, Transaction) and value.payments:
            value = replace(value, payments=value.payments * 2)
        return Done(cast("T", value))  # What it is a value of stays as it was.

    def _name(self, shown: Transaction) -> str | None:
        return shown.payments[0].payment_id if shown.payments else None

    def _money(self, shown: Transaction) -> Money:
        assert shown.payments is not None
        money = shown.payments[0].money
        assert money is not None
        return money

    def _odd_money(self, shown: Transaction) -> Money | None:
        money = self._money(shown)
        odd = (None, Money(money.amount_minor + 1, "EUR"), Money(money.amount_minor, "USD"))
        return odd[int(3 * self._roll())]

    # Reads.

    async def list_waiting_spots(self, location_id: LocationId) -> Outcome[SpotList]:
        """Read the waiting spots."""
        kind = self._fate("spots")
        answer: asyncio.Future[Outcome[SpotList]] = self._loop.create_future()
        self._send(kind, lambda: self._list(kind), _nothing, answer)
        return await self._hear(answer)

    def _list(self, kind: str) -> Outcome[SpotList]:
        rows, evening, tables = self._truth.waiting(), self._evening, self._truth.tables
        if kind == "stale" and evening.earlier_rows:
            rows = [row for row, _ in evening.earlier_rows]
            for row, checkin in evening.earlier_rows:
                table = tables[row.spot_id]
                if table.status is not SpotStatus.WAITING or table.checkin != checkin:
                    evening.misled.add(row.spot_id)
        else:
            evening.earlier_rows = [(row, tables[row.spot_id].checkin) for row in rows]
        if kind in {"unlisted", "partial"} and rows:
            rows = [row for row in rows if self._roll() < 0.5]
        if kind == "doubled":
            rows = [*reversed(rows), *rows[:1]]
        return Done(SpotList(tuple(rows), is_complete=kind != "partial"))

    async def list_transactions(
        self, statuses: Sequence[TransactionStatus], since: datetime | None = None
    ) -> Outcome[tuple[Transaction, ...]]:
        """Read the list, whose rows are shortened."""
        kind, now_s = self._fate("transactions"), self._loop.time()
        since_s = -1e9
        if since is not None:
            # The real client turns our moment into the server's, whatever our wall says.
            since_s = now_s - (self._process.clock.now() - since).total_seconds()
        unseen_s = now_s - STALE_BY_S if kind == "stale" else now_s
        wanted = frozenset(statuses)

        def effect() -> Outcome[tuple[Transaction, ...]]:
            rows = self._truth.rows(wanted, since_s, unseen_s)
            earlier = self._evening.earlier_reservations
            if since is None:
                earlier.append(rows)
            return Done(earlier[0] if since is None and kind == "stale" else rows)

        answer: asyncio.Future[Outcome[tuple[Transaction, ...]]] = self._loop.create_future()
        self._send(kind, effect, _nothing, answer)
        return await self._hear(answer)

    async def look_at_spot(self, spot_id: SpotId) -> Outcome[Spot]:
        """Read one spot."""
        checkin = [0]

        def effect() -> Outcome[Spot]:
            table = self._truth.tables.get(spot_id)
            checkin[0] = table.checkin if table else 0
            return self._truth.look(spot_id)

        got = await self._call("spot", effect)
        if isinstance(got, Done):
            self._has_shown_orders = self._has_shown_orders or got.value.orders is not None
            self._seen_spot[spot_id] = (self._loop.time(), checkin[0], got.value)
        return got

    async def look_at_transaction(self, key: TransactionKey) -> Outcome[Transaction]:
        """Read one transaction."""
        charge = self._truth.charges[key]
        got = await self._call("transaction", lambda: self._truth.read(key))
        is_hidden = isinstance(got, Refused) and got.refusal is Refusal.MISSING
        if is_hidden or isinstance(got, Done):
            charge.denials = charge.denials + 1 if is_hidden else 0
        if is_hidden or (isinstance(got, Done) and got.value.payments != charge.shown().payments):
            self._evening.lied_about.add(key)
        if isinstance(got, Done):
            self._seen_reserved.pop(key, None)
            payments = got.value.payments or ()
            if got.value.status is TransactionStatus.RESERVED and len(payments) == 1:
                money = payments[0].money
                is_ours = got.value.reference() == charge.request.reference
                if money is not None and is_ours:
                    self._seen_reserved[key] = (self._loop.time(), money)
        return got

    # Writes.

    def _check_intent(self, visit: str, kind: WriteKind, target: str) -> None:
        """S5, S18: nothing leaves that is not durable first, whatever the journal said."""
        if not self._process.disk.is_pending(visit, Intent(kind, target)):
            self._truth.wrong("S5", f"{kind.value} {target} left without a durable intent")

    def _check_ours(self, kind: WriteKind, key: TransactionKey) -> str:
        """S9: nobody else's transaction is ever touched. Give the visit's number."""
        owner = self._truth.charges[key].owner
        if owner[0] != self._process.disk.instance:
            self._truth.wrong("S9", f"{kind.value} of {key}, which is not ours")
        return owner[1]

    async def create_transaction(self, request: NewTransaction) -> Outcome[Transaction]:
        """Ask for a transaction."""
        self._process.must_live()
        visit = request.reference.split(".")[3]
        reference, doubts = request.reference, self._evening.create_doubts
        self._check_intent(visit, WriteKind.CREATE, reference)
        if reference in doubts:
            self._truth.wrong("S4", f"{reference} is asked for again while it may exist")
        doubts.add(reference)
        got = await self._call("create", lambda: self._truth.create(request))
        if isinstance(got, Refused | Unsent):
            doubts.discard(reference)
        return got

    async def link_order(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        """Put a transaction on a spot."""
        self._process.must_live()
        self._check_intent(self._check_ours(WriteKind.LINK, key), WriteKind.LINK, key)
        self._check_may_link(spot_id, key)
        return await self._call("link", lambda: self._truth.link(spot_id, key))

    def _check_may_link(self, spot_id: SpotId, key: TransactionKey) -> None:
        """S1: nothing is put beside a stranger's order that the last look has shown."""
        _, _, spot = self._seen_spot.get(spot_id, (0.0, 0, None))
        for other in spot.live_keys() if spot else ():
            if self._truth.charges[other].owner[0] != self._process.disk.instance:
                self._truth.wrong("S1", f"{key} is put beside {other}, which is a stranger's")

    async def confirm_transaction(
        self, key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        """Take the money, or less of it."""
        self._process.must_live()
        if self._process.clock.now() > not_after:
            return Unsent("the look that allowed it is too old")
        self._check_intent(self._check_ours(WriteKind.CONFIRM, key), WriteKind.CONFIRM, key)
        self._check_may_confirm(key, lowered)
        was_in_doubt = self._may_land(key)
        self._evening.confirm_doubts[key] = self._loop.time() + LATE_S_MAX
        got = await self._call("confirm", lambda: self._truth.confirm(key, lowered))
        if isinstance(got, Refused | Unsent) and not was_in_doubt:
            self._evening.confirm_doubts.pop(key, None)
            self._evening.confirm_prices.pop(key, None)
            self._confirmed_with(key).discard(key)
        return got

    def _may_land(self, key: TransactionKey) -> bool:
        """Tell whether a confirm that was sent before may yet take the money."""
        return self._loop.time() <= self._evening.confirm_doubts.get(key, -1.0)

    def _confirmed_with(self, key: TransactionKey) -> set[TransactionKey]:
        """Give what was confirmed for the same visit and the same part of its bill."""
        charge = self._truth.charges[key]
        return self._truth.confirmed_of_visit[(*charge.owner, self._truth.part_of(charge))]

    def _check_may_confirm(self, key: TransactionKey, lowered: Lowered | None) -> None:
        truth, charge = self._truth, self._truth.charges[key]
        keys = self._confirmed_with(key)
        keys -= {other for other in keys if truth.charges[other].status in RELEASED}
        keys.add(key)
        if len(keys) > 1:
            truth.wrong("S3", f"visit {charge.owner} confirms {sorted(keys)}")
        now_s = self._loop.time()
        at_s, money = self._seen_reserved.get(key, (-1e9, None))
        if now_s - at_s > LOOK_IS_FRESH_S + 0.001:
            truth.wrong("S2", f"{key} is confirmed without a fresh look that showed it reserved")
        if money is not None and money != charge.request.money:
            truth.wrong("S2", f"{key} is confirmed though it was shown with {money}")
        sent = self._confirms_sent[key] = self._confirms_sent.get(key, 0) + 1
        began = self._process.disk.attempts(charge.owner[1], Intent(WriteKind.CONFIRM, key))
        price = lowered.money if lowered is not None else charge.request.money
        may_land = self._may_land(key)
        prices.check_again(self._evening, charge, price, may_land=may_land)
        is_again = may_land or began > sent
        prices.check(self._evening, self._process, charge, price, is_again=is_again)

    async def revoke_transaction(self, key: TransactionKey) -> Outcome[None]:
        """Withdraw a transaction."""
        self._process.must_live()
        self._check_intent(self._check_ours(WriteKind.REVOKE, key), WriteKind.REVOKE, key)
        charge = self._truth.charges[key]
        is_taken = charge.status is TransactionStatus.CONFIRMED and charge in self._truth.taken
        if is_taken or self._may_land(key):
            self._truth.wrong("S8", f"{key} is revoked though it may be confirmed")
        return await self._call("revoke", lambda: self._truth.revoke(key))

    async def close_spot(self, spot_id: SpotId, not_after: datetime) -> Outcome[None]:
        """Free a spot."""
        self._process.must_live()
        if self._process.clock.now() > not_after:
            return Unsent("the look that allowed it is too old")
        visit = self._process.disk.visit_at(spot_id)
        self._check_intent(visit, WriteKind.CLOSE, "")
        checkin = self._check_may_close(spot_id)
        if visit:
            self._evening.closes_sent.add((self._process.disk.instance, visit))
            checkers.check_close(self._evening, self._process, int(visit), checkin)
        sent_s, instance = self._loop.time(), self._process.disk.instance

        def effect() -> Outcome[None]:
            # What lands when its sender is gone or waits no more is as late as any.
            is_late = self._process.is_dead or self._loop.time() - sent_s > LOOK_IS_FRESH_S
            return self._truth.close(spot_id, -1 if is_late else checkin, instance, visit)

        def late() -> Outcome[None]:
            return self._truth.close(spot_id, -1, instance, visit)

        return await self._call("close", effect, late)

    def _check_may_close(self, spot_id: SpotId) -> int:
        """S10: a close follows a fresh look that showed the spot waiting, with nothing alive."""
        now_s = self._loop.time()
        at_s, checkin, spot = self._seen_spot.pop(spot_id, (-1e9, 0, None))
        if spot is None or now_s - at_s > LOOK_IS_FRESH_S:
            self._truth.wrong("S10", f"{spot_id} is closed without a fresh look")
        elif spot.status is not SpotStatus.WAITING:
            self._truth.wrong("S10", f"{spot_id} is closed though it was not shown waiting")
        for key in spot.live_keys() if spot else ():
            if self._truth.charges[key].owner[0] != self._process.disk.instance:
                self._truth.wrong("S10", f"{spot_id} is closed over somebody else's {key}")
            elif self._truth.charges[key].is_seen_alive:
                self._truth.wrong("S10", f"{spot_id} is closed over {key}, which is alive")
        return checkin


def _answer(answer: "asyncio.Future[Outcome[T]]", outcome: Outcome[T]) -> None:
    if not answer.done():
        answer.set_result(outcome)


def _carry_out(answer: "asyncio.Future[Outcome[T]]", effect: Callable[[], Outcome[T]]) -> None:
    outcome = effect()
    if not answer.done():
        answer.set_result(outcome)


def _nothing() -> None:
    return None
