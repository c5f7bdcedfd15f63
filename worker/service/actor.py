"""An open visit in this process's hands, and what its journal says of it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Final

from worker.domain import commands, events
from worker.domain.commands import kind_and_target
from worker.domain.facts import Fact
from worker.domain.notice import Notice
from worker.domain.visit import FIELDS, Visit
from worker.ports import Intent, IntentState, JsonValue, Settled

_what_matters: Final = attrgetter(*sorted(FIELDS - {"wake_at", "failures", "looked_at"}))


@dataclass(slots=True)
class Actor:
    """A visit in this process's hands."""

    visit: Visit
    durable: Visit | None
    """The visit as the journal has it; None: it was never written."""
    pending: tuple[Intent, ...] = ()
    """The intents that the journal has as pending, whatever we have learned since."""
    inbox: deque[events.Event] = field(default_factory=deque)
    due_at: datetime | None = None
    task: asyncio.Task[None] | None = None
    path: list[JsonValue] = field(default_factory=list)
    """What was learned and decided since the last write: the fact, the step it led to, the command,
    why, and the milliseconds since the visit began."""
    settled: list[Settled] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    crashes: int = 0
    looks: int = 0


def resumption(actor: Actor) -> events.Resumed:
    """Take up what the journal has: each pending write may have been sent, so it is in doubt."""
    why = "the worker was interrupted before its outcome was written"
    actor.settled.extend(Settled(intent, IntentState.UNKNOWN, why) for intent in actor.pending)
    return events.Resumed(frozenset(intent.kind for intent in actor.pending))


def intent_of(visit: Visit, command: commands.Command) -> Intent | None:
    """Give the intent that must be durable before a command is done; None: it is only a look."""
    if isinstance(command, commands.Write):
        part = visit.part.part_id if visit.part else ""
        return Intent(*kind_and_target(command), part)
    return None


def matters(durable: Visit | None, visit: Visit) -> bool:
    """Tell whether a visit changed in more than when it next looks around."""
    return durable is None or _what_matters(durable) != _what_matters(visit)
