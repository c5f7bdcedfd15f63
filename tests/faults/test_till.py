"""What a shop's software and its staff can do to a bill that a guest is about to pay."""

import asyncio
from datetime import datetime
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from tests.service.bench import Bench
from tests.service.situations import offered, the_offer
from worker.domain.bill import Bill
from worker.domain.ids import LocationId, SpotId
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import SpotStatus, TransactionStatus
from worker.ports import PaidBill, TillMissing, TillTrouble

BILL = Bill("bill-1", Money(1250, "EUR"), "One")
THREE_DAYS_S = 3 * 86400.0


async def test_a_till_that_hangs_over_one_table_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each visit waits for its own answer only (F70)."""
    bench, answered = Bench(), asyncio.Event()
    find_bill = bench.till.find_bill

    async def hang(location_id: LocationId, table: str) -> object:
        if table == "t1":
            await answered.wait()
        return await find_bill(location_id, table)

    monkeypatch.setattr(bench.till, "find_bill", hang)
    bench.world.scan("t1")
    bench.world.scan("t2")
    async with bench.at_work():
        await bench.spots.poll()
        for _ in range(1000):
            await asyncio.sleep(0)
            if bench.world.offers("t2"):
                break
        assert the_offer(bench, "t2")
        assert bench.world.offers("t1") == []
        answered.set()
        await bench.rest()
        assert the_offer(bench, "t1")


async def test_a_till_that_refuses_for_three_days_is_told_on_the_fourth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table is free at once and a human knows within minutes; the worker never stops (F71)."""
    bench = Bench()
    bench.till.bills["t1"] = BILL
    bench.till.cannot_settle = "no space left"
    tried_at: list[datetime] = []
    settle = bench.till.settle

    async def note(paid: PaidBill) -> TillTrouble | None:
        tried_at.append(bench.clock.now())
        return await settle(paid)

    monkeypatch.setattr(bench.till, "settle", note)
    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            bench.world.reserve(bench.world.charges[key])
            await bench.poll()
            assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
            began = bench.clock.now()
            while (bench.clock.now() - began).total_seconds() < THREE_DAYS_S:
                await bench.tick(seconds=60)
            assert bench.last().step is Step.SETTLING
            bench.till.cannot_settle = None
            await bench.tick(12, seconds=60)

    assert bench.last().step is Step.CLOSED
    assert [paid.bill for paid in bench.till.settled] == [BILL]
    pauses_s = [(b - a).total_seconds() for a, b in pairwise(tried_at)]
    assert max(pauses_s) <= 600 * 1.1 + 60
    told = [line for line in lines if line["event"] == "bill.not_settled"]
    assert [line["log_level"] for line in told] == ["error"] * 2, "at once, and when it lasts"


async def test_a_till_that_took_note_but_could_not_say_so_is_told_the_same_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The repeat carries the very same facts, so that it can be known for a repeat (F72)."""
    bench = Bench()
    bench.till.bills["t1"] = BILL
    heard: list[PaidBill] = []

    async def deaf_once(paid: PaidBill) -> TillTrouble | None:
        heard.append(paid)
        return TillTrouble("the answer was lost") if len(heard) < 3 else None

    monkeypatch.setattr(bench.till, "settle", deaf_once)
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(6)

    assert bench.last().step is Step.CLOSED
    assert len(heard) == 3
    assert len(set(heard)) == 1


@pytest.mark.parametrize("has_agreed", [True, False])
async def test_a_bill_that_is_paid_in_cash_meanwhile_is_not_paid_in_the_app_as_well(
    has_agreed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The till has no such bill any more: held money is given back, an offer withdrawn (F74)."""
    bench = Bench(Policy(offer_ttl_s=600))
    bench.till.bills["t1"] = BILL

    async def in_cash(location_id: LocationId, table: str) -> TillMissing:
        return TillMissing()

    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            monkeypatch.setattr(bench.till, "find_bill", in_cash)
            if has_agreed:
                bench.world.reserve(bench.world.charges[key])
            await bench.tick(6)

    assert bench.world.calls["confirm"] == 0
    assert bench.world.charges[key].status is TransactionStatus.REVOKED
    assert bench.last().end is End.WITHDRAWN
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
    assert bench.till.settled == []
    assert [line["event"] for line in lines].count("bill.withdrawn") == 1
