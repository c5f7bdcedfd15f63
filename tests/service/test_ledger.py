"""What a process knows about transaction keys."""

from tests.domain.story import KEY, a_transaction
from worker.adapters.journal.memory import MemoryJournal
from worker.service.ledger import KeyLedger


def test_an_answer_without_payments_is_not_taken_for_a_transaction_without_a_reference() -> None:
    """Otherwise a lost create would never be found again."""
    ledger = KeyLedger(MemoryJournal())
    ledger.note(a_transaction(payments=None))
    assert not ledger.is_read(KEY)

    ledger.note(a_transaction())
    assert ledger.is_read(KEY)
