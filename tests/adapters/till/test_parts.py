"""A folder's bill in parts: a receipt for each, and the file moves when all of it is paid."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from structlog.testing import capture_logs

from tests.adapters.till.support import HALL, die_after, guarded, paid, put, receipt, tree
from worker.adapters.till import FolderTill, GuardedTill
from worker.domain.notice import Notice
from worker.ports import TillTrouble

PARTS: Final = [
    {"part_id": "ona", "amount_minor": 2000},
    {"part_id": "jonas", "amount_minor": 599},
]


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[GuardedTill]:
    structlog.reset_defaults()
    till = guarded(FolderTill(tmp_path))
    yield till
    await till.aclose()


def ona(**more: Any) -> Notice:
    return paid(amount=2000, key="ATaN-ona", part_id="ona", bill_minor=2599, **more)


def jonas(amount: int = 599) -> Notice:
    return paid(amount=amount, key="ATaN-jonas", part_id="jonas", bill_minor=2599)


async def test_the_file_moves_when_the_last_part_is_paid(till: GuardedTill, tmp_path: Path) -> None:
    """Until then the bill is owed; told again, nothing changes."""
    put(tmp_path, parts=PARTS)

    for _ in range(2):
        assert await till.post(ona()) is None
        assert set(tree(tmp_path)) == {"one.json", "paid/one.part-ona.receipt.json"}
    assert len(await _owed(till)) == 1
    for _ in range(2):
        assert await till.post(jonas()) is None
        assert set(tree(tmp_path)) == {
            "paid/one.json",
            "paid/one.part-jonas.receipt.json",
            "paid/one.part-ona.receipt.json",
        }
    assert await till.post(ona()) is None
    assert len(tree(tmp_path)) == 3
    assert await _owed(till) == ()

    written = receipt(tmp_path, "one.part-ona")
    assert (written["part_id"], written["amount_minor"]) == ("ona", 2000)
    assert (written["bill_amount_minor"], written["file_amount_minor"]) == (2599, 2599)


async def _owed(till: GuardedTill) -> tuple[object, ...]:
    found = await till.find_bills(HALL, "table5")
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("crash", range(1, 12))
async def test_a_crash_at_any_step_of_the_last_part_is_finished_by_the_next_call(
    till: GuardedTill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash: int
) -> None:
    """Dead after every single call to the system, and well again afterwards (F72)."""
    put(tmp_path, parts=PARTS)
    with monkeypatch.context() as patch:
        calls = die_after(patch, crash)
        told = [await till.post(ona()), await till.post(jonas())]
    assert any(isinstance(one, TillTrouble) for one in told) == (next(calls) > crash)

    fresh = guarded(FolderTill(tmp_path))
    assert await fresh.post(ona()) is None
    assert await fresh.post(jonas()) is None
    await fresh.aclose()

    assert set(tree(tmp_path)) == {
        "paid/one.json",
        "paid/one.part-jonas.receipt.json",
        "paid/one.part-ona.receipt.json",
    }


async def test_a_part_of_any_name_has_a_file_of_its_own(till: GuardedTill, tmp_path: Path) -> None:
    """No stranger's text becomes a path, and two names that look alike stay two (F63)."""
    names = ["../../etc", "a b", "a_b", "a/b", "A B", "ž" * 64, "x" * 64, "x" * 63]
    parts = [{"part_id": name, "amount_minor": 100} for name in names]
    put(tmp_path, "y" * 200 + ".json", parts=parts, amount_minor=800)

    for number, name in enumerate(names):
        told = paid(amount=100, key=f"ATaN-{number}", part_id=name, bill_minor=800)
        assert await till.post(told) is None

    files = tree(tmp_path)
    assert len(files) == 9
    assert all(name.startswith("paid/yyy") and name.count("/") == 1 for name in files)
    receipts = [json.loads(text) for name, text in files.items() if ".receipt" in name]
    assert sorted(one["part_id"] for one in receipts) == sorted(names)


async def test_the_shop_may_rename_the_file_between_two_parts(
    till: GuardedTill, tmp_path: Path
) -> None:
    """A bill is known by what stands in it; its receipts stay together."""
    put(tmp_path, parts=PARTS)
    await till.post(ona())
    (tmp_path / "one.json").rename(tmp_path / "two.json")

    assert await till.post(jonas()) is None

    assert set(tree(tmp_path)) == {
        "paid/one.json",
        "paid/one.part-jonas.receipt.json",
        "paid/one.part-ona.receipt.json",
    }


async def test_the_next_bill_under_the_same_name_does_not_mix_with_it(
    till: GuardedTill, tmp_path: Path
) -> None:
    """A shop that calls every bill of a table by one name can tell the receipts apart."""
    for number in (1, 2):
        put(tmp_path, "table5.json", bill_id=f"B-{number}", parts=PARTS)
        for one in ("ona", "jonas"):
            amount = 2000 if one == "ona" else 599
            key = f"ATaN-{number}-{one}"
            told = paid(f"B-{number}", amount, key, part_id=one, bill_minor=2599)
            assert await till.post(told) is None

    assert set(tree(tmp_path)) == {
        f"paid/table5{suffix}{kind}.json"
        for suffix in ("", "-2")
        for kind in ("", ".part-ona.receipt", ".part-jonas.receipt")
    }
    assert receipt(tmp_path, "table5-2.part-ona")["bill_id"] == "B-2"


async def test_a_part_of_a_vanished_bill_still_leaves_a_receipt(
    till: GuardedTill, tmp_path: Path
) -> None:
    """The money is taken all the same; a human is told once."""
    with capture_logs() as logs:
        for _ in range(2):
            assert await till.post(ona()) is None
        assert await till.post(jonas()) is None

    names = sorted(tree(tmp_path))
    assert [name.rpartition(".part-")[2] for name in names] == [
        "jonas.receipt.json",
        "ona.receipt.json",
    ]
    assert [line["event"] for line in logs] == ["bill.vanished", "bill.vanished"]


async def test_a_bill_that_changed_after_a_part_was_paid_stays_and_is_cried_out(
    till: GuardedTill, tmp_path: Path
) -> None:
    """A part that is not there any more, or costs something else, is for a human to settle."""
    put(tmp_path)
    with capture_logs() as logs:
        assert await till.post(ona()) is None
        parts = [{"part_id": "jonas", "amount_minor": 700}, {"part_id": "eve", "amount_minor": 1}]
        put(tmp_path, parts=parts, amount_minor=701)
        assert await till.post(jonas()) is None

    assert (tmp_path / "one.json").exists()
    assert [line["event"] for line in logs] == ["bill.changed_after_payment"] * 2
    assert [line["other"] for line in logs] == ["unreadable", "7.00 EUR"]


async def test_a_receipt_without_a_notices_name_counts_by_its_transaction(
    till: GuardedTill, tmp_path: Path
) -> None:
    """Receipts that an earlier version wrote are known again."""
    put(tmp_path)
    (tmp_path / "paid").mkdir()
    (tmp_path / "paid/one.receipt.json").write_text('{"transaction_key": "ATaNkey-0001"}')

    assert await till.post(paid()) is None

    assert set(tree(tmp_path)) == {"paid/one.json", "paid/one.receipt.json"}
