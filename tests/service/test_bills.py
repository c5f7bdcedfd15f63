"""Which bill is a visit's, and how long the till keeps it as it is."""

from dataclasses import replace

from tests.service.bench import Bench
from tests.service.situations import offered, the_offer
from worker.domain.bill import Bill
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import TransactionStatus

OLD = Bill("bill-1", Money(1100, "EUR"), "Table t1")
NEW = Bill("bill-2", Money(2200, "EUR"), "Table t1")
NEWEST = Bill("bill-3", Money(3300, "EUR"), "Table t1")


async def test_of_several_bills_the_oldest_is_offered_where_the_shop_says_so() -> None:
    """Then the next one, as soon as the first is paid and a guest scans again."""
    bench = Bench(Policy(serves_oldest_bill=True))
    bench.till.owe("t1", OLD, NEW, NEWEST)
    async with bench.at_work():
        for bill in (OLD, NEW, NEWEST):
            key = await offered(bench)
            assert bench.world.charges[key].request.money == bill.money
            bench.world.reserve(bench.world.charges[key])
            await bench.poll()

    assert [notice.bill_id for notice in bench.till.posted] == ["bill-1", "bill-2", "bill-3"]


async def test_of_several_bills_none_is_offered_where_the_shop_wants_no_guess() -> None:
    """The guest waits until one is left, or is let go."""
    bench = Bench()
    bench.till.owe("t1", OLD, NEW)
    async with bench.at_work():
        bench.world.scan("t1")
        await bench.tick(2)
        assert bench.world.calls["create"] == 0
        bench.till.owe("t1", NEW)
        await bench.tick(2)
        assert bench.world.charges[the_offer(bench)].request.money == NEW.money

        bench.till.owe("t2", OLD, NEWEST)
        bench.world.scan("t2")
        await bench.tick(12)
    assert bench.last().end is End.NO_BILL


async def test_the_bill_on_offer_stays_the_one_when_another_is_laid_beside_it() -> None:
    """An older one, too: the guest agreed to this one."""
    for policy in (Policy(), Policy(serves_oldest_bill=True)):
        bench = Bench(policy)
        bench.till.owe("t1", NEW)
        async with bench.at_work():
            key = await offered(bench)
            bench.till.owe("t1", OLD, NEW)
            bench.world.reserve(bench.world.charges[key])
            await bench.poll()
        assert bench.last().end is End.PAID
        assert [notice.bill_id for notice in bench.till.posted] == ["bill-2"]


async def test_a_bill_that_another_visit_charges_or_was_paid_for_does_not_count() -> None:
    """Two tables show it; the one that came later gets what is its own."""
    bench = Bench()
    bench.till.lists_paid = True
    bench.till.owe("t1", OLD)
    bench.till.owe("t2", OLD, NEW)
    async with bench.at_work():
        first = await offered(bench, "t1")
        second = await offered(bench, "t2")
        assert bench.world.charges[second].request.money == NEW.money
        for key in (first, second):
            bench.world.reserve(bench.world.charges[key])
            await bench.poll()
        bench.world.scan("t2")
        await bench.tick(12)

    assert [visit.end for visit in bench.visits()] == [End.PAID, End.PAID, End.NO_BILL]
    assert bench.world.calls["create"] == 2


def locking() -> Bench:
    """Give a bench whose till locks its bills."""
    bench = Bench()
    bench.till.can_lock = True
    bench.till.owe("t1", OLD)
    return bench


async def test_a_bill_is_locked_once_a_guest_agreed_and_not_before() -> None:
    """While the guest reads it the waiter may still add a dish."""
    bench = locking()
    async with bench.at_work():
        key = await offered(bench)
        await bench.tick(5)
        assert bench.till.locks == {}
        bench.world.trouble["confirm"].extend(["lost_request"] * 2)
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()
        assert bench.last().step is Step.CONFIRMING
        assert bench.till.locks == {"bill-1": bench.last().label}
        assert bench.till.unlocked == []


async def test_a_bill_that_is_paid_stays_locked_until_the_till_hears_of_it() -> None:
    """What is added to it in between would never be asked for."""
    bench = locking()
    bench.till.refuses = "no paper"
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(3)
        assert bench.last().end is End.PAID
        assert bench.till.unlocked == []


async def test_a_bill_is_let_go_when_the_guests_money_goes_back() -> None:
    """The wallet would not confirm, so nothing is being paid any more."""
    bench = locking()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.trouble["confirm"].extend(["refuse:state"] * 5)
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(20)
        assert bench.world.charges[key].status is TransactionStatus.REVOKED

    assert bench.till.unlocked == ["bill-1"]
    assert bench.till.locks == {}


async def test_a_bill_that_changed_before_it_was_locked_is_offered_anew_and_let_go() -> None:
    """The lock says what the bill asks for now, and that is compared (F69)."""
    bench = locking()
    async with bench.at_work():
        key = await offered(bench)
        bench.till.owe("t1", replace(OLD, money=Money(1500, "EUR")))
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(3)
        assert bench.world.charges[the_offer(bench)].request.money == Money(1500, "EUR")

    assert bench.till.unlocked == ["bill-1"]
    assert bench.world.calls["confirm"] == 0


async def test_a_bill_that_somebody_else_is_changing_is_not_taken() -> None:
    """The confirm waits until the lock is ours."""
    bench = locking()
    async with bench.at_work():
        key = await offered(bench)
        bench.till.locks["bill-1"] = "the cashier"
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(4)
        assert bench.world.calls["confirm"] == 0
        assert bench.world.charges[key].status is TransactionStatus.RESERVED
        del bench.till.locks["bill-1"]
        await bench.tick(3)

    assert bench.last().end is End.PAID
