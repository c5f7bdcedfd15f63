"""The things of the sandbox's world: spots, check-ins, orders, transactions, payments.

Plain records and what can be read off them. Moves from one status to another live in `world`; how a
record looks on the wire lives in `wire`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WAITING_STATUSES = ("waiting", "waiting_funds", "waiting_registration", "waiting_password")
OPEN_STATUSES = ("new", *WAITING_STATUSES)  # may still be reserved or rejected
FINAL_STATUSES = ("confirmed", "rejected", "revoked", "failed", "deleted")
TRANSACTION_STATUSES = (*OPEN_STATUSES, "reserved", *FINAL_STATUSES)
SPOT_STATUSES = ("open", "waiting", "closed")
LIVE_ORDER_STATUSES = ("pending", "reserved")


@dataclass(slots=True, eq=False)
class Payment:
    """A line of a transaction. The price is the present one; a confirm may have lowered it."""

    id: int
    transaction_key: str
    created_at: int
    price_minor: int
    currency: str
    status: str = "new"
    freeze: dict[str, int] = field(default_factory=lambda: {"for": 0})
    told: dict[str, object] = field(default_factory=dict)  # echoed back as it came
    confirmed_at: int | None = None


@dataclass(slots=True, eq=False)
class Transaction:
    """One or more payments that are confirmed or refused as a whole."""

    key: str
    number: int
    created_at: int
    payments: list[Payment]
    reserve: dict[str, int]
    auto_confirm: bool
    project_id: int
    told: dict[str, object] = field(default_factory=dict)
    status: str = "new"
    location_id: int | None = None
    wallet: int | None = None
    reserved_at: int | None = None
    confirmed_at: int | None = None
    reserve_ends: float | None = None  # by Clock.now
    checkin: CheckIn | None = None  # the check-in that it was first shown to

    def amounts(self) -> dict[str, int]:
        """Sum the prices by currency, in minor units."""
        sums: dict[str, int] = {}
        for payment in self.payments:
            sums[payment.currency] = sums.get(payment.currency, 0) + payment.price_minor
        return sums


@dataclass(slots=True, eq=False)
class Order:
    """The link from a check-in to a transaction."""

    id: int
    transaction: Transaction

    @property
    def status(self) -> str:
        """Follow the transaction: an order has no life of its own."""
        status = self.transaction.status
        if status in OPEN_STATUSES:
            return "pending"
        return status if status in ("reserved", "confirmed") else "closed"


@dataclass(slots=True, eq=False)
class CheckIn:
    """One guest at one spot, from scan to close. The vendor's API never shows its number."""

    number: int
    spot: Spot
    began_at: float  # by Clock.steady
    orders: list[Order] = field(default_factory=list)
    had_order: bool = False
    shown: bool = False  # an answer that reached the client told of it
    ended_by: str | None = None  # "merchant" | "guest"
    close_answered: bool = False
    confirmed_keys: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Spot:
    """A table. Its id serves every guest that ever sits there."""

    id: int
    identifier: str
    location_id: int
    status: str = "open"
    checkins: int = 0
    closes: int = 0
    checkin: CheckIn | None = None
    previous: CheckIn | None = None

    @property
    def orders(self) -> list[Order]:
        """Give the orders of the present check-in; there are none without one."""
        return self.checkin.orders if self.checkin is not None else []
