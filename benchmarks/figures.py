"""What was measured, as rows of a table."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

HEAD: Final = ("FIGURE", "MEASURED", "BASELINE", "RATIO", "TARGET", "MET")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. A figure without a target is there to explain the others."""

    name: str
    measured: str
    baseline: str = ""
    ratio: str = ""
    target: str = ""
    is_met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        met = {None: "", True: "yes", False: "NO"}[self.is_met]
        return self.name, self.measured, self.baseline, self.ratio, self.target, met


def show(figures: Iterable[Figure]) -> str:
    """Lay the rows out under their head."""
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that so large a share of all values does not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Show the smallest and the largest."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def mb(size_bytes: float) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
