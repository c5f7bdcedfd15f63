"""Writes names on cards: which typeface can, and how the letters that it lacks are built.

reportlab brings one typeface, Bitstream Vera, which knows neither ė nor ū but has their parts. So
Lithuanian, Latvian, Polish and the other Latin alphabets are written on every machine alike, with
nothing installed. Other scripts take a typeface of the machine or the one that the caller names.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.verbs.cards import press

SPACING: Final = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "\N{ACUTE ACCENT}",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "\N{MODIFIER LETTER CIRCUMFLEX ACCENT}",
    "\N{COMBINING TILDE}": "\N{SMALL TILDE}",
    "\N{COMBINING MACRON}": "\N{MACRON}",
    "\N{COMBINING BREVE}": "\N{BREVE}",
    "\N{COMBINING DOT ABOVE}": "\N{DOT ABOVE}",
    "\N{COMBINING DIAERESIS}": "\N{DIAERESIS}",
    "\N{COMBINING RING ABOVE}": "\N{RING ABOVE}",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "\N{DOUBLE ACUTE ACCENT}",
    "\N{COMBINING CARON}": "\N{CARON}",
    "\N{COMBINING CEDILLA}": "\N{CEDILLA}",
    "\N{COMBINING OGONEK}": "\N{OGONEK}",
}
"""The sign that a typeface has for a mark on its own."""
BELOW: Final = {"\N{COMBINING CEDILLA}", "\N{COMBINING OGONEK}"}
COMMA_BELOW: Final = frozenset("GKLNRklnr")
"""What Unicode calls their cedilla is a comma in Latvian, as it has always been written."""
LEFTWARD: Final = ("R", "AL", "AN")
"""Unicode's directions of scripts that run from right to left."""

FOLDERS: Final = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
FAMILIES: Final = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("FreeSans.ttf", "FreeSansBold.ttf"),
    ("Arial.ttf", "Arial Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
)
"""Typefaces that write many scripts: the plain and the bold file of each."""


class LetteringError(ValueError):
    """A text can not be written with the typefaces at hand; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Box:
    """The room that a glyph takes, in thousandths of the size."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> float:
        """Half way between left and right."""
        return (self.left + self.right) / 2


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of plain text, or one letter with a mark that is set on it."""

    text: str
    mark: str = ""


class Face:
    """One typeface in one weight."""

    def __init__(self, font: press.Font) -> None:
        self.font = font
        """What reportlab knows it as."""

    def can_write(self, character: str) -> bool:
        """Tell whether it has a letter or can build it."""
        return self._has(character) or self._built(character) is not None

    def width(self, text: str, size: float) -> float:
        """Give how wide a text is at a size, both in points."""
        return sum(self.font.stringWidth(part.text, size) for part in self._parts(text))

    def write(self, canvas: press.Canvas, x: float, y: float, text: str, size: float) -> None:
        """Write a text from a point on its base line. Search and copy find it as it was typed."""
        spoken = ("\N{BYTE ORDER MARK}" + text).encode("utf-16-be").hex().upper()
        canvas.addLiteral(f"/Span <</ActualText <{spoken}>>> BDC")
        canvas.setFont(self.font.fontName, size)
        for part in self._parts(text):
            canvas.drawString(x, y, part.text)
            if part.mark:
                right, up = self._offset(part.text, part.mark)
                sign = self._sign(part.text, part.mark)
                canvas.drawString(x + right * size / 1000, y + up * size / 1000, sign)
            x += self.font.stringWidth(part.text, size)
        canvas.addLiteral("EMC")

    def _has(self, character: str) -> bool:
        return ord(character) in self.font.face.charToGlyph

    def _parts(self, text: str) -> Iterator[Part]:
        plain = ""
        for character in unicodedata.normalize("NFC", text):
            built = None if self._has(character) else self._built(character)
            if built is None:
                plain += character
                continue
            if plain:
                yield Part(plain)
            plain = ""
            yield built
        if plain:
            yield Part(plain)

    def _built(self, character: str) -> Part | None:
        """Take a letter apart into one that it has and a mark that it has."""
        base, mark = (*unicodedata.normalize("NFD", character), "", "")[:2]
        if len(unicodedata.normalize("NFD", character)) != 2 or mark not in SPACING:
            return None
        if base == "i" and mark not in BELOW:
            base = "\N{LATIN SMALL LETTER DOTLESS I}"
        can = self._has(base) and self._has(self._sign(base, mark))
        return Part(base, mark) if can else None

    def _sign(self, base: str, mark: str) -> str:
        if mark == "\N{COMBINING CEDILLA}" and base in COMMA_BELOW:
            return ","
        if mark == "\N{COMBINING CEDILLA}" and base == "g":
            return "\N{LEFT SINGLE QUOTATION MARK}"
        return SPACING[mark]

    def _offset(self, base: str, mark: str) -> tuple[float, float]:
        """Say how far right and up of the letter's origin its mark is written."""
        letter, sign = self._box(base), self._box(self._sign(base, mark))
        if mark == "\N{COMBINING OGONEK}" and base not in "iI":
            # It hangs on the letter's last foot; an e has none and carries it a little inwards.
            inwards = 0.22 if base == "e" else 0.02
            return letter.right - inwards * (letter.right - letter.left) - sign.right, 0.0
        across = letter.middle - sign.middle
        if self._sign(base, mark) == ",":
            return across, -60.0 - sign.top
        if mark in BELOW and base != "g":
            return across, 0.0
        # Marks are drawn for small letters; over taller ones they rise by what those are taller.
        low = self._box("x").top
        clear = 90.0 + letter.top - sign.bottom if base == "g" else letter.top - low
        return across, max(clear, 0.0)

    def _box(self, character: str) -> Box:
        """Read a glyph's box from the file (OpenType, table glyf); an empty glyph has no room."""
        face = self.font.face
        glyph = face.charToGlyph[ord(character)]
        start, end = face.glyphPos[glyph], face.glyphPos[glyph + 1]
        head = face.get_table("glyf")[start:end][2:10]
        if not head:
            return Box(0, 0, 0, 0)
        edges = [int.from_bytes(head[at : at + 2], "big", signed=True) for at in range(0, 8, 2)]
        return Box(*(edge * 1000 / face.unitsPerEm for edge in edges))


def faces_for(texts: Iterable[str], own: Path | None) -> tuple[Face, Face]:
    """Give a plain and a bold typeface that can write all texts; the caller's own is used for both.

    Raises:
        LetteringError: There is none, or the caller's file is no TrueType font.
        PressMissing: reportlab is not installed.

    """
    letters = sorted(set(unicodedata.normalize("NFC", "".join(texts))) | {"x"})
    for letter in letters:
        if unicodedata.bidirectional(letter) in LEFTWARD or unicodedata.category(letter)[0] == "M":
            raise LetteringError(
                f"Write the cards' texts in a script that runs from left to right, letter by "
                f"letter: {_named(letter)} belongs to one that this sheet can not set."
            )
    if own is not None:
        face = _loaded(own)
        if missing := [letter for letter in letters if not face.can_write(letter)]:
            raise LetteringError(
                f"Name another typeface with --font: {own} has no {_named(missing[0])}."
            )
        return face, face
    for files in _pairs():
        faces = _loaded(files[0]), _loaded(files[1])
        missing = [x for x in letters if not all(face.can_write(x) for face in faces)]
        if not missing:
            return faces
        wanted = missing[0]
    raise LetteringError(
        f"Name a TrueType file that has {_named(wanted)} with --font FILE, or install one (Debian: "
        "apt install fonts-dejavu-core): no typeface here can write it."
    )


def _pairs() -> Iterator[tuple[Path, Path]]:
    """Give the plain and the bold file of each typeface, reportlab's own first."""
    own = press.own_fonts()
    yield own / "Vera.ttf", own / "VeraBd.ttf"
    for plain, bold in FAMILIES:
        for folder in FOLDERS:
            for found in sorted(Path(folder).expanduser().rglob(plain)):
                if (twin := found.with_name(bold)).is_file():
                    yield found, twin


def _loaded(path: Path) -> Face:
    try:
        return Face(press.load_font(path))
    except press.FontUnreadable as exc:
        raise LetteringError(
            f"Name a TrueType file (.ttf) with --font: {path} can not be used as one ({exc})."
        ) from exc


def _named(letter: str) -> str:
    return f"{letter!r} ({unicodedata.name(letter, f'U+{ord(letter):04X}').lower()})"
