"""The verbs. Each reads its arguments, calls what does the work, and prints for a person.

Output goes to stdout, errors to stderr beginning with what to do; the exit code says it to scripts.
Heavy imports wait until their verb is called.
"""

import argparse
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker import __version__
from worker.verbs import looking, operating
from worker.verbs.framing import (
    EXIT_BUG,
    EXIT_CODES,
    EXIT_TEMPORARY,
    add,
    config,
    load_settings,
    seeds,
    spots,
)

if TYPE_CHECKING:
    from worker.verbs.framing import Verbs

DEMO_TILLS: Final = ("fixed", "folder", "http", "sql", "postgres", "command")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code."""
    try:
        return run_typed(argv)
    except Exception as exc:  # The last net: a person typed this, and shall read a sentence.
        print(words_for_fault(exc), file=sys.stderr)
        return EXIT_BUG


def words_for_fault(fault: Exception) -> str:
    """Say where a fault of ours is. Its own words may quote a secret, and stay out."""
    frames = traceback.extract_tb(fault.__traceback__)
    ours = [frame for frame in frames if Path(__file__).parent in Path(frame.filename).parents]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    why = ""
    if isinstance(fault, OSError) and fault.strerror:
        why = f" ({fault.strerror}{f': {fault.filename}' if fault.filename else ''})"
    return (
        f"Look whether anything was done (status, visits) before you repeat it: a fault in "
        f"paysera-worker {__version__}, {type(fault).__name__}{place}{why}; please report this."
    )


def run_typed(argv: Sequence[str] | None) -> int:
    """Run one verb, whatever becomes of its output."""
    code = 0
    try:
        try:
            arguments = parser().parse_args(argv)
            arguments.typed = tuple(sys.argv[1:] if argv is None else argv)
            run_verb: Callable[[argparse.Namespace], int] = arguments.run_verb
            code = run_verb(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # Here, where a reader that has gone can be forgiven.
    except BrokenPipeError:
        drop_output()
    except KeyboardInterrupt:
        return 130
    except OSError as exc:
        if exc.errno not in {errno.ENOSPC, errno.EIO, errno.EDQUOT} or exc.filename is not None:
            raise
        drop_output()
        print(f"Write the output somewhere else: {exc.strerror}.", file=sys.stderr)
        return code or EXIT_TEMPORARY
    return code


def drop_output() -> None:
    """Let nothing more be written where nobody reads it, nor complained of at the very end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """Describe the verbs."""
    top = argparse.ArgumentParser(
        prog="paysera-worker",
        description="Takes payments from a QR code on a table.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = top.add_subparsers(required=True, metavar="VERB")
    add_working_verbs(verbs)
    looking.add_verbs(verbs)
    operating.add_verbs(verbs)
    add_card_verbs(verbs)
    add_completion_verb(verbs)
    add(verbs, "version", show_version, "print the version", "version")
    return top


def add_working_verbs(verbs: "Verbs") -> None:
    """Describe the verbs that run something."""
    text = "run the worker until it is stopped"
    config(add(verbs, "run", run_worker, text, "run --config worker.toml"))

    text = "check the configuration and say what is wrong with it"
    made = config(add(verbs, "check-config", check_config, text, "check-config --print"))
    made.add_argument("--print", action="store_true", help="show the values in force, masked")
    made.add_argument("--online", action="store_true", help="make one signed read at the wallet")

    text = "make a first payment of one cent and see whether Paysera is as assumed"
    made = config(add(verbs, "rehearse", rehearse, text, "rehearse --spot table1"))
    made.add_argument(
        "--spot", required=True, metavar="NAME", help="the table to scan, as in its QR"
    )
    made.add_argument("--location", type=int, metavar="N", help="default: the settings' only one")
    made.add_argument(
        "--amount-minor", type=int, default=1, metavar="N", help="1 to 100 (default 1: one cent)"
    )
    made.add_argument("--currency", default="EUR", metavar="CODE", help="default EUR")
    made.add_argument("--try-lowered", action="store_true", help="confirm one minor unit less")
    made.add_argument("--yes", action="store_true", help="do not wait for Enter at each step")
    made.add_argument(
        "--out", type=Path, default=Path("rehearsal.json"), metavar="FILE", help="the recording"
    )

    text = "run a stand-in for Paysera's wallet on this machine"
    made = seeds(add(verbs, "sandbox", run_sandbox, text, "sandbox --port 8800 --customers 3"))
    made.add_argument("--port", type=int, default=8800, metavar="N", help="default 8800; 0: any")
    made.add_argument("--spots", type=spots, default=12, metavar="N", help="tables (default 12)")
    made.add_argument("--customers", type=int, default=0, metavar="N", help="scripted guests")
    made.add_argument(
        "--as-recorded", type=Path, metavar="FILE", help="answer as a rehearsal found the real one"
    )

    text = "run sandbox and worker for a short evening and compare their books"
    made = seeds(add(verbs, "demo", run_demo, text, "demo --seconds 25 --faults 0.15"))
    made.add_argument(
        "--seconds", type=float, default=25.0, metavar="N", help="how long guests come (default 25)"
    )
    made.add_argument("--till", choices=DEMO_TILLS, default="fixed", help="where bills come from")


def add_card_verbs(verbs: "Verbs") -> None:
    """Describe the verb that makes what stands on the tables."""
    text = "make the QR codes and cards that stand on the tables"
    example = "qr --spots table1..table24 --out cards.pdf"
    made = config(add(verbs, "qr", print_codes, text, example))
    made.add_argument("--spots", required=True, metavar="LIST", help="table1..table24,bar,...")
    made.add_argument("--location", type=int, metavar="N", help="default: the settings' only one")
    made.add_argument("--link", action="store_true", help="wrap each code for ordinary scanners")
    made.add_argument(
        "--format", choices=("terminal", "svg", "png", "pdf"), help="default: --out's"
    )
    made.add_argument("--out", type=Path, metavar="PATH", help="a file, or a folder of pictures")
    made.add_argument("--force", action="store_true", help="replace files that exist")
    cards = made.add_argument_group("cards", "With --format pdf only.")
    cards.add_argument("--name", metavar="TEXT", help="default: the location's in the settings")
    cards.add_argument("--label", metavar="TEXT", help="such as 'Table {number}'; default {spot}")
    cards.add_argument("--text", metavar="TEXT", help="the line for the guest")
    cards.add_argument("--paper", choices=("a4", "letter"), help="default a4")
    cards.add_argument("--card", choices=("a7", "a6", "small"), help="size; default a7")
    cards.add_argument("--font", type=Path, metavar="FILE", help="a TrueType file for the texts")


def add_completion_verb(verbs: "Verbs") -> None:
    """Describe the verb that teaches a shell all others."""
    text = "print what a shell needs to complete verbs and options"
    made = add(verbs, "completion", print_completion, text, "completion bash")
    made.add_argument("shell", choices=("bash", "zsh", "fish"), help="for which shell")


def run_worker(arguments: argparse.Namespace) -> int:
    """`run`."""
    # Until the worker listens itself. In a container it is process 1, and the kernel drops a signal
    # to process 1 that has no handler: a stop in the first half second would wait to be killed.
    # At once, not by an exception: native modules that are being loaded do not take one well.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGUSR1, lambda *_: None)
    settings = load_settings(arguments)
    if isinstance(settings, int):
        return settings
    from worker import bootstrap

    return bootstrap.run(settings)


def check_config(arguments: argparse.Namespace) -> int:
    """`check-config`."""
    settings = load_settings(arguments)
    if isinstance(settings, int):
        return settings
    from worker.verbs import check_config as verb

    return verb.run(settings, with_values=arguments.print, is_online=arguments.online)


def rehearse(arguments: argparse.Namespace) -> int:
    """`rehearse`."""
    settings = load_settings(arguments)
    if isinstance(settings, int):
        return settings
    from worker.verbs import rehearse as verb

    wish = verb.Wish(
        spot=arguments.spot,
        location=arguments.location,
        amount_minor=arguments.amount_minor,
        currency=arguments.currency,
        tries_lowered=arguments.try_lowered,
        is_unattended=arguments.yes,
        out=arguments.out,
    )
    return verb.run(settings, wish)


def run_sandbox(arguments: argparse.Namespace) -> int:
    """`sandbox`."""
    from worker.verbs import sandbox as verb

    return verb.run(
        port=arguments.port,
        spots=arguments.spots,
        customers=arguments.customers,
        seed=arguments.seed,
        faults=arguments.faults,
        as_recorded=arguments.as_recorded,
    )


def run_demo(arguments: argparse.Namespace) -> int:
    """`demo`."""
    from worker.verbs import demo as verb

    return verb.run(
        seconds=arguments.seconds,
        seed=arguments.seed,
        faults=arguments.faults,
        till=arguments.till,
    )


def print_codes(arguments: argparse.Namespace) -> int:
    """`qr`."""
    from worker.verbs import qr as verb

    wish = verb.Wish(
        config=arguments.config,
        location=arguments.location,
        spots=arguments.spots,
        is_link=arguments.link,
        format=arguments.format,
        out=arguments.out,
        is_forced=arguments.force,
        name=arguments.name,
        label=arguments.label,
        text=arguments.text,
        paper=arguments.paper,
        card=arguments.card,
        font=arguments.font,
    )
    return verb.run(wish, os.environ)


def print_completion(arguments: argparse.Namespace) -> int:
    """`completion`."""
    from worker.verbs import completion as verb

    print(verb.script(parser(), arguments.shell), end="")
    return 0


def show_version(arguments: argparse.Namespace) -> int:
    """`version`."""
    print(f"paysera-worker {__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
