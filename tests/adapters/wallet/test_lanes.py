"""Lanes: nothing that goes wrong on one is ever seen again."""

import asyncio
import random
import ssl

import httpx
import pytest

from worker.adapters.lanes import Lanes

from .stage import Scene, Seen, Stage, cut, flood, hang, raw, says


def a_request(stage: Stage) -> httpx.Request:
    timeout = httpx.Timeout(5.0).as_dict()
    return httpx.Request("GET", f"{stage.url}/x", extensions={"timeout": timeout})


async def slowly(seen: Seen, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(random.uniform(0.0, 0.02))
    await says(200, {})(seen, writer)


async def test_one_connection_serves_calls_that_come_one_after_another(stage: Stage) -> None:
    """The lane used last is used again."""
    lanes = Lanes(count=4, is_tls=False)

    for _ in range(20):
        response = await lanes.handle_async_request(a_request(stage))
        assert response.content == b"{}"

    assert (stage.connections, lanes.idle, lanes.busy) == (1, 1, 0)
    await lanes.aclose()


async def test_calls_at_once_have_a_lane_each_and_no_more_than_there_are(stage: Stage) -> None:
    """One too many is told at once that nothing was sent."""
    lanes = Lanes(count=4, is_tls=False)
    stage.otherwise = slowly

    answers = await asyncio.gather(
        *(lanes.handle_async_request(a_request(stage)) for _ in range(5)), return_exceptions=True
    )

    assert [type(answer) for answer in answers].count(httpx.PoolTimeout) == 1
    assert (stage.connections, lanes.idle, lanes.busy) == (4, 4, 0)
    await lanes.aclose()


@pytest.mark.parametrize("scene", [cut, raw(b"junk\r\n\r\n"), flood])
async def test_a_lane_is_thrown_away_after_any_trouble(stage: Stage, scene: Scene) -> None:
    """The next call gets a fresh connection."""
    lanes = Lanes(count=4, is_tls=False)
    stage.plays(scene)

    with pytest.raises(httpx.HTTPError):
        await lanes.handle_async_request(a_request(stage))
    assert (lanes.idle, lanes.busy) == (0, 0)

    await lanes.handle_async_request(a_request(stage))
    assert (stage.connections, lanes.idle) == (2, 1)
    await lanes.aclose()


async def test_a_storm_of_cancellations_loses_no_lane(stage: Stage) -> None:
    """However many calls are cancelled at whatever moment, every lane serves again (F42)."""
    lanes, dice = Lanes(count=8, is_tls=False), random.Random(11)
    stage.otherwise = slowly

    async def call() -> None:
        while True:
            try:
                await lanes.handle_async_request(a_request(stage))
            except httpx.PoolTimeout:
                await asyncio.sleep(0.001)
            else:
                return

    loop = asyncio.get_running_loop()
    for _ in range(40):
        crowd = [loop.create_task(call()) for _ in range(16)]
        for task in crowd:
            loop.call_later(dice.uniform(0.0, 0.02), task.cancel)
        await asyncio.wait(crowd)
        assert lanes.busy == 0

    after = await asyncio.gather(*(lanes.handle_async_request(a_request(stage)) for _ in range(8)))
    assert [answer.status_code for answer in after] == [200] * 8
    assert (lanes.idle, lanes.busy) == (8, 0)
    await lanes.aclose()


async def test_a_call_cancelled_during_the_handshake_leaves_no_connection(stage: Stage) -> None:
    """The connection stands already but belongs to no lane yet."""
    lanes = Lanes(count=1, is_tls=True)
    timeout = httpx.Timeout(5.0).as_dict()
    url = stage.url.replace("http:", "https:")
    request = httpx.Request("GET", url, extensions={"timeout": timeout})
    call = asyncio.get_running_loop().create_task(lanes.handle_async_request(request))
    while not stage.open_now:
        await asyncio.sleep(0)

    call.cancel()
    await asyncio.wait([call])

    while stage.open_now:
        await asyncio.sleep(0)
    assert (lanes.idle, lanes.busy) == (0, 0)


async def test_closing_leaves_no_connection_behind(stage: Stage) -> None:
    """A busy lane is closed when its call ends, an idle one at once (F42)."""
    lanes = Lanes(count=2, is_tls=False)
    stage.plays(says(200, {}), hang)
    await lanes.handle_async_request(a_request(stage))
    busy = asyncio.get_running_loop().create_task(lanes.handle_async_request(a_request(stage)))
    while len(stage.seen) < 2:
        await asyncio.sleep(0)

    await lanes.aclose()
    busy.cancel()
    await asyncio.wait([busy])

    while stage.open_now:
        await asyncio.sleep(0)
    assert (lanes.idle, lanes.busy) == (0, 0)
    with pytest.raises(httpx.PoolTimeout):
        await lanes.handle_async_request(a_request(stage))


async def test_only_the_headers_that_are_needed_come_up(stage: Stage) -> None:
    """No cookie, no address to go to, no surprise."""
    lanes = Lanes(count=1, is_tls=False)
    stage.plays(
        says(429, {}, retry_after="7", set_cookie="a=b", location="/x", g_recaptcha_key="k")
    )

    response = await lanes.handle_async_request(a_request(stage))

    assert set(response.headers) == {"retry-after", "content-length"}
    await lanes.aclose()


async def test_a_tls_lane_trusts_the_systems_authorities_and_checks_names() -> None:
    """There is no switch to turn that off (F8)."""
    lanes = Lanes(count=1, is_tls=True)

    assert lanes._tls.verify_mode is ssl.CERT_REQUIRED
    assert lanes._tls.check_hostname
    assert lanes._tls.minimum_version >= ssl.TLSVersion.TLSv1_2
