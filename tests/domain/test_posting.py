"""When the till is told again of a payment that it has not accepted."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.story import NOON, POLICY
from worker.domain.policy import Policy
from worker.domain.posting import next_try

THREE_DAYS_S = 72 * 3600


def wait_s(attempts: int, after_s: float = 0, policy: Policy = POLICY) -> float | None:
    """How long the till is left alone after so many attempts."""
    now = NOON + timedelta(seconds=after_s)
    then = next_try(NOON, attempts, now, policy)
    return None if then is None else (then - now).total_seconds()


def test_waits_double_from_five_seconds_to_ten_minutes() -> None:
    """Soon at first, as most troubles pass; never so seldom that a mended till waits long."""
    assert [wait_s(attempts) for attempts in range(12)] == [
        5, 5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600,
    ]  # fmt: skip


def test_a_wait_stays_a_number_that_time_can_hold() -> None:
    """However often it was tried, and however long the operator lets the waits grow."""
    endless = Policy(notice_wait_s=1.0, notice_wait_s_max=1e9)

    assert [wait_s(n, policy=endless) for n in (20, 21, 22, 10_000)] == [
        2**19, 2**20, 2**20, 2**20,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("attempts", "after_s", "is_left"),
    [
        (50, THREE_DAYS_S, True),
        (50, THREE_DAYS_S - 0.001, False),
        (49, THREE_DAYS_S, False),
        (10_000, THREE_DAYS_S - 0.001, False),
        (0, 10 * THREE_DAYS_S, False),
        (10_000, 10 * THREE_DAYS_S, True),
    ],
)
def test_it_is_left_to_a_human_after_three_days_and_fifty_attempts(
    attempts: int, after_s: float, *, is_left: bool
) -> None:
    """Both: a worker that was away, or a clock that was set on, still tells often enough."""
    assert (wait_s(attempts, after_s) is None) is is_left


def test_a_clock_that_was_set_back_gives_nothing_up() -> None:
    """The first attempt seems to lie ahead; it is told again in the usual time."""
    assert wait_s(60, -THREE_DAYS_S) == 600


@given(st.integers(0, 10**9), st.integers(0, 10**7))
def test_it_is_always_told_again_within_ten_minutes_or_left_for_good(
    attempts: int, after_s: int
) -> None:
    """No payment is forgotten in between."""
    wait = wait_s(attempts, after_s)

    if wait is None:
        assert attempts >= 50
        assert after_s >= THREE_DAYS_S
    else:
        assert 5 <= wait <= 600


def test_all_the_attempts_of_three_days_are_made_in_time() -> None:
    """Some four hundred and forty, the last one within ten minutes of the end."""
    now: datetime | None = NOON
    attempts, last = 0, NOON
    while now is not None:
        attempts, last = attempts + 1, now
        now = next_try(NOON, attempts, now, POLICY)

    assert attempts == 439
    assert 0 <= (last - NOON).total_seconds() - THREE_DAYS_S < 600
