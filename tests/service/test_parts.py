"""A bill in parts, with the real engine: each part has its own transaction and is paid once."""

from dataclasses import replace

from tests.service.bench import Bench
from tests.service.world import Charge
from worker.domain.bill import Bill, BillPart
from worker.domain.ids import OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import NewTransaction, SpotStatus, TransactionStatus


def split(*minors: int, bill_id: str = "bill-1") -> Bill:
    """Give a bill in parts."""
    parts = tuple(
        BillPart(f"p{number}", Money(minor, "EUR")) for number, minor in enumerate(minors, 1)
    )
    return Bill(bill_id, Money(sum(minors), "EUR"), "Table t1", parts=parts)


async def shown(bench: Bench, bill: Bill) -> list[Charge]:
    """Bring a table to the point where every part shows."""
    bench.till.owe("t1", bill)
    bench.world.scan("t1")
    await bench.poll()
    return bench.world.offers("t1")


async def pay(bench: Bench, charge: Charge) -> None:
    """Have a guest pay one part."""
    bench.world.reserve(charge)
    await bench.poll()


def statuses(charges: list[Charge]) -> list[TransactionStatus]:
    """Give how far each transaction got."""
    return [charge.status for charge in charges]


async def test_three_guests_pay_their_parts_and_the_bill_is_covered() -> None:
    """Each part is taken once, told once, and the spot is closed with the last one."""
    bench = Bench()
    async with bench.at_work():
        charges = await shown(bench, split(400, 600, 250))
        assert [charge.request.money.amount_minor for charge in charges] == [400, 600, 250]
        for charge in (charges[1], charges[0]):
            await pay(bench, charge)
            assert bench.last().step is Step.OFFERED
            assert bench.world.calls["close"] == 0
        await pay(bench, charges[2])

    visit = bench.last()
    assert visit.end is End.PAID
    assert visit.taken == Money(1250, "EUR")
    assert bench.world.calls["confirm"] == 3
    assert bench.world.effects["close"] == 1
    assert [(notice.part_id, notice.money.amount_minor) for notice in bench.till.posted] == [
        ("p2", 600),
        ("p1", 400),
        ("p3", 250),
    ]
    assert {notice.bill_minor for notice in bench.till.posted} == {1250}
    assert bench.world.wrongs == []


async def test_what_nobody_paid_is_withdrawn_and_asked_of_the_next_guest_alone() -> None:
    """Two of three paid and the third left: the next one at the table is asked for the third."""
    bench = Bench()
    async with bench.at_work():
        charges = await shown(bench, split(400, 600, 250))
        await pay(bench, charges[0])
        await pay(bench, charges[1])
        bench.world.leave("t1")
        await bench.tick(3)
        assert bench.last().end is End.PART_PAID
        assert charges[2].status is TransactionStatus.REVOKED

        bench.world.scan("t1")
        await bench.poll()
        (rest,) = bench.world.offers("t1")
        assert rest.request.money == Money(250, "EUR")
        await pay(bench, rest)

    assert bench.last().end is End.PAID
    assert [notice.part_id for notice in bench.till.posted] == ["p1", "p2", "p3"]
    assert bench.world.wrongs == []


async def test_parts_that_nobody_pays_are_withdrawn_when_the_offers_time_is_over() -> None:
    """None can be paid once the spot is closed."""
    bench = Bench()
    async with bench.at_work():
        charges = await shown(bench, split(400, 600, 250))
        await bench.tick(25)

    assert bench.last().end is End.UNPAID
    assert set(statuses(charges)) == {TransactionStatus.REVOKED}
    assert bench.world.effects["close"] == 1
    assert bench.world.wrongs == []


async def test_a_part_is_charged_in_the_journal_before_its_confirm_leaves() -> None:
    """While nobody knows whether it was taken, no other visit may be asked for it."""
    bench = Bench()
    async with bench.at_work():
        charges = await shown(bench, split(400, 600))
        bench.world.trouble["confirm"].append("lost_request")
        bench.world.trouble["transaction"].extend(["", "", "lost_request", "lost_request"])
        await pay(bench, charges[0])
        assert bench.last().step is Step.CONFIRMING
        claims = await bench.journal.claims_on_bill(bench.last().location_id, "bill-1")
        assert claims.paid_parts == {"p1": bench.last().visit_id}
        await bench.tick(8)

    assert charges[0].status is TransactionStatus.CONFIRMED


async def test_a_part_whose_confirm_was_lost_is_taken_once_and_the_others_wait() -> None:
    """The answer was lost, so the transaction is looked at; then the next part has its turn."""
    bench = Bench()
    async with bench.at_work():
        charges = await shown(bench, split(400, 600))
        bench.world.trouble["confirm"].append("lost_reply")
        bench.world.reserve(charges[1])
        await pay(bench, charges[0])
        await bench.tick(3)

    assert statuses(charges) == [TransactionStatus.CONFIRMED] * 2
    assert bench.world.calls["confirm"] == 2
    assert bench.last().taken == Money(1000, "EUR")
    assert bench.last().end is End.PAID


async def test_a_till_that_lists_what_is_paid_has_no_part_paid_twice() -> None:
    """What earlier visits were paid for is known here, whatever the till says."""
    bench = Bench()
    bench.till.lists_paid = True
    async with bench.at_work():
        charges = await shown(bench, split(400, 600))
        await pay(bench, charges[0])
        bench.world.leave("t1")
        await bench.tick(3)
        again = await shown(bench, split(400, 600))
        assert [charge.request.money.amount_minor for charge in again] == [600]
        await bench.tick(3)
        assert statuses(again) == [TransactionStatus.WAITING] or bench.world.calls["create"] == 3
        await pay(bench, again[0])
        assert bench.last().end is End.PAID

        assert await shown(bench, split(400, 600)) == []
        await bench.tick(9)

    assert bench.last().end is End.NO_BILL
    assert bench.world.calls["create"] == 3
    assert bench.world.calls["confirm"] == 2


async def test_what_a_guest_declined_is_not_offered_again_in_the_same_visit() -> None:
    """The till still asks for it; the others' parts stay on offer as they are."""
    bench = Bench()
    async with bench.at_work():
        charges = await shown(bench, split(400, 600))
        charges[0].status = TransactionStatus.REJECTED
        await bench.tick(6)
        assert bench.world.calls["create"] == 2
        assert bench.world.calls["revoke"] == 0
        await pay(bench, charges[1])

    assert bench.last().end is End.PART_PAID
    assert bench.last().taken == Money(600, "EUR")


async def test_a_part_that_was_paid_in_cash_is_taken_back_alone() -> None:
    """Somebody paid it at the counter; the guest who had agreed to it gets the money back (F74)."""
    bench = Bench()
    async with bench.at_work():
        charges = await shown(bench, split(400, 600))
        whole = split(400, 600)
        bench.till.owe("t1", replace(whole, parts=whole.parts[1:], money=Money(600, "EUR")))
        await pay(bench, charges[0])
        await bench.tick(2)
        assert charges[0].status is TransactionStatus.REVOKED
        await pay(bench, charges[1])

    assert bench.last().taken == Money(600, "EUR")
    assert [notice.part_id for notice in bench.till.posted] == ["p2"]
    assert bench.world.calls["create"] == 2


async def test_a_part_that_costs_more_now_is_taken_back_and_offered_anew() -> None:
    """What was paid of the bill stays paid and is not asked for again (F69)."""
    bench = Bench()
    async with bench.at_work():
        charges = await shown(bench, split(400, 600))
        await pay(bench, charges[0])
        changed = split(400, 800)
        bench.till.owe("t1", replace(changed, parts=changed.parts[1:], money=Money(800, "EUR")))
        bench.world.reserve(charges[1])
        await bench.tick(6)
        assert charges[1].status is TransactionStatus.REVOKED
        (dearer,) = bench.world.offers("t1")
        assert dearer.request.money == Money(800, "EUR")
        await pay(bench, dearer)

    assert bench.last().end is End.PAID
    assert bench.last().taken == Money(1200, "EUR")
    assert bench.world.wrongs == []


async def test_who_paid_a_part_of_one_bill_is_not_asked_for_another() -> None:
    """The rest is withdrawn and the table freed; the other bill is for whoever scans next."""
    bench = Bench(Policy(bill_wait_s=20, offer_ttl_s=60))
    async with bench.at_work():
        charges = await shown(bench, split(400, 600))
        await pay(bench, charges[0])
        bench.till.owe("t1", Bill("bill-9", Money(5000, "EUR"), "Table t1"))
        await bench.tick(12)

    assert bench.visits()[0].end is End.PART_PAID
    assert charges[1].status is TransactionStatus.REVOKED
    assert bench.world.calls["create"] == 2
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED


async def test_no_part_is_put_beside_a_strangers_order() -> None:
    """The first part's link is in doubt, and a stranger's order comes between it and the next."""
    bench = Bench()
    request = NewTransaction(OrderReference("pos-17"), Money(777, "EUR"), "Stranger", 900)
    stranger: list[TransactionKey] = []

    def weather(op: str) -> str:
        if op == "spot" and bench.world.effects["link"] == 1 and not stranger:
            stranger.append(bench.world.charge(request).key)
            bench.world.tables[SpotId("id-t1")].orders.extend(stranger)
        return ""

    bench.world.trouble["link"].append("lost_reply")
    bench.world.weather = weather
    async with bench.at_work():
        await shown(bench, split(400, 600))
        await bench.tick(2)

    assert stranger
    assert bench.world.calls["link"] == 1
    assert bench.world.wrongs == []
