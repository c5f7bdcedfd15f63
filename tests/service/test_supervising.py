"""The life of the process: loops, naps, proof of life, and how it ends."""

import asyncio
import random
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from tests.service.bench import Bench
from worker.domain.errors import CredentialsRefused, JournalUnavailable
from worker.domain.events import SpotHinted
from worker.domain.ids import TransactionKey, VisitId
from worker.domain.outcome import Outcome
from worker.domain.visit import End, Step
from worker.service import poller, sweeper
from worker.service.supervisor import Supervisor
from worker.service.waiting import nap


class FakeHerald:
    """Whoever started us."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_ready = asyncio.Event()

    def ready(self) -> None:
        """Hear that all is taken up."""
        self.said.append("ready")
        self.is_ready.set()

    def status(self, text: str) -> None:
        """Hear how it is."""
        self.said.append(text)

    def stopping(self) -> None:
        """Hear that it goes."""
        self.said.append("stopping")

    def watchdog(self) -> None:
        """Hear that it lives."""
        self.said.append("watchdog")


def a_supervisor(bench: Bench, herald: FakeHerald, *, is_turned_away: bool = False) -> Supervisor:
    """Put the bench's parts under a supervisor."""
    return Supervisor(
        engine=bench.engine,
        journal=bench.journal,
        spot_pollers=[bench.spots],
        reservation_poller=bench.reservations,
        postman=bench.postman,
        sweeper=bench.sweeper,
        pulse=bench.pulse,
        clock=bench.clock,
        dice=random.Random(1),
        herald=herald,
        wallet_report=lambda: {
            "is_reachable": True,
            "is_turned_away": is_turned_away,
            "last_trouble": "spots: HTTP 401",
        },
    )


async def until(fact: object, what: str) -> None:
    """Wait for a fact, within bounds."""
    for _ in range(2000):
        if callable(fact) and fact():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"never came true: {what}")


async def test_a_nap_ends_when_its_event_is_set_or_its_time_is_up() -> None:
    """An hour's nap does not delay the end of the process."""
    event = asyncio.Event()
    sleeper = asyncio.create_task(nap(3600, event))
    await asyncio.sleep(0)
    assert not sleeper.done()
    event.set()

    await asyncio.wait_for(sleeper, 5)
    await nap(3600, event)
    await nap(-1, asyncio.Event())
    await nap(0.001, asyncio.Event())


async def test_a_nap_of_nothing_still_lets_others_run() -> None:
    """A loop that is late must not starve the rest."""
    ran = asyncio.Event()
    asyncio.get_running_loop().call_soon(ran.set)

    await nap(0, asyncio.Event())
    assert ran.is_set()


async def test_a_cancelled_nap_is_cancelled() -> None:
    """A cancel is not a stop."""
    sleeper = asyncio.ensure_future(nap(3600, asyncio.Event()))
    await asyncio.sleep(0)
    sleeper.cancel()

    with pytest.raises(asyncio.CancelledError):
        await sleeper


async def test_the_supervisor_is_ready_after_it_took_up_what_was_open() -> None:
    """Then every loop turns, the watchdog is fed, and a stop is clean."""
    bench, herald, stop = Bench(), FakeHerald(), asyncio.Event()
    bench.world.scan("t1")
    running = asyncio.create_task(a_supervisor(bench, herald).run(stop))
    await until(lambda: len(bench.world.offers("t1")) == 1, "an offer")
    await until(lambda: "watchdog" in herald.said, "the watchdog is fed")
    stop.set()

    await asyncio.wait_for(running, 10)
    assert herald.said[0] == "ready"
    assert herald.said[-1] == "stopping"
    assert bench.last().step is Step.OFFERED
    assert bench.journal.last_beat is not None


async def test_a_loop_that_dies_takes_the_process_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug does not leave half a worker running (F41)."""
    bench, herald = Bench(), FakeHerald()

    async def explode() -> None:
        raise ValueError("boom")

    monkeypatch.setattr(bench.spots, "poll", explode)

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(a_supervisor(bench, herald).run(asyncio.Event()), 10)

    assert caught.group_contains(ValueError, match="boom")


async def test_a_worker_that_was_never_let_in_and_has_nothing_open_ends() -> None:
    """Knocking on helps nobody, and nobody waits for it (F16)."""
    supervisor = a_supervisor(Bench(), FakeHerald(), is_turned_away=True)

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(supervisor.run(asyncio.Event()), 10)

    assert caught.group_contains(CredentialsRefused, match="spots: HTTP 401")


async def test_a_worker_with_an_open_visit_is_never_turned_away() -> None:
    """Only it can finish the visit, should the key be put right at the wallet (F16)."""
    bench, herald, stop = Bench(), FakeHerald(), asyncio.Event()
    async with bench.at_work():
        bench.world.scan("t1")
        await bench.poll()
    bench.hire()
    supervisor = a_supervisor(bench, herald, is_turned_away=True)
    running = asyncio.create_task(supervisor.run(stop))
    await until(lambda: "watchdog" in herald.said, "a whole beat went by")
    stop.set()

    await asyncio.wait_for(running, 10)
    assert bench.last().step is Step.OFFERED


async def test_a_journal_that_fails_takes_the_process_down_before_any_side_effect() -> None:
    """What can not be recorded is not done (F43)."""
    bench, herald = Bench(), FakeHerald()
    bench.world.scan("t1")
    running = asyncio.create_task(a_supervisor(bench, herald).run(asyncio.Event()))
    await herald.is_ready.wait()
    bench.journal.break_down("disk full")

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(running, 10)

    assert caught.group_contains(JournalUnavailable)
    assert bench.world.calls["create"] == 0


async def test_a_stop_lets_the_call_in_flight_end_and_journals_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The confirm is under way: its answer is waited for (F33)."""
    bench, herald, stop = Bench(), FakeHerald(), asyncio.Event()
    gate = asyncio.Event()
    wallet = bench.engine._hands.wallet
    inner = wallet.confirm_transaction

    async def slow(key: TransactionKey, not_after: datetime, lowered: object) -> Outcome[None]:
        began.set()
        await gate.wait()
        return await inner(key, not_after)

    began = asyncio.Event()
    monkeypatch.setattr(wallet, "confirm_transaction", slow)
    bench.world.scan("t1")
    running = asyncio.create_task(a_supervisor(bench, herald).run(stop))
    await until(lambda: len(bench.world.offers("t1")) == 1, "an offer")
    bench.world.reserve(bench.world.offers("t1")[0])
    await asyncio.wait_for(bench.reservations.poll(), 5)
    await asyncio.wait_for(began.wait(), 5)
    stop.set()
    await asyncio.sleep(0)
    gate.set()

    await asyncio.wait_for(running, 10)
    assert bench.world.effects["confirm"] == 1
    (open_visit,) = await bench.journal.open_visits()
    assert open_visit.pending == (), "its answer is in the journal"


async def test_a_loop_that_hangs_is_not_called_alive() -> None:
    """The watchdog is fed only while every loop turns (F36)."""
    bench = Bench()
    bench.pulse.expect("spots-9975", 60.0)
    assert bench.pulse.late() == []
    await bench.clock.sleep(61)

    assert bench.pulse.late() == ["spots-9975"]
    bench.pulse.beat("spots-9975")
    assert bench.pulse.late() == []


async def test_polls_slow_down_while_the_wallet_is_away_and_recover_at_once() -> None:
    """After a few failures the pause doubles up to half a minute; one answer resets it.

    (F1, F12)
    """
    bench = Bench()
    async with bench.at_work():
        bench.world.trouble["spots"].extend(["lost_request"] * 9)
        pauses = []
        for _ in range(9):
            await bench.spots.poll()
            pauses.append(bench.spots._pause_s())
        await bench.spots.poll()

    usual = 3 + poller.START_MARGIN_S
    assert pauses == [*[usual] * 5, 6, 12, 24, poller.PAUSE_S_MAX]
    assert bench.spots._pause_s() == usual


async def test_visits_that_could_not_look_are_woken_when_the_wallet_is_back() -> None:
    """Nobody waits out a long pause after the outage is over (F12)."""
    bench = Bench()
    async with bench.at_work():
        bench.world.scan("t1")
        bench.world.trouble["spot"].append("lost_request")
        await bench.spots.poll()
        await bench.rest()
        bench.world.trouble["spots"].append("lost_request")
        await bench.spots.poll()
        await bench.poll()

        assert len(bench.world.offers("t1")) == 1


async def test_reservations_are_asked_for_seldom_while_nothing_is_offered() -> None:
    """Three seconds while a guest decides, five times as long otherwise."""
    bench = Bench()
    async with bench.at_work():
        assert bench.reservations._pause_s() == 15
        bench.world.scan("t1")
        await bench.poll()
        assert bench.reservations._pause_s() == 3


async def test_a_hint_for_a_visit_that_is_gone_is_dropped() -> None:
    """Lists lag behind."""
    bench = Bench()
    async with bench.at_work():
        bench.engine.hint(VisitId(99), SpotHinted("x"))
        bench.world.scan("t1")
        await bench.poll()
        bench.world.reserve(bench.world.offers("t1")[0])
        await bench.poll()
        assert bench.last().end is End.PAID
        await bench.tick(2)


async def test_an_incomplete_list_is_told_once_and_when_it_is_whole_again() -> None:
    """The readable rows are served meanwhile."""
    bench = Bench()
    with capture_logs() as lines:
        async with bench.at_work():
            bench.world.is_list_partial = True
            bench.world.scan("t1")
            await bench.tick(3)
            bench.world.is_list_partial = False
            await bench.tick(2)

    told = [line["event"] for line in lines if line["event"].startswith("poll.")]
    assert [event for event in told if event != "poll.answered"] == [
        "poll.incomplete",
        "poll.complete",
    ]


async def test_the_sweeper_wakes_what_is_due() -> None:
    """The alarm clock of the visits, with the real loop."""
    bench = Bench()
    bench.till.trouble = "no bill yet"
    stop = asyncio.Event()
    async with bench.at_work():
        bench.world.scan("t1")
        await bench.poll()
        looks = bench.world.calls["spot"]
        loop = asyncio.create_task(bench.sweeper.run(stop))
        await asyncio.sleep(0)
        await bench.clock.sleep(sweeper.PAUSE_S_MAX)
        bench.engine.stirred.set()
        await until(lambda: bench.world.calls["spot"] > looks, "the visit looked again")
        stop.set()
        bench.engine.stirred.set()
        await asyncio.wait_for(loop, 5)
