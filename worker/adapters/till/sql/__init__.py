"""A till that is the shop's own database, through two statements that the operator writes."""

from worker.adapters.till.sql.till import SqlStatements, SqlTill

__all__ = ["SqlStatements", "SqlTill"]
