"""The reference shop of the documents, as a process: a till that keeps the connector's promises."""

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.till.http_support import HALL, bill, notice, till_to, why_not
from tests.tills.http_shop import PROGRAM, SIGNING_SECRET, TOKEN, HttpShop
from worker.adapters.clock import SystemClock
from worker.adapters.till.connector import BillGone, TillError
from worker.domain.money import Money

STRANGERS = "whsec_b3RoZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMuLi4="


@pytest.fixture
async def shop() -> AsyncIterator[HttpShop]:
    """A shop that is open."""
    shop = HttpShop(time_limit_s=3.0)
    await shop.open()
    yield shop
    await shop.close()
    assert not shop.is_running


async def test_what_a_spot_owes_is_what_the_shop_says(shop: HttpShop) -> None:
    """In the shop's order, for that spot and no other."""
    await shop.owe(HALL, "table7", bill(), bill(bill_id="B-2"))
    till = shop.connector()

    assert await till.check() == []
    assert list(await till.open_bills(HALL, "table7")) == [bill(), bill(bill_id="B-2")]
    assert not await till.open_bills(HALL, "table8")
    assert not await till.open_bills(9976, "table7")
    await shop.owe(HALL, "table7")
    assert not await till.open_bills(HALL, "table7")


async def test_a_notice_told_twice_is_booked_once(shop: HttpShop) -> None:
    """The bill is closed, and the second telling changes nothing."""
    await shop.owe(HALL, "table7", bill(), bill(bill_id="B-2"))
    till = shop.connector()

    await till.post(notice())
    await till.post(notice())

    (paid,) = await shop.payments()
    assert (paid["notice_id"], paid["bill_id"]) == ("n-9975-42-1", "B-1")
    assert [one["bill_id"] for one in await till.open_bills(HALL, "table7")] == ["B-2"]
    assert "told before, nothing to do" in shop.said()


async def test_a_lost_answer_and_a_restart_do_not_book_twice(shop: HttpShop) -> None:
    """The answer of the first telling is lost; the id is durable in the shop's books."""
    await shop.owe(HALL, "table7", bill())
    till = shop.connector()
    await shop.hang()
    assert "no complete answer" in await why_not(till.post(notice()))
    assert len(await shop.payments()) == 1, "it was booked all the same"
    await shop.mend()

    await till.post(notice())

    assert len(await shop.payments()) == 1


async def test_a_payment_that_fits_no_open_bill_is_booked_all_the_same(shop: HttpShop) -> None:
    """The money is taken; a person has to look, and the worker need not tell it again."""
    await shop.connector().post(notice())

    assert len(await shop.payments()) == 1
    assert "THE BILL IS NOT OPEN" in shop.said()


async def test_a_bill_in_parts_is_open_until_each_part_is_paid(shop: HttpShop) -> None:
    """Parts are booked one by one, each under its own notice."""
    parts = [{"part_id": "A", "amount_minor": 1000}, {"part_id": "B", "amount_minor": 1350}]
    await shop.owe(HALL, "table7", bill(parts=parts))
    till = shop.connector()

    await till.post(notice(notice_id="n-1", part_id="A", money=Money(1000, "EUR")))
    assert len(await till.open_bills(HALL, "table7")) == 1
    await till.post(notice(notice_id="n-2", part_id="B", money=Money(1350, "EUR")))

    assert not await till.open_bills(HALL, "table7")
    assert [paid["part_id"] for paid in await shop.payments()] == ["A", "B"]


async def test_a_lock_keeps_another_visit_out_until_it_ends(shop: HttpShop) -> None:
    """The same visit may ask again; unlocking what is not ours does nothing."""
    await shop.owe(HALL, "table7", bill())
    till = shop.connector()

    assert await till.lock(HALL, "table7", "B-1", "v-1", 60) == bill()
    assert await till.lock(HALL, "table7", "B-1", "v-1", 60) == bill()
    assert "somebody else" in await why_not(till.lock(HALL, "table7", "B-1", "v-2", 60))
    await till.unlock(HALL, "table7", "B-1", "v-2")
    assert "somebody else" in await why_not(till.lock(HALL, "table7", "B-1", "v-2", 60))
    await till.unlock(HALL, "table7", "B-1", "v-1")
    assert await till.lock(HALL, "table7", "B-1", "v-2", 0) == bill()
    assert await till.lock(HALL, "table7", "B-1", "v-3", 60) == bill(), "a lock of no time ends"


async def test_a_bill_that_was_paid_or_never_was_is_gone(shop: HttpShop) -> None:
    """The two ways to say it."""
    await shop.owe(HALL, "table7", bill())
    till = shop.connector()
    await till.post(notice())

    with pytest.raises(BillGone, match="not owed any more"):
        await till.lock(HALL, "table7", "B-1", "v-1", 60)
    with pytest.raises(BillGone, match="no such bill"):
        await till.lock(HALL, "table7", "B/2 ü", "v-1", 60)
    await till.unlock(HALL, "table7", "B/2 ü", "v-1")


async def test_a_broken_shop_fails_and_a_mended_one_works(shop: HttpShop) -> None:
    """The three states that the tills' contract plays with."""
    till = shop.connector()
    await shop.break_down()
    for call in (till.open_bills(HALL, "table7"), till.post(notice())):
        with pytest.raises(TillError):
            await call
    await shop.mend()
    assert not await till.open_bills(HALL, "table7")
    await shop.hang()
    assert "no complete answer within 3 s" in await why_not(till.open_bills(HALL, "table7"))
    await shop.mend()
    await till.post(notice())
    assert shop.is_running


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"token": "tok-of-somebody-else"}, "the bearer token is not ours"),
        ({"token": None}, "the bearer token is not ours"),
        ({"signing_secret": STRANGERS}, "not signed with our secret"),
    ],
)
async def test_a_stranger_can_not_pay_a_bill(
    shop: HttpShop, changed: dict[str, Any], why: str
) -> None:
    """Without the token nothing is answered, and without the secret nothing is booked."""
    given: dict[str, Any] = {"token": TOKEN, "signing_secret": SIGNING_SECRET}
    till = till_to(shop.url, clock=SystemClock(), **(given | changed))
    try:
        await why_not(till.post(notice()))
    finally:
        await till.aclose()

    assert await shop.payments() == []
    assert why in shop.said()


async def test_a_notice_of_a_wrong_clock_is_refused(shop: HttpShop) -> None:
    """An old notice played again by somebody else is not a new one."""
    clock = SystemClock()
    late = SystemClock(wall_s=lambda: clock.wall_s() - 400)
    till = till_to(shop.url, token=TOKEN, signing_secret=SIGNING_SECRET, clock=late)
    try:
        assert "clocks is wrong" in await why_not(till.post(notice()))
    finally:
        await till.aclose()

    assert "one of our clocks is wrong" in shop.said()
    assert await shop.payments() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 404),
        ("GET", "/bills", None, 400),
        ("GET", "/bills?location_id=x&spot=y", None, 400),
        ("POST", "/bills/B-1", b"{}", 404),
        ("POST", "/bills/B-1/lock", b"", 400),
        ("POST", "/bills/B-1/lock", b"[]", 400),
        ("POST", "/bills/B-1/lock", b'{"location_id": {}, "spot": [], "visit": 1}', 400),
        ("POST", "/payments", b"{}", 401),
        ("PUT", "/bills", None, 501),
    ],
)
async def test_the_reference_shop_answers_nonsense_in_json(
    shop: HttpShop, method: str, path: str, body: bytes | None, status: int
) -> None:
    """Whoever copies it copies that too."""
    request = urllib.request.Request(shop.url + path, body, method=method)
    request.add_header("Authorization", f"Bearer {TOKEN}")

    def answer() -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=10) as given:
                return given.status, json.load(given)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    code, told = await asyncio.to_thread(answer)

    assert code == status
    assert set(told) == {"error", "message"}
    assert shop.is_running
    assert "Traceback" not in shop.said()


async def test_the_reference_shop_reads_no_more_than_it_says(shop: HttpShop) -> None:
    """What it does not read can not be taken for the next request: the connection ends."""
    port = int(shop.url.rpartition(":")[2])
    head = f"POST /payments HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
    for told in ("content-length: 70000\r\n", "transfer-encoding: chunked\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}{told}\r\n".encode())
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 413"), told


def run(books: Path, *given: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(PROGRAM), "--books", str(books), *given]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env=environ
    )


async def test_the_shops_own_people_use_it_from_the_shell(shop: HttpShop, tmp_path: Path) -> None:
    """As the documents show: owe a bill, look at payments; a locked bill stays as it is."""
    books = shop._home / "shop.db"
    example = PROGRAM.with_name("bill.json")
    till = shop.connector()

    assert run(books, "owe", "9975", "table7", str(example)).returncode == 0
    assert list(await till.open_bills(HALL, "table7")) == [json.loads(example.read_text())]
    await till.lock(HALL, "table7", "B-1041", "v-1", 60)
    refused = run(books, "owe", "9975", "table7")
    assert refused.returncode == 1
    assert "paying this table's bill right now" in refused.stderr
    await till.post(notice(bill_id="B-1041"))
    assert json.loads(run(books, "payments").stdout)["bill_id"] == "B-1041"
    assert run(books, "owe", "9975", "table7").returncode == 0
    assert not await till.open_bills(HALL, "table7")


def test_the_reference_shop_does_not_start_without_its_secrets(tmp_path: Path) -> None:
    """An endpoint that anybody may tell anything is no till."""
    ended = run(tmp_path / "shop.db", "serve", "--port", "0")

    assert ended.returncode == 1
    assert "SHOP_TOKEN" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db"]
