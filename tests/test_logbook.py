"""The log's closed list: what the code tells and what the list says are the same, both ways."""

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from worker.domain.facts import FactName
from worker.logbook import BY_NAME, FIELDS, LINES, LineName

WORKER: Final = Path(__file__).parent.parent / "worker"
LEVELS: Final = {"debug", "info", "warning", "error"}
NAMED_ELSEWHERE: Final = {
    ("bootstrap.py", "event"), ("engine.py", "fact.name"), ("folder.py", "news.event"),
    ("postman.py", "name"),
}  # fmt: skip
"""Calls whose name is handed in, typed as one of the list's; where it is chosen it is read."""
PASSED_ON: Final = {
    *(name for name in LineName if name.value.startswith(("journal.", "worker.turned"))),
    LineName.WORKER_SANDBOX_MET, LineName.TILL_UNUSABLE,
    LineName.BILL_VANISHED, LineName.BILL_CHANGED_AFTER_PAYMENT, LineName.LIBRARY_WARNED,
    LineName.TRANSACTION_FOREIGN, LineName.WORKER_TWIN_SEEN, FactName.NOTICE_DELAYED,
    FactName.NOTICE_PARKED, FactName.TRANSACTION_RELEASED, FactName.VISIT_CLOSED,
}  # fmt: skip
"""Lines whose level or fields are not all written in the call that names them."""


@dataclass(slots=True)
class Told:
    """What the code says of one name."""

    levels: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


def sources() -> dict[Path, ast.Module]:
    """Read every module of the worker; the sandbox is a program of its own, with no log."""
    paths = sorted(path for path in WORKER.rglob("*.py") if "sandbox" not in path.parts)
    return {path: ast.parse(path.read_text()) for path in paths}


def named(node: ast.expr) -> FactName | LineName | None:
    """Give the name that an expression spells out."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        kinds: dict[str, type[FactName] | type[LineName]] = {
            "FactName": FactName,
            "LineName": LineName,
        }
        kind = kinds.get(node.value.id)
        return None if kind is None or node.attr not in kind.__members__ else kind[node.attr]
    return None


def is_logging(call: ast.Call) -> bool:
    """Tell whether something is written to the log here."""
    to = call.func
    return (
        isinstance(to, ast.Attribute)
        and to.attr in LEVELS | {"exception", "critical"}
        and isinstance(to.value, ast.Name)
        and to.value.id in {"log", "_log", "logger"}
    )


def calls() -> list[tuple[Path, ast.Call]]:
    """Give every call of the worker's."""
    return [
        (path, node)
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def everything_told() -> dict[FactName | LineName, Told]:
    """Collect from the code who is told how loudly and with what."""
    found: dict[FactName | LineName, Told] = defaultdict(Told)
    for _, call in calls():
        name = next((n for n in map(named, call.args[:1]) if n is not None), None)
        if name is None:
            continue
        verb = str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))
        found[name].levels |= {verb} & LEVELS
        keywords = {word.arg for word in call.keywords if word.arg}
        found[name].fields |= {"exception" if w == "exc_info" else w for w in keywords}
    return found


def test_every_log_call_names_a_line_of_the_list() -> None:
    """A name that is made up on the spot is in no table, no alert and no grep."""
    wrong = [
        f"{path.name}:{call.lineno} {ast.unparse(call.args[0])}"
        for path, call in calls()
        if is_logging(call)
        and named(call.args[0]) is None
        and (path.name, ast.unparse(call.args[0])) not in NAMED_ELSEWHERE
    ]
    assert wrong == []


def test_every_line_of_the_list_is_told_somewhere() -> None:
    """A line that nobody tells any more only makes the reader wait for it."""
    used = {
        name
        for path, tree in sources().items()
        if path.name not in {"logbook.py", "facts.py"}
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and (name := named(node)) is not None
    }
    assert {*FactName, *LineName} - used == set()


def test_every_name_is_explained_once() -> None:
    """And what asks for something says what to do."""
    assert [line.name for line in LINES if line.name.value.count(".") != 1] == []
    assert len(LINES) == len(BY_NAME)
    assert set(BY_NAME) == {name.value for name in [*FactName, *LineName]}
    assert [line.name for line in LINES if "error" in line.levels and not line.do] == []


def test_levels_and_fields_are_those_of_the_code() -> None:
    """A field that is not on the list would be missing from the line, and nobody would notice."""
    for name, told in everything_told().items():
        line = BY_NAME[name.value]
        added = {"table", "visit"} if isinstance(name, FactName) else set()
        added |= {"looks"} if name is FactName.VISIT_CLOSED else set()
        assert told.levels <= set(line.levels), name
        assert told.fields <= set(line.fields), name
        if name not in PASSED_ON:
            assert told.levels == set(line.levels), name
            assert told.fields | added == set(line.fields), name


def test_no_field_is_one_that_could_hold_a_secret() -> None:
    """A review's last defence."""
    assert not FIELDS & {"mac_key", "mac", "authorization", "body", "headers", "token", "password"}
