"""What a disk can do to the journal, beside being full, damaged or taken away."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.adapters.journal.builders import a_visit, an_entry, told
from tests.service.bench import Bench
from tests.service.situations import offered
from worker.adapters.journal import opening
from worker.adapters.journal.reader import JournalReader
from worker.adapters.journal.sqlite import SqliteJournal
from worker.adapters.journal.store import Store
from worker.domain.commands import Lowered
from worker.domain.errors import JournalUnavailable
from worker.domain.ids import TransactionKey
from worker.domain.outcome import Outcome
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import Transaction, TransactionStatus
from worker.ports import Entry

PAGE_BYTES = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_disk_that_is_read_only_is_refused_at_the_start(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Nothing is begun there, and the sentence says what to change (F45)."""
    real_open = os.open

    def refuse(name: Any, flags: int, *rest: Any, **named: Any) -> int:
        if Path(os.fsdecode(name)).parent == path.parent and flags & (os.O_CREAT | os.O_RDWR):
            raise OSError(number, os.strerror(number), str(name))
        return real_open(name, flags, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(JournalUnavailable, match="read-only") as raised:
        Store.open(path)
    assert "Make both writable" in str(raised.value)
    assert list(path.parent.iterdir()) == []

    monkeypatch.undo()
    Store.open(path).close()


class FailingDisk:
    """A connection whose next commit does not reach the disk, although the ones after it would."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.failures = 0

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if statement == "COMMIT" and not self.failures:
            self.failures += 1
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error
        return self._connection.execute(statement, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_after_a_failed_fsync_nothing_is_written_any_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The kernel may have thrown the pages away and call the next fsync a success. So that commit and
    every later one fail, the process ends, and only a new start reads what is really there (F48).
    """
    journal = SqliteJournal.open(path)
    await journal.write(an_entry(a_visit(1), records=(told(1),)))
    disk = FailingDisk(journal._store._connection)
    monkeypatch.setattr(journal._store, "_connection", disk)

    for number in (2, 3):
        with pytest.raises(JournalUnavailable, match="SQLITE_IOERR_FSYNC"):
            await journal.write(an_entry(a_visit(number), records=(told(number),)))
    with pytest.raises(JournalUnavailable, match="SQLITE_IOERR_FSYNC"):
        await journal.open_visits()
    assert disk.failures == 1
    await journal.aclose()

    again = SqliteJournal.open(path)
    assert [one.visit.visit_id for one in await again.open_visits()] == [1]
    await again.aclose()


@contextmanager
def a_store(path: Path) -> Iterator[Store]:
    store = Store.open(path)
    try:
        yield store
    finally:
        store.close()


def grow(store: Store, path: Path, first: int, ask: Callable[[], object]) -> int:
    """Write a few thousand visits while somebody asks; give how large the log became."""
    log = path.with_name("journal.db-wal")
    sizes = []
    for number in range(first, first + 4000, 100):
        lines = tuple(told(m) for m in range(8))
        batch = [an_entry(a_visit(n), records=lines) for n in range(number, number + 100)]
        assert store.commit(batch) == [None] * 100
        ask()
        sizes.append(log.stat().st_size)
    return max(sizes)


def test_the_write_ahead_log_stays_small_while_people_read(path: Path) -> None:
    """
    Ours ask and let go, however often `status` is called. A program that held its view would keep
    the log from being folded into the file, and it would grow; still nothing would be lost (F49).
    """
    most = opening.CHECKPOINT_PAGES * PAGE_BYTES * 3 // 2
    with a_store(path) as store:
        with JournalReader(path) as reader:
            assert grow(store, path, 1, lambda: (reader.visits(limit=5), reader.totals())) < most

        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN")
            holder.execute("SELECT count(*) FROM visit").fetchone()
            assert grow(store, path, 10_001, lambda: None) > most, "the bound above proves nothing"
        assert len(store.open_visits()) == 8000


@pytest.mark.parametrize(("slow_s", "end"), [(2.0, End.PAID), (6.0, End.EXPIRED)])
async def test_a_slow_disk_delays_a_confirm_and_never_lets_it_leave_too_late(
    slow_s: float, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The five seconds count from the look and include the wait for the disk. Where every write takes
    longer than that no money is taken; a human is told, and the reservation runs out (F50).
    """
    bench, looked_s, left_s = Bench(Policy(offer_ttl_s=3600)), list[float](), list[float]()
    write, wallet = bench.journal.write, bench.engine._hands.wallet
    look, confirm = wallet.look_at_transaction, wallet.confirm_transaction

    async def write_slowly(entry: Entry) -> None:
        await bench.clock.sleep(slow_s)
        await write(entry)

    async def note_look(key: TransactionKey) -> Outcome[Transaction]:
        looked_s.append(bench.clock.ticks_s())
        return await look(key)

    async def note_confirm(
        key: TransactionKey, not_after: datetime, lowered: Lowered | None = None
    ) -> Outcome[None]:
        if bench.clock.now() <= not_after:
            left_s.append(bench.clock.ticks_s() - looked_s[-1])
        return await confirm(key, not_after, lowered)

    monkeypatch.setattr(bench.journal, "write", write_slowly)
    monkeypatch.setattr(wallet, "look_at_transaction", note_look)
    monkeypatch.setattr(wallet, "confirm_transaction", note_confirm)
    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            bench.world.reserve(bench.world.charges[key])
            await bench.tick(20)
            if end is End.EXPIRED:
                assert bench.last().step is Step.CONFIRMING
                bench.world.charges[key].status = TransactionStatus.FAILED
                await bench.tick(5)

    assert bench.last().end is end
    assert left_s == ([slow_s] if end is End.PAID else [])
    assert bench.world.effects["confirm"] == len(left_s)
    doubts = [line["event"] for line in lines].count("visit.doubtful")
    assert doubts == (0 if end is End.PAID else 1)
