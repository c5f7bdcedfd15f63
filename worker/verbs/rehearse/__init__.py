"""`rehearse`: a first payment of one cent, a step at a time, and what it says about Paysera.

It makes one transaction that nobody sees and one that the operator pays. Whatever happens on the
way, at the end both are over and the table is free, or it says exactly what is left.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, TypeVar

from worker import __version__, bootstrap
from worker.adapters import logs
from worker.adapters.clock import SystemClock
from worker.adapters.journal.lock import Lock
from worker.adapters.names import NamesLoop
from worker.domain.errors import JournalLocked, JournalUnavailable, MoneyError
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.settings import Settings, is_loopback_url
from worker.verbs.rehearse import note as notes
from worker.verbs.rehearse import recording
from worker.verbs.rehearse.assumptions import ASSUMPTIONS, is_harmless
from worker.verbs.rehearse.clearing import clear
from worker.verbs.rehearse.line import Line, Stopped
from worker.verbs.rehearse.steps import Play

AMOUNT_MINOR_MAX: Final = 100
PATIENCE_S: Final = 600.0
PACE_S: Final = 3.0
PACE_AT_SANDBOX_S: Final = 0.2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator asked for."""

    spot: str
    location: int | None
    amount_minor: int
    currency: str
    tries_lowered: bool
    is_unattended: bool
    out: Path


def run(settings: Settings, wish: Wish) -> int:
    """Rehearse; return the exit code."""
    logs.configure(level="error", fmt="auto", stream=sys.stderr, secrets=settings.secrets())
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        _money(settings, wish)
        _location(settings, wish)
        _check_place(wish.out)
        note = notes.read(_note_path(wish.out))
        with ExitStack() as stack:
            _keep_workers_out(settings.journal.path, stack)
            runner = stack.enter_context(asyncio.Runner(loop_factory=NamesLoop))
            return Rehearsal(settings, wish, note=note, runner=runner).run()
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return stopped.exit_code
    except (notes.BadNote, JournalUnavailable, OSError) as error:
        print(error, file=sys.stderr)
        is_locked = isinstance(error, JournalLocked)
        return bootstrap.EXIT_TEMPORARY if is_locked else bootstrap.EXIT_UNAVAILABLE
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _money(settings: Settings, wish: Wish) -> Money:
    most = min(AMOUNT_MINOR_MAX, settings.safety.max_amount_minor or AMOUNT_MINOR_MAX)
    least = 2 if wish.tries_lowered else 1
    if not least <= wish.amount_minor <= most:
        raise Stopped(f"--amount-minor is from {least} to {most} here", bootstrap.EXIT_USAGE)
    try:
        return Money(wish.amount_minor, wish.currency)
    except MoneyError as error:
        raise Stopped(f"--currency: {error}", bootstrap.EXIT_USAGE) from error


def _location(settings: Settings, wish: Wish) -> LocationId:
    ids = [location.id for location in settings.locations]
    if wish.location is None and len(ids) > 1:
        names = ", ".join(map(str, ids))
        raise Stopped(f"say which --location: {names}", bootstrap.EXIT_USAGE)
    if wish.location is not None and wish.location not in ids:
        raise Stopped(f"location {wish.location} is not in the settings", bootstrap.EXIT_USAGE)
    return LocationId(wish.location or ids[0])


def _check_place(out: Path) -> None:
    """Make sure that the note and the recording can be written, before there is anything to note.

    Raises:
        Stopped: they can not.

    """
    try:
        is_wrong = not out.name or (out.exists() and not out.is_file())
        why = "it is no file" if is_wrong else ""
        if not is_wrong:
            notes.try_place(_note_path(out))
    except OSError as error:
        why = error.strerror or str(error)
    if why:
        raise Stopped(
            f"choose another --out: {out} can not be written ({why})", bootstrap.EXIT_USAGE
        )


def _note_path(out: Path) -> Path:
    return out.with_name(out.name + ".unfinished")


def _keep_workers_out(journal: Path, stack: ExitStack) -> None:
    """Refuse to play while a worker serves these tables, and let none begin meanwhile.

    Raises:
        JournalLocked: one runs.
        Stopped: the journal is another user's.

    """
    if not journal.exists():
        return
    if journal.stat().st_uid != os.geteuid():
        raise Stopped(
            f"{journal} belongs to another user, so a worker that runs could not be seen; run this "
            "as that user: sudo -u USER paysera-worker rehearse ...",
            bootstrap.EXIT_UNAVAILABLE,
        )
    stack.callback(Lock.take(journal).release)


class Rehearsal:
    """One run: the steps, what they found, and the clearing away."""

    def __init__(
        self,
        settings: Settings,
        wish: Wish,
        *,
        note: notes.Note,
        runner: asyncio.Runner,
    ) -> None:
        money, location_id = _money(settings, wish), _location(settings, wish)
        self._wish = wish
        self._note = note
        self._runner = runner
        self._clock = SystemClock()
        is_here = is_loopback_url(settings.wallet.base_url)
        wallet = bootstrap.make_wallet(settings, self._clock, random.SystemRandom())
        self._line = Line(wallet, PACE_AT_SANDBOX_S if is_here else PACE_S)
        self._play = Play(
            self._line,
            note,
            self._clock,
            nonce=f"{random.SystemRandom().getrandbits(48):x}",
            location_id=location_id,
            table=wish.spot,
            money=money,
            tries_lowered=wish.tries_lowered,
            patience_s=PATIENCE_S,
        )
        print(
            f"Rehearsing at {settings.wallet.base_url} ({bootstrap.mode_of(settings)}), "
            f"table {wish.spot}, {money}."
        )

    def run(self) -> int:
        """Play, clear away, tell; return the exit code."""
        code = bootstrap.EXIT_OK
        try:
            self._clear_earlier()
            self._play_all()
        except Stopped as stopped:
            print(f"\nStopped: {stopped}", file=sys.stderr)
            code = stopped.exit_code
        except KeyboardInterrupt:
            print("\nStopped by you.", file=sys.stderr)
            code = 130
        except OSError as error:
            print(f"\nStopped: {error}", file=sys.stderr)
            code = bootstrap.EXIT_UNAVAILABLE
        finally:
            left = self._clear_away()
            for one in left:
                print(f"LEFT: {one}", file=sys.stderr)
            self._do(self._line.wallet.aclose())
        needs = self._tell()
        return code or (bootstrap.EXIT_DEGRADED if left or needs else bootstrap.EXIT_OK)

    def _do(self, what: Awaitable[T]) -> T:
        async def doing() -> T:
            return await what

        return self._runner.run(doing())

    def _clear_earlier(self) -> None:
        if not self._note.made and not self._note.spot_id:
            return
        print("An earlier rehearsal left something; it is cleared away first.")
        left = self._do(clear(self._line, self._note, self._clock, is_same_guest=False))
        if self._note.spot_id or any(one.key for one in self._note.made):
            raise Stopped("; ".join(left))
        for one in left:
            print(f"   {one}")

    def _play_all(self) -> None:
        for number, step in enumerate(self._play.steps(), start=1):
            print(f"\n{number}. {step.title}\n   {step.what}", flush=True)
            if not self._wish.is_unattended:
                try:
                    input("   Enter: go on.  Ctrl-C: end here. ")
                except EOFError:
                    raise Stopped("nobody is at the terminal; use --yes in a script", 2) from None
            print(f"   -> {self._do(step.do())}", flush=True)

    def _clear_away(self) -> list[str]:
        """End everything; a second Ctrl-C gives up and says what the note names."""
        if not self._note.made and not self._note.spot_id:
            return []
        print("\nClearing away: ending what is open, freeing the table.", flush=True)
        try:
            left = self._do(clear(self._line, self._note, self._clock, is_same_guest=True))
        except (KeyboardInterrupt, Stopped, OSError) as error:
            why = str(error) or "you stopped it"
            left = [f"transaction {one.reference} may be open ({why})" for one in self._note.made]
            if self._note.spot_id:
                left.append(f"table {self._wish.spot} may be waiting ({why})")
            if not left:
                left.append(f"nothing but the note {self._note.path} ({why})")
        if left:
            print(f"{self._note.path} remembers it: run rehearse again to clear it away.")
        return left

    def _tell(self) -> int:
        """Print what held and what did not, write the recording; give how many need a change."""
        findings, unforeseen = self._line.findings, self._line.unforeseen
        if not findings and not unforeseen:
            return 0
        needs = 0
        print("\nWhat was found:")
        for one in ASSUMPTIONS:
            found = findings.get(one.name)
            if one.name in unforeseen:
                needs += 1
                words = (
                    "UNFORESEEN: see the exchange in the recording; ask for help before going on"
                )
            elif found is None:
                words = "not tried"
            elif found == one.assumed:
                words = f"as assumed: {found}"
            else:
                remedy = one.answers[found]
                needs += not is_harmless(remedy)
                words = f"{found}, not {one.assumed}: {remedy}"
            print(f"  {one.name:<30}{words}")
        if all(one.name in findings for one in ASSUMPTIONS):
            print(
                "Whatever docs/assumptions.md calls rehearsed by every call held in each of them."
            )
        recording.write(
            self._wish.out,
            worker=__version__,
            made_at=self._clock.now().isoformat(timespec="seconds"),
            findings=findings,
            untried=[one.name for one in ASSUMPTIONS if one.name not in findings],
            unforeseen=list(unforeseen),
            exchanges=self._line.exchanges,
        )
        print(
            f"\nThe recording is {self._wish.out}. Play it with: "
            f"paysera-worker sandbox --as-recorded {self._wish.out}"
        )
        return needs
