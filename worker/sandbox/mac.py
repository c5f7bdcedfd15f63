"""Check the signature of a request, from the vendor's documents alone.

This is deliberately a second implementation, written from the rules and sharing nothing with any
client: a misreading must not be able to pass on both sides. It never signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import parse_qsl

from .errors import VendorError

WINDOW_S = 300
NONCES_KEPT = 100_000
DEFAULT_PORTS = (443, 80)

_ATTRIBUTE = re.compile(r'\s*([a-z]+)="([^"]*)"\s*(?:,|$)')
_NONCE = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")
_REQUIRED = ("id", "ts", "nonce", "mac")


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers, exactly as it was received."""

    method: str
    target: str  # path and query, byte for byte
    host: str  # the Host header
    body: bytes
    authorization: str | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """The header's attributes."""

    id: str
    ts: str
    nonce: str
    mac: str
    ext: str


def parse(header: str | None) -> Credentials:
    """Read an Authorization header; attributes may come in any order and `ext` may be absent."""
    if not header:
        raise _unauthorized("the Authorization header is missing")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "mac":
        raise _unauthorized("the authorization scheme is not MAC")
    found: dict[str, str] = {}
    at = 0
    while at < len(rest):
        match = _ATTRIBUTE.match(rest, at)
        if match is None or match[1] in found or match[1] not in (*_REQUIRED, "ext"):
            raise _unauthorized("the Authorization header cannot be read")
        found[match[1]] = match[2]
        at = match.end()
    missing = [name for name in _REQUIRED if not found.get(name)]
    if missing:
        raise _unauthorized(f"the Authorization header lacks {missing[0]}")
    return Credentials(ext=found.pop("ext", ""), **found)


def parameters(ext: str) -> dict[str, str]:
    """Read ext as a query string. Mobile clients begin it with a stray ampersand."""
    return dict(parse_qsl(ext, keep_blank_values=True))


def normalised(given: Credentials, request: SignedRequest, host: str, port: int) -> bytes:
    """Build the text that the signature is made over: seven values, each ended by a newline."""
    values = (
        given.ts,
        given.nonce,
        request.method.upper(),
        request.target,
        host.lower(),
        str(port),
        given.ext,
    )
    return "".join(value + "\n" for value in values).encode("latin-1")


def split_host(header: str) -> tuple[str, int | None]:
    """Separate a Host header into its name and its port, if it has one."""
    match = re.fullmatch(r"(.*?)(?::(\d{1,5}))?", header.strip(), re.DOTALL)
    if match is None:  # Unreachable for a header value; kept so that a bad one is a refusal.
        raise _unauthorized("the Host header cannot be read")
    return match[1], int(match[2]) if match[2] else None


class Verifier:
    """Knows the client's key and which nonces it has spent."""

    def __init__(self, client_id: str, key: str) -> None:
        self._client_id = client_id
        self._key = key.encode()
        self._spent: OrderedDict[str, str] = OrderedDict()  # nonce -> ts of its last use
        self.repeated_nonces: list[str] = []

    def verify(self, request: SignedRequest, wall: float) -> dict[str, str]:
        """Return the ext parameters of a rightly signed request, or refuse it."""
        given = parse(request.authorization)
        if not hmac.compare_digest(given.id.encode(), self._client_id.encode()):
            raise _unauthorized("the client is not known")
        if not self._signed(given, request):
            raise _unauthorized("the mac does not match the request")
        ext = parameters(given.ext)
        _check_body(ext.pop("body_hash", None), request.body)
        _check_time(given.ts, wall)
        self._spend(given)
        return ext

    def _signed(self, given: Credentials, request: SignedRequest) -> bool:
        # The documents say 443, one library signs the port of the address and another the scheme's
        # default, so each of the three is good.
        host, port = split_host(request.host)
        ports = DEFAULT_PORTS if port is None else (port, *DEFAULT_PORTS)
        for candidate in ports:
            text = normalised(given, request, host, candidate)
            digest = hmac.new(self._key, text, hashlib.sha256).digest()
            if hmac.compare_digest(base64.b64encode(digest), given.mac.encode("latin-1")):
                return True
        return False

    def _spend(self, given: Credentials) -> None:
        if _NONCE.fullmatch(given.nonce) is None:
            raise _unauthorized("the nonce holds a character that is not allowed")
        before = self._spent.get(given.nonce)
        if before is not None:
            self.repeated_nonces.append(given.nonce)
            if before == given.ts:
                raise _unauthorized("the nonce was used before")
        self._spent[given.nonce] = given.ts
        while len(self._spent) > NONCES_KEPT:
            self._spent.popitem(last=False)


def _check_body(body_hash: str | None, body: bytes) -> None:
    if body_hash is None and not body:
        return
    expected = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if body_hash is None:
        raise _unauthorized("the request has a body and its signature has no body_hash")
    if not hmac.compare_digest(body_hash.encode(), expected.encode()):
        raise _unauthorized("body_hash does not match the body")


def _check_time(ts: str, wall: float) -> None:
    if re.fullmatch(r"[0-9]{1,12}", ts) is None:
        raise _unauthorized("ts is not a number of seconds")
    if int(ts) > wall + WINDOW_S:
        raise VendorError(401, "invalid_timestamp", "Timestamp is in future")
    if int(ts) < wall - WINDOW_S:
        raise VendorError(401, "invalid_timestamp", "Timestamp lifetime exceeded")


def _unauthorized(why: str) -> VendorError:
    return VendorError(401, "unauthorized", why)
