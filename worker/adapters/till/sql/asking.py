"""What is done on a connection: ask, tell, and look whether it was kept. Blocking."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Final

from worker.adapters.till.connector import Refused
from worker.adapters.till.sql.database import Database
from worker.adapters.till.sql.rows import ROWS_MAX, Row, UnusableRows
from worker.domain.notice import Notice
from worker.statements import Statement

_UNKNOWN: Final = -1
"""How many rows a statement touched, where the driver can not say."""


def notice_values(notice: Notice, kind: str) -> dict[str, object]:
    """Give every parameter of a notice, each as this kind of database keeps it exactly.

    SQLite has neither decimals nor instants, so it is given text; MySQL's instants have no zone,
    so they are UTC.
    """
    amount = Decimal(notice.money.amount_minor).scaleb(-2)
    paid_at = notice.paid_at.astimezone(UTC)
    exact: dict[str, object] = {"amount": amount, "paid_at": paid_at}
    if kind == "sqlite":
        exact = {"amount": f"{amount:.2f}", "paid_at": paid_at.isoformat()}
    elif kind in {"mysql", "mariadb"}:
        exact["paid_at"] = paid_at.replace(tzinfo=None)
    return exact | {
        "notice_id": notice.notice_id,
        "bill_id": notice.bill_id,
        "part_id": notice.part_id,
        "location_id": notice.location_id,
        "spot": notice.table,
        "amount_minor": notice.money.amount_minor,
        "currency": notice.money.currency,
        "visit": notice.visit,
        "transaction_key": notice.transaction_key,
        "orderid": notice.reference,
        "bill_amount_minor": notice.bill_minor,
        "service_minor": notice.service_minor,
        "tip_minor": notice.tip_minor,
    }


def read(
    database: Database, statement: Statement, values: Mapping[str, object]
) -> tuple[list[str], list[Row]]:
    """Run a query; give its columns and at most a few more rows than can be used.

    Raises:
        UnusableRows: it is not a query.

    """
    from sqlalchemy import text  # noqa: PLC0415 - an extra

    with database.transaction() as connection:
        result = connection.execute(
            text(database.bounded(statement.bindable)), _asked_for(statement, values)
        )
        if not result.returns_rows:
            raise UnusableRows("is not a query: it gives no columns at all")
        columns = list(result.keys())
        rows: list[Row] = [tuple(row) for row in result.fetchmany(ROWS_MAX + 1)]
        result.close()
    return columns, rows


def record(
    reader: Database,
    writer: Database,
    mark_paid: Statement,
    confirm: Statement | None,
    values: Mapping[str, object],
) -> None:
    """Tell a payment in one transaction, and commit it once it is certain to be recorded.

    Raises:
        Refused: it is not recorded.

    """
    from sqlalchemy import text  # noqa: PLC0415 - an extra
    from sqlalchemy.exc import IntegrityError  # noqa: PLC0415 - an extra

    try:
        with writer.transaction() as connection:
            result = connection.execute(
                text(mark_paid.bindable),
                _asked_for(mark_paid, values),
                execution_options={"preserve_rowcount": True},
            )
            touched = len(result.fetchall()) if result.returns_rows else result.rowcount
            if confirm is not None:
                found = connection.execute(text(confirm.bindable), _asked_for(confirm, values))
                _refuse_unrecorded(is_recorded(found.fetchmany(1)))
            elif touched == 0:
                raise Refused(
                    "till.mark_paid_sql touched no row, so nothing was recorded: is the bill gone? "
                    "A statement that leaves a notice alone which it has seen needs "
                    "till.confirm_sql beside it"
                )
            connection.commit()
    except IntegrityError:
        # A key that is there already may well be this very notice's, told before.
        if confirm is None or not is_recorded(read(reader, confirm, values)[1]):
            raise


def is_recorded(rows: Sequence[Sequence[object]]) -> bool:
    """Tell whether a confirming query found the notice: a row, and no 0, false or NULL in front.

    So `SELECT count(*)` and `SELECT EXISTS (...)` mean what they seem to.
    """
    return bool(rows) and bool(rows[0]) and bool(rows[0][0])


def _refuse_unrecorded(is_there: bool) -> None:
    if not is_there:
        raise Refused(
            "till.mark_paid_sql ran, but till.confirm_sql does not find the notice, so it was "
            "taken back: is the bill gone?"
        )


def _asked_for(statement: Statement, values: Mapping[str, object]) -> dict[str, object]:
    return {name: values[name] for name in statement.names}
