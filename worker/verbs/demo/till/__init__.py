"""The other side of each till: a shop with books of its own, as a real file, process or database.

None of them shares anything with the worker but what its documents say to a shop.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from worker.verbs.demo.till.command import CommandCounterpart
from worker.verbs.demo.till.counterpart import Counterpart, Payment, TillUnavailable
from worker.verbs.demo.till.database import PostgresCounterpart, SqliteCounterpart
from worker.verbs.demo.till.fixed import FixedCounterpart
from worker.verbs.demo.till.folder import FolderCounterpart
from worker.verbs.demo.till.http import HttpCounterpart

COUNTERPARTS: Final[Mapping[str, Callable[[Path], Counterpart]]] = {
    "fixed": FixedCounterpart,
    "folder": FolderCounterpart,
    "http": HttpCounterpart,
    "sql": SqliteCounterpart,
    "postgres": PostgresCounterpart,
    "command": CommandCounterpart,
}

__all__ = ["COUNTERPARTS", "Counterpart", "Payment", "TillUnavailable", "counterpart"]


def counterpart(kind: str, folder: Path) -> Counterpart:
    """Make the shop of a kind; it keeps what it has in the folder."""
    folder.mkdir(mode=0o700)
    return COUNTERPARTS[kind](folder)
