"""Collect a list that comes in pages, and know whether it is all there.

Absence from a list that is not complete says nothing, so every doubt makes it incomplete. It never
asks for more pages than the cap and never repeats a row.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from worker.adapters.wallet import shapes
from worker.adapters.wallet.wire import Page
from worker.domain.outcome import Done, Outcome, Refused, Unknown, Unsent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Collection(Generic[T]):
    """The rows of all pages."""

    rows: tuple[T, ...]
    why_incomplete: str
    """Empty when the list is complete."""


async def collect(
    fetch: Callable[[int, int], Awaitable[Outcome[Page[T]]]],
    *,
    identity: Callable[[T], str],
    limit: int,
    is_time_over: Callable[[], bool],
) -> Collection[T] | Refused | Unknown | Unsent:
    """Fetch pages by limit and offset until there are no more.

    A first page that could not be had is the answer itself; a later one makes the list incomplete.
    """
    rows: dict[str, T] = {}
    why = ""
    asked: tuple[int, int] | None = (limit, 0)
    total: int | None = None
    pages = 0
    while asked is not None:
        if pages == shapes.PAGES_MAX or (pages and is_time_over()):
            why = "there are more pages than are read at once"
            break
        outcome = await fetch(*asked)
        if not isinstance(outcome, Done):
            if pages == 0:
                return outcome
            why = f"a page is missing: {outcome}"
            break
        page, known = outcome.value, len(rows)
        rows.update((identity(row), row) for row in page.rows)
        if page.unread:
            why = why or f"{page.unread} rows could not be read"
        if page.facts.offset not in {None, asked[1]}:
            why = why or "a page is from another place than was asked for"
        if total is not None and page.facts.total is not None and page.facts.total < total:
            # Rows moved up while we read, perhaps past us.
            why = why or "the list shrank while it was read"
        total = page.facts.total if page.facts.total is not None else total
        following = shapes.next_page(page.facts, asked_limit=asked[0], asked_offset=asked[1])
        if following is not None and len(rows) == known:
            why = why or "a page brought nothing new although more was promised"
            break
        asked = following
        pages += 1
    if total is not None and len(rows) < total:
        # A row moved while we read: one was seen twice, and another one not at all.
        why = why or "it has fewer rows than it says"
    return Collection(tuple(rows.values()), why)
