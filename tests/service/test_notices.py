"""The outbox: what was paid is written down with the payment, and told until the till has it."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from tests.service.bench import Bench, FakeTill
from tests.service.situations import offered, the_offer
from tests.service.world import FakeWallet
from worker.domain import machine
from worker.domain.bill import Bill, BillPart
from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.outcome import Done, Outcome
from worker.domain.policy import Policy
from worker.domain.visit import End, Step, Visit
from worker.domain.wallet import SpotStatus, TransactionStatus
from worker.ports import Entry, NoticeState, TillTrouble

BILL = Bill("bill-1", Money(1250, "EUR"), "Table t1")
IN_TWO = Bill(
    "bill-2",
    Money(1000, "EUR"),
    "Table t1",
    parts=(BillPart("p1", Money(400, "EUR")), BillPart("p2", Money(600, "EUR"))),
)


async def paid(bench: Bench, bill: Bill = BILL, table: str = "t1") -> None:
    """Have a guest pay a bill, or each of its parts, in turn."""
    bench.till.owe(table, bill)
    bench.world.scan(table)
    await bench.poll()
    for charge in bench.world.offers(table):
        bench.world.reserve(charge)
        await bench.poll()


async def test_a_paid_bill_is_told_once_and_never_again() -> None:
    """What the till accepted is noted, so a new start has nothing to tell."""
    bench = Bench()
    async with bench.at_work():
        await paid(bench)
    assert [notice.bill_id for notice in bench.till.posted] == ["bill-1"]
    assert bench.journal.notices(bench.last().visit_id) == (NoticeState.ACCEPTED,)

    bench.hire()
    async with bench.at_work():
        await bench.tick(3)
    assert len(bench.till.heard) == 1


async def test_a_sale_without_a_bill_is_told_to_nobody() -> None:
    """A till that has no name for it has nothing to take off the table."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()

    assert bench.last().end is End.PAID
    assert bench.till.heard == []


async def test_a_yes_to_a_confirm_is_not_told_until_a_look_shows_the_money(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The wallet says yes and has taken nothing: it is asked again, and only then the till told."""
    confirm, hollow = FakeWallet.confirm_transaction, ["yes"]

    async def say_yes(
        wallet: FakeWallet, key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        if hollow:
            hollow.clear()
            return Done(None)
        return await confirm(wallet, key, not_after, lowered)

    monkeypatch.setattr(FakeWallet, "confirm_transaction", say_yes)
    bench = Bench()
    async with bench.at_work():
        await paid(bench)
        assert bench.till.heard == []
        assert bench.last().paid_at is None
        await bench.tick(4)

    (charge,) = bench.world.charges.values()
    assert charge.status is TransactionStatus.CONFIRMED
    assert len(bench.till.posted) == 1


class Reading(FakeTill):
    """A till that looks into the journal when it is told."""

    bench: Bench

    async def post(self, notice: Notice) -> TillTrouble | None:
        """Accept what is durable."""
        owed = [one.notice for one in self.bench.journal.owed()]
        kept = self.bench.journal.visit(notice.visit_id)
        assert notice in owed, "it is written down"
        assert kept.paid_at == notice.paid_at, "and so is the payment"
        return await super().post(notice)


async def test_nothing_is_told_before_it_is_written_down_with_its_payment() -> None:
    """A worker that dies after telling says the same when it tells again."""
    bench = Bench()
    bench.till = till = Reading()
    till.bench = bench
    bench.hire()
    async with bench.at_work():
        await paid(bench)

    assert len(till.posted) == 1


async def test_each_telling_says_the_same_under_the_same_name() -> None:
    """A till that took the first and lost its answer can see that the second is no other (F72)."""
    bench = Bench()
    bench.till.refuses = "no paper"
    async with bench.at_work():
        await paid(bench)
        await bench.wait(60)
    bench.clock.at += timedelta(hours=1)
    bench.hire()
    async with bench.at_work():
        bench.till.refuses = None
        await bench.wait(600)

    assert len(bench.till.heard) >= 3
    assert len(set(bench.till.heard)) == 1
    (notice,) = bench.till.posted
    assert notice.notice_id == notice.reference.replace(".", "-")
    assert bench.journal.notices(bench.last().visit_id) == (NoticeState.ACCEPTED,)


async def test_the_spot_is_closed_whatever_the_till_says() -> None:
    """A guest who has paid does not wait for a till that refuses, or that never answers (F71)."""
    for hangs_for in (set[LocationId](), {LocationId(9975)}):
        bench = Bench()
        bench.till.refuses = "no paper"
        bench.till.hangs_for = hangs_for
        async with bench.at_work():
            await asyncio.wait_for(paid(bench), 20)
            assert bench.last().step is Step.CLOSED
            assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
        assert bench.journal.notices(bench.last().visit_id) == (NoticeState.PENDING,)


async def test_the_till_is_told_after_five_seconds_then_ever_more_seldom() -> None:
    """The waits double up to ten minutes (F71)."""
    bench = Bench()
    bench.till.refuses = "no paper"
    told_s: list[float] = []
    async with bench.at_work():
        await paid(bench)
        for _ in range(500):
            if len(bench.till.heard) > len(told_s):
                told_s.append(bench.clock.ticks_s())
            await bench.wait(5)

    waits = [later - earlier for earlier, later in pairwise(told_s)]
    assert waits[:8] == [5, 10, 20, 40, 80, 160, 320, 600]


async def test_a_till_that_is_well_again_hears_of_everything_soon() -> None:
    """What was refused last waits no ten minutes more because of the hours before (F71)."""
    bench = Bench()
    bench.till.refuses = "no paper"
    async with bench.at_work():
        await paid(bench)
        await bench.wait(100)
        await paid(bench, replace(BILL, bill_id="bill-7"), "t2")
        while len(bench.till.heard) < 15:
            await bench.wait(5)
        bench.till.refuses = None
        while not bench.till.posted:
            await bench.wait(5)
        await bench.wait(5)

    assert {notice.bill_id for notice in bench.till.posted} == {"bill-1", "bill-7"}


async def test_a_payment_that_the_till_refuses_alone_is_not_told_more_often_for_it() -> None:
    """Others are accepted at once, which says nothing about it."""
    bench = Bench()
    bench.till = till = Picky()
    bench.hire()
    async with bench.at_work():
        await paid(bench, IN_TWO)
        while (before := len(till.heard)) < 6:
            await bench.wait(5)
        await paid(bench, BILL, "t2")
        await bench.wait(30)

    assert len(till.heard) == before + 1


async def test_after_three_days_a_notice_is_left_to_a_human() -> None:
    """It is told no more, the operator is called, and what was paid stays written down (F71)."""
    bench = Bench()
    bench.till.refuses = "no paper"
    with capture_logs() as lines:
        async with bench.at_work():
            await paid(bench)
            for _ in range(3 * 24 * 6 + 10):
                await bench.wait(600)
            heard = len(bench.till.heard)
            await bench.wait(3600)
    names = [line["event"] for line in lines]

    assert bench.journal.notices(bench.last().visit_id) == (NoticeState.PARKED,)
    assert len(bench.till.heard) == heard > 400
    assert names.count("notice.parked") == 1
    assert names.count("notice.delayed") == 1
    assert bench.last().end is End.PAID


async def test_a_clock_that_was_set_on_does_not_give_the_till_up() -> None:
    """Days that nobody lived through are no days in which the till was told."""
    bench = Bench()
    bench.till.refuses = "no paper"
    async with bench.at_work():
        await paid(bench)
    bench.clock.at += timedelta(days=10)
    bench.hire()
    async with bench.at_work():
        await bench.wait(600)
    assert bench.journal.notices(bench.last().visit_id) == (NoticeState.PENDING,)

    bench.clock.at -= timedelta(days=30)
    bench.till.refuses = None
    bench.hire()
    async with bench.at_work():
        await bench.rest()
    assert bench.journal.notices(bench.last().visit_id) == (NoticeState.ACCEPTED,)


class Picky(FakeTill):
    """A till that does not take some part of a bill."""

    refused = "p1"

    async def post(self, notice: Notice) -> TillTrouble | None:
        """Refuse one part."""
        self.refuses = "not this one" if notice.part_id == self.refused else None
        return await super().post(notice)


async def test_the_payments_of_one_bill_are_told_in_their_order() -> None:
    """The second part waits behind the first, and another bill waits behind neither (F72)."""
    bench = Bench()
    bench.till = till = Picky()
    bench.hire()
    async with bench.at_work():
        await paid(bench, IN_TWO)
        await paid(bench, BILL, "t2")
        assert [notice.bill_id for notice in till.posted] == ["bill-1"]
        till.refused = ""
        await bench.wait(600)

    assert [notice.part_id for notice in till.posted] == [None, "p1", "p2"]


def a_payment(number: int, location: int) -> tuple[Visit, Notice]:
    """Give a visit that was paid, and what its till must hear."""
    bench = Bench()
    opened = machine.open_visit(
        visit_id=VisitId(number),
        instance="memory22",
        nonce="abcdef",
        location_id=LocationId(location),
        spot_id=SpotId(f"id-{number}"),
        table=f"t{number}",
        now=bench.clock.now(),
    ).visit
    notice = Notice(
        notice_id=f"notice-{number}",
        visit_id=opened.visit_id,
        location_id=opened.location_id,
        table=opened.table,
        bill_id="bill-1",
        part_id=None,
        money=Money(1250, "EUR"),
        bill_minor=1250,
        service_minor=0,
        tip_minor=0,
        transaction_key=TransactionKey(f"key-{number}"),
        reference=OrderReference(f"notice-{number}"),
        paid_at=bench.clock.now(),
    )
    return opened, notice


async def test_a_till_that_hangs_holds_up_its_own_location_alone() -> None:
    """The others' notices are told as if it were not there (F70)."""
    bench = Bench()
    bench.till.hangs_for = {LocationId(1)}
    async with bench.at_work():
        for number, location in ((1, 1), (2, 1), (3, 2)):
            visit, notice = a_payment(number, location)
            await bench.journal.write(Entry(visit.visit_id, visit, notices=(notice,)))
            bench.postman.take((notice,))
        await bench.rest()

        assert [notice.location_id for notice in bench.till.posted] == [2]
        assert bench.till.heard[0].location_id == 1


@pytest.mark.parametrize("is_told", [False, True])
async def test_a_worker_that_dies_between_paid_and_told_tells_it_when_it_is_back(
    is_told: bool,
) -> None:
    """The payment stands in the journal with its notice, so no look at the wallet is needed."""
    bench = Bench(Policy(bill_wait_s=20, offer_ttl_s=60))
    bench.till.refuses = None if is_told else "no paper"
    async with bench.at_work():
        bench.till.owe("t1", BILL)
        bench.world.scan("t1")
        await bench.poll()
        bench.world.trouble["close"].extend(["lost_request"] * 3)
        bench.world.reserve(bench.world.charges[the_offer(bench)])
        await bench.poll()
        assert bench.last().step is Step.CLOSING
    bench.till.refuses = None
    bench.hire()
    async with bench.at_work():
        await bench.tick(4)

    assert [notice.transaction_key for notice in bench.till.posted] == ["key-0001"]
    assert bench.last().end is End.PAID
