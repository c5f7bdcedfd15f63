"""Taking the guest's money: the only rules that lead to a confirm.

A confirm leaves only within seconds of a look that showed the transaction reserved and in agreement
with the bill, and after the till said that the bill is still the same.
"""

from datetime import datetime, timedelta

from worker.domain import decision
from worker.domain.agreement import disagreement, is_unclear
from worker.domain.bill import Bill, LineKind
from worker.domain.commands import (
    AskTill,
    ConfirmTransaction,
    LookAtTransaction,
    Lowered,
    RevokeTransaction,
)
from worker.domain.decision import Decision, seconds
from worker.domain.facts import Fact, FactName, error, info, warning
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.part import PartState
from worker.domain.policy import Policy
from worker.domain.rules import missing, parts
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
    payments = transaction.payments or ()
    checked = replace(
        visit,
        reserved_at=visit.reserved_at or now,
        looked_at=now,
        unclears=0,
        payment_id=payments[0].payment_id if payments else None,
    )
    return decision.look(checked, AskTill(is_to_pay=True), *facts)


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


def confirm(
    visit: Visit,
    now: datetime,
    policy: Policy,
    charge_minor: int | None = None,
    *facts: Fact,
) -> Decision:
    """Send the confirm, or look again when the last look is too old to act on.

    `charge_minor`: what to take, where that may be less than was reserved; None: all of it.
    """
    key, looked_at, asked = visit.transaction_key, visit.looked_at, visit.asked
    assert key is not None, "what is confirmed has a key"
    assert looked_at is not None, "what is confirmed was seen reserved"
    assert asked is not None, "what is confirmed was billed"
    if seconds(looked_at, now) > policy.confirm_window_s:
        return decision.look(visit, LookAtTransaction(key))
    lowered = None
    if charge_minor is not None and charge_minor != asked.amount_minor:
        assert visit.payment_id is not None, "a price is lowered by its payment's name"
        assert 0 < charge_minor < asked.amount_minor, "a price is only ever lowered"
        lowered = Lowered(visit.payment_id, Money(charge_minor, asked.currency))
    not_after = looked_at + timedelta(seconds=policy.confirm_window_s)
    command = ConfirmTransaction(key, not_after, lowered)
    charged = parts.with_part(replace(visit, charge_minor=charge_minor), state=PartState.TAKING)
    if visit.step is Step.CONFIRMING:
        return decision.send(charged, now, command, *facts)
    return decision.enter_and_send(
        charged, Step.CONFIRMING, now, command, *facts, is_locked=visit.is_locked
    )


def confirmed(visit: Visit, transaction: Transaction, now: datetime, policy: Policy) -> Decision:
    """The money is ours. Tell the till before the table can ask for the same bill again."""
    assert visit.bill is not None, "what is paid was billed"
    why = disagreement(visit, transaction)
    if why is not None and is_worth_another_look(visit, transaction, policy):
        return missing.look_again(visit, now, policy)
    if why is not None:
        return missing.park(visit, now, f"the wallet took money that differs from the bill: {why}")
    due = visit.due
    assert due is not None, "what agrees has an amount"
    facts = [
        info(
            FactName.TRANSACTION_CONFIRMED,
            transaction=transaction.key,
            amount=str(due),
            part=visit.part.part_id if visit.part else None,
        )
    ]
    if visit.step is not Step.CONFIRMING:
        told = warning(
            FactName.TRANSACTION_CONFIRMED_ELSEWHERE,
            transaction=transaction.key,
            do="it counts as paid; check that no other worker uses these credentials",
        )
        facts.insert(0, told)
    paid = parts.with_part(
        replace(visit, paid_at=now, taken_minor=visit.taken_minor + due.amount_minor),
        state=PartState.PAID,
    )
    notices = () if visit.bill.bill_id is None else (notice_of(visit, visit.bill, due, now),)
    decided = parts.go_on(paid, now, End.PAID, "the guest paid", *facts)
    return Decision(decided.visit, decided.command, decided.facts, notices)


def notice_of(visit: Visit, bill: Bill, taken: Money, now: datetime) -> Notice:
    """Word what the till has to hear of: this payment, under a name of its own for good."""
    assert visit.transaction_key is not None, "what was paid has a key"
    assert bill.bill_id is not None, "a till that is told knows the bill by name"
    return Notice(
        notice_id=visit.reference.replace(".", "-"),  # Webhooks join their fields with dots.
        visit_id=visit.visit_id,
        location_id=visit.location_id,
        table=visit.table,
        bill_id=bill.bill_id,
        part_id=visit.part.part_id if visit.part else None,
        money=taken,
        bill_minor=bill.money.amount_minor if visit.part else taken.amount_minor,
        service_minor=bill.minor_of(LineKind.SERVICE),
        tip_minor=bill.minor_of(LineKind.TIP),
        transaction_key=visit.transaction_key,
        reference=visit.reference,
        paid_at=now,
    )


def released(visit: Visit, transaction: Transaction, now: datetime) -> Decision:
    """The wallet ended the transaction, and no money is held."""
    gone = parts.with_part(visit, state=PartState.RELEASED)
    if transaction.status is TransactionStatus.REJECTED:
        return parts.go_on(gone, now, End.DECLINED, "the guest declined")
    why = f"the wallet shows the transaction as {transaction.status.value}"
    level = warning if visit.reserved_at is not None else info
    told = level(FactName.TRANSACTION_RELEASED, transaction=transaction.key, why=why)
    return parts.go_on(gone, now, End.EXPIRED, why, told)
