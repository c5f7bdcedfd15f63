"""The durable note of what a rehearsal made, so that the next one can clear away what is left.

It is written before each write at the wallet, and holds transaction keys: nobody else may read it.
"""

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from worker.verbs.rehearse.recording import draft_of, keep

VERSION: Final = 1


@dataclass(slots=True)
class Made:
    """A transaction of ours."""

    reference: str
    begun_unix: float
    key: str = ""
    """Empty: its answer never came."""


@dataclass(slots=True)
class Note:
    """What may have to be cleared away."""

    path: Path
    made: list[Made] = field(default_factory=list)
    spot_id: str = ""
    """The spot that carries, or carried, our order; empty: none."""
    location_id: int = 0

    def save(self) -> None:
        """Put it on the disk, or take it away when nothing is left."""
        if not self.made and not self.spot_id:
            self.path.unlink(missing_ok=True)
            return
        told = {
            "version": VERSION,
            "made": [asdict(one) for one in self.made],
            "spot_id": self.spot_id,
            "location_id": self.location_id,
        }
        keep(self.path, json.dumps(told) + "\n")


def try_place(path: Path) -> None:
    """Write a draft of the note and take it away again.

    Raises:
        OSError: there can be none.

    """
    draft = draft_of(path)
    try:
        draft.write_text("{}\n", encoding="utf-8")
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


class BadNote(Exception):
    """A note that can not be read: whoever wrote it may have left something at the wallet."""


def read(path: Path) -> Note:
    """Read the note of an earlier rehearsal; an empty one when there is none.

    Raises:
        BadNote: it is there and can not be read.

    """
    if not path.exists():
        return Note(path)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        made = [
            Made(str(one["reference"]), float(one["begun_unix"]), str(one["key"]))
            for one in told["made"]
        ]
        return Note(path, made, str(told["spot_id"]), int(told["location_id"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadNote(
            f"{path}, the note of an earlier rehearsal, can not be read ({type(error).__name__}): "
            "look at Paysera for what it left, then remove the file"
        ) from error
