"""Answers other than a yes, and what they say about our pace.

Whatever status, header and body come back: it is a Refused or an Unknown, a write is never taken
for refused on a server's stumble, the words fit into a log line, and a hold is 1 to 300 s.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from tests.adapters.wallet.clockwork import START
from tests.fuzz import witness
from tests.fuzz.answers import ANSWERS, NAMES, refusal
from tests.fuzz.spoiling import TOKENS, spoiled
from tests.fuzz.surface import Surface
from worker.adapters.wallet import failures
from worker.adapters.wallet.budget import HOLD_MAX_S, HOLD_MIN_S, Budget, Urgency
from worker.adapters.wallet.failures import Reply
from worker.domain.outcome import Refusal, Refused, Unknown

STATUSES: Final = (
    *(400, 400, 401, 401, 403, 404, 404, 405, 408, 409, 409, 410, 418, 422, 425, 429, 429, 451),
    *(0, 1, 99, 100, 101, 102, 103, 199, 300, 301, 302, 303, 304, 307, 308, 399, 499),
    *(500, 500, 501, 502, 503, 504, 507, 511, 520, 599, 600, 999, 10**6),
)
WAITS: Final = (
    *("", "", "1", "0", "-1", "5", "300", "301", "86400", "1.5", "1e3", "nan", "inf", "٣", "0x10"),
    *("9" * 10, "9" * 5000, "Fri, 20 Nov 2026 18:00:30 GMT", "Fri, 20 Nov 2026 18:00:30 +0200"),
    *("Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "20 Nov 26 18:00"),
    *("Friday, 20-Nov-26 18:00:30 GMT", "Fri Nov 20 18:00:30 2026", "soon", "1, 2", "\x00", " "),
)


class StillClock:
    """A clock that stands: holds are measured from one moment."""

    def now(self) -> NoReturn:
        raise AssertionError("nobody asks for it here")

    def wall_s(self) -> float:
        return START.timestamp()

    def ticks_s(self) -> float:
        return 1000.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


@dataclass(frozen=True)
class Case:
    """An answer that is no yes."""

    reply: Reply
    is_write: bool


def make(dice: random.Random) -> Case:
    """Make a status, a header and a body that need not fit together."""
    document = dice.choice((refusal, refusal, refusal, *ANSWERS))(dice)
    body = spoiled(dice, document, NAMES) if dice.random() < 0.9 else dice.choice(TOKENS)
    reply = Reply(dice.choice(STATUSES), body, _wait(dice))
    return Case(reply, dice.random() < 0.5)


def _wait(dice: random.Random) -> str:
    """Make a Retry-After header, sometimes with a few letters changed."""
    text = dice.choice(WAITS)
    for _ in range(dice.choice((0, 0, 1, 3))):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice("0123456789:-+,. GMTZ\x00é") + text[at + dice.randrange(2) :]
    return text


def check(case: Case) -> Iterator[str]:
    """Judge the answer and let the budget hear of it."""
    outcome = failures.of_no(case.reply, is_write=case.is_write)
    vouch_for(outcome, case)
    kind = outcome.refusal if isinstance(outcome, Refused) else "unknown"
    yield f"{'write' if case.is_write else 'read'} {kind}"
    is_throttled = isinstance(outcome, Refused) and outcome.refusal is Refusal.THROTTLED
    held_s = hold_of(case.reply.retry_after, is_throttled=is_throttled)
    assert (HOLD_MIN_S <= held_s <= HOLD_MAX_S) if is_throttled else held_s == 0.0
    yield "held" if held_s else "not held"


def hold_of(retry_after: str, *, is_throttled: bool) -> float:
    """Give how long the budget holds everything after such an answer."""
    budget = Budget(width=4, clock=StillClock(), dice=random.Random(1))
    hold = budget.enter_now(Urgency.SETTLE)
    assert hold is not None
    budget.leave(hold, is_throttled=is_throttled, retry_after=retry_after)
    assert budget.in_flight == 0
    return budget.held_for_s()


def vouch_for(outcome: Refused | Unknown, case: Case) -> None:
    """A no must be one: for a write a stumble, or a page without the wallet's words, is none."""
    status = case.reply.status
    assert str(outcome).isprintable()
    assert len(str(outcome)) < 500
    if isinstance(outcome, Unknown):
        return
    has_words = bool(witness.texts(witness.read(case.reply.body), "error"))
    assert outcome.status == status
    assert 300 <= status < 500 or (status == 501 and not case.is_write)
    if case.is_write and 400 <= status < 500:
        assert has_words or status in {401, 429}
        assert status not in {408, 425}
    if outcome.refusal is Refusal.MISSING:
        assert has_words
        assert status in {404, 410}
    if outcome.code:
        assert has_words


REFUSAL = Surface("refusal", make, check, share=0.25)
