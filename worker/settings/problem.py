"""How a mistake in the settings is told: one line that says where, what and what to do.

A line never holds a secret and never more than one line of text, whatever the mistake was.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

NOWHERE: Final = "not given anywhere"
_SHOWN_CHARS_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake."""

    key: str
    origin: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        """Say it in one line."""
        return escaped(f"{self.key} ({self.origin}): {self.wrong}; {self.remedy}")


class SettingsError(Exception):
    """The settings can not be used. Its text is a report for a person, every problem in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} with the settings:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


def escaped(text: str) -> str:
    """Make text safe for one line of a terminal: what does not print is written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def short(text: str) -> str:
    """Keep a name that somebody else chose within bounds."""
    return text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "..."


def meant(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or which there are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"remove it (known here: {', '.join(names)})"
