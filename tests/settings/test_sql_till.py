"""A till in a database: what is refused before anything starts, and what only deserves a look."""

import json
from pathlib import Path

import pytest

from tests.settings.support import BASE, KEY, SECRET, put_secret, read, refused
from worker.settings import SqlTill, describe

OPEN = "SELECT bill_id, amount_minor, currency FROM bills WHERE spot = :spot"
MARK = "UPDATE bills SET paid_by = :notice_id WHERE bill_id = :bill_id"


def toml(**changed: str | None) -> str:
    """Settings with a till in a database."""
    fields = {
        "kind": "sql",
        "url": "postgresql://shop@127.0.0.1/shop",
        "open_bills_sql": OPEN,
        "mark_paid_sql": MARK,
    } | changed
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items() if value is not None]
    return BASE.split("[till.prices]", maxsplit=1)[0] + "\n".join(["[till]", *lines, ""])


def test_a_till_in_a_database_is_read_and_shown_without_its_password(tmp_path: Path) -> None:
    """The password comes from a secret file, as the wallet's key does."""
    put_secret(tmp_path / "secrets", "till.password", f"{SECRET}\n".encode())

    settings = read(tmp_path, toml(open_bills_sql=f"{OPEN}\n  -- by hand\n;"))

    assert isinstance(settings.till, SqlTill)
    assert settings.till.password is not None
    assert settings.till.password.get_secret_value() == SECRET
    shown = "\n".join(describe(settings))
    assert SECRET not in shown + repr(settings)
    assert 'password = "********"' in shown
    assert "# confirm_sql is not set" in shown
    assert read(tmp_path, shown).till.model_dump() == settings.till.model_dump()
    assert settings.warnings == ()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop@db.example:5433/shop?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://shop@/shop?host=/run/postgresql",
        "mysql://shop@127.0.0.1/shop",
        "mariadb://shop@[::1]:3306/shop?ssl_ca=/etc/ca.pem",
        "sqlite:////srv/the shop/bills.db",
    ],
)
def test_an_address_of_each_kind_is_taken(tmp_path: Path, url: str) -> None:
    """PostgreSQL, MySQL, MariaDB and SQLite; over a network or a socket."""
    till = read(tmp_path, toml(url=url)).till

    assert isinstance(till, SqlTill)
    assert till.url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"postgresql://shop:{SECRET}@127.0.0.1/shop", "secret file named till.password"),
        ("postgresql://shop:@127.0.0.1/shop", "secret file named till.password"),
        (f"postgresql://shop:a/{SECRET}@127.0.0.1/shop", "secret file named till.password"),
        (f"postgresql://shop:1/{SECRET}@127.0.0.1/shop", "secret file named till.password"),
        (f"postgresql://shop@127.0.0.1/shop?password={SECRET}", "there may only be"),
        ("postgresql://shop@127.0.0.1/shop?options=-c%20x", "there may only be"),
        ("postgresql+asyncpg://shop@127.0.0.1/shop", "without a driver's name"),
        ("oracle://shop@127.0.0.1/shop", "postgresql://, mysql://"),
        ("postgresql://shop@127.0.0.1", "name of one database"),
        ("postgresql://shop@127.0.0.1/a/b", "name of one database"),
        ("postgresql:///shop", "names no host"),
        ("postgresql://shop@127.0.0.1:port/shop", "host or port"),
        ("postgresql://shop@127.0.0.1/shop\n", "no spaces"),
        ("sqlite:///bills.db", "whole path"),
        ("sqlite://", "whole path"),
        ("sqlite:///:memory:", "whole path"),
        ("sqlite:////srv/bills.db?mode=memory", "without ? and #"),
        ("", "no spaces"),
    ],
)
def test_an_address_that_could_leak_or_mislead_is_refused(
    tmp_path: Path, url: str, why: str
) -> None:
    """And what is wrong is told without it."""
    report = refused(tmp_path, toml(url=url))

    assert report.count("till.url") >= 1
    assert why in report


@pytest.mark.parametrize(
    ("key", "statement", "why"),
    [
        ("open_bills_sql", f"{OPEN}; DELETE FROM bills", "something follows the ;"),
        ("open_bills_sql", f"{OPEN} AND x = :shop", ":shop; there are :location_id, :spot"),
        ("open_bills_sql", "SELECT 1 WHERE ':spot' = 'x'", "write it without quotes"),
        ("open_bills_sql", "DELETE FROM bills WHERE spot = :spot", "must be a query"),
        ("open_bills_sql", "CALL bills(:spot)", "must be a query"),
        ("open_bills_sql", "  -- nothing\n", "holds no statement"),
        ("open_bills_sql", "SELECT 'x", "never closed"),
        ("open_bills_sql", "SELECT 1 /* /* */ */ WHERE :spot", "comment within a comment"),
        ("open_bills_sql", "SELECT /*! 1 */ :spot", "leave it out"),
        ("open_bills_sql", "SELECT 'it\\'s' WHERE :spot", "double the quote"),
        ("open_bills_sql", "SELECT :spot\x00", "do not print"),
        ("mark_paid_sql", "UPDATE bills SET paid_by = :notice_id", "must use :bill_id"),
        ("mark_paid_sql", f"{MARK} AND a = :amount_cents", "there are :notice_id, :bill_id"),
        ("confirm_sql", "SELECT 1 FROM bills WHERE bill_id = :bill_id", "must use :notice_id"),
        ("confirm_sql", "DELETE FROM bills WHERE x = :notice_id", "must be a query"),
    ],
)
def test_a_statement_that_can_not_be_meant_is_refused(
    tmp_path: Path, key: str, statement: str, why: str
) -> None:
    """Before the first guest, with the way to write it."""
    report = refused(tmp_path, toml(**{key: statement}))

    assert f"till.{key}" in report
    assert why in report


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"open_bills_sql": "SELECT 1"}, "does not use :spot"),
        ({"mark_paid_sql": "UPDATE b SET paid = 1 WHERE id = :bill_id"}, "running it twice"),
        (
            {"mark_paid_sql": "INSERT IGNORE INTO p VALUES (:notice_id, :bill_id)"},
            "add till.confirm_sql",
        ),
        (
            {"mark_paid_sql": f"WITH x AS (SELECT 1) {MARK} ON CONFLICT do\n nothing"},
            "add till.confirm_sql",
        ),
        ({"url": "postgresql://shop@db.example/shop?sslmode=require"}, "sslmode=verify-full"),
    ],
)
def test_what_is_allowed_but_deserves_a_second_look_is_told(
    tmp_path: Path, changed: dict[str, str], why: str
) -> None:
    """A warning, because a shop may have its reasons."""
    (warning,) = read(tmp_path, toml(**changed)).warnings

    assert why in warning


def test_a_password_is_as_secret_as_the_key(tmp_path: Path) -> None:
    """A file that others can read, a wrong type, a wrong place: nothing shows it."""
    put_secret(tmp_path / "secrets", "till.password", SECRET.encode(), 0o644)
    assert "till.password" in refused(tmp_path, toml())
    (tmp_path / "secrets" / "till.password").unlink()

    assert "till.password" in refused(tmp_path, toml().replace("[till]", "[till]\npassword = 77"))
    assert "77" not in refused(tmp_path, toml().replace("[till]", "[till]\npassword = 77"))
    assert "SQLite file has no password" in refused(
        tmp_path, toml(url="sqlite:////srv/x.db", password=SECRET)
    )
    assert 'belongs to kind = "sql"' in refused(
        tmp_path, BASE.replace("[till.prices]", f'[till]\npassword = "{SECRET}"\n[till.prices]')
    )
    settings = read(tmp_path, toml(password=SECRET))
    assert any("till.password stands in the settings file" in each for each in settings.warnings)
    file = tmp_path / "worker.toml"
    file.chmod(0o644)


def test_a_settings_file_that_holds_the_password_must_be_private(tmp_path: Path) -> None:
    """It is then as secret as what it holds."""
    from worker.settings import SettingsError, load  # noqa: PLC0415 - beside what it shows

    file = tmp_path / "holds.toml"
    file.write_text(toml(password=SECRET))
    file.chmod(0o644)

    with pytest.raises(SettingsError, match=r"till\.password.*chmod 0400"):
        load(file, KEY, secrets_dir=tmp_path / "none")
