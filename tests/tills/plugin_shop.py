"""A shop with the cash register of docs/examples, whose connector is installed by pip for real."""

import atexit
import fcntl
import functools
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from worker.adapters.till import plugin
from worker.adapters.till.connector import Connector, Document

PACKAGE = Path(__file__).parents[2] / "docs" / "examples" / "till-plugin"
LOCATIONS = (9975, 9976)


@functools.cache
def installed() -> Path:
    """Install the example once; from what is here, without asking anybody for anything."""
    target = Path(tempfile.mkdtemp(prefix="till-plugin-"))
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    command += ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*command, str(PACKAGE)], check=True, timeout=100)
    return target


class PluginShop:
    """The register's own program, as far as books go, and the plug-in that leads to it."""

    kind = "plugin"
    knows_ids = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "register"
        self._away = folder / "register.away"
        self._held: list[int] = []
        self._connector: Connector | None = None

    async def open(self) -> None:
        """Install the plug-in, and load it by its name."""
        self._folder.mkdir()
        sys.path.insert(0, str(installed()))
        importlib.invalidate_caches()
        self._connector = plugin.load("cash-register", {"folder": str(self._folder)})

    async def close(self) -> None:
        """Let go of every file, and forget the package."""
        self._let_go()
        assert self._connector is not None
        await self._connector.aclose()
        sys.path.remove(str(installed()))
        sys.modules.pop("cash_register_till", None)

    def connector(self) -> Connector:
        """Give what was loaded."""
        assert self._connector is not None, "open the shop first"
        return self._connector

    async def owe(self, location_id: int, spot: str, *documents: Document) -> None:
        """Replace the open bills of a spot in the register's books."""

        def replace(books: dict[str, Any]) -> None:
            others = [bill for bill in books["bills"] if bill["spot"] != spot]
            books["bills"] = others + [{**document, "spot": spot} for document in documents]

        self._change(location_id, replace)

    async def payments(self) -> Sequence[Mapping[str, object]]:
        """Read the payments of every location's books."""
        books = [json.loads(path.read_text()) for path in self._folder.glob("register-*.json")]
        return [payment for each in books for payment in each["payments"]]

    async def break_down(self) -> None:
        """The register's disk is unplugged."""
        self._folder.rename(self._away)

    async def hang(self) -> None:
        """The register's own program holds its books and does not let go."""
        for location_id in LOCATIONS:
            await self.hang_at(location_id)

    async def hang_at(self, location_id: int) -> None:
        """The same at one location only."""
        lock = self._folder / f"register-{location_id}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        self._held.append(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    async def mend(self) -> None:
        """Plug it in, or let go."""
        self._let_go()
        if self._away.exists():
            self._away.rename(self._folder)

    def _let_go(self) -> None:
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()

    def _change(self, location_id: int, change: Callable[[dict[str, Any]], None]) -> None:
        """Change a location's books as the register does: under the lock, and whole."""
        path = self._folder / f"register-{location_id}.json"
        with path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            books: dict[str, Any] = {"bills": [], "payments": [], "locks": {}}
            if path.exists():
                books = json.loads(path.read_text())
            change(books)
            draft = path.with_suffix(".draft")
            draft.write_text(json.dumps(books))
            draft.replace(path)
