"""Tell what a failed call means: nothing was sent, nobody knows, or the wallet said no.

Everything that is not certain is Unknown. It never raises and never decides what to do next.
"""

from dataclasses import dataclass
from typing import Final

import httpx

from worker.adapters.wallet import shapes, wire
from worker.domain.outcome import Refusal, Refused, Unknown, Unsent

NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
)
"""Errors that come up before the first byte of a request leaves."""

_REFUSALS: Final = {
    400: Refusal.INVALID,
    401: Refusal.CREDENTIALS,
    403: Refusal.CREDENTIALS,
    404: Refusal.MISSING,
    409: Refusal.STATE,
    410: Refusal.MISSING,
    429: Refusal.THROTTLED,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer, whoever gave it."""

    status: int
    body: bytes
    retry_after: str = ""

    def is_yes(self) -> bool:
        """Tell whether the status is one of success."""
        return 200 <= self.status < 300


class HeldBack(Unsent):
    """It did not leave because of our own budget, which says nothing about the network."""


def of_error(error: Exception, *, has_left: bool) -> Unknown | Unsent:
    """Tell what an error means. `has_left`: bytes may have left before it came up."""
    if isinstance(error, NEVER_SENT) or not has_left:
        return Unsent(_words(error))
    return Unknown(_words(error))


def of_no(reply: Reply, *, is_write: bool) -> Refused | Unknown:
    """Tell what an answer other than success means."""
    status = reply.status
    if 300 <= status < 400:
        return _of_redirect(status, is_write=is_write)
    told = wire.read_refusal(reply.body)
    if status == 501 and not is_write:
        return Refused(Refusal.INVALID, status, "", "the wallet has no such call")
    if not 400 <= status < 500 or status in shapes.UNDECIDED_STATUSES:
        return Unknown(f"HTTP {status}")
    if told is None and not shapes.is_believed_without_words(status, is_write=is_write):
        return Unknown(f"HTTP {status} without the wallet's error object")
    code, description = told or ("", "")
    if shapes.is_throttled(status, code):
        return Refused(Refusal.THROTTLED, status, code, description)
    return Refused(_REFUSALS.get(status, Refusal.INVALID), status, code, description)


def _of_redirect(status: int, *, is_write: bool) -> Refused | Unknown:
    if status == 303 and is_write:
        return Unknown("HTTP 303: done perhaps, with the answer elsewhere")
    return Refused(Refusal.INVALID, status, "", "redirect to another address is not followed")


def _words(error: Exception) -> str:
    """Name an error. A LocalProtocolError may quote our own headers, so only its name is given."""
    name = type(error).__name__
    text = "" if isinstance(error, httpx.LocalProtocolError) else str(error)
    if isinstance(error, TimeoutError) and not text:
        text = "no complete answer in time"
    return f"{name}: {wire.printable(text, 160)}" if text else name
