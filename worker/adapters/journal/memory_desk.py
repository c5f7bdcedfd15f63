"""What operators asked for and decided, kept in memory under the rules that SQLite's file keeps."""

from datetime import datetime

from worker.adapters.journal.rules import Rule, conflict
from worker.domain.errors import JournalConflict
from worker.domain.ids import VisitId
from worker.domain.visit import Step, Visit
from worker.ports import Entry, Handled, Reply, Resolution


class MemoryDesk:
    """The requests that were done, and how parked visits were settled."""

    def __init__(self) -> None:
        self.draining_since: datetime | None = None
        self._handled: dict[str, Handled] = {}
        self._resolutions: dict[VisitId, Resolution] = {}

    def resolution(self, visit_id: VisitId) -> Resolution | None:
        """Tell how a human settled a visit; None: nobody did."""
        return self._resolutions.get(visit_id)

    def reply(self, request_id: str) -> Reply | None:
        """Give the reply to a request that was done before; None: it was not."""
        handled = self._handled.get(request_id)
        return handled.reply if handled else None

    def check(self, entry: Entry, visit: Visit) -> None:
        """Refuse what was decided before, and what no human has to decide."""
        if entry.resolution is not None:
            if visit.step is not Step.PARKED:
                raise conflict(entry.visit_id, Rule.RESOLUTION_OF_PARKED)
            if entry.visit_id in self._resolutions:
                raise conflict(entry.visit_id, Rule.RESOLVED_ONCE)
        if entry.handled is not None and entry.handled.request.request_id in self._handled:
            raise conflict(entry.visit_id, Rule.REQUEST_ONCE)

    def keep(self, entry: Entry) -> None:
        """Write what an entry says of a human's decision; it was checked before."""
        if entry.resolution is not None:
            self._resolutions[entry.visit_id] = entry.resolution
        if entry.handled is not None:
            self.keep_handled(entry.handled)

    def keep_handled(self, handled: Handled) -> None:
        """Write a request with its reply, and whether new visits are begun from now on."""
        if handled.request.request_id in self._handled:
            raise JournalConflict("the request is not written: it was done before")
        self._handled[handled.request.request_id] = handled
        if handled.is_draining:
            self.draining_since = self.draining_since or handled.at
        elif handled.is_draining is False:
            self.draining_since = None
