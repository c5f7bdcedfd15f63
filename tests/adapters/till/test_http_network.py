"""What a network or a hostile server does to a call: told in a sentence, in time, to that call."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable

import pytest

from tests.adapters.till.http_support import (
    HALL,
    a_shop,
    bill,
    json_says,
    notice,
    silent,
    till_to,
    why_not,
)
from tests.adapters.wallet.stage import Scene, Seen, cut, drip, flood, hang, raw, says
from worker.adapters.till import http_line
from worker.adapters.till.connector import TillError
from worker.adapters.till.http import HttpTill
from worker.adapters.till.http_line import BODY_BYTES_MAX, LANES_MAX

TERRACE = 9976
Call = Callable[[HttpTill], Awaitable[object]]

CALLS: dict[str, Call] = {
    "open_bills": lambda till: till.open_bills(HALL, "table7"),
    "lock": lambda till: till.lock(HALL, "table7", "B-1", "v-1", 60),
    "unlock": lambda till: till.unlock(HALL, "table7", "B-1", "v-1"),
    "post": lambda till: till.post(notice()),
}


async def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for a fact, within bounds."""
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.005)


async def trickle_of_headers(_seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Send header after header for as long as anybody listens."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: " + b"and more " * 500 + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0)


def too_large_by_one() -> Scene:
    """Answer JSON that is one byte longer than is read."""
    return says(200, b" " * (BODY_BYTES_MAX + 1), content_type="application/json")


TROUBLE: list[tuple[Scene, str]] = [
    (cut, "the connection broke"),
    (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "something else than HTTP"),
    (raw(b"\x00" * 1000), "something else than HTTP"),
    (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}"), "the connection broke"),
    (raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "else than HTTP"),
    (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"), "larger than 1048576 bytes"),
    (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"), "larger than 1048576 bytes"),
    (flood, "larger than 1048576 bytes"),
    (too_large_by_one(), "larger than 1048576 bytes"),
    (trickle_of_headers, "something else than HTTP"),
    (says(200, b"\x1f\x8b\x08", content_encoding="gzip"), "packed"),
    (raw(b"HTTP/1.1 200 OK\r\ncontent-type: \xff\xfe\r\ncontent-length: 1\r\n\r\n5"), "JSON"),
    (raw(b"HTTP/1.1 301 X\r\nlocation: \xff\x1b[2J\r\ncontent-length: 0\r\n\r\n"), "redirect"),
]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(("scene", "why"), TROUBLE)
async def test_no_trouble_gets_past_as_anything_else(call: Call, scene: Scene, why: str) -> None:
    """A TillError with a sentence, on time, and the next call finds everything in order."""
    async with a_shop(time_limit_s=30.0) as (stage, till):
        stage.plays(scene)
        async with asyncio.timeout(25):
            assert why in await why_not(call(till))

        stage.plays(json_says(200, {"bills": [], "bill_id": "B-1"}))
        await call(till)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("scene", [hang, drip], ids=["hangs", "drips"])
async def test_a_slow_shop_costs_no_more_than_the_limit(call: Call, scene: Scene) -> None:
    """The limit is for the whole call, however often a byte comes."""
    async with a_shop(time_limit_s=0.2) as (stage, till):
        stage.plays(scene)
        before_s = asyncio.get_running_loop().time()

        told = await why_not(call(till))

        assert "no complete answer within 0.2 s" in told
        assert asyncio.get_running_loop().time() - before_s < 2.0
        await wait_until(lambda: stage.open_now == 0)


async def test_the_largest_answer_is_still_read() -> None:
    """And it is read beside the loop, so that nobody waits for it who did not ask."""
    content = b'{"bills": [' + b" " * (BODY_BYTES_MAX - 13) + b"]}"
    assert len(content) == BODY_BYTES_MAX
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, content))

        assert list(await till.open_bills(HALL, "table7")) == []


async def test_a_connection_is_used_again_only_after_a_clean_answer() -> None:
    """Whatever else happened to it, it is thrown away."""
    async with a_shop() as (stage, till):
        for _ in range(5):
            await till.open_bills(HALL, "table7")
        assert stage.connections == 1
        stage.plays(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12"))
        await why_not(till.open_bills(HALL, "table7"))
        await till.open_bills(HALL, "table7")
        assert stage.connections == 2


async def test_a_location_that_hangs_leaves_the_lines_of_the_others_alone() -> None:
    """Each has a few of its own, and what hangs is bounded too."""

    async def hall_hangs(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await (hang if f"location_id={HALL}" in seen.target else json_says(200, {"bills": []}))(
            seen, writer
        )

    async with a_shop(time_limit_s=30.0) as (stage, till):
        stage.otherwise = hall_hangs
        loop = asyncio.get_running_loop()
        stuck = [loop.create_task(till.open_bills(HALL, f"t{i}")) for i in range(20)]
        await wait_until(lambda: len(stage.seen) == LANES_MAX)
        async with asyncio.timeout(20):
            for i in range(50):
                assert not await till.open_bills(TERRACE, f"t{i}")

        at_hall = [seen for seen in stage.seen if f"location_id={HALL}" in seen.target]
        assert len(at_hall) == LANES_MAX, "the rest waits for its turn, and nothing of it has left"
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


async def test_who_never_gets_a_turn_is_told_that_nothing_was_asked() -> None:
    """The operator reads that it is the earlier questions that are without an answer."""
    async with a_shop(time_limit_s=0.1) as (stage, till):
        turns = till._line._road_to(HALL).turns
        for _ in range(LANES_MAX):
            await turns.acquire()

        assert "earlier questions" in await why_not(till.open_bills(HALL, "table7"))
        assert stage.seen == []
        turns.release()
        assert not await till.open_bills(HALL, "table7")


async def test_more_questions_than_lines_wait_their_turn() -> None:
    """A full house is no error."""

    async def slowly(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        await json_says(200, {"bills": []})(seen, writer)

    async with a_shop() as (stage, till):
        stage.otherwise = slowly
        await asyncio.gather(*(till.open_bills(HALL, f"t{i}") for i in range(40)))

        assert len(stage.seen) == 40
        assert stage.connections <= LANES_MAX


async def test_a_storm_of_cancelled_calls_loses_no_line() -> None:
    """A caller that gives up is no trouble of the shop's, and leaves nothing behind."""
    dice = random.Random(5)

    async def now_or_never(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(dice.uniform(0, 0.02))
        await json_says(200, {"bills": [bill()]})(seen, writer)

    async with a_shop() as (stage, till):
        stage.otherwise = now_or_never

        async def impatient() -> str:
            try:
                async with asyncio.timeout(dice.uniform(0, 0.2)):
                    await till.open_bills(HALL, "table7")
            except TimeoutError:
                return "gave up"
            return "answered"

        ends = set()
        for _ in range(20):
            ends |= set(await asyncio.gather(*(impatient() for _ in range(8))))
        assert ends == {"gave up", "answered"}
        found = await asyncio.gather(*(till.open_bills(HALL, "t") for _ in range(LANES_MAX * 3)))
        assert all(len(one) == 1 for one in found)
        await wait_until(lambda: stage.open_now <= LANES_MAX)


async def test_cancelling_passes_through() -> None:
    """It is the caller's word, and not the shop's."""
    async with a_shop() as (stage, till):
        stage.otherwise = hang
        task = asyncio.get_running_loop().create_task(till.post(notice()))
        await wait_until(lambda: len(stage.seen) == 1)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_until(lambda: stage.open_now == 0)


async def test_closing_does_not_wait_for_a_shop_that_hangs() -> None:
    """And a closed till says so to whoever still asks."""
    async with a_shop() as (stage, till):
        stage.plays(json_says(200, {"bills": []}), hang)
        await till.open_bills(HALL, "table7")
        task = asyncio.get_running_loop().create_task(till.open_bills(HALL, "table7"))
        await wait_until(lambda: len(stage.seen) == 2)

        async with asyncio.timeout(0.5):
            await till.aclose()
        assert "letting go" in await why_not(till.open_bills(HALL, "table7"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await wait_until(lambda: stage.open_now == 0)


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token and a bill are nobody else's business."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with a_shop() as (stage, till):
        await till.open_bills(HALL, "table7")

    assert len(stage.seen) == 1


async def test_a_till_over_tls_that_answers_plainly_is_told() -> None:
    """The commonest slip: https in the settings, http at the shop."""
    async with a_shop() as (stage, _):
        secured = till_to(f"https://127.0.0.1:{stage.port}", time_limit_s=2.0)
        told = await why_not(secured.open_bills(HALL, "table7"))
        await secured.aclose()

    assert "does not speak TLS" in told or "no complete answer" in told, told


def test_a_sentence_is_found_for_every_error_that_a_network_knows() -> None:
    """Also for those that can not be played here."""
    alert = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    odd: list[tuple[Exception, str]] = [
        (alert, "till.client_cert"),
        (ssl.SSLError(1, "[SSL] internal error"), "no TLS can be agreed on"),
        (OSError(113, "No route to host"), "No route to host"),
        (ConnectionResetError(104, "Connection reset by peer"), "reset by peer"),
        (ExceptionGroup("all", [ConnectionRefusedError(111, "refused")]), "nothing listens"),
    ]
    for error, why in odd:
        assert why in http_line._why(error, is_tls=True)


async def test_a_till_error_is_the_only_error() -> None:
    """Whoever calls has one thing to catch."""
    async with a_shop() as (stage, till):
        stage.plays(silent(500))
        with pytest.raises(TillError):
            await till.open_bills(HALL, "\ud800")
        with pytest.raises(TillError):
            await till.open_bills(HALL, "x" * 100_000)
