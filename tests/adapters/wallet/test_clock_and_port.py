"""Two things that the client learns from a refusal: the server's time and the signed port."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from structlog.testing import capture_logs

from worker.adapters.wallet import WalletClient, mac
from worker.domain.ids import SpotId, TransactionKey
from worker.domain.outcome import Done, Refusal, Refused

from .clockwork import LoopClock
from .conftest import CLIENT_ID, MAC_KEY, MakeClient
from .stage import Scene, Seen, Stage, no, says

KEY = TransactionKey("aaBBccDD11223344eeFF")
FULL = {"transaction_key": KEY, "status": "new"}
OFF_S = 259_200.0


def is_signed_for(seen: Seen, base_url: str, port: int) -> bool:
    auth = mac.MacAuth(
        client_id=CLIENT_ID,
        mac_key=MAC_KEY,
        base_url=httpx.URL(base_url),
        now=lambda: 0.0,
        port=port,
    )
    given = seen.authorization
    expected = auth.header(
        method=seen.method,
        target=seen.target.encode(),
        body=seen.body,
        ts=given["ts"],
        nonce=given["nonce"],
    )
    return expected == seen.headers["authorization"]


def a_strict_clock(clock: LoopClock, refusal: Scene) -> Scene:
    """Give a server whose own time is right and which refuses any other."""

    async def scene(seen: Seen, writer: asyncio.StreamWriter) -> None:
        right = clock.now().timestamp()
        if seen.target.endswith("/server"):
            await says(200, {"time": int(right)})(seen, writer)
        elif abs(int(seen.authorization["ts"]) - right) > 30:
            await refusal(seen, writer)
        else:
            await says(200, FULL)(seen, writer)

    return scene


@pytest.mark.parametrize(
    "refusal",
    [
        no(401, "invalid_timestamp"),
        no(401, "unauthorized", "Oops: Timestamp is in future (by 3 days)"),
        no(401, "unauthorized", "Timestamp lifetime exceeded"),
    ],
)
@pytest.mark.parametrize("off_s", [OFF_S, -OFF_S])
async def test_a_wrong_clock_is_learned_once_and_the_call_repeated(
    stage: Stage, client: WalletClient, clock: LoopClock, refusal: Scene, off_s: float
) -> None:
    """The server's time is asked for without a signature, once; later calls go straight through.

    (F15,
    F52)
    """
    clock.wall_off_s = off_s
    stage.otherwise = a_strict_clock(clock, refusal)

    with capture_logs() as logs:
        first = await client.look_at_transaction(KEY)
        second = await client.revoke_transaction(KEY)

    assert isinstance(first, Done)
    assert second == Done(None)
    assert stage.targets() == [
        f"GET /transaction/{KEY}",
        "GET /server",
        f"GET /transaction/{KEY}",
        f"DELETE /transaction/{KEY}",
    ]
    assert "authorization" not in stage.seen[1].headers
    assert stage.seen[0].authorization["nonce"] != stage.seen[2].authorization["nonce"]
    assert client.health.clock_offset_s == pytest.approx(-off_s, abs=1.5)
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("wallet.clock_offset", "warning")
    ]


async def test_a_write_with_a_wrong_clock_is_repeated_too(
    stage: Stage, client: WalletClient, clock: LoopClock
) -> None:
    """It was refused before it was looked at, so it is no second try (F15)."""
    clock.wall_off_s = OFF_S
    stage.otherwise = a_strict_clock(clock, no(401, "invalid_timestamp"))

    assert await client.close_spot(SpotId("15")) == Done(None)
    assert stage.targets() == ["DELETE /spot/15", "GET /server", "DELETE /spot/15"]


async def test_many_calls_with_a_wrong_clock_ask_for_the_time_once(
    stage: Stage, client: WalletClient, clock: LoopClock
) -> None:
    """Who finds the clock wrong while it is being learned waits for the result."""
    clock.wall_off_s = OFF_S
    stage.otherwise = a_strict_clock(clock, no(401, "invalid_timestamp"))

    outcomes = await asyncio.gather(*(client.look_at_transaction(KEY) for _ in range(12)))

    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert stage.targets().count("GET /server") == 1


async def test_a_server_that_refuses_its_own_time_is_an_alarm_and_no_loop(
    stage: Stage, client: WalletClient
) -> None:
    """One question, one repeat, one alarm; afterwards the server is not pestered for its time.

    (F15)
    """
    stage.plays(no(401, "invalid_timestamp"), says(200, {"time": 1700000000}))
    stage.otherwise = no(401, "invalid_timestamp")

    with capture_logs() as logs:
        outcomes = [await client.look_at_transaction(KEY) for _ in range(4)]

    assert all(
        isinstance(outcome, Refused) and outcome.refusal is Refusal.CREDENTIALS
        for outcome in outcomes
    )
    assert stage.targets().count("GET /server") == 1
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "wallet.clock_refused"
    ]


@pytest.mark.parametrize("answer", [says(500, b""), says(200, {"time": "soon"})])
async def test_without_the_servers_time_the_refusal_stands(
    stage: Stage, client: WalletClient, answer: Scene
) -> None:
    """A time that can not be had changes nothing."""
    stage.plays(no(401, "invalid_timestamp"), answer)

    outcome = await client.close_spot(SpotId("15"))

    assert isinstance(outcome, Refused)
    assert len(stage.seen) == 2
    assert client.health.clock_offset_s == 0.0


async def test_the_time_is_asked_for_with_a_signature_if_the_server_wants_one(
    stage: Stage, client: WalletClient, clock: LoopClock
) -> None:
    """The documents say both, so unsigned comes first."""
    now = int(clock.now().timestamp())
    stage.plays(
        no(401, "invalid_timestamp"),
        no(401, "unauthorized"),
        says(200, {"time": now}),
        says(200, FULL),
    )

    assert isinstance(await client.look_at_transaction(KEY), Done)
    assert ["authorization" in seen.headers for seen in stage.seen] == [True, False, True, True]


def a_port_minder(base_url: Callable[[], str], port: int) -> Scene:
    async def scene(seen: Seen, writer: asyncio.StreamWriter) -> None:
        is_right = is_signed_for(seen, base_url(), port)
        await (says(200, FULL) if is_right else no(401, "unauthorized"))(seen, writer)

    return scene


async def test_the_documented_port_is_tried_once_by_a_read_and_kept(
    stage: Stage, client: WalletClient
) -> None:
    """A server that goes by the document's constant is found out with one extra request."""
    stage.otherwise = a_port_minder(lambda: stage.url, 443)

    assert isinstance(await client.look_at_transaction(KEY), Done)
    assert len(stage.seen) == 2
    assert await client.close_spot(SpotId("15")) == Done(None)
    assert len(stage.seen) == 3


async def test_a_server_that_signs_the_real_port_needs_no_extra_request(
    stage: Stage, client: WalletClient
) -> None:
    """Once accepted, a later refusal is about the credentials and nothing else."""
    stage.otherwise = a_port_minder(lambda: stage.url, stage.port)
    assert isinstance(await client.look_at_transaction(KEY), Done)
    stage.otherwise = no(401, "unauthorized")

    assert isinstance(await client.look_at_transaction(KEY), Refused)
    assert len(stage.seen) == 2


async def test_wrong_credentials_cost_one_extra_request_and_no_more(
    stage: Stage, client: WalletClient
) -> None:
    """Invalid requests count against the limit, so there is no guessing in circles."""
    stage.otherwise = no(401, "unauthorized")

    for _ in range(5):
        assert isinstance(await client.look_at_transaction(KEY), Refused)

    assert len(stage.seen) == 6


async def test_a_refused_write_never_tries_the_other_port(
    stage: Stage, client: WalletClient
) -> None:
    """The port is only ever learned by reads."""
    stage.otherwise = no(401, "unauthorized")

    assert isinstance(await client.close_spot(SpotId("15")), Refused)
    assert len(stage.seen) == 1


async def test_reads_at_once_learn_the_port_together(stage: Stage, client: WalletClient) -> None:
    """Nobody is refused only because another one is still finding out."""
    stage.otherwise = a_port_minder(lambda: stage.url, 443)

    outcomes = await asyncio.gather(*(client.look_at_transaction(KEY) for _ in range(8)))

    assert all(isinstance(outcome, Done) for outcome in outcomes)


async def test_a_wrong_clock_and_the_documented_port_are_both_learned(
    stage: Stage, make_client: MakeClient, clock: LoopClock
) -> None:
    """One after the other, in one call."""
    clock.wall_off_s = OFF_S
    client = make_client(stage.url)
    minded = a_port_minder(lambda: stage.url, 443)
    timed = a_strict_clock(clock, no(401, "invalid_timestamp"))

    async def scene(seen: Seen, writer: asyncio.StreamWriter) -> None:
        is_timely = seen.target.endswith("/server") or (
            abs(int(seen.authorization["ts"]) - clock.now().timestamp()) < 30
        )
        await (minded if is_timely and "authorization" in seen.headers else timed)(seen, writer)

    stage.otherwise = scene

    assert isinstance(await client.look_at_transaction(KEY), Done)
    assert len(stage.seen) == 4
