"""A spot that still shows what an earlier visit of ours put there."""

from tests.service.bench import Bench
from tests.service.situations import offered
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
