"""The worker itself, as bootstrap builds it, polled when told to and not every 3 seconds.

Everything is real: the engine and its sweeper, the wallet's client, the journal on the disk, the
fixed till, and the log, which goes to /dev/null as JSON. Only the polls' clockwork is left out.
"""

import asyncio
import gc
import os
import random
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from benchmarks.subjects.protocol import Took, obey, until
from benchmarks.subjects.timed import Stopwatch, TimedClient
from worker import settings as setting
from worker.adapters import logs
from worker.adapters.clock import SystemClock
from worker.adapters.journal.sqlite import SqliteJournal
from worker.bootstrap import make_supervisor, make_wallet
from worker.domain.visit import Step
from worker.service.supervisor import Supervisor
from worker.tills import make_till


class Subject:
    """A worker that does what it is told."""

    def __init__(
        self, supervisor: Supervisor, journal: SqliteJournal, watch: Stopwatch | None
    ) -> None:
        # The only strangers' hands in these pockets: a supervisor starts its parts, we one by one.
        self.engine = supervisor._engine  # noqa: SLF001
        self.sweeper = supervisor._sweeper  # noqa: SLF001
        self.reservations = supervisor._reservation_poller  # noqa: SLF001
        (self.spots,) = supervisor._spot_pollers  # noqa: SLF001
        self._journal = journal
        self._watch = watch
        self._commits = 0

    async def offer(self, guests: int) -> None:
        await self.spots.poll()
        await until(lambda: self._is_offered(guests), "offering")

    async def finish(self, guests: int) -> None:
        await self.reservations.poll()
        await until(lambda: not list(self.engine.open_visits()), "finishing")

    def fill(self, took: Took) -> None:
        took.commits, self._commits = self._journal.commits - self._commits, self._journal.commits
        if self._watch is not None:
            took.totals_s, took.beyond_s = self._watch.collect()

    def _is_offered(self, guests: int) -> bool:
        visits = list(self.engine.open_visits())
        if len(visits) < guests or any(visit.step is not Step.OFFERED for visit in visits):
            return False
        return not self.engine.in_flight()


async def serve(config: Path, *, is_timed: bool) -> None:
    """Build the worker and obey."""
    settings = setting.load(config, {})
    clock, dice, stop = SystemClock(), random.SystemRandom(), asyncio.Event()
    async with AsyncExitStack() as stack:
        journal = SqliteJournal.open(settings.journal.path)
        stack.push_async_callback(journal.aclose)
        till = make_till(settings, clock)
        stack.push_async_callback(till.aclose)
        watch = Stopwatch() if is_timed else None
        if watch is None:
            wallet = make_wallet(settings, clock, dice)
        else:
            wallet = TimedClient(settings, clock, dice, watch)
        stack.push_async_callback(wallet.aclose)
        supervisor = make_supervisor(
            settings, wallet=wallet, journal=journal, till=till, clock=clock, dice=dice
        )
        subject = Subject(supervisor, journal, watch)
        async with asyncio.TaskGroup() as group:
            gc.freeze()  # As bootstrap does.
            await subject.engine.start(group)
            sweeping = group.create_task(subject.sweeper.run(stop))
            await obey({"offer": subject.offer, "finish": subject.finish}, subject.fill)
            stop.set()
            await sweeping


def main() -> None:
    with Path(os.devnull).open("w") as nowhere, suppress(KeyboardInterrupt):
        logs.configure(level="info", fmt="json", stream=nowhere)
        asyncio.run(serve(Path(sys.argv[1]), is_timed="--timed" in sys.argv))


if __name__ == "__main__":
    main()
