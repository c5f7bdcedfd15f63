"""Keep calls away from a till that does not answer, and find out when it does again."""

from collections.abc import Callable
from typing import Final

import structlog

from worker.logbook import LineName

FAILURES_MAX: Final = 3
PAUSE_FIRST_S: Final = 10.0
PAUSE_MAX_S: Final = 60.0

_log = structlog.get_logger("worker.till")


class Circuit:
    """One way to a till. After three failures in a row it is left alone for a while.

    The pause grows from 10 to 60 seconds; after each, one call is let through as a trial. The log
    hears of it twice: when the pauses begin and when a call succeeds again.

    Args:
        location_id: whose till it is, for the log.
        call: what the way is for, for the log.
        ticks_s: seconds that only grow.

    """

    def __init__(self, location_id: int, call: str, ticks_s: Callable[[], float]) -> None:
        self._location_id = location_id
        self._call = call
        self._ticks_s = ticks_s
        self._failures = 0
        self._failing_since_s = 0.0
        self._pause_s = 0.0
        self._until_s = 0.0
        self._is_on_trial = False
        self._why = ""

    @property
    def is_open(self) -> bool:
        """Whether calls are kept away, but for the trials."""
        return self._pause_s > 0

    @property
    def trouble(self) -> str | None:
        """Since when and why the till is left alone; None: it is not."""
        if not self.is_open:
            return None
        down_s = self._ticks_s() - self._failing_since_s
        return f"not usable for {down_s:.0f} s: {self._why}"

    def enter(self) -> bool:
        """Tell whether a call may go now. Who is let in tells afterwards how it went."""
        if not self.is_open:
            return True
        if self._is_on_trial or self._ticks_s() < self._until_s:
            return False
        self._is_on_trial = True
        return True

    def succeed(self) -> None:
        """The till answered."""
        if self.is_open:
            _log.info(
                LineName.TILL_REACHABLE,
                location=self._location_id,
                call=self._call,
                down_s=round(self._ticks_s() - self._failing_since_s, 1),
                failures=self._failures,
            )
        self._failures = 0
        self._pause_s = 0.0
        self._is_on_trial = False

    def fail(self, why: str) -> None:
        """The till gave no answer that is one."""
        now_s = self._ticks_s()
        if self._failures == 0:
            self._failing_since_s = now_s
        self._failures += 1
        self._why = why
        if self._is_on_trial:
            self._pause_s = min(self._pause_s * 2, PAUSE_MAX_S)
            self._until_s = now_s + self._pause_s
            self._is_on_trial = False
        elif self._failures >= FAILURES_MAX and not self.is_open:
            self._pause_s = PAUSE_FIRST_S
            self._until_s = now_s + self._pause_s
            _log.warning(
                LineName.TILL_UNREACHABLE,
                location=self._location_id,
                call=self._call,
                why=why,
                failures=self._failures,
                do="see to the shop's till and the way to it; the worker tries again by itself",
            )

    def give_up(self) -> None:
        """The caller left before there was an answer, which says nothing about the till."""
        self._is_on_trial = False
