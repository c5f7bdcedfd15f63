"""Words that outlive a release: what journals, dashboards and the vendor know things by.

A visit is kept as these words and read again by the next version, so none of them may change, and
a new one belongs in this file. What a decision gave can not be changed by whoever carries it.
"""

import logging
from dataclasses import FrozenInstanceError, asdict, fields
from enum import Enum
from typing import Any

import pytest

from tests.domain.stations import offered_part
from tests.domain.story import (
    BILL,
    INVALID,
    KEY,
    NOON,
    a_spot,
    a_transaction,
    an_offered_visit,
    spot_looked,
)
from tests.domain.test_table import SAMPLES
from worker.domain import commands
from worker.domain.bill import AtHoldEnd, BillLine, BillPart, Hold, LineKind
from worker.domain.choosing import Claims
from worker.domain.commands import LookAtSpot, WriteKind
from worker.domain.decision import Decision
from worker.domain.facts import FactName, Level, info
from worker.domain.ids import OrderReference
from worker.domain.outcome import Done, Refusal, Unknown, Unsent
from worker.domain.part import PartState
from worker.domain.policy import Policy
from worker.domain.visit import FINAL, End, Step
from worker.domain.wallet import (
    ORDER_CLOSED,
    PENDING,
    RELEASED,
    NewTransaction,
    Payment,
    SpotList,
    SpotOrder,
    SpotStatus,
    TransactionStatus,
)

WORDS: dict[type[Enum], set[str]] = {
    Step: {
        "seen",
        "creating",
        "linking",
        "offered",
        "confirming",
        "revoking",
        "closing",
        "closed",
        "parked",
    },
    End: {
        "paid",
        "part_paid",
        "declined",
        "left",
        "unpaid",
        "no_bill",
        "expired",
        "withdrawn",
        "mismatch",
        "refused",
        "leftover",
        "parked",
    },
    PartState: {"due", "offered", "taking", "paid", "released", "parked"},
    LineKind: {"item", "service", "tip"},
    AtHoldEnd: {"confirm", "release"},
    WriteKind: {"create", "link", "confirm", "revoke", "close"},
    Refusal: {"throttled", "credentials", "missing", "state", "invalid"},
    SpotStatus: {"open", "waiting", "closed", "other"},
    TransactionStatus: {
        "new",
        "waiting",
        "waiting_funds",
        "waiting_registration",
        "waiting_password",
        "reserved",
        "confirmed",
        "rejected",
        "revoked",
        "failed",
        "deleted",
        "other",
    },
}


@pytest.mark.parametrize("kind", WORDS)
def test_words_that_are_kept_do_not_change(kind: type[Enum]) -> None:
    """Each is its member's name in small letters, so that a journal reads like the code."""
    assert {member.value for member in kind} == WORDS[kind]
    assert all(member.value == member.name.lower() for member in kind)


def test_levels_are_those_of_the_log() -> None:
    """So that a filter on warnings shows the warnings."""
    assert {level.name: int(level) for level in Level} == {
        "INFO": logging.INFO,
        "WARNING": logging.WARNING,
        "ERROR": logging.ERROR,
    }


def test_every_status_of_a_transaction_means_one_thing() -> None:
    """Undecided, over without money, held, taken, or a riddle: all of them, and none twice."""
    assert {status.value for status in PENDING} == {
        "new",
        "waiting",
        "waiting_funds",
        "waiting_registration",
        "waiting_password",
    }
    assert {status.value for status in RELEASED} == {"rejected", "revoked", "failed", "deleted"}
    held, taken = TransactionStatus.RESERVED, TransactionStatus.CONFIRMED
    apart = [PENDING, RELEASED, {held}, {taken}, {TransactionStatus.OTHER}]

    assert sorted(status for part in apart for status in part) == sorted(TransactionStatus)


def test_a_visit_ends_at_one_of_two_steps() -> None:
    """And an order of a check-in that is over says so in the vendor's word."""
    assert {step.value for step in FINAL} == {"closed", "parked"}
    assert ORDER_CLOSED == "closed"


def test_no_limit_changes_by_accident() -> None:
    """Each is a promise to a guest, to the till or to the vendor, and they hang together."""
    assert asdict(Policy()) == {
        "bill_wait_s": 60.0,
        "offer_ttl_s": 600.0,
        "reserve_for_s": 900,
        "serves_oldest_bill": False,
        "confirms_lowered": False,
        "bill_retry_s": 2.0,
        "look_every_s": 10.0,
        "confirm_window_s": 5.0,
        "confirm_grace_s": 75.0,
        "close_window_s": 5.0,
        "create_grace_s": 10.0,
        "foreign_look_s": 15.0,
        "leftover_wait_s": 15.0,
        "unsent_wait_s": 2.0,
        "throttled_wait_s": 1.0,
        "credentials_wait_s": 15.0,
        "refusals_max": 5,
        "revoke_patience_s": 1800.0,
        "misses_max": 3,
        "misses_gap_s": 10.0,
        "reservation_margin_s": 60.0,
        "doubt_alarm_s": 120.0,
        "look_failed_wait_s_max": 15.0,
        "hold_look_s": 15.0,
        "notice_wait_s": 5.0,
        "notice_wait_s_max": 600.0,
        "notice_alarm_s": 300.0,
        "notice_patience_s": 259200.0,
        "notice_attempts_min": 50,
    }


THINGS: list[Any] = [
    BILL,
    BILL.money,
    BillLine("Soup", 1, 1250),
    BillPart("a", BILL.money),
    Hold(0, 60),
    offered_part("a"),
    Claims(),
    commands.Lowered("77", BILL.money),
    commands.AskTill(),
    Policy(),
    an_offered_visit(),
    a_spot(),
    a_transaction(),
    Payment(BILL.money, None),
    SpotOrder(KEY, "pending"),
    SpotList((), is_complete=True),
    NewTransaction(OrderReference("v1.a"), BILL.money, "x", 900),
    Done(1),
    INVALID,
    Unknown("x"),
    Unsent("x"),
    info(FactName.SPOT_SEEN),
    Decision(an_offered_visit(), LookAtSpot()),
    commands.LookAtTransaction(KEY),
    commands.FindTransaction(OrderReference("v1.a"), NOON),
    commands.CreateTransaction(NewTransaction(OrderReference("v1.a"), BILL.money, "x", 900)),
    commands.LinkOrder(KEY),
    commands.ConfirmTransaction(KEY, NOON),
    commands.RevokeTransaction(KEY),
    commands.CloseSpot(NOON),
    spot_looked(),
    *(event for samples in SAMPLES.values() for event in samples[:1] if fields(event)),
]


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_nothing_that_was_decided_or_seen_can_be_changed_afterwards(thing: Any) -> None:
    """It travels through queues and tasks; whoever holds it holds what was meant."""
    for field in fields(thing):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, field.name, None)
