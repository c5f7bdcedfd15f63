"""What every journal promises about bills in parts and about what the till has to hear."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.adapters.journal.builders import HALL, NOON, a_bill, a_notice, a_visit, an_entry
from tests.contract.entries import Journal
from worker.domain.bill import Bill
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalConflict
from worker.domain.ids import TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.part import Part, PartState
from worker.domain.visit import End, Step, Visit
from worker.ports import Entry, Intent, IntentState, NoticeState, Owed, Posted, Settled

PAID = a_visit(1, bill=a_bill("B-1"), transaction_key=TransactionKey("key-1"), creates=1)
NOTICE = a_notice(PAID)


def posted(state: NoticeState, after_s: float = 0.0, *, is_attempt: bool = True) -> Entry:
    told = Posted(NOTICE.notice_id, state, NOON + timedelta(seconds=after_s), is_attempt=is_attempt)
    return Entry(VisitId(1), None, posted=(told,))


async def test_a_notice_is_owed_from_its_payment_until_the_till_accepts_it(
    journal: Journal,
) -> None:
    """It is written with the payment in one entry, whole, and its tries are counted."""
    await journal.write(an_entry(PAID, notices=(NOTICE,)))
    assert await journal.owed_notices() == (Owed(NOTICE, 0, NOON, NOON),)

    await journal.write(posted(NoticeState.PENDING, 5))
    await journal.write(posted(NoticeState.PENDING, 15))
    later = NOON + timedelta(seconds=15)
    assert await journal.owed_notices() == (Owed(NOTICE, 2, NOON, later),)

    await journal.write(posted(NoticeState.ACCEPTED, 15))
    assert await journal.owed_notices() == ()


async def test_a_parked_notice_rests_until_a_human_hands_it_back(journal: Journal) -> None:
    """Handed back it is told as long again as a new one."""
    await journal.write(an_entry(PAID, notices=(NOTICE,)))
    await journal.write(posted(NoticeState.PARKED, 5))
    assert await journal.owed_notices() == ()

    await journal.write(posted(NoticeState.PENDING, 60, is_attempt=False))
    again = NOON + timedelta(seconds=60)
    assert await journal.owed_notices() == (Owed(NOTICE, 1, again, again),)


async def test_notices_come_oldest_first_and_keep_every_word(journal: Journal) -> None:
    """Whatever stands in a bill's name or a table's comes back as it was."""
    odd = a_visit(2, bill=a_bill("№ 7\n"), table="t\x00\u2028")
    second = a_notice(odd, part_id="p'1", service_minor=5, tip_minor=7, bill_minor=99)
    await journal.write(an_entry(PAID, notices=(NOTICE,)))
    await journal.write(an_entry(odd, notices=(second,)))

    assert [owed.notice for owed in await journal.owed_notices()] == [NOTICE, second]


async def test_a_payment_has_one_notice_and_a_notice_one_payment(journal: Journal) -> None:
    """What was written once is not written again, and what never was is not told."""
    await journal.write(an_entry(PAID, notices=(NOTICE,)))

    with pytest.raises(JournalConflict, match="notice_once"):
        await journal.write(an_entry(PAID, notices=(replace(NOTICE, bill_minor=1),)))
    unknown = Posted("n-unknown", NoticeState.ACCEPTED, NOON)
    with pytest.raises(JournalConflict, match="notice_is_unknown"):
        await journal.write(Entry(VisitId(1), None, posted=(unknown,)))
    assert [owed.notice for owed in await journal.owed_notices()] == [NOTICE]


async def test_a_notice_that_is_refused_leaves_nothing_of_its_entry(journal: Journal) -> None:
    """The payment and its notice are written together or not at all."""
    await journal.write(an_entry(PAID, notices=(NOTICE,)))
    moved = replace(PAID, taken_minor=1250, end=End.PAID, step=Step.CLOSING)

    with pytest.raises(JournalConflict):
        await journal.write(an_entry(moved, notices=(NOTICE,)))

    assert (await journal.open_visits())[0].visit == PAID


def split(number: int, *states: PartState, **changes: object) -> Visit:
    """A visit of bill B-9 with parts p1, p2 ... in these states."""
    parts = tuple(
        Part(f"p{n}", Money(500, "EUR"), "", state, n, TransactionKey(f"key-{number}-{n}"))
        for n, state in enumerate(states, start=1)
    )
    bill = Bill("B-9", Money(500 * len(parts), "EUR"), "Table")
    return a_visit(number, **{"bill": bill, "parts": parts, "at": 0, **changes})


def ended(visit: Visit, end: End = End.PART_PAID) -> Visit:
    return replace(visit, step=Step.CLOSED, end=end, spot_closed_at=NOON)


async def parts_of(journal: Journal) -> dict[str, VisitId]:
    return dict((await journal.claims_on_bill(HALL, "B-9")).paid_parts or {})


async def test_a_part_that_is_paid_or_may_be_is_no_other_visits(journal: Journal) -> None:
    """The rest of a bill that was paid in part is free for the next visit, and only the rest."""
    await journal.write(an_entry(split(1, PartState.PAID, PartState.TAKING, PartState.OFFERED)))
    assert await parts_of(journal) == {"p1": 1, "p2": 1}
    left = split(1, PartState.PAID, PartState.PARKED, PartState.RELEASED)
    await journal.write(an_entry(ended(left)))

    assert (await journal.claims_on_bill(HALL, "B-9")).holder is None
    assert await parts_of(journal) == {"p1": 1, "p2": 1}
    for taken in (
        split(2, PartState.TAKING),
        split(2, PartState.RELEASED, PartState.PAID),
    ):
        with pytest.raises(JournalConflict, match="part_paid_once"):
            await journal.write(an_entry(taken))
    await journal.write(
        an_entry(split(2, PartState.RELEASED, PartState.RELEASED, PartState.TAKING))
    )
    assert await parts_of(journal) == {"p1": 1, "p2": 1, "p3": 2}


async def test_a_part_that_was_given_back_is_free_again(journal: Journal) -> None:
    """Refused and revoked, it was never paid; also when the visit forgets its parts meanwhile."""
    await journal.write(an_entry(split(1, PartState.TAKING, PartState.TAKING)))
    await journal.write(an_entry(split(1, PartState.RELEASED, PartState.TAKING)))
    assert await parts_of(journal) == {"p2": 1}

    await journal.write(an_entry(a_visit(1)))
    assert await parts_of(journal) == {}


async def test_a_visit_confirms_once_for_each_part_of_its_bill(journal: Journal) -> None:
    """Two parts are two payments; the same part twice is one too many."""

    def confirm(key: str, part: str) -> Intent:
        return Intent(WriteKind.CONFIRM, key, part)

    visit = split(1, PartState.TAKING, PartState.TAKING)
    await journal.write(an_entry(visit, begun=confirm("key-1-1", "p1")))
    await journal.write(an_entry(visit, begun=confirm("key-1-2", "p2")))

    with pytest.raises(JournalConflict, match="one_confirm_per_visit"):
        await journal.write(an_entry(visit, begun=confirm("key-1-3", "p1")))
    refused = Settled(confirm("key-1-1", "p1"), IntentState.REFUSED)
    await journal.write(an_entry(visit, settled=(refused,)))
    await journal.write(an_entry(visit, begun=confirm("key-1-3", "p1")))


async def test_every_part_keeps_its_key_for_good(journal: Journal) -> None:
    """Whoever asks whose a transaction is hears of the visit, whichever part it deals with now."""
    visit = split(1, PartState.OFFERED, PartState.OFFERED)
    await journal.write(an_entry(visit))

    for key in ("key-1-1", "key-1-2"):
        assert await journal.visit_of_key(TransactionKey(key)) == visit
    stolen = replace(a_visit(2), transaction_key=TransactionKey("key-1-2"))
    with pytest.raises(JournalConflict, match="key_of_one_visit"):
        await journal.write(an_entry(stolen))
