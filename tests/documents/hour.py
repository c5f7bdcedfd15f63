"""docs/sample-log.txt: a busy hour, the real supervisor and the real log in virtual time."""

import asyncio
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Final, Literal

import structlog

from tests.documents.venue import Venue
from tests.simulation.loop import SimLoop, play
from worker.adapters import logs

BEGAN_AT: Final = datetime(2026, 11, 20, 19, 0, 0, tzinfo=UTC)
PARTS: Final = [
    {"part_id": "1", "amount_minor": 1800, "description": "Two soups"},
    {"part_id": "2", "amount_minor": 2450, "description": "Fish and wine"},
]


def text(fmt: Literal["json", "pretty"] = "pretty") -> str:
    """Play the hour and give what the worker said, byte for byte the same each time."""
    stream = io.StringIO()
    loop = SimLoop(Random(7))
    with as_in_greenwich(), as_before():
        venue = Venue(BEGAN_AT, loop, Random(11))
        logs.configure(level="info", fmt=fmt, stream=stream, clock=venue.clock, environ={})
        play(loop, hour(venue, loop))
    assert venue.world.wrongs == [], venue.world.wrongs
    return stream.getvalue()


async def hour(venue: Venue, loop: SimLoop) -> None:
    """Let it all happen."""
    world, till = venue.world, venue.till

    def seated(table: str, minor: int, **more: object) -> None:
        venue.owe(table, minor, **more)
        world.scan(table)

    def settled_in_cash(table: str) -> None:
        till.bills.pop(table)

    script: list[tuple[str, Callable[[], object]]] = [
        ("00:00", venue.start),
        ("02:10", partial(seated, "table7", 2599)),
        ("03:41", partial(venue.reserve, "table7")),
        ("05:20", partial(seated, "table3", 1840)),
        ("06:02", partial(venue.decline, "table3")),
        ("06:30", partial(settled_in_cash, "table3")),
        ("07:15", partial(seated, "table12", 960)),
        ("08:05", partial(world.leave, "table12")),
        ("08:30", partial(settled_in_cash, "table12")),
        ("09:30", partial(seated, "table5", 3120)),
        ("10:18", partial(venue.owe, "table5", 3570)),
        ("11:40", partial(venue.reserve, "table5")),
        ("13:02", partial(seated, "table2", 4250, parts=PARTS)),
        ("14:30", partial(venue.reserve, "table2")),
        ("16:10", partial(world.scan, "table1")),
        ("16:24", partial(venue.owe, "table1", 1275)),
        ("17:31", partial(venue.reserve, "table1")),
        ("18:20", partial(seated, "table9", 0, final=False, ceiling_minor=10_000, hold_s=7200)),
        ("19:05", partial(venue.reserve, "table9")),
        ("27:10", partial(seated, "table4", 2280)),
        ("28:00", partial(seated, "table8", 5410)),
        ("28:58", partial(setattr, world, "weather", lambda op: "unsent")),
        ("29:10", partial(venue.reserve, "table8")),
        ("30:41", partial(setattr, world, "weather", None)),
        ("31:30", partial(venue.reserve, "table4")),
        ("34:12", partial(venue.owe, "table9", 7340, final=True)),
        ("37:00", partial(setattr, till, "refuses", "HTTP 503: the day is being closed")),
        ("37:20", partial(seated, "table11", 1990)),
        ("38:15", partial(venue.reserve, "table11")),
        ("39:40", partial(seated, "table6", 8450)),
        ("40:55", partial(venue.reserve, "table6")),
        ("45:30", partial(setattr, till, "refuses", None)),
        ("49:02", partial(seated, "table10", 2730)),
        ("50:20", partial(seated, "table3", 1620)),
        ("50:40", venue.ask_to_stop),
        ("50:43", venue.start),
        ("51:44", partial(venue.reserve, "table10")),
        ("52:30", partial(venue.reserve, "table3")),
        ("57:05", partial(seated, "table7", 1480)),
        ("58:12", partial(venue.reserve, "table7")),
        ("60:00", venue.ask_to_stop),
    ]
    for at, deed in script:
        await asyncio.sleep(max(0.0, seconds(at) - loop.time()))
        deed()
    await venue.has_stopped()


def seconds(at: str) -> float:
    """Read minutes and seconds of the hour."""
    minutes, _, rest = at.partition(":")
    return int(minutes) * 60.0 + int(rest)


@contextmanager
def as_in_greenwich() -> Iterator[None]:
    """Show the same times wherever this runs."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


@contextmanager
def as_before() -> Iterator[None]:
    """Leave the log as it was found."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)
