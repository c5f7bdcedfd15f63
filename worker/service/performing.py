"""Doing what a decision asks for, and telling what came of it as a fact.

Reads, the till and the wallet's writes each become exactly one event; nothing here decides.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import TypeVar

from worker.domain import choosing, commands, events
from worker.domain.bill import Bill
from worker.domain.commands import WriteKind
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.domain.policy import Policy
from worker.domain.visit import Visit
from worker.domain.wallet import SpotStatus, TransactionStatus
from worker.ports import (
    Clock,
    IntentState,
    Journal,
    Till,
    TillMissing,
    TillTrouble,
    Wallet,
)
from worker.service.allowance import Allowance
from worker.service.ledger import KeyLedger
from worker.service.sightings import Sightings
from worker.service.strangers import Strangers

T = TypeVar("T")

SEARCHED = (TransactionStatus.NEW, TransactionStatus.WAITING, TransactionStatus.RESERVED)


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of a command."""

    event: events.Event
    state: IntentState | None = None
    """What became of the intent; None: the command had none."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Hands:
    """Everything a command is done with."""

    wallet: Wallet
    till: Till
    journal: Journal
    clock: Clock
    ledger: KeyLedger
    sightings: Sightings
    strangers: Strangers
    search_lock: asyncio.Lock
    policy: Policy
    allowance: Allowance

    async def perform(self, visit: Visit, command: commands.Command) -> Performed:
        """Do one thing."""
        match command:
            case commands.LookAtSpot():
                return Performed(await self.look_at_spot(visit))
            case commands.LookAtTransaction(key):
                looked = await self.wallet.look_at_transaction(key)
                if isinstance(looked, Done):
                    return Performed(events.TransactionLooked(looked.value))
                return Performed(missing_or_failed(looked, events.TransactionMissing()))
            case commands.FindTransaction():
                async with self.search_lock:
                    return Performed(await self.find_transaction(command))
            case commands.AskTill():
                answer = await self.ask_till(visit, command)
                return Performed(self.allowance.weigh(visit, answer))
            case _:
                return await self.write(visit, command)

    async def look_at_spot(self, visit: Visit) -> events.Event:
        """Read the spot and sort its orders into ours, our earlier ones and strangers'."""
        looked = await self.wallet.look_at_spot(visit.spot_id)
        if not isinstance(looked, Done):
            return missing_or_failed(looked, events.SpotMissing())
        spot = looked.value
        if not self.sightings.is_whole(spot):
            return events.LookFailed("the answer left out the spot's orders")
        if spot.status in {SpotStatus.OPEN, SpotStatus.CLOSED}:
            self.sightings.end(visit.spot_id)
        earlier = set()
        for key in sorted(spot.live_keys()):
            if visit.owns(frozenset({key})):
                continue
            owner = await self.ledger.owner(key)
            if owner is not None and owner != visit.visit_id:
                earlier.add(key)
            elif owner is None:
                self.strangers.notice(key, f"on the spot of table {visit.table}")
        since = self.sightings.waiting_since(visit, self.clock.now())
        return events.SpotLooked(spot, frozenset(earlier), since)

    async def find_transaction(self, command: commands.FindTransaction) -> events.Event:
        """Search every transaction that nobody has read yet for our reference."""
        known = self.ledger.key_of(command.reference)
        if known is None:
            listed = await self.wallet.list_transactions(SEARCHED, command.since)
            if not isinstance(listed, Done):
                return events.LookFailed(str(listed))
            for row in listed.value:
                if self.ledger.is_read(row.key):
                    continue
                looked = await self.wallet.look_at_transaction(row.key)
                if isinstance(looked, Done):
                    self.ledger.note(looked.value)
                elif not is_missing(looked):
                    return events.LookFailed(str(looked))
            known = self.ledger.key_of(command.reference)
        if known is None:
            return events.TransactionNotFound()
        looked = await self.wallet.look_at_transaction(known)
        if isinstance(looked, Done):
            return events.TransactionCreated(looked.value)
        return missing_or_failed(looked, events.TransactionNotFound())

    async def ask_till(self, visit: Visit, command: commands.AskTill) -> events.Event:
        """Ask what the table owes, and lock the bill where money is about to be taken for it."""
        bill_id = visit.bill.bill_id if visit.bill is not None else None
        is_to_lock = command.is_to_pay and self.till.can_lock
        # While money is held for a final amount, the shop must be able to write that on the bill.
        is_open_ended = visit.is_held and not visit.is_locked
        if is_to_lock and bill_id is not None and not is_open_ended:
            return await self.lock_bill(visit, bill_id)
        answer = await self.till.find_bills(visit.location_id, visit.table)
        if isinstance(answer, TillTrouble):
            return events.BillUnreadable(answer.why)
        chosen = await self.choose(visit, answer)
        is_final = isinstance(chosen, events.BillFound) and chosen.bill.hold is None
        if is_to_lock and bill_id is not None and is_final:
            return await self.lock_bill(visit, bill_id)
        return chosen

    async def choose(self, visit: Visit, bills: tuple[Bill, ...]) -> choosing.Answer:
        """Choose the visit's bill, with what the journal knows of each."""
        claims = {
            bill.bill_id: await self.journal.claims_on_bill(visit.location_id, bill.bill_id)
            for bill in bills
            if bill.bill_id is not None
        }
        return choosing.choose(visit, bills, claims, self.policy)

    async def lock_bill(self, visit: Visit, bill_id: str) -> events.Event:
        """Keep the bill from being changed while it is being paid, and see what it asks for."""
        answer = await self.till.lock_bill(visit.location_id, visit.table, bill_id, visit.label)
        if isinstance(answer, TillMissing):
            return events.BillMissing()
        if isinstance(answer, TillTrouble):
            return events.BillUnreadable(answer.why)
        chosen = await self.choose(visit, (answer,))
        return replace(chosen, is_locked=True) if isinstance(chosen, events.BillFound) else chosen

    async def unlock_bill(self, visit: Visit) -> None:
        """Let the bill be changed again. A lock that stays behind ends by itself."""
        if visit.bill is not None and visit.bill.bill_id is not None:
            await self.till.unlock_bill(
                visit.location_id, visit.table, visit.bill.bill_id, visit.label
            )

    async def write(self, visit: Visit, command: commands.Write) -> Performed:
        """Send one write and sort what came of it."""
        match command:
            case commands.CreateTransaction(request):
                made = await self.wallet.create_transaction(request)
                if isinstance(made, Done):
                    self.ledger.own(made.value.key, visit.visit_id)
                    detail = str(made.value.key)
                    return Performed(
                        events.TransactionCreated(made.value), IntentState.DONE, detail
                    )
                return not_done(WriteKind.CREATE, made)
            case commands.LinkOrder(key):
                linked = await self.wallet.link_order(visit.spot_id, key)
                if isinstance(linked, Done):
                    return Performed(events.OrderLinked(linked.value), IntentState.DONE)
                return not_done(WriteKind.LINK, linked)
            case commands.ConfirmTransaction(key, not_after, lowered):
                answer = await self.wallet.confirm_transaction(key, not_after, lowered)
                return done_or_not(WriteKind.CONFIRM, answer)
            case commands.RevokeTransaction(key):
                answer = await self.wallet.revoke_transaction(key)
                return done_or_not(WriteKind.REVOKE, answer)
            case commands.CloseSpot(not_after):
                answer = await self.wallet.close_spot(visit.spot_id, not_after)
                return done_or_not(WriteKind.CLOSE, answer)


def is_missing(outcome: Outcome[T]) -> bool:
    """Tell whether the wallet said that there is no such thing."""
    return isinstance(outcome, Refused) and outcome.refusal is Refusal.MISSING


def missing_or_failed(outcome: Outcome[T], missing: events.Event) -> events.Event:
    """Sort a read that did not give the thing."""
    return missing if is_missing(outcome) else events.LookFailed(str(outcome))


def done_or_not(kind: WriteKind, outcome: Outcome[None]) -> Performed:
    """Sort a write whose yes carries nothing."""
    if isinstance(outcome, Done):
        return Performed(events.WriteDone(kind), IntentState.DONE)
    return not_done(kind, outcome)


def not_done(kind: WriteKind, outcome: Outcome[T]) -> Performed:
    """Sort a write that was not plainly done."""
    match outcome:
        case Refused():
            return Performed(events.WriteRefused(kind, outcome), IntentState.REFUSED, str(outcome))
        case Unsent(why):
            return Performed(events.WriteUnsent(kind, why), IntentState.UNSENT, why)
        case Unknown(why):
            return Performed(events.WriteUnknown(kind, why), IntentState.UNKNOWN, why)
        case Done():
            raise AssertionError("a done write is sorted where its answer is read")
