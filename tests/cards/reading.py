"""Reads what the verb made as a phone would: a picture first, then a decoder that is not ours."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import zxingcpp
from PIL import Image, ImageChops, ImageDraw

from tests.operator.processes import cli

DOTS_PER_INCH: Final = 200
PIXELS_PER_MM: Final = DOTS_PER_INCH / 25.4
QR_CODES: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
NOWHERE: Final = {"PAYSERA_WORKER_CONFIG": "/nowhere/worker.toml"}

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftoppm") is None or shutil.which("pdftotext") is None,
    reason="pdftoppm and pdftotext are not installed (Debian: apt install poppler-utils)",
)


def qr(*arguments: str | Path, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run the verb; give its exit code and what it wrote."""
    return cli("qr", *arguments, env=env)


def texts_in(picture: Image.Image) -> list[str]:
    """Give what all codes in a picture say, row by row from the upper left."""
    found = zxingcpp.read_barcodes(picture, formats=QR_CODES)

    def place(code: zxingcpp.Barcode) -> tuple[int, int]:
        corner = code.position.top_left
        return round(corner.y / (10 * PIXELS_PER_MM)), corner.x

    return [str(code.text) for code in sorted(found, key=place)]


def levels_in(picture: Image.Image) -> set[str]:
    """Give the levels of error correction of all codes in a picture."""
    found = zxingcpp.read_barcodes(picture, formats=QR_CODES)
    return {str(code.ec_level) for code in found}


def picture_of_svg(text: str, pixels: int = 6) -> Image.Image:
    """Fill the outlines of our SVG: where an odd number of them lie on each other it is dark."""
    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', text)
    path = re.search(
        r'</title><path fill="#fff" d="[^"]+"/><path fill-rule="evenodd" d="([^"]+)"/></svg>', text
    )
    assert box is not None
    assert path is not None
    size = int(box[1]) * pixels
    dark = Image.new("1", (size, size))
    for outline in path[1].split("z")[:-1]:
        start = re.match(r"M(\d+) (\d+)", outline)
        assert start is not None
        x, y = int(start[1]), int(start[2])
        corners = [(x, y)]
        for way, length in re.findall(r"([hv])(-?\d+)", outline):
            x, y = (x + int(length), y) if way == "h" else (x, y + int(length))
            corners.append((x, y))
        area = Image.new("1", (size, size))
        shape = [(column * pixels, row * pixels) for column, row in corners]
        ImageDraw.Draw(area).polygon(shape, fill=1)
        dark = ImageChops.logical_xor(dark, area)
    return ImageChops.invert(dark.convert("L"))


def pictures_of_blocks(text: str, pixels: int = 4) -> list[Image.Image]:
    """Paint what a terminal would show: a picture for each run of lines that blocks make."""
    pictures: list[Image.Image] = []
    run: list[str] = []
    for line in [*re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines(), ""]:
        if line and not line.strip("█▀▄ "):
            run.append(line)
        elif run:
            pictures.append(_painted(run, pixels))
            run = []
    return pictures


def _painted(lines: list[str], pixels: int) -> Image.Image:
    height = 2 * len(lines)
    picture = Image.new("L", (len(lines[0]), height))
    for row, line in enumerate(lines):
        assert len(line) == len(lines[0])
        for column, sign in enumerate(line):
            picture.putpixel((column, 2 * row), 255 * (sign in "█▀"))
            picture.putpixel((column, 2 * row + 1), 255 * (sign in "█▄"))
    return picture.resize((picture.width * pixels, height * pixels), Image.Resampling.NEAREST)


def pages_of(pdf: Path, *box_mm: float, scale: int = 1) -> list[Image.Image]:
    """Print a PDF to pictures, as a printer would see its pages, or a box of each of them."""
    stem = pdf.with_name(f"{pdf.stem}-page")
    command = ["pdftoppm", "-r", str(scale * DOTS_PER_INCH), "-gray", "-png"]
    command += [*_box_of(box_mm, scale * PIXELS_PER_MM), str(pdf), str(stem)]
    subprocess.run(command, check=True, capture_output=True)
    pages = []
    for path in sorted(pdf.parent.glob(f"{stem.name}-*.png")):
        with Image.open(path) as page:
            pages.append(page.convert("L"))
        path.unlink()
    return pages


def words_of(pdf: Path, *box_mm: float) -> str:
    """Give what search and copy find in a PDF, or in a box (left, top, width, height) of page 1."""
    command = ["pdftotext", "-layout", str(pdf), "-"]
    if box_mm:
        box = _box_of(box_mm, PIXELS_PER_MM)
        command[1:1] = ["-r", str(DOTS_PER_INCH), "-f", "1", "-l", "1", *box]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _box_of(box_mm: tuple[float, ...], pixels_per_mm: float) -> list[str]:
    """Write left, top, width and height as poppler's tools want them; nothing for the whole."""
    edges = [str(round(edge * pixels_per_mm)) for edge in box_mm]
    return [word for pair in zip(("-x", "-y", "-W", "-H"), edges, strict=False) for word in pair]
