"""A hundred locations ask their till over HTTP: all well, and with one of them hanging."""

import asyncio
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.figures import Figure, ms, percentile
from benchmarks.processes import running
from worker.adapters.clock import SystemClock
from worker.adapters.till import GuardedTill
from worker.adapters.till.http import HttpTill
from worker.domain.ids import LocationId

LOCATIONS: Final = 100
HANGING: Final = LocationId(1)
PAUSE_S: Final = 0.005
"""Between two questions: 200 a second, far more than a hundred shops' guests ask."""
NAG_S: Final = 0.1
"""How soon the hanging location is asked again once it was given up."""
RATIO_MAX: Final = 1.1
SECRET: Final = "whsec_" + "A" * 32


def measure(*, is_quick: bool) -> list[Figure]:
    """Ask in turns, so that whatever disturbs the machine disturbs both."""
    rounds = 4 if is_quick else 20
    with shop() as port:
        well, beside = asyncio.run(ask(port, rounds))
    calm, troubled = percentile(well, 0.99), percentile(beside, 0.99)
    middle = percentile(beside, 0.5) / percentile(well, 0.5)
    ratio = troubled / calm
    return [
        Figure(
            f"till asked over HTTP at {LOCATIONS - 1} locations while one hangs, p99",
            ms(troubled),
            f"{ms(calm)} none hangs",
            f"{ratio:.2f}",
            f"<= {RATIO_MAX}",
            ratio <= RATIO_MAX,
        ),
        Figure(
            "  the same, p50",
            ms(percentile(beside, 0.5)),
            f"{ms(percentile(well, 0.5))} none hangs",
            f"{middle:.2f}",
        ),
    ]


@contextmanager
def shop() -> Iterator[int]:
    """Run the shop in a process of its own; give its port."""
    command = ("-m", "benchmarks.subjects.shop", str(HANGING))
    with running(*command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None, "its output is piped"
        yield int(process.stdout.readline())


async def ask(port: int, rounds: int) -> tuple[list[float], list[float]]:
    """Give how long each well location waited for its bill, without and beside a hanging one."""
    url = f"http://127.0.0.1:{port}"
    clock = SystemClock()
    connector = HttpTill(url=url, signing_secret=SECRET, clock=clock, check_location=1)
    till = GuardedTill(connector, clock)
    well: list[float] = []
    beside: list[float] = []
    try:
        await one_round(till, [])  # Lanes open, caches warm.
        for number in range(rounds):
            # Who goes first changes, for the same reason as they take turns.
            for hangs in (False, True) if number % 2 else (True, False):
                word = "yes" if hangs else "no"
                await asyncio.to_thread(urllib.request.urlopen, f"{url}/hang/{word}")
                await one_round(till, beside if hangs else well)
    finally:
        await till.aclose()
    return well, beside


async def one_round(till: GuardedTill, into: list[float]) -> None:
    """Let every location ask once, and the hanging one again and again meanwhile."""
    async with asyncio.TaskGroup() as group:
        nagging = group.create_task(nag(till))
        asking = []
        for number in range(2, LOCATIONS + 1):
            asking.append(group.create_task(timed(till, LocationId(number), into)))
            await asyncio.sleep(PAUSE_S)
        await asyncio.wait(asking)
        nagging.cancel()


async def nag(till: GuardedTill) -> None:
    """Be a guest at the hanging location, asked for with every look."""
    while True:
        await till.find_bills(HANGING, "table1")
        await asyncio.sleep(NAG_S)


async def timed(till: GuardedTill, location_id: LocationId, into: list[float]) -> None:
    began_s = time.perf_counter()
    found = await till.find_bills(location_id, "table1")
    if not isinstance(found, tuple) or len(found) != 1:
        raise TypeError(f"location {location_id} was told {found}")
    into.append(time.perf_counter() - began_s)
