"""Scripted guests: they scan, look at what is shown, and pay, decline, dawdle or walk away.

A guest sees only what the app would show at the table, and waits for it to change; every wait ends.
Which script comes next is drawn from the seed, so the same seed gives the same row of scripts.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable

from .errors import VendorError
from .model import CheckIn, Order, Spot, Transaction
from .state import Sandbox
from .world import World

PATIENCE_S = 120.0

# How often each script is drawn, in parts.
WEIGHTS = {
    "pays": 8,
    "comes_back_at_once": 3,
    "pays_late": 2,
    "declines": 2,
    "walks_away": 2,
    "scans_and_leaves": 2,
    "forgets": 1,
}


class Customers:
    """Lets guests in, one to a free table, until told to stop or all visits have begun."""

    def __init__(
        self, sandbox: Sandbox, *, pace: float = 1.0, patience_s: float = PATIENCE_S
    ) -> None:
        self._sandbox = sandbox
        self._pace = pace  # 1.0 = people; tests hurry
        self._patience_s = patience_s
        self._dice = random.Random(sandbox.options.seed)  # noqa: S311 - reproducible guests, no secret
        names = [f"table{n}" for n in range(1, sandbox.options.spots + 1)]
        self._free_tables: deque[str] = deque(names)

    async def run(self) -> None:
        """Keep all guests coming; return when the last has gone."""
        guests, options = self._sandbox.guests, self._sandbox.options
        guests.is_running = options.customers > 0 and options.spots > 0
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(min(options.customers, options.spots)):
                    group.create_task(self._guest(number), name=f"sandbox guest {number}")
        finally:
            guests.is_running = False

    def draw(self) -> str:
        """Pick the script of the next visit."""
        return self._dice.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]

    async def _guest(self, number: int) -> None:
        await self._nap(0.15 * number)
        while self._may_begin():
            table = self._take_table()
            if table is None:  # Somebody else sits at every table.
                await self._nap(0.5)
                continue
            script = self.draw()
            dice = random.Random(f"{self._sandbox.options.seed}:{self._sandbox.guests.started}")  # noqa: S311 - as above
            await self._visit(script, table, dice)
            self._free_tables.append(table)
            await self._nap(dice.uniform(0.3, 1.5))

    def _may_begin(self) -> bool:
        guests, most = self._sandbox.guests, self._sandbox.options.visits_max
        if guests.is_stopped or self._sandbox.stopping.is_set():
            return False
        return most is None or guests.started < most

    def _take_table(self) -> str | None:
        world, home = self._sandbox.world, self._sandbox.options.location_id
        for _ in range(len(self._free_tables)):
            table = self._free_tables.popleft()
            if world.spot_named(home, table).checkin is None:
                return table
            self._free_tables.append(table)
        return None

    async def _visit(self, script: str, table: str, dice: random.Random) -> None:
        world, guests = self._sandbox.world, self._sandbox.guests
        spot = world.spot_named(self._sandbox.options.location_id, table)
        while True:
            seat = Seat(world, spot, dice, self._nap, self._patience_s)
            guests.active += 1
            guests.started += 1
            guests.scenarios[script] += 1
            outcome = "cut short"
            try:
                outcome = await SCRIPTS[script](seat)
            finally:
                if world is self._sandbox.world:  # Otherwise a reset has forgotten this visit.
                    guests.active -= 1
                    guests.done += 1
                    guests.outcomes[f"{script}: {outcome}"] += 1
            comes_back = script == "comes_back_at_once" and outcome == "paid"
            if not comes_back or spot.checkin is not None or not self._may_begin():
                return
            script = "pays"  # Without a pause: the next check-in races the end of this visit.

    async def _nap(self, seconds: float) -> None:
        # Not wait_for: on Python 3.11 it swallows a cancel that meets its result, and the guest of
        # a server that stops would sit on.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds * self._pace):
                await self._sandbox.stopping.wait()


class Seat:
    """A guest at a table: what the app shows and what the guest can press."""

    def __init__(
        self,
        world: World,
        spot: Spot,
        dice: random.Random,
        nap: Callable[[float], Awaitable[None]],
        patience_s: float,
    ) -> None:
        self._world = world
        self._spot = spot
        self._checkin: CheckIn = world.scan(spot)
        self._dice = dice
        self._nap = nap
        self._patience_s = patience_s

    async def bill(self) -> Order | None:
        """Wait for an order to pay; None when the table is closed first or patience ends."""
        found = await self._world.timeline.until(
            self._spot.id, self._pending_or_over, self._patience_s
        )
        return found if isinstance(found, Order) else None

    def _pending_or_over(self) -> Order | bool | None:
        if self._checkin.ended_by is not None:
            return False
        return next((one for one in self._checkin.orders if one.status == "pending"), None)

    async def dawdle(self, least_s: float, most_s: float) -> None:
        """Take a while."""
        await self._nap(self._dice.uniform(least_s, most_s))

    async def pay(self, transaction: Transaction) -> str:
        """Hold the money and wait for what comes of it."""
        try:
            self._world.reserve(transaction)
        except VendorError:
            await self.see_off()
            return "too late"
        await self._world.timeline.until(
            self._spot.id, lambda: _settled(transaction), self._patience_s
        )
        status = transaction.status
        await self.see_off()
        return "paid" if status == "confirmed" else f"unpaid, {status}"

    def decline(self, transaction: Transaction) -> None:
        """Refuse to pay, if that is still possible."""
        with contextlib.suppress(VendorError):
            self._world.decline(transaction)

    async def see_off(self) -> None:
        """Wait for the table to be freed; go anyway when nobody frees it."""
        await self._world.timeline.until(self._spot.id, self._over, self._patience_s)
        self.leave()

    def _over(self) -> bool | None:
        return True if self._checkin.ended_by is not None else None

    def leave(self) -> None:
        """Go, unless the table has been closed already."""
        if self._checkin.ended_by is None:
            self._world.leave(self._spot)


def _settled(transaction: Transaction) -> str | None:
    return transaction.status if transaction.status != "reserved" else None


async def _pays(seat: Seat) -> str:
    order = await seat.bill()
    if order is None:
        seat.leave()
        return "no bill"
    await seat.dawdle(0.1, 0.8)
    return await seat.pay(order.transaction)


async def _pays_late(seat: Seat) -> str:
    order = await seat.bill()
    if order is None:
        seat.leave()
        return "no bill"
    await seat.dawdle(3.0, 6.0)
    return await seat.pay(order.transaction)


async def _declines(seat: Seat) -> str:
    order = await seat.bill()
    if order is not None:
        await seat.dawdle(0.2, 1.0)
        seat.decline(order.transaction)
    await seat.see_off()
    return "no bill" if order is None else "declined"


async def _walks_away(seat: Seat) -> str:
    order = await seat.bill()
    if order is not None:
        await seat.dawdle(0.2, 1.0)
    seat.leave()
    return "no bill" if order is None else "left"


async def _scans_and_leaves(seat: Seat) -> str:
    await seat.dawdle(0.05, 0.6)
    seat.leave()
    return "left"


async def _forgets(seat: Seat) -> str:
    await seat.see_off()
    return "forgot"


SCRIPTS: dict[str, Callable[[Seat], Awaitable[str]]] = {
    "pays": _pays,
    "comes_back_at_once": _pays,
    "pays_late": _pays_late,
    "declines": _declines,
    "walks_away": _walks_away,
    "scans_and_leaves": _scans_and_leaves,
    "forgets": _forgets,
}
