"""Proof that every loop still turns. A beat means "I turned", never "I succeeded"."""

from worker.ports import Clock


class Pulse:
    """When each loop last turned, and what the polls found."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beats: dict[str, float] = {}
        self._budgets: dict[str, float] = {}
        self.polls = 0
        self.polls_failed = 0
        self.last_poll_ms = 0
        self.last_good_poll_s: float | None = None
        """Ticks of the last poll that the wallet answered well; None: none was yet."""

    def expect(self, loop: str, budget_s: float) -> None:
        """Count on a loop to turn at least this often."""
        self._budgets[loop] = budget_s
        self.beat(loop)

    def beat(self, loop: str) -> None:
        """Note that a loop turned."""
        self._beats[loop] = self._clock.ticks_s()

    def late(self) -> list[str]:
        """Name the loops that did not turn in time."""
        now = self._clock.ticks_s()
        return [name for name, budget in self._budgets.items() if now - self._beats[name] > budget]

    def loops(self) -> list[tuple[str, float, float]]:
        """Give each loop's name, the seconds since it turned, and how many it may take."""
        now = self._clock.ticks_s()
        return [(name, now - self._beats[name], budget) for name, budget in self._budgets.items()]

    def polled(self, began_s: float, *, is_good: bool) -> None:
        """Count one poll."""
        now = self._clock.ticks_s()
        self.polls += 1
        self.last_poll_ms = round((now - began_s) * 1000)
        if is_good:
            self.last_good_poll_s = now
        else:
            self.polls_failed += 1

    def good_poll_age_s(self) -> float | None:
        """Tell how long ago a poll was answered well; None: never yet."""
        if self.last_good_poll_s is None:
            return None
        return self._clock.ticks_s() - self.last_good_poll_s
