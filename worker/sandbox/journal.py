"""The record of every vendor call: what it was, whether it took effect, whether it was answered.

Old entries fall out of the ring; the totals never forget. Control calls are not recorded here.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass

KEPT = 20_000


@dataclass(slots=True)
class Entry:
    """One call. `status` is what the client was sent, None when it was sent nothing."""

    n: int
    at: float
    method: str
    path: str
    query: str
    op: str
    status: int | None = None
    applied: bool = False
    answered: bool = False
    fault: str | None = None
    error: str | None = None


class Journal:
    """The last calls, and how many there were of each kind."""

    def __init__(self) -> None:
        self._ring: deque[Entry] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self.applied: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.total = 0

    def begin(self, at: float, method: str, path: str, query: str, op: str) -> Entry:
        """Write a call down as it arrives."""
        self.total += 1
        self.counts[op] += 1
        entry = Entry(self.total, round(at, 3), method, path, query, op)
        self._ring.append(entry)
        return entry

    def took_effect(self, entry: Entry) -> None:
        """Note that the call was carried out."""
        entry.applied = True
        self.applied[entry.op] += 1

    def suffered(self, entry: Entry, fault: str) -> None:
        """Note which fault befell the call."""
        entry.fault = fault
        self.faults[fault] += 1

    def report(self, limit: int | None = None) -> dict[str, object]:
        """Tell the last calls, oldest first, and the totals."""
        entries = list(self._ring)
        if limit is not None:
            entries = entries[-limit:] if limit else []
        return {
            "requests": [asdict(entry) for entry in entries],
            "total": self.total,
            "counts": dict(self.counts),
            "applied": dict(self.applied),
            "faults": dict(self.faults),
        }
