"""What one visit's intents may be all at once, for the journal in memory."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from worker.adapters.journal.rules import Rule, conflict
from worker.domain.commands import WriteKind
from worker.domain.ids import VisitId
from worker.ports import Intent, IntentState, Settled

NOTHING_HAPPENED = frozenset({IntentState.REFUSED, IntentState.UNSENT})
LIVE_CREATE = frozenset({IntentState.PENDING, IntentState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Kept:
    """An intent as it stands."""

    state: IntentState
    attempts: int
    begun_at: datetime
    ended_at: datetime | None = None
    detail: str = ""


Intents = dict[Intent, Kept]


def settle(visit_id: VisitId, settled: Settled, at: datetime, intents: Intents) -> None:
    """Note what became of an intent."""
    kept = intents.get(settled.intent)
    if kept is None:
        raise conflict(visit_id, Rule.INTENT_NOT_BEGUN, settled.intent.kind.value)
    ended_at = None if settled.state is IntentState.PENDING else at
    intents[settled.intent] = replace(
        kept, state=settled.state, detail=settled.detail, ended_at=ended_at
    )


def check_intents(visit_id: VisitId, intents: Intents) -> None:
    """Refuse what one visit's intents must never be all at once."""
    creates, confirms = 0, Counter[str]()
    for intent, kept in intents.items():
        if intent.kind is WriteKind.CONFIRM and kept.state not in NOTHING_HAPPENED:
            confirms[intent.part] += 1
        creates += is_live_create(intent, kept)
    if any(count > 1 for count in confirms.values()):
        raise conflict(visit_id, Rule.ONE_CONFIRM_PER_VISIT)
    if creates > 1:
        raise conflict(visit_id, Rule.ONE_LIVE_CREATE)


def is_live_create(intent: Intent, kept: Kept) -> bool:
    """Tell whether a create may still make a transaction."""
    return intent.kind is WriteKind.CREATE and kept.state in LIVE_CREATE


def pending_of(intents: Intents) -> tuple[Intent, ...]:
    """Give the intents whose outcome was never written, oldest first."""
    pending = [
        (kept.begun_at, number, intent)
        for number, (intent, kept) in enumerate(intents.items())
        if kept.state is IntentState.PENDING
    ]
    return tuple(intent for _, _, intent in sorted(pending, key=lambda one: one[:2]))
