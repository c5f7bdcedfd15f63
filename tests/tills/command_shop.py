"""A shop whose till is a program: the Python example of the documents, run as it is.

In front of it stands a few lines of shell that can be out of order, or take for ever.
"""

import asyncio
import json
import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from tests.tills.shop import Unholdable
from worker.adapters.till.command import CommandTill
from worker.adapters.till.connector import Connector, Document

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples" / "shop-command"
_FRONT: Final = """\
#!/bin/sh
if [ -e {folder}/broken ]; then
    echo "out of order" >&2
    exit 1
fi
if [ -e {folder}/hanging ]; then
    exec sleep 3600
fi
exec {python} -I {program} {books} "$@"
"""


class CommandShop:
    """A shop of the kind `command`, in a folder of its own.

    Args:
        folder: where the books and the program lie.
        time_limit_s: how long the connector waits for an answer.

    """

    kind = "command"
    knows_ids = True

    def __init__(self, folder: Path, *, time_limit_s: float = 5.0) -> None:
        self._folder = folder
        self._books = folder / "shop.db"
        self._program = folder / "front.sh"
        self._time_limit_s = time_limit_s
        self._till: CommandTill | None = None

    async def open(self) -> None:
        """Write the program, and have the example make its books, as for a first bill."""
        self._folder.mkdir(exist_ok=True)
        text = _FRONT.format(
            folder=shlex.quote(str(self._folder)),
            python=shlex.quote(sys.executable),
            program=shlex.quote(str(EXAMPLES / "shop.py")),
            books=shlex.quote(str(self._books)),
        )
        self._program.write_text(text)
        self._program.chmod(0o755)
        await self._tell("owe", {"location_id": 1, "spot": "opening", "bill_id": "opening"})
        await self._tell("settle", {"location_id": 1, "bill_id": "opening"})
        self._till = CommandTill(
            [str(self._program)],
            can_lock=True,
            environ=os.environ,
            time_limit_s=self._time_limit_s,
        )

    async def close(self) -> None:
        """End whatever program is still at work."""
        if self._till is not None:
            await self._till.aclose()

    def connector(self) -> Connector:
        """Give the connector to this shop, always the same one until it is closed."""
        assert self._till is not None, "the shop is open"
        return self._till

    async def owe(self, location_id: int, spot: str, *documents: Document) -> None:
        """Make these the open bills of a spot, in this order; none: it owes nothing."""
        names = [str(document.get("bill_id", number)) for number, document in enumerate(documents)]
        if len(set(names)) < len(names):
            raise Unholdable("its books have one bill of a name")
        with closing(sqlite3.connect(self._books, timeout=30)) as books, books:
            books.execute(
                "UPDATE bills SET is_open = 0 WHERE location_id = ? AND spot = ?",
                (location_id, spot),
            )
            for number, document in enumerate(documents):
                bill_id = str(document.get("bill_id", f"nameless {number}"))
                # Replaced, not changed: it takes the last place in the order.
                books.execute(
                    "INSERT OR REPLACE INTO bills (location_id, spot, bill_id, document) "
                    "VALUES (?, ?, ?, ?)",
                    (location_id, spot, bill_id, json.dumps(document)),
                )

    async def payments(self) -> Sequence[Mapping[str, object]]:
        """Give the payments in the shop's books, each at least with notice_id and bill_id."""
        found: list[Mapping[str, object]] = (await self._tell("payments", {}))["payments"]
        return found

    async def break_down(self) -> None:
        """Be out of order: every question and every notice fails from now on."""
        (self._folder / "broken").touch()

    async def hang(self) -> None:
        """Take far longer than anybody waits, from now on."""
        (self._folder / "hanging").touch()

    async def mend(self) -> None:
        """Work again."""
        (self._folder / "broken").unlink(missing_ok=True)
        (self._folder / "hanging").unlink(missing_ok=True)

    async def _tell(self, verb: str, document: Mapping[str, object]) -> dict[str, Any]:
        """Do as the shop's own people do: run the program by hand."""

        def run() -> dict[str, Any]:
            done = subprocess.run(
                [sys.executable, "-I", str(EXAMPLES / "shop.py"), str(self._books), verb],
                input=json.dumps(document),
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            answer: dict[str, Any] = json.loads(done.stdout)
            return answer

        return await asyncio.to_thread(run)
