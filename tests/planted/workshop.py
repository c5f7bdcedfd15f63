"""Where bugs are planted: copies of the product in a temporary folder, and who looks at them.

The checkout itself is never touched. What runs on a copy is a process of its own that can see
nothing but the copy, and is stopped when it takes too long.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.planted.bug import MEMORY, Bug

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = ("worker", "tests", "pyproject.toml")
NOT_COPIED: Final = shutil.ignore_patterns(".hypothesis", ".pytest_cache", "*.jsonl")
LOOK_S: Final = 600.0
"""How long one look at a copy may take before it is given up."""

VISITS: Final = 20_000
FIRST_SEED: Final = 1


SLIPS: Final = re.compile(
    r"\b(?:TypeError|NameError|AttributeError|UnboundLocalError|ImportError|ModuleNotFoundError)\b"
)
"""What a replacement that fits the product no more ends in, whoever looks at it."""


class Unusable(Exception):
    """A look at a copy ended in another way than a verdict, so it proves nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at a copy found."""

    is_caught: bool
    by: str
    """The checker or the tests that noticed; empty when nobody did."""
    visits: int | None
    """How many visits were simulated; None: tests looked, not the simulator."""
    seconds: float
    what: str = ""


class Workshop:
    """A copy of the product as it is, and spoiled copies of that copy."""

    def __init__(self, folder: Path) -> None:
        self.plain: Final = folder / "plain"
        self._folder = folder
        self.plain.mkdir()
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.plain / name, ignore=NOT_COPIED)
            else:
                shutil.copy2(source, self.plain / name)

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator["Workshop"]:
        """Have a workshop for a while."""
        with TemporaryDirectory(prefix="planted-") as folder:
            yield cls(Path(folder))

    @contextmanager
    def spoiled(self, bug: Bug) -> Iterator[Path]:
        """Have a copy with one bug in it for a while.

        Raises:
            StaleBug: the product has changed, and the bug must be thought over.

        """
        root = self._folder / bug.name
        shutil.copytree(self.plain, root)
        try:
            bug.plant(root)
            forget_compiled(root, bug.files())
            yield root
        finally:
            shutil.rmtree(root)


def forget_compiled(root: Path, files: Sequence[str]) -> None:
    """Throw away what was compiled from a file before it was spoiled, however quick we were."""
    for file in files:
        source = root / file
        for compiled in (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"):
            compiled.unlink()


def look_for(bug: Bug, root: Path, *, first: int = FIRST_SEED, visits: int = VISITS) -> Verdict:
    """Let whoever must notice a bug look at a copy."""
    if bug.tests:
        return run_tests(root, bug.tests)
    return hunt(root, first=first, visits=visits, journal=bug.journal)


def hunt(
    root: Path, *, first: int = FIRST_SEED, visits: int = VISITS, journal: str = MEMORY
) -> Verdict:
    """Let the simulator play visits in a copy until a checker notices something.

    Raises:
        Unusable: the hunt did not end with its verdict.

    """
    began_s = time.monotonic()
    asked = ["-m", "tests.simulation", "hunt", "--first", str(first), "--visits", str(visits)]
    if journal != MEMORY:
        asked += ["--journal", journal]
    done = python(root, asked)
    told = last_words(done.stdout)
    if done.returncode not in {0, 1} or told.get("caught") is not (done.returncode == 1):
        raise Unusable(f"the hunt ended with {done.returncode}: {tail(done)}")
    refuse_slips(str(told.get("what", "")))
    return Verdict(
        is_caught=told["caught"],
        by=str(told.get("checker", "")),
        visits=int(told["visits"]),
        seconds=time.monotonic() - began_s,
        what=f"seed {told['seed']}: {told['what']}" if told["caught"] else "",
    )


def run_tests(root: Path, tests: Sequence[str]) -> Verdict:
    """Let tests look at a copy.

    Raises:
        Unusable: they did not run, so neither their yes nor their no means anything.

    """
    began_s = time.monotonic()
    asked = ["-m", "pytest", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    done = python(root, asked)
    if done.returncode not in {0, 1}:
        raise Unusable(f"the tests ended with {done.returncode}: {tail(done)}")
    refuse_slips("\n".join(line for line in done.stdout.splitlines() if line.startswith("E ")))
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    if done.returncode == 1 and not failed:
        raise Unusable(f"the tests could not even begin: {tail(done)}")
    return Verdict(
        is_caught=bool(failed),
        by=failed[0].removeprefix("FAILED ").partition(" - ")[0] if failed else "",
        visits=None,
        seconds=time.monotonic() - began_s,
        what=failed[0] if failed else "",
    )


def check_names(root: Path, files: Sequence[str]) -> None:
    """Refuse a spoiled file that does not compile or uses a name it does not know.

    Every checker would notice that, and it would prove nothing.

    Raises:
        Unusable: the replacement is no plausible mistake but a typing error.

    """
    sources = [file for file in files if file.endswith(".py")]
    if not sources:
        return
    done = python(root, ["-m", "ruff", "check", "--isolated", "--select=E9,F821,F823", *sources])
    if done.returncode != 0:
        raise Unusable(f"the replacement is not even a program: {tail(done)}")


def refuse_slips(what: str) -> None:
    """Refuse a catch that is owed to a replacement that no longer fits the code around it.

    Raises:
        Unusable: the bug must be worded anew.

    """
    if SLIPS.search(what):
        raise Unusable(f"the replacement does not fit the product any more: {what[:600]}")


def python(root: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run Python in a copy, with nothing of ours in its surroundings.

    Raises:
        Unusable: it took too long.

    """
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR"}}
    # The copy comes before the installed product; a fixed hash seed makes a catch repeatable.
    around = {**kept, "PYTHONPATH": str(root), "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    try:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=root,
            env=around,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LOOK_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        words = " ".join(arguments)
        raise Unusable(f"no verdict within {LOOK_S:g} s: {words}") from None


def last_words(printed: str) -> dict[str, Any]:
    """Read the verdict that a hunt prints last."""
    lines = printed.strip().splitlines()
    try:
        told = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def tail(done: subprocess.CompletedProcess[str]) -> str:
    """Give the end of what a process printed."""
    return (done.stdout[-1500:] + done.stderr[-1500:]).strip()
