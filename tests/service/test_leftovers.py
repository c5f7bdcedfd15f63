"""A spot that still shows what an earlier visit of ours put there."""

from tests.service.bench import Bench
from tests.service.situations import offered
from tests.service.world import Table
from worker.domain.visit import End, Step
from worker.domain.wallet import SpotStatus, TransactionStatus


async def test_a_spot_that_goes_on_showing_our_earlier_visit_is_freed() -> None:
    """Its order belongs to the earlier visit, and the journal lets it belong to no other."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.charges[key].status = TransactionStatus.REJECTED
        await bench.tick(8)
        assert bench.last().step is Step.CLOSED
        table = bench.world.scan("t1")
        table.orders.append(key)
        await bench.tick(8)

    assert [visit.end for visit in bench.visits()] == [End.DECLINED, End.LEFTOVER]
    assert table.status is SpotStatus.CLOSED
    assert bench.world.wrongs == []


async def test_one_answer_without_orders_does_not_close_the_next_guest() -> None:
    """A wallet that shows orders and leaves them out once has not said whose guest waits."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        bench.world.trouble["close"].append("lost_reply")

        def next_guest(table: Table) -> None:
            bench.world.scan(table.identifier)
            bench.world.are_orders_hidden = True

        bench.world.on_close = next_guest
        await bench.poll()
        bench.world.are_orders_hidden = False
        await bench.tick(2)

    assert bench.world.effects["close"] == 1


async def test_a_wallet_that_stops_showing_orders_is_believed_after_a_while() -> None:
    """Five answers in a row are no slip."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.are_orders_hidden = True
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(12)

    assert bench.last().end is End.PAID
    assert bench.world.effects["close"] == 1
