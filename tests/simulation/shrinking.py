"""A failing evening, told as short as it can be."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tests.simulation.choices import Fired
from tests.simulation.evening import Evening, Violation
from tests.simulation.plan import Plan, draw

TRIES_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Story:
    """An evening, written down: its seed, what differs from the seed's plan, what is kept of it."""

    seed: int
    changes: dict[str, Any] = field(default_factory=dict)
    only: tuple[Fired, ...] | None = None
    """The troubles and guests that come; None: all that the seed draws."""

    def plan(self) -> Plan:
        """Give the plan."""
        return replace(draw(self.seed), **self.changes)

    def evening(self, *, is_traced: bool = False) -> Evening:
        """Give the evening, to be played."""
        return Evening(self.seed, self.plan(), self.only, is_traced=is_traced)

    def command(self) -> str:
        """Give the one command that plays it again."""
        parts = [f"python -m tests.simulation replay {self.seed}"]
        parts += [f"--set {name}={json.dumps(value)}" for name, value in self.changes.items()]
        if self.only is not None:
            parts.append("--only " + ",".join(f"{label}:{n}" for label, n in self.only))
        return " ".join(parts)


def failure_of(story: Story) -> tuple[str, list[Fired]] | None:
    """Play it; give the checker that failed and what had fired, or None if nothing is wrong."""
    evening = story.evening()
    try:
        evening.play()
    except Violation as violation:
        return violation.checker, evening.choices.tape
    except AssertionError as error:
        return type(error).__name__, evening.choices.tape
    return None


def shrink(story: Story, tell: Callable[[str], None] = lambda _: None) -> Story:
    """Leave out all that the failure does not need: guests, kinds of trouble, then each trouble."""
    failed = failure_of(story)
    if failed is None:
        return story
    wanted = failed[0]
    tries = 0

    def still_fails(candidate: Story) -> list[Fired] | None:
        nonlocal tries
        tries += 1
        found = failure_of(candidate)
        return found[1] if found is not None and found[0] == wanted else None

    for change in _smaller(story.plan()):
        candidate = replace(story, changes={**story.changes, **change})
        if still_fails(candidate) is not None:
            story = candidate
            tell(f"still fails with {change}")
    tape = still_fails(story) or []
    size = max(1, len(tape) // 2)
    while size:
        start, before = 0, len(tape)
        while start < len(tape) and tries < TRIES_MAX:
            candidate = replace(story, only=(*tape[:start], *tape[start + size :]))
            shorter = still_fails(candidate)
            if shorter is None:
                start += size
            else:
                story, tape = candidate, shorter
        tell(f"still fails with {len(tape)} troubles and guests")
        if tries >= TRIES_MAX:
            break
        size = size if len(tape) < before and size == 1 else size // 2
    return replace(story, only=tuple(tape))


def _smaller(plan: Plan) -> Sequence[dict[str, Any]]:
    changes: list[dict[str, Any]] = [
        {name: 0.0}
        for name in (
            "machine_chance",
            "people_chance",
            "disk_chance",
            "till_chance",
            "bill_chance",
            "second_phone_chance",
            "crash_chance",
            "severity",
        )
        if getattr(plan, name)
    ]
    changes += [{"is_shuffled": False}, {"has_bills": False}]
    changes += [{"guests": n} for n in (1, 2, 4, 8, 16) if n < plan.guests]
    changes += [{"tables": n} for n in (1, 2, 4) if n < plan.tables]
    return changes


def told(story: Story) -> str:
    """Give the timeline of a story, and how it ends."""
    evening = story.evening(is_traced=True)
    end = "nothing went wrong"
    try:
        evening.play()
    except AssertionError as error:
        end = f"{type(error).__name__}: {error}"
    assert evening.trace is not None
    return "\n".join([*evening.trace, "", end])


REGRESSIONS: Final = Path(__file__).with_name("regressions.json")


@dataclass(frozen=True, slots=True)
class Kept:
    """A story that went wrong once."""

    story: Story
    bug: str
    """The planted bug that makes it go wrong again, by its name."""
    what: str


def regressions() -> list[Kept]:
    """Give every story that is kept for good."""
    return [
        Kept(
            Story(
                one["seed"],
                one["changes"],
                None if one["only"] is None else tuple((label, n) for label, n in one["only"]),
            ),
            one["bug"],
            one["what"],
        )
        for one in json.loads(REGRESSIONS.read_text())
    ]
