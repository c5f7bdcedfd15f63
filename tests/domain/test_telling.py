"""What the operator is told, word by word.

The names, fields and levels are what dashboards and greps stand on; the sentences are what a person
reads when somebody calls about money. So each line stands here as it is.
"""

from datetime import timedelta

import pytest

from tests.domain.stations import (
    closing,
    confirming,
    creating,
    holding,
    linking,
    offered_part,
    revoking,
    splitting,
)
from tests.domain.story import (
    INVALID,
    KEY,
    NOON,
    ON_HOLD,
    OTHER_KEY,
    PART_KEYS,
    SALE,
    Story,
    a_transaction,
    a_visit,
    an_offered_visit,
    looked,
    looked_part,
    split_bill,
    spot_looked,
)
from worker.domain import events, machine
from worker.domain.bill import Bill
from worker.domain.commands import WriteKind
from worker.domain.facts import Fact, FactName, Level
from worker.domain.ids import LocationId, SpotId, VisitId
from worker.domain.money import Money
from worker.domain.part import PartState
from worker.domain.visit import End, Step, Visit
from worker.domain.wallet import SpotOrder, SpotStatus, TransactionStatus

REFERENCE = "v1.ab12cd34.9975.42.k3f9x21"
HELD = events.BillFound(ON_HOLD)
KEY_A, KEY_B = PART_KEYS["a"], PART_KEYS["b"]
DEARER = Bill("bill-7", Money(1300, "EUR"), "Table 7")


def line(name: str, level: Level, **fields: str | float | bool | None) -> Fact:
    """One line of the log."""
    return Fact(FactName(name), level, fields)


def info(name: str, **fields: str | float | bool | None) -> Fact:
    """A line that nobody has to do anything about."""
    return line(name, Level.INFO, **fields)


def warning(name: str, **fields: str | float | bool | None) -> Fact:
    """A line worth watching."""
    return line(name, Level.WARNING, **fields)


def error(name: str, **fields: str | float | bool | None) -> Fact:
    """A line that somebody must act on."""
    return line(name, Level.ERROR, **fields)


CLOSED_PAID = info(
    "visit.closed",
    end="paid",
    amount="12.50 EUR",
    transaction=KEY,
    bill="bill-7",
    why="the guest paid",
    attempts=4,
    lasted_s=109.2,
)
OF_NOTICES = {FactName.NOTICE_ACCEPTED, FactName.NOTICE_DELAYED, FactName.NOTICE_PARKED}
"""Told by whoever carries a notice to the till; no decision tells them."""

OF_BOUNDS = {FactName.BILL_TOO_MUCH}
"""Its words are in tests/service/test_safety.py, beside the bounds that call for it."""

RELEASED_WHY = "the wallet shows the transaction as failed"

LINES: dict[str, tuple[Visit, events.Event, float, list[Fact]]] = {
    "surprised": (
        a_visit(),
        events.WriteDone(WriteKind.CLOSE),
        0,
        [
            error(
                "visit.surprised",
                why="WriteDone while seen",
                do="nothing was done about it; please report this line",
            )
        ],
    ),
    "resumed": (
        an_offered_visit(),
        events.Resumed(),
        5,
        [info("visit.resumed", step="offered")],
    ),
    # Before there is an offer.
    "foreign order before the offer": (
        a_visit(),
        spot_looked(OTHER_KEY),
        0,
        [
            warning(
                "spot.foreign",
                why="the spot carries an order that is not ours",
                do="nothing is offered here until it is gone; is another worker or till at work?",
            )
        ],
    ),
    "bill awaited": (
        a_visit(),
        events.BillMissing(),
        3,
        [info("bill.awaited", why="the till has no bill for it", seconds=60.0)],
    ),
    "bill awaited because it is unreadable": (
        a_visit(),
        events.BillUnreadable("half written"),
        3,
        [info("bill.awaited", why="half written", seconds=60.0)],
    ),
    "created": (
        creating(),
        events.TransactionCreated(a_transaction(TransactionStatus.NEW)),
        1,
        [info("transaction.created", transaction=KEY, amount="12.50 EUR", part=None)],
    ),
    "created with other money": (
        creating(),
        events.TransactionCreated(a_transaction(TransactionStatus.NEW, amount_minor=1)),
        1,
        [
            error(
                "transaction.mismatched",
                transaction=KEY,
                why="it says 0.01 EUR, and the bill says 12.50 EUR",
                do="it is revoked and not shown to the guest; compare the till and the wallet",
            )
        ],
    ),
    "create abandoned": (
        creating(is_doubtful=True),
        events.TransactionNotFound(),
        60,
        [
            info(
                "transaction.abandoned",
                reference=REFERENCE,
                why="its answer was lost and no search finds it; asking anew",
            )
        ],
    ),
    "create refused": (
        creating(),
        events.WriteRefused(WriteKind.CREATE, INVALID),
        1,
        [
            error(
                "write.refused",
                kind="create",
                status=400,
                code="invalid_parameters",
                description="price is wrong",
                do="the spot is closed; check the bill's amount and currency",
            )
        ],
    ),
    "offered": (
        linking(),
        events.OrderLinked(SpotOrder(KEY, "pending")),
        0.2144,
        [info("order.offered", transaction=KEY, amount="12.50 EUR", part=None, took_ms=214)],
    ),
    # While the guest decides.
    "foreign order beside the offer": (
        an_offered_visit(),
        spot_looked(KEY, OTHER_KEY),
        0,
        [
            warning(
                "spot.foreign",
                why="an order that is not ours is on the spot beside ours",
                do="the worker leaves it alone; is another worker or till at work?",
            )
        ],
    ),
    "reserved": (
        an_offered_visit(),
        looked(),
        1,
        [info("transaction.reserved", transaction=KEY)],
    ),
    "reserved with other money": (
        an_offered_visit(),
        looked(amount_minor=1),
        1,
        [
            error(
                "transaction.mismatched",
                transaction=KEY,
                why="it says 0.01 EUR, and the bill says 12.50 EUR",
                do="the guest's money is given back; compare the till and the wallet",
            )
        ],
    ),
    "bill changed": (
        an_offered_visit(),
        events.BillFound(DEARER),
        1,
        [
            warning(
                "bill.changed",
                transaction=KEY,
                why="the till now says 13.00 EUR, the guest was shown 12.50 EUR",
            )
        ],
    ),
    "bill withdrawn": (
        an_offered_visit(),
        events.BillMissing(),
        1,
        [
            warning(
                "bill.withdrawn",
                transaction=KEY,
                why="the till took the bill back after it was offered",
            )
        ],
    ),
    "till unreadable while money is held": (
        an_offered_visit(reserved_at=NOON, looked_at=NOON),
        events.BillUnreadable("no disk"),
        1,
        [
            error(
                "visit.doubtful",
                transaction=KEY,
                why="the guest's money is held, but the till can not be read: no disk",
                do="make the till's bill readable again; otherwise the money is given back",
            )
        ],
    ),
    "transaction missing": (
        an_offered_visit(),
        events.TransactionMissing(),
        1,
        [warning("transaction.missing", transaction=KEY)],
    ),
    "transaction gone for good": (
        an_offered_visit(misses=2),
        events.TransactionMissing(),
        1,
        [
            error(
                "visit.parked",
                transaction=KEY,
                amount="12.50 EUR",
                why="the wallet no longer knows the transaction that it made for us",
                do="the worker leaves the money alone; look it up at Paysera and tell the till",
            )
        ],
    ),
    "an unknown word for a transaction": (
        an_offered_visit(),
        looked(TransactionStatus.OTHER, status_text="frozen"),
        1,
        [
            warning(
                "transaction.status_unknown",
                transaction=KEY,
                status="frozen",
                do="it counts as not paid and not over; the worker keeps looking",
            )
        ],
    ),
    "ended while nothing was held": (
        an_offered_visit(),
        looked(TransactionStatus.FAILED),
        1,
        [info("transaction.released", transaction=KEY, why=RELEASED_WHY)],
    ),
    "ended while money was held": (
        an_offered_visit(reserved_at=NOON),
        looked(TransactionStatus.FAILED),
        1,
        [warning("transaction.released", transaction=KEY, why=RELEASED_WHY)],
    ),
    "declined": (an_offered_visit(), looked(TransactionStatus.REJECTED), 1, []),
    # While money is taken.
    "confirmed": (
        confirming(),
        looked(TransactionStatus.CONFIRMED),
        1,
        [info("transaction.confirmed", transaction=KEY, amount="12.50 EUR", part=None)],
    ),
    "a sale confirmed": (
        confirming(bill=SALE),
        looked(TransactionStatus.CONFIRMED),
        1,
        [info("transaction.confirmed", transaction=KEY, amount="12.50 EUR", part=None)],
    ),
    "confirmed by somebody else": (
        an_offered_visit(),
        looked(TransactionStatus.CONFIRMED),
        1,
        [
            warning(
                "transaction.confirmed_elsewhere",
                transaction=KEY,
                do="it counts as paid; check that no other worker uses these credentials",
            ),
            info("transaction.confirmed", transaction=KEY, amount="12.50 EUR", part=None),
        ],
    ),
    "confirmed with other money": (
        confirming(),
        looked(TransactionStatus.CONFIRMED, amount_minor=999),
        1,
        [
            error(
                "visit.parked",
                transaction=KEY,
                amount="12.50 EUR",
                why="the wallet took money that differs from the bill: "
                "it says 9.99 EUR, and the bill says 12.50 EUR",
                do="the worker leaves the money alone; look it up at Paysera and tell the till",
            )
        ],
    ),
    "confirm in doubt": (
        confirming(tries=9, is_doubtful=True, tried_at=NOON + timedelta(seconds=60)),
        looked(),
        121,
        [
            error(
                "visit.doubtful",
                transaction=KEY,
                amount="12.50 EUR",
                tries=9,
                why="the guest's money is held and the confirm does not come through",
                do="the worker keeps trying until the reservation ends; check Paysera's status",
            )
        ],
    ),
    "confirm refused again and again": (
        confirming(tries=5),
        looked(),
        1,
        [
            error(
                "write.refused",
                transaction=KEY,
                why="the wallet refused to confirm 5 times",
                do="the guest's money is given back; ask Paysera why confirms are refused",
            )
        ],
    ),
    # While it is withdrawn.
    "revoked": (
        revoking(tries=1, tried_at=NOON),
        looked(TransactionStatus.REVOKED),
        1,
        [info("transaction.released", transaction=KEY, why="seen revoked")],
    ),
    "declined before it was revoked": (
        revoking(),
        looked(TransactionStatus.REJECTED),
        1,
        [info("transaction.released", transaction=KEY, why="seen rejected")],
    ),
    "gone after a revoke": (
        revoking(tries=1, tried_at=NOON),
        events.TransactionMissing(),
        1,
        [info("transaction.released", transaction=KEY, why="gone")],
    ),
    "revoked to be quoted anew": (
        revoking(end=None, reason="", is_requoting=True, tries=1, tried_at=NOON),
        looked(TransactionStatus.REVOKED),
        1,
        [info("transaction.released", transaction=KEY, why="seen revoked")],
    ),
    "revoke refused again and again": (
        revoking(tries=5, tried_at=NOON),
        looked(TransactionStatus.NEW),
        60,
        [
            error(
                "visit.doubtful",
                transaction=KEY,
                tries=5,
                why="the wallet does not let the transaction be withdrawn",
                do="the worker keeps trying; the spot stays occupied while money is held",
            )
        ],
    ),
    "revoke refused for ever": (
        revoking(tries=5, tried_at=NOON, is_alarmed=True),
        looked(TransactionStatus.NEW),
        1800,
        [
            error(
                "visit.parked",
                transaction=KEY,
                amount="12.50 EUR",
                why="the wallet would not let the unpaid transaction be withdrawn",
                do="the worker leaves the money alone; look it up at Paysera and tell the till",
            )
        ],
    ),
    # While a bill is on hold, or in parts.
    "held": (
        holding(),
        events.BillFound(ON_HOLD),
        10.4,
        [info("bill.held", transaction=KEY, seconds=3530)],
    ),
    "final at last": (
        holding(),
        events.BillFound(Bill("bill-7", Money(2300, "EUR"), "Bay 7")),
        1,
        [info("bill.lowered", transaction=KEY, amount="23.00 EUR")],
    ),
    "hold runs out": (holding(), HELD, 3540, []),
    "part created": (
        splitting(
            offered_part("a"),
            offered_part("b", PartState.DUE, key=None),
            at=1,
            step=Step.CREATING,
            tries=1,
            tried_at=NOON,
        ),
        events.TransactionCreated(looked_part("b", TransactionStatus.NEW).transaction),
        1,
        [info("transaction.created", transaction=KEY_B, amount="8.50 EUR", part="b")],
    ),
    "part offered": (
        splitting(at=1, step=Step.LINKING),
        events.OrderLinked(SpotOrder(KEY_B, "pending")),
        2,
        [info("order.offered", transaction=KEY_B, amount="8.50 EUR", part="b", took_ms=2000)],
    ),
    "part taken": (
        splitting(at=1, step=Step.CONFIRMING),
        looked_part("b", TransactionStatus.CONFIRMED),
        1,
        [info("transaction.confirmed", transaction=KEY_B, amount="8.50 EUR", part="b")],
    ),
    "part taken back by the till": (
        splitting(),
        events.BillFound(split_bill("a")),
        1,
        [
            warning(
                "bill.withdrawn",
                transaction=KEY_B,
                part="b",
                why="the till took this part of the bill back",
            )
        ],
    ),
    "part left to a human": (
        splitting(misses=2),
        events.TransactionMissing(),
        1,
        [
            error(
                "visit.parked",
                transaction=KEY_A,
                amount="4.00 EUR",
                why="the wallet no longer knows the transaction that it made for us",
                do="the worker leaves the money alone; look it up at Paysera and tell the till",
            )
        ],
    ),
    # While the spot is freed.
    "the next guest waits there": (
        closing(),
        spot_looked(),
        109.24,
        [
            info("spot.not_ours", why="the guest now waiting there is not this visit's"),
            CLOSED_PAID,
        ],
    ),
    "foreign order beside a paid one": (
        closing(),
        spot_looked(KEY, OTHER_KEY),
        1,
        [
            warning(
                "spot.foreign",
                why="an order that is not ours is on the spot beside ours",
                do="the spot is closed once it is gone; is another worker or till at work?",
            )
        ],
    ),
    "a spot that does not close": (
        closing(tries=5, tried_at=NOON),
        spot_looked(KEY),
        60,
        [
            error(
                "spot.stuck",
                tries=5,
                why="the wallet does not close the spot, and its guest is still shown as waiting",
                do="close the spot in Paysera's own tools; the worker keeps trying",
            )
        ],
    ),
    "closed": (
        closing(),
        spot_looked(status=SpotStatus.OPEN),
        109.24,
        [CLOSED_PAID],
    ),
    "closed without a bill": (
        a_visit(Step.CLOSING, end=End.NO_BILL, reason="the till has no bill for it"),
        spot_looked(status=SpotStatus.OPEN),
        0.04,
        [
            info(
                "visit.closed",
                end="no_bill",
                amount=None,
                transaction=None,
                bill=None,
                why="the till has no bill for it",
                attempts=0,
                lasted_s=0.0,
            )
        ],
    ),
    "parked": (
        closing(end=End.PARKED, reason="a riddle"),
        spot_looked(status=SpotStatus.OPEN),
        2,
        [
            error(
                "visit.closed",
                end="parked",
                amount="12.50 EUR",
                transaction=KEY,
                bill="bill-7",
                why="a riddle",
                attempts=4,
                lasted_s=2.0,
            )
        ],
    ),
}


@pytest.mark.parametrize(("visit", "event", "after_s", "lines"), LINES.values(), ids=LINES)
def test_the_operator_reads_exactly_this(
    visit: Visit, event: events.Event, after_s: float, lines: list[Fact]
) -> None:
    """Name, level, every field and every word; nothing more and nothing less."""
    story = Story(visit)

    story.tell(event, after_s=after_s)

    assert list(story.facts) == lines


def test_every_line_of_a_visit_is_among_these() -> None:
    """A new line comes with its words in this file."""
    told = {fact.name for _, _, _, lines in LINES.values() for fact in lines}

    assert told | {FactName.SPOT_SEEN} | OF_NOTICES | OF_BOUNDS == set(FactName)


def test_a_new_visit_is_complete_and_told() -> None:
    """What it is, where it stands and since when, from the first moment."""
    opened = machine.open_visit(
        visit_id=VisitId(42),
        instance="ab12cd34",
        nonce="k3f9x2",
        location_id=LocationId(9975),
        spot_id=SpotId("15"),
        table="table7",
        now=NOON,
    )

    assert opened.visit == a_visit()
    assert opened.facts == (info("spot.seen", spot="15"),)


def test_a_visit_is_parked_in_the_words_of_whoever_parks_it() -> None:
    """The engine says why, and the visit keeps it; before there was a bill there is no amount."""
    parked = machine.park(a_visit(), NOON, "the worker failed three times")

    assert parked.visit.reason == "the worker failed three times"
    assert parked.visit.since == NOON
    assert parked.facts == (
        error(
            "visit.parked",
            transaction=None,
            amount=None,
            why="the worker failed three times",
            do="the worker leaves the money alone; look it up at Paysera and tell the till",
        ),
    )


def test_a_parked_visit_is_told_in_the_same_words_again() -> None:
    """Each start calls the human anew, as the first call may have been lost."""
    visit = closing(end=End.PARKED, reason="a riddle")

    assert machine.parked_before(visit) == error(
        "visit.parked",
        transaction=KEY,
        amount="12.50 EUR",
        why="a riddle",
        do="the worker leaves the money alone; look it up at Paysera and tell the till",
    )
