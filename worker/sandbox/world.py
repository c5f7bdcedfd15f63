"""The world behind the routes: who sits where, what is owed, whose money is held.

All moves are synchronous, so each happens whole or not at all. A move that the present status does
not allow raises; nothing is ever changed on the way to a refusal. Time is handed in as a `Clock`.
"""

from __future__ import annotations

import itertools
import secrets
import string
from collections.abc import Iterable

from . import wire
from .audit import Auditor
from .clock import Clock
from .draft import PaymentDraft, TransactionDraft
from .errors import invalid_parameters, invalid_state, not_found
from .model import OPEN_STATUSES, CheckIn, Order, Payment, Spot, Transaction
from .timeline import Timeline

PROJECT_ID = 4321
FORGET_NEW_AFTER_S = 30 * 86_400
_KEY_ALPHABET = string.ascii_letters + string.digits

# Ids of payments and orders go on over a reset, so that none ever means two things to one client.
_ids = itertools.count(1 + secrets.randbelow(10**6) * 10**6)
_wallets = itertools.count(9_000_001)


class World:
    """Spots, transactions and the legal moves between their statuses."""

    def __init__(self, clock: Clock, location_id: int, spots: int) -> None:
        self.clock = clock
        self.location_id = location_id
        self.audit = Auditor()
        self.spots: dict[int, Spot] = {}
        self.waiting: dict[int, Spot] = {}
        self.transactions: dict[str, Transaction] = {}
        self.by_status: dict[str, dict[str, Transaction]] = {}
        self.payments: dict[int, tuple[Payment, Transaction]] = {}
        self.totals = {"checkins": 0, "closes": 0, "left": 0, "refunds": 0}
        self.timeline = Timeline(clock)
        self.status_of_revoked_new = "deleted"
        self._by_name: dict[tuple[int, str], Spot] = {}
        for number in range(1, spots + 1):
            self.spot_named(location_id, f"table{number}")

    # Spots

    def spot(self, spot_id: int) -> Spot:
        """Find a spot by its id."""
        if spot_id not in self.spots:
            raise not_found(f"spot {spot_id}")
        return self.spots[spot_id]

    def find_spot(self, location_id: int, identifier: str) -> Spot | None:
        """Find a spot by what its QR code says."""
        return self._by_name.get((location_id, identifier))

    def spot_named(self, location_id: int, identifier: str) -> Spot:
        """Find a spot by what its QR code says, making it if it is new."""
        spot = self._by_name.get((location_id, identifier))
        if spot is None:
            spot = Spot(501 + len(self.spots), identifier, location_id)
            self._by_name[location_id, identifier] = self.spots[spot.id] = spot
        return spot

    def scan(self, spot: Spot) -> CheckIn:
        """Seat a guest. A second scan of a waiting spot joins the same check-in."""
        if spot.checkin is not None:
            return spot.checkin
        self._remember_spot(spot)
        spot.checkins += 1
        self.totals["checkins"] += 1
        spot.status = "waiting"
        spot.checkin = CheckIn(spot.checkins, spot, self.clock.steady())
        self.waiting[spot.id] = spot
        self.timeline.ring(spot.id)
        return spot.checkin

    def leave(self, spot: Spot) -> CheckIn:
        """The guest goes; the spot is open again and its orders are gone from it."""
        checkin = self._checkin_of(spot, "left")
        self._end(checkin, "guest", "open")
        self.totals["left"] += 1
        return checkin

    def close(self, spot: Spot) -> CheckIn:
        """Free the spot for the merchant. Transactions stay as they are."""
        checkin = self._checkin_of(spot, "closed")
        self.audit.closing(checkin, self.clock.steady())
        self._end(checkin, "merchant", "closed")
        spot.closes += 1
        self.totals["closes"] += 1
        return checkin

    # Orders

    def link(self, spot: Spot, transaction: Transaction) -> Order:
        """Show a transaction at a spot."""
        checkin = self._checkin_of(spot, "given an order")
        self._check_linkable(transaction, checkin)
        self._remember_spot(spot)
        order = Order(next(_ids), transaction)
        self._attach(checkin, order, transaction)
        return order

    def relink(self, spot: Spot, order: Order, transaction: Transaction) -> None:
        """Let a pending order show another transaction."""
        checkin = self._checkin_of(spot, "given an order")
        if order.status != "pending":
            raise invalid_state(f"order {order.id} is {order.status}; only pending ones can change")
        self._check_linkable(transaction, checkin)
        self._remember_spot(spot)
        checkin.orders.remove(order)
        order.transaction = transaction
        self._attach(checkin, order, transaction)

    def unlink(self, spot: Spot, order: Order) -> None:
        """Take a pending order off its spot."""
        checkin = self._checkin_of(spot, "relieved of an order")
        if order.status != "pending":
            raise invalid_state(f"order {order.id} is {order.status}; only pending ones can go")
        self._remember_spot(spot)
        checkin.orders.remove(order)
        self.timeline.ring(spot.id)

    # Transactions

    def transaction(self, key: str) -> Transaction:
        """Find a transaction by its key."""
        if key not in self.transactions:
            raise not_found(f"transaction {key[:80]}")
        return self.transactions[key]

    def with_statuses(self, statuses: Iterable[str]) -> list[Transaction]:
        """Give the transactions in any of these statuses, newest first."""
        groups = [self.by_status.get(status, {}).values() for status in set(statuses)]
        return sorted(itertools.chain(*groups), key=lambda one: one.number, reverse=True)

    def create(
        self, draft: TransactionDraft, project_id: int, location_id: int | None
    ) -> Transaction:
        """Make a new transaction. Existing payments move over from the one that had them."""
        ids = [one for one in draft.payments if isinstance(one, int)]
        if len(ids) != len(set(ids)):
            raise invalid_parameters("payments", "names a payment twice")
        moved = [self._movable(one) for one in ids]
        key = "".join(secrets.choice(_KEY_ALPHABET) for _ in range(24))
        transaction = Transaction(
            key=key,
            number=len(self.transactions) + 1,
            created_at=self.clock.stamp(),
            payments=[],
            reserve=draft.reserve,
            auto_confirm=draft.auto_confirm,
            project_id=project_id,
            told=draft.told,
            location_id=location_id,
        )
        old = iter(moved)
        for asked in draft.payments:
            payment = (
                self._move(*next(old)) if isinstance(asked, int) else self._new(asked, transaction)
            )
            payment.transaction_key = key
            transaction.payments.append(payment)
            self.payments[payment.id] = payment, transaction
        self.transactions[key] = transaction
        self.timeline.remember("transaction", key, None)
        self.by_status.setdefault("new", {})[key] = transaction
        self.timeline.at(FORGET_NEW_AFTER_S, lambda: self._forget(transaction))
        return transaction

    def reserve(self, transaction: Transaction, wallet: int | None = None) -> None:
        """The guest agrees and the money is held, for as long as the transaction says."""
        self._require(transaction, OPEN_STATUSES, "reserved")
        now, stamp = self.clock.now(), self.clock.stamp()
        reserve = transaction.reserve
        left_s = reserve["for"] if "for" in reserve else reserve["until"] - stamp
        if left_s <= 0:
            raise invalid_state("the time to reserve this transaction is over")
        transaction.wallet = next(_wallets) if wallet is None else wallet
        transaction.reserved_at = stamp
        transaction.reserve_ends = now + left_s
        self._set(transaction, "reserved")
        if transaction.auto_confirm:
            self.confirm(transaction, {})
        else:
            self.timeline.at(left_s, lambda: self._lapse(transaction))

    def decline(self, transaction: Transaction) -> None:
        """The guest refuses."""
        self._require(transaction, OPEN_STATUSES, "rejected")
        self._set(transaction, "rejected")

    def hold_back(self, transaction: Transaction, status: str) -> None:
        """The guest agrees but something is still missing: funds, a registration, a password."""
        self._require(transaction, OPEN_STATUSES, status)
        self._set(transaction, status)

    def confirm(self, transaction: Transaction, lowered: dict[int, tuple[int, str | None]]) -> None:
        """Take the held money, possibly less of it than was held."""
        self._require(transaction, ("reserved",), "confirmed")
        mine = {payment.id: payment for payment in transaction.payments}
        for payment_id, (price, currency) in lowered.items():
            if payment_id not in mine:
                raise invalid_parameters(str(payment_id), "is not a payment of this transaction")
            if currency is not None and currency != mine[payment_id].currency:
                raise invalid_parameters(f"{payment_id}.currency", "differs from the payment's")
            if price > mine[payment_id].price_minor:
                raise invalid_parameters(f"{payment_id}.price", "may only be lowered")
        for payment_id, (price, _) in lowered.items():
            mine[payment_id].price_minor = price
        transaction.confirmed_at = self.clock.stamp()
        self._set(transaction, "confirmed")
        for payment in transaction.payments:
            self._settle_later(payment)
        self.audit.confirmed(transaction)

    def revoke(self, transaction: Transaction) -> None:
        """The merchant gives up: an untouched transaction is deleted, an accepted one revoked."""
        self._require(transaction, (*OPEN_STATUSES, "reserved"), "revoked")
        is_new = transaction.status == "new"
        self._set(transaction, self.status_of_revoked_new if is_new else "revoked")

    def cancel(self, payment_id: int) -> Payment:
        """Give back a confirmed payment that its beneficiary cannot use yet."""
        payment, _ = self.payment(payment_id)
        if payment.status != "confirmed":
            raise invalid_state(
                f"payment {payment_id} is {payment.status}; only confirmed ones can go"
            )
        payment.status = "canceled"
        self.totals["refunds"] += 1
        return payment

    def payment(self, payment_id: int) -> tuple[Payment, Transaction]:
        """Find a payment and the transaction that it belongs to."""
        if payment_id not in self.payments:
            raise not_found(f"payment {payment_id}")
        return self.payments[payment_id]

    # Parts of the moves

    def _checkin_of(self, spot: Spot, done: str) -> CheckIn:
        if spot.checkin is None:
            raise invalid_state(
                f"spot {spot.id} is {spot.status}; only a waiting spot can be {done}"
            )
        return spot.checkin

    def _end(self, checkin: CheckIn, by: str, status: str) -> None:
        spot = checkin.spot
        self._remember_spot(spot)
        checkin.ended_by = by
        spot.previous, spot.checkin, spot.status = checkin, None, status
        del self.waiting[spot.id]
        self.timeline.ring(spot.id)

    def _check_linkable(self, transaction: Transaction, checkin: CheckIn) -> None:
        if transaction.status not in (*OPEN_STATUSES, "reserved"):
            raise invalid_state(f"transaction {transaction.key} is {transaction.status} already")
        if transaction.checkin not in (None, checkin):
            raise invalid_state(f"transaction {transaction.key} was shown to another guest already")

    def _attach(self, checkin: CheckIn, order: Order, transaction: Transaction) -> None:
        checkin.orders.append(order)
        checkin.had_order = True
        transaction.checkin = checkin
        self.audit.linked(checkin, order)
        self.timeline.ring(checkin.spot.id)

    def _new(self, asked: PaymentDraft, transaction: Transaction) -> Payment:
        return Payment(
            id=next(_ids),
            transaction_key=transaction.key,
            created_at=transaction.created_at,
            price_minor=asked.price_minor,
            currency=asked.currency,
            freeze=asked.freeze,
            told=asked.told,
        )

    def _movable(self, payment_id: int) -> tuple[Payment, Transaction]:
        payment, holder = self.payment(payment_id)
        if holder.status != "new":
            raise invalid_state(
                f"payment {payment_id} belongs to a transaction that is {holder.status}"
            )
        return payment, holder

    def _move(self, payment: Payment, holder: Transaction) -> Payment:
        holder.payments.remove(payment)
        if not holder.payments:
            self._set(holder, "deleted")
        return payment

    def _require(self, transaction: Transaction, allowed: Iterable[str], wanted: str) -> None:
        if transaction.status not in allowed:
            raise invalid_state(
                f"transaction {transaction.key} is {transaction.status} and cannot become {wanted}"
            )

    def _set(self, transaction: Transaction, status: str) -> None:
        row = wire.transaction_row(transaction, short=True)
        self.timeline.remember("transaction", transaction.key, row)
        checkin = transaction.checkin
        if checkin is not None and checkin.ended_by is None:
            self._remember_spot(checkin.spot)
        del self.by_status[transaction.status][transaction.key]
        transaction.status = status
        self.by_status.setdefault(status, {})[transaction.key] = transaction
        for payment in transaction.payments:
            payment.status = status if status in _PAYMENT_FOLLOWS else "waiting"
        if checkin is not None:
            self.timeline.ring(checkin.spot.id)

    def _settle_later(self, payment: Payment) -> None:
        payment.confirmed_at = self.clock.stamp()
        freeze = payment.freeze
        frozen_s = freeze["for"] if "for" in freeze else freeze["until"] - self.clock.stamp()

        def settle() -> None:
            if payment.status == "confirmed":
                payment.status = "done"

        self.timeline.at(frozen_s, settle)

    def _lapse(self, transaction: Transaction) -> None:
        if transaction.status == "reserved":
            self._set(transaction, "failed")

    def _forget(self, transaction: Transaction) -> None:
        if transaction.status == "new":
            self._set(transaction, "deleted")

    def _remember_spot(self, spot: Spot) -> None:
        self.timeline.remember("spot", spot.id, wire.spot_row(spot))


_PAYMENT_FOLLOWS = {
    "new",
    "waiting",
    "waiting_registration",
    "reserved",
    "confirmed",
    "rejected",
    "revoked",
    "failed",
    "deleted",
}
