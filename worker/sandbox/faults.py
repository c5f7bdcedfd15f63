"""Which call suffers which fault.

Seeded: the same seed and the same order of calls give the same faults.
This module only decides; `exchange` makes the trouble. A fault never hides a state change from the
journal of requests.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .ops import LIST_OPS, OPS

# Weights of the mix. A huge answer only comes when it is asked for by name.
KINDS: dict[str, float] = {
    "lost_request": 2,
    "lost_reply": 3,
    "error_before": 2,
    "error_after": 2,
    "rate_limited": 1,
    "slow": 2,
    "malformed": 1,
    "truncated": 1,
    "empty": 1,
    "html": 1,
    "stale_list": 2,
    "drop_rows": 1,
    "huge": 0,
}
LIST_KINDS = ("stale_list", "drop_rows")


class BadFaults(ValueError):
    """What was asked of the faults cannot be; the message names the field."""


@dataclass(slots=True)
class Planned:
    """A fault that waits for its call."""

    op: str  # "*" = any
    kind: str
    times: int = 1


@dataclass(slots=True)
class Faults:
    """The settings and the dice."""

    probability: float = 0.0
    seed: int = 1
    kinds: dict[str, float] = field(default_factory=lambda: dict(KINDS))
    ops: frozenset[str] | None = None
    next: list[Planned] = field(default_factory=list)
    clock_skew_s: float = 0.0
    slow_s: float = 0.5
    stale_s: float = 3.0
    retry_after: str = "2"
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 - reproducible trouble, no secret

    def draw(self, op: str) -> str | None:
        """Decide what befalls a call. Every call rolls twice, so that order alone decides."""
        happens, which = self._dice.random(), self._dice.random()
        for planned in self.next:
            if planned.times > 0 and planned.op in ("*", op) and _fits(planned.kind, op):
                planned.times -= 1
                self.next = [one for one in self.next if one.times > 0]
                return planned.kind
        if happens >= self.probability or (self.ops is not None and op not in self.ops):
            return None
        weights = {kind: weight for kind, weight in self.kinds.items() if _fits(kind, op)}
        mark = which * sum(weights.values())
        for kind, weight in weights.items():
            mark -= weight
            if mark < 0:
                return kind
        return None

    def report(self) -> dict[str, object]:
        """Tell the settings in the form in which they are set."""
        return {
            "probability": self.probability,
            "seed": self.seed,
            "kinds": self.kinds,
            "ops": None if self.ops is None else sorted(self.ops),
            "next": [{"op": one.op, "kind": one.kind, "times": one.times} for one in self.next],
            "clock_skew_s": self.clock_skew_s,
            "slow_s": self.slow_s,
            "stale_s": self.stale_s,
            "retry_after": self.retry_after,
        }


def _fits(kind: str, op: str) -> bool:
    return kind not in LIST_KINDS or op in LIST_OPS


def read(asked: object) -> Faults:
    """Read the body of `PUT /_sandbox/faults`. What is absent has its default; `{}` is none."""
    if not isinstance(asked, dict):
        raise BadFaults("the body must be an object; {} switches all faults off")
    known = {
        "probability": _read_probability,
        "seed": _read_seed,
        "kinds": _read_kinds,
        "ops": _read_ops,
        "next": _read_next,
        "clock_skew_s": _read_skew,
        "slow_s": _read_seconds,
        "stale_s": _read_seconds,
        "retry_after": _read_retry_after,
    }
    for name in asked:
        if name not in known:
            msg = f"unknown key {name!r}; valid keys: {', '.join(known)}"
            raise BadFaults(msg)
    read_of = {name: known[name](name, value) for name, value in asked.items()}
    return Faults(**read_of)  # type: ignore[arg-type]  # each reader gives its own field's type


def _read_probability(name: str, value: object) -> float:
    number = _number(name, value)
    if not 0 <= number <= 1:
        msg = f"{name} must be between 0 and 1"
        raise BadFaults(msg)
    return number


def _read_seed(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name} must be an integer"
        raise BadFaults(msg)
    return value


def _read_kinds(name: str, value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        msg = f"{name} must be an object of kind and weight"
        raise BadFaults(msg)
    for kind, weight in value.items():
        _kind(f"{name}.{kind}", kind)
        if _number(f"{name}.{kind}", weight) < 0:
            msg = f"{name}.{kind} must not be negative"
            raise BadFaults(msg)
    return dict(value)


def _read_ops(name: str, value: object) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        msg = f"{name} must be a list"
        raise BadFaults(msg)
    return frozenset(_op(name, one) for one in value)


def _read_next(name: str, value: object) -> list[Planned]:
    if not isinstance(value, list):
        msg = f"{name} must be a list"
        raise BadFaults(msg)
    planned = []
    for n, one in enumerate(value):
        at = f"{name}.{n}"
        if not isinstance(one, dict) or not {"op", "kind"} <= set(one) <= {"op", "kind", "times"}:
            msg = f"{at} must be an object with op and kind, and times if not 1"
            raise BadFaults(msg)
        times = one.get("times", 1)
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            msg = f"{at}.times must be an integer of at least 1"
            raise BadFaults(msg)
        op = one["op"] if one["op"] == "*" else _op(f"{at}.op", one["op"])
        kind = _kind(f"{at}.kind", one["kind"])
        if op != "*" and not _fits(kind, op):
            msg = f"{at}.kind {kind!r} only befalls lists: {', '.join(sorted(LIST_OPS))}"
            raise BadFaults(msg)
        planned.append(Planned(op, kind, times))
    return planned


def _read_skew(name: str, value: object) -> float:
    number = _number(name, value)
    if abs(number) > 10**9:
        msg = f"{name} is too large"
        raise BadFaults(msg)
    return number


def _read_seconds(name: str, value: object) -> float:
    number = _number(name, value)
    if not 0 <= number <= 3600:
        msg = f"{name} must be between 0 and 3600"
        raise BadFaults(msg)
    return number


def _read_retry_after(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        msg = f"{name} must be a text of printable ASCII"
        raise BadFaults(msg)
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        msg = f"{name} must be a number"
        raise BadFaults(msg)
    return value


def _kind(at: str, value: object) -> str:
    if not isinstance(value, str) or value not in KINDS:
        msg = f"{at}: unknown kind {value!r}; valid kinds: {', '.join(KINDS)}"
        raise BadFaults(msg)
    return value


def _op(at: str, value: object) -> str:
    if not isinstance(value, str) or value not in OPS:
        msg = f"{at}: unknown op {value!r}; valid ops: {', '.join(sorted(OPS))}"
        raise BadFaults(msg)
    return value
