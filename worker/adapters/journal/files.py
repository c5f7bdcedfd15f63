"""The journal's files stay the ones that were opened, or nothing more is written."""

import os
from pathlib import Path
from typing import Final

from worker.adapters.journal.lock import Lock

REMEDY: Final = "Put the file back as it was, or restore a backup, then start the worker again."


class Files:
    """The file and its log, as they were when the journal was opened."""

    def __init__(self, path: Path, lock: Lock) -> None:
        self._lock = lock
        self._opened = [(name, os.stat(name)) for name in (path, f"{path}-wal")]  # noqa: PTH116 - as often as we commit

    def trouble(self) -> str | None:
        """Tell which file is not at its path any more: nobody would find what is written there."""
        stat = os.stat
        for name, opened in self._opened:
            try:
                there = stat(name)
            except FileNotFoundError:
                there = None
            if there is None or there.st_ino != opened.st_ino or there.st_dev != opened.st_dev:
                return f"{name} was {'replaced' if there else 'deleted'} while in use"
        if not self._lock.is_in_place():
            return "its lock file was replaced or deleted while in use"
        return None
