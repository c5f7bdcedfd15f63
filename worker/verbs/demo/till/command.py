"""A program: the documents' example in Python, with its books in a SQLite file."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from worker.verbs.demo.till.counterpart import LOCATION, Payment, bill, example, payment


class CommandCounterpart:
    """A shop whose till is a program."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "shop.py"
        self._books = folder / "shop.db"
        self._open: dict[str, str] = {}

    def start(self) -> str:
        """Install the example as its documents say, for the very Python that runs the demo."""
        _, _, text = example("shop-command", "shop.py").read_text().partition("\n")
        # Some wrappers around `python3` take a second to find it, and a till is asked often.
        self._program.write_text(f"#!{sys.executable} -I\n{text}")
        self._program.chmod(0o755)
        self.seat("nowhere", "B-0", 1)  # The first bill makes the books.
        return (
            f'[till]\nkind = "command"\nargv = ["{self._program}", "{self._books}"]\nlock = true\n'
        )

    def seat(self, table: str, bill_id: str, amount_minor: int) -> None:
        """Settle the table's old bill at the counter and open a new one."""
        before = self._open.get(table)
        if before is not None:
            self._run("settle", {"location_id": LOCATION, "bill_id": before})
        self._run("owe", bill(table, bill_id, amount_minor))
        self._open[table] = bill_id

    def books(self) -> Sequence[Payment]:
        """Ask the program for its payments."""
        return [payment(one) for one in self._run("payments", {})["payments"]]

    def stop(self) -> None:
        """Do nothing: a program ends by itself."""

    def _run(self, verb: str, document: Mapping[str, object]) -> Mapping[str, Any]:
        """Do as the shop's people do. A bill that a guest is paying stays as it is."""
        done = subprocess.run(
            [str(self._program), str(self._books), verb],
            input=json.dumps(document),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if done.returncode not in {0, 4}:
            raise RuntimeError(f"shop.py {verb}: {done.stderr}")
        found: Mapping[str, Any] = json.loads(done.stdout or "{}")
        return found
