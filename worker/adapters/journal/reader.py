"""The journal as the commands read it, beside a worker that may be writing.

The connection is read-only. It never folds the log into the file: only the one writer does that.
"""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from worker.adapters.journal import chain, desk, lock, schema, statements, troubles
from worker.adapters.journal.copying import copy_journal
from worker.adapters.journal.opening import connect
from worker.adapters.journal.ownership import user_name
from worker.adapters.journal.rows import UnreadableRow, at_from_text, at_text, visit_from_text
from worker.adapters.journal.rules import NEWEST_VISITS
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import VisitId
from worker.domain.visit import End, Step, Visit
from worker.ports import IntentState, JsonValue, KeptNotice, Record, Resolution

T = TypeVar("T")

LIST_VISITS: Final = """
SELECT body FROM visit
WHERE (NOT ? OR step NOT IN ('closed', 'parked'))
  AND (NOT ? OR (step = 'parked' AND visit_id NOT IN (SELECT visit_id FROM resolution)))
ORDER BY visit_id DESC LIMIT ?
"""
TOTALS: Final = """
SELECT "end", currency, count(*), coalesce(sum(amount_minor), 0), sum(taken_minor) FROM visit
GROUP BY "end", currency ORDER BY "end", currency
"""
PAID: Final = """
SELECT body FROM visit WHERE opened_at < ?1 AND (
  (taken_minor > 0 AND json_extract(body, '$.paid_at') >= ?2)
  OR ((taken_minor > 0 OR step = 'parked') AND json_extract(body, '$.since') >= ?2)
) ORDER BY visit_id
"""
ALL: Final = -1
"""As a limit: none."""
INTENTS: Final = """
SELECT kind, target, state, attempts, begun_at, ended_at, detail FROM intent
WHERE visit_id = ? ORDER BY intent_id
"""


@dataclass(frozen=True, slots=True)
class IntentLine:
    """A write at the wallet, as the journal knows it."""

    at: datetime
    """When it was last begun."""
    kind: WriteKind
    target: str
    state: IntentState
    attempts: int
    ended_at: datetime | None
    detail: str


StoryLine = Record | IntentLine


@dataclass(frozen=True, slots=True)
class Total:
    """How many visits ended in one way, and the bills' sum in one currency."""

    end: End | None
    """None: not ended yet."""
    currency: str | None
    """None: there was no bill."""
    visits: int
    amount_minor: int
    taken_minor: int
    """Less than the bills where only parts of one were paid."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the journal adds up to."""

    by_end: tuple[Total, ...]
    by_step: Mapping[Step, int]

    def confirmed(self) -> dict[str, int]:
        """Give the money that was taken, in minor units by currency."""
        taken = Counter[str]()
        for total in self.by_end:
            if total.currency is not None and total.taken_minor:
                taken[total.currency] += total.taken_minor
        return dict(taken)


@dataclass(frozen=True, slots=True)
class LastBeat:
    """The newest report of the worker."""

    at: datetime
    report: Mapping[str, JsonValue]


class JournalReader:
    """A look at the journal. Opens the file at the first question; close it, or use `with`.

    Every question raises JournalUnavailable when the journal can not be read, or not by this user.
    """

    def __init__(self, path: Path, verb: str = "...") -> None:
        """Name the journal, and the verb that asks, for the words about another user."""
        self._path = path.absolute()
        self._verb = verb
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> "JournalReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Twice does no harm."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def is_running(self) -> bool:
        """Tell whether a worker holds the journal now."""
        try:
            return lock.is_held(self._path)
        except OSError as error:
            check_file(self._path, self._verb)  # Its lock is the owner's alone: say whom to be.
            raise troubles.unreadable(self._path, error) from error

    def instance(self) -> str:
        """Give the journal's own name."""
        sql = "SELECT value FROM meta WHERE key = 'instance'"
        return str(self._ask(lambda db: db.execute(sql).fetchone()[0]))

    def visits(
        self, *, open_only: bool = False, parked_only: bool = False, limit: int = 50
    ) -> tuple[Visit, ...]:
        """Give the newest visits, newest first."""
        wanted = (open_only, parked_only, limit)
        rows = self._ask(lambda db: db.execute(LIST_VISITS, wanted).fetchall())
        return tuple(self._visit(body) for (body,) in rows)

    def parked_lately(self) -> tuple[Visit, ...]:
        """Give those of the newest visits that were left to a human, newest first."""
        rows = self._ask(
            lambda db: db.execute(statements.PARKED_LATELY, (NEWEST_VISITS,)).fetchall()
        )
        return tuple(self._visit(body) for (body,) in reversed(rows))

    def visit(self, visit_id: VisitId) -> Visit | None:
        """Give one visit; None: there is no such number."""
        sql = "SELECT body FROM visit WHERE visit_id = ?"
        found = self._ask(lambda db: db.execute(sql, (visit_id,)).fetchone())
        return self._visit(found[0]) if found else None

    def story(self, visit_id: VisitId) -> tuple[StoryLine, ...]:
        """Give what happened in a visit and what was sent for it, in order of time."""
        sql = "SELECT at, kind, body FROM event WHERE visit_id = ? ORDER BY seq"
        events, intents = self._ask(
            lambda db: (
                db.execute(sql, (visit_id,)).fetchall(),
                db.execute(INTENTS, (visit_id,)).fetchall(),
            )
        )
        lines: list[StoryLine] = [
            Record(at_from_text(at), kind, json.loads(body)) for at, kind, body in events
        ]
        lines += [_intent_line(*row) for row in intents]
        # The sort is stable: of one instant, what was learned stands before what was done about it.
        return tuple(sorted(lines, key=lambda line: line.at))

    def notices(self, visit_id: VisitId) -> tuple[KeptNotice, ...]:
        """Give every notice of a visit, oldest first."""
        return self._desk(lambda db: desk.notices_of(db, visit_id))

    def unposted(self) -> tuple[KeptNotice, ...]:
        """Give every notice that the till has not accepted, oldest first."""
        return self._desk(desk.unposted)

    def paid_between(self, begins_at: datetime, ends_at: datetime) -> tuple[Visit, ...]:
        """Give the visits that may have taken money between two instants, oldest first."""
        wanted = (at_text(ends_at), at_text(begins_at))
        rows = self._ask(lambda db: db.execute(PAID, wanted).fetchall())
        return tuple(self._visit(body) for (body,) in rows)

    def notices_since(self, at: datetime) -> dict[VisitId, list[KeptNotice]]:
        """Give the notices of the visits that may have taken money since then, by visit."""
        found: dict[VisitId, list[KeptNotice]] = {}
        for one in self._desk(lambda db: desk.notices_since(db, at)):
            found.setdefault(one.owed.notice.visit_id, []).append(one)
        return found

    def visit_of_key(self, key: str) -> Visit | None:
        """Give the visit that a transaction was made for; None: none of this journal."""
        found = self._ask(lambda db: db.execute(statements.VISIT_OF_KEY, (key,)).fetchone())
        return self._visit(found[0]) if found else None

    def page_trouble(self) -> str | None:
        """Read the whole file; None: its pages hold together."""
        found = self._ask(lambda db: db.execute("PRAGMA quick_check(1)").fetchone())[0]
        return None if found == "ok" else str(found)

    def copy_to(self, target: Path) -> tuple[int, int]:
        """Copy the journal; give its visits and story lines. Raises `CopyRefused` too."""
        self.instance()  # Whatever keeps it from being read is said in its own words.
        assert self._connection is not None, "it was just asked"
        return copy_journal(self._connection, self._path, target)

    def draining_since(self) -> datetime | None:
        """Tell since when no new visits are begun; None: they are."""
        return self._desk(desk.draining_since)

    def resolutions(self) -> dict[VisitId, Resolution]:
        """Give how humans settled parked visits."""
        return self._desk(desk.resolutions)

    def totals(self) -> Totals:
        """Add up the visits by how they ended, and count them by where they stand."""
        by_end, by_step = self._ask(
            lambda db: (
                db.execute(TOTALS).fetchall(),
                db.execute("SELECT step, count(*) FROM visit GROUP BY step").fetchall(),
            )
        )
        return Totals(
            by_end=tuple(Total(End(end) if end else None, *rest) for end, *rest in by_end),
            by_step={Step(step): visits for step, visits in by_step},
        )

    def beat(self) -> LastBeat | None:
        """Give the worker's newest report; None: it never gave one."""
        found = self._ask(lambda db: db.execute("SELECT at, report FROM beat").fetchone())
        return LastBeat(at_from_text(found[0]), json.loads(found[1])) if found else None

    def verify_chain(self, limit: int | None = None) -> int | None:
        """Read the newest lines of the story again; give the first that does not follow, if any.

        None as limit: all of them.
        """
        return self._ask(lambda db: chain.verify(db, limit))[1]

    def _desk(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return self._ask(question)
        except UnreadableRow as error:
            raise JournalUnavailable(
                f"journal {self._path}: {error}. Use the version that wrote it."
            ) from error

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = self._open()
            return self._in_one_look(self._connection, question)
        except (sqlite3.Error, OSError) as error:
            raise troubles.unreadable(self._path, error) from error

    def _in_one_look(
        self, connection: sqlite3.Connection, question: Callable[[sqlite3.Connection], T]
    ) -> T:
        """Answer from one moment, however many statements it takes."""
        connection.execute("BEGIN")
        try:
            return question(connection)
        finally:
            connection.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        check_file(self._path, self._verb)
        connection = connect(self._path, may_write=False)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            version = schema.check_version(self._path, connection)
        except BaseException:
            connection.close()
            raise
        if version < schema.migrations()[-1][0]:
            connection.close()
            why = (
                "nothing was written to it yet."
                if version == 0
                else "an older version wrote it. Start this version's worker once; it brings it up."
            )
            raise JournalUnavailable(f"journal {self._path}: {why}")
        return connection

    def _visit(self, text: str) -> Visit:
        try:
            return visit_from_text(text)
        except UnreadableRow as error:
            raise JournalUnavailable(
                f"journal {self._path}: {error}. Use the version that wrote it."
            ) from error


def _intent_line(kind: str, target: str, state: str, attempts: int, *rest: Any) -> IntentLine:
    begun_at, ended_at, detail = rest
    return IntentLine(
        at=at_from_text(begun_at),
        kind=WriteKind(kind),
        target=target,
        state=IntentState(state),
        attempts=attempts,
        ended_at=at_from_text(ended_at) if ended_at else None,
        detail=detail,
    )


def check_file(path: Path, verb: str) -> None:
    """Refuse another user: SQLite's own files beside the journal would become that user's.

    Raises:
        JournalUnavailable: there is no such file, or it is another user's; it says what to type.

    """
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        raise JournalUnavailable(
            f"journal {path}: there is none. It is made when the worker first runs; "
            "check [journal] path if it ran already."
        ) from None
    except PermissionError:
        raise JournalUnavailable(
            f"journal {path}: this user may not look into its folder. "
            f"Try: sudo -u USER paysera-worker {verb}, with the worker's own user."
        ) from None
    except OSError as error:
        raise troubles.unreadable(path, error) from error
    if owner != os.geteuid():
        name = user_name(owner)
        raise JournalUnavailable(
            f"journal {path}: it belongs to {name}, and only {name} may use it: another "
            "user would leave files beside it that the worker can not write. "
            f"Try: sudo -u {name} paysera-worker {verb}"
        )
