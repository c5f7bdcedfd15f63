"""A polite stop between a decision and its call."""

from tests.service.bench import Bench
from tests.service.situations import offered
from worker.domain.visit import Step
from worker.domain.wallet import TransactionStatus


async def test_a_revoke_that_a_stop_kept_back_is_not_noted_as_sent() -> None:
    """The next worker finds a visit that has withdrawn nothing yet, and a journal that says so."""
    bench = Bench()
    async with bench.at_work() as engine:
        key = await offered(bench)
        bench.world.leave("t1")
        look = bench.world.charges[key].shown

        def and_stop(*, is_short: bool = False) -> object:
            engine._is_stopping = True
            return look(is_short=is_short)

        bench.world.charges[key] = Stopping(bench.world.charges[key], and_stop)  # type: ignore[assignment]
        await bench.tick(3)

    visit = bench.last()
    assert bench.world.calls["revoke"] == 0
    assert visit.step is Step.REVOKING
    assert visit.tries == 0
    assert bench.world.charges[key].status is TransactionStatus.NEW


class Stopping:
    """A charge whose being looked at brings the stop."""

    def __init__(self, charge: object, shown: object) -> None:
        self.__dict__.update({name: getattr(charge, name) for name in charge.__slots__})  # type: ignore[attr-defined]
        self.shown = shown
