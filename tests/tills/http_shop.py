"""A shop behind HTTP: the reference shop of the documents as a real process, and real sockets."""

import asyncio
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.rig.proxy import HostedProxy, Mode, Weather, hosted
from worker.adapters.clock import SystemClock
from worker.adapters.till.connector import Connector, Document
from worker.adapters.till.http import TIME_LIMIT_S, HttpTill

PROGRAM: Final = Path(__file__).parents[2] / "docs/examples/shop-http/shop.py"
TOKEN: Final = "tok-of-the-reference-shop"
SIGNING_SECRET: Final = "whsec_dGhpcnR5LXR3byBieXRlcyBvZiBhIHRlc3Qgc2VjcmV0"
HALL: Final = 9975
START_S: Final = 20.0


def program() -> ModuleType:
    """Load the reference shop's file as a module."""
    spec = importlib.util.spec_from_file_location("reference_shop", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class HttpShop:
    """The reference shop in a process of its own, behind a proxy that can mistreat its line.

    Its own people, who open bills and read payments, work on the same books as the process does.

    Args:
        time_limit_s: how long the connector waits for an answer.
        lock: whether the connector is told that the shop can lock bills.

    """

    kind = "http"
    knows_ids = True

    def __init__(self, *, time_limit_s: float = TIME_LIMIT_S, lock: bool = True) -> None:
        self._time_limit_s = time_limit_s
        self._lock = lock
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._proxy: HostedProxy | None = None
        self._till: HttpTill | None = None
        self._home = Path()
        self._books: Any = None

    async def open(self) -> None:
        """Start the process, and the proxy before it."""
        self._home = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._books = program().Books(str(self._home / "shop.db"))
        heard = self._stack.enter_context((self._home / "heard").open("wb"))
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-I", str(PROGRAM)),
                *("--books", str(self._home / "shop.db"), "serve", "--port", "0"),
            ],
            stdout=heard,
            stderr=subprocess.STDOUT,
            env={"SHOP_TOKEN": TOKEN, "SHOP_SIGNING_SECRET": SIGNING_SECRET},
        )
        port = await self._port()
        self._proxy = self._stack.enter_context(hosted(port))

    async def close(self) -> None:
        """Let go of the connector and end the process."""
        if self._till is not None:
            await self._till.aclose()
            self._till = None
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
        self._stack.close()

    @property
    def url(self) -> str:
        """Where the connector finds the shop."""
        assert self._proxy is not None, "the shop is not open"
        return f"http://127.0.0.1:{self._proxy.port}"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def connector(self) -> Connector:
        """Give the connector to this shop."""
        if self._till is None:
            self._till = HttpTill(
                url=self.url,
                token=TOKEN,
                signing_secret=SIGNING_SECRET,
                lock=self._lock,
                clock=SystemClock(),
                check_location=HALL,
                time_limit_s=self._time_limit_s,
            )
        return self._till

    async def owe(self, location_id: int, spot: str, *documents: Document) -> None:
        """Make these the open bills of a spot."""
        await asyncio.to_thread(self._books.owe, location_id, spot, documents)

    async def payments(self) -> Sequence[Mapping[str, object]]:
        """Read the payments in the shop's books."""
        found: Sequence[Mapping[str, object]] = await asyncio.to_thread(self._books.payments)
        return found

    async def break_down(self) -> None:
        """Close the port, and break every connection."""
        self._change(Mode.REFUSE)

    async def hang(self) -> None:
        """Lose every answer, although what was asked for is done: the worst way to hang."""
        self._change(Mode.SWALLOW_DOWN)

    async def mend(self) -> None:
        """Let everything through again."""
        self._change(Mode.PASS)

    def said(self) -> str:
        """What the process printed so far."""
        return (self._home / "heard").read_text()

    def _change(self, mode: Mode) -> None:
        assert self._proxy is not None, "the shop is not open"
        self._proxy.change(Weather(mode))

    async def _port(self) -> int:
        loop = asyncio.get_running_loop()
        until = loop.time() + START_S
        while loop.time() < until and self.is_running:
            _, _, after = self.said().partition("listening on http://127.0.0.1:")
            if after.endswith("\n"):
                return int(after)
            await asyncio.sleep(0.02)
        raise AssertionError(f"the reference shop does not start: {self.said()}")
