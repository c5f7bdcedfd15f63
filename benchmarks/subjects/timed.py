"""The wallet's client with a stopwatch around each of its calls."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from worker.adapters.clock import SystemClock
from worker.adapters.wallet.client import WalletClient
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.outcome import Outcome
from worker.domain.wallet import NewTransaction, Spot, SpotList, SpotOrder, Transaction
from worker.settings import Settings


@dataclass(slots=True)
class _Lap:
    calls_s: float = 0.0
    linked_s: float | None = None


class Stopwatch:
    """When the list was answered, what each visit's calls took, when its order was linked.

    A call's time includes the wait for its lane, since bare calls queue the same.
    """

    def __init__(self) -> None:
        self._listed_s = 0.0
        self._laps: dict[str, _Lap] = {}

    def listed(self) -> None:
        self._listed_s = time.perf_counter()
        self._laps.clear()

    @contextmanager
    def call(self) -> Iterator[_Lap]:
        """Measure one call of the visit whose task this is."""
        task = asyncio.current_task()
        assert task is not None, "calls are made by visits, and visits are tasks"
        lap = self._laps.setdefault(task.get_name(), _Lap())
        began_s = time.perf_counter()
        try:
            yield lap
        finally:
            lap.calls_s += time.perf_counter() - began_s

    def collect(self) -> tuple[list[float], list[float]]:
        """Give, for each order linked, its time since the list, and the same without its calls."""
        laps, self._laps = self._laps, {}
        linked = [(lap.linked_s - self._listed_s, lap) for lap in laps.values() if lap.linked_s]
        return [total for total, _ in linked], [total - lap.calls_s for total, lap in linked]


class TimedClient(WalletClient):
    """Times the calls between a poll's answer and the order linked."""

    def __init__(
        self, settings: Settings, clock: SystemClock, dice: random.Random, watch: Stopwatch
    ) -> None:
        super().__init__(
            base_url=settings.wallet.base_url,
            client_id=settings.wallet.client_id,
            mac_key=settings.wallet.mac_key.get_secret_value(),
            timeout_s=settings.wallet.timeout_s,
            clock=clock,
            dice=dice,
        )
        self._watch = watch

    async def list_waiting_spots(self, location_id: LocationId) -> Outcome[SpotList]:
        answer = await super().list_waiting_spots(location_id)
        self._watch.listed()
        return answer

    async def look_at_spot(self, spot_id: SpotId) -> Outcome[Spot]:
        with self._watch.call():
            return await super().look_at_spot(spot_id)

    async def create_transaction(self, request: NewTransaction) -> Outcome[Transaction]:
        with self._watch.call():
            return await super().create_transaction(request)

    async def link_order(self, spot_id: SpotId, key: TransactionKey) -> Outcome[SpotOrder | None]:
        with self._watch.call() as lap:
            answer = await super().link_order(spot_id, key)
        lap.linked_s = time.perf_counter()
        return answer
