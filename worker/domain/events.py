"""Facts that a visit can learn."""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.bill import Bill
from worker.domain.commands import WriteKind
from worker.domain.ids import TransactionKey
from worker.domain.outcome import Refused
from worker.domain.wallet import Spot, SpotOrder, Transaction


@dataclass(frozen=True, slots=True)
class Woke:
    """The time that the visit set itself has come."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The worker started and found the visit unfinished."""

    in_flight: frozenset[WriteKind] = frozenset()
    """The writes whose outcome was never journaled: they may have been sent."""


@dataclass(frozen=True, slots=True)
class SpotHinted:
    """A list said something about the spot that is worth a look. A list is never proof."""

    hint: str


@dataclass(frozen=True, slots=True)
class TransactionHinted:
    """A list said something about a transaction that is worth a look."""

    hint: str
    key: TransactionKey | None = None
    """Which of the visit's transactions; None: the one that it deals with."""


@dataclass(frozen=True, slots=True)
class SpotLooked:
    """The spot was read by its id."""

    spot: Spot
    earlier_keys: frozenset[TransactionKey]
    """Those of the spot's orders that earlier visits of ours put there."""
    waiting_since: datetime | None
    """Since when every poll saw the spot waiting, without a gap; None: not seen by any."""


@dataclass(frozen=True, slots=True)
class SpotMissing:
    """The wallet knows no such spot."""


@dataclass(frozen=True, slots=True)
class BillFound:
    """The till told what the table owes."""

    bill: Bill
    is_locked: bool = False
    """The till keeps it from being changed while it is being paid."""
    paid_parts: frozenset[str] = frozenset()
    """The parts of it that earlier visits were paid for, whatever the till knows of it."""
    too_much: str | None = None
    """Why the operator's bounds do not let it be charged; None: they do."""


@dataclass(frozen=True, slots=True)
class BillMissing:
    """The till says that the table owes nothing."""


@dataclass(frozen=True, slots=True)
class BillUnreadable:
    """The till could not be asked, or what it has can not be charged."""

    why: str


@dataclass(frozen=True, slots=True)
class TransactionCreated:
    """The wallet made the transaction, or the search found the one whose answer was lost."""

    transaction: Transaction


@dataclass(frozen=True, slots=True)
class TransactionNotFound:
    """The search for a lost create found nothing."""


@dataclass(frozen=True, slots=True)
class TransactionLooked:
    """The transaction was read by its key."""

    transaction: Transaction


@dataclass(frozen=True, slots=True)
class TransactionMissing:
    """The wallet knows no such transaction."""


@dataclass(frozen=True, slots=True)
class OrderLinked:
    """The wallet accepted the link."""

    order: SpotOrder | None
    """None: the answer did not show the order."""


@dataclass(frozen=True, slots=True)
class WriteDone:
    """The wallet said yes to a confirm, a revoke or a close."""

    kind: WriteKind


@dataclass(frozen=True, slots=True)
class WriteRefused:
    """The wallet said no: nothing happened."""

    kind: WriteKind
    refused: Refused


@dataclass(frozen=True, slots=True)
class WriteUnknown:
    """The write may have taken effect."""

    kind: WriteKind
    why: str


@dataclass(frozen=True, slots=True)
class WriteUnsent:
    """The write certainly did not leave."""

    kind: WriteKind
    why: str


@dataclass(frozen=True, slots=True)
class LookFailed:
    """A read gave no usable answer."""

    why: str


Event = (
    Woke
    | Resumed
    | SpotHinted
    | TransactionHinted
    | SpotLooked
    | SpotMissing
    | BillFound
    | BillMissing
    | BillUnreadable
    | TransactionCreated
    | TransactionNotFound
    | TransactionLooked
    | TransactionMissing
    | OrderLinked
    | WriteDone
    | WriteRefused
    | WriteUnknown
    | WriteUnsent
    | LookFailed
)
