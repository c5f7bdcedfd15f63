"""Lists that lie and transactions that are not ours, with the real engine over a fake world."""

from structlog.testing import capture_logs

from tests.service.bench import Bench
from tests.service.situations import offered, the_offer
from worker.domain.ids import OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.visit import End
from worker.domain.wallet import NewTransaction, TransactionStatus


async def test_a_foreign_reservation_is_never_touched_and_said_once() -> None:
    """Somebody else's transaction in the same project: not ours to confirm or to revoke (F30)."""
    bench = Bench()
    request = NewTransaction(OrderReference("shop-17"), Money(999, "EUR"), "Web shop", 900)
    bench.world.reserve(bench.world.charge(request))
    with capture_logs() as lines:
        async with bench.at_work():
            await bench.tick(4)

    assert bench.world.calls["confirm"] == bench.world.calls["revoke"] == 0
    assert [line["event"] for line in lines].count("transaction.foreign") == 1


async def test_a_twin_with_another_journal_is_called_out_and_left_alone() -> None:
    """Two workers with the same credentials: never confirm the other's transactions (F38)."""
    bench = Bench()
    request = NewTransaction(
        OrderReference("v1.zzzzzzzz.9975.3.abcdef1"), Money(999, "EUR"), "Table 3", 900
    )
    bench.world.reserve(bench.world.charge(request))
    with capture_logs() as lines:
        async with bench.at_work():
            await bench.tick(4)

    assert bench.world.calls["confirm"] == bench.world.calls["revoke"] == 0
    (told,) = [line for line in lines if line["event"] == "worker.twin_seen"]
    assert told["log_level"] == "error"


async def test_another_workers_order_on_the_spot_is_not_stacked_upon() -> None:
    """The guest already sees a bill that is not ours: nothing is created beside it (F30)."""
    bench = Bench()
    foreign = bench.world.charge(
        NewTransaction(OrderReference("shop-17"), Money(999, "EUR"), "Other", 900)
    )
    table = bench.world.scan("t1")
    table.orders.append(foreign.key)
    async with bench.at_work():
        await bench.tick(8)
        assert bench.world.calls["create"] == 0
        table.orders.clear()
        await bench.tick(6)

        assert len(bench.world.offers("t1")) == 1


async def test_a_stale_list_never_makes_a_transaction() -> None:
    """The list still shows a spot that is closed: the look by id says otherwise (F23)."""
    bench = Bench()
    async with bench.at_work():
        table = bench.world.scan("t1")
        bench.world.stale_rows = [bench.world.show(table)]
        bench.world.leave("t1")
        await bench.tick(5)

    assert bench.world.calls["create"] == 0
    assert bench.visits() == []


async def test_a_partial_list_does_not_end_an_offer() -> None:
    """Absence from a list is never proof (F24)."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.unlisted.add(SpotId("id-t1"))
        await bench.tick(6)
        assert the_offer(bench) == key
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()

    assert bench.last().end is End.PAID


async def test_where_spots_hide_their_orders_guests_pay_all_the_same() -> None:
    """The vendor may not show orders to merchants; the transaction and the polls are enough."""
    bench = Bench()
    bench.world.are_orders_hidden = True
    async with bench.at_work():
        key = await offered(bench)
        await bench.tick(2)
        bench.world.reserve(bench.world.charges[key])
        await bench.poll()

    assert bench.last().end is End.PAID
    assert bench.world.effects["close"] == 1


async def test_a_twins_order_beside_ours_is_noticed_within_one_poll() -> None:
    """Two bills for one guest: the worker with the greater key takes its own back (F38)."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        table = bench.world.tables[SpotId("id-t1")]
        request = NewTransaction(OrderReference("v1.zzzzzzzz.9975.3.abc1"), Money(9, "EUR"), "", 9)
        twin = bench.world.charge(request)
        twin.key = TransactionKey("a-smaller-key")
        bench.world.charges[twin.key] = twin
        table.orders.append(twin.key)
        await bench.poll()

        assert bench.world.charges[key].status is TransactionStatus.REVOKED
        assert bench.world.effects["close"] == 0
