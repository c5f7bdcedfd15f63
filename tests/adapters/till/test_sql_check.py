"""The dry check says in sentences what would go wrong, and leaves everything as it was."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy

from tests.adapters.till.programs import HALL
from tests.adapters.till.test_sql_till import BILL, NOTICE
from tests.tills.servers import PASSWORD, Server, if_allowed, skip
from tests.tills.sql_shop import SqlShop, sqlite_server
from worker.adapters.till.connector import TillError
from worker.adapters.till.sql import SqlStatements, SqlTill, database


async def check(shop: SqlShop, url: str | None = None, **changed: str) -> list[str]:
    """Check with other statements, or at another address."""
    statements = SqlStatements(
        open_bills=changed.get("open_bills", shop.statements.open_bills),
        mark_paid=changed.get("mark_paid", shop.statements.mark_paid),
        confirm=changed.get("confirm", shop.statements.confirm),
    )
    till = SqlTill(url or shop.server.url, shop.server.password, statements)
    try:
        return list(await till.check())
    finally:
        await till.aclose()


async def test_a_till_that_works_has_nothing_to_say(shop: SqlShop) -> None:
    """And nothing is written by looking."""
    await shop.owe(HALL, "table5", BILL)

    assert await check(shop) == []

    assert await shop.payments() == []
    assert len(await shop.connector().open_bills(HALL, "table5")) == 1


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"open_bills": "SELECT 1 AS bill_id FROM nowhere"}, "till.open_bills_sql: "),
        ({"open_bills": "SELECT 'B' AS bill_id, 'EUR' AS currency"}, "gives no column amount_m"),
        (
            {"open_bills": "SELECT 1 AS bill_id, 1 AS amount_minor, 'EUR' AS currency, :spot AS x"},
            'a column "x" that is not known',
        ),
        (
            {
                "open_bills": "SELECT 'B' AS bill_id, 1 AS amount_minor, 'EUR' AS currency "
                "WHERE :spot = :spot"
            },
            "gives bills for a spot __check__, which there is not",
        ),
        ({"mark_paid": "UPDATE nowhere SET a = 1 WHERE b = :bill_id"}, "till.mark_paid_sql: "),
        ({"mark_paid": "UPDATE {bills} SET a = 1 WHERE b = :bill_id"}, "till.mark_paid_sql: "),
        ({"mark_paid": "UPDATE {bills} SET WHERE :bill_id"}, "till.mark_paid_sql: "),
        ({"confirm": "SELECT 1 FROM nowhere WHERE a = :notice_id"}, "till.confirm_sql: "),
        (
            {"confirm": "SELECT 1 WHERE :notice_id = :notice_id"},
            "finds a notice __check__, which there never was",
        ),
    ],
)
async def test_each_mistake_is_one_sentence_that_names_its_statement(
    shop: SqlShop, changed: dict[str, str], why: str
) -> None:
    """A table or a column that is not there, and a condition that is always true."""
    changed = {name: text.format(bills=shop.bills) for name, text in changed.items()}

    (sentence,) = await check(shop, **changed)

    assert why in sentence
    assert sentence.endswith(".")
    assert sentence.isprintable()


async def test_a_database_that_can_not_be_reached_is_said_once(
    shop: SqlShop, tmp_path: Path
) -> None:
    """With the place, in the database's own words."""
    url = f"sqlite:///{tmp_path}/misspelt.db"
    if shop.server.kind != "sqlite":
        address = sqlalchemy.make_url(shop.server.url)
        if not address.port:
            skip("the given server has no port, so no address misses it by one")
        url = address.set(port=1).render_as_string()

    (sentence,) = await check(shop, url)

    assert "can not be reached" in sentence
    assert not (tmp_path / "misspelt.db").exists()


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("postgresql://shop@127.0.0.1/shop", "[postgres]"),
        ("mysql://shop@127.0.0.1/shop", "[mysql]"),
        ("mariadb://shop@127.0.0.1/shop", "[mysql]"),
        ("sqlite:////srv/shop.db", "[sql]"),
    ],
)
async def test_what_is_not_installed_is_named_with_its_extra(
    url: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker starts without it, and every answer says what to install."""
    monkeypatch.setattr(database, "find_spec", lambda _: None)
    mark = "UPDATE b SET a = 1 WHERE c = :bill_id"
    till = SqlTill(url, None, SqlStatements(open_bills="SELECT 1", mark_paid=mark))

    (sentence,) = await till.check()
    assert f"pip install 'paysera-worker{extra}'" in sentence
    for asking in (till.open_bills(HALL, "table5"), till.post(NOTICE)):
        with pytest.raises(TillError, match="not installed"):
            await asking
    await till.aclose()


@pytest.mark.parametrize("what", ["the file", "its folder"])
async def test_a_file_that_may_not_be_written_is_found_by_the_check(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking would work, and the first payment would fail."""
    shop = SqlShop(sqlite_server(tmp_path))
    await shop.open()
    locked = tmp_path / "shop.db" if what == "the file" else tmp_path
    # Root may do everything, so the system is made to say no.
    monkeypatch.setattr(os, "access", lambda path, _: path != locked)

    (sentence,) = await check(shop)

    assert sentence == (
        f"till.mark_paid_sql: {what} {locked} can not be written: give this user the right to."
    )
    await shop.close()


async def test_a_shop_whose_names_are_numbers_is_not_complained_about(
    postgresql_server: Server,
) -> None:
    """PostgreSQL does not compare a number with __check__."""
    engine = postgresql_server.engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS numbered")
        connection.exec_driver_sql(
            "CREATE TABLE numbered (id int, spot int, paid_by uuid, cents bigint)"
        )
        connection.exec_driver_sql("INSERT INTO numbered VALUES (7, 5, NULL, 2599)")
    till = SqlTill(
        postgresql_server.url,
        postgresql_server.password,
        SqlStatements(
            open_bills="SELECT id AS bill_id, cents AS amount_minor, 'EUR' AS currency "
            "FROM numbered WHERE spot = :spot AND paid_by IS NULL",
            mark_paid="UPDATE numbered SET paid_by = :notice_id WHERE id = :bill_id",
        ),
    )
    try:
        assert await till.check() == []
        (bill,) = await till.open_bills(HALL, "5")
        assert bill["bill_id"] == "7"
        notice_id = "6f1b3c1e-0000-4000-8000-000000000001"
        await till.post(replace(NOTICE, notice_id=notice_id, table="5", bill_id="7"))
        assert await till.open_bills(HALL, "5") == []
    finally:
        await till.aclose()


async def test_a_right_that_is_missing_is_found_before_the_first_guest(
    postgresql_server: Server,
) -> None:
    """A role that may read and not write."""
    shop = SqlShop(postgresql_server)
    await shop.open()
    role = f"reader_of_{shop.bills}"
    with shop.server.engine().begin() as connection:
        with if_allowed("a role that lacks a right"):
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        connection.exec_driver_sql(f"GRANT SELECT ON {shop.bills}, {shop.paid} TO {role}")
    url = sqlalchemy.make_url(shop.server.url).set(username=role).render_as_string()
    till = SqlTill(url, PASSWORD, shop.statements)

    (sentence,) = await till.check()

    assert "till.mark_paid_sql: permission denied for table" in sentence
    await till.aclose()
    with shop.server.engine().begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {role}")
        connection.exec_driver_sql(f"DROP ROLE {role}")
    await shop.close()
