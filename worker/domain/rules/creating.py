"""The transaction is being asked for.

Asking twice moves no money: a transaction whose key nobody was shown can not be paid. Only one key
is ever put on the spot, and the others are revoked when they surface.
"""

from datetime import datetime, timedelta
from typing import Final

from worker.domain import decision, events
from worker.domain.agreement import disagreement_at_birth
from worker.domain.commands import FindTransaction, LinkOrder, RevokeTransaction, WriteKind
from worker.domain.decision import Decision, Rules, seconds
from worker.domain.facts import FactName, error, info
from worker.domain.part import PartState
from worker.domain.policy import Policy
from worker.domain.rules import parts, refusing
from worker.domain.rules.seen import creation, number
from worker.domain.visit import End, Step, Visit, replace

CREATES_MAX: Final = 6
SEARCH_MARGIN: Final = timedelta(seconds=120)
"""How far before the first try the search begins: the wallet's clock is not ours."""


def search(visit: Visit) -> Decision:
    """Look for the transaction whose answer was lost."""
    assert visit.tried_at is not None, "what is searched for was sent"
    doubtful = replace(visit, is_doubtful=True)
    return decision.look(doubtful, FindTransaction(visit.reference, visit.tried_at - SEARCH_MARGIN))


def woke(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Ask again what certainly was not asked; search for what may have been."""
    if visit.is_doubtful:
        return search(visit)
    return decision.send(visit, now, creation(visit, policy))


def resumed(visit: Visit, event: events.Resumed, now: datetime, policy: Policy) -> Decision:
    """A pending intent may have been sent."""
    if WriteKind.CREATE in event.in_flight:
        return search(visit)
    return woke(visit, event, now, policy)


def created(
    visit: Visit, event: events.TransactionCreated, now: datetime, policy: Policy
) -> Decision:
    """Put it on the spot, or withdraw it when it is not what was asked for."""
    key = event.transaction.key
    keyed = parts.with_part(replace(visit, transaction_key=key), key=key, state=PartState.OFFERED)
    why = disagreement_at_birth(keyed, event.transaction)
    if why is not None:
        told = error(
            FactName.TRANSACTION_MISMATCHED,
            transaction=key,
            why=why,
            do="it is revoked and not shown to the guest; compare the till and the wallet",
        )
        return decision.enter_and_send(
            keyed, Step.REVOKING, now, RevokeTransaction(key), told, end=End.MISMATCH, reason=why
        )
    assert visit.asked is not None, "what was created was billed"
    told = info(
        FactName.TRANSACTION_CREATED,
        transaction=key,
        amount=str(visit.asked),
        part=visit.part.part_id if visit.part else None,
    )
    return decision.enter_and_send(keyed, Step.LINKING, now, LinkOrder(key), told)


def not_found(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Give the lost one a little time to surface, then ask anew under a new reference."""
    assert visit.tried_at is not None, "what was searched for was sent"
    waited = seconds(visit.tried_at, now)
    if waited < policy.create_grace_s:
        return decision.wait(visit, now, min(3.0, policy.create_grace_s - waited))
    if visit.creates >= CREATES_MAX + len(visit.parts):
        why = "the wallet answered none of our requests for a transaction"
        return parts.wind_up(visit, now, End.REFUSED, why)
    told = info(
        FactName.TRANSACTION_ABANDONED,
        reference=visit.reference,
        why="its answer was lost and no search finds it; asking anew",
    )
    again = number(visit)
    return decision.enter_and_send(again, Step.CREATING, now, creation(again, policy), told)


def refused(visit: Visit, event: events.WriteRefused, now: datetime, policy: Policy) -> Decision:
    """Wait when waiting may help; otherwise this guest can not be served."""
    if refusing.is_passing(event.refused):
        return refusing.wait_out(visit, event.refused, now, policy)
    why = f"the wallet would not create a transaction: {event.refused}"
    told = refusing.tell(event, "the spot is closed; check the bill's amount and currency")
    return parts.wind_up(visit, now, End.REFUSED, why, told)


def unknown(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """It may exist. Search before asking again."""
    return search(visit)


RULES: Rules = {
    events.Woke: woke,
    events.Resumed: resumed,
    events.TransactionCreated: created,
    events.TransactionNotFound: not_found,
    events.WriteRefused: refused,
    events.WriteUnknown: unknown,
}
