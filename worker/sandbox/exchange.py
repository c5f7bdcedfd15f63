"""One vendor call over HTTP: read it, let a fault befall it, check it, carry it out, answer.

The order is always the same: route, fault, signature, move, answer. A call that is cut off after
its move stays written down as applied and not answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from . import manners, ops, wire
from .calls import Call
from .errors import ConnectionCut, VendorError, unsupported
from .journal import Entry
from .mac import SignedRequest
from .state import Sandbox

BODY_MAX = 1 << 20
CUT = "sandbox.cut"  # the scope extension by which a server lets a connection be cut
JSON = "application/json"
HTML = "text/html; charset=utf-8"
HUGE_BYTES = 50 * 1024 * 1024
_CHUNK = b"x" * (1 << 20)

_GATEWAY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
)
_PORTAL_PAGE = (
    b"<!doctype html><html><head><title>Welcome to our Wi-Fi</title></head>"
    b"<body><h1>Please sign in to use the network</h1></body></html>"
)
_AFTER = ("malformed", "truncated", "empty", "huge")  # befall only what was carried out


@dataclass(slots=True)
class Reply:
    """An answer on its way out."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Exchange:
    """The vendor's side of the sandbox, as an ASGI callable."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, or cut its connection."""
        sandbox, raw_path = self._sandbox, scope["raw_path"].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        matched = ops.match(scope["method"], raw_path)
        op = matched.op if matched is not None else ops.UNKNOWN
        entry = sandbox.journal.begin(sandbox.clock.wall(), scope["method"], raw_path, query, op)
        kind = sandbox.faults.draw(op) if matched is not None else None
        if kind is not None:
            sandbox.journal.suffered(entry, kind)
        body = await read_body(receive)
        if kind == "lost_request":
            await cut(scope, receive)
            return
        reply = self._instead(kind)
        if reply is None:
            if kind == "slow":
                await self._pause(sandbox.faults.slow_s)
            call = Call(op, matched.params if matched else (), {}, body or b"")
            reply = self._carry_out(scope, call, entry, too_large=body is None)
            if kind == "lost_reply":
                await cut(scope, receive)
                return
            if kind == "huge" and entry.applied:
                entry.status, entry.answered = 200, True
                await _send_huge(send)
                return
            reply = self._spoiled(kind, reply, entry)
            if reply.status == 200 and kind not in _AFTER:
                _acknowledged(call)
        entry.status, entry.answered = reply.status, True
        await send_reply(send, reply)

    def _instead(self, kind: str | None) -> Reply | None:
        """Give the answer of a fault that keeps the call from being carried out."""
        if kind == "error_before":
            error = VendorError(500, "internal_server_error", "a made-up failure before any effect")
            return Reply(500, wire.encode(error.body()))
        if kind == "rate_limited":
            error = VendorError(429, "rate_limit_exceeded", "a made-up rate limit")
            retry_after = self._sandbox.faults.retry_after.encode("ascii")
            return Reply(429, wire.encode(error.body()), headers=[(b"retry-after", retry_after)])
        return Reply(200, _PORTAL_PAGE, HTML) if kind == "html" else None

    def _spoiled(self, kind: str | None, reply: Reply, entry: Entry) -> Reply:
        """Spoil the answer to a call that was carried out."""
        if kind == "error_after":
            return Reply(502, _GATEWAY_PAGE, HTML)
        if not entry.applied:
            return reply
        if kind == "malformed":
            return Reply(200, b'{"status": confirmed, ' + reply.body[1:20])
        if kind == "truncated":
            return Reply(200, reply.body[: len(reply.body) // 2])
        return Reply(200, b"{}") if kind == "empty" else reply

    def _carry_out(self, scope: Scope, call: Call, entry: Entry, *, too_large: bool) -> Reply:
        """Check the call and make its move, all in one breath."""
        sandbox = self._sandbox
        sandbox.world.timeline.catch_up()
        try:
            _check_shape(entry, too_large=too_large)
            call.query = _query(entry.query)
            _check_media_type(scope, call.body)
            manners_in_force = sandbox.options.manners
            is_server_signed = manners_in_force.plays("server.unsigned", "signed")
            if entry.op not in ops.PUBLIC_OPS or (entry.op == "server.get" and is_server_signed):
                call.ext = sandbox.verifier.verify(
                    _signed_request(scope, entry, call.body), sandbox.clock.wall()
                )
            if entry.fault == "stale_list":
                call.stale_s = sandbox.faults.stale_s
            if entry.fault == "drop_rows":
                call.drop = entry.n
            payload = manners.answer(manners_in_force, sandbox.world, call)
        except VendorError as refusal:
            entry.error = refusal.error
            return Reply(refusal.status, wire.encode(refusal.body()))
        sandbox.journal.took_effect(entry)
        return Reply(200, wire.encode(payload))

    async def _pause(self, seconds: float) -> None:
        """Be slow, but not when the server is stopping."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._sandbox.stopping.wait()


async def cut(scope: Scope, receive: Receive) -> None:
    """End the connection without an answer.

    The server's own way to do it comes with the scope; after it the loop waits until the server has
    noticed, because it would otherwise answer 500 in our name. Without a server there is no
    connection to cut and the caller gets an exception.
    """
    cut_off: Callable[[], None] | None = scope.get("extensions", {}).get(CUT)
    if cut_off is None:
        raise ConnectionCut("the sandbox cut this connection")
    cut_off()
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_body(receive: Receive) -> bytes | None:
    """Read the whole body; None when it is larger than is allowed."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > BODY_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def send_reply(send: Send, reply: Reply) -> None:
    """Send an answer with the headers that every answer has."""
    await _send_head(send, reply, len(reply.body))
    await send({"type": "http.response.body", "body": reply.body})


async def _send_huge(send: Send) -> None:
    opening, closing = b'{"padding":"', b'"}'
    await _send_head(send, Reply(200, b""), HUGE_BYTES)
    await send({"type": "http.response.body", "body": opening, "more_body": True})
    left = HUGE_BYTES - len(opening) - len(closing)
    while left:
        size = min(left, len(_CHUNK))
        left -= size
        await send({"type": "http.response.body", "body": _CHUNK[:size], "more_body": True})
    await send({"type": "http.response.body", "body": closing})


async def _send_head(send: Send, reply: Reply, length: int) -> None:
    message: dict[str, Any] = {
        "type": "http.response.start",
        "status": reply.status,
        "headers": [
            (b"content-type", reply.content_type.encode("ascii")),
            (b"content-length", str(length).encode("ascii")),
            (b"x-sandbox", b"1"),
            (b"paysera-correlation-id", secrets.token_hex(12).encode("ascii")),
            *reply.headers,
        ],
    }
    await send(message)


def _acknowledged(call: Call) -> None:
    """Note what the client has been told, for the auditor."""
    for checkin in call.shows:
        checkin.shown = True
    if call.closed is not None:
        call.closed.close_answered = True


def _not_learned(entry: Entry) -> VendorError:
    known = ops.methods(entry.path)
    if known:
        what = f"the method {entry.method} on {entry.path[:200]!r} (known: {', '.join(known)})"
        return unsupported(what, "request.method")
    return unsupported(f"the path {entry.path[:200]!r}", "request.path")


def _check_shape(entry: Entry, *, too_large: bool) -> None:
    if too_large:
        raise VendorError(413, "invalid_request", f"the body exceeds {BODY_MAX} bytes")
    if entry.op == ops.UNKNOWN:
        raise _not_learned(entry)


def _query(text: str) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name in query:
            raise unsupported(f"the query parameter {name[:80]!r} twice", "request.query")
        query[name] = value
    return query


def _check_media_type(scope: Scope, body: bytes) -> None:
    given = header(scope, b"content-type")
    if body and given is not None and given.partition(";")[0].strip().lower() != JSON:
        raise VendorError(406, "not_acceptable", f"the body must be {JSON}, not {given[:80]}")


def _signed_request(scope: Scope, entry: Entry, body: bytes) -> SignedRequest:
    target = f"{entry.path}?{entry.query}" if entry.query else entry.path
    return SignedRequest(
        method=entry.method,
        target=target,
        host=header(scope, b"host") or "",
        body=body,
        authorization=header(scope, b"authorization"),
    )


def header(scope: Scope, name: bytes) -> str | None:
    """Give a request header's first value."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if values else None
