"""What is fuzzed: a way to make an input from dice, and a check that holds for every input."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import InvalidOperation
from typing import Any

from tests.fuzz import known


class Broken(AssertionError):
    """A property does not hold for an input, which can be made again from the two names."""

    def __init__(self, surface: str, number: int, case: object, error: BaseException) -> None:
        shown = repr(case)
        super().__init__(
            f"{surface} input {number}: {type(error).__name__}: {error}\n"
            f"made again by: python -m tests.fuzz 1 --surface {surface} --first {number}\n"
            f"input: {shown if len(shown) < 4000 else shown[:4000] + '...'}"
        )
        self.number = number
        self.error = error


@dataclass(frozen=True)
class Surface:
    """One boundary where bytes of strangers come in."""

    name: str
    make: Callable[[random.Random], Any]
    check: Callable[[Any], Iterable[str]]
    """Raise if the property does not hold; otherwise name how it ended, for the count."""
    share: float
    """How many inputs it gets for each input that the wire parser gets; by how fast it is."""

    def case(self, number: int) -> Any:
        """Make an input: the same number makes the same one, without those before it."""
        return self.make(random.Random(f"{self.name}:{number}"))

    def play(self, number: int) -> tuple[str, ...]:
        """Make and check one input."""
        case = self.case(number)
        try:
            return self.judge(case)
        except Exception as error:
            raise Broken(self.name, number, case, error) from error

    def judge(self, case: Any) -> tuple[str, ...]:
        """Check one input and give how it ended."""
        try:
            return tuple(self.check(case))
        except InvalidOperation:
            if known.HUGE_EXPONENT not in known.OPEN:
                raise
            return (f"known: {known.HUGE_EXPONENT}",)

    def play_all(self, first: int, count: int) -> Counter[str]:
        """Check inputs one after the other and count how they ended."""
        endings: Counter[str] = Counter()
        for number in range(first, first + count):
            endings.update(self.play(number))
        return endings
