"""Carry requests over lanes: transports that hold one connection each.

One pool for many connections slows down with the square of their number and can lose a slot when
a request is cancelled. So each lane has one connection, and a lane is only ever used again after
a complete and clean answer; whatever else happened to it, it is closed and forgotten.

It never keeps a cookie, never follows `Location`, never unpacks a body, and hands up no header
but those that the client needs.
"""

import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Final, Protocol, runtime_checkable

import httpx

KEEPALIVE_S: Final = 20.0
"""Shorter than the idle time after which common front ends hang up."""

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
"""A page of 200 transactions is about 100 kB."""

HEADERS_KEPT: Final = frozenset(
    {b"content-type", b"paysera-correlation-id", b"retry-after", b"x-sandbox"}
)
"""What the wallet's client needs to see of an answer's headers."""

NETWORK_TROUBLE: Final = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    ValueError,
)
"""What a network can do to a call. Some are no TransportError, yet come up after sending; the last
is what is left of a header that is no text."""

_LIMITS: Final = httpx.Limits(
    max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_S
)


class AnswerTooLarge(httpx.RemoteProtocolError):
    """More bytes came than any honest answer has."""


class AnswerEncoded(httpx.DecodingError):
    """The answer is packed although we asked for plain bytes; unpacking could fill the memory."""


class Lanes(httpx.AsyncBaseTransport):
    """A transport over at most `count` one-connection lanes.

    It does not queue: who comes when every lane is busy is told so. Whoever stands in front of it
    lets no more callers in than there are lanes.

    Args:
        count: how many requests may be out at once.
        is_tls: whether what is asked is https.
        tls: how the other side proves itself, and we to it; None: by the system's authorities.
        body_bytes_max: more than that in an answer is an error, found out while it comes in.
        headers_kept: the names, in lower case, of the headers that are handed up.

    """

    def __init__(
        self,
        *,
        count: int,
        is_tls: bool,
        tls: ssl.SSLContext | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
        headers_kept: Collection[bytes] = HEADERS_KEPT,
    ) -> None:
        self._count = count
        self._is_tls = is_tls
        self._tls = _no_tls() if not is_tls else tls or ssl.create_default_context()
        self._body_bytes_max = body_bytes_max
        self._headers_kept = headers_kept
        self._idle: list[httpx.AsyncHTTPTransport] = []
        self._busy = 0
        self._is_closed = False

    @property
    def busy(self) -> int:
        """How many lanes carry a request now."""
        return self._busy

    @property
    def idle(self) -> int:
        """How many lanes wait with their connection kept."""
        return len(self._idle)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its whole answer."""
        if self._is_closed:
            raise httpx.PoolTimeout("the lanes are closed", request=request)
        if self._busy >= self._count:
            raise httpx.PoolTimeout("every lane is busy", request=request)
        # The lane used last is the one whose connection is least likely to have gone stale.
        lane = self._idle.pop() if self._idle else self._open()
        self._busy += 1
        is_clean = False
        opened = _Opened(request) if self._is_tls else None
        try:
            response = await self._whole_answer(lane, request)
            is_clean = True
        finally:
            self._busy -= 1
            if is_clean and not self._is_closed:
                self._idle.append(lane)
            else:
                await _discard(lane)
                if opened is not None:
                    await opened.close()
        return response

    async def aclose(self) -> None:
        """Close the idle lanes now and every busy one when its answer is in."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        for lane in idle:
            await _discard(lane)

    async def _whole_answer(
        self, lane: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        response = await lane.handle_async_request(request)
        headers = response.headers
        if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise AnswerEncoded("the answer is packed", request=request)
        length = headers.get("content-length", "")
        longest = len(str(self._body_bytes_max))
        if length.isascii() and length.isdigit() and len(length) > longest:
            raise AnswerTooLarge("the answer is too large", request=request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        body = await _capped(response.stream.__aiter__(), request, self._body_bytes_max)
        await response.stream.aclose()
        # As bytes: what a broken front end puts there need not be text.
        kept = [(name, value) for name, value in headers.raw if name.lower() in self._headers_kept]
        return httpx.Response(
            response.status_code, headers=kept, content=body, extensions=response.extensions
        )

    def _open(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=self._tls, http1=True, http2=False, limits=_LIMITS, trust_env=False, retries=0
        )


@runtime_checkable
class _Closable(Protocol):
    async def aclose(self) -> None: ...


class _Opened:
    """Remembers the connection that a request opens.

    A call that is cancelled during the TLS handshake belongs to no lane yet: nobody else would ever
    close it.
    """

    def __init__(self, request: httpx.Request) -> None:
        self._next = request.extensions.get("trace")
        self._stream: object = None
        request.extensions["trace"] = self.watch

    async def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of a step of the transport and pass it on."""
        if event == "connection.connect_tcp.complete":
            self._stream = info.get("return_value")
        if self._next is not None:
            await self._next(event, info)

    async def close(self) -> None:
        """Close what was opened; closing twice does no harm."""
        if isinstance(self._stream, _Closable):
            with contextlib.suppress(httpx.HTTPError, OSError):
                await self._stream.aclose()


def _no_tls() -> ssl.SSLContext:
    """Make the context of a plain-http client: it knows no authority, so it would trust nobody."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _capped(chunks: AsyncIterator[bytes], request: httpx.Request, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > bytes_max:
            raise AnswerTooLarge("the answer is too large", request=request)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _discard(lane: httpx.AsyncHTTPTransport) -> None:
    # A connection that is broken already may complain when closed; nobody is left to care.
    with contextlib.suppress(httpx.HTTPError, OSError):
        await lane.aclose()


def hush() -> None:
    """Keep the libraries' own lines out of the log: they show addresses with keys in them."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
