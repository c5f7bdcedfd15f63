"""When the till is told again of a payment that it has not accepted."""

from datetime import datetime, timedelta

from worker.domain.decision import seconds
from worker.domain.policy import Policy


def next_try(told_since: datetime, attempts: int, now: datetime, policy: Policy) -> datetime | None:
    """Say when to tell again after so many attempts; None: it is left to a human.

    The waits double from a few seconds to some minutes, over three days: a Friday's fault is found
    on Monday. A worker that was away, or whose clock was set, still tells often enough.
    """
    is_old = seconds(told_since, now) >= policy.notice_patience_s
    if is_old and attempts >= policy.notice_attempts_min:
        return None
    doubled = policy.notice_wait_s * 2 ** min(max(attempts - 1, 0), 20)
    return now + timedelta(seconds=min(policy.notice_wait_s_max, doubled))
