"""The example shop works as it is written, and so does every statement in the documents."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy

from tests.adapters.till.programs import HALL
from tests.adapters.till.test_sql_till import NOTICE
from tests.settings.support import KEY
from tests.tills.servers import Server, if_allowed
from worker.adapters.till.sql import SqlStatements, SqlTill
from worker.domain.money import Money
from worker.settings import SqlTill as SqlTillSettings
from worker.settings import load

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = DOCS / "examples" / "shop-sql"
REST = '[wallet]\nclient_id = "our-client"\n[[locations]]\nid = 9975\n'


def settings_of(till: str, folder: Path) -> SqlTillSettings:
    """Read a part of a settings file as the worker will."""
    file = folder / "worker.toml"
    file.write_text(REST + till)
    found = load(file, KEY, secrets_dir=folder / "none").till
    assert isinstance(found, SqlTillSettings)
    return found


async def test_the_example_shop_takes_a_payment_once_and_closes_its_bill(
    postgresql_server: Server, tmp_path: Path
) -> None:
    """Schema, role and settings together; the role can do what it must and nothing else."""
    settings = settings_of((EXAMPLE / "worker.toml").read_text(), tmp_path)
    owner = postgresql_server.engine().execution_options(isolation_level="AUTOCOMMIT")
    name = "example_shop"
    with owner.connect() as connection, if_allowed("a database for the example"):
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    address = sqlalchemy.make_url(postgresql_server.url).set(database=name)
    shop = replace(postgresql_server, url=address.render_as_string()).engine()
    with shop.begin() as connection:
        connection.exec_driver_sql((EXAMPLE / "schema.sql").read_text())
        connection.exec_driver_sql("ALTER ROLE paysera_worker PASSWORD 'from-a-file'")
        connection.exec_driver_sql(
            "INSERT INTO bills (bill_id, location_id, spot) VALUES ('B-1', 9975, 'table5');"
            "INSERT INTO bill_lines VALUES ('B-1', 1, 'Soup', 2, 25.98, 'item'),"
            "  ('B-1', 2, 'Service', 1, 0.01, 'service')"
        )
    url = address.set(username="paysera_worker").render_as_string()
    statements = SqlStatements(
        open_bills=settings.open_bills_sql,
        mark_paid=settings.mark_paid_sql,
        confirm=settings.confirm_sql,
    )
    till = SqlTill(url, "from-a-file", statements)
    try:
        assert await till.check() == []
        (bill,) = await till.open_bills(HALL, "table5")
        assert (bill["bill_id"], bill["amount_minor"], bill["currency"]) == ("B-1", 2599, "EUR")
        assert bill["lines"] == [
            {"title": "Soup", "quantity": 2, "amount_minor": 2598, "kind": "item"},
            {"title": "Service", "quantity": 1, "amount_minor": 1, "kind": "service"},
        ]

        for _ in range(2):
            await till.post(replace(NOTICE, money=Money(2599, "EUR")))

        assert await till.open_bills(HALL, "table5") == []
        with shop.connect() as connection:
            paid = connection.exec_driver_sql("SELECT notice_id, amount FROM paysera_payments")
            assert [(row[0], str(row[1])) for row in paid] == [("n-1", "25.99")]
            states = connection.exec_driver_sql("SELECT state FROM bills").scalars().all()
            assert states == ["paid"]
    finally:
        await till.aclose()
    server = Server(url, "from-a-file")
    for forbidden in ("SELECT * FROM bills", "DELETE FROM paysera_payments"):
        with (
            pytest.raises(sqlalchemy.exc.ProgrammingError, match="permission denied"),
            server.engine().begin() as connection,
        ):
            connection.exec_driver_sql(forbidden)
    with owner.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        connection.exec_driver_sql("DROP ROLE paysera_worker")


BLOCKS = re.findall(r"```toml\n(.*?)```", (DOCS / "till-sql.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_statement_in_the_documents_is_accepted(block: str, tmp_path: Path) -> None:
    """What is copied from them starts."""
    settings = settings_of(
        f'[till]\nkind = "sql"\nurl = "sqlite:////srv/shop.db"\n{block}', tmp_path
    )

    assert settings.open_bills_sql.strip().startswith("SELECT")


def test_the_documents_show_three_kinds_of_schema() -> None:
    """So that the test above can not pass for want of blocks."""
    assert len(BLOCKS) == 3
