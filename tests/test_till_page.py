"""What docs/till.md shows works as it is shown."""

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
from worker.adapters.till.document import bill_from

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
