"""Journals that a test writes by hand, as a worker would have left them."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.adapters.journal.builders import NOON, a_bill, a_notice, a_visit, an_entry, closed, told
from worker.adapters.journal.store import Store
from worker.domain.ids import TransactionKey
from worker.domain.visit import End, Step, Visit
from worker.ports import Entry, NoticeState, Posted

WHY: Final = "the shop answered 500"


def paid(number: int = 1, bill_id: str = "B-1") -> Visit:
    visit = a_visit(number, bill=a_bill(bill_id), transaction_key=TransactionKey(f"key-{number}"))
    return replace(closed(visit, End.PAID), taken_minor=1250, paid_at=NOON, reserved_at=NOON)


def parked(number: int = 2, bill_id: str = "B-2") -> Visit:
    visit = a_visit(number, bill=a_bill(bill_id), transaction_key=TransactionKey(f"key-{number}"))
    return replace(
        visit, step=Step.PARKED, end=End.PARKED, reason="nobody knows", spot_closed_at=NOON
    )


def an_evening(path: Path) -> None:
    """One visit is paid and the till never took it; one is parked."""
    store = Store.open(path)
    visit = paid()
    notice = replace(a_notice(visit), notice_id=visit.reference.replace(".", "-"))
    given_up = Posted(notice.notice_id, NoticeState.PARKED, NOON, WHY)
    entries = [
        an_entry(visit, records=(told(1),), notices=(notice,)),
        Entry(visit.visit_id, None, (told(2),), posted=(given_up,)),
        an_entry(parked(), records=(told(3),)),
    ]
    assert store.commit(entries) == [None] * len(entries)
    store.close()
