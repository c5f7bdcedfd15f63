"""Our own mistakes: a visit that can not be is never guessed about, it stops with its name.

Each of these would be a fault of the worker. Going on would mean to look for a transaction without
a key, or to take money that nobody was seen to hold; so the decision fails, and the engine parks
the visit after a few of them.
"""

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.story import (
    BILL,
    KEY,
    NOON,
    ON_HOLD,
    POLICY,
    a_transaction,
    a_visit,
    an_offered_visit,
    looked,
    spot_looked,
)
from worker.domain import events, machine
from worker.domain.bill import AtHoldEnd, Bill, Hold
from worker.domain.commands import LookAtSpot
from worker.domain.decision import Decision
from worker.domain.errors import MoneyError
from worker.domain.money import Money, minor_from_decimal
from worker.domain.rules import taking
from worker.domain.visit import End, Step, Visit
from worker.domain.wallet import SpotOrder, SpotStatus, TransactionStatus


def keyless(step: Step, **changes: Any) -> Visit:
    """A visit that lost the key of its transaction."""
    return an_offered_visit(step, **{"transaction_key": None, **changes})


def billless(step: Step, **changes: Any) -> Visit:
    """A visit that lost its bill."""
    return an_offered_visit(step, **{"bill": None, **changes})


OVERDRAWN = Bill("bill-7", ON_HOLD.money, "Bay 7", hold=Hold(5001, 3600, AtHoldEnd.CONFIRM))
LONG_AGO = NOON - timedelta(seconds=3600)
NEW = looked(TransactionStatus.NEW)
BARE = events.TransactionCreated(a_transaction(TransactionStatus.NEW, payments=None))

MISTAKES: list[tuple[Visit, events.Event, str]] = [
    (billless(Step.CREATING), events.Woke(), "a transaction is asked for a bill"),
    (billless(Step.CREATING), BARE, "what was created was billed"),
    (
        a_visit(Step.CREATING, bill=BILL, is_doubtful=True),
        events.Woke(),
        "what is searched for was sent",
    ),
    (
        a_visit(Step.CREATING, bill=BILL),
        events.TransactionNotFound(),
        "what was searched for was sent",
    ),
    (keyless(Step.LINKING), events.Woke(), "what is linked has a key"),
    (keyless(Step.LINKING), spot_looked(KEY), "what is linked has a key"),
    (keyless(Step.LINKING), NEW, "what is linked has a key"),
    (
        billless(Step.LINKING),
        events.OrderLinked(SpotOrder(KEY, "pending")),
        "what is offered was billed",
    ),
    (keyless(Step.OFFERED), events.Woke(), "what is offered has a key"),
    (an_offered_visit(offered_at=None), NEW, "what is offered was shown"),
    (an_offered_visit(offered_at=None), spot_looked(KEY), "what is offered was shown"),
    (billless(Step.OFFERED), events.BillFound(BILL), "what is offered was billed"),
    (
        an_offered_visit(bill=ON_HOLD, looked_at=NOON),
        events.BillFound(ON_HOLD),
        "what is held was reserved",
    ),
    (
        an_offered_visit(bill=OVERDRAWN, reserved_at=LONG_AGO, looked_at=NOON, payment_id="77"),
        events.BillFound(OVERDRAWN),
        "a price is only ever lowered",
    ),
    (keyless(Step.OFFERED), events.BillMissing(), "what is withdrawn has a key"),
    (keyless(Step.OFFERED), events.SpotMissing(), "what is withdrawn has a key"),
    (keyless(Step.CONFIRMING), events.Woke(), "what is confirmed has a key"),
    (keyless(Step.OFFERED, looked_at=NOON), events.BillFound(BILL), "what is confirmed has a key"),
    (billless(Step.CONFIRMING), looked(TransactionStatus.CONFIRMED), "what is paid was billed"),
    (keyless(Step.REVOKING, end=End.LEFT), events.Woke(), "what is withdrawn has a key"),
    (keyless(Step.REVOKING, end=End.LEFT), NEW, "what is withdrawn has a key"),
    (
        keyless(Step.REVOKING, end=End.LEFT),
        looked(TransactionStatus.REVOKED),
        "what was withdrawn had a key",
    ),
    (
        an_offered_visit(Step.CLOSING),
        spot_looked(status=SpotStatus.OPEN),
        "a visit does not finish without an end",
    ),
]


@pytest.mark.parametrize(("visit", "event", "name"), MISTAKES)
def test_a_visit_that_can_not_be_is_not_guessed_about(
    visit: Visit, event: events.Event, name: str
) -> None:
    """The decision fails with the broken promise by its name, and nothing is commanded."""
    with pytest.raises(AssertionError, match=f"^{name}$"):
        machine.decide(visit, event, NOON, POLICY)


def test_no_confirm_is_made_without_a_look_that_allows_it() -> None:
    """Whoever calls for a confirm must have seen the reservation."""
    with pytest.raises(AssertionError, match=r"^what is confirmed was seen reserved$"):
        taking.confirm(an_offered_visit(Step.CONFIRMING), NOON, POLICY)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (12.5, "EUR", "an amount is a whole number of minor units, not 12.5"),
        ("1" * 99, "EUR", "an amount is a whole number of minor units, not '" + "1" * 39),
        (0, "EUR", "an amount is from 1 to 10000000000, not 0"),
        (1, "eur", "a currency is three capital letters, not 'eur'"),
    ],
)
def test_what_is_not_money_says_so(amount: Any, currency: str, words: str) -> None:
    """With the figure itself, cut to what a log line can bear."""
    with pytest.raises(MoneyError) as raised:
        Money(amount, currency)

    assert str(raised.value) == words


def test_what_is_no_decimal_says_so() -> None:
    """With the text itself."""
    with pytest.raises(MoneyError, match=r"^not a decimal amount: '1e3'$"):
        minor_from_decimal("1e3")


def test_no_decision_can_leave_a_visit_asleep_or_a_closed_one_at_work() -> None:
    """An open visit always has something to do or to wait for; a final one never has."""
    promise = "^an open visit moves or waits; a final one rests$"
    closed = an_offered_visit(Step.CLOSED, end=End.PAID, wake_at=None)

    for visit, command in [(a_visit(), None), (closed, LookAtSpot())]:
        with pytest.raises(AssertionError, match=promise):
            Decision(visit, command)
    assert Decision(a_visit(), LookAtSpot()).facts == ()
    assert Decision(closed).command is None
