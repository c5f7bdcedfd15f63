"""The vendor's nouns, as far as a decision needs them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money


class SpotStatus(StrEnum):
    """What the vendor calls a spot's status."""

    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"
    OTHER = "other"
    """A word we do not know: neither waiting nor gone."""


class TransactionStatus(StrEnum):
    """What the vendor calls a transaction's status."""

    NEW = "new"
    WAITING = "waiting"
    WAITING_FUNDS = "waiting_funds"
    WAITING_REGISTRATION = "waiting_registration"
    WAITING_PASSWORD = "waiting_password"  # noqa: S105 - a status word of the vendor
    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    REVOKED = "revoked"
    FAILED = "failed"
    DELETED = "deleted"
    OTHER = "other"
    """A word we do not know: not paid and not final."""


PENDING: Final = frozenset(
    {
        TransactionStatus.NEW,
        TransactionStatus.WAITING,
        TransactionStatus.WAITING_FUNDS,
        TransactionStatus.WAITING_REGISTRATION,
        TransactionStatus.WAITING_PASSWORD,
    }
)
"""The guest has not finished; the merchant may still revoke."""

RELEASED: Final = frozenset(
    {
        TransactionStatus.REJECTED,
        TransactionStatus.REVOKED,
        TransactionStatus.FAILED,
        TransactionStatus.DELETED,
    }
)
"""Final, and no money is held or moved."""

ORDER_CLOSED: Final = "closed"
"""A spot order's status once its check-in is over."""


@dataclass(frozen=True, slots=True)
class SpotOrder:
    """The link between a spot and a transaction, which makes the bill show in the guest's app."""

    transaction_key: TransactionKey
    status: str
    """The vendor's word: pending, reserved, confirmed, closed; empty when not told."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One table as the wallet shows it now."""

    spot_id: SpotId
    status: SpotStatus
    identifier: str
    """The part of the QR code after the colon. Whatever it holds, it is only ever text."""
    location_id: LocationId | None
    """None: the wallet did not say."""
    orders: tuple[SpotOrder, ...] | None
    """None: the answer carried no orders, which is not the same as an empty list."""

    def live_keys(self) -> frozenset[TransactionKey]:
        """Give the keys of the orders of the present check-in."""
        return frozenset(
            order.transaction_key for order in self.orders or () if order.status != ORDER_CLOSED
        )


@dataclass(frozen=True, slots=True)
class SpotList:
    """The waiting spots of one location, from all pages."""

    spots: tuple[Spot, ...]
    is_complete: bool
    """False when a page or a row could not be read: then absence says nothing."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A line inside a transaction."""

    money: Money | None
    """None: the answer's figures are no exact amount, or contradict each other."""
    reference: OrderReference | None
    """Our `parameters.orderid`; None when absent, as it is in list rows."""
    payment_id: str | None = None
    """The vendor's name of the payment, as text; None when absent."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as the wallet shows it now."""

    key: TransactionKey
    status: TransactionStatus
    status_text: str
    """The vendor's own word, kept for the log when it is one that we do not know."""
    payments: tuple[Payment, ...] | None
    """None: the answer carried none."""
    auto_confirm: bool | None = None
    """None: the answer did not say."""

    def reference(self) -> OrderReference | None:
        """Give the one reference that all payments carry, if there is such a one."""
        references = {payment.reference for payment in self.payments or ()}
        return references.pop() if len(references) == 1 else None


@dataclass(frozen=True, slots=True)
class NewTransaction:
    """What we ask the wallet to create. Never confirmed automatically, never from an allowance."""

    reference: OrderReference
    money: Money
    description: str
    reserve_for_s: int
    """How long a reservation holds the guest's money, from the moment the guest accepts."""
