"""The shops of the demo keep their books, whoever asks: each is tried without a worker."""

import json
import sqlite3
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.till.programs import ENVIRON, HALL, NOTICE
from worker.adapters.till.notice_body import notice_body
from worker.cli import DEMO_TILLS
from worker.domain.visit import End
from worker.verbs.demo.books import Journal, rows_of_money
from worker.verbs.demo.till import COUNTERPARTS, Counterpart, Payment, TillUnavailable, counterpart

PAID = [Payment("B-1", 2599, "EUR")]


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder that may be opened to a server's own user, which pytest's can not."""
    with tempfile.TemporaryDirectory(prefix="demo-till-") as folder:
        yield Path(folder)


@pytest.fixture
def opened(place: Path) -> Iterator[Callable[[str], Counterpart]]:
    """Open a shop of a kind; it is closed in the end."""
    shops: list[Counterpart] = []

    def open_one(kind: str) -> Counterpart:
        shops.append(counterpart(kind, place / "till"))
        try:
            shops[-1].start()
        except TillUnavailable as why:
            pytest.skip(str(why))
        return shops[-1]

    yield open_one
    for shop in shops:
        shop.stop()


def test_every_till_of_the_demo_can_be_asked_for() -> None:
    """The names at the shell are those of the shops."""
    assert tuple(COUNTERPARTS) == DEMO_TILLS


def test_a_table_in_the_folder_has_its_newest_bill_only(
    opened: Callable[[str], Counterpart], place: Path
) -> None:
    """And a receipt beside the paid ones is a payment."""
    shop = opened("folder")
    shop.seat("table5", "B-0", 100)
    shop.seat("table5", "B-1", 2599)

    folder = place / "till" / "bills"
    ((name, bill),) = [(one.name, json.loads(one.read_text())) for one in folder.glob("*.json")]
    assert (name, bill["amount_minor"]) == ("B-1.json", 2599)
    assert sum(line["amount_minor"] for line in bill["lines"]) == 2599
    assert shop.books() == []
    (folder / "paid").mkdir()
    receipt = {"bill_id": "B-1", "amount_minor": 2599, "currency": "EUR"}
    (folder / "paid" / "B-1.receipt.json").write_text(json.dumps(receipt))
    assert shop.books() == PAID


def test_the_program_gives_the_newest_bill_and_keeps_the_payment(
    opened: Callable[[str], Counterpart], place: Path
) -> None:
    """It is called here as the worker calls it."""
    shop = opened("command")
    shop.seat("table5", "B-0", 100)
    shop.seat("table5", "B-1", 2599)

    def ask(op: str, request: bytes) -> str:
        folder = place / "till"
        program = [str(folder / "shop.py"), str(folder / "shop.db"), op]
        return subprocess.run(
            program, input=request, capture_output=True, env=ENVIRON, check=True, timeout=30
        ).stdout.decode()

    asked = json.dumps({"location_id": HALL, "spot": "table5"}).encode()
    assert [one["bill_id"] for one in json.loads(ask("bills", asked))["bills"]] == ["B-1"]
    ask("post", notice_body(NOTICE))
    ask("post", notice_body(NOTICE))
    assert shop.books() == PAID
    assert json.loads(ask("bills", asked)) == {"bills": []}


@pytest.mark.parametrize("kind", ["sql", "postgres"])
def test_the_database_owes_the_newest_bill_and_lists_its_payments(
    opened: Callable[[str], Counterpart], place: Path, kind: str
) -> None:
    """The statements in the settings are the ones that are tried, on SQLite at least."""
    shop = opened(kind)
    shop.seat("table5", "B-0", 100)
    shop.seat("table5", "B-1", 2599)
    assert shop.books() == []
    if kind == "postgres":
        return

    till = tomllib.loads(counterpart(kind, place / "other").start())["till"]
    asked = {"location_id": HALL, "spot": "table5"}
    told = {
        "notice_id": "n-1",
        "bill_id": "B-1",
        "amount_minor": 2599,
        "currency": "EUR",
        "paid_at": "2026-11-20T12:00:00Z",
    }
    with closing(sqlite3.connect(place / "till" / "shop.db")) as books, books:
        assert [row[0] for row in books.execute(till["open_bills_sql"], asked)] == ["B-1"]
        for _ in range(2):
            books.execute(till["mark_paid_sql"], told)
        assert books.execute(till["confirm_sql"], told).fetchall() == [(1,)]
        assert books.execute(till["open_bills_sql"], asked).fetchall() == []
    assert shop.books() == PAID


def test_a_price_list_keeps_no_books(opened: Callable[[str], Counterpart]) -> None:
    """So nothing is compared with it."""
    shop = opened("fixed")
    shop.seat("table5", "B-1", 2599)

    assert shop.books() is None


@pytest.mark.parametrize(
    ("payments", "agrees"),
    [
        (None, True),
        ([Payment("B-1", 100, "EUR"), Payment("B-2", 200, "EUR")], True),
        ([Payment("B-1", 100, "EUR")], False),
        ([], False),
        ([Payment("B-1", 100, "EUR"), Payment("B-1", 200, "EUR")], False),
        ([Payment("B-1", 100, "EUR"), Payment("B-2", 201, "EUR")], False),
        ([Payment("B-1", 100, "EUR"), Payment("B-2", 200, "USD")], False),
        ([Payment(f"B-{n}", 100, "EUR") for n in range(3)], False),
    ],
)
def test_the_shops_books_must_say_the_same_as_the_others(
    payments: list[Payment] | None, agrees: bool
) -> None:
    """Each payment once, and the same sum in each currency."""
    journal = Journal({End.PAID: 2}, {"EUR": 300}, still_open=0, parked=0)
    ledger = {"confirmed_count": 2, "confirmed_total_minor": {"EUR": 300}}

    assert all(row.is_well for row in rows_of_money(journal, ledger, payments)) is agrees
