"""A call that is sent again keeps every limit of the first time, above all a confirm's moment."""

import asyncio
import re
from datetime import timedelta

import pytest

from worker.adapters.wallet import WalletClient, courier
from worker.adapters.wallet.failures import HeldBack
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.outcome import Done, Refusal, Refused, Unknown, Unsent
from worker.domain.wallet import Spot, SpotStatus

from .clockwork import LoopClock
from .conftest import MakeClient
from .stage import Scene, Seen, Stage, drip, hang, no, says

KEY = TransactionKey("aaBBccDD11223344eeFF")
SPOT = SpotId("15")
FULL = {"transaction_key": KEY, "status": "new"}


class Leaping(LoopClock):
    """A clock that a test can set ahead."""

    ahead_s = 0.0

    def ticks_s(self) -> float:
        return super().ticks_s() + self.ahead_s


def leaps(clock: Leaping, by_s: float, scene: Scene) -> Scene:
    """Answer only after much time has passed."""

    async def late(seen: Seen, writer: asyncio.StreamWriter) -> None:
        clock.ahead_s += by_s
        await scene(seen, writer)

    return late


async def test_a_confirm_that_waited_for_the_servers_time_still_keeps_its_moment(
    stage: Stage, make_client: MakeClient
) -> None:
    """It was refused for its clock; when the right time is known, its own is over."""
    clock = Leaping()
    client = make_client(stage.url, clock=clock)
    stage.plays(no(401, "invalid_timestamp"), leaps(clock, 5.5, says(200, {"time": 1700000000})))

    outcome = await client.confirm_transaction(KEY, clock.now() + timedelta(seconds=5))

    assert outcome == Unsent("too late: its moment has passed")
    assert stage.targets() == [f"PUT /transaction/{KEY}/confirm", "GET /server"]


async def test_what_was_read_before_the_machine_stood_still_is_no_fresh_look(
    stage: Stage, make_client: MakeClient
) -> None:
    """A suspended machine does not count its own time, and a close could follow from it (F34)."""
    clock = Leaping()
    client = make_client(stage.url, clock=clock, timeout_s=5.0)
    stage.plays(leaps(clock, 7.5, says(200, FULL)), leaps(clock, 5.5, says(200, FULL)))

    outcome = await client.look_at_transaction(KEY)

    assert outcome == Unknown("the machine stood still, and the answer is out of date")
    assert isinstance(await client.look_at_transaction(KEY), Done)


class Standing(LoopClock):
    """A clock that stands still."""

    def ticks_s(self) -> float:
        return 10.0


async def test_a_confirm_is_not_sent_at_the_very_moment_that_is_too_late() -> None:
    """The last instant belongs to too late; the one before it does not."""
    late = courier.Departure(Standing(), 10.0, {})
    just = courier.Departure(Standing(), 10.001, {})

    with pytest.raises(courier.TooLate):
        await late.watch("http11.send_request_headers.started", {})
    await just.watch("http11.send_request_headers.started", {})

    assert just.may_have_left


async def test_a_confirm_whose_last_moment_is_now_is_not_even_begun(
    stage: Stage, make_client: MakeClient
) -> None:
    """Neither a connection nor a signature is spent on it."""
    clock = Standing()
    client = make_client(stage.url, clock=clock)

    outcome = await client.confirm_transaction(KEY, clock.now())

    assert outcome == Unsent("too late: its moment has passed")
    assert stage.connections == 0


async def test_what_has_left_is_watched_no_more() -> None:
    """There is nothing more to learn, and every step of the transport would ask."""
    extensions: dict[str, object] = {"trace": object(), "timeout": {}}
    departure = courier.Departure(LoopClock(), None, extensions)
    await departure.watch("connection.connect_tcp.started", {})
    assert "trace" in extensions

    await departure.watch("http11.send_request_headers.started", {})

    assert extensions == {"timeout": {}}


async def test_who_is_held_back_is_told_why(stage: Stage, make_client: MakeClient) -> None:
    """By the wallet's wish, with the rest of the pause, or by our own crowd."""
    client = make_client(stage.url, timeout_s=0.3, lanes=1)
    stage.otherwise = hang
    crowd = await asyncio.gather(*(client.close_spot(SPOT) for _ in range(6)))
    stage.otherwise = says(429, b"", retry_after="60")
    await client.close_spot(SPOT)

    assert HeldBack("held back: too many calls are out") in crowd
    held = await client.close_spot(SPOT)
    assert isinstance(held, HeldBack)
    told = re.fullmatch(
        r"held back: the wallet asked for a pause, ([0-9]+) s of it are left", held.why
    )
    assert told is not None
    assert 30 <= int(told[1]) <= 60


async def test_who_waits_is_let_in_by_what_it_is_for(stage: Stage, make_client: MakeClient) -> None:
    """One place: money first, polls last, whoever came earlier; and nobody is forgotten."""
    client = make_client(stage.url, lanes=1)
    may_answer = asyncio.Event()

    async def waits(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        await says(200, {})(seen, writer)

    stage.plays(waits)
    async with asyncio.timeout(30), asyncio.TaskGroup() as calls:
        first = calls.create_task(client.revoke_transaction(KEY))
        while not stage.seen:
            await asyncio.sleep(0)
        poll = calls.create_task(client.list_waiting_spots(LocationId(9975)))
        while client.health.waiting < 1:
            await asyncio.sleep(0)
        close = calls.create_task(client.close_spot(SPOT))
        while client.health.waiting < 2:
            await asyncio.sleep(0)
        may_answer.set()

    assert (first.result(), close.result()) == (Done(None), Done(None))
    assert isinstance(poll.result(), Unknown)
    assert [target.partition("?")[0] for target in stage.targets()] == [
        f"DELETE /transaction/{KEY}",
        "DELETE /spot/15",
        "GET /spots",
    ]
    assert (client.health.in_flight, client.health.waiting) == (0, 0)


async def test_each_call_shows_in_the_report_by_its_name(
    stage: Stage, client: WalletClient
) -> None:
    """What was asked, how often, and what came of it last."""
    stage.otherwise = says(500, b"")

    assert await client.look_at_transaction(KEY) == Unknown("HTTP 500")
    assert client.health.last_trouble == "transaction: HTTP 500"
    assert await client.close_spot(SPOT) == Unknown("HTTP 500")
    assert client.health.last_trouble == "close: HTTP 500"
    assert client.health.calls == {"transaction": 3, "close": 1}


async def test_a_body_is_announced_and_nothing_is_announced_without_one(
    stage: Stage, client: WalletClient
) -> None:
    """The server's time is asked for without a signature as well."""
    stage.plays(says(200, {}), says(200, {}), says(200, {"time": 1700000000}))

    await client.link_order(SPOT, KEY)
    await client.close_spot(SPOT)
    await client.server_time()

    linked, closed, timed = (seen.headers for seen in stage.seen)
    assert linked["content-type"] == "application/json"
    assert "content-type" not in closed
    assert "content-type" not in timed
    assert "authorization" in closed
    assert "authorization" not in timed


async def test_who_was_accepted_once_goes_on_signing(stage: Stage, client: WalletClient) -> None:
    """What is kept of the first accepted read is the way it was signed."""
    stage.otherwise = says(200, FULL)

    for _ in range(2):
        assert isinstance(await client.look_at_transaction(KEY), Done)
    await client.revoke_transaction(KEY)

    assert ["authorization" in seen.headers for seen in stage.seen] == [True, True, True]


async def test_a_slow_answer_within_the_timeout_is_waited_for(
    stage: Stage, make_client: MakeClient
) -> None:
    """A read has its full time at the first try."""
    client = make_client(stage.url, timeout_s=1.9)

    async def slow(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        await says(200, FULL)(seen, writer)

    stage.otherwise = slow

    assert isinstance(await client.look_at_transaction(KEY), Done)


async def test_a_dripping_answer_does_not_hold_a_read_for_ever(
    stage: Stage, make_client: MakeClient
) -> None:
    """Each byte comes in time, but the whole has a deadline for reads too."""
    client = make_client(stage.url, timeout_s=0.3)
    stage.otherwise = drip

    async with asyncio.timeout(30):
        assert isinstance(await client.look_at_transaction(KEY), Unknown)


async def test_a_wallet_that_shows_no_single_spots_is_believed_for_a_while(
    stage: Stage, client: WalletClient
) -> None:
    """A spot that no list showed is refused without asking again; one that was is read there."""
    rows = {"spots": [{"id": 15, "status": "waiting", "identifier": "T-1"}]}
    stage.plays(says(200, rows), no(405, "not_allowed"), says(200, rows))
    await client.list_waiting_spots(LocationId(9975))
    listed = Spot(SPOT, SpotStatus.WAITING, "T-1", None, None)
    assert await client.look_at_spot(SPOT) == Done(listed)
    asked = len(stage.seen)

    assert await client.look_at_spot(SpotId("16")) == Refused(
        Refusal.INVALID, 405, "", "the wallet shows no single spots to us"
    )
    assert len(stage.seen) == asked


async def test_a_spot_that_is_not_on_a_torn_list_is_not_taken_for_free(
    stage: Stage, client: WalletClient
) -> None:
    """It may be on the part that could not be read."""
    rows = {"spots": [{"id": 15, "status": "waiting"}]}
    stage.plays(says(200, rows), no(405, "not_allowed"), says(200, {"spots": [7]}))
    await client.list_waiting_spots(LocationId(9975))

    assert await client.look_at_spot(SPOT) == Unknown(
        "the spot is not on the part of the list that could be read"
    )


async def test_a_spot_that_no_list_ever_showed_is_refused_as_the_wallet_refused_it(
    stage: Stage, client: WalletClient
) -> None:
    """There is no list to look into."""
    stage.plays(no(405, "not_allowed", "not for merchants"))

    assert await client.look_at_spot(SPOT) == Refused(
        Refusal.INVALID, 405, "not_allowed", "not for merchants"
    )
    assert len(stage.seen) == 1


async def test_a_spot_that_left_the_whole_list_is_not_checked_in(
    stage: Stage, client: WalletClient
) -> None:
    """Where the wallet shows no single spots, absence from the complete list says so."""
    rows = {"spots": [{"id": 15, "status": "waiting"}]}
    stage.plays(says(200, rows), no(403, "forbidden"), says(200, {"spots": []}))
    await client.list_waiting_spots(LocationId(9975))

    assert await client.look_at_spot(SPOT) == Done(
        Spot(SPOT, SpotStatus.OPEN, "", LocationId(9975), None)
    )
