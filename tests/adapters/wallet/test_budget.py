"""The shared budget: who goes first, who waits, and for how long."""

import asyncio
import random
from datetime import timedelta
from email.utils import format_datetime

import pytest

from worker.adapters.wallet.budget import HOLD_MAX_S, HOLD_MIN_S, Budget, Urgency

from .clockwork import START, LoopClock, play


def a_budget(width: int = 4) -> Budget:
    return Budget(width=width, clock=LoopClock(), dice=random.Random(3))


async def held_after(retry_after: str) -> float:
    budget = a_budget()
    hold = budget.enter_now(Urgency.POLL)
    assert hold is not None
    budget.leave(hold, is_throttled=True, retry_after=retry_after)
    return budget.held_for_s()


@pytest.mark.parametrize(
    ("retry_after", "expected_s"),
    [
        ("17", 17.0),
        (" 17 ", 17.0),
        ("2.5", 2.5),
        ("-1", HOLD_MIN_S),
        ("0", HOLD_MIN_S),
        ("86400", HOLD_MAX_S),
        ("9" * 5000, HOLD_MAX_S),
        (format_datetime(START + timedelta(seconds=40), usegmt=True), 40.0),
        (format_datetime(START - timedelta(days=3), usegmt=True), HOLD_MIN_S),
        (format_datetime(START + timedelta(days=3), usegmt=True), HOLD_MAX_S),
    ],
)
def test_a_told_pause_is_kept_within_one_second_and_five_minutes(
    retry_after: str, expected_s: float
) -> None:
    """Seconds or a date, however absurd: the pause is at least 1 s and at most 300 s (F14)."""
    assert play(held_after(retry_after)) == pytest.approx(expected_s)


@pytest.mark.parametrize(
    "retry_after", ["", "soon", "\uff11\uff17", "nan", "inf", "Fri, 99 Nov 2026"]
)
def test_a_pause_that_is_not_told_is_our_own(retry_after: str) -> None:
    """Without a readable Retry-After we back off by ourselves (F14)."""
    assert HOLD_MIN_S <= play(held_after(retry_after)) <= 2.0


def test_our_own_pauses_grow_while_the_answers_stay_the_same() -> None:
    """Each throttled answer in a row doubles the pause; a good one starts over."""

    async def story() -> list[float]:
        budget, pauses = a_budget(), []
        for is_throttled in (True, True, True, True, False, True):
            hold = await budget.enter(Urgency.POLL, 10_000.0)
            assert hold is not None
            budget.leave(hold, is_throttled=is_throttled)
            pauses.append(budget.held_for_s())
        return pauses

    first, second, third, fourth, none, again = play(story())
    assert first < second < third < fourth
    assert (none, again <= 2.0) == (0.0, True)


def test_no_more_calls_are_out_than_there_are_places() -> None:
    """The gate is as wide as told, whatever the crowd (F65)."""

    async def story() -> int:
        budget, most = a_budget(4), 0

        async def call() -> None:
            nonlocal most
            hold = await budget.enter(Urgency.BEGIN, 1e9)
            assert hold is not None
            most = max(most, budget.in_flight)
            await asyncio.sleep(1.0)
            budget.leave(hold)

        async with asyncio.TaskGroup() as crowd:
            for _ in range(50):
                crowd.create_task(call())
        assert (budget.in_flight, budget.waiting) == (0, 0)
        return most

    assert play(story()) == 4


def test_after_a_pause_the_urgent_leave_first_and_one_at_a_time() -> None:
    """Confirm and close, then reads that settle, then create, polls last: no new burst (F14)."""

    async def story() -> tuple[list[tuple[str, float]], list[int]]:
        budget, left, out = a_budget(4), [], []
        hold = budget.enter_now(Urgency.POLL)
        assert hold is not None
        budget.leave(hold, is_throttled=True, retry_after="10")

        async def call(urgency: Urgency) -> None:
            mine = await budget.enter(urgency, 1e9)
            assert mine is not None
            left.append((urgency.name, asyncio.get_running_loop().time()))
            out.append(budget.in_flight)
            await asyncio.sleep(1.0)
            budget.leave(mine)

        async with asyncio.TaskGroup() as crowd:
            for urgency in (3, 3, 2, 1, 0, 3, 1, 0):
                crowd.create_task(call(Urgency(urgency)))
        return left, out

    left, out = play(story())
    assert [name for name, _ in left] == (
        ["FINISH"] * 2 + ["SETTLE"] * 2 + ["BEGIN"] + ["POLL"] * 3
    )
    assert left[0][1] >= 10.0
    assert out[:3] == [1, 1, 2]


def test_polls_can_not_take_every_place_from_a_confirm() -> None:
    """Part of the places is never given to polls (F14, F65)."""

    async def story() -> tuple[int, bool]:
        budget = a_budget(8)
        polls = 0
        while budget.enter_now(Urgency.POLL) is not None:
            polls += 1
        return polls, budget.enter_now(Urgency.FINISH) is not None

    assert play(story()) == (6, True)


def test_who_can_not_go_in_time_is_told_at_the_deadline() -> None:
    """A caller waits no longer than it may; nobody else is held up by that."""

    async def story() -> tuple[int | None, float]:
        budget = a_budget()
        hold = budget.enter_now(Urgency.FINISH)
        assert hold is not None
        budget.leave(hold, is_throttled=True, retry_after="60")
        place = await budget.enter(Urgency.FINISH, 5.0)
        told_at = asyncio.get_running_loop().time()
        later = await budget.enter(Urgency.POLL, 1e9)
        assert later is not None
        assert asyncio.get_running_loop().time() >= 60.0
        return place, told_at

    place, told_at = play(story())
    assert place is None
    assert told_at == pytest.approx(5.0, abs=0.01)


def test_a_late_refusal_of_a_call_from_before_the_pause_does_not_lengthen_our_own_backoff() -> None:
    """Sixteen refusals at once are one piece of news, not sixteen."""

    async def story() -> float:
        budget = a_budget(16)
        out = [budget.enter_now(Urgency.FINISH) for _ in range(16)]
        for hold in out:
            assert hold is not None
            budget.leave(hold, is_throttled=True)
        return budget.held_for_s()

    assert play(story()) <= 2.0


def test_cancelled_callers_leave_no_trace_and_block_nobody() -> None:
    """Whoever is cancelled at the gate, its place goes to the next."""

    async def story() -> None:
        budget, dice = a_budget(3), random.Random(5)

        async def call() -> None:
            hold = await budget.enter(Urgency(dice.randrange(4)), 1e9)
            assert hold is not None
            try:
                await asyncio.sleep(dice.random())
            finally:
                budget.leave(hold, is_throttled=dice.random() < 0.05, retry_after="1")

        loop = asyncio.get_running_loop()
        crowd = [loop.create_task(call()) for _ in range(300)]
        while not all(task.done() for task in crowd):
            await asyncio.sleep(0.05)
            dice.choice(crowd).cancel()
        assert (budget.in_flight, budget.waiting) == (0, 0)

    play(story())


def test_closing_sends_the_waiting_home() -> None:
    """Nobody waits for a gate that will not open again."""

    async def story() -> int | None:
        budget = a_budget(1)
        assert budget.enter_now(Urgency.FINISH) is not None
        waiting = asyncio.get_running_loop().create_task(budget.enter(Urgency.FINISH, 1e9))
        await asyncio.sleep(1.0)
        budget.close()
        return await waiting

    assert play(story()) is None


def test_a_budget_without_places_is_a_mistake() -> None:
    """Nothing could ever be sent."""
    with pytest.raises(ValueError, match="one place"):
        a_budget(0)
