"""One evening: real workers in a simulated world, from one seed, judged by the world's truth."""

import contextvars
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tests.simulation import checkers, ears
from tests.simulation.choices import Choices, Fired
from tests.simulation.disk import MemoryDisk
from tests.simulation.fates import Fates
from tests.simulation.guests import Guests
from tests.simulation.loop import STEPS_MAX, SimLoop, play
from tests.simulation.plan import Plan, draw
from tests.simulation.process import EXIT_LOCKED, EXIT_OK, Process
from tests.simulation.sqlite_disk import SqliteDisk
from tests.simulation.till import House
from tests.simulation.trouble import Trouble
from tests.simulation.truth import Charge, Truth
from worker.domain.ids import SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.visit import Visit
from worker.domain.wallet import Spot, Transaction

NOON_S: Final = 1_790_000_000.0
"""What the wall shows when an evening begins."""
STORM_S_MAX: Final = 240.0
QUIET_S_MAX: Final = 240.0
"""How long after the last trouble an evening may take to end, beside what guests may dawdle."""


class Violation(AssertionError):
    """Something happened that must never happen."""

    def __init__(self, seed: int, wrongs: Sequence[str]) -> None:
        super().__init__(f"seed {seed}: {'; '.join(wrongs)}")
        self.seed = seed
        self.wrongs = list(wrongs)

    @property
    def checker(self) -> str:
        """Name the first invariant that was broken."""
        return self.wrongs[0].partition(":")[0]


@dataclass(slots=True)
class Knife:
    """Kills the worker at chosen instants: after the n-th step, or the n-th stir of the world.

    A stir is whatever outlives a process: a write sent to the wallet or handed to the disk, its
    effect, a guest's deed. Between two stirs it makes no difference at which step a process dies.
    """

    steps: tuple[int, ...] = ()
    stirs: tuple[int, ...] = ()
    keeps_last_write: bool = False
    """Whether a write under way at the kill is on the disk afterwards."""
    done: int = 0
    was_writing: bool = False
    """A write was under way at some kill, so it matters whether it is kept."""


@dataclass
class Evening:
    """One seed's evening. `play` raises `Violation` with everything that went wrong."""

    seed: int
    plan: Plan = field(default_factory=Plan)
    only: Collection[Fired] | None = None
    """The troubles and guests that may come; None: all that are drawn."""
    knife: Knife | None = None
    is_traced: bool = False
    tables: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.choices = Choices(self.seed, self.only)
        plan = self.plan
        shuffle = self.choices.stream("shuffle") if plan.is_shuffled else None
        self.loop = SimLoop(shuffle, STEPS_MAX)
        self.loop.after_step = self._after_step
        self.context = contextvars.copy_context()
        self.truth = Truth(self.loop.time, plan.vendor)
        self.truth.on_event = self._on_event
        self.fates = Fates(self.choices.stream("fates"), plan.severity)
        self.earlier_rows: list[tuple[Spot, int]] = []
        """What the list of spots said before, each row with its table's check-in."""
        self.misled: set[SpotId] = set()
        """Spots that a stale list showed waiting in a check-in that was over."""
        self.lied_about: set[TransactionKey] = set()
        """Transactions that an answer hid, or said something else of than what was asked for."""
        self.earlier_reservations: deque[tuple[Transaction, ...]] = deque(maxlen=5)
        self.closes_sent: set[tuple[str, str]] = set()
        """The journals and visits that ever sent a close."""
        self.create_doubts: set[str] = set()
        """References that were asked for and not plainly refused."""
        self.confirm_doubts: dict[TransactionKey, float] = {}
        """Until when a confirm that was sent, and not plainly refused, may still land."""
        self.confirm_prices: dict[TransactionKey, Money] = {}
        """What each of those confirms asked to be taken."""
        self.till = House(self, has_bills=plan.has_bills)
        self.truth.on_reserve = self.till.on_reserve
        self.truth.part_of = self.part_of
        self.tables = self.tables or tuple(f"t{n}" for n in range(1, plan.tables + 1))
        self.guests_left = plan.guests
        self.guests = Guests(self)
        self.trouble = Trouble(self)
        self.is_stormy = True
        self.is_over = False
        self.wall_offset_s = 0.0
        self.was_clock_set = False
        self.stirs = 0
        self._stirs_seen = 0
        self.kills = 0
        self.lives = 0
        self.told_parked: set[str] = set()
        """The labels of the visits that a human was called for."""
        self.trace: list[str] | None = [] if self.is_traced else None
        self.disks: list[MemoryDisk] = []
        self.processes: list[Process] = []
        self._delay = self.choices.stream("delay").random
        self._crash = self.choices.stream("crash").random
        self._disk_roll = self.choices.stream("disk").random

    # What everything in here asks.

    def wall_s(self) -> float:
        """Give what the machine's clock shows."""
        return NOON_S + self.loop.time() * (1 + self.trouble.drift) + self.wall_offset_s

    def delay_s(self) -> float:
        """Draw how long a call takes."""
        return 0.005 + self.plan.delay_s_max * self._delay() ** 2

    @property
    def till_chance(self) -> float:
        """How likely a call to the till meets trouble now."""
        return self.plan.till_chance if self.is_stormy else 0.0

    def draw_disk(self) -> tuple[float, str]:
        """Draw how long a write to the disk takes, and what befalls it."""
        roll, chance = self._disk_roll(), self.plan.disk_chance
        if not self.is_stormy or chance == 0.0 or roll >= chance:
            return 0.001, ""
        kinds = ("disk.slow", "disk.slow", "disk.write_fails", "disk.sync_fails")
        kind = kinds[int(4 * roll / chance)]
        if not self.choices.note(kind):
            return 0.001, ""
        self.tell("trouble", kind)
        return (2.0 * self._disk_roll() if kind == "disk.slow" else 0.01), kind

    def visit_of(self, charge: Charge) -> Visit | None:
        """Give the durable visit that a transaction was made for; None: there is none."""
        instance, visit = charge.owner
        for disk in self.disks:
            page = disk.page(visit) if disk.instance == instance else None
            if page is not None:
                return disk.durable.visit(page)
        return None

    def part_of(self, charge: Charge) -> str:
        """Tell which part of a bill a transaction is for; empty: the whole, or nobody can tell."""
        visit = self.visit_of(charge)
        parts = visit.parts if visit is not None else ()
        return next((part.part_id for part in parts if part.key == charge.key), "")

    def bill_of(self, charge: Charge) -> str:
        """Tell which bill a transaction is for; empty: none."""
        visit = self.visit_of(charge)
        has_bill = visit is not None and visit.bill is not None
        return f"{visit.bill.bill_id}" if visit and visit.bill and has_bill else ""

    def survives(self) -> bool:
        """Tell whether a write that a killed process had under way is on the disk."""
        if self.knife is not None:
            self.knife.was_writing = True
            return self.knife.keeps_last_write
        kept = self._disk_roll() < 0.5
        self.choices.note("kill.kept_the_write" if kept else "kill.lost_the_write")
        return kept

    def tell(self, what: str, *about: str) -> None:
        """Write a line of the timeline."""
        if self.trace is not None:
            self.trace.append(f"{self.loop.time():8.2f}  {what:<14} {' '.join(about)}")

    def _on_event(self, what: str, *about: object) -> None:
        self.stirs += 1
        if self.trace is not None:
            self.tell(what, *map(str, about))

    # Processes.

    def start(self, disk: MemoryDisk) -> Process:
        """Start a worker on a machine."""
        self.lives += 1
        process = Process(self, disk, self._on_exit)
        self.processes.append(process)
        self.tell("worker starts", disk.instance)
        return process

    def _on_exit(self, process: Process) -> None:
        self.tell("worker ends", str(process.exit_code))
        self.choices.note(f"exit.{process.exit_code}")
        self.processes.remove(process)
        if process.exit_code == EXIT_LOCKED:
            return
        self._start_again(process.disk, 1.0 if process.exit_code == EXIT_OK else 5.0)

    def kill(self, process: Process, *, is_power_lost: bool = False) -> None:
        """Kill a worker, and start it again some time later."""
        self.kills += 1
        self.tell("worker killed", process.disk.instance)
        process.kill()
        if is_power_lost:
            process.disk.lose_power()
        if process in self.processes:
            self.processes.remove(process)
        self._start_again(process.disk, self.plan.restart_s)

    def _start_again(self, disk: MemoryDisk, delay_s: float) -> None:
        def again() -> None:
            if disk.holder is None and not self.is_over:
                self.start(disk)

        self.loop.call_later(delay_s, again, context=self.context)

    def on_step(self, process: Process) -> None:
        """A worker made a step: it may have been its last."""
        chance = self.plan.crash_chance
        if chance and self.is_stormy and self._crash() < chance and self.choices.note("kill"):
            self.kill(process)

    def _after_step(self) -> None:
        if self.truth.wrongs:
            raise Violation(self.seed, self.truth.wrongs)
        if self.knife is not None:
            self._cut(self.knife)

    def _cut(self, knife: Knife) -> None:
        is_stirred = self.stirs != self._stirs_seen
        self._stirs_seen = self.stirs
        if not self.processes:
            return
        if knife.done < len(knife.steps) and self.loop.steps >= knife.steps[knife.done]:
            knife.done += 1
            self.kill(self.processes[0])
        is_due = knife.done < len(knife.stirs) and self.stirs >= knife.stirs[knife.done]
        if is_stirred and is_due:
            knife.done += 1
            self.kill(self.processes[0])

    # The evening itself.

    def play(self) -> "Evening":
        """Play it to its end."""
        try:
            with ears.listening(self.heard):
                play(self.loop, self._main(), self._end)
        finally:
            for disk in self.disks:
                disk.close()
        if self.truth.wrongs:
            raise Violation(self.seed, self.truth.wrongs)
        return self

    async def _main(self) -> None:
        count = 2 if self.plan.mode == "twin" else 1
        for number in range(count):
            self.disks.append(self._make_disk(number))
            self.start(self.disks[-1])
        await self._storm()
        if self.plan.mode in {"safety", "twin"}:
            await self._let_pass(30.0)
        else:
            await self._calm()
        self._end()
        await self._let_pass(0.0)
        wrongs = self.truth.wrongs + checkers.at_the_end(self)
        if wrongs:
            raise Violation(self.seed, wrongs)

    def _end(self) -> None:
        """Let nobody go on, and nobody start again."""
        self.is_over = True
        for process in list(self.processes):
            process.kill()

    def _make_disk(self, number: int) -> MemoryDisk:
        if self.plan.journal == "memory":
            return MemoryDisk(self, f"memory{number}2")
        return SqliteDisk(self, number, is_plain=self.plan.journal == "sqlite")

    async def _storm(self) -> None:
        while self.loop.time() < STORM_S_MAX:
            self.guests.come_and_go()
            self.trouble.strike()
            self.truth.expire()
            await self._let_pass(1.0)
            if self.guests_left <= 0 and not any(self.guests.at.values()):
                return

    async def _calm(self) -> None:
        """Stop every trouble, and demand that everything comes to an end."""
        self.is_stormy = False
        self.trouble.heal()
        began_s = self.loop.time()
        policy = self.plan.policy
        patience_s = QUIET_S_MAX + 1.5 * policy.offer_ttl_s + policy.bill_wait_s
        held_s_max = patience_s + policy.reserve_for_s
        while unfinished := checkers.unfinished(self):
            await self._let_pass(1.0)
            self.truth.expire()
            if checkers.only_the_till_is_left(self):
                patience_s = QUIET_S_MAX + 1.2 * policy.notice_wait_s_max
            lasted_s = self.loop.time() - began_s
            if "held money" in unfinished:
                # A till that no longer says what is owed has the guest's money held until shortly
                # before the hold's end: it may be owed after all.
                patience_s = max(patience_s, min(held_s_max, lasted_s + QUIET_S_MAX))
            if lasted_s > patience_s:
                raise Violation(self.seed, [f"liveness: after {patience_s:.0f} s {unfinished}"])

    async def _let_pass(self, seconds: float) -> None:
        done = self.loop.create_future()
        self.loop.call_later(seconds, done.set_result, None)
        await done

    # What a worker said, and what it must then be able to prove.

    def heard(self, process: object, event: str, visit: str) -> None:
        """A worker told something in its log: it has to be durable (S6)."""
        if isinstance(process, Process) and not process.is_dead:
            checkers.check_told(self, process, event, visit)


def from_seed(seed: int, journal: str = "memory") -> Evening:
    """Make the evening of a seed."""
    return Evening(seed, replace(draw(seed), journal=journal))
