"""Taking the guest's money: the only rules that lead to a confirm.

A confirm leaves only within seconds of a look that showed the transaction reserved and in agreement
with the bill, and after the till said that the bill is still the same.
"""

from datetime import datetime, timedelta

from worker.domain import decision, events
from worker.domain.agreement import disagreement, is_unclear
from worker.domain.commands import (
    AskTill,
    ConfirmTransaction,
    LookAtTransaction,
    RevokeTransaction,
    SettleBill,
)
from worker.domain.decision import Decision, seconds
from worker.domain.facts import Fact, FactName, error, info, warning
from worker.domain.policy import Policy
from worker.domain.rules import missing
from worker.domain.visit import End, Step, Visit, replace
from worker.domain.wallet import Transaction, TransactionStatus


def reserved(visit: Visit, transaction: Transaction, now: datetime, policy: Policy) -> Decision:
    """The guest agreed. Check what the guest agreed to, then ask the till once more."""
    why = disagreement(visit, transaction)
    if why is not None and is_worth_another_look(visit, transaction, policy):
        return missing.look_again(visit, now, policy)
    if why is not None:
        told = error(
            FactName.TRANSACTION_MISMATCHED,
            transaction=transaction.key,
            why=why,
            do="the guest's money is given back; compare the till and the wallet",
        )
        return withdraw(visit, now, told, end=End.MISMATCH, reason=why)
    facts: tuple[Fact, ...] = ()
    if visit.reserved_at is None:
        facts = (info(FactName.TRANSACTION_RESERVED, transaction=transaction.key),)
    checked = replace(visit, reserved_at=visit.reserved_at or now, looked_at=now, unclears=0)
    return decision.look(checked, AskTill(), *facts)


def is_worth_another_look(visit: Visit, transaction: Transaction, policy: Policy) -> bool:
    """Tell whether one strange answer alone stands against money that a guest agreed to."""
    return is_unclear(visit, transaction) and visit.unclears + 1 < policy.misses_max


def withdraw(
    visit: Visit, now: datetime, *facts: Fact, end: End | None, reason: str, requote: bool = False
) -> Decision:
    """Give the money back. Never allowed once a confirm may have been sent."""
    assert visit.transaction_key is not None, "what is withdrawn has a key"
    assert not (visit.step is Step.CONFIRMING and visit.is_doubtful), "a confirm may be under way"
    return decision.enter_and_send(
        visit,
        Step.REVOKING,
        now,
        RevokeTransaction(visit.transaction_key),
        *facts,
        end=end,
        reason=reason,
        is_requoting=requote,
        looked_at=None,
    )


def bill_found(visit: Visit, event: events.BillFound, now: datetime, policy: Policy) -> Decision:
    """Take the money if the bill is still what the guest agreed to."""
    assert visit.bill is not None, "what is offered was billed"
    if not event.bill.asks_the_same_as(visit.bill):
        why = f"the till now says {event.bill.money}, the guest was shown {visit.bill.money}"
        told = warning(FactName.BILL_CHANGED, transaction=visit.transaction_key, why=why)
        return withdraw(visit, now, told, end=None, reason="", requote=True)
    if visit.looked_at is None:
        return decision.wait_for_guest(visit, now, policy)
    return confirm(visit, now, policy)


def confirm(visit: Visit, now: datetime, policy: Policy) -> Decision:
    """Send the confirm, or look again when the last look is too old to act on."""
    key, looked_at = visit.transaction_key, visit.looked_at
    assert key is not None, "what is confirmed has a key"
    assert looked_at is not None, "what is confirmed was seen reserved"
    if seconds(looked_at, now) > policy.confirm_window_s:
        return decision.look(visit, LookAtTransaction(key))
    not_after = looked_at + timedelta(seconds=policy.confirm_window_s)
    command = ConfirmTransaction(key, not_after)
    if visit.step is Step.CONFIRMING:
        return decision.send(visit, now, command)
    return decision.enter_and_send(visit, Step.CONFIRMING, now, command)


def bill_missing(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """The till took the bill back, perhaps for cash: this guest must not pay it as well."""
    why = "the till took the bill back after it was offered"
    told = warning(FactName.BILL_WITHDRAWN, transaction=visit.transaction_key, why=why)
    return withdraw(visit, now, told, end=End.WITHDRAWN, reason=why)


def bill_unreadable(
    visit: Visit, event: events.BillUnreadable, now: datetime, policy: Policy
) -> Decision:
    """Take nothing on a guess. Held money is given back before it would lapse by itself."""
    if visit.reserved_at is None:
        return decision.wait_for_guest(visit, now, policy)
    held = seconds(visit.reserved_at, now)
    if held > policy.reserve_for_s - policy.reservation_margin_s:
        why = f"the till could not say whether the bill still stands: {event.why}"
        return withdraw(visit, now, end=End.REFUSED, reason=why)
    told, facts = decision.alarm(
        visit,
        error(
            FactName.VISIT_DOUBTFUL,
            transaction=visit.transaction_key,
            why=f"the guest's money is held, but the till can not be read: {event.why}",
            do="make the till's bill readable again; otherwise the money is given back",
        ),
    )
    return decision.wait(told, now, policy.bill_retry_s, *facts)


def confirmed(visit: Visit, transaction: Transaction, now: datetime, policy: Policy) -> Decision:
    """The money is ours. Tell the till before the table can ask for the same bill again."""
    assert visit.bill is not None, "what is paid was billed"
    why = disagreement(visit, transaction)
    if why is not None and is_worth_another_look(visit, transaction, policy):
        return missing.look_again(visit, now, policy)
    if why is not None:
        return missing.park(visit, now, f"the wallet took money that differs from the bill: {why}")
    facts = [
        info(
            FactName.TRANSACTION_CONFIRMED,
            transaction=transaction.key,
            amount=str(visit.bill.money),
        )
    ]
    if visit.step is not Step.CONFIRMING:
        told = warning(
            FactName.TRANSACTION_CONFIRMED_ELSEWHERE,
            transaction=transaction.key,
            do="it counts as paid; check that no other worker uses these credentials",
        )
        facts.insert(0, told)
    paid = replace(visit, paid_at=now, is_settled=visit.bill.bill_id is None)
    if paid.is_settled:
        return decision.close(paid, now, End.PAID, "the guest paid", *facts)
    settle = SettleBill(visit.bill, transaction.key)
    return decision.enter(
        paid, Step.CLOSING, now, settle, *facts, end=End.PAID, reason="the guest paid"
    )


def released(visit: Visit, transaction: Transaction, now: datetime) -> Decision:
    """The wallet ended the transaction, and no money is held."""
    if transaction.status is TransactionStatus.REJECTED:
        return decision.close(visit, now, End.DECLINED, "the guest declined")
    why = f"the wallet shows the transaction as {transaction.status.value}"
    level = warning if visit.reserved_at is not None else info
    told = level(FactName.TRANSACTION_RELEASED, transaction=transaction.key, why=why)
    return decision.close(visit, now, End.EXPIRED, why, told)
