"""A statement is taken apart as its database will, and SQLAlchemy finds the same parameters."""

import re

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from worker.statements import READ_NAMES, StatementError, read_statement


def compiled(statement: str) -> tuple[str, list[str]]:
    """What SQLAlchemy makes of it for SQLite, and the order of its parameters."""
    made = text(read_statement(statement, READ_NAMES).bindable).compile(dialect=sqlite.dialect())
    return str(made), list(made.positiontup or [])


@pytest.mark.parametrize(
    ("statement", "sent"),
    [
        ("SELECT ':x' || :spot", "SELECT ':x' || ?"),
        ("SELECT :spot::text", "SELECT ?::text"),
        ("SELECT a::int FROM b WHERE c=:spot;", "SELECT a::int FROM b WHERE c=?"),
        ("SELECT '{\"a\":1}' , :spot", "SELECT '{\"a\":1}' , ?"),
        ("SELECT 'C\\:x', :spot", "SELECT 'C\\:x', ?"),
        ('SELECT 1 AS "a:b", :spot', 'SELECT 1 AS "a:b", ?'),
        ("SELECT 'it''s :x' , :spot -- don't :stop", "SELECT 'it''s :x' , ?"),
        ("SELECT $$ ; :x $$, :spot", "SELECT $$ ; :x $$, ?"),
        ("SELECT $a$ $$ ; $a$, :spot ; -- end", "SELECT $a$ $$ ; $a$, ?"),
        ("SELECT ';', \";\", `;`, :spot /* ; */ ;  ", "SELECT ';', \";\", `;`, ?"),
        ("(SELECT 12:30 , :spot)", "(SELECT 12:30 , ?)"),
        ("SELECT a[:spot:5]", "SELECT a[?:5]"),
        ("SELECT x := :spot", "SELECT x := ?"),
        ("SELECT 'x' LIKE '%:%' AND :spot", "SELECT 'x' LIKE '%:%' AND ?"),
    ],
)
def test_only_what_is_a_parameter_is_bound(statement: str, sent: str) -> None:
    """Colons in quotes, casts and comments stay what they are."""
    assert compiled(statement) == (sent, ["spot"])


@pytest.mark.parametrize(
    ("statement", "verb"),
    [("select 1", "SELECT"), ("/* a */ (((\nWith", "WITH"), ("-- x\nUPDATE", "UPDATE")],
)
def test_its_first_word_says_what_it_is(statement: str, verb: str) -> None:
    """Comments and brackets may stand before it."""
    assert read_statement(statement, READ_NAMES).verb == verb


MARKS = [":spot", ":location_id", "::", ":", "'", '"', "`", ";", "--", "/*", "*/", "$$", "$x$"]
PIECES = st.sampled_from([*MARKS, "\n", "\\", "a", " ", "SELECT ", "1", "%", "?", ":no", "''"])


@hypothesis.settings(deadline=None, max_examples=500)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_whatever_is_accepted_means_the_same_to_sqlalchemy(statement: str) -> None:
    """It binds the names that we found, no others, and sends no text but the operator's."""
    try:
        found = read_statement(statement, READ_NAMES)
    except StatementError:
        return
    sent, order = compiled(statement)

    assert set(order) == found.names
    named = re.sub(r"(?<![:\w\\]):(spot|location_id)(?!\w)", "?", uncommented(statement))
    assert re.sub(r"\s", "", sent) in re.sub(r"\s", "", named)


def uncommented(statement: str) -> str:
    """What is left without comments."""
    tokens = re.compile(
        r"""(--[^\n]*|/\*.*?\*/)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`"""
        r"""|(?<![\w$])\$([^\W\d]\w*|)\$.*?\$\2\$""",
        re.DOTALL,
    )
    return tokens.sub(lambda found: "" if found[1] else found[0], statement)
