"""What all verbs have in common at the shell: how they are described, their settings, their end."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.adapters.journal.reader import JournalReader
    from worker.settings import Settings

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_BUG: Final = 70
EXIT_TEMPORARY: Final = 75
DAYS: Final = (date(2000, 1, 1), date(2099, 12, 31))
"""Between which days a journal can have any: the calendar's own ends have no neighbours."""
EXIT_CODES: Final = """\
exit codes:
  0   well, or stopped as asked
  1   degraded, or the two sides of the demo do not agree
  2   wrong usage
  3   not running (status)
  69  the journal is not available
  70  a fault in the worker
  75  try again later: another worker holds the journal
  77  Paysera refuses the credentials
  78  wrong configuration
"""

SPOTS_MAX: Final = 100_000
SECONDS_MAX: Final = 7 * 86400.0


def add(
    verbs: "Verbs",
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add a verb with its example."""
    made = verbs.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"example:\n  paysera-worker {example}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.set_defaults(run_verb=run)
    return made


def config(to: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the settings file."""
    to.add_argument("--config", type=Path, metavar="FILE", help="the TOML file to read")
    return to


def add_day(made: argparse.ArgumentParser) -> None:
    """Add which day is meant."""
    made.add_argument("--day", type=day, metavar="YYYY-MM-DD", help="default: today")
    made.add_argument("--utc", action="store_true", help="a day of UTC, not of this machine's zone")


def day(typed: str) -> date:
    """Read a day."""
    try:
        read = date.fromisoformat(typed)
    except ValueError:
        raise argparse.ArgumentTypeError(f"write it as 2026-11-20, not {typed!r}") from None
    first, last = DAYS
    if not first <= read <= last:
        raise argparse.ArgumentTypeError(f"give a day from {first} to {last}, not {typed}")
    return read


def spots(typed: str) -> int:
    """Read how many tables a sandbox has: each is kept in memory, and drawn on its page."""
    if not typed.isascii() or not typed.isdecimal() or not 1 <= int(typed[:9]) <= SPOTS_MAX:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {SPOTS_MAX}, not {typed[:40]!r}")
    return int(typed[:9])


def seconds(typed: str) -> float:
    """Read how long to wait: a number that time can reach."""
    try:
        read = float(typed)
    except ValueError:
        read = math.nan
    if not 0 <= read <= SECONDS_MAX:
        raise argparse.ArgumentTypeError(
            f"give seconds from 0 to {SECONDS_MAX:.0f}, not {typed[:40]!r}"
        )
    return read


def seeds(to: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add what makes an evening repeatable and troubled."""
    to.add_argument("--seed", type=int, default=1, metavar="N", help="the same guests again")
    to.add_argument(
        "--faults", type=float, default=0.0, metavar="P", help="0 to 1: how often a call suffers"
    )
    return to


def load_settings(arguments: argparse.Namespace, *, is_key_needed: bool = True) -> "Settings | int":
    """Read the configuration, or say what is wrong with it and give the exit code."""
    from worker import settings

    try:
        return settings.load(arguments.config, os.environ, is_key_needed=is_key_needed)
    except settings.SettingsError as exc:
        print(exc, file=sys.stderr)
        return 78


def with_reader(settings: "Settings", verb: str, use: "Callable[[JournalReader], int]") -> int:
    """Open the journal for reading and use it; where it can not be, say why and give 69."""
    from worker.adapters.journal.reader import JournalReader
    from worker.domain.errors import JournalUnavailable

    try:
        with JournalReader(settings.journal.path, verb) as reader:
            return use(reader)
    except JournalUnavailable as exc:
        print(exc, file=sys.stderr)
        return 69
