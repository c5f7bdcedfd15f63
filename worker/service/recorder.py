"""What the service floor tells whoever keeps figures: counted where it happens, decided nowhere.

The engine tells what it told the operator and what it made durable. Everything about calls comes
from wrappers around the ports, which nobody puts there while no figures are kept.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

import structlog

from worker.domain.facts import FactName
from worker.domain.ids import LocationId
from worker.domain.outcome import Done, Outcome, Refusal, Refused
from worker.domain.visit import Visit
from worker.domain.wallet import SpotList
from worker.logbook import LineName
from worker.ports import Surfaced

log = structlog.get_logger()


class Recorder(Protocol):
    """Listens. It never raises, never waits, and nothing is decided by what it does."""

    def told(self, visit: Visit, fact: FactName) -> None:
        """Hear that a line about a visit was told; the visit is as it became durable."""

    def wrote(self, visit: Visit) -> None:
        """Hear that a visit is durable as it stands now, its end included."""

    def crashed(self, visit: Visit) -> None:
        """Hear that a turn of a visit failed by our own fault."""

    def called(self, op: str, result: str, took_s: float) -> None:
        """Hear how a call to the wallet ended, its waits and repeats included."""

    def polled(
        self,
        location_id: LocationId,
        result: str,
        answer: SpotList | str,
        took_s: float,
        at: datetime,
    ) -> None:
        """Hear what a poll for waiting spots gave: a list, or why there is none."""

    def closing(self, guard_s: float) -> None:
        """Hear how old the look at a spot was when its close was sent."""

    def asked_till(
        self, location_id: LocationId, op: str, trouble: str | None, took_s: float
    ) -> None:
        """Hear how the till answered. `trouble` is None when it answered well."""

    def surfaced(self, what: Surfaced) -> None:
        """Hear what became of a transaction that no visit had the key of."""


class Silence:
    """Keeps nothing: the recorder while the listener is off, and the base of those that pick."""

    def told(self, visit: Visit, fact: FactName) -> None:
        """Let it pass."""

    def wrote(self, visit: Visit) -> None:
        """Let it pass."""

    def crashed(self, visit: Visit) -> None:
        """Let it pass."""

    def called(self, op: str, result: str, took_s: float) -> None:
        """Let it pass."""

    def polled(
        self,
        location_id: LocationId,
        result: str,
        answer: SpotList | str,
        took_s: float,
        at: datetime,
    ) -> None:
        """Let it pass."""

    def closing(self, guard_s: float) -> None:
        """Let it pass."""

    def asked_till(
        self, location_id: LocationId, op: str, trouble: str | None, took_s: float
    ) -> None:
        """Let it pass."""

    def surfaced(self, what: Surfaced) -> None:
        """Let it pass."""


class Several:
    """Tells everything to each of several recorders, and lets no failure of theirs through."""

    def __init__(self, recorders: Sequence[Recorder]) -> None:
        self._recorders = tuple(recorders)
        self._has_failed = False

    def told(self, visit: Visit, fact: FactName) -> None:
        """Pass it on."""
        self._each(lambda one: one.told(visit, fact))

    def wrote(self, visit: Visit) -> None:
        """Pass it on."""
        self._each(lambda one: one.wrote(visit))

    def crashed(self, visit: Visit) -> None:
        """Pass it on."""
        self._each(lambda one: one.crashed(visit))

    def called(self, op: str, result: str, took_s: float) -> None:
        """Pass it on."""
        self._each(lambda one: one.called(op, result, took_s))

    def polled(
        self,
        location_id: LocationId,
        result: str,
        answer: SpotList | str,
        took_s: float,
        at: datetime,
    ) -> None:
        """Pass it on."""
        self._each(lambda one: one.polled(location_id, result, answer, took_s, at))

    def closing(self, guard_s: float) -> None:
        """Pass it on."""
        self._each(lambda one: one.closing(guard_s))

    def asked_till(
        self, location_id: LocationId, op: str, trouble: str | None, took_s: float
    ) -> None:
        """Pass it on."""
        self._each(lambda one: one.asked_till(location_id, op, trouble, took_s))

    def surfaced(self, what: Surfaced) -> None:
        """Pass it on."""
        self._each(lambda one: one.surfaced(what))

    def _each(self, tell: Callable[[Recorder], None]) -> None:
        for one in self._recorders:
            try:
                tell(one)
            except Exception as error:  # A figure is never worth a visit.
                if not self._has_failed:
                    self._has_failed = True
                    log.error(
                        LineName.LISTENER_MISCOUNTED,
                        error=f"{type(error).__name__}: {error}",
                        do="payments go on, the figures are wrong; please report this line",
                        exc_info=error,
                    )


RESULTS: Final = ("ok", "malformed", "transient", "throttled", "auth", "missing", "refused")
"""Every word for how a call can end; `malformed` is a list some of which could not be read."""


def result_of(outcome: Outcome[object]) -> str:
    """Give the one word for how a call ended."""
    match outcome:
        case Done(SpotList(is_complete=False)):
            return "malformed"
        case Done():
            return "ok"
        case Refused(Refusal.THROTTLED):
            return "throttled"
        case Refused(Refusal.CREDENTIALS):
            return "auth"
        case Refused(Refusal.MISSING):
            return "missing"
        case Refused():
            return "refused"
        case _:
            return "transient"
