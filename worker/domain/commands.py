"""What a decision asks to be done: one thing at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from worker.domain.ids import OrderReference, TransactionKey
from worker.domain.money import Money
from worker.domain.visit import Step
from worker.domain.wallet import NewTransaction


class WriteKind(StrEnum):
    """The calls that change something at the wallet; each has an intent in the journal."""

    CREATE = "create"
    LINK = "link"
    CONFIRM = "confirm"
    REVOKE = "revoke"
    CLOSE = "close"


WRITE_OF: Final[Mapping[Step, WriteKind]] = {
    Step.CREATING: WriteKind.CREATE,
    Step.LINKING: WriteKind.LINK,
    Step.CONFIRMING: WriteKind.CONFIRM,
    Step.REVOKING: WriteKind.REVOKE,
    Step.CLOSING: WriteKind.CLOSE,
}
"""The write that each step is about."""


@dataclass(frozen=True, slots=True)
class LookAtSpot:
    """Read the visit's spot."""


@dataclass(frozen=True, slots=True)
class LookAtTransaction:
    """Read a transaction by its key."""

    key: TransactionKey


@dataclass(frozen=True, slots=True)
class FindTransaction:
    """Search for the transaction whose key was lost with the answer."""

    reference: OrderReference
    since: datetime


@dataclass(frozen=True, slots=True)
class AskTill:
    """Ask what the table owes now."""

    is_to_pay: bool = False
    """The guest's money is held: a till that can keeps the bill from being changed meanwhile."""


@dataclass(frozen=True, slots=True)
class CreateTransaction:
    """Ask the wallet for a transaction."""

    request: NewTransaction


@dataclass(frozen=True, slots=True)
class LinkOrder:
    """Put the transaction on the spot, so that the guest sees it."""

    key: TransactionKey


@dataclass(frozen=True, slots=True)
class Lowered:
    """A price below the one that the guest agreed to."""

    payment_id: str
    """The wallet's name of the payment that is lowered."""
    money: Money


@dataclass(frozen=True, slots=True)
class ConfirmTransaction:
    """Take the reserved money. Must leave within seconds of the look that allowed it."""

    key: TransactionKey
    not_after: datetime
    lowered: Lowered | None = None
    """None: all that was reserved."""


@dataclass(frozen=True, slots=True)
class RevokeTransaction:
    """Withdraw the transaction; held money goes back to the guest."""

    key: TransactionKey


@dataclass(frozen=True, slots=True)
class CloseSpot:
    """Free the spot. The one call that can hurt an innocent next guest.

    Must leave within seconds of the look that tied the spot to this visit.
    """

    not_after: datetime


Read = LookAtSpot | LookAtTransaction | FindTransaction | AskTill
Write = CreateTransaction | LinkOrder | ConfirmTransaction | RevokeTransaction | CloseSpot
Command = Read | Write


def kind_and_target(command: Write) -> tuple[WriteKind, str]:
    """Name the intent that stands for a write: one per visit, kind and target."""
    match command:
        case CreateTransaction(request):
            return WriteKind.CREATE, request.reference
        case LinkOrder(key):
            return WriteKind.LINK, key
        case ConfirmTransaction(key=key):
            return WriteKind.CONFIRM, key
        case RevokeTransaction(key):
            return WriteKind.REVOKE, key
        case _:
            return WriteKind.CLOSE, ""  # A visit has one spot, so nothing more needs naming.
