"""Who is let in, decided from a request's head alone.

The door is on loopback, yet every page that the operator's browser has open can knock on it. So a
name that is not ours is turned away, which is what stops DNS rebinding (the attacker's page calls
us by the attacker's name), and so is everything that says it comes from another page.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HEAD_BYTES_MAX: Final = 64 * 1024
METHODS: Final = ("GET", "HEAD")
OPEN_PATHS: Final = frozenset({"/livez"})
SHELL_PATHS: Final = frozenset({"/", "/page.css", "/page.js", "/icon.svg"})
"""The page without a figure in it; it asks for the token and then sends it with each question."""

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is turned away."""

    status: int
    sentence: str
    headers: tuple[tuple[str, str], ...] = ()


class Guard:
    """The rules of one door."""

    def __init__(self, *, port: int, token: str | None) -> None:
        """Guard a port. With a token, every figure is told to its holder alone."""
        names = ("127.0.0.1", "[::1]", "localhost")
        self._hosts = frozenset(f"{name}:{port}".encode() for name in names)
        if port == 80:
            self._hosts |= {name.encode() for name in names}
        self._token = None if token is None else token.encode()

    def refuse(self, method: str, path: str, headers: Headers) -> Refusal | None:
        """Say why a request is not answered; None: it may be."""
        given: dict[bytes, list[bytes]] = {}
        size = len(path)
        for name, value in headers:
            size += len(name) + len(value)
            given.setdefault(name.lower(), []).append(value.strip())
        if size > HEAD_BYTES_MAX:  # One that came at once is whole before anybody can measure it.
            return Refusal(431, "The head of this request is too long: 64 KiB at most.")
        hosts = given.get(b"host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return Refusal(
                421,
                "This address is not served here: ask for 127.0.0.1, [::1] or localhost and the "
                "port. A reverse proxy must send such a Host header.",
            )
        if b"origin" in given or given.get(b"sec-fetch-site", [b"none"])[0] == b"cross-site":
            return Refusal(403, "Requests that come from another page are not answered.")
        if method not in METHODS:
            allowed = (("Allow", ", ".join(METHODS)),)
            return Refusal(405, "There is nothing to change here: GET and HEAD only.", allowed)
        if has_body(given):
            return Refusal(413, "A question has no body here, and one is not read.")
        if path not in OPEN_PATHS | SHELL_PATHS and not self._is_known(given):
            return Refusal(
                401,
                "The token is missing or wrong: send Authorization: Bearer and the value of "
                "listener.token.",
                (("WWW-Authenticate", "Bearer"),),
            )
        return None

    def _is_known(self, given: dict[bytes, list[bytes]]) -> bool:
        if self._token is None:
            return True
        shown = given.get(b"authorization", [])
        scheme, _, token = shown[0].partition(b" ") if len(shown) == 1 else (b"", b"", b"")
        is_same = hmac.compare_digest(token.strip(), self._token)
        return is_same and scheme.lower() == b"bearer"


def has_body(given: dict[bytes, list[bytes]]) -> bool:
    """Tell whether a request announces a body."""
    lengths = given.get(b"content-length", [])
    return b"transfer-encoding" in given or any(length != b"0" for length in lengths)
