"""The seams: what the service floor needs of the world, and nothing about how it is met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from worker.domain.bill import Bill
from worker.domain.choosing import Claims
from worker.domain.commands import Lowered, WriteKind
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey, VisitId
from worker.domain.notice import Notice
from worker.domain.outcome import Outcome
from worker.domain.visit import Visit
from worker.domain.wallet import (
    NewTransaction,
    Spot,
    SpotList,
    SpotOrder,
    Transaction,
    TransactionStatus,
)

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


class Wallet(Protocol):
    """Paysera's Wallet API, as a merchant uses it. Never raises for what the network does.

    A read that ends neither Done nor MISSING was already repeated within its bounds. A write is
    only ever repeated inside when it certainly was not sent.
    """

    async def list_waiting_spots(self, location_id: LocationId) -> Outcome[SpotList]:
        """Read every page of the location's waiting spots."""

    async def list_transactions(
        self, statuses: Sequence[TransactionStatus], since: datetime | None = None
    ) -> Outcome[tuple[Transaction, ...]]:
        """Read every page. Rows are shortened: fetch by key before deciding anything."""

    async def look_at_spot(self, spot_id: SpotId) -> Outcome[Spot]:
        """Read one spot by its id."""

    async def look_at_transaction(self, key: TransactionKey) -> Outcome[Transaction]:
        """Read one transaction by its key."""

    async def create_transaction(self, request: NewTransaction) -> Outcome[Transaction]:
        """Ask for a transaction. Done only when the answer carries a key."""

    async def link_order(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        """Put a transaction on a spot. Done(None): said yes without showing the order."""

    async def confirm_transaction(
        self, key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        """Take the reserved money, or less; Unsent if it can not leave before `not_after`."""

    async def revoke_transaction(self, key: TransactionKey) -> Outcome[None]:
        """Withdraw a transaction."""

    async def close_spot(self, spot_id: SpotId, not_after: datetime) -> Outcome[None]:
        """Free a spot, or answer Unsent if the call can not leave before `not_after`."""


@dataclass(frozen=True, slots=True)
class TillMissing:
    """The table owes nothing that the till knows of."""


@dataclass(frozen=True, slots=True)
class TillTrouble:
    """The till could not tell, or what it tells can not be charged."""

    why: str


class Till(Protocol):
    """Where bills come from and payments are told. Never raises for what a shop's software does."""

    @property
    def can_lock(self) -> bool:
        """Whether a bill can be kept from being changed while it is being paid."""

    async def find_bills(
        self, location_id: LocationId, table: str
    ) -> tuple[Bill, ...] | TillTrouble:
        """Give every open bill of a table, oldest first; none: it owes nothing."""

    async def lock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> Bill | TillMissing | TillTrouble:
        """Keep a bill from being changed for a while, and tell what it asks for now."""

    async def unlock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> None:
        """Let a bill be changed again. A lock that is not taken back ends by itself."""

    async def post(self, notice: Notice) -> TillTrouble | None:
        """Tell that a bill is paid. None: the till has it for good. Told twice, nothing more."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A notice that the till has not accepted."""

    notice: Notice
    attempts: int
    """How often it was told."""
    told_since: datetime
    """When it was made, or last handed back by a human."""
    next_at: datetime


class NoticeState(StrEnum):
    """How far a notice got."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    """The till has it for good."""
    PARKED = "parked"
    """Left to a human, who may hand it back."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of telling a notice."""

    notice_id: str
    state: NoticeState
    next_at: datetime
    """When to tell it again, as long as it is pending."""
    detail: str = ""
    is_attempt: bool = True
    """False: a human decided, nothing was told."""


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """A notice as the journal keeps it."""

    owed: Owed
    state: NoticeState
    ended_at: datetime | None
    """When the till accepted it, or when it was left to a human; None: it is pending."""
    detail: str
    """Why the till did not accept it the last time; empty: it did, or was not told yet."""


class Verdict(StrEnum):
    """What a human found out about a visit that was left to one."""

    PAID = "paid"
    UNPAID = "unpaid"


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a human settled a visit that the worker had parked. Made once, never changed."""

    verdict: Verdict
    at: datetime
    who: str
    """User and machine."""
    note: str
    """Why, in the human's own words."""
    frees_bill: bool
    """The visit no longer keeps others from charging the bill as a whole."""
    freed_parts: tuple[str, ...] = ()
    """Parts of a split bill that others may charge again."""


@dataclass(frozen=True, slots=True)
class Request:
    """What an operator asks of the worker."""

    request_id: str
    """Made once; the same request is done at most once, however often it is read."""
    verb: str
    words: Mapping[str, str]
    """What was typed, by name: `visit`, `verdict`, `note`."""
    who: str
    """User and machine."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request, as the verb prints and exits."""

    exit_code: int
    text: str


@dataclass(frozen=True, slots=True)
class Handled:
    """A request that was done, with its reply: written together with what it changed."""

    request: Request
    reply: Reply
    at: datetime
    is_draining: bool | None = None
    """Whether new visits are begun from now on; None: as before."""


class IntentState(StrEnum):
    """How far a write got, as the journal knows it."""

    PENDING = "pending"
    """Decided and durable; it may or may not have been sent."""
    DONE = "done"
    REFUSED = "refused"
    UNSENT = "unsent"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"
    """A create that was given up in doubt; its transaction is revoked if it ever shows up."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that is about to be sent. The same visit, kind and target is the same intent."""

    kind: WriteKind
    target: str
    part: str = field(default="", compare=False)
    """Which part of a split bill it is about; empty: the bill is not split."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an intent."""

    intent: Intent
    state: IntentState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a visit's story."""

    at: datetime
    kind: str
    body: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written in one atomic write: all of it or nothing."""

    visit_id: VisitId
    visit: Visit | None = None
    """The visit as it shall be; None: it stays as it is, and only its story and intents grow."""
    records: tuple[Record, ...] = ()
    settled: tuple[Settled, ...] = ()
    begun: Intent | None = None
    notices: tuple[Notice, ...] = ()
    """What the till has to hear of from now on."""
    posted: tuple[Posted, ...] = ()
    """What came of telling it."""
    resolution: Resolution | None = None
    """How a human settled it."""
    handled: Handled | None = None
    """The request that asked for this."""


@dataclass(frozen=True, slots=True)
class OpenVisit:
    """An unfinished visit, as the journal kept it."""

    visit: Visit
    pending: tuple[Intent, ...]
    """Its intents whose outcome was never written, oldest first."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A create that was given up in doubt."""

    visit_id: VisitId
    reference: OrderReference
    begun_at: datetime


class Journal(Protocol):
    """The durable record. A write that returns has reached the disk.

    Every method raises JournalUnavailable when the journal can not be trusted any more; from then
    on every further call raises it too.
    """

    @property
    def instance(self) -> str:
        """The journal's own name, made once, part of every reference."""

    async def open_visits(self) -> tuple[OpenVisit, ...]:
        """Give every visit that is not at a final step, oldest first."""

    async def next_visit_id(self) -> VisitId:
        """Give the number after the highest that was ever written."""

    async def write(self, entry: Entry) -> None:
        """Write one entry, or raise JournalConflict, with nothing written, if an index refuses."""

    async def claims_on_bill(self, location_id: LocationId, bill_id: str) -> Claims:
        """Tell which visits charge a bill or its parts now, or were paid for them."""

    async def owed_notices(self) -> tuple[Owed, ...]:
        """Give every notice that is still to be told, oldest first."""

    async def visit_of_key(self, key: TransactionKey) -> Visit | None:
        """Give the visit that a transaction of ours was made for; None: it is not ours."""

    async def lost_creates(self) -> tuple[Lost, ...]:
        """Give the creates in doubt that no visit waits for any more, oldest first."""

    async def parked_lately(self) -> tuple[Visit, ...]:
        """Give those of the newest visits that were left to a human, oldest first."""

    async def beat(self, at: datetime, report: Mapping[str, JsonValue]) -> None:
        """Keep the newest report of the running worker, for `status`. Not durable by force."""


class DeskJournal(Protocol):
    """The journal as an operator's requests need it; raises as `Journal` does."""

    async def write(self, entry: Entry) -> None:
        """Write one entry, or raise JournalConflict, with nothing written."""

    async def keep_handled(self, handled: Handled) -> None:
        """Write a request that concerns no visit, with its reply."""

    async def reply_to(self, request_id: str) -> Reply | None:
        """Give the reply to a request that was done before; None: it was not."""

    async def draining_since(self) -> datetime | None:
        """Tell since when no new visits are begun; None: they are."""

    async def kept_visit(self, visit_id: VisitId) -> Visit | None:
        """Give one visit; None: there is no such number."""

    async def kept_notices(self, visit_id: VisitId) -> tuple[KeptNotice, ...]:
        """Give every notice of a visit, oldest first."""

    async def resolution_of(self, visit_id: VisitId) -> Resolution | None:
        """Tell how a human settled a visit; None: nobody did."""


class LetterBox(Protocol):
    """Where requests come in while the worker runs, and replies go out."""

    def take(self) -> Sequence[Request]:
        """Take what came in, oldest first; also what was taken before and not answered."""

    def answer(self, request_id: str, reply: Reply) -> None:
        """Put the reply where the one who asked waits for it."""


class Surfaced(StrEnum):
    """What became known of a transaction that no visit had the key of."""

    UNKNOWN = "unknown"
    """It is not ours, or another journal's: left alone and told."""
    ADOPTED = "adopted"
    """Ours, its create's answer lost: the visit that waits for it goes on with it."""
    REVOKED = "revoked"
    """Ours, given up before it was found: nobody was shown it, and it is withdrawn."""
    EXPIRED = "expired"
    """Ours and over before it was found, or never seen in a month."""


class Clock(Protocol):
    """Time, handed in."""

    def now(self) -> datetime:
        """Give the time as rules know it: aware UTC that never jumps while we run."""

    def wall_s(self) -> float:
        """Give the machine's idea of Unix time, for signatures. It may jump."""

    def ticks_s(self) -> float:
        """Give seconds that only ever grow and count suspended time too."""

    async def sleep(self, seconds: float) -> None:
        """Sleep. Only for waits that are themselves cancelled or short; see `nap` for the rest."""
