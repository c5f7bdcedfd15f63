"""What every write does when the wallet says no, or was not reached."""

from datetime import datetime

from worker.domain import decision, events
from worker.domain.decision import Decision
from worker.domain.facts import Fact, FactName, error
from worker.domain.outcome import Refusal, Refused
from worker.domain.policy import Policy
from worker.domain.visit import Visit, replace


def is_passing(refused: Refused) -> bool:
    """Tell whether the same write may be accepted later just as it is."""
    return refused.refusal in {Refusal.THROTTLED, Refusal.CREDENTIALS}


def wait_out(visit: Visit, refused: Refused, now: datetime, policy: Policy) -> Decision:
    """Wait without counting it against the visit: the refusal is not about this write."""
    if refused.refusal is Refusal.THROTTLED:
        return decision.wait(uncounted(visit), now, policy.throttled_wait_s)
    return decision.wait(uncounted(visit), now, policy.credentials_wait_s)


def unsent(visit: Visit, event: object, now: datetime, policy: Policy) -> Decision:
    """Nothing left the house; try again soon."""
    return decision.wait(uncounted(visit), now, policy.unsent_wait_s)


def uncounted(visit: Visit) -> Visit:
    """Take back the try that did not happen."""
    return replace(visit, tries=max(0, visit.tries - 1))


def tell(event: events.WriteRefused, do: str) -> Fact:
    """Tell the operator what was refused, in the wallet's words."""
    return error(
        FactName.WRITE_REFUSED,
        kind=event.kind.value,
        status=event.refused.status,
        code=event.refused.code,
        description=event.refused.description,
        do=do,
    )
