"""One code as an SVG drawing, a PNG picture or blocks in a terminal.

What is printed can lose almost a third of itself to wear, wine and folds and still be read (level
H of ISO/IEC 18004). Four modules of white stay around it, as the standard asks.
"""

import html
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import segno

QUIET_MODULES: Final = 4
"""White around a code, in modules (ISO/IEC 18004)."""
PNG_MODULE_PIXELS: Final = 20
PNG_DOTS_PER_INCH: Final = 300

Point = tuple[int, int]

HALF_BLOCKS: Final = {
    (False, False): "█",
    (False, True): "▀",
    (True, False): "▄",
    (True, True): " ",
}
"""What stands for an upper and a lower module: light is painted, dark is the background."""
INK: Final = "\x1b[40;97m"
"""Bright white on black, whatever the terminal's own colours are."""
PLAIN: Final = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Code:
    """A code and what it says."""

    text: str
    symbol: "segno.QRCode"

    @property
    def rows(self) -> list[list[bool]]:
        """Give the modules row by row, without the quiet zone; True is dark."""
        return [[bool(module) for module in row] for row in self.symbol.matrix]

    @property
    def size(self) -> int:
        """How many modules stand on each side, the quiet zone included."""
        return len(self.symbol.matrix) + 2 * QUIET_MODULES


def make(text: str, *, is_for_print: bool = True) -> Code:
    """Make the code of a text: level H for print, M for a screen, which is clean and small."""
    import segno  # noqa: PLC0415 - the other verbs start faster without it

    return Code(text, segno.make_qr(text, error="h" if is_for_print else "m"))


def svg(code: Code) -> bytes:
    """Draw a code as SVG, one millimetre for a module."""
    size = code.size
    path = "".join(
        f"M{x + QUIET_MODULES} {y + QUIET_MODULES}{_strokes(corners)}z"
        for corners in outlines(code.rows)
        for x, y in corners[:1]
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}mm" height="{size}mm" '
        f'viewBox="0 0 {size} {size}"><title>{html.escape(code.text)}</title>'
        f'<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/>'
        f'<path fill-rule="evenodd" d="{path}"/></svg>\n'
    ).encode()


def png(code: Code) -> bytes:
    """Draw a code as PNG, black and white, sharp up to the width of a hand."""
    picture = io.BytesIO()
    code.symbol.save(
        picture,
        kind="png",
        scale=PNG_MODULE_PIXELS,
        border=QUIET_MODULES,
        dpi=PNG_DOTS_PER_INCH,
    )
    return picture.getvalue()


def blocks(code: Code, *, is_coloured: bool, encoding: str) -> str:
    """Draw a code for a terminal, two modules above each other in one character.

    Light is painted and dark is left, which is right on a dark background; with colours it is
    right on any. A terminal that has no half blocks gets two signs for each module.
    """
    edge = [False] * code.size
    margin = [False] * QUIET_MODULES
    rows = [edge] * QUIET_MODULES
    rows += [[*margin, *row, *margin] for row in code.rows]
    rows += [edge] * QUIET_MODULES
    try:
        "".join(HALF_BLOCKS.values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        lines = ["".join("  " if is_dark else "##" for is_dark in row) for row in rows]
    else:
        # The number of modules is odd; below the last row is nothing, which is painted light.
        pairs = itertools.zip_longest(rows[::2], rows[1::2], fillvalue=edge)
        lines = [
            "".join(HALF_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
            for upper, lower in pairs
        ]
    if is_coloured:
        lines = [f"{INK}{line}{PLAIN}" for line in lines]
    return "\n".join(lines) + "\n"


def outlines(rows: list[list[bool]]) -> Iterator[list[Point]]:
    """Give the corners of every edge between dark and light, to be filled by the even-odd rule.

    A path around all modules that touch has no hairlines between them on any screen or printer, as
    rows of strokes would. y grows downwards.
    """
    onward = _edges(rows)
    while onward:
        start = at = next(iter(onward))
        heading: Point = (0, 0)
        corners: list[Point] = []
        while not corners or at != start:
            # Where modules touch by a corner only there are two ways on; either leads home.
            end = onward[at].pop()
            if not onward[at]:
                del onward[at]
            turned = (end[0] - at[0], end[1] - at[1])
            if turned != heading:
                corners.append(at)
            at, heading = end, turned
        yield corners


def _edges(rows: list[list[bool]]) -> dict[Point, list[Point]]:
    """Give where one can go from each point with dark on the one hand and light on the other."""
    dark = {(x, y) for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark}
    onward: dict[Point, list[Point]] = {}
    for x, y in sorted(dark):
        for neighbour, start, end in (
            ((x, y - 1), (x, y), (x + 1, y)),
            ((x + 1, y), (x + 1, y), (x + 1, y + 1)),
            ((x, y + 1), (x + 1, y + 1), (x, y + 1)),
            ((x - 1, y), (x, y + 1), (x, y)),
        ):
            if neighbour not in dark:
                onward.setdefault(start, []).append(end)
    return onward


def _strokes(corners: list[Point]) -> str:
    """Write the way from the first corner to the last in SVG's short words."""
    return "".join(
        f"h{x - before_x}" if y == before_y else f"v{y - before_y}"
        for (before_x, before_y), (x, y) in itertools.pairwise(corners)
    )
