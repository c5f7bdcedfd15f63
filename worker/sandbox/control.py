"""The routes that the vendor does not have: guests' moves, the clock, faults, ledger and journal.

Unsigned, so they answer to this machine only unless the sandbox was told otherwise. Bad input is a
400 with a sentence that names the field; a move that is not allowed now is a 409.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from starlette.types import Receive, Scope, Send

from . import faults, ledger, page, rules, wire
from .errors import VendorError, invalid_request
from .exchange import BODY_MAX, HTML, Reply, header, read_body, send_reply
from .model import WAITING_STATUSES, CheckIn, Spot
from .options import is_loopback
from .state import Sandbox

PREFIX = "/_sandbox"
Body = dict[str, object]
Handler = Callable[[tuple[str, ...], Body], object]


class Control:
    """The control side of the sandbox, as an ASGI callable."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._routes: tuple[tuple[str, str, Handler], ...] = (
            ("POST", "spots/*/scan", self._scan),
            ("POST", "spots/*/leave", self._leave),
            ("POST", "transactions/*/reserve", self._reserve),
            ("POST", "transactions/*/decline", self._decline),
            ("POST", "transactions/*/wait", self._wait),
            ("POST", "clock/advance", self._advance),
            ("GET", "faults", self._faults),
            ("PUT", "faults", self._set_faults),
            ("POST", "reset", self._reset),
            ("POST", "customers/stop", self._stop_customers),
            ("GET", "ledger", self._ledger),
            ("GET", "requests", self._requests),
            ("GET", "assumptions", self._assumptions),
            ("GET", "state", self._state),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one control call."""
        raw_path = scope["raw_path"].decode("latin-1")
        body = await read_body(receive)
        try:
            self._check_caller(scope)
            if scope["method"] == "GET" and raw_path in ("/", PREFIX, PREFIX + "/"):
                await send_reply(send, Reply(200, page.HTML_BYTES, HTML))
                return
            payload = self._answer(scope["method"], raw_path, scope["query_string"], body)
        except VendorError as refusal:
            await send_reply(send, Reply(refusal.status, wire.encode(refusal.body())))
            return
        text = json.dumps(payload, separators=(",", ":"))
        await send_reply(send, Reply(200, text.encode("ascii")))

    def _check_caller(self, scope: Scope) -> None:
        origin = header(scope, b"origin")
        if origin is not None and origin.partition("://")[2] != header(scope, b"host"):
            raise VendorError(403, "forbidden", "control routes do not answer to other web pages")
        client = scope.get("client")
        if self._sandbox.options.allow_remote or client is None or is_loopback(client[0]):
            return
        raise VendorError(403, "forbidden", "control routes answer to this machine only")

    def _answer(self, method: str, raw_path: str, query: bytes, body: bytes | None) -> object:
        segments = raw_path[len(PREFIX) + 1 :].split("/")
        known = []
        for wanted, pattern, handler in self._routes:
            parts = pattern.split("/")
            if len(parts) != len(segments):
                continue
            pairs = list(zip(parts, segments, strict=True))
            if not all(given if part == "*" else part == given for part, given in pairs):
                continue
            known.append(wanted)
            if wanted == method:
                params = tuple(unquote(given) for part, given in pairs if part == "*")
                asked = _query(query) if method == "GET" else _read(body)
                self._sandbox.world.timeline.catch_up()
                return handler(params, asked)
        if known:
            raise VendorError(405, "invalid_request", f"this route knows {', '.join(known)} only")
        routes = ", ".join(f"{wanted} {PREFIX}/{pattern}" for wanted, pattern, _ in self._routes)
        raise VendorError(404, "not_found", f"no such control route; there are: {routes}")

    # Guests

    def _scan(self, params: tuple[str, ...], body: Body) -> object:
        spot = self._sandbox.world.spot_named(self._location(body), params[0])
        return _seat(spot, self._sandbox.world.scan(spot))

    def _leave(self, params: tuple[str, ...], body: Body) -> object:
        spot = self._sandbox.world.find_spot(self._location(body), params[0])
        if spot is None:
            raise VendorError(404, "not_found", f"nobody ever scanned spot {params[0][:80]!r}")
        return _seat(spot, self._sandbox.world.leave(spot))

    def _location(self, body: Body) -> int:
        _only(body, "location_id")
        given = body.get("location_id", self._sandbox.options.location_id)
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise invalid_request("location_id must be a positive integer")
        return given

    def _reserve(self, params: tuple[str, ...], body: Body) -> object:
        _only(body, "wallet")
        wallet = body.get("wallet")
        if wallet is not None and (isinstance(wallet, bool) or not isinstance(wallet, int)):
            raise invalid_request("wallet must be an integer")
        transaction = self._sandbox.world.transaction(params[0])
        self._sandbox.world.reserve(transaction, wallet)
        return wire.transaction_row(transaction)

    def _decline(self, params: tuple[str, ...], body: Body) -> object:
        _only(body)
        transaction = self._sandbox.world.transaction(params[0])
        self._sandbox.world.decline(transaction)
        return wire.transaction_row(transaction)

    def _wait(self, params: tuple[str, ...], body: Body) -> object:
        _only(body, "status")
        status = body.get("status", "waiting")
        if not isinstance(status, str) or status not in WAITING_STATUSES:
            raise invalid_request(f"status must be one of {', '.join(WAITING_STATUSES)}")
        transaction = self._sandbox.world.transaction(params[0])
        self._sandbox.world.hold_back(transaction, status)
        return wire.transaction_row(transaction)

    def _stop_customers(self, _params: tuple[str, ...], body: Body) -> object:
        _only(body)
        self._sandbox.guests.is_stopped = True
        return self._sandbox.guests.report()

    # The world

    def _advance(self, _params: tuple[str, ...], body: Body) -> object:
        _only(body, "seconds")
        seconds = body.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise invalid_request("seconds must be a number")
        if not 0 <= seconds <= 10**9:
            raise invalid_request(
                "seconds must not be negative (the clock only moves forward) or absurd"
            )
        self._sandbox.clock.advance(seconds)
        self._sandbox.world.timeline.catch_up()
        return {"now": self._sandbox.clock.now(), "advanced_s": self._sandbox.clock.advanced_s}

    def _faults(self, _params: tuple[str, ...], _body: Body) -> object:
        return self._sandbox.faults.report()

    def _set_faults(self, _params: tuple[str, ...], body: Body) -> object:
        try:
            settings = faults.read(body)
        except faults.BadFaults as exc:
            raise invalid_request(str(exc)) from exc
        self._sandbox.set_faults(settings)
        return settings.report()

    def _reset(self, _params: tuple[str, ...], body: Body) -> object:
        _only(body)
        self._sandbox.reset()
        return {"spots": ledger.spots(self._sandbox.world)}

    def _ledger(self, _params: tuple[str, ...], _body: Body) -> object:
        return self._sandbox.ledger()

    def _requests(self, _params: tuple[str, ...], query: Body) -> object:
        _only(query, "limit")
        limit = query.get("limit")
        if limit is not None and not (
            isinstance(limit, str) and limit.isascii() and limit.isdigit()
        ):
            raise invalid_request("limit must be a whole number")
        return self._sandbox.journal.report(None if limit is None else int(str(limit)))

    def _assumptions(self, _params: tuple[str, ...], _body: Body) -> object:
        return {**rules.report(), "switches": self._sandbox.options.manners.report()}

    def _state(self, _params: tuple[str, ...], _body: Body) -> object:
        return self._sandbox.state()


def _seat(spot: Spot, checkin: CheckIn) -> object:
    return {"spot": wire.spot_row(spot), "checkin": checkin.number}


def _only(body: Body, *names: str) -> None:
    for name in body:
        if name not in names:
            valid = ", ".join(names) or "none"
            raise invalid_request(f"unknown field {name[:80]!r}; valid fields: {valid}")


def _query(text: bytes) -> Body:
    return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True))


def _read(body: bytes | None) -> Body:
    if body is None:
        raise VendorError(413, "invalid_request", f"the body exceeds {BODY_MAX} bytes")
    if not body.strip():
        return {}
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise invalid_request("the body is not JSON") from exc
    if not isinstance(read, dict):
        raise invalid_request("the body must be an object")
    return read
