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
from worker.domain.notice import Notice
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import SpotStatus, TransactionStatus
from worker.ports import TillTrouble

BILL = Bill("bill-1", Money(1250, "EUR"), "One")


async def test_a_till_that_hangs_over_one_table_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each visit waits for its own answer only (F70)."""
    bench, answered = Bench(), asyncio.Event()
    find_bills = bench.till.find_bills

    async def hang(location_id: LocationId, table: str) -> object:
        if table == "t1":
            await answered.wait()
        return await find_bills(location_id, table)

    monkeypatch.setattr(bench.till, "find_bills", hang)
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


@pytest.mark.parametrize("days", [2.9, 3.1])
async def test_a_till_is_told_for_three_days_and_then_a_human_is(
    days: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is free at once, a human knows within minutes, and nothing is lost (F71)."""
    bench = Bench()
    bench.till.owe("t1", BILL)
    bench.till.refuses = "no space left"
    tried_at: list[datetime] = []
    post = bench.till.post

    async def note(notice: Notice) -> TillTrouble | None:
        tried_at.append(bench.clock.now())
        return await post(notice)

    monkeypatch.setattr(bench.till, "post", note)
    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            bench.world.reserve(bench.world.charges[key])
            await bench.poll()
            assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
            assert bench.last().step is Step.CLOSED
            began = bench.clock.now()
            while (bench.clock.now() - began).total_seconds() < days * 86400:
                await bench.tick(seconds=60)
            bench.till.refuses = None
            await bench.tick(12, seconds=60)

    pauses_s = [(b - a).total_seconds() for a, b in pairwise(tried_at)]
    assert pauses_s[0] <= 60
    assert max(pauses_s) <= 600 + 60
    told = [line["event"] for line in lines if line["event"].startswith("notice.")]
    if days < 3:
        assert told == ["notice.delayed", "notice.accepted"]
        assert [notice.bill_id for notice in bench.till.posted] == [BILL.bill_id]
    else:
        assert told == ["notice.delayed", "notice.parked"]
        assert bench.till.posted == []


async def test_a_till_that_took_note_but_could_not_say_so_is_told_the_same_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The repeat carries the very same facts, so that it can be known for a repeat (F72)."""
    bench = Bench()
    bench.till.owe("t1", BILL)
    heard: list[Notice] = []

    async def deaf_once(notice: Notice) -> TillTrouble | None:
        heard.append(notice)
        return TillTrouble("the answer was lost") if len(heard) < 3 else None

    monkeypatch.setattr(bench.till, "post", deaf_once)
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(8)

    assert bench.last().step is Step.CLOSED
    assert len(heard) == 3
    assert len(set(heard)) == 1


@pytest.mark.parametrize("has_agreed", [True, False])
async def test_a_bill_that_is_paid_in_cash_meanwhile_is_not_paid_in_the_app_as_well(
    has_agreed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The till has no such bill any more: held money is given back, an offer withdrawn (F74)."""
    bench = Bench(Policy(offer_ttl_s=600))
    bench.till.owe("t1", BILL)

    async def in_cash(location_id: LocationId, table: str) -> tuple[Bill, ...]:
        return ()

    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            monkeypatch.setattr(bench.till, "find_bills", in_cash)
            if has_agreed:
                bench.world.reserve(bench.world.charges[key])
            await bench.tick(6)

    assert bench.world.calls["confirm"] == 0
    assert bench.world.charges[key].status is TransactionStatus.REVOKED
    assert bench.last().end is End.WITHDRAWN
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
    assert bench.till.posted == []
    assert [line["event"] for line in lines].count("bill.withdrawn") == 1
