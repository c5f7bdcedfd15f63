"""The examples of the documents, run as real programs by the till that they are written for."""

import asyncio
import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.till.programs import ENVIRON, HALL, NOTICE, TERRACE, till_of
from tests.tills.command_shop import EXAMPLES, CommandShop
from worker.adapters.till.command import CommandTill
from worker.adapters.till.connector import BillGone, Refused, TillError

BILL = {
    "bill_id": "B-1",
    "spot": "table5",
    "location_id": HALL,
    "currency": "EUR",
    "amount_minor": 2599,
    "description": "Käsespätzle",
}


def installed(folder: Path, name: str) -> Path:
    """Install a program as the documents say: whatever rights the clone gave it."""
    path = Path(shutil.copy(EXAMPLES / name, folder / name))
    path.chmod(0o755)
    return path


class ShellShop:
    """The shell example's folder, as the cashier's software keeps it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shop"
        (self.folder / "open").mkdir(parents=True)
        self.program = installed(folder, "shop.sh")

    def put(self, bill_id: str = "B-1", **changed: object) -> Path:
        """Put a bill on its table, whole, by a rename."""
        bill: dict[str, object] = BILL | {"bill_id": bill_id} | changed
        table = self.folder / "open" / str(bill["location_id"]) / str(bill["spot"])
        table.mkdir(parents=True, exist_ok=True)
        draft = table / f".{bill_id}"
        draft.write_text(json.dumps(bill, indent=1))
        return draft.rename(table / f"{bill_id}.json")

    def files(self, *names: str) -> list[str]:
        """Name the files somewhere in the folder."""
        place = self.folder.joinpath(*names)
        return sorted(str(one.relative_to(place)) for one in place.rglob("*") if one.is_file())

    def run(self, op: str, request: Mapping[str, object] | str) -> subprocess.CompletedProcess[str]:
        """Call the program by hand."""
        text = request if isinstance(request, str) else json.dumps(request, separators=(",", ":"))
        return subprocess.run(
            [str(self.program), str(self.folder), op],
            input=text,
            capture_output=True,
            text=True,
            env=ENVIRON,
            timeout=30,
            check=False,
        )


async def test_the_shell_example_gives_a_tables_bills_oldest_first(tmp_path: Path) -> None:
    """Each table its own, whole, and nothing of any other."""
    shop = ShellShop(tmp_path)
    for bill_id in ("B-2", "B-1", "B-3"):
        shop.put(bill_id)
    shop.put("B-4", spot="table6")
    shop.put("B-5", location_id=TERRACE)
    async with till_of(shop.program, str(shop.folder)) as till:
        assert await till.check() == []
        bills = await till.open_bills(HALL, "table5")
        assert await till.open_bills(HALL, "table7") == []

    assert [bill["bill_id"] for bill in bills] == ["B-1", "B-2", "B-3"]
    assert bills[0] == BILL


async def test_the_shell_example_keeps_a_payment_once_and_takes_the_bill_away(
    tmp_path: Path,
) -> None:
    """Told twice, at once or later, it has one payment (F72)."""
    shop = ShellShop(tmp_path)
    shop.put()
    async with till_of(shop.program, str(shop.folder)) as till:
        await till.post(NOTICE)
        await asyncio.gather(*(till.post(NOTICE) for _ in range(4)))
        assert await till.open_bills(HALL, "table5") == []

    assert shop.files("paid") == ["n-00042-1.json"]
    assert shop.files("done") == [f"{HALL}/B-1.json"]
    told = json.loads((shop.folder / "paid" / "n-00042-1.json").read_text())
    assert told["data"]["amount_minor"] == 2599


async def test_the_shell_example_finishes_what_it_was_killed_in(tmp_path: Path) -> None:
    """The payment was written and the bill not yet moved, or not even the payment was whole."""
    shop = ShellShop(tmp_path)
    bill = shop.put()
    async with till_of(shop.program, str(shop.folder)) as till:
        await till.post(NOTICE)
        (shop.folder / "done" / str(HALL) / "B-1.json").rename(bill)
        (shop.folder / "paid" / ".n-00042-1.77").write_text('{"type":"bill.pa')
        await till.post(NOTICE)

    assert not bill.exists()
    assert "n-00042-1.json" in shop.files("paid")


async def test_the_shell_example_keeps_a_payment_of_a_bill_that_is_gone(tmp_path: Path) -> None:
    """Money was taken: the books must have it, whatever became of the bill."""
    shop = ShellShop(tmp_path)
    async with till_of(shop.program, str(shop.folder)) as till:
        await till.post(NOTICE)

    assert shop.files("paid") == ["n-00042-1.json"]


@pytest.mark.parametrize(
    "spot",
    [
        "../table5",
        "../../paid",
        ".",
        "..",
        "/etc",
        "",
        "*",
        "table5/",
        "ta ble5",
        'x","spot":"table5',
        'x"},{"spot":"table5"',
        '","spot":"table5","y":"',
        "table5\n",
        "$(touch /tmp/never)",
        "`id`",
        "-n",
        "täble5",
        "\\u0074able5",
    ],
)
async def test_the_shell_example_owes_nothing_at_a_table_it_does_not_have(
    tmp_path: Path, spot: str
) -> None:
    """A spot's name comes from a code that anybody can print; it opens no file but its own."""
    shop = ShellShop(tmp_path)
    shop.put()
    async with till_of(shop.program, str(shop.folder)) as till:
        assert await till.open_bills(HALL, spot) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", 'x","bill_id":"B-1'])
async def test_the_shell_example_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    """A notice without a usable id is refused; with one, it is kept whatever the bill is called."""
    shop = ShellShop(tmp_path)
    shop.put()
    async with till_of(shop.program, str(shop.folder)) as till:
        with pytest.raises(Refused, match="the request has no usable"):
            await till.post(dataclasses.replace(NOTICE, notice_id=name))
        assert shop.files() == [f"open/{HALL}/table5/B-1.json"]
        await till.post(dataclasses.replace(NOTICE, bill_id=name))
        await till.post(dataclasses.replace(NOTICE, table=name, notice_id="n-2"))

    assert shop.files() == [f"open/{HALL}/table5/B-1.json", "paid/n-00042-1.json", "paid/n-2.json"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"parts": [{"part_id": "a", "amount_minor": 2599}]}, "B-1 is in parts"),
        ({"bill_id": "2026/117"}, "B-1.json is not named as the bill_id in it"),
        ({"bill_id": "B-10"}, "B-1.json is not named as the bill_id in it"),
    ],
)
async def test_the_shell_example_offers_no_bill_that_it_could_not_put_away(
    tmp_path: Path, changed: dict[str, object], why: str
) -> None:
    """Aloud, and before a guest pays; the other tables go on."""
    shop = ShellShop(tmp_path)
    path = shop.put()
    path.write_text(json.dumps(BILL | changed, indent=1))
    shop.put("B-6", spot="table6", description='no "parts": here')
    async with till_of(shop.program, str(shop.folder)) as till:
        with pytest.raises(Refused, match=why):
            await till.open_bills(HALL, "table5")
        path.rename(path.with_name("B 1.json"))
        with pytest.raises(Refused, match="letters, digits"):
            await till.open_bills(HALL, "table5")
        assert len(await till.open_bills(HALL, "table6")) == 1


async def test_the_shell_example_leaves_a_bill_open_of_which_a_part_is_paid(tmp_path: Path) -> None:
    """It offers none in parts; should such a payment come all the same, it is kept."""
    shop = ShellShop(tmp_path)
    shop.put()
    async with till_of(shop.program, str(shop.folder)) as till:
        await till.post(dataclasses.replace(NOTICE, part_id="a"))

    assert shop.files() == [f"open/{HALL}/table5/B-1.json", "paid/n-00042-1.json"]


async def test_the_shell_example_offers_nothing_while_a_file_is_half(tmp_path: Path) -> None:
    """It repairs nothing, and charges nobody; the till is well, so the other tables go on."""
    shop = ShellShop(tmp_path)
    shop.put().write_text('{"bill_id":"B-1","amount_minor":25')
    async with till_of(shop.program, str(shop.folder)) as till:
        with pytest.raises(Refused, match="not a whole bill"):
            await till.open_bills(HALL, "table5")


async def test_the_shell_example_says_what_it_lacks(tmp_path: Path) -> None:
    """No folder, no such verb, no argument: each has a reason, and none has changed anything."""
    shop = ShellShop(tmp_path)
    assert shop.run("lock", {}).returncode == 64
    assert shop.run("rm", {}).returncode == 64
    assert shop.run("post", "").returncode == 65
    shutil.rmtree(shop.folder)
    async with till_of(shop.program, str(shop.folder)) as till:
        (problem,) = await till.check()
        assert "there is no folder" in problem
    async with till_of(shop.program) as till:
        (problem,) = await till.check()
        assert "usage" in problem


@pytest.fixture
async def books(tmp_path: Path) -> Path:
    """Give the place of the Python example's books, made and empty."""
    shop = CommandShop(tmp_path / "made")
    await shop.open()
    await shop.close()
    return tmp_path / "made" / "shop.db"


def python_till(tmp_path: Path, books: Path) -> CommandTill:
    """Give the till of the Python example, installed as the documents say."""
    program = installed(tmp_path, "shop.py")
    return CommandTill(
        [str(program), str(books)], can_lock=True, environ=ENVIRON, time_limit_s=20.0
    )


def by_hand(books: Path, verb: str, document: object = None) -> tuple[int, dict[str, Any], str]:
    """Do as the shop's people do: the exit code, what it wrote, and the reason."""
    done = subprocess.run(
        [str(EXAMPLES / "shop.py"), str(books), verb],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        env=ENVIRON,
        timeout=30,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


async def test_the_python_example_locks_a_bill_against_its_own_shop(
    tmp_path: Path, books: Path
) -> None:
    """While a guest pays, neither the amount nor the bill itself changes; afterwards both may."""
    till = python_till(tmp_path, books)
    assert by_hand(books, "owe", BILL)[0] == 0

    assert await till.lock(HALL, "table5", "B-1", "v-0001", 60) == BILL
    assert await till.lock(HALL, "table5", "B-1", "v-0001", 60) == BILL
    with pytest.raises(TillError, match="locked by v-0001"):
        await till.lock(HALL, "table5", "B-1", "v-0002", 60)
    assert by_hand(books, "owe", BILL | {"amount_minor": 1})[0] == 4
    assert by_hand(books, "settle", BILL)[0] == 4

    await till.unlock(HALL, "table5", "B-1", "v-0002")
    assert by_hand(books, "settle", BILL)[0] == 4
    await till.unlock(HALL, "table5", "B-1", "v-0001")
    assert by_hand(books, "owe", BILL | {"amount_minor": 100})[0] == 0
    assert [bill["amount_minor"] for bill in await till.open_bills(HALL, "table5")] == [100]
    assert by_hand(books, "settle", BILL)[0] == 0
    with pytest.raises(BillGone):
        await till.lock(HALL, "table5", "B-1", "v-0001", 60)
    await till.aclose()


async def test_a_lock_of_the_python_example_ends_with_its_time(tmp_path: Path, books: Path) -> None:
    """A worker that is gone for good locks nothing for ever."""
    till = python_till(tmp_path, books)
    by_hand(books, "owe", BILL)

    await till.lock(HALL, "table5", "B-1", "v-0001", 0)
    assert await till.lock(HALL, "table5", "B-1", "v-0002", 60) == BILL
    await till.aclose()


async def test_the_python_example_keeps_a_payment_once(tmp_path: Path, books: Path) -> None:
    """Four who tell it at the same moment leave one payment (F72)."""
    till = python_till(tmp_path, books)
    by_hand(books, "owe", BILL)
    await till.lock(HALL, "table5", "B-1", "v-0042", 60)

    await asyncio.gather(*(till.post(NOTICE) for _ in range(4)))
    await till.post(NOTICE)

    assert await till.open_bills(HALL, "table5") == []
    told = by_hand(books, "payments")[1]["payments"]
    assert [one["notice_id"] for one in told] == ["n-00042-1"]
    assert by_hand(books, "owe", BILL)[0] == 3
    await till.aclose()


async def test_a_bill_in_parts_is_open_until_each_is_paid(tmp_path: Path, books: Path) -> None:
    """The Python example knows of parts."""
    till = python_till(tmp_path, books)
    parts = [{"part_id": one, "amount_minor": 100} for one in ("a", "b")]
    by_hand(books, "owe", BILL | {"amount_minor": 200, "parts": parts})

    await till.post(dataclasses.replace(NOTICE, notice_id="n-1", part_id="a"))
    assert len(await till.open_bills(HALL, "table5")) == 1
    await till.post(dataclasses.replace(NOTICE, notice_id="n-2", part_id="b"))
    assert await till.open_bills(HALL, "table5") == []
    await till.aclose()


async def test_the_python_example_without_books_asks_to_be_tried_again(tmp_path: Path) -> None:
    """And makes none: an empty file would say that nobody owes anything."""
    till = python_till(tmp_path, tmp_path / "nowhere.db")

    with pytest.raises(TillError, match=r"tried again later: .*unable to open"):
        await till.open_bills(HALL, "table5")
    (problem,) = await till.check()
    assert "unable to open" in problem
    assert not (tmp_path / "nowhere.db").exists()
    await till.aclose()


def test_the_python_example_explains_a_request_it_can_not_use(tmp_path: Path) -> None:
    """By hand, one makes mistakes."""
    books = tmp_path / "shop.db"
    code, _, said = by_hand(books, "owe", {"spot": "table5"})
    assert (code, "can not be used" in said) == (1, True)
    assert by_hand(books, "sing")[0] == 64


async def test_the_shop_of_the_contract_breaks_hangs_and_is_mended(tmp_path: Path) -> None:
    """What the contract's tests need of it works; a changed bill takes its new place."""
    shop = CommandShop(tmp_path / "shop", time_limit_s=1.5)
    await shop.open()
    till = shop.connector()
    try:
        await shop.owe(HALL, "table5", BILL, BILL | {"bill_id": "B-2"})
        await shop.owe(HALL, "table5", BILL | {"bill_id": "B-2"}, BILL)
        found = [bill["bill_id"] for bill in await till.open_bills(HALL, "table5")]
        assert found == ["B-2", "B-1"]
        await shop.break_down()
        with pytest.raises(TillError, match="out of order"):
            await till.open_bills(HALL, "table5")
        with pytest.raises(TillError, match="out of order"):
            await till.post(NOTICE)
        await shop.mend()
        await shop.hang()
        with pytest.raises(TillError, match="did not answer"):
            await till.open_bills(HALL, "table5")
        await shop.mend()
        await till.post(NOTICE)
        assert [one["bill_id"] for one in await shop.payments()] == ["B-1"]
        assert len(await till.open_bills(HALL, "table5")) == 1
        await shop.owe(HALL, "table5")
        assert await till.open_bills(HALL, "table5") == []
    finally:
        await shop.close()


def test_the_examples_can_be_run_as_they_are_cloned() -> None:
    """Git keeps the right to run a program."""
    assert all(os.access(EXAMPLES / name, os.X_OK) for name in ("shop.sh", "shop.py"))
