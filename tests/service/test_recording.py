"""Who looks on hears what is durable, as it happened, and can not change or stop anything."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from tests.service.bench import Bench, FakeTill
from tests.service.test_supervising import FakeHerald, a_supervisor, until
from tests.service.world import HALL, FakeWallet
from worker.domain.facts import FactName
from worker.domain.ids import LocationId, OrderReference
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step, Visit
from worker.domain.wallet import NewTransaction, SpotList
from worker.ports import JsonValue, Surfaced, Wallet
from worker.service import supervisor as supervisor_module
from worker.service.measuring import OPS, TILL_OPS, MeasuredTill, MeasuredWallet
from worker.service.recorder import RESULTS, Several, Silence


class Ears(Silence):
    """Keeps what it hears, and compares it with the journal on the spot."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.facts: list[FactName] = []
        self.steps: list[Step] = []
        self.calls: list[tuple[str, str]] = []
        self.polls: list[tuple[LocationId, str]] = []
        self.guards: list[float] = []
        self.till: list[tuple[str, str | None]] = []
        self.early: list[Visit] = []
        self.surfacings: list[Surfaced] = []

    def told(self, visit: Visit, fact: FactName) -> None:
        self.facts.append(fact)
        self._compare(visit)

    def wrote(self, visit: Visit) -> None:
        if not self.steps or self.steps[-1] is not visit.step:
            self.steps.append(visit.step)
        self._compare(visit)

    def called(self, op: str, result: str, took_s: float) -> None:
        assert took_s >= 0
        self.calls.append((op, result))

    def polled(
        self, location_id: LocationId, result: str, answer: SpotList | str, took_s: float,
        at: datetime,
    ) -> None:  # fmt: skip
        self.polls.append((location_id, result))

    def closing(self, guard_s: float) -> None:
        self.guards.append(guard_s)

    def asked_till(
        self, location_id: LocationId, op: str, trouble: str | None, took_s: float
    ) -> None:
        self.till.append((op, trouble))

    def surfaced(self, what: Surfaced) -> None:
        self.surfacings.append(what)

    def _compare(self, visit: Visit) -> None:
        kept = {each.visit_id: each for each in self.bench.visits()}
        if kept.get(visit.visit_id) != visit:
            self.early.append(visit)


def with_ears(bench: Bench) -> Ears:
    """Let somebody listen to a bench, through the same wrappers as in a real worker."""
    ears = Ears(bench)
    hands = bench.engine._hands
    wallet: Wallet = MeasuredWallet(FakeWallet(bench.world), ears, bench.clock)
    object.__setattr__(hands, "wallet", wallet)
    object.__setattr__(hands, "till", MeasuredTill(bench.till, ears, bench.clock))
    bench.spots._wallet = bench.reservations._wallet = wallet
    bench.engine._recorder = bench.strangers._recorder = ears
    return ears


async def a_paid_visit(bench: Bench) -> None:
    """Let one guest come, agree and go."""
    bench.world.scan("table1")
    await bench.tick(2)
    (charge,) = bench.world.offers("table1")
    bench.world.reserve(charge)
    await bench.tick(4)


async def test_a_visit_is_heard_step_by_step_and_only_once_durable() -> None:
    """Nothing is told that a crash in the next instant could make untrue."""
    bench = Bench()
    ears = with_ears(bench)
    async with bench.at_work():
        await a_paid_visit(bench)

    assert bench.last().end is End.PAID
    assert ears.early == []
    assert ears.steps[-1] is Step.CLOSED
    assert {Step.CREATING, Step.LINKING, Step.OFFERED, Step.CONFIRMING} <= set(ears.steps)
    assert ears.facts.count(FactName.TRANSACTION_CONFIRMED) == 1
    assert ears.facts[-1] is FactName.VISIT_CLOSED


async def test_what_becomes_of_transactions_without_a_visit_is_heard() -> None:
    """A stranger's once; ours by what was done with it."""
    bench = Bench(Policy(offer_ttl_s=600))
    ears = with_ears(bench)
    strange = NewTransaction(OrderReference("shop-17"), Money(999, "EUR"), "Web shop", 900)
    bench.world.reserve(bench.world.charge(strange))
    bench.world.trouble["create"].append("lost_reply")
    async with bench.at_work():
        bench.world.scan("table1")
        await bench.tick(4)
        assert sorted(ears.surfacings) == [Surfaced.ADOPTED, Surfaced.UNKNOWN]
        ears.surfacings.clear()
        for identifier, is_found in (("table2", True), ("table3", False)):
            bench.world.trouble["create"].append("lost_reply")
            bench.world.are_new_charges_unlisted = True
            bench.world.scan(identifier)
            await bench.tick(6)
            bench.world.are_new_charges_unlisted = not is_found
            bench.clock.at += timedelta(seconds=61) if is_found else timedelta(days=32)
            await bench.strangers.look_round()

    assert ears.surfacings == [Surfaced.REVOKED, Surfaced.EXPIRED]


async def test_every_call_has_a_known_word_and_every_poll_its_location() -> None:
    bench = Bench()
    ears = with_ears(bench)
    async with bench.at_work():
        await a_paid_visit(bench)

    ops = [op for op, _ in ears.calls]
    assert set(ops) == set(OPS) - {"revoke"}
    assert ops.count("confirm") == ops.count("create") == 1
    assert {result for _, result in ears.calls} <= set(RESULTS)
    assert set(ears.polls) == {(HALL, "ok")}
    assert {op for op, _ in ears.till} <= set(TILL_OPS)
    assert ("find_bills", None) in ears.till
    assert len(ears.guards) == ops.count("close") == 1
    assert ears.guards[0] >= 0


async def test_a_till_in_trouble_is_heard_with_its_reason() -> None:
    bench = Bench()
    ears = with_ears(bench)
    bench.till.trouble = "the folder is gone"
    async with bench.at_work():
        bench.world.scan("table1")
        await bench.tick(2)

    assert ("find_bills", "the folder is gone") in ears.till
    assert isinstance(bench.till, FakeTill)


async def test_ears_that_fail_do_not_hurt_a_visit() -> None:
    """A figure is never worth a payment."""

    class Deaf(Ears):
        def wrote(self, visit: Visit) -> None:
            raise RuntimeError("no more room for figures")

    bench = Bench()
    with_ears(bench)
    bench.engine._recorder = Several([Deaf(bench)])
    async with bench.at_work():
        await a_paid_visit(bench)

    assert bench.last().end is End.PAID


async def test_what_runs_beside_may_die_and_the_loops_go_on() -> None:
    """It is told in one line; the worker works until it is told to stop."""
    bench, herald = Bench(), FakeHerald()
    supervisor = a_supervisor(bench, herald)
    stop, has_died = asyncio.Event(), asyncio.Event()

    async def fragile(stop: asyncio.Event) -> None:
        has_died.set()
        raise OSError("no")

    supervisor.beside("fragile", fragile)
    with capture_logs() as lines:
        running = asyncio.create_task(supervisor.run(stop))
        await has_died.wait()
        await until(lambda: "watchdog" in herald.said, "the watchdog is fed")
        assert supervisor.is_ready
        assert not running.done()
        stop.set()
        await running

    told = [line for line in lines if line["event"] == "sideline.crashed"]
    assert [(line["loop"], line["log_level"]) for line in told] == [("fragile", "error")]
    assert not supervisor.is_ready


async def test_what_runs_beside_is_over_when_the_worker_is() -> None:
    """A stop does not wait for it to notice."""
    bench, herald = Bench(), FakeHerald()
    supervisor = a_supervisor(bench, herald)
    stop, ends = asyncio.Event(), []

    async def deaf(stop: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("over")

    supervisor.beside("deaf", deaf)
    running = asyncio.create_task(supervisor.run(stop))
    await herald.is_ready.wait()
    stop.set()
    await asyncio.wait_for(running, 5)

    assert ends == ["over"]


async def test_a_journal_that_does_not_answer_is_late_like_a_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """/livez reads it off the pulse, and the watchdog goes hungry with it."""
    bench, herald = Bench(), FakeHerald()
    supervisor = a_supervisor(bench, herald)
    stop, held = asyncio.Event(), asyncio.Event()

    async def hang(at: datetime, report: Mapping[str, JsonValue]) -> None:
        held.set()
        await stop.wait()

    monkeypatch.setattr(bench.journal, "beat", hang)
    running = asyncio.create_task(supervisor.run(stop))
    await held.wait()
    assert "journal" not in supervisor.pulse.late()
    bench.clock.at += timedelta(seconds=15.5)
    late = supervisor.pulse.late()
    ages = {name: age_s for name, age_s, _ in supervisor.pulse.loops()}
    stop.set()
    await running

    assert "journal" in late
    assert ages["journal"] >= 15
    assert "watchdog" not in herald.said


async def test_a_journal_that_answers_is_never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each report that it takes is a beat of its own."""
    monkeypatch.setattr(supervisor_module, "BEAT_EVERY_S", 0.01)
    bench, herald = Bench(), FakeHerald()
    supervisor = a_supervisor(bench, herald)
    stop = asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop))
    await until(lambda: "watchdog" in herald.said, "a report was taken")
    bench.clock.at += timedelta(seconds=15.5)
    await until(lambda: "journal" not in supervisor.pulse.late(), "another one was taken")
    stop.set()
    await running
