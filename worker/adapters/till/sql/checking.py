"""The dry check: what would go wrong, found without writing anything. Blocking."""

from collections.abc import Mapping
from typing import Final

from worker.adapters.till.sql.asking import is_recorded, read
from worker.adapters.till.sql.database import Database, Unreachable
from worker.adapters.till.sql.rows import Row, UnusableRows, documents
from worker.adapters.till.sql.troubles import words_of
from worker.statements import NOTICE_NAMES, Statement

_NAMES: Final = ("__check__", "0")
"""What no spot and no notice is called: as text, and where the shop's are numbers."""
_PLANNED: Final = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "SELECT", "WITH"})
"""What databases can plan without doing it. A procedure can only be called."""


def problems_of(
    reader: Database,
    writer: Database,
    open_bills: Statement,
    mark_paid: Statement,
    confirm: Statement | None,
) -> list[str]:
    """Say in sentences what is wrong; an empty list: nothing that can be seen from here."""
    try:
        problems = [
            *_of_open_bills(reader, open_bills),
            *_of_mark_paid(writer, mark_paid),
            *(_of_confirm(reader, confirm) if confirm else ()),
        ]
    except Unreachable as error:
        return [f"{_capital(str(error))}."]
    return [f"{problem}." for problem in problems]


def _of_open_bills(reader: Database, statement: Statement) -> list[str]:
    """Ask for the bills of a spot that does not exist."""
    name, answer = _first_that_fits(reader, statement, "spot", {"location_id": 1})
    if isinstance(answer, str):
        return [f"till.open_bills_sql: {answer}"]
    columns, rows = answer
    try:
        found = documents(columns, rows, 1, name)
    except UnusableRows as reason:
        return [f"till.open_bills_sql {reason}"]
    if found and "spot" in statement.names:
        return [f"till.open_bills_sql gives bills for a spot {name}, which there is not"]
    return []


def _of_mark_paid(writer: Database, statement: Statement) -> list[str]:
    """Have it planned, which needs the tables, the columns and the rights, and take it back."""
    from sqlalchemy import text  # noqa: PLC0415 - an extra

    unwritable = writer.unwritable()
    if unwritable is not None:
        return [f"till.mark_paid_sql: {unwritable}"]
    if statement.verb not in _PLANNED:
        return []
    nothing = dict.fromkeys(statement.names)
    try:
        with writer.transaction() as connection:
            connection.execute(text(f"EXPLAIN {statement.bindable}"), nothing).fetchall()
    except Unreachable:
        raise
    except Exception as error:  # A driver raises what it likes.
        return [f"till.mark_paid_sql: {words_of(error, {})}"]
    return []


def _of_confirm(reader: Database, statement: Statement) -> list[str]:
    """Look for a notice that never was."""
    others = dict.fromkeys(NOTICE_NAMES)
    name, answer = _first_that_fits(reader, statement, "notice_id", others)
    if isinstance(answer, str):
        return [f"till.confirm_sql: {answer}"]
    if is_recorded(answer[1]):
        return [f"till.confirm_sql finds a notice {name}, which there never was"]
    return []


def _first_that_fits(
    reader: Database, statement: Statement, parameter: str, others: Mapping[str, object]
) -> tuple[str, tuple[list[str], list[Row]] | str]:
    """Run a query with a name that is nobody's; give the name, and the answer or what is wrong."""
    from sqlalchemy.exc import DataError  # noqa: PLC0415 - an extra

    wrong = ""
    for name in _NAMES:
        try:
            return name, read(reader, statement, {**others, parameter: name})
        except Unreachable:
            raise
        except DataError as error:
            wrong = words_of(error, {})
        except UnusableRows as reason:
            return name, str(reason)
        except Exception as error:  # A driver raises what it likes.
            return name, words_of(error, {})
    return _NAMES[0], wrong


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
