"""A folder of bills, one file each, put there by rename as a careful program does."""

import json
from collections.abc import Sequence
from pathlib import Path

from worker.verbs.demo.till.counterpart import Payment, bill, payment


class FolderCounterpart:
    """A shop whose software writes files."""

    def __init__(self, folder: Path) -> None:
        self._bills = folder / "bills"
        self._open: dict[str, Path] = {}

    def start(self) -> str:
        """Make the folder."""
        self._bills.mkdir()
        return f'[till]\nkind = "folder"\npath = "{self._bills}"\n'

    def seat(self, table: str, bill_id: str, amount_minor: int) -> None:
        """Take the table's old file away and put a new one there."""
        before = self._open.get(table)
        if before is not None:
            before.unlink(missing_ok=True)
        draft = self._bills / f".{bill_id}.draft"
        draft.write_text(json.dumps(bill(table, bill_id, amount_minor), indent=2))
        self._open[table] = draft.rename(self._bills / f"{bill_id}.json")

    def books(self) -> Sequence[Payment]:
        """Read the receipts that lie beside the paid bills."""
        receipts = sorted((self._bills / "paid").glob("*.receipt.json"))
        return [payment(json.loads(path.read_bytes())) for path in receipts]

    def stop(self) -> None:
        """Do nothing: nothing was started."""
