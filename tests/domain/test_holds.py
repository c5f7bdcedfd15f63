"""A bill on hold: the guest agrees to a ceiling, and the till says later what is owed of it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.stations import confirming, holding
from tests.domain.story import (
    BILL,
    CONFLICT,
    KEY,
    NOON,
    ON_HOLD,
    OTHER_KEY,
    SPLIT,
    Story,
    a_transaction,
    a_visit,
    an_offered_visit,
    looked,
    spot_looked,
)
from worker.domain import commands, events
from worker.domain.bill import AtHoldEnd, Bill, BillLine, Hold
from worker.domain.commands import (
    AskTill,
    ConfirmTransaction,
    LookAtSpot,
    LookAtTransaction,
    Lowered,
    RevokeTransaction,
    WriteKind,
)
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import Payment, SpotStatus, TransactionStatus

CEILING = ON_HOLD.money
CONFIRMED = TransactionStatus.CONFIRMED


def on_hold(
    known_minor: int = 700,
    at_end: AtHoldEnd = AtHoldEnd.RELEASE,
    for_s: int = 3600,
    **changes: Any,
) -> Bill:
    """The bill of bay 7 with so much known of it."""
    given = {"hold": Hold(known_minor, for_s, at_end), **changes}
    return Bill(**{"bill_id": "bill-7", "money": CEILING, "description": "Bay 7", **given})


def final(minor: int, **changes: Any) -> Bill:
    """The same bill once its amount is known."""
    return on_hold(**{"money": Money(minor, "EUR"), "hold": None, **changes})


def held(status: TransactionStatus = TransactionStatus.RESERVED, **changes: Any) -> Any:
    """The transaction of the ceiling was read."""
    return looked(status, **{"amount_minor": 5000, **changes})


def lowered(minor: int, now_s: float = 5) -> ConfirmTransaction:
    """A confirm of less than the ceiling."""
    price = Lowered("77", Money(minor, "EUR"))
    return ConfirmTransaction(KEY, NOON + timedelta(seconds=now_s), price)


ALL = ConfirmTransaction(KEY, NOON + timedelta(seconds=5))


def test_the_ceiling_is_offered_for_as_long_as_the_money_may_be_held() -> None:
    """The guest agrees to the most that it can be; the hold's time is the reservation's."""
    story = Story(a_visit())

    created = story.tell(events.BillFound(on_hold(for_s=7200)))

    assert isinstance(created, commands.CreateTransaction)
    assert created.request.money == CEILING
    assert created.request.reserve_for_s == 7200
    assert story.visit.asked == CEILING
    assert story.visit.due is None
    assert story.tell(events.TransactionCreated(a_transaction(TransactionStatus.NEW,
                      amount_minor=5000))) == commands.LinkOrder(KEY)  # fmt: skip


def test_the_whole_way_from_the_ceiling_to_the_final_amount() -> None:
    """Reserved, held, more is known, final, confirmed for less, and the till hears of it."""
    story = Story(an_offered_visit(bill=ON_HOLD))

    assert story.tell(held(), after_s=5) == AskTill(is_to_pay=True)
    assert story.tell(events.BillFound(ON_HOLD)) is None
    assert story.names() == ["bill.held"]
    assert story.waits_s() == 15
    story.tell(events.Woke(), held(), events.BillFound(on_hold(1900)), after_s=15)
    assert story.names() == []
    assert story.visit.bill == on_hold(1900)
    story.tell(events.Woke(), held(), after_s=15)
    assert story.tell(events.BillFound(final(2300))) == lowered(2300, 40)
    assert (story.step, story.visit.charge_minor) == (Step.CONFIRMING, 2300)
    assert story.visit.due == Money(2300, "EUR")
    story.tell(events.WriteDone(WriteKind.CONFIRM))
    assert story.tell(held(CONFIRMED, amount_minor=2300)) == LookAtSpot()

    assert (story.step, story.visit.end) == (Step.CLOSING, End.PAID)
    assert (story.visit.taken_minor, story.visit.taken) == (2300, Money(2300, "EUR"))
    assert [(notice.money, notice.bill_minor) for notice in story.notices] == [
        (Money(2300, "EUR"), 2300)
    ]


# What the till says while the money is held.


def test_what_is_known_grows_with_its_lines_and_nothing_else_of_the_bill_changes() -> None:
    """Its ceiling and its time are what the guest agreed to; how it ends is the till's to say."""
    story = Story(holding())
    lines = (BillLine("Charging", 1, 1900),)
    grown = on_hold(1900, AtHoldEnd.CONFIRM, for_s=60, lines=lines, description="Bay seven")

    assert story.tell(events.BillFound(grown)) is None

    assert story.visit.bill == on_hold(1900, AtHoldEnd.CONFIRM, lines=lines)
    assert (story.step, story.waits_s()) == (Step.OFFERED, 15)


def test_what_is_known_before_the_guest_agreed_is_kept_and_the_guest_may_think() -> None:
    """Nothing is held yet, so nothing can run out."""
    story = Story(holding(reserved_at=None, looked_at=None))

    assert story.tell(events.BillFound(on_hold(1900)), after_s=3) is None

    assert story.visit.bill == on_hold(1900)
    assert (story.waits_s(), story.names()) == (10, [])


@pytest.mark.parametrize(
    ("found", "confirm"),
    [
        (final(4999), lowered(4999)),
        (final(1), lowered(1)),
        (final(5000), ALL),
    ],
)
def test_the_final_amount_is_taken_up_to_the_ceiling(
    found: Bill, confirm: ConfirmTransaction
) -> None:
    """Less is lowered by the payment's name; all of it is a plain confirm."""
    story = Story(holding())

    assert story.tell(events.BillFound(found)) == confirm

    assert story.names() == ["bill.lowered"]
    assert story.visit.charge_minor == found.money.amount_minor
    assert story.visit.bill is not None
    assert story.visit.bill.hold == Hold(found.money.amount_minor, 3600)
    assert story.visit.bill.money == CEILING


def test_the_lines_of_the_final_bill_are_those_that_the_till_is_told_of() -> None:
    """The bill that was offered had others, or none."""
    lines = (BillLine("Charging", 1, 2300),)
    story = Story(holding())

    story.tell(events.BillFound(final(2300, lines=lines, description="Bay seven")))

    assert story.visit.bill == on_hold(2300, lines=lines)


@pytest.mark.parametrize(
    "found",
    [
        final(5001),
        final(2300, money=Money(2300, "USD")),
        final(2300, bill_id="bill-8"),
        on_hold(money=Money(4999, "EUR")),
        on_hold(money=Money(6000, "EUR")),
        on_hold(money=Money(5000, "USD")),
        on_hold(bill_id="bill-8"),
        final(1250, parts=SPLIT.parts),
        on_hold(parts=SPLIT.parts),
    ],
)
@pytest.mark.parametrize("is_reserved", [True, False])
def test_what_the_guest_did_not_agree_to_is_given_back_and_offered_anew(
    found: Bill, is_reserved: bool
) -> None:
    """More than the ceiling, another ceiling, another currency, another bill, parts."""
    story = Story(holding() if is_reserved else holding(reserved_at=None, looked_at=None))

    assert story.tell(events.BillFound(found)) == RevokeTransaction(KEY)

    assert (story.step, story.visit.end, story.visit.is_requoting) == (Step.REVOKING, None, True)
    assert story.names() == ["bill.changed"]


def test_an_amount_that_is_final_before_the_guest_agreed_is_offered_as_it_is() -> None:
    """Nobody has to agree to a ceiling any more."""
    story = Story(holding(reserved_at=None, looked_at=None))

    assert story.tell(events.BillFound(final(2300))) == RevokeTransaction(KEY)
    assert story.visit.is_requoting


def test_a_plain_bill_that_is_put_on_hold_is_offered_anew() -> None:
    """And the other way round only through the rules of the hold, never as the same bill."""
    story = Story(an_offered_visit(reserved_at=NOON, looked_at=NOON, payment_id="77"))
    put_on_hold = on_hold(money=BILL.money)

    assert story.tell(events.BillFound(put_on_hold)) == RevokeTransaction(KEY)
    assert story.visit.is_requoting


def test_without_the_payments_name_only_the_whole_ceiling_can_be_taken() -> None:
    """The vendor lowers a price by its payment's name; otherwise it is offered anew."""
    less, whole = Story(holding(payment_id=None)), Story(holding(payment_id=None))

    assert less.tell(events.BillFound(final(2300))) == RevokeTransaction(KEY)
    assert less.visit.is_requoting
    assert whole.tell(events.BillFound(final(5000))) == ALL


def test_a_till_that_owes_nothing_after_all_gives_everything_back() -> None:
    """The guest drove on."""
    story = Story(holding())

    assert story.tell(events.BillMissing()) == RevokeTransaction(KEY)
    assert (story.visit.end, story.visit.is_requoting) == (End.WITHDRAWN, False)


def test_a_final_amount_that_comes_long_after_the_look_is_taken_after_another() -> None:
    """The look that allows a confirm is at most five seconds old, here as elsewhere."""
    story = Story(holding())

    assert story.tell(events.BillFound(final(2300)), after_s=5.001) == LookAtTransaction(KEY)
    assert (story.step, story.names()) == (Step.OFFERED, [])
    assert story.tell(held()) == AskTill(is_to_pay=True)
    assert story.tell(events.BillFound(final(2300))) == lowered(2300, 10.001)


# The end of the hold.


@pytest.mark.parametrize(
    ("for_s", "margin_s"), [(3600, 60), (240, 60), (239, 59.75), (100, 25), (4, 1)]
)
@pytest.mark.parametrize("is_readable", [True, False])
def test_a_hold_is_ended_a_minute_before_the_money_lapses_or_a_quarter_of_its_time(
    for_s: int, margin_s: float, is_readable: bool
) -> None:
    """To the moment, whether the till can be read or not; the last wait ends with it."""
    bill = on_hold(at_end=AtHoldEnd.CONFIRM, for_s=for_s)
    said = events.BillFound(bill) if is_readable else events.BillUnreadable("no disk")
    story = Story(holding(bill=bill))

    assert story.tell(said, after_s=for_s - margin_s - 0.25) is None
    assert story.waits_s() == 0.25
    story.tell(events.Woke(), held(), after_s=0.25)
    assert story.tell(said) == lowered(700, for_s - margin_s + 5)


def test_a_hold_is_counted_from_the_guests_yes() -> None:
    """Not from the last look, and not from the offer."""
    yes = NOON + timedelta(seconds=500)
    bill = on_hold(for_s=1000)
    story = Story(holding(bill=bill, reserved_at=yes, looked_at=NOON + timedelta(seconds=1430)))

    assert story.tell(events.BillFound(bill), after_s=1425) is None
    assert (story.waits_s(), story.facts[0].fields["seconds"]) == (15, 15)
    assert story.tell(events.BillFound(bill), after_s=15) == RevokeTransaction(KEY)


def test_what_is_known_is_taken_where_the_bill_says_so() -> None:
    """Less than the ceiling, or all of it."""
    for known_minor, confirm in [(1, lowered(1)), (700, lowered(700)), (5000, ALL)]:
        bill = on_hold(known_minor, AtHoldEnd.CONFIRM, for_s=60)
        story = Story(holding(bill=bill, reserved_at=NOON - timedelta(seconds=50)))
        assert story.tell(events.BillUnreadable("no disk")) == confirm
        assert (story.step, story.visit.charge_minor) == (Step.CONFIRMING, known_minor)
        assert story.visit.end is None


@pytest.mark.parametrize(
    ("bill", "changes"),
    [
        (on_hold(700, AtHoldEnd.RELEASE), {}),
        (on_hold(0, AtHoldEnd.CONFIRM), {}),
        (on_hold(700, AtHoldEnd.CONFIRM), {"payment_id": None}),
    ],
)
def test_everything_is_given_back_where_nothing_may_be_taken(
    bill: Bill, changes: dict[str, Any]
) -> None:
    """By the bill's own rule, because nothing is known, or because no price can be lowered."""
    story = Story(holding(bill=bill, reserved_at=NOON - timedelta(seconds=3540), **changes))

    assert story.tell(events.BillFound(bill)) == RevokeTransaction(KEY)

    assert (story.step, story.visit.end) == (Step.REVOKING, End.WITHDRAWN)
    assert story.visit.reason == (
        "the till never said the final amount, and the reservation runs out"
    )
    assert not story.visit.is_requoting


def test_an_unreadable_till_is_waited_for_as_long_as_the_hold_lasts() -> None:
    """Not the quarter of an hour of a plain bill, and nobody is called: nothing is due yet."""
    story = Story(holding())

    assert story.tell(events.BillUnreadable("no disk"), after_s=3000) is None

    assert (story.step, story.names(), story.waits_s()) == (Step.OFFERED, ["bill.held"], 15)


def test_an_unreadable_till_before_the_guest_agreed_lets_the_guest_think() -> None:
    """There is nothing to hold."""
    story = Story(holding(reserved_at=None, looked_at=None))

    assert story.tell(events.BillUnreadable("no disk")) is None
    assert (story.waits_s(), story.names()) == (10, [])


# The world meanwhile.


@pytest.mark.parametrize(
    "seen",
    [
        spot_looked(status=SpotStatus.OPEN),
        spot_looked(status=SpotStatus.CLOSED, is_blind=True),
        spot_looked(),
        spot_looked(OTHER_KEY),
    ],
)
def test_held_money_outlasts_the_spot(seen: events.Event) -> None:
    """The guest parks or sleeps; the spot may be another's by now."""
    story = Story(holding())

    assert story.tell(seen) == LookAtTransaction(KEY)
    assert (story.step, story.visit.end) == (Step.OFFERED, None)
    gone = Story(holding())
    assert gone.tell(events.SpotMissing()) == LookAtTransaction(KEY)
    assert gone.tell(held()) == AskTill(is_to_pay=True)
    assert (gone.step, gone.visit.end) == (Step.OFFERED, None)
    unpaid = Story(holding(reserved_at=None, looked_at=None))
    unpaid.tell(seen)
    assert (unpaid.step, unpaid.visit.end) == (Step.REVOKING, End.LEFT)


def test_only_money_that_is_held_makes_a_visit_held() -> None:
    """On hold, on offer and reserved: all three."""
    assert holding().is_held
    assert not holding(reserved_at=None).is_held
    assert not holding(bill=BILL).is_held
    assert not holding(bill=None).is_held
    assert not holding(step=Step.CONFIRMING).is_held


@pytest.mark.parametrize("minor", [5000, 700, 2300])
def test_a_confirm_by_somebody_else_while_the_bill_is_on_hold_is_for_a_human(minor: int) -> None:
    """No amount would be right: the till has not said one."""
    story = Story(holding())

    assert story.tell(held(CONFIRMED, amount_minor=minor)) == LookAtSpot()

    assert story.visit.end is End.PARKED
    assert story.visit.reason == (
        "the wallet took money that differs from the bill: "
        "it took 50.00 EUR, and the till had not said the final amount yet"
    )
    assert (story.notices, story.visit.taken_minor) == ((), 0)


def test_a_confirm_by_somebody_else_that_does_not_tell_its_amount_is_looked_at_again() -> None:
    """Before a human is called."""
    story = Story(holding())
    bare = held(CONFIRMED, payments=(Payment(None, a_transaction().reference()),))

    assert story.tell(bare) is None
    story.tell(bare, after_s=10)
    assert story.tell(bare, after_s=10) == LookAtSpot()
    assert story.visit.end is End.PARKED


@pytest.mark.parametrize("minor", [5000, 2299, 2301])
def test_taken_money_that_is_not_the_final_amount_is_for_a_human(minor: int) -> None:
    """Above all the whole ceiling: the lowered confirm did not do what it said."""
    story = Story(confirming(bill=on_hold(2300), charge_minor=2300))

    story.tell(held(CONFIRMED, amount_minor=minor))

    assert (story.visit.end, story.notices) == (End.PARKED, ())
    assert story.visit.reason.endswith(", and the bill says 23.00 EUR")


def test_what_is_still_reserved_shows_the_ceiling_while_less_is_taken() -> None:
    """A lost confirm is repeated for the same lower amount, once the till said it again."""
    story = Story(confirming(bill=on_hold(2300), charge_minor=2300, payment_id="77"))
    story.tell(events.WriteUnknown(WriteKind.CONFIRM, "ReadTimeout"))

    assert story.tell(held(), after_s=1) == AskTill(is_to_pay=True)
    assert story.tell(events.BillFound(final(2300))) == lowered(2300, 6)
    assert (story.visit.tries, story.visit.charge_minor) == (2, 2300)


@pytest.mark.parametrize(
    ("found", "is_repeated"),
    [
        (on_hold(2300), True),
        (on_hold(2400), True),
        (on_hold(2200), False),
        (final(2400), True),
        (final(2200), False),
        (final(2300, bill_id="bill-9"), False),
    ],
)
def test_what_was_known_at_a_holds_end_is_repeated_while_it_is_still_owed(
    found: Bill, is_repeated: bool
) -> None:
    """The first one may be on its way, so never for another amount; and never for too much."""
    given = {"bill": on_hold(2300), "charge_minor": 2300, "payment_id": "77"}
    story = Story(confirming(**given, is_doubtful=True))
    story.tell(held(), after_s=1)

    assert story.tell(events.BillFound(found)) == (lowered(2300, 6) if is_repeated else None)
    assert story.step is Step.CONFIRMING


def test_a_hold_that_is_over_has_said_what_is_taken_when_the_till_is_silent() -> None:
    """Before, a confirm in doubt waits for the till; then the rule of the bill holds."""
    for at_end, after_s, is_repeated in [
        (AtHoldEnd.CONFIRM, 1, False),
        (AtHoldEnd.CONFIRM, 3600, True),
        (AtHoldEnd.RELEASE, 3600, False),
    ]:
        bill = on_hold(2300, hold=Hold(2300, 3600, at_end))
        given = {"bill": bill, "charge_minor": 2300, "payment_id": "77"}
        sent_at = NOON + timedelta(seconds=after_s)
        story = Story(confirming(**given, is_doubtful=True, tried_at=sent_at))
        story.tell(held(), after_s=after_s + 30)
        sent = story.tell(events.BillUnreadable("no disk"))
        assert sent == (lowered(2300, after_s + 35) if is_repeated else None)


def test_a_hold_is_over_at_its_end_and_not_before() -> None:
    """A minute before the money would lapse, by default; what was known then is repeated."""
    bill = on_hold(2300, hold=Hold(2300, 3600, AtHoldEnd.CONFIRM))
    given = {"bill": bill, "charge_minor": 2300, "payment_id": "77"}
    margin_s = Policy().reservation_margin_s
    for after_s, is_over in [(3599 - margin_s, False), (3600 - margin_s, True)]:
        sent_at = NOON + timedelta(seconds=after_s - 30)
        story = Story(confirming(**given, is_doubtful=True, tried_at=sent_at))
        story.tell(held(), after_s=after_s)
        sent = story.tell(events.BillUnreadable("no disk"))
        assert sent == (lowered(2300, after_s + 5) if is_over else None)


def test_a_refused_confirm_of_a_final_amount_asks_the_till_again() -> None:
    """It may have another by now, or none that is final after all."""
    given = {"bill": on_hold(2300), "charge_minor": 2300, "payment_id": "77"}
    another, none = Story(confirming(**given)), Story(confirming(**given))
    for story in (another, none):
        story.tell(events.WriteRefused(WriteKind.CONFIRM, CONFLICT))
        assert story.tell(held(), after_s=1) == AskTill(is_to_pay=True)

    assert another.tell(events.BillFound(final(2400))) == lowered(2400, 6)
    assert another.visit.tries == 2
    assert none.tell(events.BillFound(on_hold(2500))) is None
    assert (none.step, none.waits_s()) == (Step.CONFIRMING, 15)


def test_a_hold_has_its_own_pace() -> None:
    """The operator of the till's machine decides how often it is asked."""
    story = Story(holding(), Policy(hold_look_s=40.0, reservation_margin_s=10.0))

    story.tell(events.BillFound(ON_HOLD))
    assert story.waits_s() == 40
    assert story.tell(events.BillFound(ON_HOLD), after_s=3589) is None
    assert story.waits_s() == 1


def test_a_reservation_that_ended_by_itself_leaves_nothing_to_take() -> None:
    """The worker was away too long."""
    story = Story(holding())

    assert story.tell(held(TransactionStatus.FAILED)) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.EXPIRED)
