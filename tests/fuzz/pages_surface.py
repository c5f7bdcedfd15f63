"""Lists in pages that contradict themselves, fail, repeat and promise what never comes.

Whatever the pages say, collecting ends within its cap, gives no row twice, gives only rows that
stood on some page, and calls a list complete only if nothing about it is in doubt.
"""

import random
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from tests.fuzz import known
from tests.fuzz.answers import NAMES, other_transaction, transaction
from tests.fuzz.spoiling import bend, spoiled, written
from tests.fuzz.surface import Surface
from worker.adapters.wallet import pages, wire
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.domain.wallet import Transaction

T = TypeVar("T")

PAGES_MAX: Final = 50
"""More than this are not asked for, whatever is promised."""


@dataclass
class Case:
    """What each further page answers; the last goes on for ever."""

    bodies: list[bytes | Outcome[Any]]
    limit: int
    patience: int
    """After how many pages the time is over."""
    is_endless: bool = False
    """Every further page brings new rows and promises more."""
    asked: list[tuple[int, int]] = field(default_factory=list)


def make(dice: random.Random) -> Case:
    """Make a handful of pages, most of them of one list, with figures that need not fit."""
    count = dice.choice((1, 1, 2, 2, 3, 5))
    total = dice.choice((count * 2, count * 2, count * 2, dice.randrange(12), 10**9, 10**9 + 1, -1))
    bodies: list[bytes | Outcome[Any]] = []
    for number in range(count):
        if dice.random() < 0.06:
            bodies.append(dice.choice((Unknown("lost"), Unsent("not out"), _REFUSED)))
            continue
        page = _page(dice, number, total)
        if dice.random() < 0.3:
            page = bend(dice, page, NAMES)
        is_noise = dice.random() < 0.05
        bodies.append(spoiled(dice, page, NAMES) if is_noise else _bytes(page))
    patience = dice.choice((1, 3, 10**6, 10**6))
    return Case(bodies, dice.choice((0, 2, 2, 200)), patience, dice.random() < 0.02)


def _further(offset: int) -> bytes:
    """Make a page of a list without an end."""
    rows = [{"transaction_key": f"more-{offset + place}", "status": "new"} for place in range(2)]
    facts = {"total": 10**9, "offset": offset, "limit": 2}
    return _bytes({"transactions": rows, "_metadata": facts})


_REFUSED = Refused(Refusal.THROTTLED, 429, "rate_limit_exceeded")


def _bytes(page: object) -> bytes:
    return written(page).encode("utf-8", "surrogatepass")


def _page(dice: random.Random, number: int, total: int) -> dict[str, Any]:
    rows = []
    for place in range(dice.choice((2, 2, 2, 2, 0, 1, 3))):
        row = dice.choice((transaction, other_transaction))(dice)
        # Now and then a row that moved while the pages were read, and shows up again.
        row["transaction_key"] = f"row-{number * 2 + place - (dice.random() < 0.1)}"
        rows.append(row)
    facts: dict[str, Any] = {"total": total, "offset": number * 2, "limit": 2}
    if dice.random() < 0.2:
        facts["has_next"] = dice.random() < 0.5
    for name in ("total", "offset", "limit"):
        if dice.random() < 0.1:
            facts[name] = dice.choice((0, 1, 2, 200, 10**9, -1, None, "2", 2.0))
    return {"transactions": rows} | ({"_metadata": facts} if dice.random() < 0.9 else {})


def check(case: Case) -> Iterator[str]:
    """Collect the list and hold it against every page that was given."""
    case.asked.clear()
    given: list[wire.Page[Transaction]] = []
    doubts: list[str] = []

    async def fetch(limit: int, offset: int) -> Outcome[wire.Page[Transaction]]:
        case.asked.append((limit, offset))
        assert len(case.asked) <= PAGES_MAX
        if case.is_endless:
            body: bytes | Outcome[Any] = _further(offset)
        else:
            body = case.bodies[min(len(case.asked), len(case.bodies)) - 1]
        if not isinstance(body, bytes):
            doubts.append("a page failed")
            return body
        page = wire.read_transactions(body)
        if isinstance(page, wire.Unreadable):
            doubts.append("a page could not be read")
            return Unknown(page.why)
        doubts.extend(_doubts(page, given, offset))
        given.append(page)
        return Done(page)

    found = at_once(
        pages.collect(
            fetch,
            identity=lambda row: row.key,
            limit=case.limit,
            is_time_over=lambda: len(case.asked) >= case.patience,
        )
    )
    assert len(case.asked) <= max(case.patience, 1)
    if not isinstance(found, pages.Collection):
        assert not given
        yield f"no list: {type(found).__name__}"
        return
    keys = [row.key for row in found.rows]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {row.key for page in given for row in page.rows}
    assert found.why_incomplete.isprintable()
    totals = [page.facts.total for page in given if page.facts.total is not None]
    if totals and len(keys) < totals[-1]:
        doubts.append(known.FEWER_ROWS)
    if not found.why_incomplete and doubts:
        assert set(doubts) <= known.OPEN, doubts
        yield f"known: {doubts[0]}"
    yield "incomplete" if found.why_incomplete else "complete"
    yield "one page" if len(case.asked) == 1 else "more pages"
    if len(case.asked) == PAGES_MAX:
        yield "as many pages as are ever asked for"


def _doubts(
    page: wire.Page[Transaction], before: list[wire.Page[Transaction]], asked_offset: int
) -> list[str]:
    """Name what makes a page of a list no proof that something is absent from it."""
    doubts = []
    if page.unread:
        doubts.append("a row could not be read")
    totals = [each.facts.total for each in before if each.facts.total is not None]
    if totals and page.facts.total is not None and page.facts.total < totals[-1]:
        doubts.append("the list shrank")
    if page.facts.offset not in {None, asked_offset}:
        doubts.append(known.ANOTHER_OFFSET)
    return doubts


def at_once(story: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        story.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("it waited")


PAGES = Surface("pages", make, check, share=0.1)
