"""A bill on hold, and one that shrank: what is taken for less than the guest agreed to."""

from dataclasses import replace

import pytest

from tests.service.bench import Bench, FakeTill
from tests.service.world import Charge, FakeClock
from worker.domain.bill import AtHoldEnd, Bill, Hold
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import TransactionStatus
from worker.ports import TillMissing, TillTrouble

CEILING = 5000
FOR_S = 400
MARGIN_S = 60


def on_hold(known: int = 0, at_end: AtHoldEnd = AtHoldEnd.RELEASE) -> Bill:
    """Give a bill whose final amount is not known yet."""
    return Bill("bill-1", Money(CEILING, "EUR"), "Table t1", hold=Hold(known, FOR_S, at_end))


def final(minor: int) -> Bill:
    """Give the same bill with its final amount."""
    return Bill("bill-1", Money(minor, "EUR"), "Table t1")


async def held(bench: Bench, bill: Bill) -> Charge:
    """Bring a guest to the point where the money is held."""
    bench.till.owe("t1", bill)
    bench.world.scan("t1")
    await bench.poll()
    (charge,) = bench.world.offers("t1")
    assert charge.request.money.amount_minor == CEILING
    bench.world.reserve(charge)
    await bench.poll()
    return charge


def taken(bench: Bench, charge: Charge) -> int | None:
    """Give what moved; the journal, the notice and the world say the same of it."""
    if charge.status is not TransactionStatus.CONFIRMED:
        assert bench.last().taken is None
        assert bench.till.heard == []
        return None
    moved = charge.money or charge.request.money
    assert bench.last().taken == moved
    assert [notice.money for notice in bench.till.posted] == [moved]
    return moved.amount_minor


async def test_held_money_is_not_touched_until_the_till_says_the_final_amount() -> None:
    """However much is owed so far."""
    bench = Bench()
    async with bench.at_work():
        charge = await held(bench, on_hold(700, AtHoldEnd.CONFIRM))
        await bench.tick(60)
        assert charge.request.reserve_for_s == FOR_S
        assert charge.status is TransactionStatus.RESERVED
        assert bench.world.calls["confirm"] == 0
        assert bench.world.calls["revoke"] == 0


class Slow(FakeTill):
    """A till that takes its time over each question, and locks."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.can_lock = True
        self._clock = clock

    async def find_bills(
        self, location_id: LocationId, table: str
    ) -> tuple[Bill, ...] | TillTrouble:
        """Tell what the table owes, by and by."""
        await self._clock.sleep(2.6)
        return await super().find_bills(location_id, table)

    async def lock_bill(
        self, location_id: LocationId, table: str, bill_id: str, visit: str
    ) -> Bill | TillMissing | TillTrouble:
        """Keep a bill as it is, by and by."""
        await self._clock.sleep(2.6)
        return await super().lock_bill(location_id, table, bill_id, visit)


async def test_a_slow_till_that_locks_is_asked_within_the_seconds_that_a_look_is_good_for() -> None:
    """Asked and then locked is too late; once it is locked, to lock it again tells the bill."""
    bench = Bench()
    bench.till = Slow(bench.clock)
    bench.hire()
    async with bench.at_work():
        charge = await held(bench, on_hold(700))
        assert bench.till.locks == {}, "the shop must be able to write the final amount"
        bench.till.owe("t1", final(3210))
        await bench.tick(8)

    assert taken(bench, charge) == 3210


@pytest.mark.parametrize("minor", [1, 3210, CEILING])
async def test_the_final_amount_is_what_is_taken(minor: int) -> None:
    """Lower than the ceiling or all of it; never anything else."""
    bench = Bench()
    async with bench.at_work():
        charge = await held(bench, on_hold(700, AtHoldEnd.CONFIRM))
        await bench.tick(3)
        bench.till.owe("t1", final(minor))
        await bench.tick(8)

    assert taken(bench, charge) == minor
    assert bench.last().end is End.PAID
    assert bench.world.effects["confirm"] == 1


async def test_more_than_the_ceiling_is_asked_for_anew() -> None:
    """The guest did not agree to it: the money goes back, and the new amount is shown."""
    bench = Bench()
    async with bench.at_work():
        charge = await held(bench, on_hold())
        bench.till.owe("t1", final(CEILING + 1))
        await bench.tick(8)
        assert charge.status is TransactionStatus.REVOKED
        (anew,) = bench.world.offers("t1")
        assert anew.request.money.amount_minor == CEILING + 1
        assert bench.world.calls["confirm"] == 0


async def test_a_hold_that_comes_to_nothing_is_given_back() -> None:
    """The till has no bill any more (F74)."""
    bench = Bench()
    async with bench.at_work():
        charge = await held(bench, on_hold(700, AtHoldEnd.CONFIRM))
        bench.till.owe("t1")
        await bench.tick(8)

    assert charge.status is TransactionStatus.REVOKED
    assert taken(bench, charge) is None
    assert bench.last().end is End.WITHDRAWN


@pytest.mark.parametrize("is_down", [False, True])
async def test_at_the_end_what_is_known_is_taken_where_the_bill_says_so(is_down: bool) -> None:
    """The newest that the till said, a while before the reservation runs out, and not sooner."""
    bench = Bench()
    async with bench.at_work():
        charge = await held(bench, on_hold(700, AtHoldEnd.CONFIRM))
        bench.till.owe("t1", on_hold(900, AtHoldEnd.CONFIRM))
        await bench.tick(10)
        bench.till.trouble = "no disk" if is_down else None
        while bench.clock.ticks_s() < FOR_S - MARGIN_S - 5:
            await bench.tick()
        assert charge.status is TransactionStatus.RESERVED
        await bench.tick(6)

    assert taken(bench, charge) == 900
    assert bench.clock.ticks_s() < FOR_S


@pytest.mark.parametrize("bill", [on_hold(900), on_hold(0, AtHoldEnd.CONFIRM)])
async def test_at_the_end_the_money_goes_back_where_nothing_is_to_be_taken(bill: Bill) -> None:
    """The bill says release, or nothing is known to be owed."""
    bench = Bench()
    async with bench.at_work():
        charge = await held(bench, bill)
        while bench.clock.ticks_s() < FOR_S - MARGIN_S + 20:
            await bench.tick()

    assert charge.status is TransactionStatus.REVOKED
    assert taken(bench, charge) is None
    assert bench.last().end is End.WITHDRAWN


async def test_a_guest_who_gets_up_does_not_end_a_hold() -> None:
    """The car is parked, and its driver is in town."""
    bench = Bench()
    async with bench.at_work():
        charge = await held(bench, on_hold(700, AtHoldEnd.CONFIRM))
        bench.world.leave("t1")
        await bench.tick(10)
        assert charge.status is TransactionStatus.RESERVED
        bench.till.owe("t1", final(2000))
        await bench.tick(8)

    assert taken(bench, charge) == 2000


@pytest.mark.parametrize("loss", ["lost_reply", "lost_request"])
@pytest.mark.parametrize("is_new_worker", [False, True])
async def test_a_lowered_confirm_in_doubt_is_repeated_for_the_same_amount(
    loss: str, is_new_worker: bool
) -> None:
    """Whether the first one worked or not, and whoever repeats it."""
    bench = Bench()
    async with bench.at_work():
        charge = await held(bench, on_hold())
        bench.till.owe("t1", final(3210))
        bench.world.trouble["confirm"].append(loss)
        bench.world.trouble["transaction"].extend(["", "lost_request"])
        for _ in range(8):
            await bench.tick()
            if bench.world.calls["confirm"]:
                break
        assert bench.last().step is Step.CONFIRMING
        bench.till.owe("t1", final(4000))  # Too late: the first one may have worked.
        if not is_new_worker:
            await bench.tick(8)
    if is_new_worker:
        bench.hire()
        async with bench.at_work():
            await bench.tick(8)

    assert taken(bench, charge) == 3210


async def reserved(bench: Bench, shrunk: Bill) -> Charge:
    """Have a guest agree to a plain bill just before it shrinks."""
    bench.till.owe("t1", final(CEILING))
    bench.world.scan("t1")
    await bench.poll()
    (charge,) = bench.world.offers("t1")
    bench.till.owe("t1", shrunk)
    bench.world.reserve(charge)
    await bench.tick(4)
    return charge


async def test_a_bill_that_shrank_is_taken_for_less_where_the_shop_allows_it() -> None:
    """Nothing is taken back, and the till hears of the lower amount (F69)."""
    bench = Bench(Policy(confirms_lowered=True))
    async with bench.at_work():
        charge = await reserved(bench, final(4000))

    assert taken(bench, charge) == 4000
    assert bench.world.calls["create"] == 1


@pytest.mark.parametrize(
    ("is_allowed", "shrunk"),
    [
        (False, final(4000)),
        (True, final(CEILING + 1)),
        (True, replace(final(4000), bill_id="bill-2")),
        (True, replace(final(4000), money=Money(4000, "USD"))),
    ],
)
async def test_any_other_change_is_offered_anew(is_allowed: bool, shrunk: Bill) -> None:
    """Not allowed, grown, another bill, another currency: the guest has to agree to it (F69)."""
    bench = Bench(Policy(confirms_lowered=is_allowed))
    async with bench.at_work():
        charge = await reserved(bench, shrunk)
        assert charge.status is TransactionStatus.REVOKED
        assert bench.world.calls["confirm"] == 0
        (anew,) = bench.world.offers("t1")
        assert anew.request.money == shrunk.money
