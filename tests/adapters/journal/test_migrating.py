"""A journal of the first shape is brought up to date: nothing paid is forgotten or told twice."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from worker.adapters.journal import opening, schema
from worker.adapters.journal.marker import Marker, write_marker
from worker.adapters.journal.store import Store
from worker.domain.ids import LocationId, VisitId
from worker.domain.money import Money
from worker.domain.visit import End, Step

AT = "2026-11-20T12:00:00.000000+00:00"
BILL = {
    "bill_id": "B-7",
    "amount_minor": 1250,
    "currency": "EUR",
    "description": "Table 7",
    "lines": [["Soup", 2, 1250]],
}


def a_document(number: int, step: str, **more: Any) -> dict[str, Any]:
    return {
        "visit_id": number,
        "instance": "abcdefgh",
        "nonce": "k3f9x2",
        "location_id": 9975,
        "spot_id": f"s{number}",
        "table": f"table{number}",
        "opened_at": AT,
        "step": step,
        "since": AT,
        **more,
    }


def paid(number: int, step: str, **more: Any) -> dict[str, Any]:
    given = {"bill": {**BILL, "bill_id": f"B-{number}"}, "creates": 1, "paid_at": AT, "end": "paid"}
    return a_document(number, step, **given, transaction_key=f"key-{number}", **more)


@pytest.fixture
def old_journal(tmp_path: Path) -> Path:
    """A journal as the first version left it."""
    path = tmp_path / "journal.db"
    opening.make_file(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    (_, first), *_ = schema.migrations()
    connection.executescript(
        "CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;"
        f"{first}; INSERT INTO schema_version VALUES (1);"
        "INSERT INTO meta VALUES ('instance', 'abcdefgh'), ('generation', '4');"
    )
    for document in (
        paid(1, "settling", spot_closed_at=AT, wake_at=AT),
        paid(2, "closing"),
        paid(3, "closing", is_settled=True),
        paid(4, "closed", spot_closed_at=AT, is_settled=True),
        a_document(5, "offered", bill={**BILL, "bill_id": "B-5"}, creates=1, offered_at=AT),
        a_document(6, "closed", end="left", spot_closed_at=AT),
    ):
        bill = document.get("bill")
        connection.execute(
            'INSERT INTO visit (step, "end", bill_id, amount_minor, currency, transaction_key, '
            'spot_closed_at, body, visit_id, location_id, spot_id, opened_at, "table") '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document["step"],
                document.get("end"),
                bill and bill["bill_id"],
                bill and 1250,
                bill and "EUR",
                document.get("transaction_key"),
                document.get("spot_closed_at"),
                json.dumps(document),
                document["visit_id"],
                9975,
                document["spot_id"],
                AT,
                document["table"],
            ),
        )
        if "transaction_key" in document:
            row = (document["transaction_key"], document["visit_id"])
            connection.execute("INSERT INTO known_key VALUES (?, ?)", row)
    connection.close()
    write_marker(path, Marker("abcdefgh", 4))
    return path


def test_a_till_that_did_not_know_yet_is_told_by_the_new_outbox(old_journal: Path) -> None:
    """Whoever was paid and not told is owed a notice; whoever was told is owed none."""
    store = Store.open(old_journal)
    owed = store.owed_notices()
    store.close()

    assert [one.notice.visit_id for one in owed] == [1, 2]
    first = owed[0].notice
    assert (first.bill_id, first.money, first.table) == ("B-1", Money(1250, "EUR"), "table1")
    assert first.reference == "v1.abcdefgh.9975.1.k3f9x21"
    assert first.notice_id == "v1-abcdefgh-9975-1-k3f9x21"
    assert first.transaction_key == "key-1"


def test_open_visits_go_on_where_they_were_and_the_others_are_over(old_journal: Path) -> None:
    """Telling the till is no step any more: a visit that only did that is over."""
    store = Store.open(old_journal)
    visits = {one.visit.visit_id: one.visit for one in store.open_visits()}
    (claims,) = {store.claims_on_bill(LocationId(9975), "B-1").holder}
    store.close()

    assert {number: visit.step for number, visit in visits.items()} == {
        2: Step.CLOSING,
        3: Step.CLOSING,
        5: Step.OFFERED,
    }
    assert visits[VisitId(3)].end is End.PAID
    assert visits[VisitId(3)].taken == Money(1250, "EUR")
    assert visits[VisitId(5)].taken_minor == 0
    assert claims == 1, "what was paid is not charged again"


def test_nothing_that_pointed_at_a_visit_is_lost_and_the_rules_hold(old_journal: Path) -> None:
    """Tables that others point at were built anew: every rule is still there."""
    Store.open(old_journal).close()
    connection = sqlite3.connect(old_journal)
    connection.execute("PRAGMA foreign_keys = ON")

    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("SELECT count(*) FROM known_key").fetchone() == (4,)
    for forbidden in (
        "UPDATE visit SET body = '{}' WHERE visit_id = 4",
        "DELETE FROM visit WHERE visit_id = 4",
        "UPDATE notice SET body = '{}'",
        "DELETE FROM notice",
        "INSERT INTO known_key VALUES ('x', 99)",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(forbidden)
    connection.close()


def test_a_migration_that_fails_leaves_the_journal_as_it_was(
    old_journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it or nothing: the old version could go on with it."""
    known = schema.migrations()
    spoilt = [*known[:1], (2, known[1][1] + "\nSELECT no_such_thing();")]
    monkeypatch.setattr(schema, "migrations", lambda: spoilt)
    connection = sqlite3.connect(old_journal, isolation_level=None)

    with pytest.raises(sqlite3.OperationalError, match="no_such_thing"):
        schema.migrate(connection, 1)

    assert schema.version_of(connection) == 1
    assert connection.execute("SELECT count(*) FROM visit").fetchone() == (6,)
    connection.close()
