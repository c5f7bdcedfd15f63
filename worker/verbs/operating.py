"""The verbs that change something, or ask the world outside: their words at the shell."""

import argparse
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from worker.verbs.framing import add, add_day, config, load_settings, seconds, with_reader

if TYPE_CHECKING:
    from worker.verbs.framing import Verbs

DRAIN_TIMEOUT_S = 900.0


def add_verbs(verbs: "Verbs") -> None:
    """Describe them."""
    text = "begin no new visits, and finish the open ones"
    made = config(add(verbs, "drain", drain, text, "drain --wait"))
    which = made.add_mutually_exclusive_group()
    which.add_argument("--wait", action="store_true", help="until no visit is open")
    which.add_argument("--undo", action="store_true", help="begin new visits again")
    made.add_argument(
        "--timeout",
        type=seconds,
        default=DRAIN_TIMEOUT_S,
        metavar="S",
        help="of --wait; default 900",
    )

    text = "tell the till again of a paid visit that it has not accepted"
    made = config(add(verbs, "repost", repost, text, "repost v-0042"))
    made.add_argument("visit", metavar="VISIT", help="a visit's label or number, as in the log")

    text = "look again at the payment of a parked visit; moves no money"
    made = config(add(verbs, "retry", retry, text, "retry v-0042"))
    made.add_argument("visit", metavar="VISIT", help="a visit's label or number, as in the log")

    text = "settle a parked visit for good, once you know whether it was paid"
    example = 'resolve v-0042 --as paid --note "seen in the bank statement"'
    made = config(add(verbs, "resolve", resolve, text, example))
    made.add_argument("visit", metavar="VISIT", help="a visit's label or number, as in the log")
    made.add_argument("--as", dest="verdict", choices=("paid", "unpaid"), required=True)
    made.add_argument("--note", required=True, metavar="TEXT", help="how you know; it is kept")

    text = "compare a day with Paysera's confirmed transactions, to the cent"
    add_day(config(add(verbs, "reconcile", reconcile, text, "reconcile --day 2026-11-20")))

    text = "look at everything that a payment needs; each line is ok or the remedy"
    config(add(verbs, "doctor", doctor, text, "doctor"))


def reconcile(arguments: argparse.Namespace) -> int:
    """`reconcile`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.bootstrap import EXIT_CONFIGURATION
    from worker.settings import has_key
    from worker.verbs import keys
    from worker.verbs import reconcile as verb
    from worker.verbs.takings import day_of

    if not has_key(settings):
        how = keys.how_to_have_the_key(settings, arguments.typed)
        print(f"{how}\nIt has to ask Paysera, and the key is the service's.", file=sys.stderr)
        return EXIT_CONFIGURATION
    day = day_of(arguments.day, is_utc=arguments.utc, now=datetime.now(UTC))
    return with_reader(settings, "reconcile", lambda reader: verb.run(settings, reader, day))


def doctor(arguments: argparse.Namespace) -> int:
    """`doctor`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import doctor as verb

    return verb.run(settings, arguments.typed)


def drain(arguments: argparse.Namespace) -> int:
    """`drain`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import drain as verb

    if arguments.undo:
        return verb.undo(settings)
    return verb.run(settings, is_to_wait=arguments.wait, timeout_s=arguments.timeout)


def repost(arguments: argparse.Namespace) -> int:
    """`repost`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import asking

    return asking.ask(settings, "repost", {"visit": arguments.visit})


def retry(arguments: argparse.Namespace) -> int:
    """`retry`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import asking

    return asking.ask(settings, "retry", {"visit": arguments.visit})


def resolve(arguments: argparse.Namespace) -> int:
    """`resolve`."""
    settings = load_settings(arguments, is_key_needed=False)
    if isinstance(settings, int):
        return settings
    from worker.verbs import asking

    words = {"visit": arguments.visit, "verdict": arguments.verdict, "note": arguments.note}
    return asking.ask(settings, "resolve", words)
