"""The rules of a till in a database: its address and the statements that the operator writes.

No message repeats a value: an address may hold a password, though it must not.
"""

import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Final

from worker.settings.rules import is_loopback
from worker.statements import NOTICE_NAMES, READ_NAMES, Statement, read_statement

_SERVERS: Final = ("postgresql", "mysql", "mariadb")
_MYSQL_OPTIONS: Final = frozenset(
    {"unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_check_hostname"}
)
_OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "postgresql": frozenset({"host", "sslmode", "sslrootcert", "sslcert", "sslkey"}),
    "mysql": _MYSQL_OPTIONS,
    "mariadb": _MYSQL_OPTIONS,
}
_ADDRESS: Final = re.compile(r"[!-~]+")
_ELSEWHERE: Final = "put it into a secret file named till.password"
_LEAVES_ALONE: Final = re.compile(r"\bDO\s+NOTHING\b|\bIGNORE\b", re.IGNORECASE)


def database_url(value: object) -> object:
    """Accept the address of a database that we have a driver for, without a password in it."""
    if not isinstance(value, str):
        return value
    if value.startswith("sqlite:"):
        return _file(value)
    if not _ADDRESS.fullmatch(value):
        raise ValueError("an address holds printable ASCII characters only, and no spaces")
    try:
        parts = urllib.parse.urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(
            f"it is not an address: its host or port can not be read; if that is a password, "
            f"{_ELSEWHERE}"
        ) from None
    if parts.password is not None or "@" in parts.path + parts.query + parts.fragment:
        raise ValueError(f"an address must not hold a password: {_ELSEWHERE}")
    if parts.scheme not in _SERVERS:
        raise ValueError(
            "it must begin with postgresql://, mysql://, mariadb:// or sqlite:///, "
            "without a driver's name"
        )
    if parts.fragment or not re.fullmatch(r"/[^/]+", parts.path):
        raise ValueError("it must end in the name of one database: postgresql://user@host/name")
    options = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    known = _OPTIONS[parts.scheme]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(f"after the ? there may only be {', '.join(sorted(known))}")
    if not host and "host" not in options and "unix_socket" not in options:
        raise ValueError("it names no host")
    return value


def _file(value: str) -> str:
    """Accept the whole path of a SQLite file."""
    path = value.removeprefix("sqlite:///")
    if path == value or not path.startswith("/"):
        raise ValueError("a SQLite file is given by its whole path: sqlite:////srv/shop/shop.db")
    if not path.isprintable() or "?" in path or "#" in path:
        raise ValueError("a SQLite file's path must be printable and without ? and #")
    return value


def open_bills(value: object) -> object:
    """Accept one query that asks for nothing but what a question holds."""
    if not isinstance(value, str):
        return value
    return _query(value, READ_NAMES)


def mark_paid(value: object) -> object:
    """Accept one statement that can know which bill is meant."""
    if not isinstance(value, str):
        return value
    statement = _statement(value, NOTICE_NAMES)
    if "bill_id" not in statement.names:
        raise ValueError("it must use :bill_id: nothing else says which bill was paid")
    return value


def confirm(value: object) -> object:
    """Accept one query that looks for one notice."""
    if not isinstance(value, str):
        return value
    _query(value, NOTICE_NAMES)
    if "notice_id" not in _statement(value, NOTICE_NAMES).names:
        raise ValueError("it must use :notice_id: a bill may be paid in several parts")
    return value


def _query(value: str, known: Sequence[str]) -> str:
    if not _statement(value, known).is_query:
        raise ValueError("it must be a query: SELECT, WITH, VALUES or TABLE")
    return value


def _statement(value: str, known: Sequence[str]) -> Statement:
    if any(not char.isprintable() and char not in "\n\t\r" for char in value):
        raise ValueError("it holds characters that do not print")
    return read_statement(value, known)


def warnings(
    url: str, open_bills_sql: str, mark_paid_sql: str, confirm_sql: str | None
) -> list[str]:
    """Say what is allowed but deserves a second look."""
    found = []
    if "spot" not in read_statement(open_bills_sql, READ_NAMES).names:
        found.append("till.open_bills_sql does not use :spot: every table is shown every bill.")
    if "notice_id" not in read_statement(mark_paid_sql, NOTICE_NAMES).names:
        found.append(
            "till.mark_paid_sql does not use :notice_id: make sure that running it twice changes "
            "nothing more, because a lost answer makes the worker tell a payment again."
        )
    if confirm_sql is None and _LEAVES_ALONE.search(mark_paid_sql):
        found.append(
            "till.mark_paid_sql leaves a notice alone that it has seen, and then touches no row, "
            "which counts as a failure: add till.confirm_sql."
        )
    host = urllib.parse.urlsplit(url).hostname
    if host and not is_loopback(host) and not re.search(r"[?&](sslmode=verify-|ssl_ca=)", url):
        found.append(
            "till.url leads to another machine, and nothing makes sure that it is the right one: "
            "add sslmode=verify-full (PostgreSQL) or ssl_ca (MySQL, MariaDB)."
        )
    return found
