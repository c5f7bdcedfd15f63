"""Driving subjects through bursts of visits."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import running
from benchmarks.stage import SPOTS, Wallet, write_config
from benchmarks.subjects.protocol import Took


@dataclass(slots=True)
class Sum:
    """What some bursts took together."""

    visits: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    commits: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    totals_s: list[float] = field(default_factory=list)
    beyond_s: list[float] = field(default_factory=list)

    def add(self, took: Took) -> None:
        self.cpu_s += took.cpu_s
        self.wall_s += took.wall_s
        self.commits += took.commits
        self.totals_s += took.totals_s
        self.beyond_s += took.beyond_s


class Driver:
    """Tells one subject what to do and plays its guests."""

    def __init__(self, process: "subprocess.Popen[str]", wallet: Wallet) -> None:
        self.pid = process.pid
        self._process = process
        self._wallet = wallet
        self._expect("ready")

    def bursts(self, visits: int, at_once: int = SPOTS) -> Sum:
        """Serve so many visits, some of them at once: at most as many as there are tables."""
        done = Sum()
        before = self._wallet.calls()
        while done.visits < visits:
            self._wallet.scan(at_once)
            done.add(self._tell("offer", at_once))
            self._wallet.reserve(at_once)
            done.add(self._tell("finish", at_once))
            done.visits += at_once
        done.calls = self._wallet.calls() - before
        return done

    def _tell(self, half: str, guests: int) -> Took:
        assert self._process.stdin is not None, "its input is piped"
        self._process.stdin.write(f"{half} {guests}\n")
        self._process.stdin.flush()
        return Took(**json.loads(self._read()))

    def _read(self) -> str:
        assert self._process.stdout is not None, "its output is piped"
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("what is measured has died; see its own words above")
        return line

    def _expect(self, word: str) -> None:
        said = self._read().strip()
        if said != word:
            raise RuntimeError(f"what is measured says {said!r}, not {word!r}")


@contextmanager
def worker(folder: Path, wallet: Wallet, *, is_timed: bool = False) -> Iterator[Driver]:
    """Run the worker as a subject."""
    config = write_config(folder, wallet.port)
    flags = ["--timed"] if is_timed else []
    with _subject("worker", str(config), *flags, wallet=wallet) as driver:
        yield driver


@contextmanager
def bare(wallet: Wallet) -> Iterator[Driver]:
    """Run the bare calls as a subject."""
    with _subject("bare", str(wallet.port), wallet=wallet) as driver:
        yield driver


@contextmanager
def _subject(name: str, *arguments: str, wallet: Wallet) -> Iterator[Driver]:
    command = ("-m", f"benchmarks.subjects.{name}", *arguments)
    with running(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Driver(process, wallet)
