"""How a guest comes to see a bill."""

from tests.service.bench import Bench
from worker.domain.ids import TransactionKey


def the_offer(bench: Bench, table: str = "t1") -> TransactionKey:
    """Give the key of the one transaction that the guest sees."""
    (charge,) = bench.world.offers(table)
    return charge.key


async def offered(bench: Bench, table: str = "t1") -> TransactionKey:
    """Bring a guest to the point where the bill shows."""
    bench.world.scan(table)
    await bench.poll()
    return the_offer(bench, table)
