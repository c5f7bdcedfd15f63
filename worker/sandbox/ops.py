"""The vendor's endpoints: their names here, their methods, their paths.

Paths are matched on the bytes as received, each segment decoded on its own, so that an identifier
may hold a slash or a newline. The base paths are those that the vendor's documents name.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

PREFIXES = ("/rest/v1/", "/epapi/v1/")

ROUTES = (
    ("server.get", "GET", "server"),
    ("spots.list", "GET", "spots"),
    ("spot.find", "GET", "spot"),
    ("spot.get", "GET", "spot/*"),
    ("spot.check_in", "PUT", "spot/*/check-in"),
    ("spot.check_out", "PUT", "spot/*/check-out"),
    ("spot.close", "DELETE", "spot/*"),
    ("order.create", "POST", "spot/*/order"),
    ("order.get", "GET", "spot/*/order/*"),
    ("order.update", "PUT", "spot/*/order/*"),
    ("order.delete", "DELETE", "spot/*/order/*"),
    ("transaction.create", "POST", "transaction"),
    ("transaction.get", "GET", "transaction/*"),
    ("transactions.list", "GET", "transactions"),
    ("transaction.confirm", "PUT", "transaction/*/confirm"),
    ("transaction.revoke", "DELETE", "transaction/*"),
    ("transaction.reserve", "PUT", "transaction/*/reserve"),
    ("transaction.reserve", "PUT", "transaction/*/reserve/*"),
    ("payment.get", "GET", "payment/*"),
    ("payment.cancel", "DELETE", "payment/*"),
    ("locations.list", "GET", "locations"),
    ("project.locations", "GET", "project/*/locations"),
)
OPS = frozenset(op for op, _, _ in ROUTES)
LIST_OPS = frozenset({"spots.list", "transactions.list"})
PUBLIC_OPS = frozenset({"server.get", "locations.list"})  # answered without a signature
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Match:
    """An endpoint and the decoded variable parts of its path."""

    op: str
    params: tuple[str, ...]


_PATTERNS = [(op, method, pattern.split("/")) for op, method, pattern in ROUTES]


def match(method: str, raw_path: str) -> Match | None:
    """Find the endpoint that a raw path and a method name, if there is one."""
    segments = split(raw_path)
    for op, wanted, pattern in _PATTERNS:
        if wanted == method and _fits(pattern, segments):
            found = zip(pattern, segments, strict=True)
            return Match(op, tuple(unquote(given) for part, given in found if part == "*"))
    return None


def methods(raw_path: str) -> list[str]:
    """Give the methods that a raw path is known for."""
    segments = split(raw_path)
    return sorted({method for _, method, pattern in _PATTERNS if _fits(pattern, segments)})


def split(raw_path: str) -> list[str]:
    """Cut what follows the base path into segments; empty when the base is not one of ours."""
    for prefix in PREFIXES:
        if raw_path.startswith(prefix):
            return raw_path[len(prefix) :].split("/")
    return []


def _fits(pattern: list[str], segments: list[str]) -> bool:
    return len(pattern) == len(segments) and all(
        given if part == "*" else part == given
        for part, given in zip(pattern, segments, strict=True)
    )
