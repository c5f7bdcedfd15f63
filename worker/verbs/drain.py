"""`drain`: begin no new visits, wait for the open ones if wished, and take it back."""

import sys
import time
from typing import Final

from worker.adapters.journal.reader import ALL, JournalReader
from worker.bootstrap import EXIT_OK, EXIT_TEMPORARY, EXIT_UNAVAILABLE
from worker.domain.errors import JournalUnavailable
from worker.settings import Settings
from worker.verbs import asking

LOOK_EVERY_S: Final = 0.5


def run(settings: Settings, *, is_to_wait: bool, timeout_s: float) -> int:
    """Begin to drain; return the exit code."""
    code = asking.ask(settings, "drain", {})
    if code != EXIT_OK or not is_to_wait:
        return code
    deadline_s = time.monotonic() + timeout_s
    try:
        with JournalReader(settings.journal.path, "drain --wait") as reader:
            return wait(reader, deadline_s)
    except JournalUnavailable as exc:
        print(exc, file=sys.stderr)
        return EXIT_UNAVAILABLE


def wait(reader: JournalReader, deadline_s: float) -> int:
    """Wait until no visit is open."""
    told = -1
    while True:
        left = reader.visits(open_only=True, limit=ALL)
        if not left:
            print("No visit is open.")
            return EXIT_OK
        if len(left) != told:
            told = len(left)
            print(f"Open: {', '.join(visit.label for visit in left[:8])}", flush=True)
        is_running = reader.is_running()
        if not is_running or time.monotonic() > deadline_s:
            why = "time is over" if is_running else "no worker runs that would finish them"
            print(
                f"Look at `paysera-worker visits --open`: {len(left)} still open, and {why}. "
                "Draining goes on.",
                file=sys.stderr,
            )
            return EXIT_TEMPORARY
        time.sleep(LOOK_EVERY_S)


def undo(settings: Settings) -> int:
    """Begin new visits again; return the exit code."""
    return asking.ask(settings, "undrain", {})
