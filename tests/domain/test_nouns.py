"""Money, references and the other small nouns."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.story import BILL, KEY, NOON, OTHER_KEY, a_spot, a_transaction, an_offered_visit
from worker.domain.commands import (
    CloseSpot,
    ConfirmTransaction,
    CreateTransaction,
    LinkOrder,
    RevokeTransaction,
    WriteKind,
    kind_and_target,
)
from worker.domain.errors import MoneyError
from worker.domain.ids import OrderReference
from worker.domain.money import AMOUNT_MINOR_MAX, Money, minor_from_decimal
from worker.domain.outcome import Refusal, Refused, Unknown, Unsent
from worker.domain.wallet import NewTransaction, Payment, SpotOrder


@pytest.mark.parametrize(
    "amount", [0, -1, AMOUNT_MINOR_MAX + 1, 1.0, 12.5, "1250", None, True, float("nan")]
)
def test_what_is_not_a_whole_positive_amount_is_not_money(amount: Any) -> None:
    """Floats, text, booleans, nothing and too much are refused at the door (F22)."""
    with pytest.raises(MoneyError):
        Money(amount, "EUR")


@pytest.mark.parametrize("currency", ["eur", "EURO", "", "E R", None, 978])
def test_what_is_not_three_capital_letters_is_not_a_currency(currency: Any) -> None:
    """ISO 4217 codes only."""
    with pytest.raises(MoneyError):
        Money(1, currency)


def test_money_is_written_as_people_write_it() -> None:
    """Two decimals and the currency."""
    assert [str(Money(minor, "EUR")) for minor in (5, 1250, 100)] == [
        "0.05 EUR",
        "12.50 EUR",
        "1.00 EUR",
    ]


@pytest.mark.parametrize(
    ("text", "minor"),
    [("12.50", 1250), ("2.5", 250), ("1", 100), ("0.05", 5), ("12.5000", 1250), ("007", 700)],
)
def test_decimal_texts_are_read_exactly(text: str, minor: int) -> None:
    """Padded or not, as the vendor's clients write them."""
    assert minor_from_decimal(text) == minor


@pytest.mark.parametrize(
    "text",
    ["12.505", "1e3", "-1", "+1", "", ".5", "1.", "1,50", " 1", "1 ", "NaN", "Infinity", "¹"],
)
def test_texts_that_are_no_plain_decimal_are_refused(text: str) -> None:
    """Nothing is rounded and nothing is guessed."""
    with pytest.raises(MoneyError):
        minor_from_decimal(text)


@given(st.integers(1, AMOUNT_MINOR_MAX))
def test_an_amount_survives_being_written_and_read(minor: int) -> None:
    """What is written as a decimal is read as the same minor units."""
    assert minor_from_decimal(str(Money(minor, "EUR")).split()[0]) == minor


@given(st.text())
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    """No text makes a crash, a float or a negative amount."""
    try:
        minor = minor_from_decimal(text)
    except MoneyError:
        return
    assert isinstance(minor, int)
    assert minor >= 0


def test_a_reference_names_journal_location_visit_and_try() -> None:
    """At most 80 ASCII characters and nothing personal."""
    visit = an_offered_visit()

    assert visit.reference == "v1.ab12cd34.9975.42.k3f9x21"
    assert len(visit.reference) <= 80
    assert visit.label == "v-0042"


def test_a_transaction_has_a_reference_only_if_all_payments_agree() -> None:
    """Two names are no name."""
    mine, other = OrderReference("v1.a"), OrderReference("v1.b")

    assert a_transaction(payments=(Payment(None, mine), Payment(None, mine))).reference() == mine
    assert a_transaction(payments=(Payment(None, mine), Payment(None, other))).reference() is None
    assert a_transaction(payments=None).reference() is None


def test_orders_of_an_ended_checkin_do_not_count() -> None:
    """A closed order is history; no orders at all is not the same as none shown."""
    assert a_spot(KEY, SpotOrder(OTHER_KEY, "closed")).live_keys() == {KEY}
    assert a_spot(is_blind=True).live_keys() == frozenset()


def test_every_write_is_one_intent_by_kind_and_target() -> None:
    """The names that the journal's unique indexes stand on."""
    request = NewTransaction(OrderReference("v1.a"), BILL.money, "x", 900)

    assert [
        kind_and_target(command)
        for command in (
            CreateTransaction(request),
            LinkOrder(KEY),
            ConfirmTransaction(KEY, NOON),
            RevokeTransaction(KEY),
            CloseSpot(NOON),
        )
    ] == [
        (WriteKind.CREATE, "v1.a"),
        (WriteKind.LINK, KEY),
        (WriteKind.CONFIRM, KEY),
        (WriteKind.REVOKE, KEY),
        (WriteKind.CLOSE, ""),
    ]


def test_outcomes_tell_themselves_in_a_log_line() -> None:
    """Short, and in the wallet's own words."""
    assert str(Refused(Refusal.STATE, 409, "invalid_state", "not now")) == (
        "HTTP 409 invalid_state not now"
    )
    assert str(Refused(Refusal.MISSING, 404)) == "HTTP 404"
    assert (str(Unknown("ReadTimeout")), str(Unsent("ConnectError"))) == (
        "ReadTimeout",
        "ConnectError",
    )
