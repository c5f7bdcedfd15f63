"""A bill is kept from being changed while it is paid, where the shop can do that."""

from typing import Any

import pytest

from tests.adapters.till.http_support import (
    HALL,
    HTML,
    a_shop,
    bill,
    body_of,
    json_says,
    notice,
    silent,
    why_not,
)
from tests.adapters.wallet.stage import Scene, says
from worker.adapters.till.connector import BillGone, Refused, TillError


async def test_a_lock_says_whose_it_is_and_for_how_long() -> None:
    """The answer is the bill as it is now."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, bill(amount_minor=2400)))

        found = await till.lock(HALL, "table7", "B-1", "v-0042", 960)

    assert till.can_lock
    assert found["amount_minor"] == 2400
    (seen,) = stage.seen
    assert (seen.method, seen.target) == ("POST", "/shop/bills/B-1/lock")
    assert body_of(seen) == {
        "location_id": HALL,
        "spot": "table7",
        "visit": "v-0042",
        "seconds": 960,
    }


@pytest.mark.parametrize(
    ("bill_id", "written"),
    [
        ("B 1/2?x#y", "B%201%2F2%3Fx%23y"),
        ("../../payments", "..%2F..%2Fpayments"),
        ("%2e%2e", "%252e%252e"),
        ("ü", "%C3%BC"),
        ("a\r\nb", "a%0D%0Ab"),
        ("a;b,c+d&e=f", "a%3Bb%2Cc%2Bd%26e%3Df"),
        ("...", "..."),
    ],
)
async def test_a_bills_id_is_one_segment_of_the_address(bill_id: str, written: str) -> None:
    """Whatever the shop calls its bills, the call is about that bill and no other."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, bill(bill_id=bill_id)), silent(204))
        await till.lock(HALL, "table7", bill_id, "v-1", 60)
        await till.unlock(HALL, "table7", bill_id, "v-1")

    assert [seen.target for seen in stage.seen] == [
        f"/shop/bills/{written}/lock",
        f"/shop/bills/{written}/unlock",
    ]


@pytest.mark.parametrize("bill_id", [".", ".."])
async def test_an_id_that_addresses_shorten_away_is_never_sent(bill_id: str) -> None:
    """RFC 3986 5.2.4 takes /bills/../lock for /lock, and so may any front end."""
    async with a_shop() as (stage, till):
        assert "a dot" in await why_not(till.lock(HALL, "table7", bill_id, "v-1", 60))

    assert stage.seen == []


@pytest.mark.parametrize(
    "scene",
    [
        silent(410),
        says(410, HTML),
        json_says(404, {"error": "no_such_bill"}),
        json_says(410, {"error": "paid"}),
    ],
)
async def test_a_bill_that_is_not_owed_any_more_is_gone(scene: Scene) -> None:
    """Paid at the counter, perhaps: nobody may be asked for it."""
    async with a_shop() as (stage, till):
        stage.plays(scene)

        with pytest.raises(BillGone):
            await till.lock(HALL, "table7", "B-1", "v-1", 60)


NO_LOCKS: list[tuple[Any, str]] = [
    (json_says(409, {"error": "locked"}), "somebody else is paying it"),
    # Also what a server says that has no locks at all: not a word about the bill.
    (says(404, HTML, content_type="text/html"), "no such address"),
    (silent(404), "no such address"),
    (json_says(404, {"detail": "Not Found"}), "no such address"),  # FastAPI, for one.
    (json_says(404, {"message": "no such bill"}), "no such address"),
    (json_says(404, {"title": "Not Found", "status": 404}), "no such address"),
    (json_says(404, {"error": {"code": 404}}), "no such address"),
    (json_says(404, {"error": ""}), "no such address"),
    (json_says(404, ["error"]), "no such address"),
    (silent(200), "JSON"),
    (silent(204), "it answers 204"),
    (json_says(200, [bill()]), "not with a JSON object"),
    (json_says(200, {"bills": [bill()]}), "another bill"),
    (json_says(200, bill(bill_id="B-2")), "another bill"),
    (json_says(200, {"error": "no"} | bill()), 'says "no"'),
    (json_says(201, bill()), "it answers 201"),
    (silent(500), "fault of its own"),
    (silent(301), "redirect"),
]


@pytest.mark.parametrize(("scene", "why"), NO_LOCKS)
async def test_what_is_no_lock_is_told(scene: Scene, why: str) -> None:
    """It is never taken for a lock, nor for a bill that is gone."""
    async with a_shop() as (stage, till):
        stage.plays(scene)

        assert why in await why_not(till.lock(HALL, "table7", "B-1", "v-1", 60))


OF_THIS_ONE: list[tuple[Scene, bool]] = [
    (json_says(409, {"error": "locked"}), True),
    (silent(409), True),
    (json_says(400, {"error": "no such table"}), True),
    (json_says(422, {"detail": [{"loc": ["query", "spot"]}]}), True),
    (json_says(404, {"error": "no such table"}), True),
    (silent(404), False),
    (says(409, HTML, content_type="text/html"), False),
    (says(404, HTML, content_type="text/html"), False),
    *((json_says(status, {"error": "x"}), False) for status in (401, 403, 405, 407, 408, 425)),
    (json_says(429, {"error": "x"}), False),
    (json_says(500, {"error": "x"}), False),
    (json_says(503, {"error": "x"}), False),
    (silent(302), False),
    (says(200, HTML, content_type="text/html"), False),
]


@pytest.mark.parametrize(("scene", "is_refused"), OF_THIS_ONE)
async def test_a_no_to_one_thing_is_told_apart_from_a_till_that_fails(
    scene: Scene, is_refused: bool
) -> None:
    """A question or a payment that is refused says nothing about the next table's (F70)."""
    async with a_shop() as (stage, till):
        stage.otherwise = scene
        for call in (till.open_bills(HALL, "table7"), till.post(notice())):
            with pytest.raises(TillError) as caught:
                await call
            assert isinstance(caught.value, Refused) is is_refused
        with pytest.raises((TillError, BillGone)) as locking:
            await till.lock(HALL, "table7", "B-1", "v-1", 60)
        assert isinstance(locking.value, Refused | BillGone) is is_refused


@pytest.mark.parametrize(
    "scene",
    [
        json_says(404, {"detail": "Not Found"}),
        silent(404),
        json_says(409, {"error": "locked"}),
        json_says(405, {"detail": "Method Not Allowed"}),
        silent(204),
        json_says(200, bill(bill_id="__check__")),
    ],
)
async def test_a_shop_without_lock_routes_is_found_out_by_the_check(scene: Scene) -> None:
    """And not by each guest whose money is given back."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, {"bills": []}), scene)

        (sentence,) = await till.check()

    assert "till.lock" in sentence or "nobody made" in sentence


@pytest.mark.parametrize(
    "scene", [silent(410), json_says(410, {"detail": "x"}), json_says(404, {"error": "no_such"})]
)
async def test_a_lock_that_refuses_what_is_not_there_is_well(scene: Scene) -> None:
    """The refusals of the contract, and no others."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, {"bills": []}), scene)

        assert await till.check() == []


@pytest.mark.parametrize(
    "scene",
    [
        silent(200),
        silent(204),
        json_says(200, {}),
        silent(410),
        json_says(409, {"error": "x"}),
        json_says(404, {"error": "no_such_bill"}),
    ],
)
async def test_an_unlock_of_what_we_do_not_hold_is_nothing(scene: Scene) -> None:
    """Gone, somebody else's or never locked: either way there is no lock of ours."""
    async with a_shop() as (stage, till):
        stage.plays(scene)

        await till.unlock(HALL, "table7", "B-1", "v-1")

    assert body_of(stage.seen[0]) == {"location_id": HALL, "spot": "table7", "visit": "v-1"}


@pytest.mark.parametrize("scene", [silent(500), says(200, HTML), says(404, HTML), silent(302)])
async def test_an_unlock_that_was_not_understood_is_told(scene: Scene) -> None:
    """The caller may try again; the lock's own time ends it anyway."""
    async with a_shop() as (stage, till):
        stage.plays(scene)

        await why_not(till.unlock(HALL, "table7", "B-1", "v-1"))


async def test_a_shop_without_locks_is_never_asked_for_one() -> None:
    """The operator says whether it has them."""
    async with a_shop(lock=False) as (stage, till):
        assert not till.can_lock
        assert "till.lock is false" in await why_not(till.lock(HALL, "table7", "B-1", "v-1", 60))
        assert "till.lock" in await why_not(till.unlock(HALL, "table7", "B-1", "v-1"))
        assert await till.check() == []

    assert [seen.method for seen in stage.seen] == ["GET"]
