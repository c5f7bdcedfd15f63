"""What every journal promises about operators: asked once, done once; a human's word stays."""

from dataclasses import replace

import pytest

from tests.adapters.journal.builders import HALL, NOON, a_notice, a_visit, an_entry, closed
from tests.contract.entries import Journal, a_bill, key
from worker.domain.errors import JournalConflict
from worker.domain.ids import VisitId
from worker.domain.money import Money
from worker.domain.part import Part, PartState
from worker.domain.visit import End, Step, Visit
from worker.ports import (
    Entry,
    Handled,
    NoticeState,
    Posted,
    Record,
    Reply,
    Request,
    Resolution,
    Verdict,
)


def handled(request_id: str = "r1", *, is_draining: bool | None = None) -> Handled:
    return Handled(Request(request_id, "drain", {}, "ann"), Reply(0, "done"), NOON, is_draining)


def a_resolution(verdict: Verdict = Verdict.UNPAID, *freed: str, frees: bool = True) -> Resolution:
    return Resolution(verdict, NOON, "ann on till-1", "the bank says so", frees, freed)


def parked(number: int = 1, **changes: object) -> Visit:
    ended = {"step": Step.PARKED, "end": End.PARKED, "spot_closed_at": NOON}
    billed = {"bill": a_bill(), "transaction_key": key(f"key-{number}")}
    return a_visit(number, **{**ended, **billed, **changes})


async def test_draining_lasts_until_it_is_taken_back(journal: Journal) -> None:
    """It is a state of the journal, so a restart finds it; the first one's time stays."""
    assert await journal.draining_since() is None
    await journal.keep_handled(handled("r1", is_draining=True))
    await journal.keep_handled(handled("r2"))
    assert await journal.draining_since() == NOON
    await journal.keep_handled(handled("r3", is_draining=False))
    assert await journal.draining_since() is None


async def test_a_request_is_done_once(journal: Journal) -> None:
    """Its reply is kept with what it changed, and a second one of its name changes nothing."""
    visit = parked()
    await journal.write(an_entry(visit))
    assert await journal.reply_to("r1") is None
    await journal.write(Entry(visit.visit_id, None, handled=handled()))
    assert await journal.reply_to("r1") == Reply(0, "done")
    with pytest.raises(JournalConflict):
        await journal.write(
            Entry(visit.visit_id, None, resolution=a_resolution(), handled=handled())
        )
    assert await journal.resolution_of(visit.visit_id) is None
    with pytest.raises(JournalConflict):
        await journal.keep_handled(handled(is_draining=True))
    assert await journal.draining_since() is None


async def test_a_parked_bill_is_held_until_a_human_says_unpaid(journal: Journal) -> None:
    """Only that word lets another visit charge the bill, and it is said once for good."""
    await journal.write(an_entry(parked()))
    another = a_visit(2, bill=a_bill())
    with pytest.raises(JournalConflict, match="bill_paid_once"):
        await journal.write(an_entry(another))
    assert (await journal.claims_on_bill(HALL, "bill-7")).holder == 1
    assert [one.visit_id for one in await journal.parked_lately()] == [1]

    story = Record(NOON, "resolved", {"who": "ann"})
    await journal.write(Entry(VisitId(1), None, (story,), resolution=a_resolution()))
    assert await journal.resolution_of(VisitId(1)) == a_resolution()
    assert (await journal.claims_on_bill(HALL, "bill-7")).holder is None
    assert await journal.parked_lately() == ()
    await journal.write(an_entry(another))
    assert (await journal.claims_on_bill(HALL, "bill-7")).holder == 2
    for verdict in Verdict:
        with pytest.raises(JournalConflict, match="resolved_once"):
            await journal.write(Entry(VisitId(1), None, resolution=a_resolution(verdict)))


async def test_a_bill_that_a_human_calls_paid_stays_paid(journal: Journal) -> None:
    """Nobody is asked for it again."""
    await journal.write(an_entry(parked()))
    settled = a_resolution(Verdict.PAID, frees=False)
    await journal.write(Entry(VisitId(1), None, resolution=settled))
    with pytest.raises(JournalConflict, match="bill_paid_once"):
        await journal.write(an_entry(a_visit(2, bill=a_bill())))


async def test_only_the_parts_in_doubt_are_let_go(journal: Journal) -> None:
    """What was paid of a split bill before stays paid, whatever is said about the rest."""
    part = Part("p1", Money(500, "EUR"), state=PartState.PAID, number=1, key=key("k1"))
    doubt = Part("p2", Money(750, "EUR"), state=PartState.PARKED, number=2, key=key("k2"))
    await journal.write(an_entry(parked(parts=(part, doubt), transaction_key=None)))
    await journal.write(Entry(VisitId(1), None, resolution=a_resolution(Verdict.UNPAID, "p2")))

    claims = await journal.claims_on_bill(HALL, "bill-7")
    assert claims.holder is None
    assert claims.paid_parts == {"p1": 1}
    again = replace(a_visit(2, bill=a_bill()), parts=(replace(doubt, key=key("k3")),))
    await journal.write(an_entry(again))
    with pytest.raises(JournalConflict, match="part_paid_once"):
        await journal.write(
            an_entry(replace(again, parts=(*again.parts, replace(part, key=key("k4")))))
        )


@pytest.mark.parametrize("end", [End.PAID, End.LEFT])
async def test_a_visit_that_was_not_parked_is_not_a_humans_to_settle(
    journal: Journal, end: End
) -> None:
    """Neither one that is over nor one that is open."""
    await journal.write(an_entry(closed(a_visit(1, bill=a_bill()), end)))
    await journal.write(an_entry(a_visit(2)))
    for number in (1, 2):
        with pytest.raises(JournalConflict, match="resolution_of_parked"):
            await journal.write(Entry(VisitId(number), None, resolution=a_resolution()))


async def test_what_the_till_accepted_is_not_handed_back(journal: Journal) -> None:
    """A notice that a human hands back may have been accepted in that very moment."""
    visit = replace(closed(a_visit(1, bill=a_bill()), End.PAID), taken_minor=1250)
    notice = a_notice(visit)
    await journal.write(an_entry(visit, notices=(notice,)))
    back = Posted(notice.notice_id, NoticeState.PENDING, NOON, is_attempt=False)
    await journal.write(Entry(visit.visit_id, None, posted=(back,)))
    accepted = Posted(notice.notice_id, NoticeState.ACCEPTED, NOON)
    await journal.write(Entry(visit.visit_id, None, posted=(accepted,)))
    with pytest.raises(JournalConflict, match="notice_is_accepted"):
        await journal.write(Entry(visit.visit_id, None, posted=(back,)))
    (kept,) = await journal.kept_notices(visit.visit_id)
    assert (kept.state, kept.owed.attempts) == (NoticeState.ACCEPTED, 1)
