"""What is used of reportlab, with types; the only file that imports it. Lengths are in points."""
# ruff: noqa: N802, N815 - the names are reportlab's

import sys
from pathlib import Path
from typing import IO, Protocol


class PressMissing(Exception):
    """reportlab is not installed; the text says how it is."""


class FontUnreadable(Exception):
    """A file is no TrueType font that reportlab can use; the text says why."""


class FontFile(Protocol):
    """A TrueType file."""

    unitsPerEm: int
    charToGlyph: dict[int, int]
    glyphPos: list[int]

    def get_table(self, tag: str) -> bytes:
        """Give one table of the file."""
        ...


class Font(Protocol):
    """A font that a canvas knows by its name."""

    fontName: str
    face: FontFile

    def stringWidth(self, text: str, size: float) -> float:
        """Give how wide a text is."""
        ...


class Outline(Protocol):
    """Lines that enclose areas."""

    def moveTo(self, x: float, y: float) -> None:
        """Begin an area."""
        ...

    def lineTo(self, x: float, y: float) -> None:
        """Go on to a corner."""
        ...

    def close(self) -> None:
        """Go back to where the area began."""
        ...


class Canvas(Protocol):
    """The page that is being drawn. The origin is the lower left corner."""

    def setFont(self, name: str, size: float) -> None:
        """Choose what the next strings are written with."""
        ...

    def drawString(self, x: float, y: float, text: str) -> None:
        """Write a string from a point on its base line."""
        ...

    def addLiteral(self, text: str) -> None:
        """Add words of the page's own language."""
        ...

    def setFillGray(self, grey: float) -> None:
        """Choose the grey of letters and areas; 0 is black."""
        ...

    def setStrokeGray(self, grey: float) -> None:
        """Choose the grey of lines; 0 is black."""
        ...

    def setLineWidth(self, width: float) -> None:
        """Choose how thick lines are."""
        ...

    def line(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw a line."""
        ...

    def beginPath(self) -> Outline:
        """Begin an outline."""
        ...

    def drawPath(self, path: Outline, *, stroke: int, fill: int) -> None:
        """Draw an outline's lines or areas."""
        ...

    def showPage(self) -> None:
        """End the page."""
        ...

    def save(self) -> None:
        """End the document."""
        ...


def open_canvas(file: IO[bytes], page: tuple[float, float], *, title: str, font: Font) -> Canvas:
    """Begin a document that is the same bytes each time and asks to be printed at its own size.

    The font is what reportlab begins each page with; its own choice would not be embedded, which
    print shops refuse.

    Raises:
        PressMissing: reportlab is not installed.

    """
    try:
        from reportlab.pdfgen.canvas import Canvas as Reportlab  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        raise missing() from exc
    made = Reportlab(
        file,
        pagesize=page,
        pageCompression=1,
        invariant=1,
        pdfVersion=(1, 5),  # The first with the words that make copied text right.
        initialFontName=font.fontName,
    )
    made.setTitle(title)
    made.setAuthor("")
    made.setSubject("")
    made.setCreator("paysera-worker")
    made.setViewerPreference("PrintScaling", "None")
    canvas: Canvas = made
    return canvas


def load_font(path: Path) -> Font:
    """Read a TrueType file and make it known to every canvas.

    Raises:
        PressMissing: reportlab is not installed.
        FontUnreadable: The file can not be read or is no such font.

    """
    try:
        from reportlab.pdfbase import pdfmetrics, ttfonts  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        raise missing() from exc
    try:
        made = ttfonts.TTFont(str(path), str(path))
    except (ttfonts.TTFError, OSError) as exc:
        raise FontUnreadable(str(exc)) from exc
    pdfmetrics.registerFont(made)
    font: Font = made
    return font


def own_fonts() -> Path:
    """Give the folder of the fonts that reportlab brings.

    Raises:
        PressMissing: reportlab is not installed.

    """
    try:
        import reportlab  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        raise missing() from exc
    return Path(str(reportlab.__file__)).parent / "fonts"


def missing() -> PressMissing:
    """Say what to install."""
    return PressMissing(
        "Install reportlab for PDF sheets, in the worker's source folder: "
        f"{sys.executable} -m pip install --require-hashes -r requirements/extras.txt"
    )
