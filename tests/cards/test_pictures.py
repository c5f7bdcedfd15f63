"""Codes as SVG, PNG and in the terminal, each read again by a decoder that is not ours."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.cards.reading import levels_in, picture_of_svg, pictures_of_blocks, qr, texts_in
from worker.verbs.cards import codes, spots


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2**63 - 1), st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z"), st.booleans())
def test_every_code_says_exactly_what_it_should(location: int, spot: str, is_link: bool) -> None:
    """Whatever the location and the spot, the three pictures say the payload and nothing else."""
    text = spots.code_of(location, spot)
    text = spots.link_of(text) if is_link else text
    code, screen = codes.make(text), codes.make(text, is_for_print=False)

    assert texts_in(Image.open(io.BytesIO(codes.png(code)))) == [text]
    assert texts_in(picture_of_svg(codes.svg(code).decode())) == [text]
    shown = codes.blocks(screen, is_coloured=True, encoding="utf-8")
    assert [texts_in(picture) for picture in pictures_of_blocks(shown)] == [[text]]


def test_the_drawing_is_the_picture_module_by_module() -> None:
    """SVG and PNG are made in two ways, and show the same, quiet zone included."""
    code = codes.make("PAYSERA*9975:table1")
    drawing = picture_of_svg(codes.svg(code).decode(), pixels=codes.PNG_MODULE_PIXELS)
    picture = Image.open(io.BytesIO(codes.png(code))).convert("L")

    assert drawing.size == picture.size
    middles = range(codes.PNG_MODULE_PIXELS // 2, picture.width, codes.PNG_MODULE_PIXELS)
    assert all(
        drawing.getpixel((x, y)) == picture.getpixel((x, y)) for x in middles for y in middles
    )


def test_one_spot_goes_to_standard_output_as_svg() -> None:
    """The code can be piped to where it is needed; its title says what it says."""
    code, out, err = qr("--location", "9975", "--spots", "table1", "--format", "svg")

    assert (code, err) == (0, "")
    assert "<title>PAYSERA*9975:table1</title>" in out
    assert texts_in(picture_of_svg(out)) == ["PAYSERA*9975:table1"]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_several_spots_become_one_file_each(tmp_path: Path, kind: str) -> None:
    """Files are named for location and spot, in a folder that is made when it is missing."""
    folder = tmp_path / "codes"
    code, out, err = qr(
        "--location", "9975", "--spots", "table1..table3,.,-x", "--format", kind, "--out", folder
    )

    assert (code, err) == (0, "")
    assert out == f"Wrote 5 files to {folder}\n"
    named = [*(f"table{n}" for n in (1, 2, 3)), ".", "-x"]
    assert {path.name for path in folder.iterdir()} == {f"9975-{spot}.{kind}" for spot in named}
    for spot in named:
        path = folder / f"9975-{spot}.{kind}"
        picture = picture_of_svg(path.read_text()) if kind == "svg" else Image.open(path)
        assert texts_in(picture) == [f"PAYSERA*9975:{spot}"]


def test_the_link_form_is_made_when_it_is_wished(tmp_path: Path) -> None:
    """An ordinary scanner opens the page that leads to the app."""
    path = tmp_path / "table1.png"
    assert qr("--location", "3", "--spots", "TABLE1", "--link", "--out", path)[0] == 0

    assert texts_in(Image.open(path)) == ["https://paysera.com/app?qr=PAYSERA*3%3ATABLE1"]


def test_the_picture_survives_a_stain(tmp_path: Path) -> None:
    """Level H: a coin's worth of the code may be covered, and the white around it is there."""
    path = tmp_path / "table1.png"
    assert qr("--location", "9975", "--spots", "table1", "--out", path)[0] == 0

    picture = Image.open(path).convert("L")
    assert levels_in(picture) == {"H"}
    module = codes.PNG_MODULE_PIXELS
    dark = picture.point(lambda grey: 255 - grey).getbbox()
    assert dark == (4 * module, 4 * module, picture.width - 4 * module, picture.height - 4 * module)
    side = picture.width * 0.22
    corner = picture.width / 2 - side / 2
    ImageDraw.Draw(picture).ellipse((corner, corner, corner + side, corner + side), fill=128)
    assert texts_in(picture) == ["PAYSERA*9975:table1"]


def test_the_terminal_shows_each_code_below_its_name() -> None:
    """A technician holds the phone to the screen."""
    code, out, err = qr(
        "--location", "9975", "--spots", "bar,table1..table2", "--format", "terminal"
    )

    assert (code, err) == (0, "")
    assert re.findall(r"^(\S+)  (PAYSERA\S+)$", out, re.MULTILINE) == [
        (spot, f"PAYSERA*9975:{spot}") for spot in ("bar", "table1", "table2")
    ]
    assert [texts_in(picture) for picture in pictures_of_blocks(out)] == [
        [f"PAYSERA*9975:{spot}"] for spot in ("bar", "table1", "table2")
    ]
    assert "\x1b" not in out


def test_a_terminal_without_blocks_gets_signs() -> None:
    """In a Latin-1 locale the code is larger, and the same."""
    variables = {"PYTHONIOENCODING": "latin-1"}
    words = ("--location", "9975", "--spots", "table1", "--format", "terminal")
    code, out, err = qr(*words, env=variables)

    assert (code, err) == (0, "")
    rows = [line[::2] for line in out.splitlines() if line and not line.strip("# ")]
    blocks = "\n".join(
        "".join(
            {"##": "█", "# ": "▀", " #": "▄", "  ": " "}[a + b] for a, b in zip(x, y, strict=True)
        )
        for x, y in zip(rows[::2], [*rows[1::2], "#" * len(rows[0])], strict=True)
    )
    assert [texts_in(picture) for picture in pictures_of_blocks(blocks)] == [
        ["PAYSERA*9975:table1"]
    ]
