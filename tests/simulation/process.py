"""A worker's process: the real supervisor over simulated ports, to be frozen or killed."""

import asyncio
import contextvars
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from tests.simulation.loop import OWNER, SimHandle
from tests.simulation.till import SimTill
from tests.simulation.truth import HALL
from tests.simulation.wallet import SimWallet
from worker.adapters.clock import SystemClock
from worker.domain.errors import JournalLocked, JournalUnavailable
from worker.service.assembly import assemble

if TYPE_CHECKING:
    from tests.simulation.disk import MemoryDisk
    from tests.simulation.evening import Evening

EXIT_OK: Final = 0
EXIT_JOURNAL: Final = 69
EXIT_LOCKED: Final = 75


class Process:
    """One life of a worker on one machine."""

    def __init__(
        self, evening: "Evening", disk: "MemoryDisk", on_exit: Callable[["Process"], None]
    ) -> None:
        self.evening = evening
        self.disk = disk
        self.is_dead = False
        self.is_frozen = False
        self.is_broken = False
        """Its journal failed it; nothing may leave any more."""
        self.exit_code: int | None = None
        self.clock: SystemClock
        self._held: list[SimHandle] = []
        self._on_exit = on_exit
        self._stop: asyncio.Event | None = None
        self._context = contextvars.copy_context()
        self._context.run(OWNER.set, self)
        self.main = evening.loop.create_task(self._run(), context=self._context)
        self.main.add_done_callback(self._ended, context=evening.context)

    async def _run(self) -> None:
        evening = self.evening
        self.clock = SystemClock(evening.wall_s, evening.loop.time)
        journal = self.disk.open(self)
        try:
            self._stop = asyncio.Event()
            supervisor = assemble(
                locations=[HALL],
                spots_interval_s=evening.plan.poll_every_s,
                reservations_interval_s=evening.plan.poll_every_s,
                policy=evening.plan.policy,
                wallet=SimWallet(self),
                journal=journal,
                till=SimTill(self),
                clock=self.clock,
                dice=Random(evening.choices.stream("worker").getrandbits(64)),
                herald=Herald(),
                wallet_report=dict,
            )
            await supervisor.run(self._stop)
        finally:
            if not self.is_dead:
                await journal.aclose()

    def _ended(self, main: "asyncio.Task[None]") -> None:
        if self.is_dead:
            return
        self.is_dead = True
        error = None if main.cancelled() else main.exception()
        self.exit_code = self._code_of(error)
        self.disk.let_go(self)
        self._on_exit(self)

    def _code_of(self, error: BaseException | None) -> int:
        if error is None:
            return EXIT_OK
        if isinstance(error, BaseExceptionGroup):
            unavailable, rest = error.split(JournalUnavailable)
            if rest is not None:
                self.evening.truth.wrong("crash", f"the worker died of {rest.exceptions!r}")
            return EXIT_JOURNAL if unavailable else -1
        if isinstance(error, JournalLocked):
            return EXIT_LOCKED
        if isinstance(error, JournalUnavailable):
            return EXIT_JOURNAL
        self.evening.truth.wrong("crash", f"the worker died of {error!r}")
        return -1

    # What may befall it.

    def kill(self) -> None:
        """End it between two steps. Its ports are gone with it, so nothing it still runs counts."""
        if self.is_dead:
            return
        self.is_dead = True
        self.thaw()
        self.disk.let_go(self)
        self.main.cancel()

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._stop is not None and not self.is_frozen:
            self._stop.set()

    def freeze(self) -> None:
        """Let it stand still while the world goes on."""
        self.is_frozen = True

    def thaw(self) -> None:
        """Let it go on."""
        if self.is_frozen:
            self.is_frozen = False
            held, self._held = self._held, []
            self.evening.loop.put_back(held)

    def hold(self, handle: SimHandle) -> None:
        """Keep a step until it is thawed."""
        self._held.append(handle)

    def stepped(self) -> None:
        """One of its steps was run."""
        if self.is_dead:
            return
        self.evening.on_step(self)

    def must_live(self) -> None:
        """Let nothing of a dead process reach the world."""
        if self.is_dead:
            raise asyncio.CancelledError


class Herald:
    """Nobody listens."""

    def ready(self) -> None:
        """Hear nothing."""

    def status(self, text: str) -> None:
        """Hear nothing."""

    def stopping(self) -> None:
        """Hear nothing."""

    def watchdog(self) -> None:
        """Hear nothing."""
