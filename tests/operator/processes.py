"""Real processes of the product: started in a clean environment, read, told, ended.

Everything here waits for a fact and never for time.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")
Json = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 45.0
"""How long a fact may take on a machine that has other things to do."""


def until(what: str, fact: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Wait for a fact to be true and give it; fail with what was awaited."""
    deadline = time.monotonic() + patience_s
    while not (found := fact()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s:g} s in vain until {what}")
        time.sleep(0.02)
    return found


def environ() -> dict[str, str]:
    """Give our environment without anything that would configure a worker or change its output."""
    own = ("PAYSERA_WORKER_", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "NOTIFY_SOCKET")
    others = ("WATCHDOG_", "PYTHONUNBUFFERED", "NO_COLOR")
    return {name: value for name, value in os.environ.items() if not name.startswith(own + others)}


def cli(*arguments: str | Path, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run a verb to its end; give its exit code and what it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "worker", *map(str, arguments)],
        env={**environ(), **(env or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


class Performer:
    """One process whose output goes to files."""

    def __init__(self, folder: Path, name: str, *arguments: str | Path) -> None:
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker", *map(str, arguments)],
                env=environ(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def said(self) -> str:
        """Give everything that it wrote, for the message of a failure too."""
        return self.out.read_text() + self.err.read_text()

    def kill(self) -> None:
        """End it as the power would, if it still runs."""
        self.process.kill()
        self.process.wait()

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, patience_s: float = PATIENCE_S) -> int:
        """Give the exit code."""
        try:
            return self.process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            message = f"waited {patience_s:g} s in vain for its end; it said:\n{self.said()}"
            raise AssertionError(message) from None


class Daemon(Performer):
    """A worker."""

    def lines(self) -> list[Json]:
        """Give the whole lines of its log so far."""
        whole = self.out.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def told(self, event: str, **fields: object) -> list[Json]:
        """Give the log lines of one event that carry these fields."""
        return [
            line
            for line in self.lines()
            if line["event"] == event and all(line.get(k) == v for k, v in fields.items())
        ]

    def await_line(self, event: str, **fields: object) -> Json:
        def found() -> list[Json]:
            lines = self.told(event, **fields)
            if not lines and self.process.poll() is not None:
                lines = self.told(event, **fields)
                assert lines, f"it ended before it told {event}; it said:\n{self.said()}"
            return lines

        return until(f"the worker told {event} {fields or ''}", found)[0]

    def stop(self, number: signal.Signals = signal.SIGTERM, patience_s: float = 15.0) -> int:
        """Ask it to stop, once it has begun; give the exit code."""
        self.await_line("worker.ready")
        self.tell(number)
        return self.wait(patience_s)
