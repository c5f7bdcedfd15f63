"""What operators ask of the worker: taken from the letter-box, done, journaled, answered.

A request is journaled with its reply in the commit that changes something, so one that is read
again, after a crash between doing and answering, is only answered again. The same desk serves a
verb that holds the journal itself while no worker runs.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog

from worker.domain import resolving
from worker.domain.errors import JournalConflict, JournalUnavailable
from worker.domain.ids import VisitId
from worker.domain.outcome import Done, Refusal, Refused
from worker.domain.visit import Step, Visit
from worker.domain.wallet import PENDING, RELEASED, Transaction, TransactionStatus
from worker.logbook import LineName
from worker.ports import (
    Clock,
    DeskJournal,
    Entry,
    Handled,
    KeptNotice,
    LetterBox,
    NoticeState,
    Owed,
    Posted,
    Record,
    Reply,
    Request,
    Resolution,
    Verdict,
    Wallet,
)
from worker.service.waiting import nap

LOOK_EVERY_S: Final = 0.5
OK: Final = 0
USAGE: Final = 2
TEMPORARY: Final = 75
NOTE_CHARS_MAX: Final = 500

log = structlog.get_logger()


class Desk:
    """Does what is asked, one request after the other."""

    def __init__(
        self,
        *,
        journal: DeskJournal,
        clock: Clock,
        wallet: Wallet | None,
        on_back: Callable[[Owed], None] = lambda _: None,
        on_drain: Callable[[bool], None] = lambda is_draining: None,
        on_settled: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what it works with.

        Args:
            journal: where it is written.
            clock: when.
            wallet: what `retry` looks at; None: there is no way to it.
            on_back: hears of each notice that is to be told again, or from now on.
            on_drain: hears whether new visits are not to be begun.
            on_settled: hears that a parked visit waits for a human no more.

        """
        self._journal = journal
        self._clock = clock
        self._wallet = wallet
        self._on_back = on_back
        self._on_drain = on_drain
        self._on_settled = on_settled
        self._verbs: dict[str, Callable[[Request], Awaitable[Reply]]] = {
            "repost": self._repost,
            "drain": self._drain,
            "undrain": self._undrain,
            "resolve": self._resolve,
            "retry": self._retry,
        }

    async def handle(self, request: Request) -> Reply:
        """Do what is asked, unless it was done before, and give the reply.

        Raises:
            JournalUnavailable: nothing was changed, as far as the journal knows.

        """
        known = await self._journal.reply_to(request.request_id)
        if known is not None:
            return known
        act = self._verbs.get(request.verb)
        if act is None:
            return Reply(USAGE, "The request can not be read. Nothing was changed.")
        try:
            reply = await act(request)
        except JournalConflict as conflict:
            return Reply(TEMPORARY, f"Look again and repeat it if need be: {conflict}")
        log.info(
            LineName.WORKER_ASKED,
            verb=request.verb,
            visit=request.words.get("visit"),
            who=request.who,
            answer=reply.text.partition("\n")[0],
            exit_code=reply.exit_code,
        )
        return reply

    # Draining.

    async def _drain(self, request: Request) -> Reply:
        since = await self._journal.draining_since()
        if since is not None:
            return Reply(OK, f"No new visits are begun, since {since:%Y-%m-%d %H:%M:%S} UTC.")
        reply = Reply(
            OK, "No new visits are begun from now on; open ones are finished. Undo: drain --undo"
        )
        await self._journal.keep_handled(Handled(request, reply, self._clock.now(), True))
        self._on_drain(True)
        log.warning(
            LineName.WORKER_DRAINING,
            who=request.who,
            do="no new visits are begun; paysera-worker drain --undo ends it",
        )
        return reply

    async def _undrain(self, request: Request) -> Reply:
        if await self._journal.draining_since() is None:
            return Reply(OK, "It was not draining: new visits are begun, as before.")
        reply = Reply(OK, "New visits are begun again.")
        await self._journal.keep_handled(Handled(request, reply, self._clock.now(), False))
        self._on_drain(False)
        log.info(LineName.WORKER_UNDRAINED, who=request.who)
        return reply

    # Notices.

    async def _repost(self, request: Request) -> Reply:
        visit = await self._visit(request)
        if isinstance(visit, Reply):
            return visit
        notices = await self._journal.kept_notices(visit.visit_id)
        back = [one.owed for one in notices if one.state is not NoticeState.ACCEPTED]
        if not notices:
            return Reply(USAGE, f"{visit.label} has nothing to tell the till. Nothing was changed.")
        if not back:
            told = "; ".join(accepted(one) for one in notices)
            return Reply(OK, f"The till has accepted it already: {told}. Nothing was changed.")
        now = self._clock.now()
        count = f"{len(back)} notice{'s' if len(back) > 1 else ''}"
        reply = Reply(OK, f"The till is told again of {visit.label}, {count}, at once.")
        names = [owed.notice.notice_id for owed in back]
        posted = tuple(
            Posted(name, NoticeState.PENDING, now, "handed back", is_attempt=False)
            for name in names
        )
        record = Record(now, "reposted", {"who": request.who, "notices": names})
        handled = Handled(request, reply, now)
        await self._journal.write(
            Entry(visit.visit_id, None, (record,), posted=posted, handled=handled)
        )
        self._tell(back, now)
        return reply

    def _tell(self, back: list[Owed], now: datetime) -> None:
        for owed in back:
            self._on_back(Owed(owed.notice, owed.attempts, now, now))

    # Parked visits.

    async def _resolve(self, request: Request) -> Reply:
        visit = await self._visit(request)
        if isinstance(visit, Reply):
            return visit
        refusal = await self._not_to_settle(visit)
        if refusal is not None:
            return refusal
        note = " ".join(request.words.get("note", "").split())[:NOTE_CHARS_MAX]
        verdict = request.words.get("verdict", "")
        if not note or verdict not in set(Verdict):
            return Reply(USAGE, "Say --as paid or --as unpaid, and why with --note TEXT.")
        now = self._clock.now()
        told = {
            one.owed.notice.notice_id for one in await self._journal.kept_notices(visit.visit_id)
        }
        is_paid = verdict == Verdict.PAID
        what = resolving.as_paid(visit, now, told) if is_paid else resolving.as_unpaid(visit)
        resolution = Resolution(
            Verdict(verdict), now, request.who, note, what.frees_bill, what.freed_parts
        )
        reply = Reply(OK, f"{visit.label} is settled as {verdict}. {self._follows(visit, what)}")
        body = {"as": verdict, "who": request.who, "note": note}
        await self._journal.write(
            Entry(
                visit.visit_id,
                None,
                (Record(now, "resolved", body),),
                notices=what.notices,
                resolution=resolution,
                handled=Handled(request, reply, now),
            )
        )
        self._tell([Owed(notice, 0, now, now) for notice in what.notices], now)
        self._on_settled()
        return reply

    def _follows(self, visit: Visit, what: resolving.Consequence) -> str:
        bill_id = visit.bill.bill_id if visit.bill else None
        if what.notices:
            sums = ", ".join(str(notice.money) for notice in what.notices)
            return f"The till is told that {sums} of bill {bill_id} is paid."
        if bill_id is None:
            return "The till knows no bill of it, so it is not told."
        if what.frees_bill and not visit.parts:
            return f"Bill {bill_id} can be charged again."
        if what.freed_parts:
            return f"Of bill {bill_id} can be charged again: {', '.join(what.freed_parts)}."
        return f"The till was told of bill {bill_id} before, or must be told by hand."

    async def _retry(self, request: Request) -> Reply:
        visit = await self._visit(request)
        if isinstance(visit, Reply):
            return visit
        refusal = await self._not_to_settle(visit)
        if refusal is not None:
            return refusal
        if self._wallet is None:
            return Reply(
                TEMPORARY,
                "Start the worker, or give this command the MAC key: it has to ask Paysera.",
            )
        ones = [one for one in resolving.in_doubt(visit) if one.transaction_key is not None]
        if not ones:
            return Reply(
                OK,
                f"{visit.label} knows no transaction that could be looked up. Search Paysera's "
                f"list for orderid {visit.reference}, then: paysera-worker resolve {visit.label}",
            )
        lines, seen = [], {}
        for one in ones:
            assert one.transaction_key is not None, "chosen above"
            found = await self._wallet.look_at_transaction(one.transaction_key)
            if isinstance(found, Done):
                seen[str(one.transaction_key)] = found.value.status_text
                lines.append(advice(one, found.value))
            elif isinstance(found, Refused) and found.refusal is Refusal.MISSING:
                seen[str(one.transaction_key)] = "missing"
                lines.append(
                    f"{one.transaction_key}: Paysera knows no such transaction ({found}). Ask "
                    f"Paysera about it; if no money moved: {command(one, Verdict.UNPAID)}"
                )
            else:
                return Reply(TEMPORARY, f"Try again later: Paysera gives no answer ({found}).")
        now = self._clock.now()
        reply = Reply(OK, "\n".join([*lines, "Nothing was changed, and no money was moved."]))
        record = Record(now, "looked_again", {"who": request.who, "seen": seen})
        handled = Handled(request, reply, now)
        await self._journal.write(Entry(visit.visit_id, None, (record,), handled=handled))
        return reply

    async def _visit(self, request: Request) -> Visit | Reply:
        name = request.words.get("visit", "")
        visit_id = visit_id_of(name)
        visit = None if visit_id is None else await self._journal.kept_visit(visit_id)
        return visit if visit is not None else Reply(USAGE, no_such_visit(name))

    async def _not_to_settle(self, visit: Visit) -> Reply | None:
        """Say why a visit needs no human; None: it does."""
        if visit.step is not Step.PARKED:
            return Reply(
                USAGE,
                f"{visit.label} is not parked but {visit.step.value}; the worker deals with it by "
                f"itself. Nothing was changed. See: paysera-worker show {visit.label}",
            )
        settled = await self._journal.resolution_of(visit.visit_id)
        if settled is None:
            return None
        return Reply(
            USAGE,
            f"{visit.label} was settled as {settled.verdict.value} at "
            f"{settled.at:%Y-%m-%d %H:%M} UTC by {settled.who}: {settled.note}. That stays so.",
        )


class RequestLoop:
    """Looks into the letter-box again and again."""

    def __init__(self, *, box: LetterBox, desk: Desk) -> None:
        self._box = box
        self._desk = desk
        self._is_troubled = False

    async def run(self, stop: asyncio.Event) -> None:
        """Do what comes in until told to stop.

        Raises:
            JournalUnavailable: the journal can not be written any more.

        """
        while not stop.is_set():
            for request in self._take():
                reply = await self._desk.handle(request)
                self._answer(request, reply)
            await nap(LOOK_EVERY_S, stop)

    def _take(self) -> list[Request]:
        try:
            requests = list(self._box.take())
        except (JournalUnavailable, OSError) as error:
            if not self._is_troubled:
                self._is_troubled = True
                log.error(
                    LineName.WORKER_UNASKABLE,
                    error=str(error),
                    do="payments go on; put the folder right, so that the worker can be asked",
                )
            return []
        self._is_troubled = False
        return requests

    def _answer(self, request: Request, reply: Reply) -> None:
        try:
            self._box.answer(request.request_id, reply)
        except OSError as error:
            log.warning(LineName.WORKER_UNANSWERED, verb=request.verb, error=str(error))


def visit_id_of(name: str) -> VisitId | None:
    """Read a visit's label or number, as in the log; None: it is neither."""
    found = re.fullmatch(r"(?:v-)?0*([0-9]{1,18})", name, re.ASCII)
    return VisitId(int(found.group(1))) if found else None


def no_such_visit(name: str) -> str:
    """Say that a name is no visit's."""
    return (
        f"There is no visit {name[:40]!a}. Labels look like v-0042; "
        "`paysera-worker visits` lists them."
    )


def accepted(one: KeptNotice) -> str:
    """Say when the till accepted a notice."""
    at = f" at {one.ended_at:%Y-%m-%d %H:%M:%S} UTC" if one.ended_at else ""
    return f"{one.owed.notice.money}{at}"


def command(visit: Visit, verdict: Verdict) -> str:
    """Give the command that settles a visit."""
    return f'paysera-worker resolve {visit.label} --as {verdict.value} --note "..."'


def advice(visit: Visit, transaction: Transaction) -> str:
    """Say what Paysera shows of a transaction, and which command fits it."""
    sums = [payment.money for payment in transaction.payments or ()]
    known = [str(money) for money in sums if money is not None]
    amount = " + ".join(known) if known and len(known) == len(sums) else "an unknown amount"
    asked = f", asked was {visit.asked}" if visit.asked else ""
    head = f"{transaction.key}: {transaction.status_text or 'no status'}, {amount}{asked}. "
    if transaction.status is TransactionStatus.CONFIRMED:
        return f"{head}The money was taken. If the amount is right: {command(visit, Verdict.PAID)}"
    if transaction.status in RELEASED:
        return f"{head}No money was taken or is held: {command(visit, Verdict.UNPAID)}"
    if transaction.status is TransactionStatus.RESERVED:
        return (
            f"{head}The guest's money is held, not taken. Let Paysera give it back, or wait until "
            f"the reservation ends, then: {command(visit, Verdict.UNPAID)}"
        )
    if transaction.status in PENDING:
        return f"{head}The guest can still pay it. Wait until it has ended, then look again."
    return f"{head}A status that is not known here. Ask Paysera before settling it."
