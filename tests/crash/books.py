"""What must be true of the journal and the wallet's ledger once everything is quiet."""

from tests.operator.processes import PATIENCE_S, until
from tests.operator.theatre import PRICE_MINOR, Stage
from worker.adapters.journal.reader import JournalReader
from worker.domain.errors import JournalUnavailable
from worker.domain.visit import FINAL, End, Step


def await_quiet(stage: Stage, patience_s: float = PATIENCE_S) -> None:
    """Wait until no guest waits at the wallet and no visit is open in the journal."""

    def is_quiet() -> bool:
        ledger = stage.ledger()
        if ledger["waiting_spots"] or ledger["reserved_count"]:
            return False
        try:
            with JournalReader(stage.journal) as reader:
                visits = reader.visits(limit=10_000)
        except JournalUnavailable:
            return False
        return bool(visits) and all(visit.step in FINAL for visit in visits)

    until("nobody waits at the wallet or in the journal", is_quiet, patience_s)


def check_books(stage: Stage) -> tuple[End | None, ...]:
    """Require that both books agree to the cent and nothing is left over; give the ends."""
    ledger = stage.ledger()
    with JournalReader(stage.journal) as reader:
        visits, totals = reader.visits(limit=10_000), reader.totals()
        broken = reader.verify_chain()

    assert ledger["violations"] == []
    assert totals.confirmed() == ledger["confirmed_total_minor"]
    assert sum(visit.end is End.PAID for visit in visits) == ledger["confirmed_count"]
    assert stage.applied("transaction.confirm") == ledger["confirmed_count"]
    assert ledger["refunded_total_minor"] == {}
    assert ledger["held_total_minor"] == {}
    assert ledger["reserved_count"] == 0
    assert ledger["waiting_spots"] == 0
    assert [visit.label for visit in visits if visit.step is not Step.CLOSED] == []
    assert broken is None
    return tuple(visit.end for visit in visits)


def check_paid_once(stage: Stage) -> None:
    """Require that the one guest paid the one bill once, and that the table is free."""
    ends = check_books(stage)
    ledger = stage.ledger()

    assert ends.count(End.PAID) == 1
    assert ledger["confirmed_total_minor"] == {"EUR": PRICE_MINOR}
    assert stage.applied("transaction.confirm") == 1
    assert stage.applied("spot.close") == 1
