"""Carry one call to the wallet and its answer back: through the budget, signed, within a deadline.

The only repeats here are of calls that were refused before they were processed: once after learning
the server's time, once after learning which port it wants to see signed. It judges no answer.
"""

import asyncio
from typing import Final

import httpx

from worker.adapters.lanes import NETWORK_TROUBLE
from worker.adapters.wallet import failures, mac, shapes, wire
from worker.adapters.wallet.budget import Budget
from worker.adapters.wallet.failures import HeldBack, Reply
from worker.adapters.wallet.health import Pulse
from worker.domain.outcome import Unknown, Unsent
from worker.ports import Clock

CONNECT_S: Final = 2.0
CLOCK_ASKED_AGAIN_S: Final = 60.0
"""How long a server that refuses its own time is not asked for it again."""

PAUSE_S: Final = 1.0
"""By how much an answer may outlast its deadline. The deadline's own timer does not count the time
that a machine is suspended, and what was read before is no fresh look any more."""

_ATTEMPT_MIN_S: Final = 0.05


class TooLate(Exception):
    """The moment after which the call must not leave has passed; nothing was sent."""


class Departure:
    """Watches whether an attempt's bytes have begun to leave, and stops them when it is too late.

    Anything that the transport reports, other than connecting, counts as leaving. If it reports
    nothing at all, we do not know, and `may_have_left` says so.
    """

    __slots__ = ("_clock", "_extensions", "_has_left", "_is_connecting", "_not_after_s")

    def __init__(
        self, clock: Clock, not_after_s: float | None, extensions: dict[str, object]
    ) -> None:
        self._clock = clock
        self._extensions = extensions
        self._not_after_s = not_after_s
        self._is_connecting = False
        self._has_left = False

    @property
    def may_have_left(self) -> bool:
        """False only when it is certain that not a byte of the request left."""
        return self._has_left or not self._is_connecting

    async def watch(self, event: str, _info: object) -> None:
        """Take note of a step of the transport."""
        if self._has_left:
            return
        if event.startswith("connection."):
            self._is_connecting = True
            return
        if self._not_after_s is not None and self._clock.ticks_s() >= self._not_after_s:
            raise TooLate
        self._has_left = True
        self._extensions.pop("trace", None)  # Nothing more to learn, and every step would ask.


class Courier:
    """Sends calls to one wallet with one credential."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        base_url: str,
        client_id: str,
        mac_key: str,
        timeout_s: float,
        version: str,
        clock: Clock,
        budget: Budget,
        pulse: Pulse,
    ) -> None:
        url = httpx.URL(base_url)
        self._http = http
        self._base = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._clock = clock
        self._budget = budget
        self._pulse = pulse
        self._plain_headers = {
            "Host": url.netloc.decode("ascii"),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"paysera-worker/{version}",
        }
        self._json_headers = {**self._plain_headers, "Content-Type": "application/json"}
        connect_s = min(CONNECT_S, timeout_s)
        self._phases = httpx.Timeout(timeout_s, connect=connect_s).as_dict()
        self._offset_s = 0.0
        self._syncs = 0
        self._sync_again_at_s = 0.0
        self._doubt = asyncio.Lock()
        self._auth = mac.MacAuth(
            client_id=client_id, mac_key=mac_key, base_url=url, now=self._server_now_s
        )
        self._other_auth: mac.MacAuth | None = None
        if self._auth.port != mac.DOCUMENTED_PORT:
            self._other_auth = mac.MacAuth(
                client_id=client_id,
                mac_key=mac_key,
                base_url=url,
                now=self._server_now_s,
                port=mac.DOCUMENTED_PORT,
            )
        self._other_port_tried_at: int | None = None
        self._may_be_sandbox = client_id == shapes.SANDBOX_CLIENT_ID
        self._is_sandbox = False

    @property
    def offset_s(self) -> float:
        """What is added to the machine's time to get the server's."""
        return self._offset_s

    def _server_now_s(self) -> float:
        return self._clock.wall_s() + self._offset_s

    async def carry(
        self,
        call: shapes.Call,
        *,
        until_s: float,
        not_after_s: float | None = None,
        is_signed: bool = True,
    ) -> Reply | Unknown | Unsent:
        """Wait for a place until `until_s`, then send the call and read its whole answer.

        A write that has left is given its full time whatever `until_s` says; a read is not.
        """
        if self._is_sandbox:
            return HeldBack(shapes.SANDBOX_MET)
        hold = self._budget.enter_now(call.urgency)
        if hold is None:
            hold = await self._budget.enter(call.urgency, until_s)
        if hold is None:
            return HeldBack(self._why_held())
        reply: Reply | Unknown | Unsent = Unknown("")
        try:
            if is_signed:
                reply = await self._converse(call, until_s, not_after_s)
            else:
                reply = await self._send(call, None, until_s, None)
        finally:
            self._leave(hold, reply)
        return reply

    def _leave(self, hold: int, reply: Reply | Unknown | Unsent) -> None:
        is_throttled = False
        retry_after = ""
        if isinstance(reply, Reply) and 400 <= reply.status < 500:
            told = wire.read_refusal(reply.body)
            is_throttled = shapes.is_throttled(reply.status, told[0] if told else "")
            retry_after = reply.retry_after
        was_free = self._budget.held_for_s() == 0.0
        self._budget.leave(hold, is_throttled=is_throttled, retry_after=retry_after)
        if is_throttled and was_free and self._budget.held_for_s() > 0.0:
            self._pulse.note_throttled(self._budget.held_for_s())

    def _why_held(self) -> str:
        held_s = self._budget.held_for_s()
        if held_s > 0:
            return f"held back: the wallet asked for a pause, {held_s:.0f} s of it are left"
        return "held back: too many calls are out"

    async def _converse(
        self, call: shapes.Call, until_s: float, not_after_s: float | None
    ) -> Reply | Unknown | Unsent:
        auth, syncs = self._auth, self._syncs
        reply = await self._send(call, auth, until_s, not_after_s)
        if not isinstance(reply, Reply):
            return reply
        if reply.status != 401:
            self._settle_port(call, auth, reply)
            return reply
        if _is_about_clock(reply):
            if await self._sync_clock(syncs):
                reply = await self._send(call, self._auth, until_s, not_after_s)
            if not isinstance(reply, Reply):
                return reply
            if _is_about_clock(reply):
                self._sync_again_at_s = self._clock.ticks_s() + CLOCK_ASKED_AGAIN_S
                self._pulse.note_clock_refused()
                return reply
            if reply.status != 401:
                self._settle_port(call, self._auth, reply)
                return reply
            auth = self._auth
        return await self._with_other_port(call, auth, reply, until_s, not_after_s)

    async def _send(
        self,
        call: shapes.Call,
        auth: mac.MacAuth | None,
        until_s: float,
        not_after_s: float | None,
    ) -> Reply | Unknown | Unsent:
        extensions: dict[str, object] = {"timeout": self._phases}
        departure: Departure | None = None
        within_s = self._timeout_s
        if call.is_write:
            if not_after_s is not None and self._clock.ticks_s() >= not_after_s:
                return Unsent("too late: its moment has passed")
            departure = Departure(self._clock, not_after_s, extensions)
            extensions["trace"] = departure.watch
        else:
            left_s = until_s - self._clock.ticks_s()
            within_s = max(_ATTEMPT_MIN_S, min(within_s, left_s))
        self._pulse.count(call.op)
        try:
            request = httpx.Request(
                call.method,
                self._base + call.target,
                headers=self._json_headers if call.body else self._plain_headers,
                content=call.body or None,
                extensions=extensions,
            )
            began_s = self._clock.ticks_s()
            async with asyncio.timeout(within_s):
                response = await self._http.send(request, auth=auth)
            if shapes.SANDBOX_HEADER in response.headers and not self._may_be_sandbox:
                self._is_sandbox = True
                self._pulse.note_sandbox()
                return Unknown(shapes.SANDBOX_MET)
            if not call.is_write and self._clock.ticks_s() - began_s > within_s + PAUSE_S:
                return Unknown("the machine stood still, and the answer is out of date")
        except TooLate:
            return Unsent("too late: its moment passed while connecting")
        except NETWORK_TROUBLE as error:
            has_left = departure is None or departure.may_have_left
            return failures.of_error(error, has_left=has_left)
        return Reply(
            response.status_code, response.content, response.headers.get("retry-after", "")
        )

    async def _sync_clock(self, syncs_seen: int) -> bool:
        """Learn the server's time, once for all who wait. True: it may be tried again with it."""
        async with self._doubt:
            if self._syncs != syncs_seen:
                return True
            now_s = self._clock.ticks_s()
            if now_s < self._sync_again_at_s:
                return False
            call, until_s = shapes.SERVER_TIME, now_s + self._timeout_s
            reply = await self._send(call, None, until_s, None)
            if isinstance(reply, Reply) and reply.status == 401:
                reply = await self._send(call, self._auth, until_s, None)
            if not isinstance(reply, Reply) or not reply.is_yes():
                return False
            time = wire.read_server_time(reply.body)
            if isinstance(time, wire.Unreadable):
                return False
            # Measured after the answer, so that we are rather behind the server than ahead of it:
            # a timestamp from the future may find no tolerance at all.
            self._offset_s = time - self._clock.wall_s()
            self._syncs += 1
        self._pulse.note_clock_offset(self._offset_s)
        return True

    async def _with_other_port(
        self,
        call: shapes.Call,
        used: mac.MacAuth,
        refused: Reply,
        until_s: float,
        not_after_s: float | None,
    ) -> Reply | Unknown | Unsent:
        """Repeat a refused read once with the documented port, if which is right is still open."""
        async with self._doubt:
            if self._auth is used:
                is_tried = self._other_port_tried_at == self._syncs
                if self._other_auth is None or is_tried or call.is_write:
                    return refused
                # One extra request, and no more of them until the clock's offset changes.
                self._other_port_tried_at = self._syncs
                reply = await self._send(call, self._other_auth, until_s, not_after_s)
                if isinstance(reply, Reply) and reply.status != 401:
                    self._settle_port(call, self._other_auth, reply)
                    return reply
                return refused
        # Somebody else learned the port while we were out with the wrong one.
        return await self._send(call, self._auth, until_s, not_after_s)

    def _settle_port(self, call: shapes.Call, auth: mac.MacAuth, reply: Reply) -> None:
        """Keep the port of the first read that was accepted."""
        if self._other_auth is not None and not call.is_write and reply.is_yes():
            self._auth = auth
            self._other_auth = None


def _is_about_clock(reply: Reply) -> bool:
    told = wire.read_refusal(reply.body) if reply.status == 401 else None
    return told is not None and shapes.is_clock_refusal(reply.status, *told)
