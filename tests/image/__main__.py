"""Build the image, run it, and show that it keeps what docs/docker.md promises.

    python -m tests.image              # 0 all well, 1 a check failed, 77 this machine can not do it

The first run takes some minutes, later ones about one: layers are kept in a cache outside the
repository (`--cache`). Nothing else stays: containers, mounts and files go, on Ctrl-C too.
"""

import argparse
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from tests.image import at_rest, base, lint, running
from tests.image.recipe import Recipe
from tests.image.shell import CommandFailed, Unable, run
from tests.image.stage import Stage
from tests.image.store import ROOT, Store
from worker import __version__

UNABLE: Final = 77
PROGRAMS: Final = ("buildah", "debootstrap", "runc", "tar", "unshare")
IMAGE: Final = "localhost/paysera-worker"


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201 - the report is what this is for


class Report:
    """What was looked at and what came of it, a line each."""

    def __init__(self) -> None:
        self.passed, self.failed = 0, 0

    def check(self, name: str, look: Callable[[], str]) -> None:
        """Look, and say what was seen. A check that fails does not keep others from being made."""
        begun = time.monotonic()
        try:
            seen = look()
        except (AssertionError, CommandFailed, OSError, LookupError, ValueError) as error:
            self.failed += 1
            say(f"FAIL  {name}: {type(error).__name__}: {error}")
            return
        self.passed += 1
        say(f"ok    {name}: {seen}  [{time.monotonic() - begun:.1f} s]")


def main() -> int:
    """Play it all; return the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(home) / "paysera-worker-image"
    arguments.add_argument("--cache", type=Path, default=cache, help=f"default {cache}")
    arguments.add_argument("--seconds", type=int, default=900, help="the longest it may take")
    arguments.add_argument("--fresh", action="store_true", help="forget the cache first")
    given = arguments.parse_args()
    report = Report()
    begun = time.monotonic()
    try:
        with bounded(given.seconds):
            look_around()
            if given.fresh:
                shutil.rmtree(given.cache, ignore_errors=True)
            play(report, given.cache.absolute())
    except Unable as why:
        say(f"image-test can not run here: {why}")
        return UNABLE
    except CommandFailed as error:
        say(f"FAIL  {error}")
        return 1
    except KeyboardInterrupt:
        say("image-test was stopped; everything it started is gone")
        return 130
    say(f"{report.passed} passed, {report.failed} failed")
    say(f"in {time.monotonic() - begun:.0f} s")
    return 1 if report.failed else 0


@contextmanager
def bounded(seconds: int) -> Iterator[None]:
    """End on TERM and when time is up as on Ctrl-C: tidily."""

    def on_term(*_: object) -> None:
        raise KeyboardInterrupt

    def on_time(*_: object) -> None:
        raise CommandFailed(["python", "-m", "tests.image"], 1, f"took longer than {seconds} s")

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGALRM, on_time)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def look_around() -> None:
    """Raise Unable, with the remedy, where the machine lacks what it takes."""
    if sys.platform != "linux":
        raise Unable("it needs Linux")
    if os.geteuid() != 0:
        raise Unable("it needs root, to make namespaces and files of another user")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise Unable(
            f"{', '.join(missing)} not found; on Debian: apt-get install --no-install-recommends"
            " buildah debootstrap runc"
        )


def play(report: Report, cache: Path) -> None:
    """Build, look, run, look, tidy up."""
    cache.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        lock = stack.enter_context((cache / "lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)  # One at a time: they share the layers.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="image-test-")))
        folder.chmod(0o711)  # The container's user goes through it.
        report.check("lint", partial(lint.dockerfile, cache))
        store = Store(cache / "layers", os.environ.get("STORAGE_DRIVER"))
        store.tidy()
        stack.callback(store.close)
        recipe = Recipe.read(ROOT / "Dockerfile")
        stand_in = recipe.base
        if not store.has(stand_in):
            begun = time.monotonic()
            store.add(base.archive(cache), stand_in)
            say(f"      {stand_in}: a stand-in made in {time.monotonic() - begun:.0f} s")
        settings = base.pip_settings(folder)
        arguments = {
            "VERSION": __version__,
            "REVISION": run("git", "rev-parse", "HEAD", cwd=ROOT).stdout.strip(),
            "CREATED": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        image = f"{IMAGE}:test"
        report.check("build", partial(build, store, image, arguments, settings))
        said, files = store.config(image), store.files(image)
        below = store.files(stand_in)
        stage = Stage(folder, said, files, partial(store.files, image))
        stack.callback(stage.close)
        report.check("labels", partial(at_rest.labels, said, arguments))
        report.check("settings", partial(at_rest.settings, said))
        report.check("size", partial(at_rest.size, files, below, "runtime"))
        report.check("no build tools", partial(at_rest.no_build_tools, stage))
        report.check("nothing strange", partial(at_rest.nothing_strange, stage, below))
        report.check("rights", partial(at_rest.rights, stage))
        run_it(report, stage)
        report.check("extras", partial(with_extras, store, arguments, settings, below, folder))


def run_it(report: Report, stage: Stage) -> None:
    """Start what the compose files describe, and look at it from all sides."""
    sandbox = stage.sandbox()
    worker = stage.worker(sandbox, "first")
    report.check("payment", partial(running.takes_payments, worker))
    report.check("first process", partial(running.first_process, worker))
    report.check("read-only root", partial(running.read_only, worker))
    report.check("compiled", partial(running.compiled, worker))
    report.check("health, running", partial(running.healthy, worker, stage))
    report.check("SIGHUP", partial(running.hangs_up, worker))
    report.check("memory", partial(running.memory, worker))
    report.check("log", partial(running.logs_json, worker))
    report.check("SIGTERM", partial(running.terminates, worker))
    asleep = running.freeze(stage.worker(stage.sandbox(), "frozen"))
    report.check("SIGKILL and again", partial(running.survives_a_kill, stage, sandbox))
    report.check("health, not running", partial(running.unwell_when_down, stage))
    report.check("SIGTERM at once", partial(running.terminates_early, stage))
    report.check("compose.yaml alone", partial(running.starts_alone, stage))
    report.check("secrets too open", partial(running.refuses_open_secrets, stage))
    report.check("foreign volume", partial(running.tells_of_a_foreign_volume, stage))
    report.check("Kubernetes", partial(running.key_in_kubernetes, stage))
    report.check("health, frozen", partial(running.tells_frozen, asleep, stage))
    report.check("the sandbox's end", partial(running.sandbox_ends, sandbox))


def build(store: Store, image: str, arguments: dict[str, str], settings: Path) -> str:
    """The Dockerfile builds as it stands."""
    store.build(image, arguments, settings)
    return f"{image} from the Dockerfile as it stands"


def with_extras(
    store: Store, arguments: dict[str, str], settings: Path, below: Path, folder: Path
) -> str:
    """With one build argument the image has the tills and cards that need more."""
    image = f"{IMAGE}:test-extras"
    store.build(image, {**arguments, "REQUIREMENTS": "extras"}, settings)
    (folder / "extras").mkdir(mode=0o711)
    fresh = partial(store.files, image)
    stage = Stage(folder / "extras", store.config(image), fresh(), fresh)
    try:
        sandbox = stage.sandbox()
        done = sandbox.exec("python", "-c", "import sqlalchemy, psycopg, pymysql, reportlab, PIL")
        assert done.code == 0, done.err
        at_rest.no_build_tools(stage)
    finally:
        stage.close()
    return at_rest.size(stage.files, below, "extras")


if __name__ == "__main__":
    sys.exit(main())
