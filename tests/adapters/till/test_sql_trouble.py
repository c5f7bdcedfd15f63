"""Lost answers, mute and slow servers, and what a location that hangs costs the others: nothing."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import sqlalchemy

from tests.adapters.till.programs import HALL
from tests.adapters.till.test_sql_till import BILL, NOTICE
from tests.rig.proxy import ChaosProxy, Mode, Weather
from tests.tills.servers import Server, skip
from tests.tills.sql_shop import SqlShop
from worker.adapters.till.connector import Connector, TillError
from worker.adapters.till.sql import SqlTill
from worker.adapters.till.sql.database import Database
from worker.adapters.till.sql.lane import Lanes, LaneTrouble
from worker.adapters.till.sql.till import LANES_MAX

PASS = Weather()
COMMIT = {"postgresql": b"COMMIT", "mariadb": b"\x03COMMIT"}
"""How it is said on the wire; PyMySQL also speaks of AUTOCOMMIT."""
MUTE = Weather(Mode.SWALLOW_DOWN)


@pytest.fixture(params=["postgresql", "mariadb"])
def distant_server(request: pytest.FixtureRequest) -> Server:
    """Each kind that is reached over a network."""
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, Server)
    return server


@pytest.fixture
async def proxy(distant_server: Server) -> AsyncIterator[ChaosProxy]:
    """Stands before the server."""
    port = sqlalchemy.make_url(distant_server.url).port
    if port is None:
        skip("the given server has no port, and the proxy stands before ports only")
    async with ChaosProxy(port) as found:
        yield found


@pytest.fixture
async def distant_shop(distant_server: Server) -> AsyncIterator[SqlShop]:
    """A shop on that server, which goes to it directly."""
    found = SqlShop(distant_server)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def till(distant_shop: SqlShop, proxy: ChaosProxy) -> AsyncIterator[SqlTill]:
    """Goes through the proxy, and does not wait long."""
    server = distant_shop.server
    url = sqlalchemy.make_url(server.url).set(port=proxy.port).render_as_string()
    found = SqlTill(url, server.password, distant_shop.statements, time_limit_s=1.0)
    yield found
    await found.aclose()


async def mended(till: Connector, location_id: int = HALL) -> int:
    """Ask until there is an answer; give how many bills it has."""
    for _ in range(100):
        try:
            return len(await till.open_bills(location_id, "table5"))
        except TillError:
            await asyncio.sleep(0.1)
    pytest.fail("it never answers again")


async def told_at_last(till: Connector) -> None:
    """Tell of the payment until it is accepted."""
    for _ in range(100):
        try:
            return await till.post(NOTICE)
        except TillError:
            await asyncio.sleep(0.1)
    pytest.fail("it never takes a payment again")


async def test_a_lost_answer_to_a_commit_costs_a_repetition_and_no_second_payment(
    distant_shop: SqlShop, till: SqlTill, proxy: ChaosProxy
) -> None:
    """The payment is in the books although nobody said so; told again, it is still there once."""
    await distant_shop.owe(HALL, "table5", BILL)
    proxy.trip(COMMIT[distant_shop.server.kind], lambda _: proxy.change(MUTE))

    with pytest.raises(TillError, match="did not answer"):
        await till.post(NOTICE)

    for _ in range(100):
        if await distant_shop.payments():
            break
        await asyncio.sleep(0.02)
    assert len(await distant_shop.payments()) == 1
    proxy.change(PASS)
    assert await mended(till) == 0
    await told_at_last(till)
    assert len(await distant_shop.payments()) == 1


async def test_a_commit_that_never_arrived_is_no_payment_until_it_is_told_again(
    distant_shop: SqlShop, till: SqlTill, proxy: ChaosProxy
) -> None:
    """What was begun is taken back by the server, and stands in nobody's way."""
    await distant_shop.owe(HALL, "table5", BILL)
    proxy.trip(COMMIT[distant_shop.server.kind], lambda _: None, is_lost=True)

    with pytest.raises(TillError):
        await till.post(NOTICE)
    assert await distant_shop.payments() == []

    await told_at_last(till)
    assert len(await distant_shop.payments()) == 1


async def test_a_server_that_falls_silent_is_left_and_found_again(
    distant_shop: SqlShop, till: SqlTill, proxy: ChaosProxy
) -> None:
    """Within the limit, on a connection that was good before; and again as soon as it speaks."""
    await distant_shop.owe(HALL, "table5", BILL)
    assert len(await till.open_bills(HALL, "table5")) == 1
    proxy.change(MUTE)

    begun = time.monotonic()
    with pytest.raises(TillError, match=r"did not answer within 1 s"):
        await till.open_bills(HALL, "table5")
    assert time.monotonic() - begun < 2

    proxy.change(PASS)
    assert await mended(till) == 1


async def test_a_connection_that_died_while_it_was_idle_is_not_noticed(
    distant_shop: SqlShop, till: SqlTill, proxy: ChaosProxy
) -> None:
    """A database that was restarted in between answers the next question."""
    await distant_shop.owe(HALL, "table5", BILL)
    assert len(await till.open_bills(HALL, "table5")) == 1
    proxy.change(Weather(Mode.REFUSE))
    for _ in range(100):
        if not proxy.open_links:
            break
        await asyncio.sleep(0.01)

    with pytest.raises(TillError, match="can not be reached"):
        await till.open_bills(HALL, "table5")
    proxy.change(PASS)

    assert len(await till.open_bills(HALL, "table5")) == 1
    assert len(await till.open_bills(HALL, "table5")) == 1


SLOW = {
    "postgresql": "pg_sleep(CASE WHEN :location_id = 1 THEN 60 ELSE 0 END)::text = ''",
    "mariadb": "SLEEP(CASE WHEN :location_id = 1 THEN 60 ELSE 0 END) = 0",
    "sqlite": """(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
                  WHERE :location_id = 1) SELECT count(*) FROM n) > 0""",
}


async def test_one_location_that_hangs_costs_the_others_nothing(shop: SqlShop) -> None:
    """It has four threads; who asks there is answered in time, and the others at once."""
    await shop.owe(2, "table5", BILL)
    statements = replace(
        shop.statements,
        open_bills=f"""SELECT bill_id, amount_minor, currency FROM {shop.bills}
                       WHERE location_id = :location_id AND spot = :spot
                       UNION ALL SELECT 'x', 1, 'EUR' WHERE :location_id = 1
                       AND {SLOW[shop.server.kind]}""",
    )
    till = SqlTill(shop.server.url, shop.server.password, statements, time_limit_s=1.0)
    earlier = set(threading.enumerate())
    try:
        assert len(await till.open_bills(2, "table5")) == 1
        hanging = asyncio.gather(
            *(till.open_bills(1, f"table{number}") for number in range(20)), return_exceptions=True
        )
        took: list[float] = []
        while not hanging.done():
            begun = time.monotonic()
            assert len(await till.open_bills(2, "table5")) == 1
            took.append(time.monotonic() - begun)
            await asyncio.sleep(0)
        begun = time.monotonic()
        answers = await hanging

        assert all(isinstance(answer, TillError) for answer in answers), answers
        assert len(took) > 10
        assert sorted(took)[len(took) // 2] < 0.2
        names = [thread.name for thread in threading.enumerate() if thread not in earlier]
        assert names.count("till-1") <= LANES_MAX
    finally:
        begun = time.monotonic()
        await till.aclose()
        assert time.monotonic() - begun < 2


async def test_a_question_that_is_called_off_frees_its_location(shop: SqlShop) -> None:
    """Whoever asks may have a shorter limit than ours; what hangs is broken off all the same."""
    statements = replace(
        shop.statements,
        open_bills=f"SELECT 'x' AS bill_id, 1 AS amount_minor, 'EUR' AS currency "
        f"WHERE :spot = 'slow' AND :location_id = 1 AND {SLOW[shop.server.kind]}",
    )
    till = SqlTill(shop.server.url, shop.server.password, statements)
    try:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(till.open_bills(1, "slow"), timeout=0.5)
        assert await mended(till, 2) == 0
        assert await mended(till, 1) == 0
    finally:
        await till.aclose()


@pytest.mark.parametrize("is_closed", [False, True], ids=["asked again", "closed"])
async def test_a_limit_that_passes_before_the_statement_begins_still_ends_it(
    shop: SqlShop, monkeypatch: pytest.MonkeyPatch, is_closed: bool
) -> None:
    """There is nothing to break yet when it is given up, and SQLite has no limit of its own."""
    may_begin = threading.Event()
    transaction = Database.transaction

    @contextlib.contextmanager
    def late_transaction(database: Database) -> Iterator[sqlalchemy.Connection]:
        may_begin.wait()
        with transaction(database) as connection:
            yield connection

    monkeypatch.setattr(Database, "transaction", late_transaction)
    statements = replace(
        shop.statements,
        open_bills=f"SELECT 'x' AS bill_id, 1 AS amount_minor, 'EUR' AS currency "
        f"WHERE :spot = 'slow' AND :location_id = 9 "
        f"AND {SLOW[shop.server.kind].replace(':location_id = 1', ':location_id = 9')}",
    )
    till = SqlTill(shop.server.url, shop.server.password, statements, time_limit_s=0.2)
    try:
        answers = await asyncio.gather(
            *(till.open_bills(9, "slow") for _ in range(LANES_MAX)), return_exceptions=True
        )
        assert all("did not answer within" in str(answer) for answer in answers), answers
        if is_closed:
            await till.aclose()
        may_begin.set()
        if not is_closed:
            assert await mended(till, 9) == 0
    finally:
        may_begin.set()
        await till.aclose()
    for _ in range(100):
        if not any(thread.name == "till-9" for thread in threading.enumerate()):
            return
        await asyncio.sleep(0.1)
    pytest.fail("its threads never end")


async def test_only_what_the_thread_itself_holds_is_cut(postgresql_server: Server) -> None:
    """The connections that wait for the next question are the other locations'."""
    database = Database(postgresql_server.url, postgresql_server.password, is_writing=False)
    mine = threading.get_ident()

    def process() -> object:
        with database.transaction() as connection:
            return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()

    try:
        first = process()
        for thread in (mine, mine + 1):
            database.cut(thread)
        assert process() == first
        with database.transaction():
            database.cut(mine + 1)
        assert process() == first
        with contextlib.suppress(sqlalchemy.exc.DBAPIError), database.transaction() as connection:
            database.cut(mine)
            connection.exec_driver_sql("SELECT 1")
            pytest.fail("it was not cut")
        assert process() != first
    finally:
        database.dispose()


async def test_a_location_whose_questions_all_hang_is_asked_no_more() -> None:
    """Until one of them ends, which takes its time where nothing can be cut, as with MariaDB."""
    free = threading.Event()
    lanes = Lanes("till-1", count=2, time_limit_s=0.05, cut=lambda _: None)
    try:
        for _ in range(2):
            with pytest.raises(LaneTrouble, match="did not answer within"):
                await lanes.run(free.wait)
        with pytest.raises(LaneTrouble, match="has not answered for more than"):
            await lanes.run(free.wait)
        free.set()
        for _ in range(200):
            with contextlib.suppress(LaneTrouble):
                assert await lanes.run(lambda: 7) == 7
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("the lanes were never free again")
    finally:
        lanes.close()


async def test_who_has_no_turn_is_told_so() -> None:
    """Which is another trouble than a database that does not answer this very question."""
    free = threading.Event()
    lanes = Lanes("till-1", count=1, time_limit_s=0.05, cut=lambda _: free.set())
    try:
        first, second = await asyncio.gather(
            lanes.run(free.wait), lanes.run(free.wait), return_exceptions=True
        )
    finally:
        lanes.close()

    assert "did not answer within 0.05 s" in str(first)
    assert "1 earlier questions of this location" in str(second)


async def test_twenty_tables_ask_a_fast_database_at_once(shop: SqlShop) -> None:
    """Each query takes a quarter of a second, and nobody is told that it is unreachable."""
    nap = {"postgresql": "pg_sleep(0.25)::text = ''", "mariadb": "SLEEP(0.25) = 0"}
    await shop.owe(1, "table5", BILL)
    statements = replace(
        shop.statements,
        open_bills=f"""SELECT bill_id, amount_minor, currency FROM {shop.bills}
                       WHERE location_id = :location_id AND spot = :spot
                       AND {nap.get(shop.server.kind, "1 = 1")}""",
    )
    till = SqlTill(shop.server.url, shop.server.password, statements)
    try:
        answers = await asyncio.gather(*(till.open_bills(1, "table5") for _ in range(20)))
        assert [len(answer) for answer in answers] == [1] * 20
    finally:
        await till.aclose()
