"""The journal in memory and the one in a file give the same answers to the same entries."""

import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from worker.adapters.journal.memory import MemoryJournal
from worker.adapters.journal.store import Store
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalConflict
from worker.domain.ids import SpotId, TransactionKey, VisitId
from worker.domain.visit import FINAL, End, Step
from worker.ports import Entry, Intent, IntentState, Record, Settled

from .builders import HALL, NOON, a_bill, a_visit

T = TypeVar("T")

KEYS = st.sampled_from(["key-a", "key-b", "key-c"]).map(TransactionKey)
BILL_IDS = st.sampled_from(["bill-1", "bill-2"])
STATES = st.sampled_from([state for state in IntentState if state is not IntentState.ABANDONED])
INTENTS = st.builds(
    Intent, st.sampled_from([WriteKind.CREATE, WriteKind.CONFIRM, WriteKind.CLOSE]), KEYS
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Draw an entry out of a small world, so that entries get into each other's way."""
    visit_id = VisitId(draw(st.integers(1, 3)))
    step = draw(st.sampled_from([Step.SEEN, Step.CREATING, Step.OFFERED, *FINAL]))
    visit = a_visit(
        visit_id,
        spot_id=SpotId(draw(st.sampled_from([f"spot-{visit_id}"] * 5 + ["shared"]))),
        step=step,
        end=draw(st.sampled_from([End.PAID, End.PARKED])) if step in FINAL else None,
        bill=draw(st.none() | BILL_IDS.map(a_bill)),
        transaction_key=draw(st.none() | KEYS),
        former_keys=draw(st.lists(KEYS, max_size=1).map(tuple)),
        spot_closed_at=NOON if step in FINAL or draw(st.booleans()) else None,
    )
    at = NOON + timedelta(seconds=draw(st.integers(0, 5)))
    settled = st.lists(st.builds(Settled, INTENTS, STATES), max_size=2).map(tuple)
    entry = Entry(
        visit_id,
        visit,
        records=(Record(at, "drawn", {}),) if draw(st.booleans()) else (),
        settled=draw(st.just(()) | settled),
        begun=draw(st.none() | INTENTS),
    )
    return replace(entry, visit=None) if draw(st.integers(0, 4)) == 0 else entry


def now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    raise AssertionError("the journal in memory waited")


def written_to_memory(journal: MemoryJournal, entry: Entry) -> str | None:
    try:
        now(journal.write(entry))
    except JournalConflict as conflict:
        return str(conflict)
    return None


@settings(max_examples=60, deadline=None)
@given(st.lists(entries(), max_size=25), st.integers(1, 4))
def test_both_journals_agree_on_every_entry(drawn: list[Entry], together: int) -> None:
    """Whatever is written, alone or in company, both refuse the same and keep the same."""
    memory = MemoryJournal()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "journal.db")
        try:
            for start in range(0, len(drawn), together):
                batch = drawn[start : start + together]
                refusals = store.commit(batch)
                expected = [written_to_memory(memory, entry) for entry in batch]
                assert [(r is None) for r in refusals] == [(e is None) for e in expected]

            assert store.open_visits() == now(memory.open_visits())
            assert store.next_visit_id() == now(memory.next_visit_id())
            for key in ("key-a", "key-b", "key-c"):
                known = TransactionKey(key)
                assert store.visit_of_key(known) == now(memory.visit_of_key(known))
            for bill_id in ("bill-1", "bill-2"):
                assert store.claims_on_bill(HALL, bill_id) == now(
                    memory.claims_on_bill(HALL, bill_id)
                )
        finally:
            store.close()
