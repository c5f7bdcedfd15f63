"""A clock that is wrong, jumps, drifts, or slept for eight hours."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.adapters.wallet.clockwork import LoopClock
from tests.adapters.wallet.stage import Seen, Stage, no, says
from tests.crash.books import await_quiet, check_paid_once
from tests.operator.theatre import side_by_side, stage
from tests.service.bench import Bench
from tests.service.situations import offered
from worker.adapters.clock import SystemClock
from worker.adapters.wallet import WalletClient
from worker.domain.ids import LocationId, TransactionKey
from worker.domain.outcome import Done
from worker.domain.policy import Policy
from worker.domain.visit import End
from worker.domain.wallet import TransactionStatus

KEY = TransactionKey("aaBBccDD11223344eeFF")
TOLERANCE_S = 30.0
EIGHT_HOURS_S = 8 * 3600.0
THREE_DAYS_S = 3 * 86400.0


def serve_by(clock: LoopClock, stage: Stage) -> None:
    """Let the server be right about the time and refuse whoever is too far from it."""

    async def scene(seen: Seen, writer: asyncio.StreamWriter) -> None:
        right_s = clock.now().timestamp()
        if seen.target.endswith("/server"):
            await says(200, {"time": int(right_s)})(seen, writer)
        elif abs(int(seen.authorization["ts"]) - right_s) > TOLERANCE_S:
            await no(401, "invalid_timestamp")(seen, writer)
        else:
            await says(200, {"transaction_key": KEY, "status": "new"})(seen, writer)

    stage.otherwise = scene


@pytest.mark.parametrize(
    "steps_s",
    [
        [0.0, 3600.0, 3600.0, -3600.0, 0.0],
        [0.0, 1.0, 0.0, 1.0],
        [-1.79e9, 0.0, 1.79e9],
    ],
    ids=["daylight", "leap second", "no clock at boot"],
)
async def test_a_clock_that_steps_in_mid_session_costs_one_question_a_step(
    stage: Stage, client: WalletClient, clock: LoopClock, steps_s: list[float]
) -> None:
    """Every call is answered, writes too, and the time is asked for only where it was wrong (F53).

    Somebody sets the clock forth and back while the worker runs.
    """
    serve_by(clock, stage)
    wrong, offset_s = 0, 0.0
    for step_s in steps_s:
        clock.wall_off_s = step_s
        if abs(step_s + offset_s) > TOLERANCE_S:
            wrong, offset_s = wrong + 1, -step_s
        assert isinstance(await client.look_at_transaction(KEY), Done)
        assert isinstance(await client.revoke_transaction(KEY), Done)

    assert stage.targets().count("GET /server") == wrong
    assert len(stage.seen) == 2 * len(steps_s) + 2 * wrong
    nonces = [seen.authorization["nonce"] for seen in stage.seen if "authorization" in seen.headers]
    assert len(set(nonces)) == len(nonces)


async def test_a_clock_that_drifts_is_corrected_as_often_as_the_server_minds(
    stage: Stage, client: WalletClient, clock: LoopClock
) -> None:
    """Two hundred parts in a million are some seventeen seconds a day: a week of it (F54)."""
    serve_by(clock, stage)
    for day in range(7):
        clock.wall_off_s = day * 86400 * 200e-6
        assert isinstance(await client.look_at_transaction(KEY), Done)

    asked = stage.targets().count("GET /server")
    assert 2 <= asked <= 4
    assert client.health.clock_offset_s == pytest.approx(-clock.wall_off_s, abs=TOLERANCE_S + 2)


def pay_with_a_wrong_clock(folder: Path, skew_s: float) -> None:
    with stage(folder) as play:
        play.control("PUT", "faults", {"clock_skew_s": skew_s})
        play.scan()
        daemon = play.start(play.config())
        (told,) = [daemon.await_line("wallet.clock_offset")]
        assert told["offset_s"] == pytest.approx(skew_s, abs=5)
        play.pay()
        await_quiet(play)
        assert daemon.stop() == 0
        check_paid_once(play)


def test_a_guest_pays_at_a_machine_whose_clock_is_wrong_from_the_start(tmp_path: Path) -> None:
    """Three days behind, ten minutes ahead: signatures use the wallet's time (F52)."""
    skews = {"behind": THREE_DAYS_S, "ahead": -600.0}
    side_by_side(
        [partial(pay_with_a_wrong_clock, tmp_path / name, skew) for name, skew in skews.items()]
    )


@pytest.mark.parametrize(
    "woken_at",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 20, 11, 50, tzinfo=UTC),
        datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    ],
    ids=["1970", "ten minutes ago", "in three days"],
)
async def test_a_start_at_a_wrong_time_takes_the_money_of_a_guest_who_has_agreed(
    woken_at: datetime,
) -> None:
    """No visit is given up because of what the wall shows; the wallet is looked at first (F52)."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
    bench.world.reserve(bench.world.charges[key])

    bench.clock.at = woken_at
    bench.hire()
    async with bench.at_work():
        await bench.tick(8)

    assert bench.last().end is End.PAID
    assert bench.world.effects["confirm"] == bench.world.effects["close"] == 1
    assert bench.world.wrongs == []


@pytest.mark.parametrize("has_lapsed", [True, False])
async def test_a_machine_that_slept_between_the_look_and_the_confirm_looks_again(
    has_lapsed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Eight hours pass while the till is being asked. Suspended time counts, so the look has become
    too old to act on; what the wallet shows by then decides (F35).
    """
    bench = Bench(Policy(offer_ttl_s=600))
    find_bills, slept, confirmed_at = bench.till.find_bills, list[datetime](), list[datetime]()
    wallet = bench.engine._hands.wallet
    confirm = wallet.confirm_transaction

    async def sleep_first(location_id: LocationId, table: str) -> object:
        if bench.world.charges and not slept:
            await bench.clock.sleep(EIGHT_HOURS_S)
            slept.append(bench.clock.now())
            if has_lapsed:
                bench.world.charges[key].status = TransactionStatus.FAILED
        return await find_bills(location_id, table)

    async def note(asked: TransactionKey, not_after: datetime, lowered: object) -> object:
        confirmed_at.append(not_after)
        return await confirm(asked, not_after)

    async with bench.at_work():
        key = await offered(bench)
        monkeypatch.setattr(bench.till, "find_bills", sleep_first)
        monkeypatch.setattr(wallet, "confirm_transaction", note)
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(4)

    (woke_at,) = slept
    assert bench.last().end is (End.EXPIRED if has_lapsed else End.PAID)
    assert len(confirmed_at) == (0 if has_lapsed else 1)
    assert all(not_after - woke_at <= timedelta(seconds=5) for not_after in confirmed_at)
    assert all(not_after >= woke_at for not_after in confirmed_at)


async def test_a_machine_that_slept_through_an_offer_looks_before_it_withdraws_it() -> None:
    """The guest agreed just before the lid was shut: taken at their word (F35)."""
    bench = Bench(Policy(offer_ttl_s=600))
    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            bench.world.reserve(bench.world.charges[key])
            await bench.clock.sleep(EIGHT_HOURS_S)
            await bench.wait(0)
            await bench.tick(3)

    assert bench.last().end is End.PAID
    assert bench.world.calls["revoke"] == 0
    assert [line["event"] for line in lines].count("transaction.confirmed") == 1


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux counts it this way")
def test_time_that_a_machine_slept_through_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ticks come from the one clock of the system that goes on in a suspended machine (F35)."""
    awake_s, asleep_s = 1000.0, [0.0]
    clocks = {
        time.CLOCK_MONOTONIC: lambda: awake_s,
        time.CLOCK_BOOTTIME: lambda: awake_s + asleep_s[0],
    }
    monkeypatch.setattr(time, "clock_gettime", lambda which: clocks[which]())
    monkeypatch.setattr(time, "monotonic", lambda: awake_s)
    clock = SystemClock()
    before = clock.now()

    asleep_s[0] = EIGHT_HOURS_S

    assert clock.ticks_s() == awake_s + EIGHT_HOURS_S
    assert clock.now() - before == timedelta(seconds=EIGHT_HOURS_S)
