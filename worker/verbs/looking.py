"""The verbs that only look into the journal: their words at the shell."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from worker.verbs.framing import add, add_day, config, load_settings, with_reader

if TYPE_CHECKING:
    from worker.verbs.framing import Verbs


def add_verbs(verbs: "Verbs") -> None:
    """Describe them."""
    text = "say how the running worker is"
    made = config(add(verbs, "status", show_status, text, "status --json"))
    made.add_argument("--json", action="store_true", help="for machines")

    text = "list visits, newest first"
    made = config(add(verbs, "visits", list_visits, text, "visits --open"))
    which = made.add_mutually_exclusive_group()
    which.add_argument("--open", action="store_true", help="only the unfinished ones")
    which.add_argument("--parked", action="store_true", help="only those that need a human")
    which.add_argument("--unposted", action="store_true", help="paid, but the till has not it yet")

    text = "add up what was taken on a day, per location and currency"
    made = config(add(verbs, "report", report, text, "report --day 2026-11-20"))
    add_day(made)
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for machines")
    form.add_argument("--csv", action="store_true", help="for a spreadsheet")

    text = "copy the journal to a new file, also while the worker runs"
    made = config(add(verbs, "backup", backup, text, "backup /var/backups/journal-2026-11-20.db"))
    made.add_argument("file", type=Path, metavar="FILE", help="must not exist yet")

    made = config(add(verbs, "show", show_visit, "tell the story of one visit", "show v-0042"))
    made.add_argument("visit", metavar="VISIT", help="a visit's label or number, as in the log")


def report(arguments: argparse.Namespace) -> int:
    """`report`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import report as verb
    from worker.verbs.takings import day_of

    day = day_of(arguments.day, is_utc=arguments.utc, now=datetime.now(UTC))
    names = {location.id: location.name for location in settings.locations}
    form = "json" if arguments.json else "csv" if arguments.csv else "table"
    return with_reader(settings, "report", lambda reader: verb.run(reader, day, names, form))


def backup(arguments: argparse.Namespace) -> int:
    """`backup`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import backup as verb

    file = arguments.file
    return with_reader(settings, f"backup {file}", lambda reader: verb.run(reader, file))


def show_status(arguments: argparse.Namespace) -> int:
    """`status`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.bootstrap import mode_of
    from worker.verbs import journal as verb

    if verb.is_missing(settings.journal.path):
        return verb.no_journal(settings.journal.path, as_json=bool(arguments.json))
    mode, as_json = mode_of(settings), bool(arguments.json)
    return with_reader(
        settings, "status", lambda reader: verb.status(reader, mode=mode, as_json=as_json)
    )


def list_visits(arguments: argparse.Namespace) -> int:
    """`visits`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import journal as verb
    from worker.verbs import unposted

    if arguments.unposted:
        return with_reader(settings, "visits --unposted", unposted.run)
    only = {"open_only": arguments.open, "parked_only": arguments.parked}
    return with_reader(settings, "visits", lambda reader: verb.visits(reader, **only))


def show_visit(arguments: argparse.Namespace) -> int:
    """`show`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import story as verb

    name = str(arguments.visit)
    return with_reader(settings, f"show {name}", lambda reader: verb.story(reader, name))
