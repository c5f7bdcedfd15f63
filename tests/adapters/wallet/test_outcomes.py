"""What each call answers for each way in which an exchange can end."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from worker.adapters.wallet import WalletClient
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.domain.wallet import NewTransaction, SpotOrder, Transaction

from .clockwork import LoopClock
from .conftest import MakeClient
from .stage import Scene, Stage, cut, drip, flood, hang, no, raw, says

KEY = TransactionKey("aaBBccDD11223344eeFF")
SPOT = SpotId("15")
REQUEST = NewTransaction(OrderReference("w1-2f6c"), Money(2350, "EUR"), "Bill 58 / ą", 900)
FULL = {"transaction_key": KEY, "status": "new"}
BOMB = gzip.compress(b"x" * 10_000_000)


def confirm(
    client: WalletClient, clock: LoopClock, within_s: float = 60.0
) -> Awaitable[Outcome[None]]:
    return client.confirm_transaction(KEY, clock.now() + timedelta(seconds=within_s))


Write = Callable[[WalletClient, LoopClock], Awaitable[Outcome[object]]]
WRITES: dict[str, Write] = {
    "create": lambda client, _: client.create_transaction(REQUEST),
    "link": lambda client, _: client.link_order(SPOT, KEY),
    "confirm": confirm,
    "revoke": lambda client, _: client.revoke_transaction(KEY),
    "close": lambda client, _: client.close_spot(SPOT),
}
every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)

IN_DOUBT: dict[str, Scene] = {
    "cut before the answer": cut,
    "half an answer": raw(b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"tra'),
    "half a head": raw(b"HTTP/1.1 200 OK\r\ncont"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "50 MB": flood,
    "50 MB announced": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 52428800\r\n\r\n"),
    "packed": says(200, BOMB, content_encoding="gzip"),
    "packed lie": says(200, b"{}", content_encoding="br"),
    "500": no(500, "internal_server_error"),
    "501": no(501, "not_implemented"),
    "502 page": says(502, b"<html>bad gateway</html>"),
    "503": says(503, b"", retry_after="1"),
    "408": no(408, "timeout"),
    "425": no(425, "too_early"),
    "303": says(303, b"", location="/elsewhere"),
    "400 page": says(400, b"<html>bad request</html>"),
    "403 page": says(403, b"<html>blocked</html>"),
    "404 page": says(404, b"<html>not found</html>"),
    "404 other object": says(404, {"message": "no route"}),
    "409 page": says(409, b""),
    "early hints for ever": raw(b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"),
}


@every_write
@pytest.mark.parametrize("scene", IN_DOUBT.values(), ids=IN_DOUBT)
async def test_a_write_in_doubt_is_unknown_and_sent_once(
    stage: Stage, client: WalletClient, clock: LoopClock, write: Write, scene: Scene
) -> None:
    """Whenever the bytes may have arrived nobody knows, and nothing is repeated (F3, F13, F21)."""
    stage.plays(scene)

    outcome = await write(client, clock)

    assert isinstance(outcome, Unknown)
    assert len(stage.seen) == 1


REFUSALS: dict[str, tuple[Scene, Refusal, int]] = {
    "400": (no(400, "invalid_parameters", "no such currency"), Refusal.INVALID, 400),
    "401": (no(401, "unauthorized"), Refusal.CREDENTIALS, 401),
    "401 bare": (says(401, b""), Refusal.CREDENTIALS, 401),
    "403": (no(403, "forbidden"), Refusal.CREDENTIALS, 403),
    "404": (no(404, "not_found"), Refusal.MISSING, 404),
    "406": (no(406, "not_acceptable"), Refusal.INVALID, 406),
    "409": (no(409, "invalid_state"), Refusal.STATE, 409),
    "410": (no(410, "gone"), Refusal.MISSING, 410),
    "422": (no(422, "limits_exceeded"), Refusal.INVALID, 422),
    "429": (no(429, "rate_limit_exceeded"), Refusal.THROTTLED, 429),
    "429 page": (says(429, b"<html>slow down</html>"), Refusal.THROTTLED, 429),
    "403 throttled by code": (no(403, "rate_limit_exceeded"), Refusal.THROTTLED, 403),
    "302": (says(302, b"", location="https://evil.example/"), Refusal.INVALID, 302),
    "307 broken": (says(307, b"", location="http://[::bad"), Refusal.INVALID, 307),
}


@every_write
@pytest.mark.parametrize(("scene", "refusal", "status"), REFUSALS.values(), ids=REFUSALS)
async def test_a_write_that_the_wallet_refuses_did_nothing_and_is_sent_once(
    stage: Stage,
    client: WalletClient,
    clock: LoopClock,
    write: Write,
    scene: Scene,
    refusal: Refusal,
    status: int,
) -> None:
    """A no in the wallet's own words is a no (F16, F18)."""
    stage.plays(scene)

    outcome = await write(client, clock)

    assert isinstance(outcome, Refused)
    assert (outcome.refusal, outcome.status) == (refusal, status)
    assert len(stage.seen) == 1


async def test_a_redirect_is_said_not_to_be_followed(stage: Stage, client: WalletClient) -> None:
    """Neither the call nor its signature goes anywhere else (F11)."""
    stage.plays(says(302, b"", location=f"{stage.url}/elsewhere", set_cookie="a=b"))

    outcome = await client.revoke_transaction(KEY)

    assert str(outcome) == "HTTP 302 redirect to another address is not followed"
    assert len(stage.seen) == 1
    await client.revoke_transaction(KEY)
    assert "cookie" not in stage.seen[1].headers


@every_write
async def test_a_write_without_an_answer_is_unknown_within_its_time(
    stage: Stage, make_client: MakeClient, clock: LoopClock, write: Write
) -> None:
    """Silence ends at the timeout (F4)."""
    client = make_client(stage.url, timeout_s=0.3)
    stage.plays(hang)

    assert isinstance(await write(client, clock), Unknown)
    assert len(stage.seen) == 1


async def test_a_dripping_answer_does_not_outlast_the_timeout(
    stage: Stage, make_client: MakeClient
) -> None:
    """Each byte comes in time, but the whole has a deadline as well (F10)."""
    client = make_client(stage.url, timeout_s=0.3)
    stage.plays(drip)

    async with asyncio.timeout(3.0):
        assert isinstance(await client.close_spot(SPOT), Unknown)


@every_write
async def test_a_write_that_finds_nobody_is_unsent(
    make_client: MakeClient, clock: LoopClock, write: Write, unused_tcp_port: int
) -> None:
    """Nothing left, so it may be sent again as it was; it was tried three times (F1)."""
    client = make_client(f"http://127.0.0.1:{unused_tcp_port}/rest/v1")

    outcome = await write(client, clock)

    assert isinstance(outcome, Unsent)
    assert sum(client.health.calls.values()) == 3


@pytest.mark.parametrize("name", ["no.such.host.invalid", "127.0.0.1:1"])
async def test_a_name_that_leads_nowhere_is_unsent(make_client: MakeClient, name: str) -> None:
    """Neither does anything leave when there is nowhere to go (F1)."""
    assert isinstance(await make_client(f"http://{name}/rest/v1").close_spot(SPOT), Unsent)


@every_write
@pytest.mark.parametrize("answer", [{}, [], None, {"status": "new"}])
async def test_a_yes_without_content_is_a_yes_but_for_a_create(
    stage: Stage, client: WalletClient, clock: LoopClock, write: Write, answer: object
) -> None:
    """Only a create needs something from its answer: the key (F19)."""
    stage.plays(says(200, answer))

    outcome = await write(client, clock)

    if write is WRITES["create"]:
        assert isinstance(outcome, Unknown)
    else:
        assert outcome == Done(None)


async def test_every_write_says_what_the_vendor_expects(
    stage: Stage, client: WalletClient, clock: LoopClock
) -> None:
    """Method, path and body of each."""
    stage.plays(says(200, FULL), says(200, {"transaction_key": KEY, "status": "pending"}))

    created = await client.create_transaction(REQUEST)
    linked = await client.link_order(SPOT, KEY)
    await confirm(client, clock)
    await client.revoke_transaction(KEY)
    await client.close_spot(SPOT)

    assert isinstance(created, Done)
    assert isinstance(created.value, Transaction)
    assert linked == Done(SpotOrder(KEY, "pending"))
    assert stage.targets() == [
        "POST /transaction",
        "POST /spot/15/order",
        f"PUT /transaction/{KEY}/confirm",
        f"DELETE /transaction/{KEY}",
        "DELETE /spot/15",
    ]
    assert json.loads(stage.seen[0].body) == {
        "payments": [
            {
                "description": "Bill 58 / ą",
                "price": 2350,
                "currency": "EUR",
                "parameters": {"orderid": "w1-2f6c"},
            }
        ],
        "reserve": {"for": 900},
        "auto_confirm": False,
        "use_allowance": False,
        "suggest_allowance": False,
    }
    assert json.loads(stage.seen[1].body) == {"transaction_key": KEY}
    assert [seen.body for seen in stage.seen[2:]] == [b"", b"", b""]
    assert ["ext" in seen.authorization for seen in stage.seen] == [True, True, False, False, False]
    assert len({seen.authorization["nonce"] for seen in stage.seen}) == 5
    assert {seen.headers["accept-encoding"] for seen in stage.seen} == {"identity"}
    assert stage.seen[0].headers["user-agent"].startswith("paysera-worker/")


@pytest.mark.parametrize("nasty", ["../../x", "a/b?c#d", "..", ".", "a\r\nb: c", "é\x00", "\ud800"])
async def test_an_opaque_id_is_one_harmless_path_segment(
    stage: Stage, client: WalletClient, nasty: str
) -> None:
    """Whatever text an id is, it can not reach another path, a query or a header (F29, F63)."""
    await client.close_spot(SpotId(nasty))

    (seen,) = stage.seen
    prefix, _, segment = seen.target.partition("/rest/v1/spot/")
    assert prefix == ""
    assert not set(segment) & set("/?#\r\n ")
    assert segment not in {"", ".", ".."}


@pytest.mark.parametrize("length", [10_000, 100_000])
async def test_an_endless_id_breaks_nothing(
    stage: Stage, client: WalletClient, length: int
) -> None:
    """It is sent as it is or not at all."""
    outcome = await client.close_spot(SpotId("é" * length))

    assert isinstance(outcome, Done if length == 10_000 else Unsent)


READS: dict[str, Callable[[WalletClient], Awaitable[Outcome[object]]]] = {
    "spot": lambda client: client.look_at_spot(SPOT),
    "transaction": lambda client: client.look_at_transaction(KEY),
    "spots": lambda client: client.list_waiting_spots(LocationId(9975)),
    "transactions": lambda client: client.list_transactions([]),
    "search": lambda client: client.list_transactions(
        [], datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    ),
    "server": lambda client: client.server_time(),
}
GOOD: dict[str, object] = {
    "spot": {"id": 15, "status": "waiting"},
    "transaction": FULL,
    "spots": {"spots": []},
    "transactions": {"transactions": []},
    "search": {"transactions": []},
    "server": {"time": 1700000000},
}
POLLS = ("spots", "transactions")
REPEATED = tuple(name for name in READS if name not in POLLS)
READ_TROUBLE = {
    name: scene
    for name, scene in IN_DOUBT.items()
    if name not in {"303", "400 page", "403 page", "409 page", "501"}
}


@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("scene", READ_TROUBLE.values(), ids=READ_TROUBLE)
async def test_a_read_in_trouble_is_repeated_with_a_fresh_signature(
    stage: Stage, client: WalletClient, name: str, scene: Scene
) -> None:
    """A second try is free, and no try uses the nonce of another (F28)."""
    stage.plays(scene, says(200, GOOD[name]))

    outcome = await READS[name](client)

    assert isinstance(outcome, Done)
    assert len(stage.seen) == 2
    if name != "server":
        assert stage.seen[0].authorization["nonce"] != stage.seen[1].authorization["nonce"]


@pytest.mark.parametrize("name", POLLS)
@pytest.mark.parametrize("scene", READ_TROUBLE.values(), ids=READ_TROUBLE)
async def test_a_poll_that_arrived_is_not_sent_again_before_its_time(
    stage: Stage, client: WalletClient, name: str, scene: Scene
) -> None:
    """The vendor sets a pace for polls; the repeat of a poll is the next poll."""
    stage.plays(scene, says(200, GOOD[name]))

    assert not isinstance(await READS[name](client), Done)
    assert len(stage.seen) == 1


@pytest.mark.parametrize("name", REPEATED)
async def test_a_read_gives_up_after_three_tries(
    stage: Stage, client: WalletClient, clock: LoopClock, name: str
) -> None:
    """What stays unreadable is unknown; a captive portal's page is never an empty list (F9)."""
    stage.otherwise = says(200, b"<html>please log in</html>")

    assert isinstance(await READS[name](client), Unknown)
    assert len(stage.seen) == 3
    first_s, second_s = clock.slept
    assert 0.1 <= first_s <= 0.2 <= second_s <= 0.4


async def test_a_read_without_an_answer_ends_in_time(stage: Stage, make_client: MakeClient) -> None:
    """However often it is repeated, it takes little more than one timeout."""
    client = make_client(stage.url, timeout_s=0.5)
    stage.otherwise = hang

    async with asyncio.timeout(4.0):
        assert isinstance(await client.look_at_transaction(KEY), Unknown)
    assert len(stage.seen) <= 3


@pytest.mark.parametrize("name", ["spot", "transaction"])
@pytest.mark.parametrize("status", [404, 410])
async def test_a_thing_that_is_not_there_is_missing(
    stage: Stage, client: WalletClient, name: str, status: int
) -> None:
    """In the wallet's own words only: a proxy's page decides nothing."""
    stage.plays(no(status, "not_found"))

    outcome = await READS[name](client)

    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.MISSING
    assert len(stage.seen) == 1


@pytest.mark.parametrize(
    "base_url", ["ftp://x/", "wallet", "https://u:p@x/", "https://x/?a=b", "https://x/#f"]
)
async def test_a_base_url_that_is_none_is_refused(make_client: MakeClient, base_url: str) -> None:
    """Nothing but scheme, host, port and path."""
    with pytest.raises(ValueError, match="base URL"):
        make_client(base_url)


async def test_a_closed_client_sends_nothing(stage: Stage, client: WalletClient) -> None:
    """Late callers are told that nothing left."""
    await client.aclose()

    assert isinstance(await client.close_spot(SPOT), Unsent)
    assert isinstance(await client.look_at_transaction(KEY), Unsent)
    assert stage.seen == []
