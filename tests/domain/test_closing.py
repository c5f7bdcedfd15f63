"""Freeing the spot: always, and never the next guest's."""

from datetime import datetime, timedelta

import pytest

from tests.domain.stations import closing
from tests.domain.story import (
    A_CLOSE,
    CONFLICT,
    KEY,
    NOON,
    OTHER_KEY,
    Story,
    a_visit,
    an_offered_visit,
    spot_looked,
)
from worker.domain import events
from worker.domain.commands import CloseSpot, LookAtSpot, WriteKind
from worker.domain.ids import TransactionKey
from worker.domain.policy import Policy, backoff_s
from worker.domain.visit import End, Step
from worker.domain.wallet import SpotOrder, SpotStatus

FORMER_KEY = TransactionKey("former0000000000001")


def paid(**changes: object) -> Story:
    """A story whose money is taken."""
    given = {"end": End.PAID, "wake_at": None, **changes}
    return Story(an_offered_visit(Step.CLOSING, **given))


def unbilled(**changes: object) -> Story:
    """A story that never had a bill."""
    return Story(a_visit(Step.CLOSING, end=End.NO_BILL, reason="no bill", **changes))


def test_our_order_on_the_spot_ties_it_to_the_visit() -> None:
    """The same check-in still stands: close it."""
    assert paid().tell(spot_looked(KEY)) == A_CLOSE
    assert paid(former_keys=(FORMER_KEY,)).tell(spot_looked(FORMER_KEY)) == A_CLOSE


@pytest.mark.parametrize("status", [SpotStatus.OPEN, SpotStatus.CLOSED])
def test_a_spot_that_is_not_waiting_is_free_already(status: SpotStatus) -> None:
    """Closed by somebody else, or by our own close whose answer was lost (F56)."""
    story = paid()

    assert story.tell(spot_looked(status=status)) is None
    assert story.step is Step.CLOSED


@pytest.mark.parametrize("seen", [spot_looked(), spot_looked(OTHER_KEY)])
def test_the_next_guest_is_never_closed(seen: events.Event) -> None:
    """Waiting without our order: somebody closed the spot and another guest came."""
    story = paid()

    assert story.tell(seen) is None
    assert story.step is Step.CLOSED
    assert "spot.not_ours" in story.names()


def test_a_paid_order_marked_closed_says_that_its_checkin_is_over() -> None:
    """The spot keeps a history; the guest waiting now is another."""
    story = paid()

    assert story.tell(spot_looked(SpotOrder(KEY, "closed"))) is None
    assert story.step is Step.CLOSED


def test_a_released_order_marked_closed_ties_the_spot_unless_it_keeps_a_history() -> None:
    """The word may mean the order or the check-in; other closed orders say which, or the polls."""
    marked, older = SpotOrder(KEY, "closed"), SpotOrder(OTHER_KEY, "closed")

    assert paid(end=End.DECLINED).tell(spot_looked(marked)) == A_CLOSE
    assert paid(end=End.DECLINED).tell(spot_looked(marked, since=None)) == A_CLOSE
    assert paid(end=End.DECLINED).tell(spot_looked(older, marked)) == A_CLOSE
    assert paid(end=End.DECLINED).tell(spot_looked(older, marked, since=None)) is None
    assert paid(end=End.DECLINED, is_doubtful=True).tell(spot_looked(marked)) is None


def test_a_spot_without_orders_is_closed_only_when_it_never_stopped_waiting() -> None:
    """No order was ever offered: the polls are the only evidence that it is the same guest."""
    later = NOON + timedelta(seconds=3)

    assert unbilled().tell(spot_looked()) == A_CLOSE
    assert unbilled().tell(spot_looked(since=None)) is None
    assert unbilled().tell(spot_looked(since=later)) is None
    assert unbilled().tell(spot_looked(is_blind=True)) == A_CLOSE
    assert unbilled().tell(spot_looked(is_blind=True, since=None)) is None


def test_a_paid_spot_that_hides_its_orders_is_closed_until_it_is_free() -> None:
    """Whoever paid must not be asked again; a next guest who scans twice is the lesser harm."""
    blind = spot_looked(is_blind=True, since=None)

    assert paid().tell(blind) == A_CLOSE
    assert paid(is_doubtful=True).tell(blind) == A_CLOSE
    assert paid(end=End.PARKED, is_doubtful=True).tell(blind) == A_CLOSE
    assert paid(end=End.UNPAID, is_doubtful=True).tell(spot_looked(is_blind=True)) is None


def test_a_close_that_may_have_worked_is_not_repeated_where_no_order_can_tell() -> None:
    """A guest who waits there now may be the next one."""
    for answer in (
        events.WriteDone(WriteKind.CLOSE),
        events.WriteUnknown(WriteKind.CLOSE, "ReadTimeout"),
        events.Resumed(frozenset({WriteKind.CLOSE})),
    ):
        story = unbilled(tries=1, tried_at=NOON)
        assert story.tell(answer) == LookAtSpot()
        assert story.tell(spot_looked(), after_s=60) is None
        assert story.step is Step.CLOSED


def test_a_refused_close_is_tried_again_after_a_look() -> None:
    """Nothing happened, so the evidence still holds (F18)."""
    story = unbilled(tries=1, tried_at=NOON)

    assert story.tell(events.WriteRefused(WriteKind.CLOSE, CONFLICT)) == LookAtSpot()
    assert story.tell(spot_looked()) is None
    assert story.tell(events.Woke(), after_s=1) == LookAtSpot()
    assert story.tell(spot_looked()) == A_CLOSE


def test_a_lost_close_is_repeated_while_our_order_is_there() -> None:
    """Seen still waiting with our final order: the first close did not work (F2)."""
    story = paid(tries=1, tried_at=NOON)
    story.tell(events.WriteUnknown(WriteKind.CLOSE, "ReadTimeout"))

    assert story.tell(spot_looked(KEY), after_s=1) == A_CLOSE


def test_a_spot_that_does_not_close_calls_for_help_and_is_never_given_up() -> None:
    """Once told, tried on for as long as it takes."""
    story = paid(tries=5, tried_at=NOON)

    assert story.tell(spot_looked(KEY), after_s=60) == A_CLOSE
    assert story.names() == ["spot.stuck"]
    assert story.tell(spot_looked(KEY), after_s=60) == A_CLOSE
    assert story.names() == []


def test_an_unknown_word_for_the_spot_is_waited_out() -> None:
    """Neither waiting nor free."""
    story = paid()

    assert story.tell(spot_looked(status=SpotStatus.OTHER)) is None
    assert story.step is Step.CLOSING


def test_a_foreign_order_beside_ours_delays_the_close() -> None:
    """Somebody else's guest may be paying it; the operator is told once (F30)."""
    story = paid()

    assert story.tell(spot_looked(KEY, OTHER_KEY)) is None
    assert story.names() == ["spot.foreign"]
    assert story.tell(spot_looked(KEY, OTHER_KEY), after_s=15) is None
    assert story.names() == []
    assert story.tell(spot_looked(KEY), after_s=15) == A_CLOSE


def test_a_spot_that_the_wallet_forgot_is_free() -> None:
    """There is nothing to close, once it was said three times in a row; one may be a stray."""
    story = paid()

    for _ in range(2):
        story.tell(events.SpotMissing(), after_s=10)
        assert story.step is Step.CLOSING
        assert story.visit.wake_at == story.now + timedelta(seconds=10)
    story.tell(spot_looked(status=SpotStatus.OTHER))
    for _ in range(2):
        story.tell(events.SpotMissing(), after_s=10)
        assert story.step is Step.CLOSING
    story.tell(events.SpotMissing(), after_s=10)

    assert story.step is Step.CLOSED


def test_a_clock_that_was_set_back_does_not_make_a_visit_wait_for_days() -> None:
    """The last try seems to lie in the future: a restart counts from now (F52)."""
    ahead = NOON + timedelta(days=3)
    story = paid(tries=1, tried_at=ahead, since=ahead, offered_at=ahead)
    story.tell(events.Resumed(frozenset({WriteKind.CLOSE})))

    assert story.tell(spot_looked(KEY)) is None
    assert story.waits_s() == 0.5


def test_looks_that_fail_are_spaced_out_and_forgotten_once_one_works() -> None:
    """One second, two, four, up to a quarter of a minute."""
    story = paid()
    failed = events.LookFailed("HTTP 502")

    pauses = []
    for _ in range(6):
        story.tell(failed)
        pauses.append(story.waits_s())

    assert pauses == [1, 2, 4, 8, 15, 15]
    story.tell(events.Woke())
    assert story.visit.failures == 6
    story.tell(spot_looked(KEY))
    assert story.visit.failures == 0


def test_waits_between_tries_double_up_to_their_limit() -> None:
    """Half a second at first, half a minute at most."""
    assert [backoff_s(tries) for tries in (0, 1, 2, 3, 50)] == [0.5, 0.5, 1.0, 2.0, 30.0]


def test_a_close_must_leave_within_seconds_of_the_look_that_allowed_it() -> None:
    """A machine that freezes in between must not throw out the next guest (F34)."""
    story = paid()

    command = story.tell(spot_looked(KEY), after_s=2)

    assert command == CloseSpot(NOON + timedelta(seconds=2 + Policy().close_window_s))


def test_a_spot_that_can_not_be_closed_for_long_is_told_whatever_the_reason() -> None:
    """A close that never leaves, as on a disk that is too slow, counts no tries at all (F50)."""
    story = paid()

    assert story.tell(spot_looked(KEY), after_s=121) == A_CLOSE

    assert story.names() == ["spot.stuck"]


@pytest.mark.parametrize("earlier", [None, NOON])
def test_a_spot_is_free_since_the_first_look_that_showed_it(earlier: datetime | None) -> None:
    """What comes to the table after that is another guest's."""
    story = Story(closing(spot_closed_at=earlier))

    story.tell(spot_looked(status=SpotStatus.OPEN), after_s=7)

    assert story.visit.spot_closed_at == (earlier or NOON + timedelta(seconds=7))
