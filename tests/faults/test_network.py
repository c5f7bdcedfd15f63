"""What a network can do to a call, and what the worker makes of it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.adapters.wallet.clockwork import LoopClock
from tests.adapters.wallet.conftest import MakeClient
from tests.adapters.wallet.stage import Scene, Seen, Stage, cut, drip, hang, no, raw, says
from tests.faults.conftest import OpenStage
from tests.service.bench import Bench
from tests.service.situations import offered
from worker.adapters.wallet import WalletClient
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Done, Outcome, Refused, Unknown
from worker.domain.policy import Policy
from worker.domain.visit import End
from worker.domain.wallet import (
    NewTransaction,
    SpotStatus,
    Transaction,
    TransactionStatus,
)
from worker.service import poller

KEY = TransactionKey("aaBBccDD11223344eeFF")
SPOT = SpotId("15")
LOOK = f"GET /transaction/{KEY}"
NEW = {"transaction_key": KEY, "status": "new"}
REQUEST = NewTransaction(OrderReference("w1-2f6c"), Money(2350, "EUR"), "Bill 58", 900)
PORTAL = says(200, b"<!doctype html><title>Please sign in</title>", content_type="text/html")
LANES = 4
SILENCE_S = 1.0
"""How long a call waits in vain. The others of a test must be quicker, on any machine."""

Write = Callable[[WalletClient, LoopClock], Awaitable[Outcome[object]]]
WRITES: dict[str, Write] = {
    "create": lambda client, _: client.create_transaction(REQUEST),
    "link": lambda client, _: client.link_order(SPOT, KEY),
    "confirm": lambda client, clock: client.confirm_transaction(
        KEY, clock.now() + timedelta(seconds=60)
    ),
    "revoke": lambda client, _: client.revoke_transaction(KEY),
    "close": lambda client, _: client.close_spot(SPOT),
}
every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


@every_write
async def test_an_answer_after_its_deadline_is_never_taken_for_the_next_ones(
    stage: Stage, make_client: MakeClient, clock: LoopClock, write: Write
) -> None:
    """The call ended as unknown; its connection is gone, and the late words went with it (F4)."""
    client, released = make_client(stage.url, timeout_s=SILENCE_S), asyncio.Event()

    async def late(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        await says(200, {"transaction_key": KEY, "status": "confirmed"})(seen, writer)

    stage.plays(late)
    stage.otherwise = says(200, NEW)

    assert isinstance(await write(client, clock), Unknown)
    released.set()
    looked = await client.look_at_transaction(KEY)

    assert isinstance(looked, Done)
    assert looked.value == Transaction(KEY, TransactionStatus.NEW, "new", None)
    assert stage.connections > 1
    assert len(stage.seen) - stage.targets().count(LOOK) == 1


@every_write
async def test_a_write_on_a_connection_that_went_silent_is_sent_once(
    stage: Stage, make_client: MakeClient, clock: LoopClock, write: Write
) -> None:
    """Nobody hung up and nobody answers: it may have arrived, so it is not sent again (F6)."""
    client = make_client(stage.url, timeout_s=SILENCE_S)
    stage.plays(says(200, NEW), hang)
    stage.otherwise = says(200, NEW)
    await client.look_at_transaction(KEY)

    assert isinstance(await write(client, clock), Unknown)
    assert stage.connections == 1, "the write left on the kept connection"
    assert isinstance(await client.look_at_transaction(KEY), Done)
    assert stage.connections > 1, "the silent connection is never used again"
    assert len(stage.seen) - stage.targets().count(LOOK) == 1


async def test_a_read_on_a_connection_that_went_silent_gets_a_fresh_one(
    stage: Stage, make_client: MakeClient
) -> None:
    """Reading twice costs nothing (F6)."""
    client = make_client(stage.url, timeout_s=SILENCE_S)
    stage.plays(says(200, NEW), hang)
    stage.otherwise = says(200, NEW)
    await client.look_at_transaction(KEY)

    assert isinstance(await client.look_at_transaction(KEY), Done)
    assert stage.connections > 1
    assert len(stage.seen) > 2, "it was asked again"


async def test_a_captive_portals_page_is_never_an_empty_list_nor_proof_of_anything(
    stage: Stage, client: WalletClient
) -> None:
    """Status 200 and a page to sign in: nobody waits, nobody paid, says who? (F9)."""
    stage.otherwise = PORTAL

    assert isinstance(await client.list_waiting_spots(LocationId(9975)), Unknown)
    assert isinstance(await client.list_transactions([TransactionStatus.RESERVED]), Unknown)
    assert isinstance(await client.look_at_transaction(KEY), Unknown)
    assert isinstance(await client.look_at_spot(SPOT), Unknown)
    assert isinstance(await client.create_transaction(REQUEST), Unknown)
    assert await client.link_order(SPOT, KEY) == Done(None), "a yes that shows no order"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_takes_neither_call_nor_signature_there(
    stage: Stage, client: WalletClient, clock: LoopClock, open_stage: OpenStage, status: int
) -> None:
    """Whoever can bend an answer must not get to see what we sign (F11)."""
    elsewhere = await open_stage()
    stage.otherwise = says(status, b"", location=f"{elsewhere.url}/spot/15")

    outcomes = [await write(client, clock) for write in WRITES.values()]
    outcomes += [await client.look_at_spot(SPOT), await client.list_transactions([])]

    assert all(isinstance(outcome, Refused | Unknown) for outcome in outcomes)
    assert elsewhere.connections == 0
    assert len(stage.seen) == len(outcomes)


async def test_a_storm_of_broken_calls_leaves_no_connection_behind(
    stage: Stage, make_client: MakeClient
) -> None:
    """A worker that leaks one with each failure dies in the first long outage (F42)."""
    client, dice = make_client(stage.url, timeout_s=0.05, lanes=LANES), random.Random(4)
    scenes: list[Scene] = [cut, drip, hang, PORTAL, no(500, "x"), raw(b"x"), says(200, {})]

    async def any_of_them(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await dice.choice(scenes)(seen, writer)

    stage.otherwise = any_of_them
    for _ in range(12):
        await asyncio.gather(*(client.close_spot(SPOT) for _ in range(3 * LANES)))
    assert stage.connections > 3 * LANES, "a storm that breaks nothing proves nothing"

    await until_open(stage, LANES)
    await client.aclose()
    await until_open(stage, 0)


async def until_open(stage: Stage, count: int) -> None:
    """Wait, within bounds, until no more than so many connections are open."""
    for _ in range(2000):
        if stage.open_now <= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{stage.open_now} connections are still open")


@pytest.mark.parametrize("op", ["create", "link", "confirm", "revoke", "close"])
async def test_an_effect_that_comes_after_everybody_gave_up_does_no_harm(op: str) -> None:
    """It lands half a minute late, when the worker has long looked and acted again (F5)."""
    bench = Bench()
    bench.world.trouble[op].append("late:30")
    bench.world.scan("t1")
    async with bench.at_work():
        for _ in range(50):
            bench.world.catch_up()
            await bench.tick()
            for charge in bench.world.offers("t1") if op != "revoke" else []:
                bench.world.reserve(charge)

    assert bench.last().end is (End.UNPAID if op == "revoke" else End.PAID)
    assert bench.world.effects["confirm"] == (0 if op == "revoke" else 1)
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
    assert bench.world.wrongs == []
    assert bench.world.later == [], "the late effect came"
    unshown = [charge for charge in bench.world.charges.values() if charge.checkin is None]
    assert len(unshown) == (1 if op == "create" else 0)
    assert all(charge.status is TransactionStatus.REVOKED for charge in unshown)


@pytest.mark.parametrize("told", ["first", "second"])
@pytest.mark.parametrize("op", ["create_transaction", "link_order", "confirm_transaction",
                                "revoke_transaction", "close_spot"])  # fmt: skip
async def test_a_request_that_arrives_twice_is_one_payment(op: str, told: str) -> None:
    """
    A box in between sends each request twice and passes one of the answers on. A second
    transaction is never shown to anybody; what the second answer refuses may hold all the same, so
    the thing itself decides (F7, F18).
    """
    bench = Bench()
    wallet = bench.engine._hands.wallet
    deliver = getattr(wallet, op)

    async def twice(*arguments: object) -> object:
        answers = [await deliver(*arguments), await deliver(*arguments)]
        return answers[0 if told == "first" else 1]

    setattr(wallet, op, twice)
    bench.world.scan("t1")
    async with bench.at_work():
        for _ in range(30):
            await bench.tick()
            for charge in bench.world.offers("t1") if op != "revoke_transaction" else []:
                bench.world.reserve(charge)

    is_paid = op != "revoke_transaction"
    assert [visit.end for visit in bench.visits()] == [End.PAID if is_paid else End.UNPAID]
    assert bench.world.effects["confirm"] == int(is_paid)
    assert bench.world.effects["close"] == 1
    assert bench.world.wrongs == []
    doubles = [charge for charge in bench.world.charges.values() if charge.checkin is None]
    assert [charge.status for charge in doubles] == [TransactionStatus.NEW] * (op[:6] == "create")


async def test_eight_hours_without_a_network_end_with_a_look_before_any_confirm() -> None:
    """
    One guest's reservation has lapsed meanwhile, another's still holds, a third never decided: each
    table ends as the wallet's truth says. Until then the polls slow down to half a minute (F12).
    """
    bench = Bench(Policy(offer_ttl_s=600))
    async with bench.at_work():
        lapsed, held, undecided = [await offered(bench, table) for table in ("t1", "t2", "t3")]
        for key in (lapsed, held):
            bench.world.reserve(bench.world.charges[key])
        bench.world.weather = lambda _: "lost_request"
        await bench.tick(8 * 120, seconds=30)
        assert bench.spots._pause_s() == poller.PAUSE_S_MAX
        assert bench.world.calls["confirm"] == 0
        assert len(bench.open_visits()) == 3

        bench.world.charges[lapsed].status = TransactionStatus.FAILED
        bench.world.weather = None
        await bench.tick(6)

    ends = {visit.table: visit.end for visit in bench.visits()}
    assert ends == {"t1": End.EXPIRED, "t2": End.PAID, "t3": End.UNPAID}
    assert bench.world.charges[held].status is TransactionStatus.CONFIRMED
    assert bench.world.charges[undecided].status is TransactionStatus.REVOKED
    assert (bench.world.calls["confirm"], bench.world.effects["close"]) == (1, 3)
    assert bench.world.wrongs == []
