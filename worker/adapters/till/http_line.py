"""Carry a question to a shop's endpoint and its whole answer back, or say why that failed.

Every location has its own few connections, so that one shop that hangs can not use up another's.
Nothing is followed, kept, unpacked or repeated here, and no proxy of the environment is asked.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from worker.adapters.lanes import NETWORK_TROUBLE, AnswerEncoded, AnswerTooLarge, Lanes
from worker.adapters.till.connector import Refused, TillError
from worker.adapters.till.text import one_line

LANES_MAX: Final = 4
"""Questions that may be out at one location at once; further ones wait their turn."""

BODY_BYTES_MAX: Final = 1024 * 1024
TEXT_CHARS_MAX: Final = 200
_OF_THIS_ONE: Final = (AnswerTooLarge, httpx.InvalidURL, UnicodeError)
"""Troubles of one spot or bill at an endpoint that answers."""
_HEADERS_KEPT: Final = frozenset({b"content-type", b"location"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer, whatever it says."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    """The media type in lower case, with its parameters; "": none was given."""
    leads_to: str = ""
    """Where a redirect points; it is only ever shown."""


class _Road:
    """The connections to one location, and the turns on them."""

    __slots__ = ("lanes", "turns")

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.turns = asyncio.Semaphore(LANES_MAX)


class Line:
    """The way to one endpoint.

    Args:
        url: where the endpoint's paths begin, without a slash at the end.
        tls: how it proves itself, and we to it; None: it is asked without TLS.
        headers: what goes with each question.
        time_limit_s: how long a question may take from first to last, waiting for a turn included.

    """

    def __init__(
        self,
        *,
        url: str,
        tls: ssl.SSLContext | None,
        headers: Mapping[str, str],
        time_limit_s: float,
    ) -> None:
        self._url = url
        self._tls = tls
        self._headers = dict(headers)
        self._time_limit_s = time_limit_s
        self._roads: dict[int, _Road] = {}
        self._is_closed = False

    async def carry(
        self,
        location_id: int,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask once.

        Raises:
            Refused: this question can not be written, or its answer is too large to be read.
            TillError: no complete answer came, and why.

        """
        if self._is_closed:
            raise TillError("the worker is letting go of the till")
        own = {"Content-Type": "application/json"} if body is not None else {}
        has_turn = False
        try:
            request = httpx.Request(
                method,
                self._url + target,
                headers={**self._headers, **own, **(headers or {})},
                content=body,
                extensions={"timeout": httpx.Timeout(self._time_limit_s).as_dict()},
            )
            road = self._road_to(location_id)
            async with asyncio.timeout(self._time_limit_s), road.turns:
                has_turn = True
                response = await road.lanes.handle_async_request(request)
            return Reply(
                response.status_code,
                response.content,
                response.headers.get("content-type", "").strip().lower(),
                response.headers.get("location", ""),
            )
        except (TimeoutError, httpx.TimeoutException):
            raise TillError(self._late(has_turn=has_turn)) from None
        except NETWORK_TROUBLE as error:
            why = _why(error, is_tls=self._tls is not None)
            raise (Refused if isinstance(error, _OF_THIS_ONE) else TillError)(why) from None

    async def aclose(self) -> None:
        """Close what is idle now, and what is busy as soon as it is let go of; wait for nobody."""
        self._is_closed = True
        roads, self._roads = self._roads, {}
        for road in roads.values():
            await road.lanes.aclose()

    def _road_to(self, location_id: int) -> _Road:
        road = self._roads.get(location_id)
        if road is None:
            lanes = Lanes(
                count=LANES_MAX,
                is_tls=self._tls is not None,
                tls=self._tls,
                body_bytes_max=BODY_BYTES_MAX,
                headers_kept=_HEADERS_KEPT,
            )
            road = self._roads[location_id] = _Road(lanes)
        return road

    def _late(self, *, has_turn: bool) -> str:
        if has_turn:
            return f"it has given no complete answer within {self._time_limit_s:g} s"
        return (
            f"{LANES_MAX} earlier questions for this location are still without an answer after "
            f"{self._time_limit_s:g} s, and no more are sent at once"
        )


def tls_context(
    *, ca_file: Path | None, client_cert: Path | None, client_key: Path | None
) -> ssl.SSLContext:
    """Make the rules of a TLS line: certificates and names are always checked.

    Args:
        ca_file: the authorities to trust instead of the system's, as PEM; None: the system's.
        client_cert: the certificate that we show, as PEM; None: none.
        client_key: the key that belongs to it.

    Raises:
        TillError: a file can not be read or used, and which.

    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise TillError(f"till.ca_file {ca_file} can not be used: {_file_words(error)}") from None
    if client_cert is None:
        return context
    try:
        context.load_cert_chain(client_cert, client_key, password=_no_password)
    except _LockedKey:
        raise TillError(
            f"till.client_key {client_key} is locked with a pass phrase, and nobody is there to "
            "type it: give the worker a key without one that it alone can read"
        ) from None
    except OSError as error:
        raise TillError(
            f"till.client_cert {client_cert} and till.client_key {client_key} can not be used "
            f"together: {_file_words(error)}"
        ) from None
    return context


class _LockedKey(Exception):
    """A key that asks for a pass phrase."""


def _no_password() -> str:
    raise _LockedKey


def _file_words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return error.strerror or type(error).__name__


def _why(error: Exception, *, is_tls: bool) -> str:
    """Say what went wrong on the way, as far as it can be known, and what to look at."""
    match error:
        case AnswerTooLarge():
            return f"its answer is larger than {BODY_BYTES_MAX} bytes"
        case AnswerEncoded():
            return "its answer is packed although plain bytes were asked for"
        case httpx.InvalidURL() | UnicodeError():
            return "the spot or the bill's id can not be written into an address"
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return f"its host name can not be resolved ({cause.strerror}); check till.url"
            case ssl.SSLCertVerificationError():
                told = one_line(cause.verify_message, TEXT_CHARS_MAX)
                return f"its certificate can not be trusted: {told}"
            case ssl.SSLWantReadError() | ssl.SSLWantWriteError():
                pass  # How TLS waits for the other side; never what went wrong.
            case ssl.SSLError():
                return _tls_words(cause)
            case ConnectionRefusedError():
                return "nothing listens there; is the shop's program running, is the port right?"
    text = one_line(str(error), TEXT_CHARS_MAX)
    if isinstance(error, httpx.LocalProtocolError):
        text = ""  # It may quote our own headers, and with them the token.
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, httpx.ConnectError):
        return f"no connection can be made ({told})"
    hint = ""
    if is_tls and isinstance(error, httpx.NetworkError):
        # The alert that would say so is often lost with the connection (RFC 8446 6.2).
        hint = "; a shop that does not accept till.client_cert, or misses one, ends it like this"
    return f"the connection broke or carried something else than HTTP ({told}){hint}"


def _tls_words(error: ssl.SSLError) -> str:
    reason = str(getattr(error, "reason", "") or "")
    if "ALERT" in reason and any(word in reason for word in ("CERTIFICATE", "CA", "HANDSHAKE")):
        return (
            f"it does not accept who we are ({reason.replace('_', ' ').lower()}): check "
            "till.client_cert and till.client_key"
        )
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return "it does not speak TLS there; check till.url"
    return f"no TLS can be agreed on ({one_line(reason or str(error), TEXT_CHARS_MAX)})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and everything that led to it, whoever wrapped it."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        waiting.extend(cause for cause in (one.__cause__, one.__context__) if cause is not None)
