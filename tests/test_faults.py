"""The fault catalogue and the tests say the same about each other."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "docs" / "faults.md"
LAST = 75
NUMBER = re.compile(r"\bF([1-9][0-9]*)\b")
TEST_ID = re.compile(r"`(tests/[\w/]+\.py::test_\w+)`")
NOT_YET = re.compile(r"not yet: (.+)")


@dataclass(frozen=True)
class Row:
    """One fault as the catalogue has it."""

    number: int
    fault: str
    does: str
    proofs: frozenset[str]
    not_yet: str


def rows_of(text: str) -> list[Row]:
    """Read the catalogue's rows, in their order."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        number = NUMBER.fullmatch(cells[0])
        if number is None:
            continue
        assert len(cells) == 4, f"a row of {len(cells)} cells: {line[:80]}"
        told = NOT_YET.search(cells[3])
        proofs = frozenset(TEST_ID.findall(cells[3]))
        rows.append(Row(int(number[1]), cells[1], cells[2], proofs, told[1] if told else ""))
    return rows


def numbers_by_test() -> dict[str, set[int]]:
    """Give every test of the repository, with the faults that its docstring names."""
    return {
        f"{path.relative_to(ROOT).as_posix()}::{node.name}": {
            int(number) for number in NUMBER.findall(ast.get_docstring(node) or "")
        }
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def disagreements(rows: list[Row], tests: dict[str, set[int]]) -> Iterator[str]:
    """Say, one sentence each, in what the catalogue and the tests differ."""
    counts = Counter(row.number for row in rows)
    for number in sorted(counts.keys() | set(range(1, LAST + 1))):
        if counts[number] != 1 or number > LAST:
            yield f"F{number} has {counts[number]} rows; F1 to F{LAST} have one each"
    for row in rows:
        if not (row.fault and row.does):
            yield f"F{row.number} does not say what happens or what is done about it"
        if not row.proofs and not row.not_yet:
            yield f'F{row.number} has neither a proof nor a "not yet: why"'
        for proof in sorted(row.proofs):
            if proof not in tests:
                yield f"F{row.number} names {proof}, which does not exist"
            elif row.number not in tests[proof]:
                yield f"F{row.number} names {proof}, whose docstring does not name F{row.number}"
    listed = {(row.number, proof) for row in rows for proof in row.proofs}
    for test, numbers in sorted(tests.items()):
        for number in sorted(numbers):
            if (number, test) not in listed:
                yield f"{test} names F{number}, and the row of F{number} does not name it"


def test_the_catalogue_and_the_tests_agree() -> None:
    """Each fault has a proof that names it or a reason why not; no proof is missing or made up."""
    found = list(disagreements(rows_of(CATALOGUE.read_text()), numbers_by_test()))

    assert found == [], "\n".join(found)


GOOD = "| F{n} | It rains | Waits | {proof} |"
PROVED = "`tests/test_a.py::test_rain`"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (GOOD.format(n=7, proof=PROVED), ""),
        (GOOD.format(n=7, proof=f"{PROVED}<br>not yet: hail is seldom"), ""),
        ("", "F7 has 0 rows"),
        (GOOD.format(n=8, proof="not yet: twice"), "F8 has 2 rows"),
        (GOOD.format(n=76, proof="not yet: too far"), "F76 has 1 rows"),
        (GOOD.format(n=7, proof="see elsewhere"), "neither a proof nor"),
        (GOOD.format(n=7, proof="not yet: "), "neither a proof nor"),
        (GOOD.format(n=7, proof="`tests/test_a.py::test_gone`"), "does not exist"),
        (GOOD.format(n=7, proof="`tests/test_a.py::test_dry`"), "does not name F7"),
        (GOOD.format(n=7, proof="not yet: forgotten"), "the row of F7 does not name it"),
        ("| F7 |  | Waits | not yet: no |", "does not say what happens"),
    ],
)
def test_a_disagreement_is_found(row: str, complaint: str) -> None:
    """So that the check above can fail."""
    others = [GOOD.format(n=n, proof="not yet: no") for n in range(1, LAST + 1) if n != 7]
    tests = {"tests/test_a.py::test_rain": {7}, "tests/test_a.py::test_dry": set[int]()}

    found = list(disagreements(rows_of("\n".join([*others, row])), tests))

    if complaint:
        assert any(complaint in sentence for sentence in found), found
    else:
        assert found == []
