"""What docs/till.md shows works as it is shown."""

import dataclasses
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.adapters.till.support import HALL, guarded, paid
from tests.settings.support import BASE, KEY, read
from worker.adapters.till import FolderTill
from worker.adapters.till import document as limits
from worker.adapters.till.document import bill_from
from worker.adapters.till.guard import BILLS_MAX, LINES_IN_ALL_MAX
from worker.domain.money import AMOUNT_MINOR_MAX
from worker.domain.notice import Notice

PAGE: Final = (Path(__file__).parent.parent / "docs" / "till.md").read_text()


def shown(language: str) -> list[str]:
    """Give the page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", shown("json"))
def test_every_bill_that_is_shown_is_a_bill(text: str) -> None:
    """Copied from the page, it can be charged."""
    assert bill_from(json.loads(text)) is not None


def test_bills_of_every_sort_are_shown() -> None:
    """Lines, parts, and a hold with its end."""
    bills = [bill_from(json.loads(text)) for text in shown("json")]

    assert any(bill and bill.lines for bill in bills)
    assert any(bill and bill.parts for bill in bills)
    assert any(bill and bill.hold for bill in bills)


@pytest.mark.parametrize("text", shown("toml"))
def test_every_setting_that_is_shown_is_one(tmp_path: Path, text: str) -> None:
    """Copied from the page, it is accepted."""
    toml = BASE.split("[till.prices]", maxsplit=1)[0] + text

    assert read(tmp_path, toml, KEY).till.kind == tomllib.loads(text)["till"]["kind"]


def test_the_page_and_the_code_have_the_same_bounds() -> None:
    """As the page of the till over HTTP has them, too."""
    for text in (
        f"Text of 1 to {limits.BILL_ID_CHARS_MAX} characters",
        f"text of 1 to {limits.PART_ID_CHARS_MAX} characters",
        f"at most {limits.LINES_MAX} lines",
        f"at most {LINES_IN_ALL_MAX} lines",
        f"1 to {limits.PARTS_MAX} parts",
        f"From 1 to {AMOUNT_MINOR_MAX}",
        f"from {limits.HOLD_S_MIN} to {limits.HOLD_S_MAX}",
        f"More than {BILLS_MAX} open bills",
    ):
        assert text in PAGE


def test_every_attribute_of_a_plug_ins_notice_is_shown() -> None:
    """Under the names that a plug-in finds."""
    shown_names = set(re.findall(r"`([a-z_]+)[`.]", PAGE.partition("| Attribute |")[2]))
    names = {field.name for field in dataclasses.fields(Notice)} - {"visit_id"}

    assert names | {"visit"} <= shown_names


async def test_the_scripts_open_a_bill_and_say_that_it_is_paid(tmp_path: Path) -> None:
    """As a shop's programmer would run them, on a folder with a blank in its name."""
    opening, reporting = shown("sh")
    folder = tmp_path / "open bills"
    folder.mkdir()
    till = guarded(FolderTill(folder))

    run(opening, folder)
    found = await till.find_bills(HALL, "table7")
    assert isinstance(found, tuple)
    assert [bill.bill_id for bill in found] == ["B-1041"]
    assert await till.post(paid("B-1041", 2350)) is None
    await till.aclose()

    assert run(reporting, folder) == "notice-of-ATaNkey-0001 B-1041 2350 EUR\n"


def run(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        env={"BILLS": str(folder), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout
