"""Put the listener together: what records, what is read off, and the door that shows it.

Loaded only when the operator opened the door. Everything that it needs of the rest of the worker
goes through `Watch`, and whatever fails in here is told and left alone: payments go on.
"""

import asyncio
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from worker import __version__
from worker.adapters.journal.past import JournalPast
from worker.adapters.journal.sqlite import SqliteJournal
from worker.adapters.listener.app import App, Sources
from worker.adapters.listener.guards import Guard
from worker.adapters.listener.metrics import Figures, Metrics
from worker.adapters.listener.server import Porter, open_door
from worker.adapters.wallet.client import WalletClient
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import LocationId
from worker.logbook import LineName
from worker.ports import Clock, Till, Wallet
from worker.service import plan
from worker.service.floor import FloorBook, Moment, notices_of
from worker.service.measuring import OPS, TILL_OPS, MeasuredTill, MeasuredWallet
from worker.service.recorder import RESULTS, Recorder, Several
from worker.service.supervisor import Supervisor
from worker.settings import Settings

KNOCK_AGAIN_S: Final = 30.0
"""How long to wait before a port that was taken is tried again."""
PARKED_EVERY_S: Final = 10.0
"""How often the journal is asked who waits for a human: a verb may have changed it."""
LAG_EVERY_S: Final = 0.5
SINCE: Final = timedelta(hours=36)

log = structlog.get_logger()


class Watch:
    """Everything that looks on at one worker."""

    def __init__(self, settings: Settings, clock: Clock, mode: str) -> None:
        """Begin to keep figures. `mode` is the word for what the worker may do."""
        locations = {LocationId(each.id): each.name for each in settings.locations}
        self._settings = settings
        self._clock = clock
        self._mode = mode
        self._supervisor: Supervisor | None = None
        self._wallet: WalletClient | None = None
        self._book = FloorBook(locations)
        self._metrics = Metrics(
            version=__version__,
            mode=mode,
            locations=list(locations),
            ops=OPS,
            till_ops=TILL_OPS,
            results=RESULTS,
            figures=self._figures,
        )
        self.recorder: Final[Recorder] = Several([self._book, self._metrics])

    def over_wallet(self, wallet: WalletClient) -> Wallet:
        """Give the wallet with a clock beside it."""
        self._wallet = wallet
        return MeasuredWallet(wallet, self.recorder, self._clock)

    def over_till(self, till: Till) -> Till:
        """Give the till with a clock beside it."""
        return MeasuredTill(till, self.recorder, self._clock)

    def over_journal(self, journal: SqliteJournal) -> None:
        """Hear how long the journal's commits take."""
        journal.on_commit = self._metrics.committed

    def beside(self, supervisor: Supervisor) -> None:
        """Let the supervisor run the door and what belongs to it."""
        self._supervisor = supervisor
        supervisor.beside("listener", self._keep_door)
        supervisor.beside("listener past", self._read_past)
        supervisor.beside("listener lag", self._measure_lag)

    # What runs.

    async def _keep_door(self, stop: asyncio.Event) -> None:
        """Answer at the door; when it can not be opened, try again now and then."""
        listener = self._settings.listener
        is_told = False
        while not stop.is_set():
            try:
                door = open_door(listener.host, listener.port)
            except OSError as error:
                if not is_told:
                    is_told = True
                    log.error(
                        LineName.LISTENER_UNAVAILABLE,
                        port=listener.port,
                        why=error.strerror or str(error),
                        do="payments go on without the page and the probes; free the port or "
                        "choose another listener.port",
                    )
                await self._clock.sleep(KNOCK_AGAIN_S)
                continue
            port: int = door.getsockname()[1]
            token = listener.token.get_secret_value() if listener.token is not None else None
            app = App(Guard(port=port, token=token), self._sources(), self._clock)
            host = f"[{listener.host}]" if ":" in listener.host else listener.host
            log.info(LineName.LISTENER_READY, port=port, base_url=f"http://{host}:{port}/")
            await Porter(app, door, self._clock).run()

    async def _read_past(self, stop: asyncio.Event) -> None:
        """Learn what the journal knows from before, and whom a human has looked after since."""
        past = JournalPast(self._settings.journal.path)
        has_read = is_told = False
        try:
            while not stop.is_set():
                try:
                    if not has_read:
                        self._book.remember(await past.visits_since(self._clock.now() - SINCE))
                        has_read = True
                    self._book.parked = await past.parked()
                    is_told = False
                except JournalUnavailable as error:
                    if not is_told:
                        is_told = True
                        log.warning(LineName.LISTENER_PAST_UNREAD, why=str(error))
                await self._clock.sleep(PARKED_EVERY_S)
        finally:
            await past.aclose()

    async def _measure_lag(self, stop: asyncio.Event) -> None:
        """See how late the event loop wakes what asked to be woken."""
        while not stop.is_set():
            began_s = self._clock.ticks_s()
            await self._clock.sleep(LAG_EVERY_S)
            self._metrics.lagged(self._clock.ticks_s() - began_s - LAG_EVERY_S)

    # What is told.

    def _sources(self) -> Sources:
        return Sources(
            why_not_live=lambda: plan.why_not_live(self._moment()),
            why_not_ready=lambda: plan.why_not_ready(self._book, self._moment()),
            health=lambda: plan.health(self._book, self._moment()),
            floor=lambda: plan.floor(
                self._book, self._moment(), version=__version__, mode=self._mode
            ),
            metrics=self._metrics.render,
        )

    def _moment(self) -> Moment:
        """See the worker as it is now."""
        supervisor, wallet, now = self._supervisor, self._wallet, self._clock.now()
        assert supervisor is not None, "the door opens beside a supervisor"
        assert wallet is not None, "a worker has a wallet"
        visits = list(supervisor.engine.open_visits())
        health = wallet.health
        throttled_s = 0.0
        if health.throttled_until is not None:
            throttled_s = max(0.0, (health.throttled_until - now).total_seconds())
        return Moment(
            now=now,
            open_visits=visits,
            loops=supervisor.pulse.loops(),
            is_ready=supervisor.is_ready,
            is_draining=supervisor.engine.is_draining,
            notices=notices_of(supervisor.postman.pending(), now),
            throttled_s=throttled_s,
            clock_offset_s=health.clock_offset_s,
        )

    def _figures(self) -> Figures:
        moment = self._moment()
        ages: dict[LocationId, float] = dict.fromkeys(self._book.locations, 0.0)
        for visit in moment.open_visits:
            age_s = (moment.now - visit.opened_at).total_seconds()
            ages[visit.location_id] = max(age_s, ages.get(visit.location_id, 0.0))
        steps = Counter((visit.location_id, visit.step.value) for visit in moment.open_visits)
        parked = Counter(visit.location_id for visit in self._book.parked)
        journal_bytes, free_bytes = disk_of(self._settings.journal.path)
        return Figures(
            is_ready=not plan.why_not_ready(self._book, moment),
            open_steps=steps,
            oldest_open_s=ages,
            in_doubt={kind.value: n for kind, n in plan.in_doubt(moment).items()},
            parked={each: parked[each] for each in self._book.locations},
            loops=moment.loops,
            throttled_s=moment.throttled_s,
            clock_offset_s=moment.clock_offset_s,
            notices_pending=moment.notices.pending,
            notices_oldest_s=moment.notices.oldest_age_s,
            journal_bytes=journal_bytes,
            journal_free_bytes=free_bytes,
        )


def disk_of(path: Path) -> tuple[int, int]:
    """Give the bytes that a journal and its log take, and those left on its disk."""
    taken = 0
    for file in (path, path.with_name(f"{path.name}-wal")):
        try:
            taken += file.stat().st_size
        except OSError:
            continue  # Not there now.
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return taken, 0
    return taken, found.f_bavail * found.f_frsize
