"""The sheet of cards, printed to pictures with poppler and looked at as a manager would."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from tests.cards.reading import (
    NOWHERE,
    PIXELS_PER_MM,
    levels_in,
    needs_poppler,
    pages_of,
    qr,
    texts_in,
    words_of,
)
from worker.verbs.cards import codes, lettering, sheet

A4_MM = (210.0, 297.0)
A7_MM = (74.0, 105.0)


def a_sheet(folder: Path, *words: str | Path, spots: str = "table1..table6") -> Path:
    """Make a sheet and give its file."""
    path = folder / "cards.pdf"
    path.unlink(missing_ok=True)
    code, out, err = qr("--location", "9975", "--spots", spots, "--out", path, *words, env=NOWHERE)
    assert (code, err) == (
        0,
        "" if "--name" in words else "note: the cards carry no name; --name adds one\n",
    )
    assert re.fullmatch(r"Wrote \d+ cards? on \d+ pages? to .*cards\.pdf; print at 100 %\n", out)
    return path


def cut_out(page: Image.Image, *box: float) -> Image.Image:
    """Cut out a box of millimetres from the upper left: left, top, right, bottom."""
    left, top, right, bottom = (round(edge * PIXELS_PER_MM) for edge in box)
    return page.crop((left, top, right, bottom))


def is_blank(page: Image.Image, box: Iterable[float]) -> bool:
    """Tell whether nothing is printed in a box of millimetres from the upper left."""
    return cut_out(page, *box).getextrema() == (255, 255)


@needs_poppler
@pytest.mark.parametrize("paper", ["a4", "letter"])
@pytest.mark.parametrize(("card", "per_page"), [("a7", 4), ("a6", 2), ("small", 8)])
def test_every_card_of_every_size_says_what_it_should(
    tmp_path: Path, paper: str, card: str, per_page: int
) -> None:
    """Row by row, page by page, each code once, at the level that survives wear."""
    path = a_sheet(
        tmp_path, "--paper", paper, "--card", card, "--name", "A", spots="table1..table9,bar"
    )

    pages = pages_of(path)
    said = [f"PAYSERA*9975:{spot}" for spot in [*(f"table{n}" for n in range(1, 10)), "bar"]]
    assert [texts_in(page) for page in pages] == [
        said[at : at + per_page] for at in range(0, 10, per_page)
    ]
    assert {level for page in pages for level in levels_in(page)} == {"H"}


@needs_poppler
def test_the_link_form_and_long_names_are_printed_too(tmp_path: Path) -> None:
    """The longest identifier still fits its card, in full."""
    for spot in ("A-terrace.behind_the-old-town-wall.table-number_0123456789012345", "W" * 64):
        path = a_sheet(tmp_path, "--link", "--card", "small", spots=spot)

        assert len(spot) == 64
        assert [texts_in(page) for page in pages_of(path)] == [
            [f"https://paysera.com/app?qr=PAYSERA*9975%3A{spot}"]
        ]
        assert re.sub(r"\s", "", words_of(path)).count(spot) == 2


@needs_poppler
def test_a_card_carries_name_spot_text_and_small_print(tmp_path: Path) -> None:
    """What is printed is what search and copy find, whatever the letters are built from."""
    name, text = "Kavinė „Žąsų ūkis“", "Nuskaitykite Paysera programėle"
    path = a_sheet(tmp_path, "--name", name, "--text", text, "--label", "Stalas {number}")

    words = words_of(path)
    assert words.count(name) == 6
    assert words.count(text) == 6
    for number in range(1, 7):
        assert len(re.findall(rf"Stalas {number}\b", words)) == 1
        assert len(re.findall(rf"PAYSERA\*9975:table{number}\b", words)) == 1
    assert "page 1 of 2" in words
    assert "page 2 of 2" in words


@needs_poppler
def test_the_name_on_a_card_is_that_of_its_code(tmp_path: Path) -> None:
    """A card that says table1 and pays table2 would be the worst of all."""
    path = a_sheet(tmp_path, "--name", "A", "--label", "Nr. {number}")
    page = pages_of(path)[0]
    left, top = ((whole - 2 * part) / 2 for whole, part in zip(A4_MM, A7_MM, strict=True))
    for at in range(4):
        row, column = divmod(at, 2)
        corner = left + column * A7_MM[0], top + row * A7_MM[1]
        card = cut_out(page, *corner, corner[0] + A7_MM[0], corner[1] + A7_MM[1])

        assert texts_in(card) == [f"PAYSERA*9975:table{at + 1}"]
        assert words_of(path, *corner, *A7_MM).split() == [
            "A", "Nr.", str(at + 1), "Scan", "with", "the", "Paysera", "app", "to", "pay",
            f"PAYSERA*9975:table{at + 1}",
        ]  # fmt: skip


@needs_poppler
@pytest.mark.parametrize("label", ["table1", "Terrace-by-the-old-wall-12", "Wy" * 32])
def test_long_words_grow_into_nothing_else(tmp_path: Path, label: str) -> None:
    """The code keeps its white, and each text its own place, however many lines it takes."""
    lines = ("--name", "Restaurant zum alten Stadttor an der Neris", "--text", "")
    page = pages_of(a_sheet(tmp_path, *lines, "--label", label, spots="bar"))[0]
    left, top = ((whole - 2 * part) / 2 for whole, part in zip(A4_MM, A7_MM, strict=True))

    def is_white(upper: float, lower: float) -> bool:
        return is_blank(page, (left + 1, top + upper, left + A7_MM[0] - 1, top + lower))

    assert [is_white(0.5, 3.5), is_white(4, 15), is_white(15.5, 20)] == [True, False, True]
    assert [is_white(66, 72), is_white(72, 86.5), is_white(86.6, 97)] == [True, False, True]


@needs_poppler
def test_a_long_line_for_the_guest_has_its_own_place(tmp_path: Path) -> None:
    """Two lines fit between the spot's name and the small print."""
    text = "Nuskaitykite kodą Paysera programėle ir apmokėkite sąskaitą"
    page = pages_of(a_sheet(tmp_path, "--name", "A", "--text", text, spots="bar"))[0]
    left, top = ((whole - 2 * part) / 2 for whole, part in zip(A4_MM, A7_MM, strict=True))
    bands = ((83, 86.6), (86.7, 90.5), (90.6, 95), (95, 97))

    assert [
        is_blank(page, (left + 1, top + upper, left + A7_MM[0] - 1, top + lower))
        for upper, lower in bands
    ] == [True, False, False, True]


@needs_poppler
def test_a_line_can_be_left_out(tmp_path: Path) -> None:
    """An empty text leaves its place white."""
    words = words_of(a_sheet(tmp_path, "--text", "", spots="bar"))

    assert words.split()[:2] == ["bar", "PAYSERA*9975:bar"]


@needs_poppler
def test_letters_that_the_typeface_lacks_are_built_where_they_belong(tmp_path: Path) -> None:
    """ė is e with a dot over it, ų is u with a hook under it: only that differs, and not much."""
    pairs = (("xeeex", "xėėėx", True), ("xuuux", "xųųųx", False), ("xUUUx", "xŪŪŪx", True))
    labels = [label for *pair, _ in pairs for label in pair]
    # A page for each, so that both of a pair stand at the same place.
    layout, faces = sheet.Layout((94, 125), A7_MM, 1, 1), lettering.faces_for(labels, None)
    cards = [sheet.Card(label, codes.make("PAYSERA*1:bar"), "") for label in labels]
    path = tmp_path / "letters.pdf"
    path.write_bytes(sheet.sheet(cards, sheet.Style(layout, "", "", *faces), title="Letters"))

    between_code_and_edge = (12, 75, 70, 25)
    shown = [ImageChops.invert(page) for page in pages_of(path, *between_code_and_edge, scale=2)]
    for at, (_, _, is_above) in enumerate(pairs):
        before, after = shown[2 * at], shown[2 * at + 1]
        change = ImageChops.difference(before, after).getbbox()
        letters = before.getbbox()
        assert change is not None
        assert letters is not None
        assert letters[0] < change[0] < change[2] < letters[2]
        height = letters[3] - letters[1]
        assert change[3] - change[1] < height * 0.6
        if is_above:
            assert change[3] <= letters[1] + 1
        else:
            assert change[1] >= letters[3] - 0.3 * height


@needs_poppler
def test_other_scripts_are_written_with_a_typeface_of_the_machine_or_of_the_caller(
    tmp_path: Path,
) -> None:
    """DejaVu writes Cyrillic and Greek; without any such file the verb says what to install."""
    fonts = sorted(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"))
    if not fonts:
        pytest.skip("no DejaVu here (Debian: apt install fonts-dejavu-core)")
    name = "Кафе Ζάππειο"
    choices: tuple[tuple[str | Path, ...], ...] = ((), ("--font", fonts[0]))
    for words in choices:
        path = a_sheet(tmp_path, "--name", name, *words)
        assert words_of(path).count(name) == 6


@needs_poppler
def test_the_cards_are_cut_at_the_marks_and_everything_else_is_outside(tmp_path: Path) -> None:
    """Marks stand at every cut, none reaches into a card, and no printer cuts anything off."""
    page = pages_of(a_sheet(tmp_path, "--name", "A"))[0]
    width, height = A4_MM
    left, top = (width - 2 * A7_MM[0]) / 2, (height - 2 * A7_MM[1]) / 2

    assert page.size == pytest.approx((width * PIXELS_PER_MM, height * PIXELS_PER_MM), abs=1)
    for edge in (
        (0, 0, 5, height),
        (0, 0, width, 5),
        (width - 5, 0, width, height),
        (0, height - 5, width, height),
    ):
        assert is_blank(page, edge)
    for column in range(3):
        x = left + column * A7_MM[0]
        assert not is_blank(page, (x - 0.5, top - 5, x + 0.5, top - 1.5))
        assert not is_blank(page, (x - 0.5, height - top + 1.5, x + 0.5, height - top + 5))
    for row in range(3):
        y = top + row * A7_MM[1]
        assert not is_blank(page, (left - 5, y - 0.5, left - 1.5, y + 0.5))
        assert not is_blank(page, (width - left + 1.5, y - 0.5, width - left + 5, y + 0.5))
    # The page's own words stand below the lowest cut; a card's edge is white all around.
    assert is_blank(page, (0, height - top + 6, width, height - 9))
    assert not is_blank(page, (0, height - 9, width, height - 5))
    right, low = width - left, height - top
    assert is_blank(page, (left + 2, top + 0.3, right - 2, top + 5))
    assert is_blank(page, (left + 2, low - 4, right - 2, low - 0.3))
    assert is_blank(page, (left + 0.3, top + 2, left + 5.5, low - 2))
    assert is_blank(page, (right - 5.5, top + 2, right - 0.3, low - 2))


@needs_poppler
def test_a_ruler_shows_whether_the_printer_kept_the_size(tmp_path: Path) -> None:
    """Fit to page would make A7 cards too small for their stands; the line is 50 mm."""
    page = pages_of(a_sheet(tmp_path, "--name", "A"))[0]
    foot = page.crop(
        (
            page.width // 2,
            round(page.height - 6.3 * PIXELS_PER_MM),
            page.width,
            round(page.height - 5.7 * PIXELS_PER_MM),
        )
    )
    box = ImageChops.invert(foot).getbbox()

    assert box is not None
    assert (box[2] - box[0]) / PIXELS_PER_MM == pytest.approx(50, abs=0.4)
    path = tmp_path / "cards.pdf"
    assert b"/PrintScaling /None" in path.read_bytes()


def test_the_same_cards_are_the_same_bytes(tmp_path: Path) -> None:
    """A sheet that was kept can be compared with one made today, whatever the day and the run."""
    made = set()
    for seed in ("1", "2"):
        path = tmp_path / f"cards{seed}.pdf"
        variables = {"PYTHONHASHSEED": seed, "TZ": f"UTC+{seed}", **NOWHERE}
        words = (
            "--location",
            "9975",
            "--spots",
            "table1..table9",
            "--name",
            "Kavinė",
            "--out",
            path,
        )
        assert qr(*words, env=variables)[0] == 0
        made.add(path.read_bytes())

    assert len(made) == 1
    # Nothing of this machine is in it.
    assert str(tmp_path).encode() not in next(iter(made))
    assert b"/BaseFont /Helvetica" not in next(iter(made)), "a font that is not embedded"
