"""Meet the Wallet port over HTTP.

One method per call of the vendor's API. A read is repeated within its bounds; a write is repeated
only when it certainly was not sent. It never raises for what the network does, and it never decides
what an answer means for a visit.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from http.cookiejar import CookieJar
from typing import Final, TypeVar

import httpx

from worker import __version__
from worker.adapters.lanes import Lanes, hush
from worker.adapters.wallet import failures, pages, retrying, shapes, wire
from worker.adapters.wallet.budget import Budget
from worker.adapters.wallet.courier import Courier
from worker.adapters.wallet.failures import Reply
from worker.adapters.wallet.health import Health, Pulse
from worker.adapters.wallet.spot_memory import SpotMemory
from worker.domain.commands import Lowered
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.domain.wallet import (
    NewTransaction,
    Spot,
    SpotList,
    SpotOrder,
    SpotStatus,
    Transaction,
    TransactionStatus,
)
from worker.ports import Clock

T = TypeVar("T")

READ_EXTRA_S: Final = 2.0
"""What a read may take beyond one timeout, so that a repeat has a chance."""

WRITE_REPEATS_S: Final = 3.0
"""How long a write that finds no connection is tried again; later the visit itself tries again."""

LIST_TIMEOUTS: Final = 3.0
"""How many timeouts' time all pages of a list may take together."""


class WalletClient:
    """Paysera's Wallet API with one credential."""

    def __init__(
        self,
        *,
        base_url: str,
        client_id: str,
        mac_key: str,
        timeout_s: float,
        clock: Clock,
        dice: random.Random,
        lanes: int = 16,
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("the wallet's base URL is not an http or https address")
        if url.userinfo or url.query or url.fragment:
            raise ValueError("the wallet's base URL has no user, query or fragment")
        hush()
        self._clock = clock
        self._dice = dice
        self._timeout_s = timeout_s
        self._pulse = Pulse(clock)
        self._budget = Budget(width=lanes, clock=clock, dice=dice)
        self._http = httpx.AsyncClient(
            transport=Lanes(count=lanes, is_tls=url.scheme == "https"),
            trust_env=False,
            follow_redirects=False,
            cookies=_NoCookies(),
        )
        self._courier = Courier(
            http=self._http,
            base_url=base_url,
            client_id=client_id,
            mac_key=mac_key,
            timeout_s=timeout_s,
            version=__version__,
            clock=clock,
            budget=self._budget,
            pulse=self._pulse,
        )
        self._spots = SpotMemory(clock)

    async def aclose(self) -> None:
        """Let nobody in any more and close the connections."""
        self._budget.close()
        await self._http.aclose()

    @property
    def health(self) -> Health:
        """How the wallet is doing now."""
        return self._pulse.snapshot(
            throttled_for_s=self._budget.held_for_s(),
            clock_offset_s=self._courier.offset_s,
            in_flight=self._budget.in_flight,
            waiting=self._budget.waiting,
        )

    async def exchange(
        self, call: shapes.Call, *, is_signed: bool = True
    ) -> Reply | Unknown | Unsent:
        """Carry one call, once, and give its answer as it came: for who asks about its shape."""
        until_s = self._clock.ticks_s() + self._timeout_s
        return await self._courier.carry(call, until_s=until_s, is_signed=is_signed)

    async def server_time(self) -> Outcome[int]:
        """Read the server's Unix time, without a signature."""
        return await self._read(shapes.SERVER_TIME, wire.read_server_time, is_signed=False)

    async def list_waiting_spots(self, location_id: LocationId) -> Outcome[SpotList]:
        """Read every page of the location's waiting spots."""

        def fetch(limit: int, offset: int) -> Awaitable[Outcome[wire.Page[Spot]]]:
            call = shapes.waiting_spots(location_id, limit, offset)
            return self._read(call, wire.read_spots, is_poll=offset == 0)

        found = await pages.collect(
            fetch, identity=lambda spot: spot.spot_id, limit=0, is_time_over=self._list_bound()
        )
        if not isinstance(found, pages.Collection):
            return found
        here = tuple(
            spot
            for spot in found.rows
            if spot.location_id in {None, location_id} and spot.status is SpotStatus.WAITING
        )
        self._spots.learn(here, location_id)
        return Done(SpotList(here, is_complete=not found.why_incomplete))

    async def list_transactions(
        self, statuses: Sequence[TransactionStatus], since: datetime | None = None
    ) -> Outcome[tuple[Transaction, ...]]:
        """Read every page; Unknown when a page is missing."""
        since_unix = None if since is None else self._server_unix(since)

        def fetch(limit: int, offset: int) -> Awaitable[Outcome[wire.Page[Transaction]]]:
            call = shapes.transactions(statuses, since_unix, limit, offset)
            is_poll = since is None and offset == 0
            return self._read(call, wire.read_transactions, is_poll=is_poll)

        found = await pages.collect(
            fetch,
            identity=lambda transaction: transaction.key,
            limit=shapes.TRANSACTIONS_PER_PAGE,
            is_time_over=self._list_bound(),
        )
        if not isinstance(found, pages.Collection):
            return found
        if found.why_incomplete:
            return Unknown(f"the list is not complete: {found.why_incomplete}")
        return Done(found.rows)

    async def look_at_spot(self, spot_id: SpotId) -> Outcome[Spot]:
        """Read one spot; by its location's list if the wallet shows no single spots to us."""
        if self._spots.is_shown_singly():
            outcome = await self._read(
                shapes.one_spot(spot_id), lambda body: wire.read_spot(body, spot_id)
            )
            if not isinstance(outcome, Refused) or outcome.status not in shapes.SPOT_READ_REFUSALS:
                return outcome
            refused: Outcome[Spot] = outcome
        else:
            refused = Refused(Refusal.INVALID, 405, "", "the wallet shows no single spots to us")
        location_id = self._spots.location_of(spot_id)
        if location_id is None:
            return refused
        listed = await self.list_waiting_spots(location_id)
        if not isinstance(listed, Done):
            return listed
        self._spots.remember_refusal()
        for spot in listed.value.spots:
            if spot.spot_id == spot_id:
                return Done(spot)
        if not listed.value.is_complete:
            return Unknown("the spot is not on the part of the list that could be read")
        return Done(Spot(spot_id, shapes.SPOT_STATUS_OF_ABSENT, "", location_id, None))

    async def look_at_transaction(self, key: TransactionKey) -> Outcome[Transaction]:
        """Read one transaction by its key."""
        return await self._read(
            shapes.one_transaction(key), lambda body: wire.read_transaction(body, key)
        )

    async def create_transaction(self, request: NewTransaction) -> Outcome[Transaction]:
        """Ask for a transaction. Done only when the answer carries a key."""
        return await self._write(shapes.create_transaction(request), wire.read_created)

    async def link_order(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        """Put a transaction on a spot. Done(None): said yes without showing the order."""
        call = shapes.link_order(spot_id, key)
        return await self._write(call, lambda body: wire.read_linked(body, key))

    async def confirm_transaction(
        self, key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        """Take the reserved money, or less, unless the call can not leave before `not_after`."""
        call = shapes.confirm_transaction(key, lowered)
        return await self._write(call, _nothing, not_after_s=self._ticks_at(not_after))

    async def revoke_transaction(self, key: TransactionKey) -> Outcome[None]:
        """Withdraw a transaction."""
        return await self._write(shapes.revoke_transaction(key), _nothing)

    async def close_spot(self, spot_id: SpotId, not_after: datetime | None = None) -> Outcome[None]:
        """Free a spot, unless the call can not leave before `not_after`; None: whenever it can."""
        not_after_s = None if not_after is None else self._ticks_at(not_after)
        return await self._write(shapes.close_spot(spot_id), _nothing, not_after_s=not_after_s)

    def _ticks_at(self, at: datetime) -> float:
        """Say one of our moments in ticks."""
        return self._clock.ticks_s() + (at - self._clock.now()).total_seconds()

    async def _read(
        self,
        call: shapes.Call,
        read: Callable[[bytes], T | wire.Unreadable],
        *,
        is_signed: bool = True,
        is_poll: bool = False,
    ) -> Outcome[T]:
        """Read, and read again what failed.

        The repeat of a poll is the next poll: the vendor sets a pace for polls, so one that
        arrived is not sent again before its time.
        """
        until_s = self._clock.ticks_s() + self._timeout_s + READ_EXTRA_S
        is_worth = _is_unsent if is_poll else _is_read_worth_repeating

        async def attempt() -> Outcome[T]:
            reply = await self._courier.carry(call, until_s=until_s, is_signed=is_signed)
            return _outcome(call, reply, read)

        outcome = await attempt()
        if is_worth(outcome):
            outcome = await retrying.repeat(
                attempt,
                first=outcome,
                is_worth=is_worth,
                until_s=until_s,
                clock=self._clock,
                dice=self._dice,
            )
        self._pulse.note(call.op, outcome)
        return outcome

    async def _write(
        self,
        call: shapes.Call,
        read: Callable[[bytes], T | wire.Unreadable],
        *,
        not_after_s: float | None = None,
    ) -> Outcome[T]:
        now_s = self._clock.ticks_s()
        until_s = now_s + self._timeout_s
        repeats_until_s = now_s + WRITE_REPEATS_S
        if not_after_s is not None:
            until_s, repeats_until_s = min(until_s, not_after_s), min(repeats_until_s, not_after_s)

        async def attempt() -> Outcome[T]:
            reply = await self._courier.carry(call, until_s=until_s, not_after_s=not_after_s)
            return _outcome(call, reply, read)

        outcome = await attempt()
        if _is_unsent(outcome):
            outcome = await retrying.repeat(
                attempt,
                first=outcome,
                is_worth=_is_unsent,
                until_s=repeats_until_s,
                clock=self._clock,
                dice=self._dice,
            )
        self._pulse.note(call.op, outcome)
        return outcome

    def _list_bound(self) -> Callable[[], bool]:
        until_s = self._clock.ticks_s() + self._timeout_s * LIST_TIMEOUTS
        return lambda: self._clock.ticks_s() >= until_s

    def _server_unix(self, at: datetime) -> int:
        """Say one of our moments in the server's time, whatever this machine's clock shows."""
        ago_s = (self._clock.now() - at).total_seconds()
        return int(self._clock.wall_s() + self._courier.offset_s - ago_s)


class _NoCookies(CookieJar):
    """Keeps nothing: no answer may change what the next request looks like."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Take nothing."""

    def add_cookie_header(self, request: object) -> None:
        """Give nothing."""


def _outcome(
    call: shapes.Call,
    reply: Reply | Unknown | Unsent,
    read: Callable[[bytes], T | wire.Unreadable],
) -> Outcome[T]:
    if not isinstance(reply, Reply):
        return reply
    if not reply.is_yes():
        return failures.of_no(reply, is_write=call.is_write)
    value = read(reply.body)
    if isinstance(value, wire.Unreadable):
        return Unknown(f"HTTP {reply.status}: {value.why}")
    return Done(value)


def _nothing(_body: bytes) -> None:
    """Read nothing from an answer whose shape is open: the caller looks afterwards."""


def _is_read_worth_repeating(outcome: Outcome[object]) -> bool:
    if isinstance(outcome, Refused):
        return outcome.refusal is Refusal.THROTTLED
    return isinstance(outcome, Unknown) or _is_unsent(outcome)


def _is_unsent(outcome: Outcome[object]) -> bool:
    """Tell whether the network kept it from leaving. Our own budget has waited long enough."""
    return isinstance(outcome, Unsent) and not isinstance(outcome, failures.HeldBack)
