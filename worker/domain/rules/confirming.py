"""The guest's money is held and is being taken.

Whatever a confirm answers, the transaction itself is looked at before anything is believed. While
one that has left may still work, the money is not given back: the confirm is repeated if the till
still says the same, else it is waited for. What is still not taken after that time was lost.
"""

from datetime import datetime
from typing import Final

from worker.domain import decision, events
from worker.domain.agreement import disagreement
from worker.domain.bill import AtHoldEnd
from worker.domain.commands import AskTill, LookAtTransaction, WriteKind
from worker.domain.decision import Decision, Rules, seconds
from worker.domain.facts import Fact, FactName, error
from worker.domain.policy import Policy, backoff_s
from worker.domain.rules import missing, refusing, taking, terms
from worker.domain.visit import End, Step, Visit, replace
from worker.domain.wallet import PENDING, RELEASED, Transaction, TransactionStatus

UNFINISHED: Final = PENDING | {TransactionStatus.RESERVED}
"""Neither taken nor over."""


def woke(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Every try begins with a look."""
    assert visit.transaction_key is not None, "what is confirmed has a key"
    return decision.look(visit, LookAtTransaction(visit.transaction_key))


def resumed(visit: Visit, event: events.Resumed, now: datetime, policy: Policy) -> Decision:
    """A pending intent may have been sent; when is not believed, as the clock may be another."""
    if not visit.is_doubtful and WriteKind.CONFIRM not in event.in_flight:
        return woke(visit, event, now, policy)
    return woke(replace(visit, is_doubtful=True, tried_at=now), event, now, policy)


def doubt(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """It may be taken, also when the wallet said so: look."""
    return woke(replace(visit, is_doubtful=True), event, now, policy)


def refused(visit: Visit, event: events.WriteRefused, now: datetime, policy: Policy) -> Decision:
    """Look: an earlier try may have been the one that worked."""
    if refusing.is_passing(event.refused):
        return refusing.wait_out(visit, event.refused, now, policy)
    return woke(visit, event, now, policy)


def transaction_looked(
    visit: Visit, event: events.TransactionLooked, now: datetime, policy: Policy
) -> Decision:
    """Go by what the wallet shows, not by what it answered."""
    transaction = event.transaction
    if transaction.status is TransactionStatus.CONFIRMED:
        return taking.confirmed(visit, transaction, now, policy)
    if transaction.status in RELEASED:
        return taking.released(visit, transaction, now)
    if transaction.status is TransactionStatus.OTHER:
        return missing.status_unknown(visit, event, now, policy)
    told, facts = doubt_alarm(visit, now, policy)
    told = lost_by_now(told, now, policy)
    if transaction.status is TransactionStatus.RESERVED:
        return still_reserved(told, transaction, now, policy, facts)
    if not told.is_doubtful and seconds(told.since, now) >= policy.offer_ttl_s:
        why = f"the wallet took the reservation back, and nobody paid in {policy.offer_ttl_s:g} s"
        return taking.withdraw(told, now, end=End.UNPAID, reason=why)
    return decision.wait(told, now, policy.look_every_s, *facts)


def lost_by_now(visit: Visit, now: datetime, policy: Policy) -> Visit:
    """Begin anew once no confirm that has left can work any more, and none is seen to have."""
    tried_at = visit.tried_at or visit.since
    if not visit.is_doubtful or seconds(tried_at, now) < policy.confirm_grace_s:
        return visit
    return replace(visit, is_doubtful=False, tries=0)


def is_found_lost(before: Visit, event: events.Event, after: Visit) -> bool:
    """Tell whether a turn ended the doubt by finding that nothing was taken."""
    was_in_doubt = before.step is Step.CONFIRMING and before.is_doubtful
    is_alive = (
        isinstance(event, events.TransactionLooked) and event.transaction.status in UNFINISHED
    )
    return was_in_doubt and is_alive and not (after.step is Step.CONFIRMING and after.is_doubtful)


def doubt_alarm(visit: Visit, now: datetime, policy: Policy) -> tuple[Visit, tuple[Fact, ...]]:
    """Tell a human once when taking the money takes too long."""
    if seconds(visit.since, now) < policy.doubt_alarm_s:
        return visit, ()
    return alarm(
        visit,
        why="the guest's money is held and the confirm does not come through",
        do="the worker keeps trying until the reservation ends; check Paysera's status",
    )


def alarm(visit: Visit, *, why: str, do: str) -> tuple[Visit, tuple[Fact, ...]]:
    """Tell a human once that nobody knows whether the money was taken."""
    told = error(
        FactName.VISIT_DOUBTFUL,
        transaction=visit.transaction_key,
        amount=str(visit.due) if visit.due else None,
        tries=visit.tries,
        why=why,
        do=do,
    )
    return decision.alarm(visit, told)


def still_reserved(
    visit: Visit,
    transaction: Transaction,
    now: datetime,
    policy: Policy,
    facts: tuple[Fact, ...],
) -> Decision:
    """Try again after a pause, or give the money back if every try was plainly refused."""
    why = disagreement(visit, transaction)
    if why is not None and not visit.is_doubtful:
        return taking.reserved(visit, transaction, now, policy)
    if why is not None:
        return decision.wait(visit, now, policy.look_every_s, *facts)
    if not visit.is_doubtful and visit.tries >= policy.refusals_max:
        why = f"the wallet refused to confirm {visit.tries} times"
        told = error(
            FactName.WRITE_REFUSED,
            transaction=transaction.key,
            why=why,
            do="the guest's money is given back; ask Paysera why confirms are refused",
        )
        return taking.withdraw(visit, now, told, end=End.REFUSED, reason=why)
    pause = backoff_s(visit.tries) - seconds(visit.tried_at or visit.since, now)
    if visit.tries > 0 and pause > 0:
        return decision.wait(visit, now, pause, *facts)
    return decision.look(replace(visit, looked_at=now, unclears=0), AskTill(is_to_pay=True), *facts)


def bill_found(visit: Visit, event: events.BillFound, now: datetime, policy: Policy) -> Decision:
    """Repeat a confirm only for what the till still asks for."""
    if not visit.is_doubtful:
        return terms.bill_found(visit, event, now, policy)
    locked = replace(visit, is_locked=visit.is_locked or event.is_locked)
    if event.too_much is not None:
        return hold_back(locked, event.too_much, now, policy)
    if terms.still_asks_for_it(visit, event):
        return taking.confirm(locked, now, policy, visit.charge_minor)
    return hold_back(locked, f"the till now says {event.bill.money}", now, policy)


def bill_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """The till took the bill back, perhaps for cash."""
    if not visit.is_doubtful:
        return terms.bill_missing(visit, event, now, policy)
    return hold_back(visit, "the till took the bill back", now, policy)


def bill_unreadable(
    visit: Visit, event: events.BillUnreadable, now: datetime, policy: Policy
) -> Decision:
    """Take nothing on a guess, but for a hold that is over: it has said what is taken then."""
    if not visit.is_doubtful:
        return terms.bill_unreadable(visit, event, now, policy)
    hold = visit.bill.hold if visit.bill else None
    is_rule = hold is not None and hold.at_end is AtHoldEnd.CONFIRM
    if hold is not None and is_rule and terms.hold_left_s(visit, hold, now, policy) <= 0:
        return taking.confirm(visit, now, policy, visit.charge_minor)
    return hold_back(visit, f"the till can not be read: {event.why}", now, policy)


def hold_back(visit: Visit, why: str, now: datetime, policy: Policy) -> Decision:
    """Neither repeat the confirm nor give the money back yet: the one that has left may work."""
    told, facts = alarm(
        visit,
        why=f"a confirm may have been lost, and is not repeated, as {why}",
        do="the worker waits for a minute whether it worked, and else goes by what the till says "
        "then; if it did, and the bill was paid at the till as well, give one of the two back",
    )
    return decision.wait(told, now, policy.look_every_s, *facts)


RULES: Rules = {
    events.Woke: woke,
    events.Resumed: resumed,
    events.TransactionLooked: transaction_looked,
    events.TransactionMissing: missing.transaction_missing,
    events.BillFound: bill_found,
    events.BillMissing: bill_missing,
    events.BillUnreadable: bill_unreadable,
    events.WriteDone: doubt,
    events.WriteRefused: refused,
    events.WriteUnknown: doubt,
}
