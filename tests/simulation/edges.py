"""Which rules ran: every pair of a step and a fact that the state machine was asked about."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from unittest import mock

from worker.domain import machine
from worker.domain.decision import Decision, Rule
from worker.domain.policy import Policy
from worker.domain.visit import FINAL, Visit

Edges = Counter[str]

NEVER: Final[dict[str, str]] = {
    "seen x WriteUnsent": "it writes nothing",
    "offered x WriteUnsent": "it writes nothing",
}
"""Edges that stand in the table and that nothing can travel, each with its reason."""


def name_of(step: str, event: type[Any]) -> str:
    """Name an edge."""
    return f"{step} x {event.__name__}"


WANTED: Final = frozenset(
    name_of(step.value, event)
    for (step, event), rule in machine.TABLE.items()
    if step not in FINAL and rule is not machine.surprised
) - set(NEVER)
"""Every edge that a visit can travel."""


@contextmanager
def counted(edges: Edges) -> Iterator[None]:
    """Count every rule that runs."""
    table = {
        (step, event): _counting(rule, name_of(step.value, event), edges)
        for (step, event), rule in machine.TABLE.items()
    }
    with mock.patch.object(machine, "TABLE", table):
        yield


def _counting(rule: Rule, name: str, edges: Edges) -> Rule:
    def counting(visit: Visit, event: Any, now: datetime, policy: Policy) -> Decision:
        edges[name] += 1
        return rule(visit, event, now, policy)

    return counting
