"""How a subject is told what to do, and tells what it took."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field

WAIT_S_MAX = 60.0
PAUSE_S = 0.01


@dataclass(slots=True)
class Took:
    """What half a burst took of the subject's process."""

    cpu_s: float
    wall_s: float
    totals_s: list[float] = field(default_factory=list)
    """For each visit: from the list's answer to its order linked."""
    beyond_s: list[float] = field(default_factory=list)
    """The same without the visit's own calls."""
    commits: int = 0


Half = Callable[[int], Awaitable[None]]
"""Serves so many guests who came at once."""


async def obey(halves: Mapping[str, Half], fill: Callable[[Took], None]) -> None:
    """Do one half of a burst for every line of input, until there is no more."""
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        word, guests = line.split()
        half = halves[word]
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        await half(int(guests))
        took = Took(time.process_time() - began_cpu_s, time.perf_counter() - began_s)
        fill(took)
        print(json.dumps(asdict(took)), flush=True)


async def until(is_done: Callable[[], bool], what: str) -> None:
    """Wait for a fact, looking seldom enough not to count."""
    for _ in range(round(WAIT_S_MAX / PAUSE_S)):
        if is_done():
            return
        await asyncio.sleep(PAUSE_S)
    raise RuntimeError(f"after {WAIT_S_MAX:g} s there is still no end of: {what}")
