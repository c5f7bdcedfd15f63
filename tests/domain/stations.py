"""A visit at each of its steps, as a table is likely to see it."""

from dataclasses import replace
from typing import Any

from tests.domain.story import (
    BILL,
    NOON,
    ON_HOLD,
    PART_KEYS,
    PART_MONEY,
    SPLIT,
    a_visit,
    an_offered_visit,
)
from worker.domain.part import Part, PartState
from worker.domain.visit import End, Step, Visit


def creating(**changes: Any) -> Visit:
    """A visit that waits for its transaction."""
    sent = {"bill": BILL, "creates": 1, "tries": 1, "tried_at": NOON, "attempts": 1, **changes}
    return a_visit(Step.CREATING, **sent)


def linking(**changes: Any) -> Visit:
    """A visit whose transaction is being put on the spot."""
    return an_offered_visit(
        Step.LINKING, **{"offered_at": None, "tries": 1, "tried_at": NOON, **changes}
    )


def confirming(**changes: Any) -> Visit:
    """A visit whose money is being taken."""
    sent = {"tries": 1, "tried_at": NOON, "reserved_at": NOON, "looked_at": NOON, **changes}
    return an_offered_visit(Step.CONFIRMING, **sent)


def revoking(**changes: Any) -> Visit:
    """A visit that withdraws its transaction."""
    return an_offered_visit(Step.REVOKING, **{"end": End.UNPAID, "reason": "not paid", **changes})


def closing(**changes: Any) -> Visit:
    """A paid visit that frees its spot."""
    given = {"end": End.PAID, "reason": "the guest paid", "attempts": 4, **changes}
    return an_offered_visit(Step.CLOSING, **given)


def holding(step: Step = Step.OFFERED, **changes: Any) -> Visit:
    """A visit whose bill is on hold, and whose guest agreed to its ceiling at noon."""
    held = {"bill": ON_HOLD, "reserved_at": NOON, "looked_at": NOON, "payment_id": "77", **changes}
    return an_offered_visit(step, **held)


def splitting(*parts: Part, at: int = 0, step: Step = Step.OFFERED, **changes: Any) -> Visit:
    """A visit that deals with one part of a split bill; by itself both are offered."""
    given = parts or (offered_part("a"), offered_part("b"))
    kept = {
        "bill": SPLIT,
        "parts": given,
        "at": at,
        "creates": 2,
        "transaction_key": given[at].key,
        "reserved_at": given[at].reserved_at,
        **changes,
    }
    return an_offered_visit(step, **kept)


def offered_part(name: str, state: PartState = PartState.OFFERED, **changes: Any) -> Part:
    """Part "a" of 4.00 EUR, part "b" of 8.50 EUR or part "c" of 2.00 EUR, on the spot."""
    number = "abc".index(name) + 1
    money, key = PART_MONEY[name], PART_KEYS[name]
    return replace(Part(name, money, f"Part {name}", state, number, key), **changes)
