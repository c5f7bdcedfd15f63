"""When a write may leave, and how certain it is that it has not."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from worker.adapters.wallet import WalletClient, courier
from worker.domain.ids import SpotId, TransactionKey
from worker.domain.outcome import Done, Outcome, Unsent

from .clockwork import LoopClock
from .conftest import MakeClient
from .stage import Seen, Stage, no, raw, says

KEY = TransactionKey("aaBBccDD11223344eeFF")
SPOT = SpotId("15")
A_TRANSACTION = {"transaction_key": KEY, "status": "reserved", "payments": []}


def confirm(client: WalletClient, clock: LoopClock, within_s: float) -> Awaitable[Outcome[None]]:
    return client.confirm_transaction(KEY, clock.now() + timedelta(seconds=within_s))


async def test_a_confirm_never_leaves_after_its_moment(
    stage: Stage, client: WalletClient, clock: LoopClock
) -> None:
    """The look that allowed it is too old."""
    outcome = await confirm(client, clock, within_s=-0.001)

    assert isinstance(outcome, Unsent)
    assert stage.seen == []


async def test_a_confirm_whose_moment_passes_while_connecting_is_not_sent(stage: Stage) -> None:
    """The last check is made when the connection stands and nothing has been written."""
    clock = LoopClock()
    departure = courier.Departure(clock, clock.ticks_s() - 1.0, {})

    await departure.watch("connection.connect_tcp.started", {})
    with pytest.raises(courier.TooLate):
        await departure.watch("http11.send_request_headers.started", {})

    assert not departure.may_have_left


async def test_without_a_sign_of_the_transport_everything_may_have_left() -> None:
    """Silence is no proof that nothing was sent."""
    departure = courier.Departure(LoopClock(), None, {})
    assert departure.may_have_left
    await departure.watch("connection.connect_tcp.started", {})
    assert not departure.may_have_left
    await departure.watch("http11.send_request_headers.started", {})
    assert departure.may_have_left


class HastyClock(LoopClock):
    """A clock that moves a second each time someone looks at it."""

    looked = 0

    def ticks_s(self) -> float:
        self.looked += 1
        return super().ticks_s() + self.looked


async def test_at_whatever_moment_it_is_too_late_a_confirm_leaves_in_time_or_not_at_all(
    stage: Stage, make_client: MakeClient
) -> None:
    """It may pass before the gate, at it or while connecting: Unsent means that nobody saw it.

    (F34,
    F35)
    """
    told: set[str] = set()
    for within_s in range(12):
        clock = HastyClock()
        client = make_client(stage.url, clock=clock)
        stage.seen.clear()

        outcome = await confirm(client, clock, within_s=float(within_s))

        assert isinstance(outcome, Unsent if not stage.seen else Done)
        told.add(str(outcome))
    assert "too late: its moment has passed" in told
    assert "too late: its moment passed while connecting" in told


class LateClock(LoopClock):
    """A clock that somebody may put on."""

    late_s = 0.0

    def ticks_s(self) -> float:
        return super().ticks_s() + self.late_s


@pytest.mark.parametrize("late_s", [0.0, 6.0])
async def test_a_confirm_that_is_repeated_for_another_port_keeps_its_moment(
    stage: Stage, make_client: MakeClient, late_s: float
) -> None:
    """A read learned the port meanwhile, so it is sent again: in its time or not at all."""
    clock = LateClock()
    client = make_client(stage.url, clock=clock)
    confirms: list[Seen] = []

    async def wallet(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if not seen.target.endswith("/confirm"):
            is_first = len([one for one in stage.seen if one.target == seen.target]) == 1
            answer = no(401, "unauthorized") if is_first else says(200, A_TRANSACTION)
        elif confirms:
            answer = says(200, {})
        else:
            confirms.append(seen)
            assert isinstance(await client.look_at_transaction(KEY), Done)
            clock.late_s = late_s
            answer = no(401, "unauthorized")
        await answer(seen, writer)

    stage.otherwise = wallet
    outcome = await confirm(client, clock, within_s=5.0)

    sent = [one for one in stage.seen if one.target.endswith("/confirm")]
    assert (len(sent), type(outcome)) == ((1, Unsent) if late_s else (2, Done))


async def test_a_connection_that_died_while_idle_costs_a_write_nothing(
    stage: Stage, client: WalletClient
) -> None:
    """It is found dead before anything is sent, and a fresh one is made (F6)."""
    stage.plays(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"))
    assert await client.close_spot(SPOT) == Done(None)
    while stage.open_now:
        await asyncio.sleep(0)

    assert await client.close_spot(SPOT) == Done(None)
    assert (stage.connections, len(stage.seen)) == (2, 2)


async def test_without_a_proven_peer_nothing_is_sent(stage: Stage, make_client: MakeClient) -> None:
    """A server that can not show a certificate never sees a request (F8)."""
    client = make_client(stage.url.replace("http:", "https:"), timeout_s=0.3)

    assert isinstance(await client.close_spot(SPOT), Unsent)
    assert stage.seen == []
