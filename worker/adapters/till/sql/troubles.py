"""What a database says when it refuses, in one line without values or password.

Drivers like to repeat the values that they were given. SQLAlchemy is told not to, and the
database's own words are cleaned here.
"""

import re
from collections.abc import Mapping
from typing import Final

from worker.adapters.till.text import one_line

_WORDS_CHARS_MAX: Final = 300


def is_of_the_values(error: Exception) -> bool:
    """Tell whether a database takes offence at this one spot or payment, and works otherwise.

    A text that a column of numbers is compared with, or a key that is there already, say.
    """
    from sqlalchemy.exc import DataError, IntegrityError  # noqa: PLC0415 - an extra

    return isinstance(error, DataError | IntegrityError | UnicodeError)


def words_of(error: Exception, values: Mapping[str, object]) -> str:
    """Give the database's own words, without the values."""
    cause = getattr(error, "orig", None) or error
    diagnosis = getattr(cause, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    arguments = cause.args
    if isinstance(primary, str):
        words = primary
    elif len(arguments) > 1 and isinstance(arguments[0], int) and isinstance(arguments[1], str):
        words = f"{arguments[1]} (error {arguments[0]})"  # PyMySQL's pair.
    else:
        words = str(cause)
    if isinstance(cause, UnicodeError):
        words = "a value holds characters that the database can not keep"  # Its words quote it.
    return one_line(_without(words, values).strip(), _WORDS_CHARS_MAX) or type(cause).__name__


def _without(words: str, values: Mapping[str, object]) -> str:
    """Put a value's name where the value stands."""
    # The longest first: one value may be a part of another.
    for name, value in sorted(values.items(), key=lambda item: -len(str(item[1]))):
        if value is not None and str(value):
            pattern = rf"(?<!\w){re.escape(str(value))}(?!\w)"
            words = re.sub(pattern, f":{name}", words)
    return words
