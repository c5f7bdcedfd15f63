"""A visit at each of its steps, as a table is likely to see it."""

from typing import Any

from tests.domain.story import BILL, NOON, a_visit, an_offered_visit
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


def settling(**changes: Any) -> Visit:
    """A paid visit whose spot is free and whose till does not know."""
    given = {"end": End.PAID, "reason": "the guest paid", "spot_closed_at": NOON, **changes}
    return an_offered_visit(Step.SETTLING, **given)
