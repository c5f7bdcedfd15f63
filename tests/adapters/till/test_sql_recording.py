"""A payment counts as told when it is certain to be recorded; what strangers say stays a value."""

from dataclasses import replace

import pytest
import sqlalchemy

from tests.adapters.till.programs import HALL
from tests.adapters.till.test_sql_till import BILL, NOTICE
from tests.tills.servers import Server
from tests.tills.shop import Unholdable
from tests.tills.sql_shop import SqlShop
from worker.adapters.till.connector import TillError
from worker.adapters.till.sql import SqlStatements, SqlTill
from worker.adapters.till.sql.database import Database

SAME = "the shop's own"


async def told(shop: SqlShop, mark_paid: str = SAME, confirm: str | None = SAME) -> str:
    """Tell the payment with other statements; give what the till says against it."""
    statements = shop.statements
    if mark_paid != SAME:
        statements = replace(statements, mark_paid=mark_paid)
    if confirm != SAME:
        statements = replace(statements, confirm=confirm)
    till = SqlTill(shop.server.url, shop.server.password, statements)
    try:
        await till.post(NOTICE)
    except TillError as error:
        return str(error)
    finally:
        await till.aclose()
    return ""


def update(shop: SqlShop) -> str:
    return f"UPDATE {shop.bills} SET description = :notice_id WHERE bill_id = :bill_id"


def insert(shop: SqlShop) -> str:
    return shop.statements.mark_paid.replace("INSERT IGNORE", "INSERT").partition(" ON CONFLICT")[0]


async def test_an_update_is_told_as_often_as_it_must_be(shop: SqlShop) -> None:
    """A row that is found counts, also where it is changed to what it is already."""
    await shop.owe(HALL, "table5", BILL)

    for _ in range(3):
        assert await told(shop, mark_paid=update(shop), confirm=None) == ""


async def test_a_statement_that_touches_no_row_loses_no_payment(shop: SqlShop) -> None:
    """The bill is gone: that is told as an error, again and again, and not as done."""
    assert "touched no row" in await told(shop, mark_paid=update(shop), confirm=None)
    assert "does not find the notice" in await told(shop, mark_paid=update(shop))

    assert await told(shop) == ""
    assert "touched no row" in await told(shop, confirm=None)


async def test_what_is_not_found_to_be_recorded_is_taken_back(shop: SqlShop) -> None:
    """Half a record is worse than none: the notice comes again."""
    nothing = f"SELECT count(*) FROM {shop.paid} WHERE notice_id = :notice_id AND 1 = 0"

    assert "taken back" in await told(shop, confirm=nothing)
    assert await shop.payments() == []


@pytest.mark.parametrize(
    "confirm",
    [
        "SELECT count(*) FROM {paid} WHERE notice_id = :notice_id",
        "SELECT EXISTS (SELECT 1 FROM {paid} WHERE notice_id = :notice_id)",
        "SELECT notice_id FROM {paid} WHERE notice_id = :notice_id AND bill_id = :bill_id",
    ],
)
async def test_a_count_of_nothing_is_not_a_record(shop: SqlShop, confirm: str) -> None:
    """A row that says 0 or false means what it says."""
    confirm = confirm.format(paid=shop.paid)
    await shop.owe(HALL, "table5", BILL)

    assert "does not find" in await told(shop, mark_paid=update(shop), confirm=confirm)
    assert await told(shop, confirm=confirm) == ""


async def test_a_plain_insert_is_understood_when_the_notice_is_there(shop: SqlShop) -> None:
    """The key that stands in the way is the notice's own, if the shop can be asked."""
    assert await told(shop, mark_paid=insert(shop)) == ""
    assert await told(shop, mark_paid=insert(shop)) == ""
    assert "till.mark_paid_sql: " in await told(shop, mark_paid=insert(shop), confirm=None)
    assert len(await shop.payments()) == 1


async def test_a_statement_that_gives_rows_back_counts_them(shop: SqlShop) -> None:
    """RETURNING shows what was touched."""
    returning = insert(shop) + " RETURNING notice_id"

    assert await told(shop, mark_paid=returning, confirm=None) == ""
    assert len(await shop.payments()) == 1


WILD = (
    "x'; DROP TABLE bills; --",
    "table5' OR '1'='1",
    'table5" OR ""="',
    "\\' OR 1=1 -- ",
    "%",
    "_able5",
    ":spot",
    "%(spot)s",
    "%s",
    "?",
    "{spot}",
    "täble5 \N{HOT BEVERAGE}",
    "'",
    "\\",
    "",
    " ",
    "\x00",
    "\x1a",
    "\ud800",
    "a" * 150,
)


async def test_a_name_is_a_value_whatever_stands_in_it(shop: SqlShop) -> None:
    """It finds its own bill or, where the database can not keep it, none; never another's."""
    await shop.owe(HALL, "table5", BILL)
    till = shop.connector()
    for number, spot in enumerate(WILD):
        bill = BILL | {"bill_id": f"W-{number}"}
        is_kept = True
        try:
            await shop.owe(HALL, spot, bill)
        except (sqlalchemy.exc.SQLAlchemyError, UnicodeError, Unholdable):
            is_kept = False
        try:
            found = await till.open_bills(HALL, spot)
            await till.post(replace(NOTICE, notice_id=f"n-{number}", table=spot, bill_id=spot))
            assert list(found) == ([bill] if is_kept else [])
        except TillError:
            assert not is_kept

    assert list(await till.open_bills(HALL, "table5")) == [BILL]
    kept = {str(paid["notice_id"]): paid["spot"] for paid in await shop.payments()}
    assert all(WILD[int(name.removeprefix("n-"))] == spot for name, spot in kept.items())
    assert len(kept) >= len(WILD) - 2


async def test_the_way_of_a_question_can_not_write(database_server: Server) -> None:
    """Whatever the statement does, the database refuses it."""
    shop = SqlShop(database_server)
    await shop.open()
    await shop.owe(HALL, "table5", BILL)
    database = Database(database_server.url, database_server.password, is_writing=False)
    for statement in (f"DELETE FROM {shop.bills}", f"DROP TABLE {shop.bills}"):
        with pytest.raises(sqlalchemy.exc.SQLAlchemyError), database.transaction() as connection:
            connection.exec_driver_sql(statement)
    database.dispose()

    assert len(await shop.connector().open_bills(HALL, "table5")) == 1
    await shop.close()


async def test_what_the_database_says_repeats_no_value_and_no_password(shop: SqlShop) -> None:
    """Its own words are shown, with names where the values stood."""
    statements = replace(
        shop.statements,
        mark_paid=f"{insert(shop)}",
        open_bills=shop.statements.open_bills.replace("b.spot = :spot", "b.spot = :spot + 1 AND z"),
        confirm=None,
    )
    await shop.connector().post(NOTICE)
    wrong = SqlTill(shop.server.url, "Wr0ng-pass", statements)
    right = SqlTill(shop.server.url, shop.server.password, statements)
    said: list[str] = []
    for till in (wrong, right):
        for asking in (till.open_bills(HALL, "a-secret-table"), till.post(NOTICE)):
            with pytest.raises(TillError) as caught:
                await asking
            said.append(str(caught.value))
        said += await till.check()
        await till.aclose()

    assert len(said) >= 4
    for text in said:
        assert text.isprintable()
        for secret in ("Wr0ng", "s3cret", "a-secret-table", "ATaNkey", "v1.abc", "n-1"):
            assert secret not in text
    if shop.server.kind != "sqlite":
        assert "can not be reached" in said[0]


async def test_a_value_that_the_database_quotes_is_shown_by_its_name(
    postgresql_server: Server,
) -> None:
    """What was wrong with it is still said."""
    number = "SELECT 1 AS bill_id, 1 AS amount_minor, 'EUR' AS currency WHERE :spot = 1"
    mark = "UPDATE nowhere SET a = 1 WHERE b = :bill_id"
    statements = SqlStatements(open_bills=number, mark_paid=mark)
    till = SqlTill(postgresql_server.url, postgresql_server.password, statements)

    with pytest.raises(TillError) as caught:
        await till.open_bills(HALL, "a-secret-table")

    assert str(caught.value) == (
        'till.open_bills_sql: invalid input syntax for type integer: ":spot"'
    )
    await till.aclose()


async def test_a_question_without_a_where_fills_no_memory(shop: SqlShop) -> None:
    """More rows than a spot can have are refused after the first few."""
    many = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
              SELECT a.i AS bill_id, 1 AS amount_minor, 'EUR' AS currency FROM n a, n b, n c"""
    statements = SqlStatements(open_bills=many, mark_paid=update(shop))
    till = SqlTill(shop.server.url, shop.server.password, statements)

    with pytest.raises(TillError, match="more than 2000 rows"):
        await till.open_bills(HALL, "table5")
    await till.aclose()
