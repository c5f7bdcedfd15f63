"""One guest at one table, from the check-in we saw to the spot we closed."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from worker.domain.bill import Bill
from worker.domain.ids import (
    LocationId,
    OrderReference,
    SpotId,
    TransactionKey,
    VisitId,
    visit_label,
)
from worker.domain.money import Money
from worker.domain.part import Part, PartState


class Step(StrEnum):
    """Where a visit stands: the point from which it can be resumed after any crash."""

    SEEN = "seen"
    """The spot waits; the till has not told a bill yet."""
    CREATING = "creating"
    """The transaction is being asked for."""
    LINKING = "linking"
    """The transaction exists and is being put on the spot."""
    OFFERED = "offered"
    """The guest sees the bill. Everything now depends on the guest."""
    CONFIRMING = "confirming"
    """The guest's money is held and is being taken."""
    REVOKING = "revoking"
    """The transaction is being withdrawn."""
    CLOSING = "closing"
    """Money is settled one way or the other; the spot is being freed."""
    CLOSED = "closed"
    """Over."""
    PARKED = "parked"
    """Over for the worker; a human must look."""


FINAL = frozenset({Step.CLOSED, Step.PARKED})


class End(StrEnum):
    """How a visit ended."""

    PAID = "paid"
    PART_PAID = "part_paid"
    """Some parts of a split bill were paid, and the others were not."""
    DECLINED = "declined"
    LEFT = "left"
    """The guest went away, or the spot was closed by somebody else, before paying."""
    UNPAID = "unpaid"
    """The offer stayed unpaid for too long."""
    NO_BILL = "no_bill"
    EXPIRED = "expired"
    """The transaction ended at the wallet without our doing, and without money."""
    WITHDRAWN = "withdrawn"
    """The till took the bill back."""
    MISMATCH = "mismatch"
    """The transaction did not say what the bill says, so no money was taken."""
    REFUSED = "refused"
    """The wallet would not do what the visit needs."""
    LEFTOVER = "leftover"
    """The spot still showed an earlier visit of ours; it was freed, nothing was offered."""
    PARKED = "parked"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One guest at one table. Immutable: every decision makes the next one."""

    visit_id: VisitId
    instance: str
    """Which journal this visit belongs to; part of every reference."""
    nonce: str
    """Random letters of this visit; part of every reference and the short code on the bill."""
    location_id: LocationId
    spot_id: SpotId
    table: str
    """The spot's identifier, as printed in the QR code."""
    opened_at: datetime
    step: Step
    since: datetime
    """When the present step was entered."""
    wake_at: datetime | None = None
    """When to look again by ourselves; None while a command is under way or nothing is due."""
    bill: Bill | None = None
    parts: tuple[Part, ...] = ()
    """The parts of a split bill; empty: it is paid as a whole."""
    at: int | None = None
    """Which part the visit deals with now; None: the bill is not split."""
    creates: int = 0
    """How many references were made."""
    transaction_key: TransactionKey | None = None
    """The transaction that the visit deals with now: the whole bill's, or that of the part `at`."""
    former_keys: tuple[TransactionKey, ...] = ()
    """Keys of ours that were put on this spot before and are released."""
    tries: int = 0
    """Tries of the write that the present step is about."""
    tried_at: datetime | None = None
    is_doubtful: bool = False
    """A try of the present step's write may have taken effect."""
    misses: int = 0
    """Looks in a row that found no such transaction; while the spot is freed, no such spot."""
    unclears: int = 0
    """Looks in a row that found the transaction and left out what has to be compared."""
    failures: int = 0
    """Looks in a row that gave no usable answer."""
    reserved_at: datetime | None = None
    """When the transaction was first seen reserved."""
    looked_at: datetime | None = None
    """When the transaction was last seen reserved and in agreement with the bill."""
    payment_id: str | None = None
    """The wallet's name of the transaction's one payment; None: it was not told."""
    charge_minor: int | None = None
    """What the confirm takes where that is less than the guest agreed to; None: all of it."""
    is_locked: bool = False
    """The till keeps the bill from being changed while it is being paid."""
    offered_at: datetime | None = None
    paid_at: datetime | None = None
    """When a transaction was last seen confirmed; None: nothing was taken."""
    taken_minor: int = 0
    """What was taken in all, in minor units of the bill's currency."""
    is_requoting: bool = False
    """Once the present transaction is released, ask the till again instead of closing."""
    is_alarmed: bool = False
    """The present step's trouble has been told to the operator already."""
    end: End | None = None
    reason: str = ""
    """One sentence for a human: why it ends as it does."""
    spot_closed_at: datetime | None = None
    """When the spot was free again; None while it is ours."""
    attempts: int = 0
    """Writes sent in all."""

    @property
    def label(self) -> str:
        """The visit's number as people read it."""
        return visit_label(self.visit_id)

    @property
    def reference(self) -> OrderReference:
        """Give the present transaction's reference: version, journal, location, visit, nonce, try.

        At most 80 ASCII characters and nothing personal. It says whose the transaction is even
        when the answer that carried its key was lost.
        """
        part = self.part
        number = self.creates if part is None else part.number
        return OrderReference(
            f"v1.{self.instance}.{self.location_id}.{self.visit_id}.{self.nonce}{number}"
        )

    @property
    def part(self) -> Part | None:
        """The part that the visit deals with now; None: the bill is not split."""
        return None if self.at is None else self.parts[self.at]

    @property
    def asked(self) -> Money | None:
        """What the guest agrees to by reserving the present transaction; None: no bill yet."""
        if self.part is not None:
            return self.part.money
        return self.bill.money if self.bill else None

    @property
    def due(self) -> Money | None:
        """What taking the present transaction takes; None: not known, as while it is on hold."""
        asked = self.asked
        if asked is None or self.charge_minor is not None:
            return asked and Money(self.charge_minor or 0, asked.currency)
        return None if self.bill is not None and self.bill.hold is not None else asked

    @property
    def taken(self) -> Money | None:
        """What was taken in all; None: nothing."""
        if self.bill is None or not self.taken_minor:
            return None
        return Money(self.taken_minor, self.bill.money.currency)

    @property
    def is_held(self) -> bool:
        """Tell whether the guest's money is held until the till says what is finally owed."""
        on_hold = self.bill is not None and self.bill.hold is not None
        return on_hold and self.step is Step.OFFERED and self.reserved_at is not None

    @property
    def keys(self) -> frozenset[TransactionKey]:
        """Every transaction that was ever put on the spot by this visit."""
        known = (self.transaction_key, *self.former_keys, *(part.key for part in self.parts))
        return frozenset(key for key in known if key is not None)

    @property
    def live_keys(self) -> frozenset[TransactionKey]:
        """The transactions that are on offer now."""
        if self.at is None:
            return (
                frozenset() if self.transaction_key is None else frozenset({self.transaction_key})
            )
        return frozenset(part.key for part in self.parts if part.is_live and part.key is not None)

    @property
    def short_code(self) -> str:
        """The few letters that tie the guest's receipt to this visit."""
        return self.nonce.upper()

    def has_paid_part(self) -> bool:
        """Tell whether some part of a split bill was paid in this visit."""
        return any(part.state is PartState.PAID for part in self.parts)

    def owns(self, keys: frozenset[TransactionKey]) -> bool:
        """Tell whether any of the keys was put on the spot by this visit."""
        return not self.keys.isdisjoint(keys)


FIELDS: Final = frozenset(field.name for field in fields(Visit))

if TYPE_CHECKING:
    # Only the checker sees this one, which knows what each field may hold.
    from dataclasses import replace as replace  # noqa: PLC0414 - exported on purpose
else:

    def replace(visit: Visit, /, **changes: Any) -> Visit:
        """Give the visit as it is after some changes.

        A visit changes some twenty-five times; the standard library's own way runs `__init__` over
        every field and took a third of the time of a decision.
        """
        assert FIELDS.issuperset(changes), "a visit has no such field"
        after = object.__new__(Visit)
        object.__setattr__(after, "__dict__", {**visit.__dict__, **changes})
        return after
