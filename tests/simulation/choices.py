"""Every draw of an evening: labelled, repeatable, and recorded when it brings trouble.

Each label draws from a stream of its own, so leaving one trouble out does not change the others as
long as the worker does the same. What fired is the whole tape: a failing evening shrinks by playing
less and less of it.
"""

from collections import Counter
from collections.abc import Collection
from random import Random

Fired = tuple[str, int]
"""A label, and the how manieth time it fired."""


class Choices:
    """The draws of one evening."""

    def __init__(self, seed: int, only: Collection[Fired] | None = None) -> None:
        self.seed = seed
        self.fired: Counter[str] = Counter()
        self.tape: list[Fired] = []
        self._only = None if only is None else frozenset(only)
        self._streams: dict[str, Random] = {}

    def stream(self, label: str) -> Random:
        """Give a label's own stream, for draws that are no trouble."""
        stream = self._streams.get(label)
        if stream is None:
            stream = self._streams[label] = Random(f"{self.seed}/{label}")
        return stream

    def fires(self, label: str, chance: float) -> bool:
        """Tell whether a trouble strikes now."""
        if chance <= 0.0 or self.stream(label).random() >= chance:
            return False
        return self.note(label)

    def note(self, label: str) -> bool:
        """Record that a trouble strikes, unless it is none of the few that may."""
        count = self.fired[label]
        self.fired[label] = count + 1
        if self._only is not None and (label, count) not in self._only:
            return False
        self.tape.append((label, count))
        return True
