"""The documents that can be checked are checked."""

import re
from pathlib import Path

import pytest

from tests.documents.made import MADE
from worker.logbook import BY_NAME
from worker.settings.model import LEAVES
from worker.verbs.rehearse.assumptions import BY_NAME as FINDINGS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_from_the_code_is_current(name: str) -> None:
    """`make docs` writes it anew."""
    assert (ROOT / name).read_text() == MADE[name](), f"{name} is not current: make docs"


def test_the_operator_is_sent_to_every_line_s_meaning() -> None:
    """docs/operations.md leads to the list, and names no line that is not on it."""
    told = (ROOT / "docs/operations.md").read_text()
    nouns = {name.partition(".")[0] for name in BY_NAME}
    lines = {
        name
        for name in re.findall(r"`([a-z]+\.[a-z_]+)`", told)
        if name.partition(".")[0] in nouns and not name.endswith((".db", ".toml"))
    }

    assert "(events.md)" in told
    assert lines - set(BY_NAME) - set(LEAVES) == set()


def test_every_link_in_the_documents_leads_somewhere() -> None:
    """A clone has only itself."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_runbook_is_numbered_whole() -> None:
    """An alert or a colleague names an entry by its number; what does not apply says so there."""
    told = (ROOT / "docs/operations.md").read_text()

    numbers = re.findall(r"^### R(\d+)\. ", told, re.MULTILINE)

    assert numbers == [str(number) for number in range(1, 16)]


def test_each_assumption_says_whether_a_rehearsal_tries_it() -> None:
    """Every finding answers some row, and no row is left out."""
    rows = [
        line.strip("| ").split(" | ")
        for line in (ROOT / "docs/assumptions.md").read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| What |")
    ]
    named: set[str] = set()
    for what, *_, rehearsed in rows:
        found = set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", rehearsed))
        assert found or rehearsed in {"every call", "not tried"}, f"{what}: {rehearsed}"
        named |= found

    assert named == set(FINDINGS)
