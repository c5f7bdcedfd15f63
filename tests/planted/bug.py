"""A planted bug: what a careless engineer would have done, as a few replacements in the product.

A replacement names the exact text that it takes away. When the code moves and that text is gone or
stands there twice, planting fails aloud, so that the list stays true to the product.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEMORY: Final = "memory"
DISK: Final = "disk"
"""The real journal file, on a disk that may fail and forget."""

_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")


class StaleBug(Exception):
    """The text that a bug replaces is not in the product exactly once any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """One replacement. A line break at the very beginning is for the reader and does not count."""

    file: str
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Give the file's text with the replacement made."""
        old, new = self.old.removeprefix("\n"), self.new.removeprefix("\n")
        found = text.count(old)
        if found != 1:
            raise StaleBug(f"{self.file}: found {found} times instead of once: {old!r}")
        return text.replace(old, new)


@dataclass(frozen=True, slots=True)
class Bug:
    """A named mistake, and who must notice it."""

    name: str
    story: str
    """What somebody did and why it looked right, then what comes of it."""
    changes: tuple[Change, ...]
    journal: str = MEMORY
    """Which journal the hunt plays on: a bug in the file's own statements needs the file."""
    tests: tuple[str, ...] = ()
    """The tests that must fail instead of the hunt; empty: the simulator must notice."""
    why_tests: str = ""
    """Why no simulation can see it."""

    def __post_init__(self) -> None:
        """Refuse an entry that would prove nothing."""
        assert _NAME.fullmatch(self.name), f"{self.name!r} is not a name of a bug"
        assert self.changes, f"{self.name} changes nothing"
        assert all(change.old != change.new for change in self.changes), f"{self.name} is no change"
        assert bool(self.tests) == bool(self.why_tests), f"{self.name}: why is it not hunted?"

    def files(self) -> tuple[str, ...]:
        """Name the files that it spoils."""
        return tuple(sorted({change.file for change in self.changes}))

    def plant(self, root: Path) -> None:
        """Spoil a copy of the product.

        Raises:
            StaleBug: the product has changed, and the bug must be thought over.

        """
        for change in self.changes:
            path = root / change.file
            try:
                path.write_text(change.apply(path.read_text(encoding="utf-8")), encoding="utf-8")
            except (StaleBug, FileNotFoundError) as error:
                raise StaleBug(f"{self.name}: {error}") from error
