"""A small server: the documents' example, with its books in a SQLite file."""

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from worker.verbs.demo.till.counterpart import LOCATION, Payment, bill, example, payment

START_S: Final = 20


class HttpCounterpart:
    """A shop that answers calls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._books = folder / "shop.db"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server; it has one line to say where it listens."""
        token = secrets.token_hex(32)
        signing_secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        said = self._folder / "said"
        with said.open("wb") as output:
            self._server = subprocess.Popen(
                self._command("serve", "--port", "0"),
                env=os.environ | {"SHOP_TOKEN": token, "SHOP_SIGNING_SECRET": signing_secret},
                stdin=subprocess.DEVNULL,
                stdout=output,
                start_new_session=True,
            )
        address = self._address(said)
        return (
            f'[till]\nkind = "http"\nurl = "{address}"\ntoken = "{token}"\n'
            f'signing_secret = "{signing_secret}"\nlock = true\n'
        )

    def seat(self, table: str, bill_id: str, amount_minor: int) -> None:
        """Give the table another bill, as the shop's people do at the shell."""
        path = self._folder / f"{bill_id}.json"
        path.write_text(json.dumps(bill(table, bill_id, amount_minor)))
        # It refuses while somebody is paying, and that is as it should be.
        subprocess.run(
            self._command("owe", str(LOCATION), table, str(path)),
            capture_output=True,
            timeout=30,
            check=False,
        )

    def books(self) -> Sequence[Payment]:
        """List the payments, as the shop's people do."""
        done = subprocess.run(
            self._command("payments"), capture_output=True, text=True, timeout=30, check=True
        )
        return [payment(json.loads(line)) for line in done.stdout.splitlines()]

    def stop(self) -> None:
        """Stop the server."""
        if self._server is None:
            return
        self._server.terminate()
        self._server.wait(timeout=12)

    def _address(self, said: Path) -> str:
        """Wait until the server says where it listens."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            _, found, rest = said.read_text().partition("listening on ")
            if found and rest.endswith("\n"):
                return rest.splitlines()[0]
            time.sleep(0.05)
        raise RuntimeError(f"the shop's server did not start: {said.read_text()!r}")

    def _command(self, *arguments: str) -> list[str]:
        program = example("shop-http", "shop.py")
        return [sys.executable, str(program), "--books", str(self._books), *arguments]
