"""What a guest does about an offer, and how the money is taken or given back."""

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.story import (
    A_CLOSE,
    BILL,
    CONFLICT,
    INVALID,
    KEY,
    NOON,
    OTHER_KEY,
    POLICY,
    SALE,
    Story,
    a_transaction,
    an_offered_visit,
    looked,
    spot_looked,
)
from worker.domain import commands, events, machine
from worker.domain.bill import Bill
from worker.domain.commands import (
    AskTill,
    ConfirmTransaction,
    LookAtSpot,
    LookAtTransaction,
    RevokeTransaction,
    WriteKind,
)
from worker.domain.ids import TransactionKey
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.rules import taking
from worker.domain.visit import End, Step
from worker.domain.wallet import PENDING, Payment, SpotStatus, Transaction, TransactionStatus


def offered(**changes: Any) -> Story:
    """A story whose bill the guest can see."""
    return Story(an_offered_visit(**changes))


def confirming(**changes: Any) -> Story:
    """A story whose confirm was just sent."""
    sent = {
        "tries": 1, "tried_at": NOON, "reserved_at": NOON, "looked_at": NOON, "wake_at": None,
        **changes,
    }  # fmt: skip
    return Story(an_offered_visit(Step.CONFIRMING, **sent))


def revoking(**changes: Any) -> Story:
    """A story that withdraws its transaction."""
    given = {"end": End.UNPAID, "reason": "not paid", "wake_at": None, **changes}
    return Story(an_offered_visit(Step.REVOKING, **given))


def is_confirm(command: object) -> bool:
    """Tell whether money is being taken."""
    return isinstance(command, ConfirmTransaction) and command.key == KEY


def test_the_happy_way_from_the_reservation_to_the_closed_spot() -> None:
    """Reserved, still the same bill, confirm, seen confirmed, a notice, spot closed, seen free.

    (F25)
    """
    story = offered()

    assert story.tell(events.TransactionHinted("reserved")) == LookAtTransaction(KEY)
    assert story.tell(looked()) == AskTill(is_to_pay=True)
    assert is_confirm(story.tell(events.BillFound(BILL)))
    assert story.tell(events.WriteDone(WriteKind.CONFIRM)) == LookAtTransaction(KEY)
    assert story.tell(looked(TransactionStatus.CONFIRMED)) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.PAID)
    assert [notice.bill_id for notice in story.notices] == ["bill-7"]
    assert story.tell(spot_looked(KEY)) == A_CLOSE
    assert story.tell(events.WriteDone(WriteKind.CLOSE)) == LookAtSpot()
    assert story.tell(spot_looked(status=SpotStatus.OPEN)) is None

    assert story.step is Step.CLOSED
    assert story.names() == ["visit.closed"]
    assert story.facts[0].fields["end"] == "paid"


def test_a_sale_without_a_bill_of_its_own_owes_the_till_nothing() -> None:
    """With fixed prices there is nobody to tell."""
    story = confirming(bill=SALE)

    assert story.tell(looked(TransactionStatus.CONFIRMED)) == LookAtSpot()
    assert story.notices == ()


@pytest.mark.parametrize(
    "wrong",
    [
        a_transaction(amount_minor=1249),
        a_transaction(amount_minor=1251),
        a_transaction(currency="USD"),
        a_transaction(payments=(Payment(BILL.money, None), Payment(BILL.money, None))),
        a_transaction(reference="v1.somebody.else"),
        a_transaction(key=OTHER_KEY),
    ],
)
def test_money_that_differs_from_the_bill_is_never_taken(wrong: Transaction) -> None:
    """Any difference gives the guest's money back and calls the operator (F22)."""
    story = offered()

    command = story.tell(events.TransactionLooked(wrong))

    assert command == RevokeTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.REVOKING, End.MISMATCH)
    assert story.names() == ["transaction.mismatched"]


@pytest.mark.parametrize(
    "unclear",
    [
        a_transaction(payments=None),
        a_transaction(payments=()),
        a_transaction(payments=(Payment(None, None),)),
        a_transaction(payments=(Payment(BILL.money, None),)),
    ],
)
def test_money_that_is_not_told_is_asked_for_again_before_it_is_given_back(
    unclear: Transaction,
) -> None:
    """One answer that leaves something out does not cost the guest the payment; three do (F22)."""
    story = offered()

    assert story.tell(events.TransactionLooked(unclear)) is None
    assert story.tell(events.TransactionLooked(unclear), after_s=10) is None
    assert story.step is Step.OFFERED
    assert story.tell(events.TransactionLooked(unclear), after_s=10) == RevokeTransaction(KEY)
    assert story.visit.end is End.MISMATCH


def test_taken_money_that_is_not_told_is_asked_for_again_before_a_human_is() -> None:
    """The confirm worked; one answer without payments is no reason to park the visit."""
    story = confirming(is_doubtful=True)

    assert story.tell(looked(TransactionStatus.CONFIRMED, payments=None)) is None
    story.tell(looked(TransactionStatus.CONFIRMED), after_s=10)
    assert story.visit.end is End.PAID


def test_a_confirm_that_would_leave_too_late_is_looked_at_again() -> None:
    """The till took its time: the look that allowed the confirm is stale (F34)."""
    story = offered()
    story.tell(looked())

    assert story.tell(events.BillFound(BILL), after_s=6) == LookAtTransaction(KEY)
    assert story.step is Step.OFFERED


def test_a_confirm_carries_the_instant_after_which_it_must_not_leave() -> None:
    """Five seconds after the look, whatever queue it waits in."""
    story = offered()
    story.tell(looked())

    command = story.tell(events.BillFound(BILL), after_s=2)

    assert command == ConfirmTransaction(KEY, NOON + timedelta(seconds=5))


@pytest.mark.parametrize(
    "changed",
    [
        Bill("bill-7", Money(1300, "EUR"), "Table 7"),
        Bill("bill-8", Money(1250, "EUR"), "Table 7"),
    ],
)
@pytest.mark.parametrize("is_reserved", [True, False])
def test_a_bill_that_changed_is_withdrawn_and_quoted_anew(changed: Bill, is_reserved: bool) -> None:
    """The guest agreed to something else: give it back first, then offer what is owed now (F69)."""
    story = offered()
    story.tell(looked(TransactionStatus.RESERVED if is_reserved else TransactionStatus.NEW))

    assert story.tell(events.BillFound(changed)) == RevokeTransaction(KEY)
    assert story.tell(events.WriteDone(WriteKind.REVOKE)) == LookAtTransaction(KEY)
    assert story.tell(looked(TransactionStatus.REVOKED)) == LookAtSpot()
    assert story.step is Step.SEEN
    assert story.tell(spot_looked(KEY)) == AskTill()
    created = story.tell(events.BillFound(changed))
    assert isinstance(created, commands.CreateTransaction)
    assert created.request.reference.endswith("2")
    assert created.request.money == changed.money


def test_another_description_is_still_the_same_bill() -> None:
    """Words are not money."""
    story = offered()
    story.tell(looked())

    assert is_confirm(story.tell(events.BillFound(Bill("bill-7", BILL.money, "Table seven"))))


@pytest.mark.parametrize("status", [TransactionStatus.RESERVED, TransactionStatus.NEW])
def test_a_bill_that_the_till_took_back_is_not_paid_twice(status: TransactionStatus) -> None:
    """Perhaps it was paid in cash: the guest's money is given back (F74)."""
    story = offered()
    story.tell(looked(status))

    assert story.tell(events.BillMissing()) == RevokeTransaction(KEY)
    assert story.visit.end is End.WITHDRAWN


def test_an_unreadable_till_delays_the_confirm_and_calls_for_help_once() -> None:
    """Nothing is taken on a guess; the till is asked again soon (F70)."""
    story = offered()
    story.tell(looked())

    assert story.tell(events.BillUnreadable("no disk")) is None
    assert story.names() == ["visit.doubtful"]
    story.tell(events.Woke(), looked(), events.BillUnreadable("no disk"), after_s=2)

    assert story.names() == []
    assert story.waits_s() == story.policy.bill_retry_s


def test_a_till_that_stays_unreadable_gives_the_money_back_before_it_lapses() -> None:
    """Held money is released on purpose, not by accident (F70)."""
    story = offered()
    story.tell(looked())
    story.tell(events.Woke(), looked(), after_s=850)

    assert story.tell(events.BillUnreadable("no disk")) == RevokeTransaction(KEY)
    assert story.visit.end is End.REFUSED


def test_an_unreadable_till_does_not_disturb_an_offer() -> None:
    """As long as nobody paid there is nothing to decide."""
    story = offered()

    assert story.tell(looked(TransactionStatus.NEW), events.BillUnreadable("x")) is None
    assert story.step is Step.OFFERED


def test_an_unchanged_offer_waits_on() -> None:
    """The bill still stands, the guest still thinks."""
    story = offered()

    assert story.tell(events.Woke(), after_s=10) == LookAtTransaction(KEY)
    assert story.tell(looked(TransactionStatus.NEW)) == AskTill()
    assert story.tell(events.BillFound(BILL)) is None
    assert story.waits_s() == story.policy.look_every_s


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (TransactionStatus.REJECTED, End.DECLINED),
        (TransactionStatus.REVOKED, End.EXPIRED),
        (TransactionStatus.FAILED, End.EXPIRED),
        (TransactionStatus.DELETED, End.EXPIRED),
    ],
)
@pytest.mark.parametrize("reserved_at", [None, NOON])
def test_a_transaction_that_ended_closes_the_spot(
    status: TransactionStatus, end: End, reserved_at: object
) -> None:
    """The guest declined, or the wallet ended it: nothing to take, the table is freed."""
    story = offered(reserved_at=reserved_at)

    assert story.tell(looked(status)) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, end)


@pytest.mark.parametrize("status", sorted(PENDING))
def test_an_offer_that_stays_unpaid_is_withdrawn(status: TransactionStatus) -> None:
    """Waiting is not paying, whatever kind of waiting it is (F20)."""
    story = offered()

    assert story.tell(looked(status), after_s=600) == RevokeTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.REVOKING, End.UNPAID)


def test_an_offer_is_looked_at_when_its_time_is_up_not_later() -> None:
    """The shortest offer is one second, and it is kept."""
    story = Story(an_offered_visit(), Policy(offer_ttl_s=1))

    story.tell(looked(TransactionStatus.NEW), events.BillFound(BILL), after_s=0.4)

    assert story.waits_s() == pytest.approx(0.6)
    assert story.tell(looked(TransactionStatus.NEW), after_s=0.6) == RevokeTransaction(KEY)


def test_a_payment_after_the_deadline_but_before_the_look_is_taken() -> None:
    """The look comes first: an offer is not withdrawn from under a guest who just paid."""
    story = offered()

    assert story.tell(looked(), after_s=601) == AskTill(is_to_pay=True)


def test_an_unknown_status_is_neither_paid_nor_over() -> None:
    """A word that we do not know: told once, looked at again, nothing irreversible (F20)."""
    for story in (offered(), confirming(), revoking()):
        step = story.step
        odd = looked(TransactionStatus.OTHER, status_text="frozen")
        assert story.tell(odd) is None
        assert story.names() == ["transaction.status_unknown"]
        assert story.tell(odd, after_s=10) is None
        assert story.names() == []
        assert story.step is step


def test_a_confirm_that_somebody_else_sent_counts_as_paid_and_is_told() -> None:
    """It is our transaction and the right money; but who confirmed it (F27)?"""
    story = offered()

    assert story.tell(looked(TransactionStatus.CONFIRMED)) == LookAtSpot()
    assert len(story.notices) == 1
    assert story.names() == ["transaction.confirmed_elsewhere", "transaction.confirmed"]


def test_wrong_money_that_is_already_taken_is_for_a_human() -> None:
    """The worker cannot undo it and does not pretend: parked, table freed."""
    story = confirming()

    assert story.tell(looked(TransactionStatus.CONFIRMED, amount_minor=999)) == LookAtSpot()
    assert story.visit.end is End.PARKED
    story.tell(spot_looked(KEY), events.WriteDone(WriteKind.CLOSE))
    story.tell(spot_looked(status=SpotStatus.OPEN))

    assert story.step is Step.PARKED


def test_a_transaction_that_vanished_is_looked_for_three_times() -> None:
    """Gone once is a hiccup; gone for half a minute is for a human (F17)."""
    story = offered()

    assert story.tell(events.TransactionMissing()) is None
    assert story.tell(events.TransactionMissing(), after_s=10) is None
    assert story.names() == ["transaction.missing"]
    assert story.tell(events.TransactionMissing(), after_s=10) == LookAtSpot()
    assert story.visit.end is End.PARKED


@pytest.mark.parametrize(
    "seen",
    [
        spot_looked(status=SpotStatus.OPEN),
        spot_looked(status=SpotStatus.CLOSED, is_blind=True),
        spot_looked(OTHER_KEY),
        spot_looked(),
        events.SpotMissing(),
    ],
)
def test_a_guest_who_left_is_let_go_after_a_last_look(seen: events.Event) -> None:
    """Our order is no longer before anybody: withdraw it, but first see that it was not paid.

    (F56)
    """
    story = offered()

    assert story.tell(events.SpotHinted("unlisted")) == LookAtSpot()
    assert story.tell(seen) == LookAtTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.REVOKING, End.LEFT)


@pytest.mark.parametrize("seen", [spot_looked(KEY), spot_looked(is_blind=True)])
def test_an_offer_that_is_still_on_the_spot_stands(seen: events.Event) -> None:
    """A hint is not proof."""
    story = offered()

    assert story.tell(seen) is None
    assert story.step is Step.OFFERED


def test_of_two_workers_orders_on_one_spot_the_greater_key_gives_way() -> None:
    """Both workers see the same two keys, so exactly one bill stays for the guest to pay (F38)."""
    story = offered()

    assert story.tell(spot_looked(KEY, TransactionKey("0"))) == LookAtTransaction(KEY)

    assert (story.step, story.visit.end) == (Step.REVOKING, End.REFUSED)
    assert story.tell(looked(TransactionStatus.NEW)) == RevokeTransaction(KEY)


def test_a_foreign_order_beside_ours_is_told_once_and_left_alone() -> None:
    """Two workers or two tills at one table are for the operator to sort out."""
    story = offered()

    story.tell(spot_looked(KEY, OTHER_KEY))
    assert story.names() == ["spot.foreign"]
    story.tell(spot_looked(KEY, OTHER_KEY))

    assert story.names() == []
    assert story.step is Step.OFFERED


# Confirming.


@pytest.mark.parametrize(
    "answer",
    [
        events.WriteDone(WriteKind.CONFIRM),
        events.WriteUnknown(WriteKind.CONFIRM, "ReadTimeout"),
        events.WriteRefused(WriteKind.CONFIRM, CONFLICT),
        events.Resumed(frozenset({WriteKind.CONFIRM})),
    ],
)
def test_whatever_a_confirm_answers_the_transaction_is_looked_at(answer: events.Event) -> None:
    """Paid is what the wallet shows, not what it said (F18, F19)."""
    story = confirming()

    assert story.tell(answer) == LookAtTransaction(KEY)


def test_a_lost_confirm_is_repeated_only_after_a_look_and_a_pause() -> None:
    """Seen reserved still, and still owed: the same confirm again (F2)."""
    story = confirming()
    story.tell(events.WriteUnknown(WriteKind.CONFIRM, "ReadTimeout"))

    assert story.tell(looked()) is None
    assert story.tell(events.Woke(), after_s=0.6) == LookAtTransaction(KEY)
    assert story.tell(looked()) == AskTill(is_to_pay=True)
    assert is_confirm(story.tell(events.BillFound(BILL, is_locked=True)))
    assert story.visit.is_doubtful
    assert story.visit.is_locked


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (events.BillMissing(), "the till took the bill back"),
        (events.BillUnreadable("no disk"), "the till can not be read: no disk"),
        (events.BillFound(Bill("bill-7", Money(1200, "EUR"), "Table 7")), "12.00 EUR"),
        (events.BillFound(Bill("bill-8", BILL.money, "Table 7")), "12.50 EUR"),
        (events.BillFound(BILL, too_much="beyond a day's bound"), "beyond a day's bound"),
    ],
)
def test_a_confirm_in_doubt_is_not_repeated_for_what_is_not_owed(
    answer: events.Event, why: str
) -> None:
    """Nor is the money given back: the confirm that may have left may have worked (F74)."""
    story = confirming(is_doubtful=True)
    story.tell(looked())

    assert story.tell(answer) is None
    assert (story.step, story.names()) == (Step.CONFIRMING, ["visit.doubtful"])
    (told,) = story.facts
    assert str(told.fields["why"]).endswith(why)
    assert "give one of the two back" in str(told.fields["do"])
    assert story.tell(events.Woke(), after_s=5) == LookAtTransaction(KEY)
    story.tell(looked())
    assert is_confirm(story.tell(events.BillFound(BILL)))


def test_a_refused_confirm_asks_the_till_again() -> None:
    """Nothing happened, so the bill may still change."""
    story = confirming()
    story.tell(events.WriteRefused(WriteKind.CONFIRM, CONFLICT))

    assert story.tell(looked(), after_s=1) == AskTill(is_to_pay=True)
    assert is_confirm(story.tell(events.BillFound(BILL)))


def test_an_unsent_confirm_is_looked_at_before_it_is_sent() -> None:
    """It waited too long in our own queue."""
    story = confirming()
    story.tell(events.WriteUnsent(WriteKind.CONFIRM, "too late"))

    assert story.tell(events.Woke(), after_s=2) == LookAtTransaction(KEY)
    assert story.tell(looked()) == AskTill(is_to_pay=True)


def test_a_confirm_refused_again_and_again_gives_the_money_back() -> None:
    """Every try was a plain no: the guest is not left with money held."""
    story = confirming(tries=5)
    story.tell(events.WriteRefused(WriteKind.CONFIRM, INVALID))

    assert story.tell(looked()) == RevokeTransaction(KEY)
    assert story.visit.end is End.REFUSED
    assert story.names() == ["write.refused"]


def test_a_confirm_in_doubt_is_never_given_back() -> None:
    """It may be taken already, so it is repeated, and a human is told after two minutes."""
    sent_at = NOON + timedelta(seconds=60)
    story = confirming(tries=9, is_doubtful=True, tried_at=sent_at)

    assert story.tell(looked(), after_s=121) == AskTill(is_to_pay=True)
    assert story.names() == ["visit.doubtful"]
    assert is_confirm(story.tell(events.BillFound(BILL)))
    story.tell(events.WriteUnknown(WriteKind.CONFIRM, "ReadTimeout"))
    assert story.tell(looked(), after_s=POLICY.confirm_grace_s - 1) == AskTill(is_to_pay=True)
    assert story.names() == []


NOT_OWED = [
    events.BillMissing(),
    events.BillFound(Bill("bill-7", Money(1200, "EUR"), "Table 7")),
    events.BillFound(BILL, too_much="beyond what a day may take"),
]


@pytest.mark.parametrize("answer", NOT_OWED)
def test_a_confirm_that_can_no_longer_work_is_lost(answer: events.Event) -> None:
    """What is still held then was not taken: the money of what is not owed is given back (F74)."""
    story = confirming(is_doubtful=True)

    assert story.tell(looked(), after_s=POLICY.confirm_grace_s - 0.1) == AskTill(is_to_pay=True)
    assert story.tell(answer) is None
    assert story.visit.is_doubtful
    assert story.tell(looked(), after_s=0.1) == AskTill(is_to_pay=True)
    assert (story.visit.is_doubtful, story.visit.tries) == (False, 0)
    assert story.tell(answer) == RevokeTransaction(KEY)


def test_a_lost_confirm_of_what_is_still_owed_is_sent_as_the_first() -> None:
    """Its refusals are counted from there."""
    story = confirming(tries=9, is_doubtful=True)

    assert story.tell(looked(), after_s=POLICY.confirm_grace_s) == AskTill(is_to_pay=True)
    assert is_confirm(story.tell(events.BillFound(BILL)))
    assert (story.visit.is_doubtful, story.visit.tries) == (False, 1)


def test_a_crash_begins_the_doubt_anew() -> None:
    """The machine's clock may have been set meanwhile, so nobody knows how old the confirm is."""
    story = confirming(is_doubtful=True)
    story.tell(events.Resumed(frozenset({WriteKind.CONFIRM})), after_s=3600)

    assert story.tell(looked(), after_s=0.4) is None
    assert story.waits_s() == 0.1
    assert story.tell(looked(), after_s=POLICY.confirm_grace_s - 0.5) == AskTill(is_to_pay=True)
    assert story.tell(events.BillMissing()) is None
    story.tell(looked(), after_s=0.1)
    assert story.tell(events.BillMissing()) == RevokeTransaction(KEY)


@pytest.mark.parametrize("is_doubtful", [True, False])
def test_other_money_on_a_reserved_transaction_is_never_confirmed(is_doubtful: bool) -> None:
    """Not even when a confirm is in doubt; it is given back once that can not work any more."""
    story = confirming(is_doubtful=is_doubtful)

    command = story.tell(looked(amount_minor=1), after_s=60)

    assert command == (None if is_doubtful else RevokeTransaction(KEY))
    if is_doubtful:
        assert story.tell(looked(amount_minor=1), after_s=15) == RevokeTransaction(KEY)


def test_a_reservation_that_expired_is_not_paid() -> None:
    """The confirm came too late: nobody was charged, the table is freed (F26)."""
    story = confirming(is_doubtful=True)

    assert story.tell(looked(TransactionStatus.FAILED)) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.EXPIRED)
    assert story.names() == ["transaction.released"]


def test_a_reservation_that_was_taken_back_is_an_offer_again() -> None:
    """It is waited for, within the offer's time, and then withdrawn if no confirm may work."""
    story = confirming()

    assert story.tell(looked(TransactionStatus.NEW), after_s=10) is None
    assert story.tell(looked(TransactionStatus.NEW), after_s=600) == RevokeTransaction(KEY)
    doubtful = confirming(is_doubtful=True, tried_at=NOON + timedelta(seconds=650))
    assert doubtful.tell(looked(TransactionStatus.NEW), after_s=700) is None
    assert doubtful.tell(looked(TransactionStatus.NEW), after_s=25) == RevokeTransaction(KEY)


def test_a_till_that_takes_the_bill_back_after_a_refused_confirm_is_heard() -> None:
    """Nothing was taken yet."""
    story = confirming()
    story.tell(events.WriteRefused(WriteKind.CONFIRM, CONFLICT))
    story.tell(looked(), after_s=1)

    assert story.tell(events.BillMissing()) == RevokeTransaction(KEY)


# Revoking.


def test_the_way_of_a_withdrawn_offer() -> None:
    """Revoke, see it gone, close the spot."""
    story = revoking()

    assert story.tell(looked(TransactionStatus.NEW)) == RevokeTransaction(KEY)
    assert story.tell(events.WriteDone(WriteKind.REVOKE)) == LookAtTransaction(KEY)
    assert story.tell(looked(TransactionStatus.DELETED)) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.UNPAID)


@pytest.mark.parametrize("offered_at", [NOON, None])
def test_a_guest_who_pays_the_moment_we_give_up_is_taken_at_their_word(offered_at: object) -> None:
    """No revoke was sent yet, and the bill was not the problem."""
    story = revoking(offered_at=offered_at)

    assert story.tell(looked()) == AskTill(is_to_pay=True)
    assert story.step is Step.OFFERED
    assert story.visit.end is None
    assert is_confirm(story.tell(events.BillFound(BILL)))


@pytest.mark.parametrize("changes", [{"tries": 1, "tried_at": NOON}, {"end": End.MISMATCH}])
def test_a_payment_does_not_overrule_a_revoke_that_may_be_under_way(
    changes: dict[str, Any],
) -> None:
    """Nor one that was decided because the money was wrong."""
    story = revoking(**changes)

    assert story.tell(looked(), after_s=60) == RevokeTransaction(KEY)


def test_a_revoke_that_came_too_late_counts_as_paid() -> None:
    """Somebody confirmed it: the wallet's truth wins."""
    story = revoking(tries=1, tried_at=NOON)

    story.tell(events.WriteRefused(WriteKind.REVOKE, CONFLICT))

    assert story.tell(looked(TransactionStatus.CONFIRMED)) == LookAtSpot()
    assert story.visit.end is End.PAID
    assert len(story.notices) == 1


def test_a_lost_revoke_is_repeated_after_a_look_and_a_pause() -> None:
    """An unknown outcome is looked at, as always."""
    story = revoking(tries=1, tried_at=NOON)

    assert story.tell(events.WriteUnknown(WriteKind.REVOKE, "x")) == LookAtTransaction(KEY)
    assert story.tell(looked(TransactionStatus.NEW)) is None
    assert story.tell(events.Woke(), after_s=1) == LookAtTransaction(KEY)
    assert story.tell(looked(TransactionStatus.NEW)) == RevokeTransaction(KEY)


def test_a_transaction_that_is_gone_after_a_revoke_is_released() -> None:
    """Not found is as good as revoked, once we sent it away."""
    story = revoking(tries=1, tried_at=NOON)

    assert story.tell(events.TransactionMissing()) == LookAtSpot()
    assert story.step is Step.CLOSING


@pytest.mark.parametrize(
    "doubt",
    [
        events.WriteUnknown(WriteKind.REVOKE, "ReadTimeout"),
        events.WriteRefused(WriteKind.REVOKE, CONFLICT),
        events.Resumed(frozenset({WriteKind.REVOKE})),
    ],
)
def test_gone_once_is_not_believed_while_the_revoke_is_in_doubt(doubt: events.Event) -> None:
    """It may still be payable: no second offer beside it because of one strange answer."""
    story = revoking(tries=1, tried_at=NOON)
    story.tell(doubt)

    assert story.tell(events.TransactionMissing()) is None
    assert story.tell(events.TransactionMissing(), after_s=10) is None
    assert story.tell(events.TransactionMissing(), after_s=10) == LookAtSpot()
    assert story.step is Step.CLOSING


def test_a_revoke_that_a_stop_kept_from_being_sent_was_never_tried() -> None:
    """The next worker must not take a strange "no such transaction" for the end of it."""
    story = revoking()
    command = story.tell(looked(TransactionStatus.NEW))
    assert command == RevokeTransaction(KEY)

    stopped = machine.left_undone(story.visit, command)

    assert stopped.tries == 0
    assert machine.left_undone(story.visit, LookAtSpot()) == story.visit


def test_a_restart_does_not_use_up_the_patience_with_a_revoke() -> None:
    """The clock may have been set on by days meanwhile: no human is called for that alone."""
    story = revoking(tries=5, tried_at=NOON)
    story.tell(events.Resumed(), after_s=259_200)

    assert story.tell(looked(TransactionStatus.NEW)) == RevokeTransaction(KEY)
    assert story.visit.end is End.UNPAID


def test_a_restart_after_a_revoke_that_was_answered_leaves_no_doubt() -> None:
    """The journal has the wallet's yes."""
    story = revoking(tries=1, tried_at=NOON)
    story.tell(events.WriteDone(WriteKind.REVOKE))
    story.tell(events.Resumed())

    assert story.tell(events.TransactionMissing()) == LookAtSpot()


def test_a_transaction_that_is_gone_before_a_revoke_is_a_riddle() -> None:
    """Looked for a few times, then left to a human."""
    story = revoking(misses=2)

    assert story.tell(events.TransactionMissing()) == LookAtSpot()
    assert story.visit.end is End.PARKED


def test_a_guest_who_declined_before_leaving_has_declined() -> None:
    """The better word for the same thing."""
    story = revoking(end=End.LEFT)

    story.tell(looked(TransactionStatus.REJECTED))

    assert story.visit.end is End.DECLINED


def test_a_revoke_that_is_refused_for_ever_calls_a_human_and_then_frees_the_table() -> None:
    """While money is held the spot stays; an unpaid transaction does not block it for ever."""
    story = revoking(tries=5, tried_at=NOON)

    assert story.tell(looked(), after_s=60) == RevokeTransaction(KEY)
    assert story.names() == ["visit.doubtful"]
    assert story.tell(looked(TransactionStatus.NEW), after_s=100) == RevokeTransaction(KEY)
    assert story.names() == []
    assert story.tell(looked(), after_s=1800) == RevokeTransaction(KEY)
    assert story.tell(looked(TransactionStatus.NEW), after_s=60) == LookAtSpot()
    assert story.visit.end is End.PARKED


def test_money_is_never_given_back_while_a_confirm_may_be_under_way() -> None:
    """Whatever rule would want to: it is a mistake in the core, and stops the visit."""
    doubtful, certain = confirming(is_doubtful=True).visit, confirming().visit
    with pytest.raises(AssertionError, match="a confirm may be under way"):
        taking.withdraw(doubtful, NOON, end=End.UNPAID, reason="not paid")

    assert taking.withdraw(certain, NOON, end=End.UNPAID, reason="not paid").visit.end is End.UNPAID
