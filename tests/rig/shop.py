"""The shop's own software: a bill lies open for every table, and now and then it changes its mind.

It writes as a careful program does, by atomic rename, and a bill's name is never used twice. What
it did to a bill after putting it there is kept, so that a check knows which bills were the worker's
alone.
"""

import contextlib
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROUND_S: Final = 0.25
CHANGES: Final = 0.01
"""How likely an open bill is changed or taken back, in each round."""
STOP_S: Final = 30.0


class Shop:
    """Keeps the folder of bills."""

    def __init__(self, folder: Path, location: int, tables: int, seed: int) -> None:
        self.folder = folder
        self.is_steady = False
        """No change of mind any more."""
        self.touched: set[str] = set()
        """Bills that were changed or taken back after they had been put there."""
        self._location = location
        self._open: dict[str, str] = {}
        self._tables = [f"table{number}" for number in range(1, tables + 1)]
        self._dice = random.Random(f"shop {seed}")
        self._made = 0
        self._over = threading.Event()

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path, location: int, tables: int, seed: int) -> Iterator["Shop"]:
        """Run the shop for as long as the block lasts."""
        folder.mkdir()
        shop = cls(folder, location, tables, seed)
        shop.look_around()
        thread = threading.Thread(target=shop.work, name=f"shop {folder}")
        thread.start()
        try:
            yield shop
        finally:
            shop.close()
            thread.join(STOP_S)

    def close(self) -> None:
        """Put down the pen."""
        self._over.set()

    def work(self) -> None:
        """Look around again and again until closed."""
        while not self._over.wait(ROUND_S):
            self.look_around()

    def look_around(self) -> None:
        """See to it that each table has its bill."""
        for table in self._tables:
            bill_id = self._open.get(table)
            if bill_id is None or not self._path(bill_id).exists():
                self._put(table)
            elif bill_id in self.touched and self._is_receipted(bill_id):
                # It was changed in the very moment of being paid: the receipt is what counts.
                self._path(bill_id).unlink(missing_ok=True)
            elif not self.is_steady and self._dice.random() < CHANGES:
                self._change_mind(table, bill_id)

    def _put(self, table: str) -> None:
        self._made += 1
        bill_id = f"B-{self._made}"
        self._write(table, bill_id)
        self._open[table] = bill_id

    def _change_mind(self, table: str, bill_id: str) -> None:
        self.touched.add(bill_id)
        if self._dice.random() < 0.5:
            self._path(bill_id).unlink(missing_ok=True)
        else:
            self._write(table, bill_id)

    def _write(self, table: str, bill_id: str) -> None:
        amounts = [self._dice.randrange(100, 5000) for _ in range(self._dice.randint(1, 3))]
        bill = {
            "bill_id": bill_id,
            "spot": table,
            "location_id": self._location,
            "currency": "EUR",
            "amount_minor": sum(amounts),
            "description": f"Dinner at {table}",
            "lines": [
                {"title": f"Course {number}", "quantity": 1, "amount_minor": amount}
                for number, amount in enumerate(amounts, start=1)
            ],
        }
        draft = self.folder / f".{bill_id}.draft"
        draft.write_text(json.dumps(bill))
        draft.replace(self._path(bill_id))

    def _path(self, bill_id: str) -> Path:
        return self.folder / f"{bill_id}.json"

    def _is_receipted(self, bill_id: str) -> bool:
        return any(one["bill_id"] == bill_id for one in receipts(self.folder))


def receipts(folder: Path) -> list[dict[str, object]]:
    """Read every receipt that lies beside the paid bills."""
    found = []
    for path in sorted((folder / "paid").glob("*.receipt.json")):
        receipt: dict[str, object] = json.loads(path.read_text())
        found.append(receipt)
    return found
