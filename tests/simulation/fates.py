"""What may befall a call to the wallet, and how likely that is this evening.

Each evening draws its own probabilities, as unlike as possible, so that some evenings lose every
third answer and others only ever see lists that are stale.
"""

from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Final

from worker.domain.outcome import Refusal, Refused

WRITES: Final = ("create", "link", "confirm", "revoke", "close")
READS: Final = ("spots", "spot", "transactions", "transaction")

_ANY: Final = {
    "unsent": 0.15,
    "lost_request": 0.3,
    "error_before": 0.2,
    "throttled": 0.1,
    "credentials": 0.05,
    "slow": 0.1,
}
ODD: Final = ("odd_amount", "odd_reference", "two_payments", "no_payments")
"""What an answer about a transaction may say wrongly, or leave out."""
_WRITE: Final = {
    **_ANY,
    "lost_reply": 0.3,
    "error_after": 0.2,
    "late": 0.1,
    "twice": 0.1,
    "conflict": 0.05,
}
CHANCES_MAX: Final[Mapping[str, Mapping[str, float]]] = {
    **dict.fromkeys(WRITES, _WRITE),
    "link": {**_WRITE, "vague_yes": 0.2},
    "spots": {**_ANY, "stale": 0.2, "unlisted": 0.2, "partial": 0.1, "doubled": 0.1},
    "spot": {**_ANY, "missing": 0.01, "odd_status": 0.05, "orders_hidden": 0.05},
    "transactions": {**_ANY, "stale": 0.3},
    "transaction": {
        **_ANY,
        "missing": 0.02,
        "odd_status": 0.05,
        **dict.fromkeys(ODD, 0.02),
    },
}
"""The most that an evening may draw for each: the chance that a call of this kind suffers it."""

REFUSALS: Final = {
    "throttled": Refused(Refusal.THROTTLED, 429, "rate_limit_exceeded"),
    "credentials": Refused(Refusal.CREDENTIALS, 401, "unauthorized"),
    "conflict": Refused(Refusal.STATE, 409, "invalid_state"),
    "missing": Refused(Refusal.MISSING, 404, "not_found"),
}
"""What the wallet says to a call that it does not carry out."""
NEVER_ARRIVED: Final = {"lost_request", "error_before"}

LABELS: Final = frozenset(f"{op}.{kind}" for op, kinds in CHANCES_MAX.items() for kind in kinds)


class Fates:
    """The calls' troubles of one evening."""

    def __init__(self, dice: Random, severity: float) -> None:
        self.is_calm = severity == 0.0
        self.ordered: dict[str, deque[str]] = {}
        """What a script has in store for the next calls; empty words: nothing."""
        self._steps: dict[str, list[tuple[float, str]]] = {}
        self._totals: dict[str, float] = {}
        kinds_of_all = sorted({kind for kinds in CHANCES_MAX.values() for kind in kinds})
        favourites = {kind: dice.random() ** 3 for kind in kinds_of_all}
        for op, kinds in CHANCES_MAX.items():
            total, steps = 0.0, []
            for kind, chance_max in kinds.items():
                total += chance_max * severity * favourites[kind]
                steps.append((total, f"{op}.{kind}"))
            self._steps[op] = steps
            self._totals[op] = total

    def draw(self, op: str, roll: float) -> str:
        """Give the label of what befalls a call; nothing for most."""
        if self.ordered.get(op):
            kind = self.ordered[op].popleft()
            return kind and f"{op}.{kind}"
        if self.is_calm or roll >= self._totals[op]:
            return ""
        return next(label for bound, label in self._steps[op] if roll < bound)
