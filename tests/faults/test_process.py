"""What can happen to a worker's process, and to two of them."""

import asyncio
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.crash.books import await_quiet, check_paid_once
from tests.operator.processes import ROOT, environ, until
from tests.operator.theatre import side_by_side, stage
from tests.service.bench import Bench
from tests.service.situations import offered, poisoned
from tests.service.test_supervising import FakeHerald, a_supervisor
from tests.service.test_supervising import until as until_in_loop
from worker.domain.bill import Bill
from worker.domain.ids import SpotId
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import SpotStatus
from worker.service import engine, supervisor

FROZEN_S = 4.5
"""Longer than the patience of the calls that are out."""
PATIENCE_S = 3.0


def die_of(folder: Path, number: signal.Signals) -> None:
    """Let the process die inside a confirm that works, as a fault of the machine would have it."""
    with stage(folder) as play:
        config = play.config()
        play.scan()
        daemon = play.start(config)
        _, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_CORE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_CORE, (0, hard))
        key = play.await_offer()
        play.await_steps(Step.OFFERED)
        play.hold("transaction.confirm", 1.0)
        play.control("POST", f"transactions/{key}/reserve")
        held = play.await_held("transaction.confirm")
        daemon.tell(number)
        assert daemon.wait() == -number
        play.await_landed("transaction.confirm", held)

        successor = play.start(config)
        await_quiet(play)
        assert successor.stop() == 0
        check_paid_once(play)
        assert len(play.calls("transaction.confirm")) == 1


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux's prlimit")
def test_a_worker_that_dies_of_a_fault_of_the_machine_is_followed_by_one_that_looks(
    tmp_path: Path,
) -> None:
    """A bad access, an abort, a kernel short of memory: nothing flushed, nothing lost (F32)."""
    numbers = [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL]
    side_by_side([partial(die_of, tmp_path / one.name, one) for one in numbers])


def freeze(folder: Path, op: str) -> None:
    """Stop the process while a call is out, and let it go on when its answer is old."""
    with stage(folder) as play:
        play.scan()
        daemon = play.start(play.config(timeout_s=PATIENCE_S))
        key = play.await_offer()
        play.await_steps(Step.OFFERED)
        play.hold(op, 1.0)
        play.control("POST", f"transactions/{key}/reserve")
        held = play.await_held(op)
        daemon.tell(signal.SIGSTOP)
        play.await_landed(op, held)
        time.sleep(FROZEN_S)
        daemon.tell(signal.SIGCONT)
        await_quiet(play)
        assert daemon.stop() == 0
        check_paid_once(play)

        (confirm,) = play.calls("transaction.confirm")
        looks = [call["n"] for call in play.calls("transaction.get") if call["n"] != held]
        if op == "transaction.get":
            assert any(held < look < confirm["n"] for look in looks), "it acted on what was old"
        else:
            assert any(look > confirm["n"] for look in looks), "it believed what it did not hear"


def test_a_worker_that_was_frozen_looks_again_before_it_goes_on(tmp_path: Path) -> None:
    """
    A paused machine: what was read before the pause allows no confirm after it, and a confirm whose
    answer was slept through is looked up, not repeated (F34).
    """
    ops = ("transaction.get", "transaction.confirm")
    side_by_side([partial(freeze, tmp_path / op, op) for op in ops])


async def test_the_watchdog_starves_as_soon_as_one_loop_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other loops turn and the report goes on, and still systemd hears nothing more (F36)."""
    monkeypatch.setattr(supervisor, "BEAT_EVERY_S", 0.01)
    bench, herald, stop = Bench(), FakeHerald(), asyncio.Event()
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        asked.set()
        await never.wait()

    monkeypatch.setattr(bench.spots, "poll", hang)
    running = asyncio.create_task(a_supervisor(bench, herald).run(stop))
    await until_in_loop(lambda: "watchdog" in herald.said, "the watchdog is fed")
    await asyncio.wait_for(asked.wait(), 10)
    await bench.clock.sleep(61)
    bench.engine.stirred.set()
    await until_in_loop(lambda: bench.pulse.late() == [bench.spots.name], "only the hung is late")

    fed, reported = herald.said.count("watchdog"), len(herald.said)
    await until_in_loop(lambda: len(herald.said) > reported + 3, "the report goes on")
    assert herald.said.count("watchdog") == fed

    monkeypatch.setattr(bench.spots, "poll", never.wait)
    never.set()
    await until_in_loop(lambda: herald.said.count("watchdog") > fed, "it is fed again")
    stop.set()
    await asyncio.wait_for(running, 10)


def test_two_workers_with_journals_of_their_own_never_touch_each_others_guests(
    tmp_path: Path,
) -> None:
    """
    Two machines, one credential. The second sees the first one's bill on the table: it says so,
    offers nothing beside it, and leaves the other's money and spot alone (F38).
    """
    with stage(tmp_path) as play:
        play.scan()
        first = play.start(play.config("first"))
        key = play.await_offer()
        second = play.start(play.config("second", journal=tmp_path / "second.db"))
        said = second.await_line("worker.twin_seen")
        assert (said["level"], bool(said["do"])) == ("error", True)
        second.await_line("spot.foreign")
        play.control("POST", f"transactions/{key}/reserve")
        await_quiet(play)
        assert first.stop() == 0
        assert second.stop() == 0

        check_paid_once(play)
        assert len(play.calls("transaction.create")) == 1
        assert len(play.calls("transaction.confirm")) == 1
        assert len(play.calls("spot.close")) == 1
        for event in ("transaction.created", "transaction.confirmed", "visit.parked"):
            assert second.told(event) == []


async def test_a_visit_that_fails_three_times_is_parked_and_called_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its table is freed, its money is left to a human, and the others are served (F39)."""
    bench = Bench(Policy(offer_ttl_s=600))
    bench.till.owe("t1", Bill("bill-1", Money(1000, "EUR"), "One"))
    poisoned(monkeypatch, 3)
    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            other = await offered(bench, "t2")
            bench.world.reserve(bench.world.charges[key])
            bench.world.reserve(bench.world.charges[other])
            await bench.tick(12)

    ends = {visit.table: (visit.step, visit.end) for visit in bench.visits()}
    assert ends == {"t1": (Step.PARKED, End.PARKED), "t2": (Step.CLOSED, End.PAID)}
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED
    counts = [line["count"] for line in lines if line["event"] == "visit.crashed"]
    assert counts == list(range(1, engine.CRASHES_MAX + 1))
    assert [line["table"] for line in lines if line["event"] == "visit.parked"] == ["t1"]


def test_a_log_that_can_not_be_written_keeps_nobody_from_paying(tmp_path: Path) -> None:
    """Standard output is a full disk from the first line to the last (F51)."""
    with stage(tmp_path) as play, Path("/dev/full").open("wb") as full:
        play.scan()
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "run", "--config", str(play.config())],
            env=environ(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=full,
            start_new_session=True,
        )
        try:
            play.pay()
            await_quiet(play)
            process.terminate()
            assert process.wait(timeout=15) == 0
        finally:
            process.kill()
            process.wait()
        check_paid_once(play)


def test_a_key_that_was_changed_on_one_side_costs_time_and_no_guest(tmp_path: Path) -> None:
    """
    Refused for its key, the worker says so once, keeps asking and leaves its open visit alone; the
    next start with the right key finds that the guest has agreed and takes the money once
    (F16, F58).
    """
    with stage(tmp_path) as play:
        config = play.config()
        play.scan()
        daemon = play.start(config)
        key = play.await_offer()
        play.await_steps(Step.OFFERED)
        assert daemon.stop() == 0

        refused = play.start(play.config("refused", mac_key="a-key-from-before-the-change"))
        said = refused.await_line("wallet.credentials_refused")
        assert "wallet.mac_key" in said["do"]
        play.control("POST", f"transactions/{key}/reserve")
        polls = len(refused.told("poll.failed"))
        until("it asks again", lambda: len(refused.told("poll.failed")) > polls)
        assert refused.stop() == 0
        assert len(refused.told("wallet.credentials_refused")) == 1
        assert play.steps() == [Step.OFFERED]
        assert play.ledger()["reserved_count"] == 1

        again = play.start(config)
        await_quiet(play)
        assert again.stop() == 0
        check_paid_once(play)
