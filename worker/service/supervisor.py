"""The life of the process: start, run, drain.

All loops live in one TaskGroup and have names. A loop that dies takes the process down, because the
journal remembers and a restart is the best tested path there is.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from worker.domain.errors import CredentialsRefused, SandboxMet
from worker.logbook import LineName
from worker.ports import Clock, Journal, JsonValue
from worker.service.engine import Engine
from worker.service.observing import Observer
from worker.service.poller import ReservationPoller, SpotPoller
from worker.service.postman import Postman
from worker.service.pulse import Pulse
from worker.service.report import one_line, report
from worker.service.sweeper import Sweeper
from worker.service.waiting import nap

DRAIN_S: Final = 8.0
"""A stop ends within 10 s; what is still under way then is resumed by the next start."""
BEAT_EVERY_S: Final = 5.0
ALIVE_EVERY_S: Final = 900.0

JOURNAL_ANSWERS_S: Final = 15.0
"""The journal takes a report every `BEAT_EVERY_S`; silent for longer, it hangs."""

SANDBOX_MET: Final = (
    "the answers at wallet.base_url come from a sandbox, and wallet.client_id is not the sandbox's"
)

Sideline = Callable[[asyncio.Event], Awaitable[None]]
"""Something that runs beside the loops until the event is set, and never raises."""

log = structlog.get_logger()


class Herald(Protocol):
    """Whoever started us and wants to know how we are."""

    def ready(self) -> None:
        """Say that everything unfinished is taken up."""

    def status(self, text: str) -> None:
        """Say in one line how we are."""

    def stopping(self) -> None:
        """Say that we are going."""

    def watchdog(self) -> None:
        """Say that every loop still turns."""


class Supervisor:
    """Runs the loops until told to stop."""

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        spot_pollers: Sequence[SpotPoller],
        reservation_poller: ReservationPoller,
        postman: Postman,
        sweeper: Sweeper,
        pulse: Pulse,
        clock: Clock,
        dice: random.Random,
        herald: Herald,
        wallet_report: Callable[[], Mapping[str, JsonValue]],
        observer: Observer | None = None,
        mode: str = "",
    ) -> None:
        """Prepare. With an `observer` nothing runs but the polls that it hears from."""
        self._observer = observer
        self._mode = mode
        self._engine = engine
        self._journal = journal
        self._spot_pollers = spot_pollers
        self._reservation_poller = reservation_poller
        self._postman = postman
        self._sweeper = sweeper
        self._pulse = pulse
        self._clock = clock
        self._dice = dice
        self._herald = herald
        self._wallet_report = wallet_report
        self._sidelines: dict[str, Sideline] = {}
        self.is_ready = False
        """Everything unfinished is taken up, and no stop was asked for yet."""

    @property
    def postman(self) -> Postman:
        """Give the outbox, to be looked at."""
        return self._postman

    @property
    def engine(self) -> Engine:
        """The visits, for whoever looks on."""
        return self._engine

    @property
    def pulse(self) -> Pulse:
        """The loops' proof of life, for whoever looks on."""
        return self._pulse

    def tell_state(self) -> None:
        """Say in the log how it is now, to somebody who asked by a signal."""
        figures = self._figures(self._wallet_report())
        log.info(
            LineName.WORKER_STATE,
            mode=self._mode,
            open=figures["open"],
            parked=figures["parked"],
            unposted=figures["unposted"],
            is_draining=figures["is_draining"],
            polls=figures["polls"],
            polls_failed=figures["polls_failed"],
            last_poll_ms=figures["last_poll_ms"],
            good_poll_age_s=figures["good_poll_age_s"],
            late_loops=", ".join(self._pulse.late()),
        )

    def _figures(self, wallet: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        return report(self._engine, self._postman, self._pulse, wallet, self._mode)

    def beside(self, name: str, sideline: Sideline) -> None:
        """Run something beside the loops. It is not counted on: payments do not wait for it."""
        self._sidelines[name] = sideline

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then drain.

        Raises an ExceptionGroup when a loop dies, with a CredentialsRefused in it when the wallet
        has not let us in since the start.
        """
        async with asyncio.TaskGroup() as group:
            unposted, resumed = await self._take_up(group)
            if resumed:
                log.info(LineName.VISITS_RESUMED, count=resumed)
            loops = self._start_loops(group, stop)
            self._herald.ready()
            log.info(LineName.WORKER_READY, open=resumed, unposted=unposted)
            self.is_ready = True
            await stop.wait()
            self.is_ready = False
            self._herald.stopping()
            for loop in loops:
                loop.cancel()
            await self._drain()

    async def _take_up(self, group: asyncio.TaskGroup) -> tuple[int, int]:
        """Take up what is unfinished; give how many notices and visits there are."""
        if self._observer is None:
            return await self._postman.start(group), await self._engine.start(group)
        left = len(await self._journal.open_visits())
        owed = len(await self._journal.owed_notices())
        if left or owed:
            log.warning(
                LineName.OBSERVE_UNFINISHED,
                open=left,
                unposted=owed,
                why="safety.mode is observe: visits and notices from before are left as they are",
                do="start with safety.mode canary or live to bring them to an end",
            )
        return 0, 0

    def _start_loops(
        self, group: asyncio.TaskGroup, stop: asyncio.Event
    ) -> list[asyncio.Task[None]]:
        """Start every loop by name; several locations do not poll in step."""
        loops = []
        for count, poller in enumerate(self._spot_pollers):
            pause_s = self._dice.uniform(0.0, 1.0) if count else 0.0
            loops.append(group.create_task(poller.run(stop, pause_s), name=poller.name))
        if self._observer is not None:
            loops.append(group.create_task(self._observer.run(stop), name=self._observer.name))
        else:
            loops += self._start_working_loops(group, stop)
        loops.append(group.create_task(self._beat(stop), name="beat"))
        for name, sideline in self._sidelines.items():
            loops.append(group.create_task(self._keep_beside(name, sideline, stop), name=name))
        return loops

    def _start_working_loops(
        self, group: asyncio.TaskGroup, stop: asyncio.Event
    ) -> list[asyncio.Task[None]]:
        """Start the loops that bring visits to an end."""
        return [
            group.create_task(self._reservation_poller.run(stop, 0.2), name="reservations"),
            group.create_task(self._sweeper.run(stop), name="sweep"),
            group.create_task(self._sweeper.watch_strangers(stop), name="strangers"),
            group.create_task(self._postman.run(stop), name=self._postman.name),
        ]

    async def _keep_beside(self, name: str, sideline: Sideline, stop: asyncio.Event) -> None:
        """Run what is not counted on; whatever becomes of it, the loops go on."""
        try:
            await sideline(stop)
        except Exception as error:
            log.error(
                LineName.SIDELINE_CRASHED,
                loop=name,
                error=f"{type(error).__name__}: {error}",
                do="payments go on without it; restart the worker to have it back, and report this",
                exc_info=error,
            )

    async def _beat(self, stop: asyncio.Event) -> None:
        """Keep the newest report for `status`, feed the watchdog, and show life now and then."""
        self._pulse.expect("journal", JOURNAL_ANSWERS_S)
        told_s = self._clock.ticks_s()
        while not stop.is_set():
            wallet = self._wallet_report()
            figures = self._figures(wallet)
            await self._journal.beat(self._clock.now(), figures)
            self._pulse.beat("journal")
            self._herald.status(one_line(figures))
            if wallet.get("is_sandbox"):
                raise SandboxMet(SANDBOX_MET)
            # An open visit may be one that only we can finish, should the key be put right there.
            if wallet.get("is_turned_away") and not figures["open"]:
                raise CredentialsRefused(str(wallet.get("last_trouble", "")))
            if not self._pulse.late():
                self._herald.watchdog()
            if self._clock.ticks_s() - told_s >= ALIVE_EVERY_S:
                told_s = self._clock.ticks_s()
                log.info(
                    LineName.WORKER_ALIVE,
                    open=figures["open"],
                    parked=figures["parked"],
                    unposted=figures["unposted"],
                    polls=figures["polls"],
                    polls_failed=figures["polls_failed"],
                    last_poll_ms=figures["last_poll_ms"],
                )
            await nap(BEAT_EVERY_S, stop)

    async def _drain(self) -> None:
        waiting = self._engine.in_flight()
        log.info(
            LineName.WORKER_STOPPING,
            waits_for=", ".join(f"{visit.label} {visit.step.value}" for visit in waiting)
            or "nothing",
        )
        # Side by side: a till that hangs must not eat the time of a confirm.
        await asyncio.gather(self._engine.drain(DRAIN_S), self._postman.drain(DRAIN_S))
