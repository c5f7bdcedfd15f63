"""The journal file and its one connection. Blocking; one thread at a time.

Once anything fails that is not a rule of ours, nothing is trusted any more: every later call says
so, and only a new start may try again.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from worker.adapters.journal import chain, desk, opening, statements, troubles
from worker.adapters.journal.files import REMEDY, Files
from worker.adapters.journal.marker import Marker, write_marker
from worker.adapters.journal.notices import note_posted, notice_row, owed_from
from worker.adapters.journal.rows import (
    UnreadableRow,
    VisitRow,
    at_from_text,
    at_text,
    body_text,
    clean,
    moment_of,
    visit_from_text,
    visit_row,
)
from worker.adapters.journal.rules import NEWEST_VISITS, Rule, conflict, rule_of
from worker.domain.choosing import Claims
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalConflict, JournalUnavailable
from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId
from worker.domain.visit import FINAL, Step, Visit
from worker.ports import (
    Entry,
    Handled,
    Intent,
    IntentState,
    JsonValue,
    Lost,
    OpenVisit,
    Owed,
    Settled,
)

T = TypeVar("T")
U = TypeVar("U")
Values = tuple[str | int, ...]

# Parts of a row, by the order of `visit_row`.
_INDEXED: Final = slice(1, 8)
_BODY: Final = 8
_SAME: Final = slice(9, None)


@dataclass(frozen=True, slots=True)
class Beat:
    """The newest report of the running worker."""

    at: datetime
    report: Mapping[str, JsonValue]


Kept = Entry | Beat | Handled


class Store:
    """One open journal."""

    def __init__(self, path: Path, opened: opening.Opened) -> None:
        self.instance: Final = opened.instance
        self.commits = 0
        self._path = path
        self._connection = opened.connection
        self._lock = opened.lock
        self._generation = opened.generation
        self._tail = opened.tail
        self._rows: dict[VisitId, VisitRow] = {}
        self._charging: set[VisitId] = set()
        self._broken: str | None = None
        self._is_closed = False
        self._files = Files(path, opened.lock)

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open the journal, or begin one where none was.

        Raises:
            JournalLocked: another worker holds it.
            JournalUnavailable: it can not be trusted or written; the message says what to do.

        """
        # Every later check names this very file, wherever the process goes.
        path = path.absolute()
        return cls(path, opening.open_journal(path))

    def commit(self, batch: Sequence[Kept]) -> list[Exception | None]:
        """Write a batch in one durable transaction; tell what refused each item, if anything.

        Raises:
            JournalUnavailable: nothing of the batch may be taken as written.

        """
        refusals = self.write(batch)
        self.seal()
        return refusals

    def write(self, batch: Sequence[Kept]) -> list[Exception | None]:
        """Say a batch to SQLite, up to but without the commit; `seal` must follow.

        Quick: nothing here waits for the disk. Whatever it tells counts only once it is sealed.

        Raises:
            JournalUnavailable: nothing of the batch may be taken as written.

        """
        self._check_alive()
        try:
            self._check_files()
            self._connection.execute("BEGIN IMMEDIATE")
            tail = self._tail
            refusals = [self._keep(item) for item in batch]
            if any(refusals):
                # Seldom: take everything back and keep each item apart from the others.
                self._connection.execute("ROLLBACK")
                self._tail = tail
                self._rows.clear()
                self._connection.execute("BEGIN IMMEDIATE")
                refusals = [self._keep_apart(item) for item in batch]
        except (sqlite3.Error, OSError) as error:
            raise self._break(error) from error
        return refusals

    def seal(self) -> None:
        """Make what was written durable. Waits for the disk.

        Raises:
            JournalUnavailable: nothing of the batch may be taken as written.

        """
        self._check_alive()
        try:
            self._connection.execute("COMMIT")
            self.commits += 1
        except (sqlite3.Error, OSError) as error:
            raise self._break(error) from error

    def open_visits(self) -> tuple[OpenVisit, ...]:
        """Give every visit that is not at a final step, oldest first."""
        pending: dict[int, list[Intent]] = {}
        for visit_id, kind, target in self._all(statements.PENDING):
            pending.setdefault(visit_id, []).append(Intent(WriteKind(kind), target))
        return tuple(
            OpenVisit(self._visit(body), tuple(pending.get(visit_id, ())))
            for visit_id, body in self._all(statements.OPEN_VISITS)
        )

    def next_visit_id(self) -> VisitId:
        """Give the number after the highest."""
        (number,) = self._all(statements.NEXT_VISIT_ID)
        return VisitId(number[0])

    def claims_on_bill(self, location_id: LocationId, bill_id: str) -> Claims:
        """Tell which visits charge a bill or its parts now, or were paid for them."""
        wanted = (location_id, clean(bill_id))
        found = self._first(statements.HOLDER_OF_BILL, wanted)
        parts = self._all(statements.CHARGES, wanted)
        return Claims(
            holder=VisitId(found[0]) if found else None,
            paid_parts={part_id: VisitId(visit_id) for part_id, visit_id in parts},
        )

    def owed_notices(self) -> tuple[Owed, ...]:
        """Give every notice that is still to be told, oldest first."""
        return tuple(self._read(owed_from, row) for row in self._all(statements.OWED))

    def visit_of_key(self, key: TransactionKey) -> Visit | None:
        """Give the visit that a transaction was made for."""
        found = self._first(statements.VISIT_OF_KEY, (clean(key),))
        return self._visit(found[0]) if found else None

    def lost_creates(self) -> tuple[Lost, ...]:
        """Give the creates in doubt that no visit waits for any more, oldest first."""
        rows = self._all(statements.LOST_CREATES)
        return tuple(
            Lost(VisitId(visit_id), OrderReference(target), at_from_text(begun_at))
            for visit_id, target, begun_at in rows
        )

    def parked_lately(self) -> tuple[Visit, ...]:
        """Give those of the newest visits that were left to a human, oldest first."""
        rows = self._all(statements.PARKED_LATELY, (NEWEST_VISITS,))
        return tuple(self._visit(body) for (body,) in rows)

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Put a question of an operator's desk."""
        self._check_alive()
        try:
            return self._read(question, self._connection)
        except sqlite3.Error as error:
            raise self._break(error) from error

    def close(self) -> None:
        """Close the file and let go of the lock. Twice does no harm."""
        if self._is_closed:
            return
        try:
            if self._broken is None:
                self._end_generation()
        finally:
            self._is_closed = True
            self._broken = self._broken or f"journal {self._path}: it is closed."
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._lock.release()

    def _end_generation(self) -> None:
        """Count this closing too, so that a copy made while we ran is known to be older."""
        with contextlib.suppress(sqlite3.Error, OSError, JournalUnavailable):
            self._check_files()
            instance, generation = opening.begin_generation(self._connection)
            write_marker(self._path, Marker(instance, generation))

    def _keep_apart(self, item: Kept) -> Exception | None:
        """Write one item of several, or nothing of it."""
        self._connection.execute("SAVEPOINT item")
        refusal = self._keep(item)
        if refusal is not None:
            self._connection.execute("ROLLBACK TO item")
        self._connection.execute("RELEASE item")
        return refusal

    def _keep(self, item: Kept) -> Exception | None:
        """Write one item. When something refuses it, the caller takes back what was written."""
        tail = self._tail
        refusal: Exception | None = None
        try:
            if isinstance(item, Entry):
                self._keep_entry(item)
            elif isinstance(item, Handled):
                desk.keep_handled(self._connection, item)
            else:
                self._connection.execute(
                    statements.KEEP_BEAT, (at_text(item.at), body_text(item.report))
                )
        except sqlite3.IntegrityError as error:
            refusal = self._conflict(item, str(error))
        except (sqlite3.Error, OSError):
            raise
        except Exception as error:
            refusal = error  # What one item can not say must not hurt the others.
        if refusal is not None:
            self._tail = tail
            if isinstance(item, Entry):
                self._rows.pop(item.visit_id, None)
        return refusal

    def _keep_entry(self, entry: Entry) -> None:
        visit_id, visit = entry.visit_id, entry.visit
        if visit is None:
            visit = self._kept_visit(visit_id)
        else:
            assert visit.visit_id == visit_id, "an entry speaks of one visit"
            self._keep_visit(visit)
        for notice in entry.notices:
            self._connection.execute(statements.KEEP_NOTICE, notice_row(notice))
        if entry.settled or entry.begun or entry.posted:
            at = at_text(moment_of(entry, visit))
            for posted in entry.posted:
                note_posted(self._connection, visit_id, posted, at)
            for settled in entry.settled:
                self._settle(visit_id, settled, at)
            if entry.begun:
                self._begin(visit_id, entry.begun, at)
        lines = []
        for record in entry.records:
            at, kind, body = at_text(record.at), clean(record.kind), body_text(record.body)
            self._tail = tail = chain.seal(self._tail, visit_id, at, kind, body)
            lines.append((tail.seq, visit_id, at, kind, body, tail.hash))
        self._connection.executemany(statements.TELL, lines)
        if entry.resolution is not None:
            desk.keep_resolution(self._connection, visit_id, entry.resolution)
        if entry.handled is not None:
            desk.keep_handled(self._connection, entry.handled)

    def _keep_visit(self, visit: Visit) -> None:
        """Write the visit, touching only what changed: an index that is rewritten costs a page."""
        visit_id, execute = visit.visit_id, self._connection.execute
        row, known = visit_row(visit), self._rows.get(visit_id)
        if known is not None and row[_INDEXED] == known[_INDEXED] and row[_SAME] == known[_SAME]:
            execute(statements.UPDATE_STEP, (row[0], row[_BODY], visit_id))
        else:
            if execute(statements.KEEP_VISIT, row).rowcount == 0:
                raise conflict(visit_id, Rule.VISIT_IS_ANOTHER)
            if visit.transaction_key is not None:
                execute(statements.KEEP_KEY, (clean(visit.transaction_key), visit_id))
        for key in visit.keys - {visit.transaction_key}:
            execute(statements.KEEP_KEY, (clean(key), visit_id))
        if visit.parts or visit.step is Step.SEEN or visit_id in self._charging:
            self._keep_charges(visit)
        if visit.step in FINAL:
            self._rows.pop(visit_id, None)
        else:
            self._rows[visit_id] = row

    def _keep_charges(self, visit: Visit) -> None:
        """Write which parts of its bill are the visit's for good, or for now."""
        execute, visit_id = self._connection.execute, visit.visit_id
        execute(statements.FORGET_CHARGES, (visit_id,))
        self._charging.discard(visit_id)
        bill_id = clean(visit.bill.bill_id or "") if visit.bill else ""
        for part in visit.parts:
            if part.is_charged:
                row = (visit.location_id, bill_id, clean(part.part_id), visit_id)
                execute(statements.KEEP_CHARGE, row)
                if visit.step not in FINAL:
                    self._charging.add(visit_id)

    def _kept_visit(self, visit_id: VisitId) -> Visit:
        found = self._connection.execute(statements.VISIT, (visit_id,)).fetchone()
        if found is None:
            raise conflict(visit_id, Rule.VISIT_IS_UNKNOWN)
        return visit_from_text(found[0])

    def _settle(self, visit_id: VisitId, settled: Settled, at: str) -> None:
        intent, state = settled.intent, settled.state
        ended_at = None if state is IntentState.PENDING else at
        done = self._connection.execute(
            statements.SETTLE,
            (
                state.value,
                clean(settled.detail),
                ended_at,
                visit_id,
                intent.kind.value,
                clean(intent.target),
            ),
        )
        if done.rowcount == 0:
            raise conflict(visit_id, Rule.INTENT_NOT_BEGUN, intent.kind.value)

    def _begin(self, visit_id: VisitId, intent: Intent, at: str) -> None:
        row = (visit_id, intent.kind.value, clean(intent.target), clean(intent.part), at)
        self._connection.execute(statements.BEGIN, row)

    def _conflict(self, item: Kept, message: str) -> Exception:
        if not isinstance(item, Entry):
            what = "report" if isinstance(item, Beat) else "request"
            return JournalConflict(f"the {what} is not written: {message}")
        rule = rule_of(message)
        return conflict(item.visit_id, rule, message if rule is Rule.OUT_OF_RANGE else "")

    def _first(self, question: str, values: Values = ()) -> Any:
        return next(iter(self._all(question, values)), None)

    def _all(self, question: str, values: Values = ()) -> list[Any]:
        self._check_alive()
        try:
            return self._connection.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise self._break(error) from error

    def _visit(self, text: str) -> Visit:
        return self._read(visit_from_text, text)

    def _read(self, read: Callable[[U], T], row: U) -> T:
        try:
            return read(row)
        except UnreadableRow as error:
            self._broken = str(
                troubles.refusal(self._path, str(error), "Run the version that wrote it.")
            )
            raise JournalUnavailable(self._broken) from error

    def _check_alive(self) -> None:
        if self._broken is not None:
            raise JournalUnavailable(self._broken)

    def _check_files(self) -> None:
        """Refuse to write into a file that is not at its path any more: nobody would find it."""
        cause = self._files.trouble()
        if cause is not None:
            refused = troubles.refusal(self._path, cause, REMEDY)
            self._broken = str(refused)
            raise refused

    def _break(self, error: Exception) -> JournalUnavailable:
        """Stop trusting the journal for good."""
        unavailable = troubles.trouble(self._path, error)
        self._broken = str(unavailable)
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        return unavailable
