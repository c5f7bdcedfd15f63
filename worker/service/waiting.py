"""Waiting that ends at once when the worker is told to stop."""

import asyncio
import contextlib


async def nap(seconds: float, *events: asyncio.Event) -> None:
    """Sleep so long, or until any of the events is set. They stay set."""
    if seconds <= 0 or any(event.is_set() for event in events):
        await asyncio.sleep(0)
        return
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*waits, return_exceptions=True)
