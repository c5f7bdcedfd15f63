"""A shop whose software writes its open bills into a folder, each whole and by rename."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from worker.adapters.till.connector import Connector, Document
from worker.adapters.till.folder import FolderTill


class FolderShop:
    """One file for each open bill; receipts are its books."""

    kind = "folder"
    knows_ids = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "bills"
        self._away = folder / "bills.away"
        self._till = FolderTill(self._folder)
        self._works = threading.Event()
        self._works.set()

    async def open(self) -> None:
        """Make the folder."""
        self._folder.mkdir()

    async def close(self) -> None:
        """Let a disk that hangs go on, so that its thread ends."""
        self._works.set()
        await self._till.aclose()

    def connector(self) -> Connector:
        """Give the way to the folder."""
        return self._till

    async def owe(self, location_id: int, spot: str, *documents: Document) -> None:
        """Replace the files of a spot; each is a moment younger than the one before."""
        stem = hashlib.sha256(f"{location_id}/{spot}".encode()).hexdigest()[:16]
        for old in self._folder.glob(f"{stem}-*.json"):
            old.unlink()
        now_ns = time.time_ns()
        for number, document in enumerate(documents):
            # The first bill has the last name: names say nothing about what is older.
            path = self._folder / f"{stem}-{99 - number}.json"
            draft = path.with_suffix(".tmp")
            draft.write_text(json.dumps({"location_id": location_id, "spot": spot, **document}))
            os.utime(draft, ns=(now_ns, now_ns + number * 1_000_000))
            draft.rename(path)

    async def payments(self) -> Sequence[Mapping[str, object]]:
        """Read the receipts."""
        return [json.loads(path.read_text()) for path in self._folder.glob("paid/*.receipt.json")]

    async def break_down(self) -> None:
        """The share is not mounted any more."""
        self._folder.rename(self._away)

    async def hang(self) -> None:
        """The disk does not answer: whatever is read or written next waits."""
        self._works.clear()
        self._till._thread.submit(self._works.wait)

    async def mend(self) -> None:
        """Mount the share, or let the disk answer."""
        self._works.set()
        if self._away.exists():
            self._away.rename(self._folder)
