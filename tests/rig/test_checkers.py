"""The checkers find what they are for: each is shown sound books with one thing wrong in them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.operator.processes import Json
from tests.rig.checkers import (
    Books,
    check_books,
    check_facts,
    check_receipts,
    missing_intent,
    write_in,
)
from tests.rig.shop import Shop
from worker.adapters.journal.reader import StoryLine
from worker.adapters.journal.sqlite import SqliteJournal
from worker.adapters.logs import short_key
from worker.domain.bill import Bill
from worker.domain.commands import WriteKind
from worker.domain.ids import LocationId, SpotId, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.visit import End, Step, Visit
from worker.ports import Entry, Intent, IntentState, Record, Settled

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = TransactionKey("ATaNqRsTuVwXyZaBcDeFgH9f")
BILL = Bill("B-1", Money(1250, "EUR"), "Dinner")
OTHER_BILL = replace(BILL, bill_id="B-2")
OTHER_PRICE = replace(BILL, money=Money(1251, "EUR"))
PAID = Visit(
    visit_id=VisitId(1),
    instance="abcdefgh",
    nonce="k3f9x2",
    location_id=LocationId(9975),
    spot_id=SpotId("501"),
    table="table1",
    opened_at=NOW,
    step=Step.CLOSED,
    since=NOW,
    bill=BILL,
    creates=1,
    transaction_key=KEY,
    paid_at=NOW,
    taken_minor=1250,
    end=End.PAID,
    reason="the guest paid",
    spot_closed_at=NOW,
)
TAKEN: Json = {
    "key": KEY,
    "status": "confirmed",
    "amount_minor": 1250,
    "currency": "EUR",
    "orderid": "v1.abcdefgh.9975.1.k3f9x21",
    "spot_id": 501,
    "spot_identifier": "table1",
    "checkin": 1,
}
LEDGER: Json = {
    "transactions": [TAKEN],
    "violations": [],
    "waiting_spots": 0,
    "reserved_count": 0,
    "held_total_minor": {},
    "refunded_total_minor": {},
}
PATH = [
    ("TransactionCreated", "linking", "LinkOrder", None, 1),
    ("OrderLinked", "offered", None, None, 2),
    ("TransactionLooked", "closing", "LookAtSpot", None, 3),
]
STORY: tuple[StoryLine, ...] = (
    Record(NOW, "turn", {"path": PATH}),
    Record(NOW, "notice_told", {"state": "accepted"}),
)
SOUND = Books(LEDGER, 1, {1: PAID}, {1: STORY}, None)
NAMES: Json = {"table": "table1", "visit": "v-0001", "transaction": short_key(KEY)}
SAID: list[Json] = [
    {"event": "worker.ready", "open": 0},
    {"event": "spot.seen", "table": "table1", "visit": "v-0001", "spot": "501"},
    {"event": "transaction.created", **NAMES, "amount": "12.50 EUR"},
    {"event": "order.offered", **NAMES, "amount": "12.50 EUR"},
    {"event": "transaction.reserved", **NAMES},
    {"event": "transaction.confirmed", **NAMES, "amount": "12.50 EUR"},
    {"event": "notice.accepted", "table": "table1", "visit": "v-0001", "bill": "B-1"},
    {
        "event": "visit.closed",
        **NAMES,
        "end": "paid",
        "amount": "12.50 EUR",
        "bill": "B-1",
        "why": "the guest paid",
    },
]


def with_ledger(**changes: Any) -> Books:
    return replace(SOUND, ledger={**LEDGER, **changes})


def with_visit(**changes: Any) -> Books:
    return replace(SOUND, visits={1: replace(PAID, **changes)})


def and_another(**changes: Any) -> Books:
    """Let the wallet have a second taken transaction, and the journal a second paid visit."""
    other = TransactionKey("BBBBBBBBBBBBBBBBBBBBBBBB")
    of_theirs = {"key": other, "orderid": "v1.abcdefgh.9975.2.aaaaaa1", "checkin": 2}
    theirs = {**TAKEN, **of_theirs, **changes}
    ours = replace(PAID, visit_id=VisitId(2), transaction_key=other)
    books = with_ledger(transactions=[TAKEN, theirs])
    return replace(books, visits={1: PAID, 2: ours}, confirms_applied=2)


def test_sound_books_pass() -> None:
    """What is right is not complained about."""
    facts = check_facts((("life1", line) for line in SAID), SOUND)

    assert check_books(SOUND) == []
    assert facts.lost == []
    assert facts.wrong == []
    assert facts.compared.total() == len(SAID) - 1


@pytest.mark.parametrize(
    ("books", "words"),
    [
        (with_ledger(violations=[{"kind": "double_confirm"}]), "double_confirm"),
        (with_ledger(transactions=[]), "wallet None"),
        (with_ledger(transactions=[{**TAKEN, "amount_minor": 1251}]), "1251"),
        (with_ledger(transactions=[{**TAKEN, "currency": "PLN"}]), "PLN"),
        (with_ledger(waiting_spots=1), "waiting_spots is 1"),
        (with_ledger(reserved_count=1), "reserved_count is 1"),
        (with_ledger(held_total_minor={"EUR": 5}), "held_total_minor"),
        (with_ledger(refunded_total_minor={"EUR": 5}), "refunded_total_minor"),
        (
            with_ledger(transactions=[TAKEN, {**TAKEN, "key": "C", "status": "new"}]),
            "still be paid",
        ),
        (replace(SOUND, visits={}), "journal None"),
        (replace(SOUND, confirms_applied=2), "2 confirms worked"),
        (replace(SOUND, broken_at=7), "line 7"),
        (with_visit(step=Step.CLOSING), "v-0001 is closing"),
        (with_visit(step=Step.PARKED), "v-0001 is parked"),
        (and_another(checkin=1), "check-in (501, 1) paid 2 times"),
        (and_another(orderid=TAKEN["orderid"]), "visit 1 paid 2 times"),
        (and_another(), "bill B-1 paid 2 times"),
    ],
)
def test_books_that_are_wrong_in_one_thing_are_complained_about(books: Books, words: str) -> None:
    """Whatever it is that is wrong, a sentence names it."""
    assert words in " | ".join(check_books(books))


@pytest.mark.parametrize(
    ("books", "event"),
    [
        (replace(SOUND, visits={}), "spot.seen"),
        (with_visit(table="table2"), "spot.seen"),
        (with_visit(spot_id=SpotId("502")), "spot.seen"),
        (replace(SOUND, stories={1: ()}), "transaction.created"),
        (replace(SOUND, stories={1: ()}), "order.offered"),
        (replace(SOUND, stories={1: ()}), "transaction.reserved"),
        (with_visit(transaction_key=None), "transaction.created"),
        (with_visit(bill=OTHER_PRICE), "order.offered"),
        (with_visit(end=End.UNPAID), "transaction.confirmed"),
        (with_visit(paid_at=None), "transaction.confirmed"),
        (with_ledger(transactions=[{**TAKEN, "status": "revoked"}]), "transaction.confirmed"),
        (replace(SOUND, stories={1: ()}), "notice.accepted"),
        (with_visit(bill=OTHER_BILL), "notice.accepted"),
        (with_visit(step=Step.CLOSING), "visit.closed"),
        (with_visit(end=End.LEFT), "visit.closed"),
        (with_visit(reason="it rained"), "visit.closed"),
    ],
)
def test_a_line_that_the_journal_does_not_bear_out_is_a_lost_fact(books: Books, event: str) -> None:
    """Whatever a life said and the journal does not have is named with the line that said it."""
    lost = check_facts((("life1", line) for line in SAID), books).lost

    assert any(f'"event": "{event}"' in one for one in lost)


@pytest.mark.parametrize("event", ["transaction.confirmed", "notice.accepted", "visit.closed"])
def test_what_may_be_said_once_is_not_said_by_two_lives(event: str) -> None:
    """A visit ends once, whoever tells of it."""
    again = [line for line in SAID if line["event"] == event]
    facts = check_facts([*(("life1", x) for x in SAID), *(("life2", x) for x in again)], SOUND)

    assert facts.wrong == [f"{event} of v-0001 was said 2 times"]


@pytest.mark.parametrize("event", ["worker.crashed", "visit.crashed", "visit.parked"])
def test_a_fault_that_the_worker_reports_is_a_complaint(event: str) -> None:
    """Surviving its own faults is not enough in here."""
    facts = check_facts([("life1", {"event": event, "table": "table1", "visit": "v-0001"})], SOUND)

    assert event in facts.wrong[0]


def test_a_lost_transaction_that_surfaced_is_in_the_story() -> None:
    """Its key was never the visit's own, so the story is where it must be."""
    line = {"event": "transaction.lost_and_revoked", "visit": "v-0001", "transaction": "BBBB..BB"}
    found = Record(NOW, "lost_transaction_found", {"key": "B" * 24, "reference": "v1"})
    noted = replace(SOUND, stories={1: (*STORY, found)})

    assert check_facts([("life1", line)], noted).lost == []
    assert "that it was found" in check_facts([("life1", line)], SOUND).lost[0]


@pytest.mark.parametrize(
    ("request_line", "kind", "target", "spot"),
    [
        ("POST /rest/v1/transaction HTTP/1.1", WriteKind.CREATE, "", ""),
        ("POST /rest/v1/spot/501/order HTTP/1.1", WriteKind.LINK, "", "501"),
        (f"PUT /rest/v1/transaction/{KEY}/confirm HTTP/1.1", WriteKind.CONFIRM, KEY, ""),
        (f"DELETE /rest/v1/transaction/{KEY} HTTP/1.1", WriteKind.REVOKE, KEY, ""),
        ("DELETE /rest/v1/spot/501 HTTP/1.1", WriteKind.CLOSE, "", "501"),
        ("GET /rest/v1/spot/501 HTTP/1.1", None, "", ""),
        ("GET /rest/v1/spots?status=waiting HTTP/1.1", None, "", ""),
    ],
)
def test_each_write_is_known_by_its_first_line(
    request_line: str, kind: WriteKind | None, target: str, spot: str
) -> None:
    """What is a write, of which kind and about what; a read is none."""
    assert write_in(request_line.encode()) == (kind, target, spot)


async def test_a_write_that_left_without_its_intent_is_missed(tmp_path: Path) -> None:
    """Only an intent that is begun and not yet settled, of that kind and target, counts."""
    path = tmp_path / "journal.db"
    confirm = f"PUT /rest/v1/transaction/{KEY}/confirm HTTP/1.1".encode()
    confirming = replace(PAID, step=Step.CONFIRMING, end=None, spot_closed_at=None)
    begun = Intent(WriteKind.CONFIRM, KEY)
    journal = SqliteJournal.open(path)
    try:
        await journal.write(Entry(VisitId(1), confirming))
        assert "no such confirm as begun" in missing_intent(path, confirm)
        await journal.write(Entry(VisitId(1), begun=begun))
        assert missing_intent(path, confirm) == ""
        assert missing_intent(path, confirm.replace(b"ATaN", b"BTaN")) != ""
        assert missing_intent(path, b"DELETE /rest/v1/spot/501 HTTP/1.1") != ""
        assert missing_intent(path, b"GET /rest/v1/spot/501 HTTP/1.1") == ""
        settled = (Settled(begun, IntentState.DONE),)
        await journal.write(Entry(VisitId(1), confirming, settled=settled))
        assert missing_intent(path, confirm) != ""
    finally:
        await journal.aclose()


def receipt(folder: Path, **changes: object) -> None:
    """Put a bill and its receipt away as the worker does."""
    (folder / "paid").mkdir(parents=True, exist_ok=True)
    told = {
        "bill_id": "B-1",
        "visit": "v-0001",
        "transaction_key": KEY,
        "amount_minor": 1250,
        "currency": "EUR",
        "table": "table1",
        **changes,
    }
    name = f"{told['bill_id']}-{told['transaction_key']}"
    (folder / "paid" / f"{name}.receipt.json").write_text(json.dumps(told))
    (folder / "paid" / "B-1.json").write_text("{}")


def untouched(folder: Path) -> None:
    """Change nothing."""


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (untouched, ""),
        (lambda folder: receipt(folder, transaction_key="another"), "receipt for B-1 paid 2 times"),
        (lambda folder: receipt(folder, bill_id="B-2"), "bill B-2: journal None"),
        (lambda folder: receipt(folder, amount_minor=1251), "1251"),
        (lambda folder: receipt(folder, visit="v-0002"), "v-0002"),
        (lambda folder: next((folder / "paid").glob("*receipt*")).unlink(), "receipt None"),
        (lambda folder: (folder / "B-1.json").write_text("{}"), "still lies open"),
        (lambda folder: (folder / "paid" / "B-1.json").unlink(), "not lie with the paid"),
    ],
)
def test_the_till_was_told_once_and_rightly(
    tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    """A receipt too many, one too few, a wrong one, and a bill in the wrong place are all seen."""
    receipt(tmp_path)
    spoil(tmp_path)
    wrong = check_receipts(Shop(tmp_path, 9975, 1, 1), SOUND)

    assert words in " | ".join(wrong)
    assert bool(words) == bool(wrong)
