"""A bill that shrank after the guest agreed, lines that changed, and a bill that is locked."""

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.stations import confirming, splitting
from tests.domain.story import (
    BILL,
    CONFLICT,
    CREDENTIALS,
    KEY,
    NOON,
    ON_HOLD,
    PART_KEYS,
    SPLIT,
    Story,
    a_transaction,
    an_offered_visit,
    looked,
    looked_part,
)
from worker.domain import events
from worker.domain.bill import Bill, BillLine, LineKind
from worker.domain.commands import (
    AskTill,
    ConfirmTransaction,
    CreateTransaction,
    LookAtSpot,
    LookAtTransaction,
    Lowered,
    RevokeTransaction,
    WriteKind,
)
from worker.domain.facts import Fact, FactName, Level
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import Payment, TransactionStatus

LENIENT = Policy(confirms_lowered=True)
SHRUNK = Bill("bill-7", Money(1000, "EUR"), "Table 7", (BillLine("Soup", 1, 1000),))
LOCKED = events.BillFound(BILL, is_locked=True)


def agreed(policy: Policy = LENIENT, **changes: Any) -> Story:
    """A story whose guest agreed to 12.50 EUR."""
    held = {"reserved_at": NOON, "looked_at": NOON, "payment_id": "77", **changes}
    return Story(an_offered_visit(**held), policy)


def lowered(minor: int, not_after_s: float = 5) -> ConfirmTransaction:
    """A confirm of less than 12.50 EUR."""
    price = Lowered("77", Money(minor, "EUR"))
    return ConfirmTransaction(KEY, NOON + timedelta(seconds=not_after_s), price)


WHOLE = ConfirmTransaction(KEY, NOON + timedelta(seconds=5))


# A bill that shrank.


def test_a_bill_that_shrank_is_offered_anew_unless_the_operator_says_otherwise() -> None:
    """The guest agreed to something else."""
    story = agreed(Policy())

    assert story.tell(events.BillFound(SHRUNK)) == RevokeTransaction(KEY)
    assert story.visit.is_requoting


def test_a_bill_that_shrank_is_taken_for_less_where_the_operator_allows_it() -> None:
    """Exactly what the till says now, by the payment's name, and the log tells both amounts."""
    story = agreed()

    assert story.tell(events.BillFound(SHRUNK)) == lowered(1000)

    assert story.facts == (
        Fact(
            FactName.BILL_LOWERED,
            Level.INFO,
            {"transaction": KEY, "amount": "10.00 EUR", "why": "the guest agreed to 12.50 EUR"},
        ),
    )
    assert (story.step, story.visit.charge_minor) == (Step.CONFIRMING, 1000)
    assert story.visit.bill == Bill("bill-7", BILL.money, "Table 7", SHRUNK.lines)
    assert (story.visit.asked, story.visit.due) == (BILL.money, SHRUNK.money)


def test_one_cent_less_is_less() -> None:
    """And the same is the same: nothing is lowered then."""
    assert agreed().tell(events.BillFound(Bill("bill-7", Money(1249, "EUR"), ""))) == lowered(1249)
    assert agreed().tell(events.BillFound(BILL)) == WHOLE


@pytest.mark.parametrize(
    "found",
    [
        Bill("bill-7", Money(1251, "EUR"), "Table 7"),
        Bill("bill-7", Money(1000, "USD"), "Table 7"),
        Bill("bill-8", Money(1000, "EUR"), "Table 7"),
        Bill(None, Money(1000, "EUR"), "Table 7"),
        Bill("bill-7", Money(1000, "EUR"), "Table 7", parts=SPLIT.parts),
        Bill("bill-7", Money(1000, "EUR"), "Table 7", hold=ON_HOLD.hold),
    ],
)
def test_only_what_shrank_and_nothing_else_is_taken_for_less(found: Bill) -> None:
    """More, another currency, another bill, parts or a hold: offered anew."""
    story = agreed()

    assert story.tell(events.BillFound(found)) == RevokeTransaction(KEY)
    assert story.visit.is_requoting


def test_what_the_bounds_no_longer_allow_is_taken_back_from_a_guest_who_agreed() -> None:
    """The operator lowered them, and the worker started again."""
    story = agreed()

    command = story.tell(events.BillFound(BILL, too_much="more than safety.max_amount_minor"))

    assert command == RevokeTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.REVOKING, End.REFUSED)
    assert story.visit.reason == "more than safety.max_amount_minor"
    (told,) = story.facts
    assert (told.name.value, told.fields["transaction"]) == ("bill.too_much", KEY)
    assert told.fields["why"] == "more than safety.max_amount_minor"
    assert "take the money another way" in str(told.fields["do"])


@pytest.mark.parametrize(
    "found",
    [
        Bill("bill-7", BILL.money, "Table 7", parts=SPLIT.parts),
        Bill("bill-7", Money(1250, "USD"), "Table 7"),
        Bill("bill-7", BILL.money, "Table 7", hold=ON_HOLD.hold),
    ],
)
def test_a_confirm_in_doubt_is_repeated_for_no_other_kind_of_bill(found: Bill) -> None:
    """The same sum in parts, in another currency or on hold is another thing to pay."""
    story = Story(confirming(is_doubtful=True))
    story.tell(looked())

    assert story.tell(events.BillFound(found)) is None
    assert story.step is Step.CONFIRMING


@pytest.mark.parametrize("missing", [{"payment_id": None}, {"looked_at": None}])
def test_nothing_is_lowered_without_the_payments_name_or_a_look(missing: dict[str, Any]) -> None:
    """The price of what nobody was seen to agree to is not lowered, it is offered anew."""
    story = agreed(**missing)

    assert story.tell(events.BillFound(SHRUNK)) == RevokeTransaction(KEY)
    assert story.visit.is_requoting


def test_the_payments_name_is_the_one_that_the_last_look_showed() -> None:
    """None when that look did not show it, whatever an earlier one did."""
    story = Story(an_offered_visit(), LENIENT)
    story.tell(looked(payment_id="88"))
    confirm = story.tell(events.BillFound(SHRUNK))

    assert isinstance(confirm, ConfirmTransaction)
    assert confirm.lowered == Lowered("88", SHRUNK.money)
    unnamed = Story(an_offered_visit(payment_id="88"), LENIENT)
    unnamed.tell(looked(payment_id=None))
    assert unnamed.visit.payment_id is None
    assert unnamed.tell(events.BillFound(SHRUNK)) == RevokeTransaction(KEY)


def test_the_lowered_amount_is_what_must_be_seen_confirmed() -> None:
    """Then it is what was taken, and what the till and the log are told."""
    story = agreed()
    story.tell(events.BillFound(SHRUNK), events.WriteDone(WriteKind.CONFIRM))

    assert story.tell(looked(TransactionStatus.CONFIRMED, amount_minor=1000)) == LookAtSpot()

    assert (story.visit.end, story.visit.taken_minor) == (End.PAID, 1000)
    assert story.facts[0].fields["amount"] == "10.00 EUR"
    assert [(n.money.amount_minor, n.bill_minor) for n in story.notices] == [(1000, 1000)]


@pytest.mark.parametrize("minor", [1250, 999, 1001])
def test_any_other_amount_seen_confirmed_is_for_a_human(minor: int) -> None:
    """Above all what the guest agreed to at first: the wallet did not lower it."""
    story = agreed()
    story.tell(events.BillFound(SHRUNK))

    story.tell(looked(TransactionStatus.CONFIRMED, amount_minor=minor))

    assert (story.visit.end, story.notices, story.visit.taken_minor) == (End.PARKED, (), 0)


def test_a_lowered_confirm_that_was_lost_is_repeated_for_the_same_amount() -> None:
    """The reservation still shows what the guest agreed to, and that is right."""
    story = agreed()
    story.tell(events.BillFound(SHRUNK), events.WriteUnknown(WriteKind.CONFIRM, "ReadTimeout"))

    assert story.tell(looked(), after_s=1) == AskTill(is_to_pay=True)
    assert story.tell(events.BillFound(SHRUNK)) == lowered(1000, 6)


def test_a_lowered_confirm_that_was_refused_follows_what_the_till_says_now() -> None:
    """Less again, or as the guest agreed: then all of it is due once more."""
    for now_owed, confirm, due_minor in [(900, lowered(900, 6), 900), (1250, None, 1250)]:
        story = agreed()
        shrunk = Bill("bill-7", Money(1000, "EUR"), "Table 7")
        story.tell(events.BillFound(shrunk), events.WriteRefused(WriteKind.CONFIRM, CONFLICT))
        assert story.tell(looked(), after_s=1) == AskTill(is_to_pay=True)
        sent = story.tell(events.BillFound(Bill("bill-7", Money(now_owed, "EUR"), "Table 7")))
        assert sent == (confirm or ConfirmTransaction(KEY, NOON + timedelta(seconds=6)))
        assert story.visit.due == Money(due_minor, "EUR")


def test_a_look_that_is_too_old_lowers_nothing() -> None:
    """It is looked again, and said only when it is done."""
    story = agreed()

    assert story.tell(events.BillFound(SHRUNK), after_s=5.001) == LookAtTransaction(KEY)
    assert (story.step, story.names(), story.visit.charge_minor) == (Step.OFFERED, [], None)
    assert story.tell(looked()) == AskTill(is_to_pay=True)
    assert story.tell(events.BillFound(SHRUNK)) == lowered(1000, 10.001)


def test_a_new_offer_is_asked_for_as_a_whole() -> None:
    """What an earlier confirm was to take says nothing about it."""
    story = Story(an_offered_visit(Step.SEEN, charge_minor=1000, transaction_key=None))

    created = story.tell(events.BillFound(SHRUNK))

    assert isinstance(created, CreateTransaction)
    assert created.request.money == SHRUNK.money
    assert (story.visit.charge_minor, story.visit.due) == (None, SHRUNK.money)


# What a guest agrees to.


def test_the_terms_of_a_bill_are_its_name_its_money_and_its_parts() -> None:
    """Words and lines are no part of them, and of a hold only that there is one."""
    line = BillLine("Soup", 1, 1250)
    terms = Bill("bill-7", BILL.money, "Table 7", (line,))

    assert terms.asks_the_same_as(Bill("bill-7", BILL.money, "Table seven", (line,)))
    assert terms.asks_the_same_as(Bill("bill-7", BILL.money, "Table 7"))
    for other in (
        Bill("bill-8", BILL.money, "Table 7", (line,)),
        Bill("bill-7", Money(1251, "EUR"), "Table 7", (line,)),
        Bill("bill-7", BILL.money, "Table 7", (line,), SPLIT.parts),
        Bill("bill-7", BILL.money, "Table 7", (line,), hold=ON_HOLD.hold),
    ):
        assert not terms.asks_the_same_as(other)
    assert ON_HOLD.asks_the_same_as(Bill("bill-7", ON_HOLD.money, "Bay", hold=ON_HOLD.hold))


def test_other_lines_of_the_same_total_are_taken_up_without_a_word() -> None:
    """What is told to the till has the tip as the till has it now; the guest agreed to a sum."""
    lines = (BillLine("Soup", 1, 1150), BillLine("Tip", 1, 100, LineKind.TIP))
    story = agreed()

    assert story.tell(events.BillFound(Bill("bill-7", BILL.money, "Table 7", lines))) == WHOLE
    assert story.visit.bill == Bill("bill-7", BILL.money, "Table 7", lines)


def test_the_lines_of_a_kind_are_added_up() -> None:
    """Discounts count, and other kinds do not."""
    lines = (
        BillLine("Soup", 2, 1000),
        BillLine("Voucher", 1, -100),
        BillLine("Service", 1, 90),
        BillLine("Tip", 1, 60, LineKind.TIP),
        BillLine("Service", 1, 100, LineKind.SERVICE),
        BillLine("Service", 1, 100, LineKind.SERVICE),
    )
    bill = Bill("bill-7", Money(1250, "EUR"), "Table 7", lines)

    assert {kind: bill.minor_of(kind) for kind in LineKind} == {
        LineKind.ITEM: 990,
        LineKind.SERVICE: 200,
        LineKind.TIP: 60,
    }
    assert BILL.minor_of(LineKind.TIP) == 0


# A bill that is locked.


def test_only_a_till_that_is_asked_for_held_money_is_asked_to_lock() -> None:
    """While the guest thinks the bill may change as it likes."""
    story = Story(an_offered_visit())

    assert story.tell(looked(TransactionStatus.NEW)) == AskTill(is_to_pay=False)
    assert story.tell(looked()) == AskTill(is_to_pay=True)
    assert Story(confirming()).tell(looked(), after_s=1) == AskTill(is_to_pay=True)


def test_a_lock_is_carried_into_the_confirm_and_through_its_tries() -> None:
    """Until money is taken or certainly is not."""
    story = agreed()

    story.tell(LOCKED)
    assert (story.step, story.visit.is_locked) == (Step.CONFIRMING, True)
    story.tell(events.WriteRefused(WriteKind.CONFIRM, CREDENTIALS), events.Woke(), looked())
    assert story.visit.is_locked
    story.tell(events.BillFound(BILL))
    assert (story.step, story.visit.tries, story.visit.is_locked) == (Step.CONFIRMING, 1, True)
    unlocked = agreed()
    unlocked.tell(events.BillFound(BILL))
    assert (unlocked.step, unlocked.visit.is_locked) == (Step.CONFIRMING, False)


def test_a_lock_stays_while_the_look_is_renewed() -> None:
    """The till took its time, and the guest's money is still held."""
    story = agreed()

    assert story.tell(LOCKED, after_s=6) == LookAtTransaction(KEY)
    assert (story.step, story.visit.is_locked) == (Step.OFFERED, True)
    story.tell(looked(), events.BillFound(BILL))
    assert (story.step, story.visit.is_locked) == (Step.CONFIRMING, True)


@pytest.mark.parametrize(
    ("step", "event"),
    [
        (Step.OFFERED, events.BillMissing()),
        (Step.OFFERED, events.BillFound(SHRUNK, is_locked=True)),
        (Step.OFFERED, looked(TransactionStatus.NEW)),
        (Step.OFFERED, looked(TransactionStatus.REJECTED)),
        (Step.OFFERED, looked(amount_minor=1)),
        (Step.CONFIRMING, looked(TransactionStatus.CONFIRMED)),
        (Step.CONFIRMING, looked(TransactionStatus.FAILED)),
        (Step.CONFIRMING, events.BillMissing()),
        (Step.CONFIRMING, looked(TransactionStatus.CONFIRMED, amount_minor=1)),
    ],
)
def test_a_lock_is_dropped_on_the_way_out(step: Step, event: events.Event) -> None:
    """Whatever way that is, also when the guest takes the agreement back."""
    story = Story(an_offered_visit(step, reserved_at=NOON, looked_at=NOON, is_locked=True))

    story.tell(event)

    assert not story.visit.is_locked


def test_a_lock_belongs_to_the_part_that_is_paid() -> None:
    """It is taken anew for the next one."""
    story = Story(splitting())
    story.tell(looked_part("a"), events.BillFound(SPLIT, is_locked=True))
    assert (story.step, story.visit.is_locked) == (Step.CONFIRMING, True)

    assert story.tell(looked_part("a", TransactionStatus.CONFIRMED)) == LookAtTransaction(
        PART_KEYS["b"]
    )
    assert (story.step, story.visit.is_locked) == (Step.OFFERED, False)


# The wallet's answer, against what is due.


def test_what_is_not_told_of_taken_money_is_asked_for_again_and_what_differs_is_not() -> None:
    """A missing amount or reference may come with the next answer; a wrong one will not."""
    ours = a_transaction().reference()
    for payment, is_asked_again in [
        (Payment(None, ours, "77"), True),
        (Payment(Money(1000, "EUR"), None, "77"), True),
        (Payment(Money(1250, "EUR"), None, "77"), False),
        (Payment(Money(1000, "USD"), ours, "77"), False),
    ]:
        story = agreed()
        story.tell(events.BillFound(SHRUNK))
        story.tell(looked(TransactionStatus.CONFIRMED, payments=(payment,)))
        assert (story.visit.unclears, story.visit.end is End.PARKED) == (
            (1, False) if is_asked_again else (0, True)
        )
