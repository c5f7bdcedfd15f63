"""From a waiting spot to a bill that the guest can see."""

import pytest

from tests.domain.story import (
    A_CLOSE,
    BILL,
    CONFLICT,
    CREDENTIALS,
    EARLIER_KEY,
    INVALID,
    KEY,
    NOON,
    OTHER_KEY,
    THROTTLED,
    Story,
    a_transaction,
    a_visit,
    an_offered_visit,
    looked,
    spot_looked,
)
from worker.domain import commands, events, machine
from worker.domain.commands import AskTill, LookAtSpot, LookAtTransaction, WriteKind
from worker.domain.ids import LocationId, SpotId, VisitId
from worker.domain.outcome import Refused
from worker.domain.rules.creating import CREATES_MAX
from worker.domain.visit import End, Step
from worker.domain.wallet import SpotOrder, SpotStatus, Transaction, TransactionStatus


def creating(**changes: object) -> Story:
    """A story whose create was just sent."""
    sent = {"bill": BILL, "creates": 1, "tries": 1, "tried_at": NOON, "attempts": 1, **changes}
    return Story(a_visit(Step.CREATING, **sent))


def linking(**changes: object) -> Story:
    """A story whose link was just sent."""
    sent = {"offered_at": None, "tries": 1, "tried_at": NOON, "wake_at": None, **changes}
    return Story(an_offered_visit(Step.LINKING, **sent))


def test_a_visit_begins_with_a_look_at_its_spot() -> None:
    """A list alone never starts anything: the spot is read by its id first."""
    opened = machine.open_visit(
        visit_id=VisitId(1),
        instance="ab12cd34",
        nonce="k3f9x2",
        location_id=LocationId(9975),
        spot_id=SpotId("15"),
        table="table7",
        now=NOON,
    )

    assert opened.command == LookAtSpot()
    assert opened.visit.step is Step.SEEN


def test_the_happy_way_from_the_spot_to_the_offer() -> None:
    """Look, bill, transaction, link: four answers and the guest sees the bill."""
    story = Story(a_visit())

    assert story.tell(spot_looked()) == AskTill()
    created = story.tell(events.BillFound(BILL))
    assert isinstance(created, commands.CreateTransaction)
    assert created.request.reference == "v1.ab12cd34.9975.42.k3f9x21"
    assert created.request.money == BILL.money
    assert created.request.description == "Table 7 #K3F9X2"
    assert created.request.reserve_for_s == 900
    fresh = a_transaction(TransactionStatus.NEW)
    assert story.tell(events.TransactionCreated(fresh)) == commands.LinkOrder(KEY)
    assert story.tell(events.OrderLinked(SpotOrder(KEY, "pending"))) is None

    assert story.step is Step.OFFERED
    assert story.waits_s() == story.policy.look_every_s
    assert story.visit.attempts == 2


def test_a_guest_who_left_before_the_look_costs_nothing() -> None:
    """No transaction, no close: the spot is not waiting."""
    story = Story(a_visit())

    assert story.tell(spot_looked(status=SpotStatus.OPEN)) is None
    assert (story.step, story.visit.end) == (Step.CLOSED, End.LEFT)


def test_a_spot_that_the_wallet_does_not_know_ends_the_visit() -> None:
    """There is nothing to serve and nothing to close."""
    story = Story(a_visit())

    story.tell(events.SpotMissing())

    assert (story.step, story.visit.end) == (Step.CLOSED, End.LEFT)


def test_an_unknown_word_for_a_spot_is_waited_out() -> None:
    """Neither waiting nor gone: look again, do nothing else (F20)."""
    for story in (Story(a_visit()), linking(), Story(an_offered_visit())):
        assert story.tell(spot_looked(KEY, status=SpotStatus.OTHER)) is None
        assert story.waits_s() > 0


def test_somebody_elses_order_is_left_alone_and_told_once() -> None:
    """A foreign order on the spot: nothing is stacked on it, and the log says so once (F30)."""
    story = Story(a_visit())

    story.tell(spot_looked(OTHER_KEY))
    assert story.names() == ["spot.foreign"]
    story.tell(spot_looked(OTHER_KEY), after_s=15)

    assert story.names() == []
    assert story.step is Step.SEEN


def test_an_echo_of_our_earlier_visit_is_waited_out_then_freed() -> None:
    """A stale answer passes by itself; a spot that stays as it was is closed again (F23)."""
    story = Story(a_visit())
    echo = spot_looked(EARLIER_KEY, earlier=frozenset({EARLIER_KEY}))

    assert story.tell(echo) is None
    assert story.tell(echo, after_s=16) == LookAtSpot()

    assert (story.step, story.visit.end) == (Step.CLOSING, End.LEFTOVER)
    assert story.tell(echo) == A_CLOSE


def test_an_order_whose_checkin_is_over_is_no_order() -> None:
    """A spot that keeps its history of closed orders can still be served."""
    story = Story(a_visit())

    history = SpotOrder(EARLIER_KEY, "closed")

    assert story.tell(spot_looked(history, earlier=frozenset({EARLIER_KEY}))) == AskTill()


def test_a_missing_bill_is_awaited_then_the_spot_is_closed() -> None:
    """The till gets its time; then the guest is let go (F68)."""
    story = Story(a_visit())
    story.tell(spot_looked())

    assert story.tell(events.BillMissing()) is None
    assert story.names() == ["bill.awaited"]
    assert story.waits_s() == story.policy.bill_retry_s
    assert story.tell(events.Woke(), after_s=2) == LookAtSpot()
    story.tell(spot_looked(), events.BillUnreadable("half written"), after_s=30)
    assert story.names() == []
    assert story.tell(events.BillUnreadable("half written"), after_s=30) == LookAtSpot()

    assert (story.step, story.visit.end) == (Step.CLOSING, End.NO_BILL)
    assert story.visit.reason == "half written"


def test_what_is_beyond_the_operators_bounds_is_not_offered() -> None:
    """The operator hears of it once; it is asked for again, and then the guest is let go."""
    story = Story(a_visit())
    story.tell(spot_looked())
    beyond = events.BillFound(BILL, too_much="12.50 EUR is more than a day may take")

    assert story.tell(beyond) is None
    (told,) = story.facts
    assert (told.name.value, told.fields["why"]) == ("bill.too_much", beyond.too_much)
    assert "take the money another way" in str(told.fields["do"])
    assert story.waits_s() == story.policy.bill_retry_s
    assert story.tell(events.Woke(), after_s=2) == LookAtSpot()
    story.tell(spot_looked())
    assert story.tell(beyond) is None
    assert story.names() == []
    assert story.tell(beyond, after_s=story.policy.bill_wait_s - 2.5) is None
    assert story.waits_s() == 0.5
    assert story.tell(beyond, after_s=60) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.REFUSED)
    assert story.visit.reason == "12.50 EUR is more than a day may take"


def test_a_bill_that_comes_back_within_the_bounds_is_offered() -> None:
    """Something was taken off it, or another table's visit fell away."""
    story = Story(a_visit())
    story.tell(spot_looked(), events.BillFound(BILL, too_much="too much for today"))

    story.tell(events.Woke(), spot_looked(), after_s=2)

    assert isinstance(story.tell(events.BillFound(BILL)), commands.CreateTransaction)


def test_a_restart_before_there_was_a_bill_begins_the_table_anew() -> None:
    """While the worker was down the guest may have become another, and nothing was offered."""
    story = Story(a_visit())

    assert story.tell(events.Resumed()) is None
    assert story.step is Step.CLOSED


def test_a_restart_while_a_table_is_quoted_anew_goes_on() -> None:
    """Our former order still ties the spot to this visit."""
    story = Story(a_visit(former_keys=(OTHER_KEY,), offered_at=NOON))

    assert story.tell(events.Resumed(), after_s=5) == LookAtSpot()
    assert story.tell(spot_looked(OTHER_KEY)) == AskTill()


# Creating.


def test_a_lost_create_is_searched_for_before_another_is_made() -> None:
    """An unknown outcome is looked up under the reference that was durable before the call (F3)."""
    story = creating()

    search = story.tell(events.WriteUnknown(WriteKind.CREATE, "ReadTimeout"))

    assert isinstance(search, commands.FindTransaction)
    assert search.reference == "v1.ab12cd34.9975.42.k3f9x21"
    assert search.since < NOON
    found = events.TransactionCreated(a_transaction(TransactionStatus.NEW))
    assert story.tell(found) == commands.LinkOrder(KEY)


def test_a_create_that_stays_lost_is_made_again_under_a_new_reference() -> None:
    """After the grace nothing was found: the old reference is given up, and a new one is used.

    (F5)
    """
    story = creating()
    story.tell(events.WriteUnknown(WriteKind.CREATE, "ReadTimeout"))

    assert story.tell(events.TransactionNotFound()) is None
    assert isinstance(story.tell(events.Woke(), after_s=3), commands.FindTransaction)
    again = story.tell(events.TransactionNotFound(), after_s=8)

    assert isinstance(again, commands.CreateTransaction)
    assert again.request.reference.endswith(".k3f9x22")
    assert story.names() == ["transaction.abandoned"]
    assert not story.visit.is_doubtful


def test_creates_do_not_pile_up() -> None:
    """A wallet that answers none of them is left alone after a few."""
    story = creating(creates=CREATES_MAX, is_doubtful=True)

    assert story.tell(events.TransactionNotFound(), after_s=60) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.REFUSED)


def test_a_create_that_was_never_sent_is_sent_as_it_was() -> None:
    """Same reference, and the try does not count."""
    story = creating()

    assert story.tell(events.WriteUnsent(WriteKind.CREATE, "ConnectError")) is None
    assert story.visit.tries == 0
    again = story.tell(events.Woke(), after_s=2)

    assert isinstance(again, commands.CreateTransaction)
    assert again.request.reference.endswith(".k3f9x21")


def test_a_crash_during_the_create_is_a_search() -> None:
    """A pending intent may have been sent."""
    pending, never_begun = creating(), creating()

    searched = pending.tell(events.Resumed(frozenset({WriteKind.CREATE})), after_s=60)
    assert isinstance(searched, commands.FindTransaction)
    assert isinstance(never_begun.tell(events.Resumed(), after_s=60), commands.CreateTransaction)


@pytest.mark.parametrize(("refused", "pause_s"), [(THROTTLED, 1.0), (CREDENTIALS, 15.0)])
@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Step.CREATING, WriteKind.CREATE),
        (Step.LINKING, WriteKind.LINK),
        (Step.CONFIRMING, WriteKind.CONFIRM),
        (Step.REVOKING, WriteKind.REVOKE),
        (Step.CLOSING, WriteKind.CLOSE),
    ],
)
def test_a_passing_refusal_is_waited_out(
    step: Step, kind: WriteKind, refused: Refused, pause_s: float
) -> None:
    """A limit or a wrong key says nothing about this write: it waits and does not count.

    (F14, F16)
    """
    story = Story(an_offered_visit(step, tries=1, tried_at=NOON, end=End.PAID, wake_at=None))

    assert story.tell(events.WriteRefused(kind, refused)) is None
    assert story.waits_s() == pause_s
    assert story.visit.tries == 0
    assert story.step is step


def test_a_create_that_is_plainly_refused_closes_the_spot() -> None:
    """The same request would be refused again; the guest is let go and the operator told why."""
    story = creating()

    assert story.tell(events.WriteRefused(WriteKind.CREATE, INVALID)) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.REFUSED)
    assert story.names() == ["write.refused"]
    assert story.facts[0].fields["description"] == "price is wrong"


@pytest.mark.parametrize(
    "wrong",
    [
        a_transaction(TransactionStatus.NEW, amount_minor=1),
        a_transaction(TransactionStatus.NEW, currency="USD"),
        a_transaction(TransactionStatus.NEW, reference="v1.other"),
        a_transaction(TransactionStatus.NEW, auto_confirm=True),
    ],
)
def test_a_transaction_that_is_not_what_was_asked_for_is_revoked_unseen(
    wrong: Transaction,
) -> None:
    """Other money, another name or a confirm by itself: the guest never sees it."""
    story = creating()

    command = story.tell(events.TransactionCreated(wrong))

    assert command == commands.RevokeTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.REVOKING, End.MISMATCH)


def test_a_create_answer_without_payments_is_believed_for_now() -> None:
    """Everything is checked again before money is taken."""
    story = creating()

    bare = a_transaction(TransactionStatus.NEW, payments=None)

    assert story.tell(events.TransactionCreated(bare)) == commands.LinkOrder(KEY)


# Linking.


@pytest.mark.parametrize(
    "answer",
    [
        events.OrderLinked(None),
        events.OrderLinked(SpotOrder(OTHER_KEY, "pending")),
        events.WriteUnknown(WriteKind.LINK, "ReadTimeout"),
        events.WriteRefused(WriteKind.LINK, CONFLICT),
        events.Resumed(frozenset({WriteKind.LINK})),
        events.TransactionMissing(),
    ],
)
def test_a_link_that_is_not_proved_is_looked_up(answer: events.Event) -> None:
    """Only an order seen on the spot counts (F18)."""
    story = linking()

    assert story.tell(answer) == LookAtSpot()
    assert story.tell(spot_looked(KEY)) is None
    assert story.step is Step.OFFERED


def test_a_lost_link_is_repeated_with_the_same_key_only_after_a_look() -> None:
    """Read before the repeat; a late effect gets half a second to show (F2)."""
    story = linking()
    story.tell(events.WriteUnknown(WriteKind.LINK, "ReadTimeout"))

    assert story.tell(spot_looked()) is None
    assert story.tell(events.Woke(), after_s=1) == LookAtSpot()
    assert story.tell(spot_looked()) == commands.LinkOrder(KEY)


def test_an_unsent_link_is_sent_without_a_look() -> None:
    """It certainly did not leave."""
    story = linking()
    story.tell(events.WriteUnsent(WriteKind.LINK, "ConnectError"))

    assert story.tell(events.Woke(), after_s=2) == commands.LinkOrder(KEY)


def test_links_do_not_pile_up() -> None:
    """After some tries the transaction is withdrawn."""
    story = linking(tries=5, is_doubtful=True)

    assert story.tell(spot_looked(), after_s=60) == LookAtTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.REVOKING, End.REFUSED)


@pytest.mark.parametrize(
    ("seen", "end"),
    [
        (spot_looked(status=SpotStatus.OPEN), End.LEFT),
        (events.SpotMissing(), End.LEFT),
        (spot_looked(OTHER_KEY), End.REFUSED),
        (spot_looked(OTHER_KEY, status=SpotStatus.OTHER), End.REFUSED),
    ],
)
def test_a_table_that_changed_during_the_link_gets_no_bill(seen: events.Event, end: End) -> None:
    """The guest left, or somebody else put an order there: ours is withdrawn."""
    story = linking(is_doubtful=True)

    assert story.tell(seen) == LookAtTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.REVOKING, end)


def test_where_spots_hide_their_orders_the_transaction_is_asked() -> None:
    """A few links with the same key, then the offer is taken as shown."""
    story = linking()
    story.tell(events.WriteUnknown(WriteKind.LINK, "ReadTimeout"))

    assert story.tell(spot_looked(is_blind=True)) == LookAtTransaction(KEY)
    assert story.tell(looked(TransactionStatus.NEW), after_s=1) == commands.LinkOrder(KEY)
    story.visit = linking(tries=3, is_doubtful=True).visit
    assert story.tell(looked(TransactionStatus.NEW), after_s=60) is None
    assert story.step is Step.OFFERED


def test_a_guest_who_pays_before_the_link_is_proved_is_seen() -> None:
    """A reserved transaction is proof enough that somebody saw the bill."""
    story = linking(is_doubtful=True)

    story.tell(looked(TransactionStatus.RESERVED))

    assert story.step is Step.OFFERED


@pytest.mark.parametrize(("lost", "may_be_shown"), [(True, True), (False, False)])
def test_a_bill_whose_link_is_in_doubt_may_have_been_shown(
    *, lost: bool, may_be_shown: bool
) -> None:
    """Then a spot without our order is another guest's, and is not this visit's to close."""
    story = Story(an_offered_visit(Step.LINKING, offered_at=None, tries=1, tried_at=NOON))
    answer: events.Event = events.WriteUnknown(WriteKind.LINK, "ReadTimeout")
    story.tell(answer if lost else events.WriteRefused(WriteKind.LINK, CONFLICT))

    story.tell(spot_looked(status=SpotStatus.OPEN))

    assert story.step is Step.REVOKING
    assert (story.visit.offered_at is not None) is may_be_shown


def test_a_spot_that_is_denied_once_keeps_a_guest_who_saw_a_bill() -> None:
    """Between two offers one stray "no such spot" must not leave the guest waiting."""
    story = Story(an_offered_visit(Step.SEEN, former_keys=(KEY,), transaction_key=None))

    assert story.tell(events.SpotMissing()) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.LEFT)
    assert story.tell(spot_looked(KEY)) == A_CLOSE
