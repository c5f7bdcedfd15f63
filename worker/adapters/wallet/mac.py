"""Sign requests as the vendor asks: HTTP MAC with HMAC-SHA-256.

What is signed is what leaves: the target's raw bytes and the body's bytes. A timestamp and a
nonce serve one attempt and no other. It never signs for another host than the configured one,
and the key never shows in a repr, an exception or a log.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Generator
from typing import Final
from urllib.parse import quote

import httpx

DOCUMENTED_PORT: Final = 443
"""The authentication page signs this port always; the vendor's clients sign the URL's own."""

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class MacAuth(httpx.Auth):
    """Sign for one host with one key.

    `now` gives the server's Unix time as far as it is known.
    """

    def __init__(
        self,
        *,
        client_id: str,
        mac_key: str,
        base_url: httpx.URL,
        now: Callable[[], float],
        port: int | None = None,
    ) -> None:
        if not _is_quotable(client_id):
            raise ValueError("a client id is printable text without quotes and backslashes")
        if not mac_key:
            raise ValueError("the MAC key is empty")
        self._client_id = client_id
        self._key = mac_key.encode()
        self._origin = _origin(base_url)
        self._host = _signed_host(base_url)
        self._now = now
        self.port = port if port is not None else effective_port(base_url)

    def __repr__(self) -> str:
        return f"MacAuth(client_id={self._client_id!r}, host={self._host!r}, port={self.port})"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the Authorization header on a request, made for this one attempt."""
        if _origin(request.url) != self._origin:
            raise RuntimeError("a signature is only ever made for the configured host")
        request.headers["Authorization"] = self.header(
            method=request.method,
            target=request.url.raw_path,
            body=request.content,
            ts=str(int(self._now())),
            nonce=secrets.token_hex(16),
        )
        yield request

    def header(self, *, method: str, target: bytes, body: bytes, ts: str, nonce: str) -> str:
        """Give the header's value for the facts of one attempt."""
        ext = f"body_hash={_body_hash(body)}" if body else ""
        text = (
            f"{ts}\n{nonce}\n{method.upper()}\n{target.decode('ascii')}\n"
            f"{self._host}\n{self.port}\n{ext}\n"
        )
        mac = base64.b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode()
        head = f'MAC id="{self._client_id}", ts="{ts}", nonce="{nonce}", mac="{mac}"'
        return f'{head}, ext="{ext}"' if ext else head


def effective_port(url: httpx.URL) -> int:
    """Give the port that a request to this URL goes to."""
    return url.port or _DEFAULT_PORTS.get(url.scheme, DOCUMENTED_PORT)


def _body_hash(body: bytes) -> str:
    return quote(base64.b64encode(hashlib.sha256(body).digest()), safe="")


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


def _signed_host(url: httpx.URL) -> str:
    host = url.raw_host.decode("ascii").lower()
    return f"[{host}]" if ":" in host else host


def _is_quotable(text: str) -> bool:
    return bool(text) and all(" " <= char <= "~" and char not in '"\\' for char in text)
