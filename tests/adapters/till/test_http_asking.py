"""A shop is asked for bills: how it is asked, and what passes for an answer."""

import json
from decimal import Decimal

import pytest

from tests.adapters.till.http_support import (
    HALL,
    HTML,
    TOKEN,
    a_shop,
    bill,
    json_says,
    silent,
    till_to,
    why_not,
)
from tests.adapters.wallet.stage import Scene, says


async def test_bills_are_asked_for_by_location_and_spot() -> None:
    """The shop sees who asks, and a table's name arrives as it is printed in the code."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, {"bills": [bill(), bill(bill_id="B-2")], "more": 0.5}))

        found = await till.open_bills(HALL, "table 7&spot=ü/é?%20")

    assert [one["bill_id"] for one in found] == ["B-1", "B-2"]
    (seen,) = stage.seen
    assert seen.method == "GET"
    assert seen.target == (
        "/shop/bills?location_id=9975&spot=table%207%26spot%3D%C3%BC%2F%C3%A9%3F%2520"
    )
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["user-agent"].startswith("paysera-worker/")
    assert "cookie" not in seen.headers


async def test_a_spot_that_owes_nothing_has_no_bills() -> None:
    """An empty list is an answer, and not a fault."""
    async with a_shop() as (_, till):
        assert list(await till.open_bills(HALL, "table7")) == []


async def test_without_a_token_none_is_sent() -> None:
    """A certificate may do the same."""
    async with a_shop(token=None) as (stage, till):
        await till.open_bills(HALL, "table7")

    assert "authorization" not in stage.seen[0].headers


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/vnd.shop+json",
        'application/json; charset="utf-8"',
    ],
)
async def test_json_may_be_announced_in_every_usual_way(content_type: str) -> None:
    """A media type is read without regard to case, and a byte order mark passed over."""
    content = b"\xef\xbb\xbf" + json.dumps({"bills": [bill()]}).encode()
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, content, content_type))

        assert len(await till.open_bills(HALL, "table7")) == 1


async def test_no_float_ever_comes_in() -> None:
    """A number that is not whole is a Decimal, exactly as it was written."""
    content = b'{"bills": [{"amount_minor": 23.50, "x": 1e2, "y": -0.0, "z": 23}]}'
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, content))

        (found,) = await till.open_bills(HALL, "table7")

    assert {name: type(value) for name, value in found.items()} == {
        "amount_minor": Decimal,
        "x": Decimal,
        "y": Decimal,
        "z": int,
    }
    assert str(found["amount_minor"]) == "23.50"


NO_ANSWERS: dict[str, tuple[Scene, str]] = {
    "html": (says(200, HTML, content_type="text/html"), "a page of HTML"),
    "html in disguise": (json_says(200, HTML), "can not be read: it is not JSON"),
    "json as text": (says(200, {"bills": []}, content_type="text/plain"), "else than JSON"),
    "no type": (says(200, {"bills": []}), "its content type: none"),
    "other charset": (
        json_says(200, {"bills": []}, "application/json; charset=latin-1"),
        "another charset",
    ),
    "nothing": (json_says(200, b""), "can not be read: it is empty"),
    "half": (json_says(200, b'{"bills": [{"bill_id": "B'), "only half of it"),
    "not utf-8": (json_says(200, b'{"bills": ["\xff"]}'), "not UTF-8"),
    "no object": (json_says(200, [bill()]), "not with a JSON object"),
    "no list": (json_says(200, {"bills": bill()}), 'without a list under "bills"'),
    "no bills": (json_says(200, {"bill": []}), 'without a list under "bills"'),
    "null": (json_says(200, {"bills": None}), 'without a list under "bills"'),
    "no objects": (json_says(200, {"bills": [bill(), "B-2"]}), "not everything"),
    "twice": (json_says(200, b'{"bills": [], "bills": [{}]}'), "a field is there twice"),
    "nan": (json_says(200, b'{"bills": [{"amount_minor": NaN}]}'), "NaN is not a number"),
    "infinite": (json_says(200, b'{"bills": [{"a": -Infinity}]}'), "is not a number"),
    "vast": (json_says(200, b'{"bills": [{"a": 1e999999999}]}'), "number is too large"),
    "vaster": (json_says(200, b'{"bills": [{"a": 1e99999999999999999999}]}'), "is too large"),
    "long": (json_says(200, b'{"bills": [%s]}' % (b"9" * 5000)), "it is not JSON"),
    "precise": (json_says(200, b'{"bills": [0.%s]}' % (b"3" * 100)), "too many digits"),
    "deep": (json_says(200, b"[" * 100_000), "it is not JSON"),
    "an error in a 200": (json_says(200, {"error": "no such table", "bills": []}), "no such table"),
    "201": (json_says(201, {"bills": []}), "it answers 201: that is no yes"),
    "203": (json_says(203, {"bills": []}), "it answers 203"),
    "204": (silent(204), "it answers 204: that is no yes"),
    "206": (json_says(206, {"bills": []}), "it answers 206"),
    "400": (json_says(400, {"error": "bad", "message": "what spot?"}), 'says "what spot?"'),
    "401": (json_says(401, {"error": {"code": "x", "message": "who?"}}), "till.token"),
    "403": (silent(403), "till.token"),
    "404": (says(404, HTML, content_type="text/html"), "check till.url"),
    "405": (silent(405), "check till.url"),
    "429": (silent(429), "asked too often"),
    "500": (json_says(500, {"message": "database is\ngone"}), 'it says "database is gone"'),
    "500 in html": (says(500, HTML), "(a page of HTML)"),
    "502": (says(502, b"\x00\xff\x1b[31mupstream", content_type="text/plain"), "fault of its own"),
    "503": (silent(503), "fault of its own"),
    "599": (silent(599), "fault of its own"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
async def test_what_is_no_answer_is_told_and_not_guessed(name: str) -> None:
    """The operator reads which call it was, what came back, and the shop's own words."""
    scene, why = NO_ANSWERS[name]
    async with a_shop() as (stage, till):
        stage.plays(scene)

        told = await why_not(till.open_bills(HALL, "table7"))

    assert why in told
    assert "GET /bills" in told


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_told_and_never_followed(status: int) -> None:
    """Who answers elsewhere could be anybody; a token sent there would be theirs."""
    async with a_shop() as (stage, till):
        stage.plays(says(status, b"", location=f"http://127.0.0.1:{stage.port}/elsewhere"))

        told = await why_not(till.open_bills(HALL, "table7"))

    assert "/elsewhere" in told
    assert "till.url" in told
    assert len(stage.seen) == 1


async def test_a_shop_that_repeats_our_token_does_not_put_it_into_the_log() -> None:
    """Some servers send back what they got."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(500, {"error": f"bad header: Bearer {TOKEN}"}))

        told = await why_not(till.open_bills(HALL, "table7"))

    assert "Bearer ***" in told


async def test_the_words_of_a_shop_are_cut() -> None:
    """A line of the log is a line, whatever the shop says."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(500, {"error": "x" * 100_000}))

        assert "x" * 200 in await why_not(till.open_bills(HALL, "table7"))


async def test_a_cookie_is_not_kept() -> None:
    """No answer changes what the next request looks like."""
    async with a_shop() as (stage, till):
        stage.plays(says(200, {"bills": []}, content_type="application/json", set_cookie="a=b"))
        await till.open_bills(HALL, "table7")
        await till.open_bills(HALL, "table7")

    assert stage.seen[0].headers == stage.seen[1].headers
    assert stage.connections == 1


async def test_a_check_of_a_good_shop_finds_nothing() -> None:
    """It asks for a spot and a bill that no shop has, and changes nothing."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, {"bills": []}), json_says(404, {"error": "no_such_bill"}))

        assert await till.check() == []

    assert [seen.target for seen in stage.seen] == [
        "/shop/bills?location_id=9975&spot=__check__",
        "/shop/bills/__check__/lock",
    ]


@pytest.mark.parametrize(
    ("scenes", "why"),
    [
        ([json_says(401, {"error": "who are you"})], "check till.token"),
        ([says(404, HTML)], "check till.url"),
        ([says(200, HTML, content_type="text/html")], "a page of HTML"),
        ([json_says(200, {"bills": [bill()]})], "does it look at which spot"),
        ([json_says(200, {"bills": []}), says(404, HTML)], "POST /bills/.../lock"),
        ([json_says(200, {"bills": []}), json_says(200, {"bill_id": "__check__"})], "nobody made"),
    ],
)
async def test_a_check_says_in_one_sentence_what_is_wrong(scenes: list[Scene], why: str) -> None:
    """And a shop that has no locks is found out before the first guest."""
    async with a_shop() as (stage, till):
        stage.plays(*scenes)

        (told,) = await till.check()

    assert why in told
    assert TOKEN not in told


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://no-such-host.invalid/shop", "host name can not be resolved"),
        ("http://127.0.0.1:9/shop", "nothing listens there"),
    ],
)
async def test_a_check_of_an_address_where_nobody_is_says_so(url: str, why: str) -> None:
    """The two mistakes that every new shop makes: the name, and the port."""
    till = till_to(url)

    (told,) = await till.check()

    assert why in told
    await till.aclose()
