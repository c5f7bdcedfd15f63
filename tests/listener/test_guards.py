"""Who gets an answer at the door, on a real socket: what a person would try with curl."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.listener.door import TOKEN, Door, a_door
from worker.adapters.clock import SystemClock
from worker.adapters.listener.guards import Guard
from worker.adapters.listener.server import BURST, CONNECTIONS_MAX, HEAD_S, open_door

FIGURES = ("/readyz", "/healthz", "/metrics", "/floor.json")
SHELL = ("/", "/page.css", "/page.js", "/icon.svg")


async def test_each_path_answers_in_its_own_kind() -> None:
    """JSON is JSON, the page is a page, and none of it is kept, framed or guessed at."""
    kinds = {
        "/": "text/html; charset=utf-8",
        "/page.css": "text/css; charset=utf-8",
        "/page.js": "text/javascript; charset=utf-8",
        "/icon.svg": "image/svg+xml",
        "/livez": "application/json",
        "/readyz": "application/json",
        "/healthz": "application/json",
        "/floor.json": "application/json",
        "/metrics": "text/plain; version=0.0.4; charset=utf-8",
    }
    async with a_door() as door:
        for path, kind in kinds.items():
            answer = await door.ask(path)
            assert (answer.status, answer.headers["content-type"]) == (200, kind), path
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["connection"] == "close"
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert "server" not in answer.headers
            head = await door.ask(path, "HEAD")
            assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1",
     "localhost.evil.example:{port}",
     "127.0.0.1:{port}.evil.example", "127.0.0.2:{port}", "0.0.0.0:{port}", "[::]:{port}",
     "127.0.0.1:{port}, evil.example", "127.0.0.1:0{port}", ""],
)  # fmt: skip
async def test_a_name_that_is_not_ours_is_turned_away(host: str) -> None:
    """DNS rebinding: a stranger's page reaches us under the stranger's name, even for /livez."""
    async with a_door() as door:
        for path in ("/", "/livez", "/floor.json"):
            answer = await door.ask(path, host=host.format(port=door.port))
            # A request without any Host is not even HTTP/1.1.
            assert answer.status == (421 if host else 400)
            assert b"waiting" not in answer.body


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}",
                                  "LocalHost:{port}"])  # fmt: skip
async def test_our_own_names_are_served(host: str) -> None:
    async with a_door() as door:
        assert (await door.ask("/floor.json", host=host.format(port=door.port))).status == 200


async def test_two_hosts_are_none() -> None:
    """Which of them counts would be anybody's guess."""
    async with a_door() as door:
        good = f"Host: 127.0.0.1:{door.port}\r\n"
        answer = await door.knock(f"GET / HTTP/1.1\r\n{good}Host: evil\r\n\r\n".encode())
        assert answer is not None
        assert answer.status in {400, 421}


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://127.0.0.1"])
async def test_any_origin_is_refused(origin: str) -> None:
    """A browser names the page that asks only when that page is another one."""
    async with a_door() as door:
        answer = await door.ask("/floor.json", Origin=origin)
        assert answer.status == 403
        assert (await door.ask("/floor.json", Sec_Fetch_Site="cross-site")).status == 403
        assert (await door.ask("/floor.json", Sec_Fetch_Site="same-origin")).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
async def test_nothing_can_be_changed(method: str) -> None:
    async with a_door() as door:
        answer = await door.ask("/floor.json", method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_a_body_is_not_read() -> None:
    """Neither one with a length nor one in pieces."""
    async with a_door() as door:
        assert (await door.ask("/", Content_Length="5")).status == 413
        assert (await door.ask("/", Content_Length="99999999999")).status == 413
        assert (await door.ask("/", Transfer_Encoding="chunked")).status == 413
        assert (await door.ask("/", Content_Length="0")).status == 200


async def test_a_head_of_more_than_64_kib_is_refused() -> None:
    async with a_door() as door:
        assert (await door.ask("/livez", X_Long="x" * 60_000)).status == 200
        answer = await door.knock(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 200_000)
        assert answer is None or answer.status == 400
        headers = [(b"host", f"127.0.0.1:{door.port}".encode()), (b"x-long", b"x" * 70_000)]
        refusal = Guard(port=door.port, token=None).refuse("GET", "/livez", headers)
        assert refusal is not None, "a whole one, too"
        assert refusal.status == 431


@pytest.mark.parametrize(
    "raw", [b"\r\n\r\n", b"HELO\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
            b"\x00" * 64, b"GET / HTTP/9.9\r\n\r\n", b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n"],
)  # fmt: skip
async def test_what_is_not_http_does_no_harm(raw: bytes) -> None:
    """The door survives it, says nothing in the log, and answers the next."""
    async with a_door() as door:
        with capture_logs() as lines:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(raw)
            writer.write_eof()
            answer = await door.hear(reader)
            writer.close()
        assert answer is None or answer.status in {400, 408, 421}
        assert lines == []
        assert (await door.ask("/livez")).status == 200


async def test_an_unknown_path_names_the_known_ones() -> None:
    async with a_door() as door:
        for path in ("/nothing", "/../etc/passwd", "/page.js/", "/%2e%2e/page.js", "/metrics/x"):
            answer = await door.ask(path)
            assert answer.status == 404, path
            assert "/healthz" in answer.text


@pytest.mark.parametrize(
    "shown",
    ["", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN,
     f"Bearer {TOKEN.upper()}", "Bearer \xe4\xf6"],
)  # fmt: skip
async def test_with_a_token_every_figure_asks_for_it(shown: str) -> None:
    """All but /livez; the page's empty shell comes without, since it shows nothing by itself."""
    async with a_door(token=TOKEN) as door:
        for path in FIGURES:
            given = {"Authorization": shown} if shown else {}
            answer = await door.ask(path, **given)
            assert answer.status == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
            assert TOKEN not in answer.text
        for path in (*SHELL, "/livez"):
            assert (await door.ask(path)).status == 200


async def test_the_right_token_opens_and_other_guards_still_hold() -> None:
    async with a_door(token=TOKEN) as door:
        for path in FIGURES:
            assert (await door.ask(path, Authorization=f"Bearer {TOKEN}")).status == 200
            assert (await door.ask(path, Authorization=f"bearer {TOKEN}")).status == 200
            stranger = await door.ask(path, host="evil", Authorization=f"Bearer {TOKEN}")
            assert stranger.status == 421
        twice = (
            f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        )
        answer = await door.knock(twice.encode())
        assert answer is not None
        assert answer.status == 401


async def silent(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect and begin to ask, but never get to the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: 127")
    return reader, writer


async def test_who_dawdles_is_shown_out_and_others_get_their_turn() -> None:
    """With every place taken by the slow, a good question waits for seconds, not for ever."""
    clock = SystemClock()
    async with a_door() as door:
        slow = [await silent(door) for _ in range(CONNECTIONS_MAX + 4)]
        began_s = clock.ticks_s()
        answer = await door.ask("/livez")
        took_s = clock.ticks_s() - began_s

        assert answer.status == 200
        assert HEAD_S - 1.0 < took_s < HEAD_S + 3.0
        told = await door.hear(slow[0][0])
        assert told is not None
        assert (told.status, told.text) == (408, "The request took too long to arrive.\n")
        for _, writer in slow:
            writer.close()


async def test_who_drips_is_shown_out_too() -> None:
    """A byte now and then does not buy more time."""
    async with a_door() as door:
        reader, writer = await silent(door)
        answer = asyncio.create_task(door.hear(reader))
        for _ in range(100):
            if answer.done():
                break
            writer.write(b"0")
            await asyncio.sleep(0.1)
        told = await answer
        writer.close()

        assert told is not None
        assert told.status == 408


async def test_a_flood_leaves_the_event_loop_alone() -> None:
    """Hundreds at once are answered at a set pace; a payment beside them would hardly notice."""
    clock, late_s = SystemClock(), [0.0]
    async with a_door() as door:

        async def measure() -> None:
            while True:
                began_s = clock.ticks_s()
                await asyncio.sleep(0.02)
                late_s.append(clock.ticks_s() - began_s - 0.02)

        measuring = asyncio.create_task(measure())
        began_s = clock.ticks_s()
        answers = await asyncio.gather(*(door.ask("/floor.json") for _ in range(100)))
        took_s = clock.ticks_s() - began_s
        measuring.cancel()

    assert {answer.status for answer in answers} == {200}
    assert took_s > (100 - BURST - 5) / 50.0 * 0.9
    assert door.behind.floors <= took_s + 2, "the floor is drawn once a second at most"
    assert sorted(late_s)[len(late_s) * 9 // 10] < 0.25


async def test_a_figure_that_can_not_be_made_is_told_once_and_answered_with_a_sentence() -> None:
    async with a_door() as door:
        door.behind.is_broken = True
        with capture_logs() as lines:
            for _ in range(3):
                answer = await door.ask("/floor.json")
                assert answer.status == 500
                assert "no floor today" not in answer.text
        assert [line["event"] for line in lines] == ["listener.failed"]
        assert (await door.ask("/livez")).status == 200


async def test_a_probe_says_no_with_503_and_why() -> None:
    async with a_door() as door:
        door.behind.why_not_live = ["the loop sweep did not turn in time"]
        answer = await door.ask("/livez")

        assert answer.status == 503
        assert answer.text == '{"ok":false,"why":["the loop sweep did not turn in time"]}\n'
        assert (await door.ask("/readyz")).text == '{"ok":true,"why":[]}\n'


async def test_the_door_is_shut_at_once_even_with_guests_in_it() -> None:
    """A stop does not wait for those who dawdle, and the port is free again."""
    clock = SystemClock()
    async with a_door() as door:
        _, writer = await silent(door)
        assert (await door.ask("/livez")).status == 200
        began_s = clock.ticks_s()
    assert clock.ticks_s() - began_s < 1.0
    writer.close()
    open_door("127.0.0.1", door.port).close()
