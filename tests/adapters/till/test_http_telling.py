"""A shop is told that a bill is paid: the same bytes each time, signed, believed or repeated."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import standardwebhooks
from freezegun import freeze_time
from standardwebhooks.webhooks import WebhookVerificationError

from tests.adapters.till.http_support import (
    HTML,
    NOON,
    SIGNING_SECRET,
    a_shop,
    body_of,
    json_says,
    notice,
    silent,
    why_not,
)
from tests.adapters.wallet.clockwork import LoopClock
from tests.adapters.wallet.stage import Scene, cut, says
from tests.tills.http_shop import program
from worker.adapters.till.notice_body import notice_body
from worker.domain.ids import LocationId
from worker.domain.money import Money

OTHER_SECRET = "whsec_b3RoZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMuLi4="


def test_a_notice_says_everything_that_a_book_needs() -> None:
    """The outer shape is Standard Webhooks'; amounts are whole minor units."""
    told = json.loads(notice_body(notice(part_id="P-2", service_minor=200, tip_minor=150)))

    assert told == {
        "type": "bill.paid",
        "timestamp": "2026-11-20T12:00:00Z",
        "data": {
            "notice_id": "n-9975-42-1",
            "bill_id": "B-1",
            "part_id": "P-2",
            "location_id": 9975,
            "spot": "table7",
            "amount_minor": 2350,
            "currency": "EUR",
            "bill_amount_minor": 2350,
            "service_minor": 200,
            "tip_minor": 150,
            "visit": "v-0042",
            "transaction_key": "ATaNkey0001",
            "orderid": "v1.abc.9975.42.qwer1",
            "paid_at": "2026-11-20T12:00:00Z",
        },
    }


def test_a_notice_is_the_same_bytes_each_time() -> None:
    """Whatever zone its moment is written in, however finely; in one line of ASCII."""
    vilnius = NOON.astimezone(timezone(timedelta(hours=2)))
    written = {
        notice_body(notice(table="tërrasse \u2028\n", paid_at=moment))
        for moment in (NOON, vilnius, NOON + timedelta(microseconds=250_001))
    }

    (one,) = written
    assert one == json.dumps(json.loads(one), sort_keys=True, separators=(",", ":")).encode()
    assert one.isascii()
    assert b"\n" not in one
    assert json.loads(one)["data"]["spot"] == "tërrasse \u2028\n"


async def test_a_notice_is_signed_so_that_the_library_believes_it() -> None:
    """Headers and signature are those of Standard Webhooks; the id is the notice's own."""
    async with a_shop() as (stage, till):
        stage.plays(silent(204))
        await till.post(notice())

    (seen,) = stage.seen
    assert (seen.method, seen.target) == ("POST", "/shop/payments")
    assert seen.body == notice_body(notice())
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["webhook-id"] == "n-9975-42-1"
    signed_at = datetime.fromtimestamp(int(seen.headers["webhook-timestamp"]), UTC)
    with freeze_time(signed_at + timedelta(minutes=4), real_asyncio=True):
        told = standardwebhooks.Webhook(SIGNING_SECRET).verify(seen.body, seen.headers)
    assert told == body_of(seen)
    with freeze_time(signed_at, real_asyncio=True):
        with pytest.raises(WebhookVerificationError):
            standardwebhooks.Webhook(OTHER_SECRET).verify(seen.body, seen.headers)
        with pytest.raises(WebhookVerificationError):
            standardwebhooks.Webhook(SIGNING_SECRET).verify(seen.body + b" ", seen.headers)


async def test_the_reference_shop_verifies_by_itself_what_the_library_signed() -> None:
    """Two readings of one specification agree: on a good notice, and on every bad one."""
    shop = program()
    async with a_shop() as (stage, till):
        stage.plays(silent(204))
        await till.post(notice())
    (seen,) = stage.seen
    now = int(seen.headers["webhook-timestamp"])

    def verified(secrets: list[str], body: bytes, at: float, **changed: str) -> str:
        return str(shop.verify({**seen.headers, **changed}, body, secrets, at))

    assert verified([SIGNING_SECRET], seen.body, now) == "n-9975-42-1"
    assert verified([OTHER_SECRET, SIGNING_SECRET], seen.body, now + 300) == "n-9975-42-1"
    rotated = f"v1,bm9uc2Vuc2U= {seen.headers['webhook-signature']}"
    assert verified([SIGNING_SECRET], seen.body, now, **{"webhook-signature": rotated})
    bad: list[tuple[list[str], bytes, float, dict[str, str]]] = [
        ([OTHER_SECRET], seen.body, now, {}),
        ([SIGNING_SECRET], seen.body[:-1], now, {}),
        ([SIGNING_SECRET], seen.body, now + 301, {}),
        ([SIGNING_SECRET], seen.body, now - 301, {}),
        ([SIGNING_SECRET], seen.body, now, {"webhook-id": "n-9975-42-2"}),
        ([SIGNING_SECRET], seen.body, now, {"webhook-timestamp": str(now + 1)}),
        ([SIGNING_SECRET], seen.body, now, {"webhook-timestamp": "soon"}),
        ([SIGNING_SECRET], seen.body, now, {"webhook-signature": ""}),
        ([SIGNING_SECRET], seen.body, now, {"webhook-signature": "v1,äöü"}),
    ]
    for secrets, body, at, changed in bad:
        with pytest.raises(shop.Refusal):
            verified(secrets, body, at, **changed)


async def test_a_repeat_changes_the_time_and_the_signature_and_nothing_else() -> None:
    """The shop can keep what it got and compare; a signature of ten minutes ago would be stale."""
    clock = LoopClock()
    async with a_shop(clock=clock) as (stage, till):
        stage.plays(silent(500), silent(204))
        await why_not(till.post(notice()))
        clock.wall_off_s = 600.0
        await till.post(notice())

    first, second = stage.seen
    assert first.body == second.body
    changed = {name for name in first.headers if first.headers[name] != second.headers[name]}
    assert changed == {"webhook-timestamp", "webhook-signature"}
    assert first.headers.keys() == second.headers.keys()
    apart = int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
    assert apart in {600, 601}


@pytest.mark.parametrize(
    "scene",
    [
        silent(200),
        silent(201),
        silent(202),
        silent(204),
        json_says(200, {"ok": True}),
        json_says(201, []),
        json_says(202, b"null"),
        json_says(200, {"error": None}),
        json_says(200, {"error": ""}),
    ],
)
async def test_a_yes_is_empty_or_json(scene: Scene) -> None:
    """Returning means that the shop has it for good."""
    async with a_shop() as (stage, till):
        stage.plays(scene)

        await till.post(notice())

    assert len(stage.seen) == 1


NO_YES: list[tuple[Any, str]] = [
    (says(200, HTML, content_type="text/html"), "a page of HTML"),
    (says(200, b"OK", content_type="text/plain"), "something else than JSON"),
    (json_says(200, b"OK"), "not JSON"),
    (json_says(200, b'{"ok": tr'), "only half of it"),
    (json_says(200, {"error": "the books are closed"}), "the books are closed"),
    (json_says(203, {}), "it answers 203"),
    (json_says(206, {}), "it answers 206"),
    (silent(302), "redirect"),
    (json_says(400, {"error": "what?"}), 'it says "what?"'),
    (json_says(401, {"error": "bad_signature"}), "bad_signature"),
    (json_says(404, {"error": "no such bill"}), "no such bill"),
    (json_says(409, {"error": "told before"}), "told before"),
    (json_says(410, {"error": "gone"}), "gone"),
    (json_says(500, {"error": "sorry"}), "sorry"),
    (cut, "the connection broke"),
]


@pytest.mark.parametrize(("scene", "why"), NO_YES)
async def test_everything_else_will_be_told_again(scene: Scene, why: str) -> None:
    """Also a 410: a payment is never the shop's to refuse, and a person has to look."""
    async with a_shop() as (stage, till):
        stage.plays(scene)

        told = await why_not(till.post(notice()))

    assert why in told
    assert "POST /payments" in told
    assert len(stage.seen) == 1, "repeating is the caller's, with its own patience"


async def test_a_notice_goes_out_whatever_its_bill_is_called() -> None:
    """Names from a shop stand in the body only, where JSON takes care of them."""
    async with a_shop() as (stage, till):
        stage.plays(silent(204))
        await till.post(notice(bill_id='B/"1"\r\nx: y', table="\U0001f355", money=Money(1, "EUR")))

    assert body_of(stage.seen[0])["data"]["bill_id"] == 'B/"1"\r\nx: y'


@pytest.mark.parametrize("notice_id", ["", "a.b", "a b", "a\r\nx: y", "ä", "x" * 129])
async def test_an_id_that_no_header_or_signature_can_carry_is_never_sent(notice_id: str) -> None:
    """A dot would let two notices have one signature; a line end would forge a header."""
    async with a_shop() as (stage, till):
        told = await why_not(till.post(notice(notice_id=notice_id)))

    assert "header" in told
    assert stage.seen == []


async def test_each_location_is_told_on_its_own_line() -> None:
    """What is told belongs to the notice's location."""
    async with a_shop() as (stage, till):
        stage.plays(silent(204), silent(204))
        await till.post(notice())
        await till.post(notice(location_id=LocationId(9976)))

    assert [body_of(seen)["data"]["location_id"] for seen in stage.seen] == [9975, 9976]
