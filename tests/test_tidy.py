"""House rules, as a test. A failure reads like a reviewer's sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

BANNED = {
    "datetime.now": "use clock.now()",
    "datetime.utcnow": "use clock.now()",
    "time.time": "use clock.wall_s()",
    "time.monotonic": "use clock.ticks_s()",
    "time.sleep": "it stops the loop; use nap()",
    "asyncio.sleep": "use nap() or clock.sleep()",
    "asyncio.create_task": "a task needs a TaskGroup for an owner",
    "asyncio.ensure_future": "a task needs a TaskGroup for an owner",
    "random.random": "use the dice that is handed in",
    "random.choice": "use the dice that is handed in",
}
ALLOWED = {
    ("worker/adapters/clock.py", "time.time"): "the one reader of the machine's clock",
    ("worker/adapters/clock.py", "time.monotonic"): "the same, where there is no better",
    ("worker/adapters/clock.py", "asyncio.sleep"): "the clock's own sleep",
    ("worker/adapters/journal/lock.py", "time.sleep"): "before there is a loop",
    ("worker/adapters/logs.py", "time.time"): "a log line carries the wall's time",
    ("worker/adapters/till/shelf.py", "time.time"): "compared with the file system's own time",
    ("worker/service/waiting.py", "asyncio.sleep"): "nap itself",
}
OUTSIDE = ("worker/sandbox/", "worker/verbs/")
"""The sandbox is another program, and the verbs run where a person waits."""


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """Give every Python file's path and text."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def dotted(node: ast.expr) -> str:
    """Write a call's name as it stands there."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def line_of(node: ast.AST) -> int:
    """Tell where a node stands."""
    return int(getattr(node, "lineno", 0))


def test_time_chance_and_tasks_have_owners() -> None:
    """No rule reads a clock, rolls a die or starts a task behind everybody's back."""
    faults = []
    for path, text in sources("worker"):
        if path.startswith(OUTSIDE):
            continue
        for node in ast.walk(ast.parse(text)):
            name = dotted(node.func) if isinstance(node, ast.Call) else ""
            for banned, instead in BANNED.items():
                is_hit = name == banned or name.endswith(f".{banned}")
                if is_hit and (path, banned) not in ALLOWED:
                    faults.append(f"{path}:{line_of(node)}: {banned} is banned, {instead}")

    assert faults == []


def test_no_float_comes_near_money() -> None:
    """The core's money is whole minor units from end to end."""
    faults = [
        f"{path}:{line_of(node)}: float in the money core"
        for path, text in sources("worker/domain")
        if path.endswith(("money.py", "bill.py", "agreement.py", "taking.py", "wallet.py"))
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and "money" in path)
    ]

    assert faults == []


def test_files_and_functions_stay_readable() -> None:
    """When a file outgrows its name, move the wall."""
    faults = []
    for path, text in sources("worker", "tests", "benchmarks"):
        lines = text.count("\n")
        if lines > FILE_LINES_MAX and not path.startswith("tests/domain"):
            faults.append(f"{path}: {lines} lines; is it still one room?")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    faults.append(f"{path}:{node.lineno}: {node.name} has {length} lines")

    assert faults == []


def test_nothing_is_left_for_later() -> None:
    """A mark for later is a promise nobody keeps."""
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "Not" + "ImplementedError")
    faults = [
        f"{path}: {mark}"
        for path, text in sources("worker", "tests", "benchmarks")
        for mark in marks
        if mark in text
    ]

    assert faults == []
