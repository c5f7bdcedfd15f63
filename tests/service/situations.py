"""How a guest comes to see a bill."""

import pytest

from tests.service.bench import Bench
from worker.domain import events
from worker.domain.ids import TransactionKey
from worker.domain.visit import Visit
from worker.service.performing import Hands


def the_offer(bench: Bench, table: str = "t1") -> TransactionKey:
    """Give the key of the one transaction that the guest sees."""
    (charge,) = bench.world.offers(table)
    return charge.key


async def offered(bench: Bench, table: str = "t1") -> TransactionKey:
    """Bring a guest to the point where the bill shows."""
    bench.world.scan(table)
    await bench.poll()
    return the_offer(bench, table)


def poisoned(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let the worker itself fail so often over the spot of a visit at t1 that has paid."""
    look, failures = Hands.look_at_spot, list[str]()

    async def explode(hands: Hands, visit: Visit) -> events.Event:
        if visit.table == "t1" and visit.paid_at is not None and len(failures) < times:
            failures.append(visit.label)
            raise ValueError("boom")
        return await look(hands, visit)

    monkeypatch.setattr(Hands, "look_at_spot", explode)
