"""What is written into a journal here."""

from worker.adapters.journal.memory import MemoryJournal
from worker.adapters.journal.sqlite import SqliteJournal
from worker.domain.bill import Bill, BillLine
from worker.domain.commands import WriteKind
from worker.domain.ids import TransactionKey
from worker.domain.money import Money
from worker.ports import Intent

Journal = MemoryJournal | SqliteJournal


def a_bill(bill_id: str | None = "bill-7") -> Bill:
    return Bill(bill_id, Money(1250, "EUR"), "Table 15", (BillLine("Soup", 2, 1250),))


def key(text: str) -> TransactionKey:
    return TransactionKey(text)


CREATE_1 = Intent(WriteKind.CREATE, "v1.abcdefgh.9975.1.k3f91")
CREATE_2 = Intent(WriteKind.CREATE, "v1.abcdefgh.9975.1.k3f92")
CONFIRM_A = Intent(WriteKind.CONFIRM, "key-a")
CONFIRM_B = Intent(WriteKind.CONFIRM, "key-b")
CLOSE = Intent(WriteKind.CLOSE, "")
