"""The connection over the disk answers as the standard library's does, errors included."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.disk.disk import SimDisk
from worker.adapters.journal import opening

SETUP = """
PRAGMA foreign_keys = ON;
CREATE TABLE guest (
  name TEXT PRIMARY KEY, seats INTEGER NOT NULL CHECK (seats > 0), since TEXT UNIQUE
) STRICT;
CREATE TABLE dish (name TEXT REFERENCES guest, price INTEGER) STRICT;
CREATE TRIGGER guest_stays BEFORE DELETE ON guest BEGIN SELECT RAISE(ABORT, 'guest_stays'); END;
INSERT INTO guest VALUES ('Ona', 2, 'noon'), ('Jonas', 4, 'one');
"""

SAID: list[tuple[str, tuple[Any, ...]]] = [
    ("SELECT * FROM guest ORDER BY name", ()),
    ("SELECT * FROM guest WHERE name = ?", ("nobody",)),
    ("SELECT count(*), x'00ff', NULL, 1.5, 'ą🍲' FROM guest", ()),
    ("PRAGMA journal_mode", ()),
    ("INSERT INTO guest VALUES (?, ?, ?)", ("Rasa", 1, None)),
    ("  UPDATE guest SET seats = seats + 1", ()),
    ("UPDATE guest SET seats = 9 WHERE name = ?", ("nobody",)),
    ("INSERT OR IGNORE INTO guest VALUES ('Ona', 3, NULL)", ()),
    ("REPLACE INTO guest VALUES ('Rasa', 3, NULL)", ()),
    ("INSERT INTO guest VALUES ('Ona', 3, NULL)", ()),
    ("INSERT INTO guest VALUES ('Ieva', 3, 'noon')", ()),
    ("INSERT INTO guest VALUES ('Ieva', 0, NULL)", ()),
    ("INSERT INTO guest VALUES ('Ieva', NULL, NULL)", ()),
    ("INSERT INTO dish VALUES ('nobody', 3)", ()),
    ("DELETE FROM guest", ()),
    ("DELETE FROM dish", ()),
    ("SELECT * FROM nowhere", ()),
    ("SELEC", ()),
    ("COMMIT", ()),
    ("BEGIN IMMEDIATE", ()),
    ("BEGIN IMMEDIATE", ()),
    ("SAVEPOINT item", ()),
    ("INSERT INTO dish VALUES ('Ona', 250)", ()),
    ("ROLLBACK TO item", ()),
    ("RELEASE item", ()),
    ("ROLLBACK TO item", ()),
    ("SELECT count(*) FROM dish", ()),
    ("ROLLBACK", ()),
]


def answer(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> object:
    """Give all that a caller can see of an answer."""
    try:
        cursor = connection.execute(statement, values)
        first = cursor.fetchone()
        return first, list(cursor), cursor.rowcount, connection.in_transaction
    except sqlite3.Error as error:
        code, name = error.sqlite_errorcode, error.sqlite_errorname
        return type(error), str(error), code, name, connection.in_transaction


@pytest.fixture
def both(folder: Path, again: Path) -> list[sqlite3.Connection]:
    """Give the standard library's connection and one over a disk, to the same content."""
    found = []
    for where in (folder, again):
        opening.make_file(where / "guests.db")
    with SimDisk(again).installed():
        for where in (folder, again):
            connection = opening.connect(where / "guests.db")
            connection.executescript(SETUP)
            found.append(connection)
    assert isinstance(found[0], sqlite3.Connection)
    assert not isinstance(found[1], sqlite3.Connection)
    return found


def test_every_answer_is_the_standard_librarys(both: list[sqlite3.Connection]) -> None:
    """Rows, counts, errors, their codes, names and words, and whether a transaction is open."""
    for statement, values in SAID:
        expected, given = (answer(connection, statement, values) for connection in both)
        assert given == expected, statement
    for connection in both:
        connection.close()


def test_many_rows_a_script_and_the_end_are_the_same_too(both: list[sqlite3.Connection]) -> None:
    """What is closed says so; closing twice does no harm."""
    seen = []
    for connection in both:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO dish VALUES (?, ?)", [("Ona", 1), ("Jonas", 2)])
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            connection.executemany("INSERT INTO dish VALUES (?, ?)", [("Ona", 3), ("nobody", 4)])
        connection.executescript("BEGIN; DELETE FROM dish WHERE price = 1; COMMIT;")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            connection.executescript("SELECT 1; DELETE FROM nowhere; DELETE FROM dish;")
        seen.append(connection.execute("SELECT * FROM dish ORDER BY price").fetchall())
        connection.close()
        connection.close()
        with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
            connection.execute("SELECT 1")

    assert seen[0] == seen[1] == [("Jonas", 2), ("Ona", 3)]


def test_text_that_is_none_is_an_error_of_the_database(both: list[sqlite3.Connection]) -> None:
    """A damaged page may hold any bytes; the journal only knows the database's errors."""
    for connection in both:
        with pytest.raises(sqlite3.OperationalError, match="Could not decode to UTF-8 column"):
            connection.execute("SELECT CAST(x'ff' AS TEXT)").fetchone()
        connection.close()


def look_at(path: Path) -> None:
    """Open a file and read something of it."""
    with closing(opening.connect(path)) as connection:
        connection.execute("SELECT * FROM sqlite_master")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nothing.db", None, "unable to open database file"),
        ("junk.db", b"junk" * 2000, "file is not a database"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_in_the_same_words(
    folder: Path, again: Path, name: str, content: bytes | None, words: str
) -> None:
    """A missing file and one that is something else."""
    seen = []
    for where in (folder, again):
        if content is not None:
            (where / name).write_bytes(content)
        with SimDisk(again).installed(), pytest.raises(sqlite3.Error, match=words) as raised:
            look_at(where / name)
        error = raised.value
        seen.append((type(error), str(error), error.sqlite_errorcode, error.sqlite_errorname))

    assert seen[0] == seen[1]


def test_a_connection_that_may_only_read_writes_nothing(folder: Path, again: Path) -> None:
    """The first look at a journal leaves it as it was found."""
    seen = []
    for where in (folder, again):
        with SimDisk(again).installed():
            opening.make_file(where / "guests.db")
            writer = opening.connect(where / "guests.db")
            writer.executescript(SETUP)
            reader = opening.connect(where / "guests.db", may_write=False)
            seen.append(answer(reader, "DELETE FROM dish", ()))
            reader.close()
            writer.close()

    assert seen[0] == seen[1]
    assert "readonly" in str(seen[0])
