"""Waiting that ends at once when something happens."""

import asyncio


async def nap(seconds: float, event: asyncio.Event) -> None:
    """Sleep so long, or until the event is set. It stays set."""
    if seconds <= 0 or event.is_set():
        await asyncio.sleep(0)  # Others get their turn, however short the nap.
        return
    try:
        # Unlike wait_for this makes no task, and it never swallows a cancel.
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
