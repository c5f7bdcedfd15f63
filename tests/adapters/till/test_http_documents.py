"""What docs/till-http.md tells a shop's programmer to type works as it stands there."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.tills.http_shop import PROGRAM, SIGNING_SECRET, TOKEN, HttpShop

PAGE = PROGRAM.parents[2] / "till-http.md"
ADDRESS = "http://127.0.0.1:8900"


def shell_lines() -> list[str]:
    """Give every line that is to be typed, with its continuation."""
    lines = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), flags=re.DOTALL):
        lines += re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, flags=re.MULTILINE)
    return lines


@pytest.fixture
async def shop() -> AsyncIterator[HttpShop]:
    """A shop that is open, with the document's own bill on table7."""
    shop = HttpShop()
    await shop.open()
    yield shop
    await shop.close()


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("bash", "curl", "openssl", "od")),
    reason="the page's lines are typed with bash, curl, openssl and od, and not all are here",
)
async def test_the_lines_of_the_page_work(shop: HttpShop) -> None:
    """Asked, locked, unlocked, paid twice, booked once: with curl and openssl only."""
    home = PROGRAM.parent
    typed = [
        line.replace(ADDRESS, shop.url).replace("shop.py", f"shop.py --books {shop._home}/shop.db")
        for line in shell_lines()
        if not re.match(r"cd |export |python3 shop.py serve|.*install -m|paysera-worker", line)
    ]
    assert len(typed) == 10
    paying = next(number for number, line in enumerate(typed) if "/payments" in line)
    typed.insert(paying, typed[paying])
    environ = {**os.environ, "SHOP_TOKEN": TOKEN, "SHOP_SIGNING_SECRET": SIGNING_SECRET}

    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(typed)],
        cwd=home,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert '"bills": [{"bill_id": "B-1041"' in ran.stdout
    assert ran.stdout.count("HTTP/1.1 204") == 3
    assert len(await shop.payments()) == 1
    for done in ("is locked by v-0001", "is unlocked by v-0001", "booked, the bill is closed"):
        assert done in shop.said()
    assert "told before, nothing to do" in shop.said()


def test_the_page_and_the_example_show_the_same_bill() -> None:
    """One bill, told once in words and once as a file."""
    shown = re.search(r"```json\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert shown is not None
    bill = json.loads(Path(PROGRAM.with_name("bill.json")).read_text())
    bill.pop("opened_at")
    assert json.loads(shown[1]) == bill
