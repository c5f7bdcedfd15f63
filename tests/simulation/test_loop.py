"""The loop without time: it repeats itself, refuses what is real, and never hangs."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from random import Random

import pytest

from tests.simulation.loop import Deadlock, Livelock, NotSimulated, SimLoop, play


def test_an_hour_passes_in_no_time() -> None:
    """Time jumps to the next timer."""
    loop = SimLoop()

    async def main() -> None:
        await asyncio.sleep(3600)
        async with asyncio.timeout(10):
            await asyncio.sleep(5)

    began_s = time.monotonic()
    play(loop, main())
    assert 3605 <= loop.time() < 3605.1
    assert time.monotonic() - began_s < 5


def test_waiting_for_nothing_is_a_failure_and_not_a_hang() -> None:
    """Somebody waits, and nobody will ever come."""

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        play(SimLoop(), main())


def test_turning_without_end_is_a_failure_and_not_a_hang() -> None:
    """A loop that gets nowhere spends its budget."""

    async def main() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Livelock):
        play(SimLoop(steps_max=1000), main())


def order_of(seed: int) -> list[int]:
    """Let ten tasks run at once; give the order they ran in."""
    ran: list[int] = []

    async def one(number: int) -> None:
        await asyncio.sleep(1)
        ran.append(number)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(one(number))

    play(SimLoop(Random(seed)), main())
    return ran


def test_what_is_ready_at_once_runs_in_an_order_that_the_seed_decides() -> None:
    """The same seed, the same order; another seed, another."""
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize(
    "real",
    [
        lambda: time.sleep(0),
        lambda: threading.Thread(target=print).start(),
        lambda: socket.socket().connect(("127.0.0.1", 9)),
        lambda: asyncio.get_running_loop().call_soon_threadsafe(print),
        lambda: asyncio.get_running_loop().add_signal_handler(1, print),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_nothing_real_is_within_reach(real: Callable[[], object]) -> None:
    """A simulation that touched the real world would not be one."""

    async def main() -> None:
        with pytest.raises(NotSimulated):
            real()

    play(SimLoop(), main())


def test_a_blocking_job_takes_its_turn_without_a_thread() -> None:
    """The journal's own thread is a step of the loop here."""
    loop = SimLoop()
    loop.executor_delay_s = lambda: 2.0

    async def main() -> None:
        assert await loop.run_in_executor(None, threading.current_thread) is threading.main_thread()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, lambda: 1 // 0)

    play(loop, main())
    assert 4.0 <= loop.time() < 4.1
