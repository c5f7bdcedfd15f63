"""A paid bill is put away once, whatever happens in between."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.adapters.till.support import HALL, die_after, guarded, paid, put, receipt, tree
from worker.adapters.till import FolderTill, GuardedTill, receiptfile, receipts
from worker.ports import TillTrouble


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[GuardedTill]:
    structlog.reset_defaults()
    till = guarded(FolderTill(tmp_path))
    yield till
    await till.aclose()


async def test_a_paid_bill_moves_beside_its_receipt(till: GuardedTill, tmp_path: Path) -> None:
    """The receipt has every fact of the payment; the table owes nothing any more."""
    content = put(tmp_path).read_bytes()

    assert await till.post(paid()) is None

    assert receipt(tmp_path) == {
        "notice_id": "notice-of-ATaNkey-0001",
        "bill_id": "B-1",
        "part_id": None,
        "bill_amount_minor": 2599,
        "service_minor": 0,
        "tip_minor": 0,
        "amount_minor": 2599,
        "currency": "EUR",
        "visit": "v-0042",
        "table": "table5",
        "location_id": 9975,
        "transaction_key": "ATaNkey-0001",
        "orderid": "v1.abc.9975.42.qwer1",
        "paid_at": "2026-11-20T12:00:00+00:00",
        "file": "one.json",
        "file_amount_minor": 2599,
        "file_currency": "EUR",
    }
    assert set(tree(tmp_path)) == {"paid/one.json", "paid/one.receipt.json"}
    assert (tmp_path / "paid/one.json").read_bytes() == content
    assert await till.find_bills(HALL, "table5") == ()


async def test_told_twice_it_changes_nothing_more(till: GuardedTill, tmp_path: Path) -> None:
    """Also by another process, which remembers nothing (F72)."""
    put(tmp_path)
    await till.post(paid())
    before = tree(tmp_path)

    assert await till.post(paid()) is None
    again = guarded(FolderTill(tmp_path))
    assert await again.post(paid()) is None
    await again.aclose()

    assert tree(tmp_path) == before


@pytest.mark.parametrize("crash", range(1, 12))
async def test_a_crash_at_any_step_is_finished_by_the_next_call(
    till: GuardedTill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash: int
) -> None:
    """After every single call to the system: dead there, and well again afterwards (F72)."""
    put(tmp_path)
    with monkeypatch.context() as patch:
        calls = die_after(patch, crash)
        first = await till.post(paid())
    assert isinstance(first, TillTrouble) == (next(calls) > crash)

    fresh = guarded(FolderTill(tmp_path))
    assert await fresh.post(paid()) is None
    await fresh.aclose()

    assert set(tree(tmp_path)) == {"paid/one.json", "paid/one.receipt.json"}
    assert receipt(tmp_path)["amount_minor"] == 2599


async def test_a_half_written_receipt_of_a_crash_is_written_anew(
    till: GuardedTill, tmp_path: Path
) -> None:
    """Dead before the rename: what was begun under a hidden name is nobody's receipt."""
    put(tmp_path)
    (tmp_path / "paid").mkdir()
    (tmp_path / "paid/.one.receipt.json.tmp").write_text(
        '{"bill_id": "B-1", "amount_minor": 259900'
    )

    assert await till.post(paid()) is None

    assert receipt(tmp_path)["amount_minor"] == 2599
    assert set(tree(tmp_path)) == {"paid/one.json", "paid/one.receipt.json"}


async def test_a_vanished_file_still_leaves_a_receipt(till: GuardedTill, tmp_path: Path) -> None:
    """The shop took the file away; the money is taken all the same. Once is enough."""
    for _ in range(2):
        with capture_logs() as logs:
            assert await till.post(paid("../../etc/pass\0wd\n")) is None

    (name,) = tree(tmp_path)
    assert name.startswith("paid/_etc_pass_wd_-")
    assert name.endswith(".receipt.json")
    document = json.loads((tmp_path / name).read_text())
    assert document["bill_id"] == "../../etc/pass\0wd\n"
    assert document["file"] is None
    assert document["file_amount_minor"] is None
    assert logs == []


async def test_a_vanished_file_is_told(till: GuardedTill, tmp_path: Path) -> None:
    """A human may want to know why."""
    with capture_logs() as logs:
        await till.post(paid())

    assert [(line["event"], line["log_level"]) for line in logs] == [("bill.vanished", "warning")]


async def test_a_bill_that_changed_after_it_was_paid_is_put_away_and_cried_out(
    till: GuardedTill, tmp_path: Path
) -> None:
    """The receipt has both amounts, and a human is told to settle the difference."""
    put(tmp_path, amount_minor=3000)

    with capture_logs() as logs:
        assert await till.post(paid()) is None

    assert (receipt(tmp_path)["amount_minor"], receipt(tmp_path)["file_amount_minor"]) == (
        2599,
        3000,
    )
    assert (tmp_path / "paid/one.json").exists()
    (line,) = [line for line in logs if line["event"] == "bill.changed_after_payment"]
    assert line["log_level"] == "error"
    assert (line["paid"], line["other"]) == ("25.99 EUR", "30.00 EUR")


async def test_a_bill_that_turned_bad_after_it_was_paid_is_put_away_too(
    till: GuardedTill, tmp_path: Path
) -> None:
    """As long as it still says which bill it is."""
    put(tmp_path, amount_minor="lots")

    with capture_logs() as logs:
        assert await till.post(paid()) is None

    assert receipt(tmp_path)["file_amount_minor"] is None
    assert [line["other"] for line in logs if line["event"] == "bill.changed_after_payment"] == [
        "unreadable"
    ]


async def test_a_name_that_is_taken_gets_a_number(till: GuardedTill, tmp_path: Path) -> None:
    """A shop that calls every bill of a table by one name loses none of them."""
    for number in (1, 2, 3):
        put(tmp_path, "table5.json", bill_id=f"B-{number}", amount_minor=number)
        assert await till.post(paid(f"B-{number}", number, f"key-of-number-{number}")) is None

    assert set(tree(tmp_path)) == {
        f"paid/table5{suffix}{kind}.json"
        for suffix in ("", "-2", "-3")
        for kind in ("", ".receipt")
    }
    for number, name in ((1, "table5"), (2, "table5-2"), (3, "table5-3")):
        assert receipt(tmp_path, name)["bill_id"] == f"B-{number}"
        assert json.loads((tmp_path / f"paid/{name}.json").read_text())["bill_id"] == f"B-{number}"


async def test_files_of_others_in_paid_are_never_overwritten(
    till: GuardedTill, tmp_path: Path
) -> None:
    """A file, a folder, a dangling link, a receipt that is no receipt: all stay as they are."""
    put(tmp_path)
    folder = tmp_path / "paid"
    folder.mkdir()
    (folder / "one.json").mkdir()
    (folder / "one-2.receipt.json").write_text("not ours")
    (folder / "one-3.json").symlink_to(tmp_path / "nowhere")

    assert await till.post(paid()) is None

    assert (folder / "one-2.receipt.json").read_text() == "not ours"
    assert (folder / "one-3.json").is_symlink()
    assert receipt(tmp_path, "one-4")["bill_id"] == "B-1"
    assert (folder / "one-4.json").is_file()


async def test_a_paid_bill_that_the_shop_puts_back_is_put_away_without_loss(
    till: GuardedTill, tmp_path: Path
) -> None:
    """Told again, the file moves under another name beside the first; one receipt is enough."""
    put(tmp_path)
    await till.post(paid())
    put(tmp_path)

    assert await till.post(paid()) is None

    assert set(tree(tmp_path)) == {"paid/one.json", "paid/one-2.json", "paid/one.receipt.json"}


async def test_the_next_bill_under_the_same_name_is_not_taken_for_the_paid_one(
    till: GuardedTill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop replaces the file in the very moment between our look and our move."""
    put(tmp_path)
    write = receiptfile.write_receipt

    def replaced(*given: Any) -> None:
        write(*given)
        put(tmp_path, bill_id="B-2", amount_minor=777)

    monkeypatch.setattr(receipts, "write_receipt", replaced)

    assert await till.post(paid()) is None

    assert set(tree(tmp_path)) == {"one.json", "paid/one.receipt.json"}
    assert json.loads((tmp_path / "one.json").read_text())["bill_id"] == "B-2"


async def test_of_two_files_with_the_bill_the_one_of_the_table_that_paid_is_taken(
    till: GuardedTill, tmp_path: Path
) -> None:
    """The other stays: it is not ours to guess what it is."""
    put(tmp_path, "a.json", spot="table9")
    put(tmp_path, "b.json")

    assert await till.post(paid()) is None

    assert set(tree(tmp_path)) == {"a.json", "paid/b.json", "paid/b.receipt.json"}


async def test_a_long_name_leaves_room_for_the_receipt(till: GuardedTill, tmp_path: Path) -> None:
    """A file's name has at most 255 bytes, ours included."""
    put(tmp_path, "x" * 240 + ".json")

    assert await till.post(paid()) is None

    assert len(tree(tmp_path)) == 2


async def test_receipts_are_open_to_those_who_may_read_the_bills(
    till: GuardedTill, tmp_path: Path
) -> None:
    """The shop's software runs as another user and wants to see that a bill is paid."""
    tmp_path.chmod(0o2750)
    put(tmp_path)
    umask = os.umask(0o077)
    try:
        await till.post(paid())
    finally:
        os.umask(umask)

    assert (tmp_path / "paid").stat().st_mode & 0o7777 == 0o2750
    assert (tmp_path / "paid/one.receipt.json").stat().st_mode & 0o777 == 0o640


async def test_a_full_disk_leaves_the_bill_where_it_is(
    till: GuardedTill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No receipt, no move; the worker tells it again later (F43)."""
    put(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        (tmp_path / "paid").mkdir()
        told = await till.post(paid())

    assert told == TillTrouble(f"the folder {tmp_path} can not be used: No space left on device")
    assert set(tree(tmp_path)) == {"one.json"}
