"""The only place that knows every concrete class: it builds the worker, runs it, takes it down."""

import asyncio
import gc
import os
import random
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from worker import __version__
from worker.adapters import logs
from worker.adapters.clock import SystemClock
from worker.adapters.journal.letterbox import FileLetterBox
from worker.adapters.journal.past import visits_since
from worker.adapters.journal.reader import JournalReader
from worker.adapters.journal.sqlite import SqliteJournal
from worker.adapters.names import NamesLoop
from worker.adapters.systemd import Herald
from worker.adapters.till import GuardedTill
from worker.adapters.till.connector import TillError
from worker.adapters.wallet.client import WalletClient
from worker.domain.errors import (
    CredentialsRefused,
    JournalLocked,
    JournalUnavailable,
    SandboxMet,
)
from worker.domain.ids import LocationId
from worker.domain.policy import Policy
from worker.domain.safety import Mode, Safety
from worker.domain.visit import Visit
from worker.logbook import LineName
from worker.ports import Clock, JsonValue
from worker.service.assembly import Bounds, assemble
from worker.service.requests import Desk, RequestLoop
from worker.service.supervisor import Supervisor
from worker.settings import Settings, is_loopback_url
from worker.tills import make_till

if TYPE_CHECKING:
    from worker.watching import Watch

PAST: Final = timedelta(hours=36)
"""How far back visits are read that may have taken money this day: a day, and a long evening."""

EXIT_OK: Final = 0
EXIT_DEGRADED: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOT_RUNNING: Final = 3
EXIT_UNAVAILABLE: Final = 69
EXIT_BUG: Final = 70
EXIT_TEMPORARY: Final = 75
EXIT_CREDENTIALS: Final = 77
EXIT_CONFIGURATION: Final = 78

log = structlog.get_logger()


def make_wallet(settings: Settings, clock: SystemClock, dice: random.Random) -> WalletClient:
    """Build the client of the wallet."""
    return WalletClient(
        base_url=settings.wallet.base_url,
        client_id=settings.wallet.client_id,
        mac_key=settings.wallet.mac_key.get_secret_value(),
        timeout_s=settings.wallet.timeout_s,
        clock=clock,
        dice=dice,
    )


def make_policy(settings: Settings) -> Policy:
    """Give the rules the operator's numbers."""
    return Policy(
        bill_wait_s=settings.visit.bill_wait_s,
        offer_ttl_s=settings.visit.offer_ttl_s,
        reserve_for_s=settings.visit.reserve_for_s,
        serves_oldest_bill=getattr(settings.till, "several_bills", "") == "oldest",
        confirms_lowered=getattr(settings.till, "shrunk_bill", "") == "confirm_lower",
    )


def make_supervisor(
    settings: Settings,
    *,
    wallet: WalletClient,
    journal: SqliteJournal,
    till: GuardedTill,
    clock: SystemClock,
    dice: random.Random,
) -> Supervisor:
    """Give the service floor its ports and the operator's numbers."""
    watch = make_watch(settings, clock)
    safety = make_safety(settings)
    supervisor = assemble(
        locations=[LocationId(location.id) for location in settings.locations],
        spots_interval_s=settings.polling.spots_interval_s,
        reservations_interval_s=settings.polling.reservations_interval_s,
        policy=make_policy(settings),
        wallet=wallet if watch is None else watch.over_wallet(wallet),
        journal=journal,
        till=till if watch is None else watch.over_till(till),
        clock=clock,
        dice=dice,
        herald=Herald(),
        wallet_report=lambda: wallet_report(wallet),
        recorder=None if watch is None else watch.recorder,
        bounds=Bounds(safety, past_of(settings, safety, clock), mode_of(settings)),
    )
    if watch is not None:
        watch.over_journal(journal)
        watch.beside(supervisor)
    desk = Desk(
        journal=journal,
        clock=clock,
        wallet=wallet,
        on_back=supervisor.postman.take_back,
        on_drain=supervisor.engine.drain_from_now,
        on_settled=supervisor.engine.one_settled,
    )
    box = FileLetterBox(settings.journal.path, clock.wall_s)
    supervisor.beside("requests", RequestLoop(box=box, desk=desk).run)
    return supervisor


def make_watch(settings: Settings, clock: SystemClock) -> "Watch | None":
    """Build what looks on; None: the operator did not ask for it."""
    if not settings.listener.enabled:
        return None
    from worker.watching import Watch  # noqa: PLC0415 - a web server that most workers never need

    return Watch(settings, clock, mode_of(settings))


def mode_of(settings: Settings) -> str:
    """Give the words for what the worker works with, and what it may do there.

    A wallet on this machine is the sandbox, where live goes without saying.
    """
    mode = settings.safety.mode
    if not is_loopback_url(settings.wallet.base_url):
        return mode
    return "sandbox" if mode == "live" else f"sandbox, {mode}"


def make_safety(settings: Settings) -> Safety:
    """Give the rules the operator's bounds."""
    given = settings.safety
    return Safety(
        mode=Mode(given.mode),
        max_amount_minor=given.max_amount_minor,
        max_day_minor=given.max_day_minor,
        canary_spots=frozenset(given.canary_spots),
    )


def past_of(settings: Settings, safety: Safety, clock: Clock) -> Sequence[Visit]:
    """Read the visits that may have taken money this day, where a bound counts them.

    Raises:
        JournalUnavailable: it can not be read, so nobody knows what is left of the bound.

    """
    if safety.max_day_minor is None:
        return ()
    with JournalReader(settings.journal.path) as reader:
        return visits_since(reader, clock.now() - PAST)


def wallet_report(wallet: WalletClient) -> Mapping[str, JsonValue]:
    """Say how the wallet is doing, in plain values."""
    health = wallet.health
    return {
        "is_reachable": health.is_reachable,
        "is_turned_away": health.is_turned_away,
        "last_trouble": health.last_trouble,
        "throttled_until": health.throttled_until.isoformat() if health.throttled_until else None,
        "clock_offset_s": health.clock_offset_s,
        "calls": dict(health.calls),
        "is_sandbox": health.is_sandbox,
    }


def run(settings: Settings) -> int:
    """Run the worker until it is told to stop; return the exit code."""
    stream = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - open as long as we live
    logs.configure(
        level=settings.log.level,
        fmt=settings.log.format,
        stream=stream,
        secrets=settings.secrets(),
    )
    tell_start(settings)
    try:
        with asyncio.Runner(loop_factory=NamesLoop) as runner:
            runner.run(serve(settings))
    except Exception as exc:  # The last line of every life: say it, and give the exit code.
        return say_why(exc)
    log.info(LineName.WORKER_STOPPED, exit_code=EXIT_OK)
    return EXIT_OK


def tell_start(settings: Settings) -> None:
    """Say what begins here, and what in the settings is worth a second look."""
    log.info(
        LineName.WORKER_STARTED,
        version=__version__,
        mode=mode_of(settings),
        base_url=settings.wallet.base_url,
        locations=", ".join(str(location.id) for location in settings.locations),
        journal=str(settings.journal.path),
        interval_s=settings.polling.spots_interval_s,
    )
    if settings.safety.mode == "canary":
        log.info(
            LineName.WORKER_CANARY,
            tables=", ".join(settings.safety.canary_spots),
            why="safety.mode is canary: these tables are served, all others are left alone",
        )
    for warning in settings.warnings:
        log.warning(LineName.CONFIG_WARNED, why=warning)


def say_why(error: Exception) -> int:
    """Say why the worker ends, and give the exit code that says it to a script."""
    causes = list(root_causes(error))
    for kind, event, exit_code, do in (
        (JournalLocked, LineName.JOURNAL_LOCKED, EXIT_TEMPORARY, "stop the other worker first"),
        (
            JournalUnavailable,
            LineName.JOURNAL_UNAVAILABLE,
            EXIT_UNAVAILABLE,
            "nothing was done without being recorded; mend the journal and start again",
        ),
        (
            TillError,
            LineName.TILL_UNUSABLE,
            EXIT_CONFIGURATION,
            "correct [till] and try: paysera-worker check-config --online",
        ),
        (
            SandboxMet,
            LineName.WORKER_SANDBOX_MET,
            EXIT_CONFIGURATION,
            "give the wallet.base_url of the real wallet, or the credentials that `sandbox` prints",
        ),
        (
            CredentialsRefused,
            LineName.WORKER_TURNED_AWAY,
            EXIT_CREDENTIALS,
            "put wallet.client_id and wallet.mac_key right, see that check-config --online is"
            " accepted, then start the worker; until then nothing starts it again",
        ),
    ):
        for cause in causes:
            if isinstance(cause, kind):
                log.error(event, error=str(cause), exit_code=exit_code, do=do)
                return exit_code
    log.error(
        LineName.WORKER_CRASHED,
        error=f"{type(causes[0]).__name__}: {causes[0]}",
        exit_code=EXIT_BUG,
        do="start it again, it resumes where it was; and please report this line",
        exc_info=causes[0],
    )
    return EXIT_BUG


def root_causes(error: BaseException) -> Iterator[BaseException]:
    """Give the exceptions inside the groups."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from root_causes(inner)
    else:
        yield error


async def serve(settings: Settings) -> None:
    """Build everything, run it, and take it down in order."""
    stop = asyncio.Event()
    listen_to_signals(stop)
    clock = SystemClock()
    dice = random.SystemRandom()
    async with AsyncExitStack() as stack:
        journal = SqliteJournal.open(settings.journal.path)
        stack.push_async_callback(journal.aclose)
        till = make_till(settings, clock)
        stack.push_async_callback(till.aclose)
        wallet = make_wallet(settings, clock, dice)
        stack.push_async_callback(wallet.aclose)
        supervisor = make_supervisor(
            settings, wallet=wallet, journal=journal, till=till, clock=clock, dice=dice
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, supervisor.tell_state)
        await resume_draining(journal, supervisor)
        gc.freeze()  # What is loaded by now stays; the collector need not walk through it again.
        await supervisor.run(stop)


def ask_to_stop(stop: asyncio.Event, signal_name: str) -> None:
    """Stop politely, and say who wanted it."""
    log.info(LineName.WORKER_SIGNALLED, signal=signal_name)
    stop.set()


async def resume_draining(journal: SqliteJournal, supervisor: Supervisor) -> None:
    """Begin no visits where an operator said so before this start."""
    since = await journal.draining_since()
    if since is not None:
        supervisor.engine.drain_from_now(is_draining=True)
        log.warning(
            LineName.WORKER_DRAINING,
            since=since.isoformat(timespec="seconds"),
            do="no new visits are begun; paysera-worker drain --undo ends it",
        )


def listen_to_signals(stop: asyncio.Event) -> None:
    """TERM and INT stop politely; HUP is answered in the log and changes nothing.

    USR1 asks how it is, which nobody can say yet; it would end a process that does not expect it.
    """
    loop = asyncio.get_running_loop()

    def on_hangup() -> None:
        log.warning(
            LineName.WORKER_SIGNALLED,
            signal="SIGHUP",
            why="settings are not reloaded while running",
            do="restart the worker to change them; open visits are resumed",
        )

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop, stop, number.name)
    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    loop.add_signal_handler(signal.SIGUSR1, lambda: None)
