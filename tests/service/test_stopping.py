"""A polite stop between a decision and its call."""

import pytest

from tests.service.bench import Bench
from tests.service.situations import offered
from tests.service.world import Charge
from worker.domain.visit import Step
from worker.domain.wallet import Transaction, TransactionStatus


async def test_a_revoke_that_a_stop_kept_back_is_not_noted_as_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next worker finds a visit that has withdrawn nothing yet, and a journal that says so."""
    bench = Bench()
    async with bench.at_work() as engine:
        key = await offered(bench)
        bench.world.leave("t1")
        look = Charge.shown

        def and_stop(charge: Charge, *, is_short: bool = False) -> Transaction:
            engine._is_stopping = True
            return look(charge, is_short=is_short)

        monkeypatch.setattr(Charge, "shown", and_stop)
        await bench.tick(3)

    visit = bench.last()
    assert bench.world.calls["revoke"] == 0
    assert visit.step is Step.REVOKING
    assert visit.tries == 0
    assert bench.world.charges[key].status is TransactionStatus.NEW
