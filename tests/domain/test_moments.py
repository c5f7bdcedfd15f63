"""The exact instants: what happens when time is just up, and how long each wait is."""

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.story import (
    A_CLOSE,
    BILL,
    CONFLICT,
    EARLIER_KEY,
    INVALID,
    KEY,
    NOON,
    OTHER_KEY,
    POLICY,
    THROTTLED,
    Story,
    a_visit,
    an_offered_visit,
    looked,
    spot_looked,
)
from worker.domain import commands, events
from worker.domain.bill import Bill
from worker.domain.commands import (
    AskTill,
    ConfirmTransaction,
    FindTransaction,
    LinkOrder,
    LookAtSpot,
    LookAtTransaction,
    RevokeTransaction,
    WriteKind,
)
from worker.domain.policy import Policy, backoff_s
from worker.domain.visit import End, Step, Visit
from worker.domain.wallet import SpotStatus, TransactionStatus

NEW = looked(TransactionStatus.NEW)
EVER = timedelta(days=1)


def creating(**changes: Any) -> Story:
    """A story whose create may have been lost."""
    sent = {"bill": BILL, "creates": 1, "tries": 1, "tried_at": NOON, "is_doubtful": True}
    return Story(a_visit(Step.CREATING, **{**sent, **changes}))


def linking(**changes: Any) -> Story:
    """A story whose link may have been lost."""
    sent = {"offered_at": None, "tries": 1, "tried_at": NOON, "is_doubtful": True}
    return Story(an_offered_visit(Step.LINKING, **{**sent, **changes}))


def confirming(**changes: Any) -> Story:
    """A story whose confirm was sent."""
    sent = {"tries": 1, "tried_at": NOON, "reserved_at": NOON, "looked_at": NOON}
    return Story(an_offered_visit(Step.CONFIRMING, **{**sent, **changes}))


def revoking(**changes: Any) -> Story:
    """A story whose revoke was sent."""
    sent = {"tries": 1, "tried_at": NOON, "end": End.UNPAID, "reason": "not paid"}
    return Story(an_offered_visit(Step.REVOKING, **{**sent, **changes}))


def closing(**changes: Any) -> Story:
    """A story whose close was sent."""
    sent = {"tries": 1, "tried_at": NOON, "end": End.PAID}
    return Story(an_offered_visit(Step.CLOSING, **{**sent, **changes}))


# Before the offer.


def test_a_bill_is_awaited_to_the_second() -> None:
    """The last wait ends with the till's time, and then it is over."""
    story = Story(a_visit())

    story.tell(events.BillMissing(), after_s=59)
    assert story.waits_s() == 1
    assert story.tell(events.BillMissing(), after_s=1) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.NO_BILL)


def test_a_restart_gives_a_table_that_is_quoted_anew_the_tills_whole_time() -> None:
    """The time before the restart was not the till's fault."""
    story = Story(a_visit(former_keys=(OTHER_KEY,), offered_at=NOON))

    story.tell(events.Resumed(), after_s=100)

    assert story.visit.since == story.now
    assert story.tell(events.BillMissing()) is None


def test_an_echo_of_an_earlier_visit_has_a_quarter_of_a_minute_to_pass() -> None:
    """It is looked at three times in that while; when the time is up, the spot is freed."""
    story = Story(a_visit())
    echo = spot_looked(EARLIER_KEY, earlier=frozenset({EARLIER_KEY}))

    story.tell(echo, after_s=14)
    assert story.waits_s() == 5
    story.tell(echo, after_s=1)

    assert (story.step, story.visit.end) == (Step.CLOSING, End.LEFTOVER)


def test_a_leftover_that_vanished_meanwhile_is_not_closed_on_weaker_evidence() -> None:
    """The guest who waits without that order may be the next one."""
    story = Story(a_visit())
    earlier = frozenset({EARLIER_KEY})
    story.tell(spot_looked(EARLIER_KEY, earlier=earlier), after_s=15)

    assert story.tell(spot_looked(earlier=earlier)) is None
    assert story.step is Step.CLOSED


def test_a_lost_create_is_searched_for_until_its_grace_is_over() -> None:
    """Every three seconds, at last when the ten seconds are over; then it is asked anew."""
    story = creating()

    story.tell(events.TransactionNotFound())
    assert story.waits_s() == 3
    story.tell(events.TransactionNotFound(), after_s=8)
    assert story.waits_s() == 2
    again = story.tell(events.TransactionNotFound(), after_s=2)

    assert isinstance(again, commands.CreateTransaction)
    assert (story.step, story.visit.creates) == (Step.CREATING, 2)


def test_a_search_begins_two_minutes_before_the_create_was_sent() -> None:
    """The wallet's clock is not ours."""
    story = creating(tried_at=NOON + timedelta(seconds=7))

    search = story.tell(events.Woke(), after_s=30)

    assert search == FindTransaction(story.visit.reference, NOON - timedelta(seconds=113))


def test_a_list_that_mentions_a_table_without_a_bill_is_worth_a_look() -> None:
    """The guest may have gone; nothing else would tell before the till's time is up."""
    assert Story(a_visit()).tell(events.SpotHinted("unlisted")) == LookAtSpot()


def test_an_unknown_word_for_a_spot_is_waited_out_as_long_as_its_step_allows() -> None:
    """Soon while a guest is to see the bill, otherwise as often as an offer is looked at."""
    odd = spot_looked(KEY, status=SpotStatus.OTHER)
    for story, pause_s in [
        (Story(a_visit()), 10.0),
        (linking(), 2.0),
        (Story(an_offered_visit()), 10.0),
    ]:
        story.tell(odd)
        assert story.waits_s() == pause_s


# The pause between two tries of a write.


def test_a_write_is_repeated_the_moment_its_pause_is_over_and_not_before() -> None:
    """Half a second after the first try, by the try's own time."""
    tries: list[tuple[Story, events.Event, object]] = [
        (linking(since=NOON - EVER), spot_looked(), LinkOrder(KEY)),
        (confirming(since=NOON - timedelta(seconds=60)), looked(), AskTill(is_to_pay=True)),
        (revoking(since=NOON - EVER), NEW, RevokeTransaction(KEY)),
        (closing(since=NOON - EVER), spot_looked(KEY), A_CLOSE),
    ]
    for story, seen, command in tries:
        assert story.tell(seen, after_s=0.2) is None
        assert story.waits_s() == pytest.approx(0.3)
        assert story.tell(seen, after_s=0.3) == command


def test_a_write_that_did_not_leave_needs_no_pause() -> None:
    """Nothing was tried yet, so nothing can still be on its way."""
    tries: list[tuple[Story, events.Event, object]] = [
        (linking(tries=0), spot_looked(), LinkOrder(KEY)),
        (confirming(tries=0), looked(), AskTill(is_to_pay=True)),
        (revoking(tries=0, end=End.MISMATCH), NEW, RevokeTransaction(KEY)),
        (closing(tries=0), spot_looked(KEY), A_CLOSE),
    ]
    for story, seen, command in tries:
        assert story.tell(seen) == command


def test_pauses_double_and_have_an_end() -> None:
    """However often it was tried, the number stays one that time can hold."""
    assert [backoff_s(tries, 1e9) for tries in (1, 2, 20, 21, 22, 1000)] == [
        0.5,
        1.0,
        0.5 * 2**19,
        0.5 * 2**20,
        0.5 * 2**20,
        0.5 * 2**20,
    ]
    patient = Policy(look_failed_wait_s_max=5000.0)
    for failures, pause in [(9, 512.0), (10, 1024.0), (11, 1024.0), (5000, 1024.0)]:
        story = Story(an_offered_visit(failures=failures), patient)
        story.tell(events.LookFailed("HTTP 502"))
        assert story.waits_s() == pause


def test_a_try_that_did_not_happen_is_taken_back_once() -> None:
    """The tries before it stay counted."""
    for event in (
        events.WriteUnsent(WriteKind.REVOKE, "ConnectError"),
        events.WriteRefused(WriteKind.REVOKE, THROTTLED),
    ):
        story = revoking(tries=3)
        story.tell(event)
        assert story.visit.tries == 2


def test_a_write_that_did_not_leave_is_tried_again_soon() -> None:
    """Two seconds: whatever kept it in the house may have passed."""
    for story in (linking(), confirming(), revoking(), closing()):
        story.tell(events.WriteUnsent(WriteKind.LINK, "ConnectError"))
        assert story.waits_s() == 2.0


def test_what_nobody_expected_is_looked_into_soon() -> None:
    """A surprise after five seconds, a fact of no use to a sleeping visit after one."""
    surprised, idle = Story(a_visit()), confirming(wake_at=None)
    surprised.tell(events.WriteDone(WriteKind.CLOSE))
    idle.tell(events.SpotHinted("waiting"))

    assert (surprised.waits_s(), idle.waits_s()) == (5, 1)


# The offer.


def test_an_offer_that_is_up_is_not_looked_at_in_a_tight_circle() -> None:
    """When its time is up or over, the next look is the usual one."""
    for late_s in (600, 650):
        story = Story(an_offered_visit())
        story.tell(spot_looked(KEY), after_s=late_s)
        assert story.waits_s() == POLICY.look_every_s


def test_a_reservation_that_was_taken_back_allows_nothing_any_more() -> None:
    """The guest's money was held and is free again: the till's yes is no reason to confirm."""
    story = Story(an_offered_visit())
    story.tell(looked())

    assert story.tell(NEW) == AskTill()
    assert story.tell(events.BillFound(BILL)) is None
    assert story.step is Step.OFFERED


def test_a_reservation_is_told_once_and_its_first_moment_kept() -> None:
    """Each look after that only renews what a confirm may stand on."""
    story = Story(an_offered_visit())

    story.tell(looked(), after_s=1)
    first = story.now
    assert story.names() == ["transaction.reserved"]
    story.tell(looked(), after_s=2)

    assert story.names() == []
    assert (story.visit.reserved_at, story.visit.looked_at) == (first, story.now)


def test_a_transaction_that_was_seen_again_is_missed_anew() -> None:
    """Only looks in a row count: a hiccup now and one later are two hiccups."""
    missing = events.TransactionMissing()
    offered, asked = Story(an_offered_visit()), Story(an_offered_visit())
    for story, seen in [(offered, NEW), (asked, looked()), (confirming(), looked())]:
        for event in (missing, missing, seen):
            story.tell(event, after_s=5)
        assert story.visit.misses == 0
        story.tell(missing, missing)

        assert story.names() == ["transaction.missing"]
        assert story.waits_s() == 10.0
        assert story.visit.end is None


@pytest.mark.parametrize("step", [Step.OFFERED, Step.REVOKING])
def test_an_answer_that_says_too_little_still_shows_that_it_is_there(step: Step) -> None:
    """Two that miss it, one that leaves its payments out, one that misses it: it is not gone."""
    missing, bare = events.TransactionMissing(), looked(payments=None)
    doubtful = {"tries": 1, "tried_at": NOON, "is_doubtful": True, "end": End.UNPAID}
    story = Story(an_offered_visit(step, **(doubtful if step is Step.REVOKING else {})))

    for event in (missing, missing, bare, missing):
        story.tell(event, after_s=10)

    assert (story.step, story.visit.end is End.PARKED, story.visit.misses) == (step, False, 1)


def test_a_confirm_may_leave_at_the_last_instant_that_its_look_allows() -> None:
    """Five seconds after the look, and not a millisecond later."""
    on_time, late = Story(an_offered_visit()), Story(an_offered_visit())
    on_time.tell(looked())
    late.tell(looked())

    confirm = on_time.tell(events.BillFound(BILL), after_s=5)
    assert confirm == ConfirmTransaction(KEY, NOON + timedelta(seconds=5))
    assert late.tell(events.BillFound(BILL), after_s=5.001) == LookAtTransaction(KEY)


def test_held_money_is_given_back_a_minute_before_it_would_lapse() -> None:
    """At 840 of 900 seconds the till still has its chance, after that it has none."""
    for held_s, step in [(840, Step.OFFERED), (840.001, Step.REVOKING)]:
        story = Story(an_offered_visit(reserved_at=NOON, looked_at=NOON))
        story.tell(events.BillUnreadable("no disk"), after_s=held_s)
        assert story.step is step


def test_a_new_offer_starts_with_nothing_reserved() -> None:
    """What was reserved under an earlier transaction says nothing about this one."""
    story = linking(reserved_at=NOON, looked_at=NOON)

    story.tell(spot_looked(KEY), after_s=3)

    assert story.visit == an_offered_visit(
        since=story.now, offered_at=story.now, wake_at=story.now + timedelta(seconds=10)
    )


# Taking the money.


def test_a_confirm_is_in_doubt_after_a_crash_only_if_it_may_have_been_sent() -> None:
    """A bill that is gone is not given back then; and a doubt from before the crash stays one."""
    told = events.Resumed(frozenset({WriteKind.CONFIRM}))
    for story, event, is_doubtful in [
        (confirming(), told, True),
        (confirming(), events.Resumed(), False),
        (confirming(), events.Resumed(frozenset({WriteKind.LINK})), False),
        (confirming(is_doubtful=True), events.Resumed(), True),
    ]:
        assert story.tell(event, after_s=60) == LookAtTransaction(KEY)
        assert story.visit.is_doubtful is is_doubtful
        assert story.tell(looked(), after_s=0.5) == AskTill(is_to_pay=True)
        command = story.tell(events.BillMissing())
        assert command == (None if is_doubtful else RevokeTransaction(KEY))


def test_a_revoke_is_in_doubt_after_a_crash_only_if_it_may_have_been_sent() -> None:
    """In doubt, a transaction that is gone is looked for again before that is believed."""
    told = events.Resumed(frozenset({WriteKind.REVOKE}))
    for story, event, is_doubtful in [
        (revoking(), told, True),
        (revoking(), events.Resumed(), False),
        (revoking(), events.Resumed(frozenset({WriteKind.CONFIRM})), False),
        (revoking(is_doubtful=True), events.Resumed(), True),
    ]:
        assert story.tell(event, after_s=60) == LookAtTransaction(KEY)
        assert story.visit.is_doubtful is is_doubtful
        command = story.tell(events.TransactionMissing())
        assert command == (None if is_doubtful else LookAtSpot())
        assert not is_doubtful or story.waits_s() == POLICY.misses_gap_s


def test_a_close_is_in_doubt_after_a_crash_only_if_it_may_have_been_sent() -> None:
    """Without a doubt the polls' evidence still counts."""
    for event, is_doubtful in [
        (events.Resumed(frozenset({WriteKind.CLOSE})), True),
        (events.Resumed(frozenset({WriteKind.CONFIRM})), False),
        (events.Resumed(), False),
    ]:
        for story in (closing(), closing(is_doubtful=True)):
            was_doubtful = story.visit.is_doubtful
            story.tell(event)
            assert story.visit.is_doubtful is (is_doubtful or was_doubtful)


def test_doubtful_money_is_told_after_two_minutes_and_the_line_goes_with_the_next_step() -> None:
    """Whatever is done in that moment, the operator hears of it."""
    doubtful = {"is_doubtful": True, "tries": 9, "tried_at": NOON + timedelta(seconds=60)}
    for story, seen in [
        (confirming(**doubtful), looked()),
        (confirming(**doubtful), NEW),
        (confirming(**doubtful), looked(amount_minor=1)),
        (confirming(**{**doubtful, "tried_at": NOON + timedelta(seconds=119)}), looked()),
        (confirming(**{**doubtful, "tried_at": NOON}), looked()),
        (confirming(tries=4), looked()),
    ]:
        story.tell(seen, after_s=119.9)
        assert story.names() == []
        story.tell(seen, after_s=0.1)
        assert story.names() == ["visit.doubtful"]


def test_a_line_about_a_visit_without_a_bill_is_told_all_the_same() -> None:
    """It must not fail when it is needed most."""
    doubtful = confirming(bill=None, is_doubtful=True, tried_at=NOON + timedelta(seconds=60))
    closed = closing(bill=None)

    doubtful.tell(NEW, after_s=120)
    closed.tell(spot_looked(status=SpotStatus.OPEN))

    assert doubtful.facts[0].fields["amount"] is None
    assert (closed.facts[0].fields["bill"], closed.facts[0].fields["amount"]) == (None, None)


def test_a_reservation_that_was_taken_back_is_waited_for_as_long_as_an_offer() -> None:
    """Ten minutes to the second, then the transaction is withdrawn as unpaid."""
    story = confirming()

    assert story.tell(NEW, after_s=599.9) is None
    assert story.tell(NEW, after_s=0.1) == RevokeTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.REVOKING, End.UNPAID)


def test_what_is_in_doubt_and_can_not_be_taken_is_looked_at_as_often_as_an_offer() -> None:
    """Other money, a reservation taken back, a word that we do not know: every ten seconds."""
    for seen in (
        looked(amount_minor=1),
        NEW,
        looked(TransactionStatus.OTHER, status_text="frozen"),
    ):
        story = confirming(is_doubtful=True)
        assert story.tell(seen, after_s=60) is None
        assert story.waits_s() == 10.0


def test_a_refused_confirm_with_other_money_is_given_back_as_a_mismatch() -> None:
    """It was refused for a reason, and what is reserved now is not the bill."""
    story = confirming()
    story.tell(events.WriteRefused(WriteKind.CONFIRM, INVALID))

    assert story.tell(looked(amount_minor=1), after_s=1) == RevokeTransaction(KEY)
    assert story.visit.end is End.MISMATCH


def test_a_payment_is_dated_when_it_is_first_seen() -> None:
    """With a till to tell and without."""
    story = confirming()

    story.tell(looked(TransactionStatus.CONFIRMED), after_s=2)

    assert story.visit.paid_at == NOON + timedelta(seconds=2)


# Giving it back.


def test_an_unpaid_transaction_keeps_its_table_for_half_an_hour_at_most() -> None:
    """To the second; held money keeps it for as long as it is held."""
    for after_s, is_parked in [(1799.9, False), (1800, True)]:
        story = revoking(tries=5)
        story.tell(NEW, after_s=after_s)
        assert (story.visit.end is End.PARKED) is is_parked
    held = revoking(tries=5)
    assert held.tell(looked(), after_s=7200) == RevokeTransaction(KEY)


def test_a_guest_who_paid_in_time_goes_on_as_if_nothing_was_withdrawn() -> None:
    """An offer again, with its own age and no end; one that was never shown is shown now."""
    for offered_at in (NOON, None):
        story = revoking(tries=0, tried_at=None, offered_at=offered_at)
        story.tell(looked(), after_s=9)
        assert story.visit == an_offered_visit(
            since=story.now,
            offered_at=offered_at or story.now,
            reserved_at=story.now,
            looked_at=story.now,
            payment_id="77",
            wake_at=None,
        )


def test_a_table_that_is_quoted_anew_remembers_only_whose_spot_it_is() -> None:
    """The old key ties the spot to the visit; everything else of the old offer is forgotten."""
    story = revoking(
        end=None,
        reason="",
        is_requoting=True,
        former_keys=(OTHER_KEY,),
        reserved_at=NOON,
        looked_at=NOON,
    )

    story.tell(looked(TransactionStatus.REVOKED), after_s=9)

    assert story.visit == a_visit(
        since=story.now, creates=1, former_keys=(OTHER_KEY, KEY), offered_at=NOON
    )


def test_a_bill_that_changed_is_withdrawn_without_an_end() -> None:
    """The visit goes on: neither an end nor a reason is written down for it."""
    story = Story(an_offered_visit(looked_at=NOON))

    story.tell(events.BillFound(Bill("bill-8", BILL.money, "Table 7")), after_s=1)

    assert story.visit == an_offered_visit(
        Step.REVOKING,
        since=story.now,
        tries=1,
        tried_at=story.now,
        attempts=1,
        is_requoting=True,
        wake_at=None,
    )


def test_a_withdrawal_for_good_does_not_quote_the_table_anew() -> None:
    """Once it is seen revoked the spot is freed."""
    story = Story(an_offered_visit())
    story.tell(events.BillMissing())

    story.tell(looked(TransactionStatus.REVOKED))

    assert (story.step, story.visit.end) == (Step.CLOSING, End.WITHDRAWN)


def test_a_yes_to_a_revoke_ends_the_doubt_about_the_tries_before() -> None:
    """Gone is gone then, at the first look."""
    story = revoking(tries=2, is_doubtful=True)

    story.tell(events.WriteDone(WriteKind.REVOKE))

    assert story.tell(events.TransactionMissing()) == LookAtSpot()
    assert story.names() == ["transaction.released"]


# Freeing the spot.


def test_an_unknown_word_for_a_spot_that_is_being_freed_is_waited_out_longer_and_longer() -> None:
    """One try more, one pause more."""
    for tries, pause_s in [(0, 0.5), (2, 2.0), (3, 4.0)]:
        story = closing(tries=tries)
        story.tell(spot_looked(KEY, status=SpotStatus.OTHER))
        assert story.waits_s() == pause_s


def test_a_table_with_somebody_elses_order_and_never_one_of_ours_is_left_alone() -> None:
    """Nothing was offered there by this visit: whoever put the order there closes it."""
    story = Story(a_visit(Step.CLOSING, end=End.NO_BILL, reason="the till has no bill for it"))

    assert story.tell(spot_looked(OTHER_KEY)) is None
    assert story.step is Step.CLOSED
    assert story.names() == ["spot.not_ours", "visit.closed"]


def test_a_foreign_order_is_looked_at_every_quarter_of_a_minute() -> None:
    """Before the offer and before the close; a standing offer is looked at as usual."""
    for story, seen, pause_s in [
        (Story(a_visit()), spot_looked(OTHER_KEY), 15.0),
        (closing(), spot_looked(KEY, OTHER_KEY), 15.0),
        (Story(an_offered_visit()), spot_looked(KEY, OTHER_KEY), 10.0),
    ]:
        story.tell(seen)
        assert story.waits_s() == pause_s


def test_a_spot_that_does_not_close_for_two_minutes_calls_for_help() -> None:
    """However few tries there were, and not a moment earlier."""
    for after_s, names in [(119.9, []), (120, ["spot.stuck"])]:
        story = closing(tries=0)
        assert story.tell(spot_looked(KEY), after_s=after_s) == A_CLOSE
        assert story.names() == names


def test_the_moment_a_spot_was_freed_is_the_first() -> None:
    """Seen free again later, it was free all the time."""
    story = closing(spot_closed_at=NOON)

    story.tell(spot_looked(status=SpotStatus.OPEN), after_s=30)

    assert story.visit.spot_closed_at == NOON
    assert story.visit.since == story.now


# After a restart.

INSTANTS = ("since", "tried_at", "offered_at", "reserved_at", "spot_closed_at")


def taken_up(visit: Visit) -> Visit:
    """A visit after a restart."""
    story = Story(visit)
    story.tell(events.Resumed(frozenset({WriteKind.CLOSE})))
    return story.visit


@pytest.mark.parametrize("name", INSTANTS)
def test_a_restart_makes_every_instant_sound_again(name: str) -> None:
    """What lies ahead of the clock counts from now, the past stays, and nothing is made up."""
    ahead, before = NOON + timedelta(days=3), NOON - timedelta(days=3)

    assert getattr(taken_up(closing(**{name: ahead}).visit), name) == NOON
    assert getattr(taken_up(closing(**{name: before}).visit), name) == before
    if name != "since":
        assert getattr(taken_up(closing(**{name: None}).visit), name) is None


def test_a_restart_touches_no_visit_that_is_over() -> None:
    """Not even its instants."""
    for step in (Step.CLOSED, Step.PARKED):
        over = an_offered_visit(step, end=End.PAID, wake_at=None, looked_at=NOON, since=NOON + EVER)
        assert taken_up(over) == over


def test_a_look_from_before_a_restart_allows_nothing() -> None:
    """However young it is."""
    assert taken_up(an_offered_visit(looked_at=NOON)).looked_at is None


def test_a_refused_link_or_close_leaves_no_trace_but_the_count() -> None:
    """Nothing happened, and that is certain."""
    link, close = linking(is_doubtful=False), closing()
    link.tell(events.WriteRefused(WriteKind.LINK, CONFLICT))
    close.tell(events.WriteRefused(WriteKind.CLOSE, CONFLICT))

    assert not link.visit.is_doubtful
    assert not close.visit.is_doubtful
    assert (link.visit.tries, close.visit.tries) == (1, 1)
