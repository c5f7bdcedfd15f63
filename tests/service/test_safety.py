"""The operator's bounds over a whole evening: never exceeded, also not by two tables at once."""

import asyncio
import random
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.service.bench import Bench
from tests.service.test_supervising import FakeHerald
from tests.service.world import HALL, FakeWallet
from worker.domain.ids import OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Unsent
from worker.domain.policy import Policy
from worker.domain.safety import Mode, Safety
from worker.domain.visit import End, Step
from worker.domain.wallet import NewTransaction
from worker.service.assembly import Bounds, assemble
from worker.service.observing import SEALED, SealedWallet
from worker.service.supervisor import Supervisor

OBSERVE = Safety(mode=Mode.OBSERVE)


def assembled(bench: Bench, safety: Safety, herald: FakeHerald) -> Supervisor:
    """Put a whole service floor over the bench's world."""
    return assemble(
        locations=[HALL],
        spots_interval_s=3.0,
        reservations_interval_s=3.0,
        policy=bench.policy,
        wallet=FakeWallet(bench.world),
        journal=bench.journal,
        till=bench.till,
        clock=bench.clock,
        dice=random.Random(3),
        herald=herald,
        wallet_report=dict,
        bounds=Bounds(safety, mode=safety.mode.value),
    )


async def test_a_bill_above_the_bound_is_never_asked_for() -> None:
    """The guest waits for another bill, is told of once, and is let go with the reason."""
    bench = Bench(safety=Safety(max_amount_minor=1249))
    bench.world.scan("table1")
    with capture_logs() as lines:
        async with bench.at_work():
            await bench.tick(12)

    assert bench.world.effects["create"] == 0
    ended = bench.visits()[0]
    assert (ended.step, ended.end) == (Step.CLOSED, End.REFUSED)
    assert "safety.max_amount_minor" in ended.reason
    assert [line["event"] for line in lines].count("bill.too_much") == 1


async def test_a_bill_that_shrinks_below_the_bound_is_offered_after_all() -> None:
    """Waiting for the till is worth it."""
    bench = Bench(safety=Safety(max_amount_minor=1249))
    bench.world.scan("table1")
    async with bench.at_work():
        await bench.tick(2)
        bench.till.price = Money(1249, "EUR")
        await bench.tick(2)

        assert [one.request.money.amount_minor for one in bench.world.offers("table1")] == [1249]


async def test_two_tables_never_share_what_was_left_for_one() -> None:
    """What is on offer counts before anything is sent for it."""
    bench = Bench(safety=Safety(max_day_minor=2500 + 1249))
    for table in ("table1", "table2", "table3", "table4"):
        bench.world.scan(table)
    async with bench.at_work():
        await bench.tick(2)

        offered = [t for t in ("table1", "table2", "table3", "table4") if bench.world.offers(t)]
        assert len(offered) == 2
        assert bench.world.effects["create"] == 2

        bench.world.leave(offered[0])
        await bench.tick(4)
        waits = {"table1", "table2", "table3", "table4"} - set(offered)
        assert sum(bool(bench.world.offers(table)) for table in waits) == 1


async def test_the_day_outlasts_a_restart_and_ends_at_midnight() -> None:
    """What the journal has taken counts for the next process, and no longer the next day."""
    bench = Bench(safety=Safety(max_day_minor=2000))
    bench.world.scan("table1")
    async with bench.at_work():
        await bench.tick(2)
        bench.world.reserve(bench.world.offers("table1")[0])
        await bench.tick(3)
    assert bench.visits()[0].end is End.PAID

    bench.past = tuple(bench.visits())
    bench.hire()
    bench.world.scan("table2")
    async with bench.at_work():
        await bench.tick(2)
        assert not bench.world.offers("table2")

        bench.clock.at += timedelta(days=1)
        bench.world.scan("table3")
        await bench.tick(3)
        assert bench.world.offers("table3")


async def test_an_offer_beyond_a_bound_that_was_lowered_is_taken_back_before_the_confirm() -> None:
    """A restart with a lower bound holds for money that is already held, too."""
    bench = Bench()
    bench.world.scan("table1")
    async with bench.at_work():
        await bench.tick(2)
    bench.safety = Safety(max_amount_minor=1249)
    bench.hire()
    bench.world.reserve(bench.world.offers("table1")[0])
    async with bench.at_work():
        await bench.tick(4)

    assert bench.world.effects["confirm"] == 0
    assert bench.visits()[0].end is End.REFUSED
    assert not bench.world.wrongs


async def test_a_sealed_wallet_answers_every_write_without_a_call() -> None:
    """The one place where observing is made sure of."""
    bench = Bench()
    wallet = SealedWallet(FakeWallet(bench.world))
    spot, key, now = SpotId("501"), TransactionKey("k"), bench.clock.now()
    request = NewTransaction(OrderReference("v1.x"), Money(1, "EUR"), "x", 60)

    answers = [
        await wallet.create_transaction(request),
        await wallet.link_order(spot, key),
        await wallet.confirm_transaction(key, now),
        await wallet.revoke_transaction(key),
        await wallet.close_spot(spot, now),
    ]

    assert answers == [Unsent(SEALED)] * 5
    assert not bench.world.calls


async def running(supervisor: Supervisor, herald: FakeHerald, bench: Bench, seconds: int) -> None:
    """Let a supervisor work for a while of the world's time."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.run(stop))
        await herald.is_ready.wait()
        for _ in range(seconds):
            bench.clock.at += timedelta(seconds=1)
            await asyncio.sleep(0.02)
        stop.set()


async def hurried(
    bench: Bench, safety: Safety, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run a supervisor whose naps take no time of ours."""

    async def nap(seconds: float, stop: asyncio.Event) -> None:
        await asyncio.sleep(0.01)

    for module in ("poller", "observing", "supervisor", "sweeper", "postman"):
        monkeypatch.setattr(f"worker.service.{module}.nap", nap)
    herald = FakeHerald()
    await running(assembled(bench, safety, herald), herald, bench, rounds)


async def test_observing_tells_once_what_it_would_offer_and_touches_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each check-in once, the next guest at the same table again; no visit, no write."""
    bench = Bench(Policy(bill_wait_s=5))
    bench.world.scan("table1")
    bench.world.scan("table2")
    bench.till.owe("table2")
    with capture_logs() as lines:
        await hurried(bench, OBSERVE, 12, monkeypatch)
        bench.world.leave("table1")
        bench.clock.at += timedelta(seconds=30)
        bench.world.scan("table1")
        await hurried(bench, OBSERVE, 3, monkeypatch)

    told = [(line["event"], line["table"]) for line in lines if "would" in line["event"]]
    assert told.count(("observe.would_offer", "table1")) == 2
    assert told.count(("observe.would_not_offer", "table2")) == 1
    offer = next(line for line in lines if line["event"] == "observe.would_offer")
    assert offer["amount"] == "12.50 EUR"
    assert bench.visits() == []
    assert set(bench.world.effects) == {"spots"}
    assert bench.till.posted == []


async def test_observing_leaves_an_unfinished_visit_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Going back to looking on never lets go of money; it says what is left to finish."""
    bench = Bench()
    bench.world.scan("table1")
    async with bench.at_work():
        await bench.tick(2)
    before = bench.visits()
    bench.world.effects.clear()
    with capture_logs() as lines:
        await hurried(bench, OBSERVE, 5, monkeypatch)

    assert bench.visits() == before
    assert set(bench.world.effects) == {"spots"}
    unfinished = next(line for line in lines if line["event"] == "observe.unfinished")
    assert unfinished["open"] == 1
    assert not any(line["event"] == "observe.would_offer" for line in lines)


async def test_the_canary_leaves_every_other_table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One table is served; at the others not even a visit is opened."""
    safety = Safety(mode=Mode.CANARY, max_amount_minor=2000, canary_spots=frozenset({"table2"}))
    bench = Bench()
    for table in ("table1", "table2", "table3"):
        bench.world.scan(table)
    await hurried(bench, safety, 6, monkeypatch)

    assert [visit.table for visit in bench.visits()] == ["table2"]
    assert bench.world.effects["create"] == 1
