"""The journal's shape, as numbered files that are each applied once, whole or not at all."""

import sqlite3
from importlib import resources
from pathlib import Path

from worker.adapters.journal import troubles


def migrations() -> list[tuple[int, str]]:
    """Give every known migration, by its number."""
    folder = resources.files("worker.adapters.journal") / "migrations"
    return sorted(
        (int(file.name.split("_")[0]), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    )


def version_of(connection: sqlite3.Connection) -> int:
    """Tell how far a database was brought; 0: not at all."""
    has_table = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'"
    ).fetchone()
    if has_table is None:
        return 0
    (version,) = connection.execute(
        "SELECT coalesce(max(version), 0) FROM schema_version"
    ).fetchone()
    return int(version)


def check_version(path: Path, connection: sqlite3.Connection) -> int:
    """Give the version of a journal.

    Raises:
        JournalUnavailable: it is newer than this worker, or the file holds something else.

    """
    version = version_of(connection)
    known = migrations()[-1][0]
    if version > known:
        raise troubles.refusal(
            path,
            f"this journal was written by a newer version (schema {version}, known here: {known})",
            "Run the newer version again.",
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None:
        raise troubles.refusal(
            path,
            "the file is a database of something else",
            "Check the configured path.",
        )
    return version


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a database up to the newest version, one file a transaction.

    Foreign keys are not followed meanwhile, as a table that others point at may be built anew; they
    are all looked at before each file's commit. (SQLite's page on ALTER TABLE, section 7.)
    """
    connection.execute("PRAGMA foreign_keys = OFF")
    for number, script in migrations():
        if number <= version:
            continue
        try:
            connection.executescript(
                "BEGIN IMMEDIATE;\n"
                "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT;\n"
                f"{script}\n"
                f"INSERT INTO schema_version VALUES ({number});\n"
            )
            lost = connection.execute("PRAGMA foreign_key_check").fetchone()
            if lost is not None:
                raise sqlite3.IntegrityError(f"migration {number} lost what {lost[0]} points at")
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    connection.execute("PRAGMA foreign_keys = ON")
