"""A folder of bills tells what each table owes, and a bad file never costs more than it must."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from tests.adapters.till.support import HALL, TERRACE, Ticks, fields, guarded, paid, put
from worker.adapters.till import FolderTill, GuardedTill, check_folder
from worker.adapters.till import shelf as shelf_module
from worker.adapters.till.billfile import BadFile, OpenBill, parse
from worker.domain.bill import Bill
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.ports import TillTrouble


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[GuardedTill]:
    structlog.reset_defaults()
    till = guarded(FolderTill(tmp_path))
    yield till
    await till.aclose()


async def trouble(till: GuardedTill, table: str = "table5") -> str:
    found = await till.find_bills(HALL, table)
    assert isinstance(found, TillTrouble), found
    return found.why


async def owed(till: GuardedTill, table: str = "table5", location: LocationId = HALL) -> list[str]:
    """Give the names of the bills of a table, which must be readable."""
    found = await till.find_bills(location, table)
    assert isinstance(found, tuple), found
    return [str(bill.bill_id) for bill in found]


async def test_a_table_owes_what_its_file_says(till: GuardedTill, tmp_path: Path) -> None:
    """One file, one bill; other tables and other locations owe nothing."""
    put(tmp_path)

    assert await till.find_bills(HALL, "table5") == (Bill("B-1", Money(2599, "EUR"), "Lunch"),)
    assert await till.find_bills(HALL, "table6") == ()
    assert await till.find_bills(TERRACE, "table5") == ()


async def test_a_changed_file_is_read_again(till: GuardedTill, tmp_path: Path) -> None:
    """Also when it is written over in place, with the same length, in the same instant."""
    file = put(tmp_path)
    stamp = file.stat().st_mtime_ns
    assert await owed(till) == ["B-1"]
    file.write_text(file.read_text().replace("2599", "9952"))
    os.utime(file, ns=(stamp, stamp))

    found = await till.find_bills(HALL, "table5")

    assert isinstance(found, tuple)
    assert found[0].money == Money(9952, "EUR")


async def test_an_old_file_is_read_once(
    till: GuardedTill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking a hundred tables again opens no file again."""
    for number in range(100):
        file = put(tmp_path, f"{number}.json", bill_id=f"B-{number}", spot=f"table{number}")
        os.utime(file, (1_700_000_000, 1_700_000_000))
    reads: list[int] = []

    def counted(content: bytes) -> OpenBill | BadFile:
        reads.append(len(content))
        return parse(content)

    monkeypatch.setattr("worker.adapters.till.shelf.parse", counted)

    for _ in range(3):
        found = await asyncio.gather(*(owed(till, f"table{n}") for n in range(100)))
        assert found == [[f"B-{n}"] for n in range(100)]

    assert len(reads) == 100


async def test_those_who_ask_at_once_share_one_look(
    till: GuardedTill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred tables at once list the folder a time or two, not a hundred times (F65)."""
    put(tmp_path)
    looks: list[int] = []
    look = shelf_module.Shelf.look

    def counted(self: shelf_module.Shelf) -> list[shelf_module.Item]:
        looks.append(1)
        return look(self)

    monkeypatch.setattr(shelf_module.Shelf, "look", counted)

    await asyncio.gather(*(till.find_bills(HALL, f"table{n}") for n in range(100)))

    assert len(looks) <= 3


@pytest.mark.parametrize("name", [".one.json", "one.json.tmp", "one.json.part", "one.txt", "json"])
async def test_names_that_are_not_bills_are_left_alone(
    till: GuardedTill, tmp_path: Path, name: str
) -> None:
    """Somebody is still writing there."""
    (tmp_path / name).write_text("{")

    with capture_logs() as logs:
        assert await till.find_bills(HALL, "table5") == ()
    assert logs == []


async def test_a_bad_file_of_another_table_disturbs_nobody(
    till: GuardedTill, tmp_path: Path
) -> None:
    """Its own table is in trouble; the rest owe what they owe."""
    put(tmp_path, "bad.json", spot="table6", amount_minor=25.99, bill_id="B-2")
    put(tmp_path)

    assert await owed(till) == ["B-1"]
    assert await till.find_bills(HALL, "table7") == ()
    assert "bad.json: amount_minor" in await trouble(till, "table6")


async def test_a_file_that_does_not_say_whose_it_is_keeps_tables_without_a_bill_waiting(
    till: GuardedTill, tmp_path: Path
) -> None:
    """It may be their bill. A table whose own bill is there is served."""
    (tmp_path / "half.json").write_text('{"bill_id": "B-')
    put(tmp_path)

    assert await owed(till) == ["B-1"]
    assert "half.json: not JSON" in await trouble(till, "table6")


async def test_two_files_for_one_table_are_two_bills_in_order(
    till: GuardedTill, tmp_path: Path
) -> None:
    """By when they were opened if every file says so, whatever zone it says it in; else by the
    files' own times, and of the same moment by their names.
    """
    first, second = "2026-11-20T12:00:00+02:00", "2026-11-20T10:30:00Z"
    put(tmp_path, "a.json", bill_id="B-2", opened_at=second)
    put(tmp_path, "b.json", bill_id="B-1", opened_at=first)
    assert await owed(till) == ["B-1", "B-2"]

    for name, at in (("a.json", 1_700_000_000), ("b.json", 1_700_000_005)):
        put(tmp_path, name, bill_id=f"of-{name}", opened_at="noon" if at % 10 else second)
        os.utime(tmp_path / name, (at, at))
    assert await owed(till) == ["of-a.json", "of-b.json"]
    os.utime(tmp_path / "b.json", (1_600_000_000, 1_600_000_000))
    assert await owed(till) == ["of-b.json", "of-a.json"]


async def test_a_bad_second_file_for_a_table_stops_the_good_one(
    till: GuardedTill, tmp_path: Path
) -> None:
    """It says that it is this table's: perhaps it is the one that counts."""
    put(tmp_path)
    put(tmp_path, "two.json", bill_id="B-2", amount_minor=-1)

    assert "two.json: amount_minor" in await trouble(till)


async def test_a_bill_that_says_that_nothing_is_owed_is_none(
    till: GuardedTill, tmp_path: Path
) -> None:
    """What was on hold came to nothing."""
    put(tmp_path, amount_minor=0, ceiling_minor=5000)

    assert await owed(till) == []


async def test_a_bad_file_never_gets_the_folder_left_alone(
    till: GuardedTill, tmp_path: Path
) -> None:
    """However often its table asks, the others are answered."""
    put(tmp_path, "bad.json", spot="table6", amount_minor=25.99, bill_id="B-2")
    put(tmp_path)

    for _ in range(20):
        assert "bad.json" in await trouble(till, "table6")
        assert await owed(till) == ["B-1"]


async def test_two_tables_with_one_bill_are_charged_neither(
    till: GuardedTill, tmp_path: Path
) -> None:
    """One bill is paid once. At another location it is another bill."""
    put(tmp_path)
    put(tmp_path, "two.json", spot="table6")
    put(tmp_path, "three.json", location_id=9976)

    assert "same bill_id" in await trouble(till, "table5")
    assert "same bill_id" in await trouble(till, "table6")
    assert await owed(till, location=TERRACE) == ["B-1"]


async def test_links_folders_and_pipes_are_never_followed_opened_or_waited_for(
    till: GuardedTill, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A link that points outside could show any file as a bill; a pipe could hang for ever."""
    outside = put(tmp_path_factory.mktemp("outside"))
    (tmp_path / "link.json").symlink_to(outside)

    assert "link.json: a link" in await trouble(till)
    (tmp_path / "link.json").unlink()
    os.mkfifo(tmp_path / "pipe.json")
    assert "pipe.json: not a regular file" in await trouble(till)
    (tmp_path / "pipe.json").unlink()
    (tmp_path / "folder.json").mkdir()
    assert "folder.json: not a regular file" in await trouble(till)
    (tmp_path / "folder.json").rmdir()
    (tmp_path / "huge.json").write_bytes(b" " * (1024 * 1024 + 1))
    assert "huge.json: larger than" in await trouble(till)


async def test_a_file_that_vanishes_while_it_is_read_is_no_bill(
    till: GuardedTill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop takes bills away whenever it likes."""
    file = put(tmp_path)
    real_open = os.open

    def gone(path: os.PathLike[str], flags: int) -> int:
        file.unlink(missing_ok=True)
        return real_open(path, flags)

    monkeypatch.setattr(os, "open", gone)

    assert isinstance(await till.find_bills(HALL, "table5"), TillTrouble)
    assert await till.find_bills(HALL, "table5") == ()


async def test_a_bad_file_is_told_once_and_once_more_when_it_is_well(
    till: GuardedTill, tmp_path: Path
) -> None:
    """Edges, not states: the log does not fill with the same file."""
    file = put(tmp_path, "a\nb.json", amount_minor=0)
    with capture_logs() as logs:
        for _ in range(3):
            await trouble(till)
        put(tmp_path, "a\nb.json", amount_minor=5.5)
        await trouble(till)
        file.unlink()
        put(tmp_path, "a\nb.json")
        await owed(till)
        await owed(till)

    assert [(line["event"], line["log_level"], line["file"]) for line in logs] == [
        ("bill.unreadable", "warning", "a\\nb.json"),
        ("bill.unreadable", "warning", "a\\nb.json"),
        ("bill.readable", "info", "a\\nb.json"),
    ]
    assert "amount_minor" in logs[0]["why"]


async def test_names_of_any_bytes_are_read_and_shown(till: GuardedTill, tmp_path: Path) -> None:
    """A file's name is bytes, and not always text."""
    (tmp_path / os.fsdecode(b"caf\xe9.json")).write_bytes(b"{")

    assert "caf\\xe9.json" in await trouble(till)


async def test_a_missing_folder_is_trouble_and_not_an_absence_of_bills(tmp_path: Path) -> None:
    """A share that is not mounted must not free every table."""
    till = guarded(FolderTill(tmp_path / "none"))

    assert "No such file" in await trouble(till)
    told = await till.post(paid())
    assert isinstance(told, TillTrouble)
    assert not (tmp_path / "none").exists()
    await till.aclose()


async def test_a_folder_that_hangs_costs_an_answer_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No one waits longer than the limit, no work queues up, and it recovers by itself (F70)."""
    put(tmp_path)
    released = threading.Event()
    looks: list[object] = []
    look = shelf_module.Shelf.look

    def hang(self: shelf_module.Shelf) -> list[shelf_module.Item]:
        looks.append(1)
        released.wait()
        return look(self)

    monkeypatch.setattr(shelf_module.Shelf, "look", hang)
    clock = Ticks()
    till = GuardedTill(FolderTill(tmp_path), clock, 0.01)

    for _ in range(3):
        assert await trouble(till) == "no answer within 0.01 s"
    assert "left alone for a while" in await trouble(till)
    told = await till.post(paid())
    assert isinstance(told, TillTrouble)
    assert len(looks) == 1

    released.set()
    while isinstance(await till.find_bills(HALL, "table5"), TillTrouble):
        clock.s += 1
    await till.aclose()


async def test_a_disk_that_fails_is_trouble(
    till: GuardedTill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full or broken disk is told as such."""

    def broken(self: shelf_module.Shelf) -> list[shelf_module.Item]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shelf_module.Shelf, "look", broken)

    assert "Input/output error" in await trouble(till)


def test_a_folder_is_checked_before_it_is_needed(tmp_path: Path) -> None:
    """What is wrong is told as sentences, at the start."""
    assert check_folder(tmp_path) == []
    assert "does not exist" in check_folder(tmp_path / "none")[0]
    (tmp_path / "paid").write_text("")
    assert "is not a folder" in check_folder(tmp_path)[0]


def test_a_folder_is_refused_by_the_rights_that_the_system_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may do everything, so the answer of the system is what is tested."""
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert [line for line in check_folder(tmp_path) if "can not be written" in line]
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert len(check_folder(tmp_path)) == 2


def test_the_support_file_is_a_good_bill() -> None:
    """What the tests call good has every required field."""
    assert set(fields()) >= {"bill_id", "spot", "location_id", "currency", "amount_minor"}
