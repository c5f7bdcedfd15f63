"""An SQL statement that an operator wrote: found to be one, with parameters that we know.

It is taken apart just far enough to tell quotes and comments from the rest, so that a colon in
them is not taken for a parameter, and a semicolon not for an end. What different databases read
differently is refused with the way to write it so that all read it alike. Values never come here:
they are bound by the database's own driver.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

READ_NAMES: Final = ("location_id", "spot")
"""What a statement that reads open bills may ask for."""

NOTICE_NAMES: Final = (
    "notice_id",
    "bill_id",
    "part_id",
    "location_id",
    "spot",
    "amount_minor",
    "amount",
    "currency",
    "visit",
    "transaction_key",
    "orderid",
    "paid_at",
    "bill_amount_minor",
    "service_minor",
    "tip_minor",
)
"""What a statement that is about a payment may ask for."""

QUERY_VERBS: Final = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
CHARS_MAX: Final = 20_000

_TOKEN: Final = re.compile(
    r"""
    (?P<line>--[^\n]*)
  | (?P<block>/\*.*?\*/)
  | (?P<text>'(?:[^']|'')*')
  | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
  | (?P<dollar>(?<![\w$])\$(?P<tag>[^\W\d]\w*|)\$.*?\$(?P=tag)\$)
  | (?P<parameter>(?<![:\w\\]):(?P<key>\w+))
  | (?P<end>;)
  | (?P<unclosed>['"`]|/\*)
    """,
    re.VERBOSE | re.DOTALL,
)
_PARAMETER: Final = re.compile(r"(?<![:\w\\]):(\w+)")
_VERB: Final = re.compile(r"[\s(]*([A-Za-z]+)")


class StatementError(ValueError):
    """Why a statement can not be used; the text says how to write it instead."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement."""

    bindable: str
    """What SQLAlchemy's `text` takes: every colon that begins no parameter is escaped."""
    names: frozenset[str]
    """The parameters that it asks for."""
    verb: str
    """Its first word, in capitals."""

    @property
    def is_query(self) -> bool:
        """Whether it begins like one that gives rows and changes nothing."""
        return self.verb in QUERY_VERBS


def read_statement(text: str, known: Collection[str]) -> Statement:
    """Read one statement that asks for none but the known parameters.

    Raises:
        StatementError: it can not be used, and why.

    """
    if len(text) > CHARS_MAX:
        raise StatementError(f"it is longer than {CHARS_MAX} characters")
    pieces: list[str] = []
    names: set[str] = set()
    position = 0
    for found in _TOKEN.finditer(text):
        pieces.append(_escaped(text[position : found.start()]))
        position = found.end()
        kind, token = found.lastgroup, found[0]
        if found["key"] is not None:
            names.add(_known(found["key"], known))
            pieces.append(token)
        elif kind == "end":
            _refuse_more(text[position:])
            position = len(text)
            break
        elif kind == "unclosed":
            raise StatementError(f"a {token} is opened and never closed")
        elif kind in {"line", "block"}:
            _refuse_odd_comment(token)
            pieces.append(" ")
        else:
            _refuse_odd_quotes(token, known)
            pieces.append(_escaped(token))
    pieces.append(_escaped(text[position:]))
    bindable = "".join(pieces).strip()
    verb = _VERB.match(bindable)
    if verb is None:
        raise StatementError("it holds no statement")
    return Statement(bindable, frozenset(names), verb[1].upper())


def _escaped(text: str) -> str:
    """Keep SQLAlchemy from taking a colon for the beginning of a parameter."""
    return text.replace(":", "\\:")


def _known(name: str, known: Collection[str]) -> str:
    if name in known:
        return name
    allowed = ", ".join(f":{each}" for each in known)
    raise StatementError(f"there is no parameter :{name:.60}; there are {allowed}")


def _refuse_more(rest: str) -> None:
    """Let nothing but comments follow the semicolon at the end."""
    uncommented = re.sub(r"--[^\n]*|/\*.*?\*/", "", rest, flags=re.DOTALL)
    if uncommented.strip():
        raise StatementError("it must be one statement: something follows the ;")


def _refuse_odd_comment(token: str) -> None:
    if token.startswith("/*!"):
        raise StatementError("a comment with /*! is code to some databases: leave it out")
    if token.startswith("/*") and "/*" in token[2:]:
        raise StatementError("a comment within a comment ends at different places: leave it out")


def _refuse_odd_quotes(token: str, known: Collection[str]) -> None:
    for name in _PARAMETER.findall(token):
        if name in known:
            raise StatementError(
                f":{name} stands in quotes, where it is only text: write it without quotes"
            )
    if re.search(r"\\['\"`]", token):
        raise StatementError(
            "a backslash stands before a quote, which ends the text in some databases and not in "
            "others: double the quote, or keep the backslash away from it"
        )
