"""What the client says in the log and in its health report, and what it never says."""

import asyncio
import logging
import random
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.service.world import FakeClock
from worker.adapters.wallet import WalletClient
from worker.adapters.wallet.health import Pulse
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.outcome import Done, Refused, Unknown, Unsent

from .clockwork import LoopClock
from .conftest import CLIENT_ID, MAC_KEY, MakeClient
from .stage import Stage, cut, no, says

KEY = TransactionKey("aaBBccDD11223344eeFF")
FULL = {"transaction_key": KEY, "status": "new"}


async def test_an_outage_is_told_at_its_edges(
    stage: Stage, client: WalletClient, clock: LoopClock
) -> None:
    """One line when it begins, one when it ends, whatever number of calls failed in between."""
    stage.otherwise = cut
    with capture_logs() as logs:
        for _ in range(3):
            await client.close_spot(SpotId("15"))
        down = client.health
        stage.otherwise = says(200, {})
        for _ in range(3):
            await client.close_spot(SpotId("15"))

    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("wallet.unreachable", "warning"),
        ("wallet.reachable", "info"),
    ]
    assert logs[1]["failures"] == 3
    assert (down.is_reachable, down.last_good_at) == (False, None)
    assert down.last_trouble.startswith("close: RemoteProtocolError")
    up = client.health
    assert up.is_reachable
    assert up.last_good_at is not None
    assert abs(clock.now() - up.last_good_at) < timedelta(seconds=5)
    assert up.calls == {"close": 6}
    assert (up.in_flight, up.waiting, up.throttled_until) == (0, 0, None)


async def test_a_pause_is_told_once_and_kept(
    stage: Stage, make_client: MakeClient, clock: LoopClock
) -> None:
    """While it lasts nothing leaves, whoever asks; the report says until when (F14)."""
    client = make_client(stage.url, timeout_s=0.2)
    stage.plays(no(429, "rate_limit_exceeded"), *[no(429, "x")] * 3)
    stage.script[0] = says(429, {"error": "rate_limit_exceeded"}, retry_after="60")

    with capture_logs() as logs:
        outcome = await client.close_spot(SpotId("15"))
        held = await asyncio.gather(*(client.close_spot(SpotId("15")) for _ in range(4)))

    assert isinstance(outcome, Refused)
    assert all(isinstance(one, Unsent) for one in held)
    assert len(stage.seen) == 1
    assert [(line["event"], line["retry_after_s"]) for line in logs] == [("wallet.throttled", 60.0)]
    until = client.health.throttled_until
    assert until is not None
    assert timedelta(seconds=55) < until - clock.now() <= timedelta(seconds=60)


async def test_a_throttled_read_waits_and_is_repeated(stage: Stage, client: WalletClient) -> None:
    """A pause that ends in time costs the reader nothing but time."""
    stage.plays(says(429, b"", retry_after="1"), says(200, FULL))
    loop = asyncio.get_running_loop()
    began = loop.time()

    assert isinstance(await client.look_at_transaction(KEY), Done)
    assert 1.0 <= loop.time() - began < 3.0


async def test_refused_credentials_are_told_once_with_what_to_do(
    stage: Stage, client: WalletClient
) -> None:
    """The operator gets one line; when it works again the next refusal is news (F16)."""
    with capture_logs() as logs:
        stage.otherwise = no(401, "unauthorized")
        for _ in range(3):
            await client.revoke_transaction(KEY)
        stage.otherwise = says(200, {})
        await client.revoke_transaction(KEY)
        stage.otherwise = no(401, "unauthorized")
        await client.revoke_transaction(KEY)

    assert [line["event"] for line in logs] == ["wallet.credentials_refused"] * 2
    assert "wallet.mac_key" in logs[0]["do"]
    assert client.health.is_reachable


async def test_something_forbidden_among_allowed_things_is_told_once(
    stage: Stage, client: WalletClient
) -> None:
    """Other calls going well do not make it news again."""
    with capture_logs() as logs:
        for _ in range(3):
            stage.plays(no(403, "forbidden"), says(200, FULL))
            await client.revoke_transaction(KEY)
            await client.look_at_transaction(KEY)

    assert [line["event"] for line in logs] == ["wallet.credentials_refused"]


async def test_no_secret_and_no_key_shows_anywhere(
    stage: Stage, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the log of ours or of the libraries, not in outcomes, not in any repr."""
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    client = make_client(stage.url)
    caplog.set_level(logging.INFO)
    outcomes: list[object] = []
    with capture_logs() as logs:
        for scene in (cut, says(500, b""), no(401, "unauthorized"), no(401, "invalid_timestamp")):
            stage.plays(scene)
            stage.otherwise = says(200, {})
            outcomes.append(await client.revoke_transaction(KEY))

    told = repr((outcomes, logs, client, client.__dict__, client._courier.__dict__, client.health))
    told += caplog.text
    assert MAC_KEY not in told
    assert KEY not in told
    for seen in stage.seen:
        if "authorization" in seen.headers:
            assert seen.authorization["mac"] not in told


async def test_a_client_id_with_a_newline_is_refused_without_the_key() -> None:
    """It could not be sent, and would show in an error."""
    with pytest.raises(ValueError, match="client id") as raised:
        WalletClient(
            base_url="https://wallet.paysera.com/rest/v1",
            client_id=CLIENT_ID + "\n",
            mac_key=MAC_KEY,
            timeout_s=1.0,
            clock=LoopClock(),
            dice=random.Random(1),
        )
    assert MAC_KEY not in str(raised.value)


async def test_an_error_description_can_not_forge_a_line(
    stage: Stage, client: WalletClient
) -> None:
    """Control characters are shown, not obeyed, and length has an end (F67)."""
    stage.plays(no(409, "invalid_state", "x\n2026 CRITICAL fake" + "y" * 1000))

    outcome = await client.close_spot(SpotId("15"))

    assert isinstance(outcome, Refused)
    assert "\n" not in str(outcome)
    assert len(outcome.description) <= 300


async def test_a_storm_of_cancelled_calls_leaves_the_client_whole(
    stage: Stage, client: WalletClient
) -> None:
    """Every place in the budget and every lane is there afterwards."""
    dice = random.Random(2)
    stage.otherwise = says(200, {"spots": []})
    loop = asyncio.get_running_loop()
    for _ in range(10):
        crowd = [loop.create_task(client.list_waiting_spots(LocationId(1))) for _ in range(48)]
        for task in crowd:
            loop.call_later(dice.uniform(0.0, 0.03), task.cancel)
        await asyncio.wait(crowd)

    after = await asyncio.gather(*(client.list_waiting_spots(LocationId(1)) for _ in range(32)))
    assert all(isinstance(outcome, Done) for outcome in after)
    assert (client.health.in_flight, client.health.waiting) == (0, 0)


async def test_the_time_of_the_server_is_read_without_a_signature(
    stage: Stage, client: WalletClient
) -> None:
    """It is the first thing that a check of the connection asks for."""
    stage.plays(says(200, {"time": 1700000000}))

    assert await client.server_time() == Done(1700000000)
    assert "authorization" not in stage.seen[0].headers


async def test_answers_of_random_bytes_never_raise(stage: Stage, client: WalletClient) -> None:
    """Whatever the network makes of HTTP, a call ends in one of its four ways."""
    dice = random.Random(4)
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nretry-after: 3\r\nlocation: x\r\n\r\n{}"

    async def noise(_seen: object, writer: asyncio.StreamWriter) -> None:
        answer = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            answer[dice.randrange(len(answer))] = dice.randrange(256)
        writer.write(bytes(answer))
        writer.close()

    stage.otherwise = noise
    for _ in range(300):
        outcome = await client.link_order(SpotId("1"), KEY)
        assert isinstance(outcome, Done | Refused | Unknown)


def test_a_wallet_that_throttles_again_and_again_is_told_twice() -> None:
    """When it begins and when a minute has passed without: how long it was, and how often."""
    clock = FakeClock()
    pulse = Pulse(clock)

    def pass_by(seconds: float) -> None:
        clock.at += timedelta(seconds=seconds)
        pulse.note("spots", Done(None))

    with capture_logs() as told:
        for _ in range(40):
            pulse.note_throttled(2.0)
            pass_by(30.0)
        assert [line["event"] for line in told] == ["wallet.throttled"]
        pass_by(61.0)
        pass_by(61.0)
        pulse.note_throttled(5.0)

    begun, eased, again = told
    assert (begun["event"], begun["retry_after_s"]) == ("wallet.throttled", 2.0)
    assert (eased["event"], eased["seconds"], eased["count"]) == ("wallet.eased", 1172.0, 40)
    assert (again["event"], again["retry_after_s"]) == ("wallet.throttled", 5.0)
