"""The named situations of a table, with the real engine over a fake world."""

from datetime import datetime

import pytest
from structlog.testing import capture_logs

from tests.service.bench import Bench
from tests.service.situations import offered, the_offer
from tests.service.world import Table
from worker.domain.bill import Bill
from worker.domain.commands import WriteKind
from worker.domain.decision import Decision
from worker.domain.events import Event, WriteUnknown
from worker.domain.ids import SpotId
from worker.domain.money import Money
from worker.domain.visit import End, Step
from worker.domain.wallet import SpotStatus, TransactionStatus
from worker.ports import Intent
from worker.service.actor import Actor


async def test_a_guest_who_pays_is_charged_once_and_the_spot_is_closed() -> None:
    """The happy way, counted call by call."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()

    assert bench.last().end is End.PAID
    assert bench.last().step is Step.CLOSED
    assert bench.world.charges[key].status is TransactionStatus.CONFIRMED
    assert [bench.world.effects[op] for op in ("create", "link", "confirm", "close")] == [1] * 4
    assert bench.world.calls["confirm"] == 1
    assert bench.world.wrongs == []


@pytest.mark.parametrize("loss", ["lost_request", "lost_reply", "unsent"])
@pytest.mark.parametrize("op", ["create", "link", "confirm", "close"])
async def test_any_one_lost_call_ends_as_if_it_had_not_been_lost(op: str, loss: str) -> None:
    """Whatever is lost and on which side of the effect: paid once, closed once, nothing parked.

    (F2,
    F3)
    """
    bench = Bench()
    bench.world.trouble[op].append(loss)
    bench.world.scan("t1")
    async with bench.at_work():
        for _ in range(12):
            await bench.tick()
            for charge in bench.world.offers("t1"):
                bench.world.reserve(charge)

    assert bench.last().end is End.PAID
    assert bench.world.effects["confirm"] == 1
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
    assert bench.world.wrongs == []
    if loss == "lost_reply":
        assert bench.world.calls[op] == 1, "what took effect is never repeated"


async def test_a_lost_revoke_is_looked_up_and_the_spot_closed() -> None:
    """The offer's time is over, and the answer to its withdrawal is lost (F3)."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.trouble["revoke"].append("lost_reply")
        await bench.tick(25)

    assert bench.world.charges[key].status is TransactionStatus.REVOKED
    assert bench.world.calls["revoke"] == 1
    assert bench.last().end is End.UNPAID
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED


async def test_a_guest_who_leaves_without_paying_is_let_go() -> None:
    """Checked out: the transaction is withdrawn, and there is nothing to close (F56)."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.leave("t1")
        await bench.tick(3)

    assert bench.world.charges[key].status is TransactionStatus.REVOKED
    assert bench.last().end is End.LEFT
    assert bench.world.calls["close"] == 0


async def test_a_guest_who_stays_without_paying_is_closed_after_the_offers_time() -> None:
    """The spot is freed, and the money was never held."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        await bench.tick(25)

    assert bench.world.charges[key].status is TransactionStatus.REVOKED
    assert bench.last().end is End.UNPAID
    assert bench.world.effects["close"] == 1


async def test_a_guest_who_declines_frees_the_table_within_a_quarter_of_a_minute() -> None:
    """A refusal shows in no list, so the offer itself is looked at."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.charges[key].status = TransactionStatus.REJECTED
        await bench.tick(5)

    assert bench.last().end is End.DECLINED
    assert bench.world.effects["close"] == 1
    closed_at = bench.last().spot_closed_at
    assert closed_at is not None
    assert (closed_at - bench.last().opened_at).total_seconds() <= 15


async def test_a_guest_who_comes_back_at_once_is_served_again_and_never_thrown_out() -> None:
    """The next guest sits down in the instant the spot is closed."""
    bench = Bench()
    returned: list[int] = []

    def rescan(table: Table) -> None:
        if not returned:
            returned.append(bench.world.scan(table.identifier).checkin)

    bench.world.on_close = rescan
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()
        assert bench.world.calls["close"] == 1
        await bench.tick()
        second = the_offer(bench)
        bench.world.reserve(bench.world.charges[second])
        await bench.poll()

    assert [visit.end for visit in bench.visits()] == [End.PAID, End.PAID]
    assert bench.world.tables[SpotId("id-t1")].checkin == 2
    assert bench.world.wrongs == []


async def test_a_lost_close_does_not_throw_out_the_guest_who_came_at_once() -> None:
    """The close worked, its answer was lost, and somebody else waits there now (F3)."""
    bench = Bench()
    bench.world.on_close = lambda table: (
        None if table.checkin > 1 else (bench.world.scan(table.identifier), None)[1]
    )
    bench.world.trouble["close"].append("lost_reply")
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()

        assert bench.world.calls["close"] == 1
        assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.WAITING
        await bench.tick()
        assert the_offer(bench)


async def test_a_table_without_a_bill_is_closed_after_its_wait() -> None:
    """The polls saw the spot waiting without a gap, so it is still the same guest (F68)."""
    bench = Bench()
    bench.till.trouble = "no bill yet"
    async with bench.at_work():
        bench.world.scan("t1")
        await bench.tick(9)

    assert bench.last().end is End.NO_BILL
    assert bench.world.effects["close"] == 1
    assert bench.world.calls["create"] == 0


async def test_a_bill_that_comes_late_is_still_offered() -> None:
    """The guest waits; the till has the bill a little later (F68)."""
    bench = Bench()
    bench.till.trouble = "no bill yet"
    async with bench.at_work():
        bench.world.scan("t1")
        await bench.tick(2)
        bench.till.trouble = None
        await bench.tick(2)

        assert the_offer(bench)


async def test_money_that_differs_is_never_taken() -> None:
    """The wallet shows another amount than the bill's: given back, and said loudly (F22)."""
    bench = Bench()
    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            bench.world.charges[key].money = Money(1, "EUR")
            bench.world.reserve(bench.world.charges[key])
            await bench.tick(3)

    assert bench.world.calls["confirm"] == 0
    assert bench.world.charges[key].status is TransactionStatus.REVOKED
    assert bench.last().end is End.MISMATCH
    (told,) = [line for line in lines if line["event"] == "transaction.mismatched"]
    assert told["log_level"] == "error"
    assert told["table"] == "t1"


async def test_a_bill_that_changes_is_withdrawn_and_offered_anew() -> None:
    """First the old one is seen gone, then the new one shows; one spot, one live order (F69)."""
    bench = Bench()
    bench.till.owe("t1", Bill("bill-1", Money(1000, "EUR"), "One"))
    async with bench.at_work():
        old = await offered(bench)
        bench.till.owe("t1", Bill("bill-1", Money(1500, "EUR"), "Two"))
        await bench.tick(5)
        new = the_offer(bench)
        bench.world.reserve(bench.world.charges[new])
        await bench.poll()

    assert bench.world.charges[old].status is TransactionStatus.REVOKED
    assert bench.world.charges[new].request.money == Money(1500, "EUR")
    assert [paid.money.amount_minor for paid in bench.till.posted] == [1500]
    assert bench.world.wrongs == []


async def test_a_bill_is_never_paid_at_two_tables() -> None:
    """The same bill_id shows up again: it is refused while it is paid and after it was."""
    bench = Bench()
    bill = Bill("bill-1", Money(1000, "EUR"), "One")
    bench.till.bills = {"t1": (bill,), "t2": (bill,)}
    async with bench.at_work():
        bench.world.scan("t1")
        bench.world.scan("t2")
        await bench.poll()
        offers = bench.world.offers("t1") + bench.world.offers("t2")
        assert len(offers) == 1
        bench.world.reserve(offers[0])
        await bench.tick(12)

    assert bench.world.effects["confirm"] == 1
    assert sorted(str(v.end) for v in bench.visits() if v.bill or v.end) == ["no_bill", "paid"]


async def test_a_till_that_cannot_be_told_is_told_later_and_the_table_is_free() -> None:
    """A paid bill is never lost, and never keeps a table (F71)."""
    bench = Bench()
    bench.till.owe("t1", Bill("bill-1", Money(1000, "EUR"), "One"))
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        bench.till.refuses = "no space left"
        await bench.poll()
        assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
        assert bench.last().step is Step.CLOSED
        assert bench.till.posted == []
        bench.till.refuses = None
        await bench.tick(2)

    assert bench.last().step is Step.CLOSED
    assert [paid.visit for paid in bench.till.posted] == ["v-0001"]


async def test_a_payment_in_the_moment_of_giving_up_is_taken() -> None:
    """The guest left the spot and paid in the same instant: taken at their word."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        bench.world.leave("t1")
        bench.world.unlisted.add(SpotId("id-t1"))
        await bench.tick(5)

    assert bench.world.charges[key].status is TransactionStatus.CONFIRMED
    assert bench.last().end is End.PAID
    assert bench.world.calls["close"] == 0


async def test_a_reservation_that_expires_under_a_lost_confirm_is_not_paid() -> None:
    """The confirm never arrived and the wallet gave the money back (F26)."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        bench.world.trouble["confirm"].append("lost_request")
        await bench.poll()
        bench.world.charges[key].status = TransactionStatus.FAILED
        await bench.tick(3)

    assert bench.last().end is End.EXPIRED
    assert bench.world.effects["confirm"] == 0
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED


async def test_a_fault_of_ours_after_a_confirm_does_not_forget_that_it_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bug strikes between the answer and the journal; the bill is taken back meanwhile.

    (F41)
    """
    bench = Bench()
    bench.till.owe("t1", Bill("bill-1", Money(1000, "EUR"), "One"))
    adopt = bench.engine._adopt
    stumbled: list[Event] = []

    def stumble(actor: Actor, event: Event, decided: Decision, now: datetime) -> None:
        if isinstance(event, WriteUnknown) and not stumbled:
            stumbled.append(event)
            raise ValueError("boom")
        adopt(actor, event, decided, now)

    async with bench.at_work():
        key = await offered(bench)
        bench.world.trouble["confirm"].append("late:20")
        monkeypatch.setattr(bench.engine, "_adopt", stumble)
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()
        bench.till.bills.clear()
        for _ in range(10):
            bench.world.catch_up()
            await bench.tick()

    assert stumbled
    assert bench.world.calls["revoke"] == 0
    assert bench.last().end is End.PAID


@pytest.mark.parametrize(("loss", "ticks_max"), [("unsent", 2), ("lost_request", 30)])
async def test_a_confirm_that_did_not_work_for_a_bill_paid_in_cash_is_given_back(
    loss: str, ticks_max: int
) -> None:
    """At once if it certainly never left, else once it can not work any more (F74)."""
    bench = Bench()
    bench.till.owe("t1", Bill("bill-1", Money(1000, "EUR"), "One"))
    async with bench.at_work():
        key = await offered(bench)
        bench.world.trouble["confirm"].append(loss)
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()
        bench.till.owe("t1")
        await bench.tick(ticks_max)

    assert (bench.world.calls["confirm"], bench.world.effects["revoke"]) == (1, 1)
    assert bench.world.charges[key].status is TransactionStatus.REVOKED
    (first,) = [visit for visit in bench.visits() if visit.transaction_key == key]
    assert (first.step, first.end) == (Step.CLOSED, End.WITHDRAWN)
    assert bench.world.wrongs == []


async def test_a_bill_that_grew_while_its_confirm_was_lost_is_offered_anew() -> None:
    """The visit goes on: the lost confirm is in nobody's way (F69)."""
    bench = Bench()
    bench.till.owe("t1", Bill("bill-1", Money(1000, "EUR"), "One"))
    async with bench.at_work():
        key = await offered(bench)
        bench.world.trouble["confirm"].append("lost_request")
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()
        bench.till.owe("t1", Bill("bill-1", Money(1300, "EUR"), "One and a coffee"))
        await bench.tick(30)
        (again,) = bench.world.offers("t1")
        bench.world.reserve(again)
        await bench.tick(3)

    assert bench.world.charges[key].status is TransactionStatus.REVOKED
    assert (again.key != key, again.status) == (True, TransactionStatus.CONFIRMED)
    assert (bench.last().end, bench.last().taken_minor) == (End.PAID, 1300)
    assert bench.world.effects["confirm"] == 1
    assert bench.world.wrongs == []


async def test_a_stop_leaves_open_visits_to_the_next_start() -> None:
    """Nothing new begins, and a restart resumes where it was."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
    assert bench.last().step is Step.OFFERED

    bench.hire()
    async with bench.at_work():
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(2)

    assert bench.last().end is End.PAID
    assert bench.world.effects["create"] == 1


async def test_every_write_had_a_durable_intent_first() -> None:
    """The journal knows of each call before the wallet does."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        intents = bench.journal.intents(bench.last().visit_id)
        assert Intent(WriteKind.CREATE, bench.last().reference) in intents
        assert Intent(WriteKind.LINK, key) in intents
