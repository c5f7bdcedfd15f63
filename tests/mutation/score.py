"""Count what became of each planted fault, module by module."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

SCORE_MIN: Final = 90.0
"""Percent of the planted faults that must be found, in each of the two areas."""

FOUND: Final = {"killed", "timeout"}
"""A fault that hangs the tests is found as well."""

UNPLANTED: Final = "not checked"
"""A fault outside of what was asked for."""

AREAS: Final = {"the money core": "worker.domain.", "what an answer means": "worker.adapters."}


@dataclass
class Tally:
    """What became of the faults of one module or area."""

    found: int = 0
    hung: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.found + self.hung + len(self.missed)

    @property
    def score(self) -> float:
        return 100.0 * (self.found + self.hung) / self.total if self.total else 0.0

    def add(self, fault: str, status: str) -> None:
        """Count one. Whatever is not found is missed: untested, crashed or survived."""
        if status not in FOUND:
            self.missed.append(f"{fault} ({status})")
        elif status == "timeout":
            self.hung += 1
        else:
            self.found += 1


def read_results(lines: Iterable[str]) -> dict[str, str]:
    """Read `mutmut results`, a line for each fault: its name, a colon and what became of it."""
    named = (line.strip().rpartition(": ") for line in lines if ": " in line)
    return {fault: status for fault, _, status in named if status != UNPLANTED}


def by_module(results: dict[str, str]) -> dict[str, Tally]:
    """Count by module; a fault is named module.function__number."""
    tallies: dict[str, Tally] = {}
    for fault, status in results.items():
        tallies.setdefault(fault.rpartition(".")[0], Tally()).add(fault, status)
    return dict(sorted(tallies.items()))


def by_area(results: dict[str, str]) -> dict[str, Tally]:
    """Count by area; a fault that belongs to none is a mistake of whoever chose them."""
    tallies = {area: Tally() for area in AREAS}
    for fault, status in results.items():
        (area,) = (area for area, prefix in AREAS.items() if fault.startswith(prefix))
        tallies[area].add(fault, status)
    return tallies


def report(results: dict[str, str]) -> str:
    """Write the table, the faults that nobody found, and the two scores."""
    rows = [f"{'module':44} {'found':>6} {'hung':>5} {'missed':>7} {'total':>6} {'score':>7}"]
    areas = by_area(results)
    for name, tally in {**by_module(results), **areas}.items():
        rows.append(
            f"{name:44} {tally.found:>6} {tally.hung:>5} {len(tally.missed):>7}"
            f" {tally.total:>6} {tally.score:>6.1f}%"
        )
    missed = [fault for tally in areas.values() for fault in tally.missed]
    kinds = Counter(fault.rpartition("__mutmut_")[0] for fault in missed)
    rows += ["", f"Missed: {len(missed)} in {len(kinds)} functions. `mutmut show NAME` shows one."]
    return "\n".join([*rows, *(f"  {fault}" for fault in missed)])


def is_enough(results: dict[str, str]) -> bool:
    """Tell whether both areas reach the score."""
    return all(tally.score >= SCORE_MIN for tally in by_area(results).values())
