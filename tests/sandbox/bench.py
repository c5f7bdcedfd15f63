"""A client that signs by hand, for the sandbox's tests.

It is written from the published rules with the standard library alone, so that it shares no code
with the sandbox's verifier nor with the worker's signer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from worker.sandbox import Sandbox

CLIENT_ID = "wkVd93h2uS"
KEY = "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU"
BASE = "/rest/v1"
EUR_TWELVE_FIFTY = {"description": "Table 1", "price": 1250, "currency": "EUR"}

_nonces = itertools.count(1)


def body_hash(body: bytes) -> str:
    """Write a body's hash as it stands in ext."""
    return quote(base64.b64encode(hashlib.sha256(body).digest()).decode(), safe="")


@dataclass
class Signer:
    """Makes an Authorization header; every part can be bent."""

    client_id: str = CLIENT_ID
    key: str = KEY
    host: str = "127.0.0.1"
    port: int = 443
    ext_extra: str = ""  # appended behind body_hash, with its ampersand
    always_ext: bool = False

    def header(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        ts: int | str | None = None,
        nonce: str | None = None,
        ext: str | None = None,
    ) -> str:
        """Sign a request."""
        ts = str(int(time.time()) if ts is None else ts)
        nonce = f"nonce{next(_nonces):027d}" if nonce is None else nonce
        if ext is None:
            ext = (f"body_hash={body_hash(body)}" if body else "") + self.ext_extra
        lines = (ts, nonce, method, target, self.host, str(self.port), ext)
        text = "".join(f"{line}\n" for line in lines)
        mac = hmac.new(self.key.encode(), text.encode(), hashlib.sha256).digest()
        header = (
            f'MAC id="{self.client_id}", ts="{ts}", nonce="{nonce}", '
            f'mac="{base64.b64encode(mac).decode()}"'
        )
        return f'{header}, ext="{ext}"' if ext or self.always_ext else header


@dataclass
class Bench:
    """A sandbox and a merchant's signed calls to it."""

    http: httpx.AsyncClient
    served: Sandbox | None = None  # only when it runs in this process
    signer: Signer = field(default_factory=Signer)
    base: str = BASE

    @property
    def sandbox(self) -> Sandbox:
        """Give the sandbox itself, when it runs in this process."""
        assert self.served is not None
        return self.served

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        signer: Signer | None = None,
        **bent: Any,
    ) -> httpx.Response:
        """Send a signed vendor call; a body that is not bytes is written as JSON."""
        target = f"{self.base}/{path}"
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        header = (signer or self.signer).header(method, target, raw, **bent)
        headers = {"authorization": header}
        if raw:
            headers["content-type"] = "application/json"
        url = httpx.URL(f"http://{self.signer.host}").copy_with(
            port=self.http.base_url.port, raw_path=target.encode()
        )
        return await self.http.request(method, url, content=raw or None, headers=headers)

    async def ok(self, method: str, path: str, body: Any = None, **bent: Any) -> Any:
        """Send a signed vendor call that must succeed, and read its answer."""
        answer = await self.call(method, path, body, **bent)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a control call."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return await self.http.request(method, f"/_sandbox/{path}", content=content)

    async def told(self, method: str, path: str, body: Any = None) -> Any:
        """Send a control call that must succeed, and read its answer."""
        answer = await self.control(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # What the tests do over and over

    async def scan(self, identifier: str = "table1", **body: Any) -> int:
        """Seat a guest and give the spot's id."""
        answer = await self.told("POST", f"spots/{quote(identifier, safe='')}/scan", body)
        return int(answer["spot"]["id"])

    async def create(self, **fields: Any) -> str:
        """Make a transaction and give its key."""
        body = {"payments": [EUR_TWELVE_FIFTY], "reserve": {"for": 900}, **fields}
        answer = await self.ok("POST", "transaction", body)
        return str(answer["transaction_key"])

    async def offered(self, identifier: str = "table1", **fields: Any) -> tuple[int, str]:
        """Seat a guest who is shown a new transaction; give the spot's id and the key."""
        spot_id = await self.scan(identifier)
        key = await self.create(**fields)
        await self.ok("POST", f"spot/{spot_id}/order", {"transaction_key": key})
        return spot_id, key

    async def reserved(self, identifier: str = "table1", **fields: Any) -> tuple[int, str]:
        """Seat a guest who has agreed to pay; give the spot's id and the key."""
        spot_id, key = await self.offered(identifier, **fields)
        await self.told("POST", f"transactions/{key}/reserve")
        return spot_id, key

    async def status(self, key: str) -> str:
        """Look at a transaction's status."""
        return str((await self.ok("GET", f"transaction/{key}"))["status"])

    async def violations(self) -> list[str]:
        """Give the kinds of what the ledger finds wrong."""
        ledger = await self.told("GET", "ledger")
        return [one["kind"] for one in ledger["violations"]]

    async def last_request(self) -> dict[str, Any]:
        """Give the journal's last entry."""
        report = await self.told("GET", "requests")
        return dict(report["requests"][-1])
