"""Time that rules can trust."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from worker.adapters.clock import SystemClock
from worker.ports import Clock


def test_a_stepped_wall_clock_does_not_move_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall may jump by a year; now() grows by what has really passed (F53)."""
    clock = SystemClock()
    before = clock.now()
    real = time.time()
    monkeypatch.setattr(time, "time", lambda: real + 31_536_000)

    assert clock.now() - before < timedelta(minutes=1)
    assert clock.wall_s() == real + 31_536_000


def test_now_begins_at_the_wall_and_follows_the_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aware, in UTC, and exactly as far on as the ticks are."""
    ticks = [1000.0]
    monkeypatch.setattr(time, "clock_gettime", lambda _: ticks[0])
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    clock: Clock = SystemClock()

    ticks[0] += 90.5

    expected = datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(seconds=90.5)
    assert clock.now() == expected
    assert clock.now().tzinfo is UTC
    assert clock.ticks_s() == 1090.5


def test_ticks_fall_back_where_suspended_time_is_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not every system has such a clock."""

    def unknown(_: int) -> float:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(time, "clock_gettime", unknown)
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)

    assert SystemClock().ticks_s() == 7.0


def test_ticks_only_grow() -> None:
    """However often they are read."""
    clock = SystemClock()
    seen = [clock.ticks_s() for _ in range(1000)]

    assert seen == sorted(seen)


async def test_the_clock_sleeps() -> None:
    """For waits that are short."""
    await SystemClock().sleep(0)
