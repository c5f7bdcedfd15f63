"""A print-ready PDF of cards: name, code, spot, a line for the guest, and where to cut.

Everything is grey or black, which any printer has. The same cards give the same bytes, so a sheet
that was kept can be compared with one that is made again. Lengths are in millimetres, the sizes
of letters in points.
"""

import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from worker.verbs.cards import codes, press
from worker.verbs.cards.lettering import Face, LetteringError

MM: Final = 72 / 25.4
"""Points in a millimetre."""
PAPERS: Final = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
"""Width and height, upright."""
CARDS: Final = {"a7": (74.0, 105.0), "a6": (105.0, 148.0), "small": (64.0, 94.0)}
"""Width and height. A7 and A6 fit the stands and laminating pouches that shops sell."""
MARGIN_MIN: Final = 10.5
"""Room for cutting marks and the line at the foot, inside what ordinary printers reach."""
MARK_GAP: Final = 1.5
MARK_LENGTH: Final = 3.5
CROSS: Final = 1.5
HAIRLINE: Final = 0.1
FOOT: Final = 6.0
RULER: Final = 50.0
LEADING: Final = 1.2
"""From line to line, in sizes of the letters."""
BLACK, DARK, MILD, PALE = 0.0, 0.15, 0.4, 0.6
"""Greys."""


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on one card."""

    label: str
    code: codes.Code
    small_print: str
    """The code's plain text, so that a card can be checked by eye."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How many cards stand on a page, and where."""

    page: tuple[float, float]
    card: tuple[float, float]
    columns: int
    rows: int

    @property
    def left(self) -> float:
        """Where the first column begins."""
        return (self.page[0] - self.columns * self.card[0]) / 2

    @property
    def top(self) -> float:
        """Where the first row begins, from the foot of the page."""
        return (self.page[1] + self.rows * self.card[1]) / 2

    @property
    def count(self) -> int:
        """How many cards a page has."""
        return self.columns * self.rows


@dataclass(frozen=True, slots=True)
class Style:
    """What all cards of a sheet share."""

    layout: Layout
    name: str
    text: str
    plain: Face
    bold: Face


def layout_of(paper: str, card: str) -> Layout:
    """Turn the paper so that the most cards stand on it; upright where that makes no difference."""
    width, height = PAPERS[paper]
    layouts = []
    for page in ((width, height), (height, width)):
        columns, rows = (
            int((side - 2 * MARGIN_MIN) // length)
            for side, length in zip(page, CARDS[card], strict=True)
        )
        layouts.append(Layout(page, CARDS[card], columns, rows))
    return max(layouts, key=lambda layout: layout.count)


def sheet(cards: Sequence[Card], style: Style, *, title: str) -> bytes:
    """Give the PDF of all cards.

    Raises:
        LetteringError: A text is too long for a card.
        PressMissing: reportlab is not installed.

    """
    layout = style.layout
    file = io.BytesIO()
    page_size = (layout.page[0] * MM, layout.page[1] * MM)
    canvas = press.open_canvas(file, page_size, title=title, font=style.plain.font)
    pages = [cards[at : at + layout.count] for at in range(0, len(cards), layout.count)]
    for number, page in enumerate(pages, 1):
        for at, card in enumerate(page):
            row, column = divmod(at, layout.columns)
            left = layout.left + column * layout.card[0]
            top = layout.top - row * layout.card[1]
            _draw_card(canvas, style, card, left, top)
        columns, rows = min(layout.columns, len(page)), -(-len(page) // layout.columns)
        _draw_marks(canvas, layout, columns, rows)
        _draw_foot(canvas, style, f"{title} · page {number} of {len(pages)}")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw_card(canvas: press.Canvas, style: Style, card: Card, left: float, top: float) -> None:
    """Draw one card from its upper left corner: name, code, spot, line for the guest."""
    width, height = style.layout.card
    unit = width / CARDS["a7"][0]
    side = 54 * unit
    middle, room = left + width / 2, width - 12 * unit

    def centred(
        face: Face,
        text: str,
        sizes: tuple[float, float],
        *,
        y: float,
        tall: float,
        grey: float,
        hang: float = 0.5,
        lines_max: int = 2,
    ) -> None:
        """Write lines around a base line, in all so tall at most, if they must be several.

        Hang 1 lets them stand on it, 0.5 has it half way.
        """
        if not text:
            return
        lines, size = fitted(
            face,
            text,
            room,
            (sizes[0] * unit, sizes[1] * unit),
            tall=tall * scale,
            lines_max=lines_max,
        )
        canvas.setFillGray(grey)
        for at, line in enumerate(lines):
            x = middle * MM - face.width(line, size) / 2
            up = ((len(lines) - 1) * hang - at) * size * LEADING
            face.write(canvas, x, (top - y * scale) * MM + up, line, size)

    scale = height / CARDS["a7"][1]
    # The name stands on its line, so that a second one never comes into the code's quiet zone.
    centred(style.plain, style.name, (13, 7), y=13.5, tall=11, grey=DARK, hang=1)
    _draw_code(canvas, card.code, middle - side / 2, top - 16 * scale, side)
    centred(style.bold, card.label, (30, 6), y=81, tall=15, grey=BLACK, lines_max=3)
    centred(style.plain, style.text, (8.5, 6), y=91, tall=7.3, grey=MILD)
    centred(style.plain, card.small_print, (5, 4), y=99.5, tall=4.3, grey=PALE)


def _draw_code(
    canvas: press.Canvas, code: codes.Code, left: float, top: float, side: float
) -> None:
    """Draw a code and the white around it into a square, from its upper left corner."""
    module = side / code.size
    outline = canvas.beginPath()
    for corners in codes.outlines(code.rows):
        points = [
            (
                (left + (x + codes.QUIET_MODULES) * module) * MM,
                (top - (y + codes.QUIET_MODULES) * module) * MM,
            )
            for x, y in corners
        ]
        outline.moveTo(*points[0])
        for point in points[1:]:
            outline.lineTo(*point)
        outline.close()
    canvas.setFillGray(BLACK)
    canvas.drawPath(outline, stroke=0, fill=1)


def _draw_marks(canvas: press.Canvas, layout: Layout, columns: int, rows: int) -> None:
    """Say where to cut: lines outside the cards, and small crosses where four cards meet."""
    canvas.setStrokeGray(BLACK)
    canvas.setLineWidth(HAIRLINE * MM)
    xs = [layout.left + column * layout.card[0] for column in range(columns + 1)]
    ys = [layout.top - row * layout.card[1] for row in range(rows + 1)]
    near, far = MARK_GAP, MARK_GAP + MARK_LENGTH
    lines = [
        *((x, ys[0] + near, x, ys[0] + far) for x in xs),
        *((x, ys[-1] - near, x, ys[-1] - far) for x in xs),
        *((xs[0] - near, y, xs[0] - far, y) for y in ys),
        *((xs[-1] + near, y, xs[-1] + far, y) for y in ys),
    ]
    for x, y in itertools.product(xs[1:-1], ys[1:-1]):
        lines += [(x - CROSS, y, x + CROSS, y), (x, y - CROSS, x, y + CROSS)]
    for line in lines:
        canvas.line(*(end * MM for end in line))


def _draw_foot(canvas: press.Canvas, style: Style, text: str) -> None:
    """Below the cards: what this is, and a line that shows whether the printer kept the size."""
    # Between the outer cutting marks, which reach down to here on a full page.
    start = style.layout.left + 2
    right = style.layout.page[0] - start
    left = right - RULER
    canvas.setStrokeGray(MILD)
    canvas.setLineWidth(HAIRLINE * MM)
    canvas.line(left * MM, FOOT * MM, right * MM, FOOT * MM)
    for x in (left, right):
        canvas.line(x * MM, (FOOT - 0.8) * MM, x * MM, (FOOT + 0.8) * MM)
    canvas.setFillGray(MILD)
    note = "50 mm when printed at 100 %"
    size = 6.0
    x = (left + right) / 2 * MM - style.plain.width(note, size) / 2
    style.plain.write(canvas, x, (FOOT + 0.7) * MM, note, size)
    style.plain.write(canvas, start * MM, FOOT * MM, text, size)


def fitted(
    face: Face,
    text: str,
    room: float,
    sizes: tuple[float, float],
    *,
    tall: float,
    lines_max: int,
) -> tuple[list[str], float]:
    """Give a text as lines that fit into a width and a height, and the size of their letters.

    Another line is better than letters much smaller than the largest.

    Raises:
        LetteringError: It does not fit at the smallest size either.

    """
    largest, smallest = sizes
    for count in range(1, lines_max + 1):
        floor = smallest if count == lines_max else max(smallest, 0.6 * largest / count)
        size = min(largest, tall * MM / count / LEADING) if count > 1 else largest
        while size >= floor:
            lines = _broken(face, text, room * MM, size)
            if len(lines) <= count:
                return lines, size
            size -= largest / 60
    raise LetteringError(f"Write something shorter: {text!r} does not fit on a card.")


def _broken(face: Face, text: str, room: float, size: float) -> list[str]:
    """Break a text into lines at spaces, after signs that join words, and else inside a word."""
    lines = [""]
    for piece in re.findall(r" ?[^ ._-]*[._-]?", text):
        if face.width(lines[-1] + piece, size) <= room:
            lines[-1] += piece
            continue
        if lines[-1]:
            lines.append("")
        for letter in piece.lstrip():
            if lines[-1] and face.width(lines[-1] + letter, size) > room:
                lines.append("")
            lines[-1] += letter
    return lines
