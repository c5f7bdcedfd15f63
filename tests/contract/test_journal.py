"""What every journal promises, whatever keeps it. The same bodies run on all of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.adapters.journal.builders import HALL, NOON, a_visit, an_entry, closed
from tests.contract.entries import (
    CLOSE,
    CONFIRM_A,
    CONFIRM_B,
    CREATE_1,
    CREATE_2,
    Journal,
    a_bill,
    key,
)
from worker.domain.commands import WriteKind
from worker.domain.errors import JournalConflict, JournalUnavailable
from worker.domain.ids import LocationId, SpotId, VisitId
from worker.domain.visit import End, Step
from worker.ports import Entry, Intent, IntentState, OpenVisit, Record, Settled


async def test_a_new_journal_has_nothing_open_and_counts_from_one(journal: Journal) -> None:
    """An empty journal knows no visit, and the first is number one."""
    assert await journal.open_visits() == ()
    assert await journal.next_visit_id() == 1
    assert len(journal.instance) == 8


async def test_what_was_written_is_read_back_as_it_was(journal: Journal) -> None:
    """Every field of a visit survives, whatever a spot's identifier holds."""
    visit = a_visit(
        spot_id=SpotId("../\n\x00ą🍲"),
        table="\ud800 half a letter",
        bill=a_bill("№ 7\n"),
        transaction_key=key("key-a"),
        former_keys=(key("key-0"),),
        wake_at=NOON + timedelta(microseconds=1),
        is_doubtful=True,
        tries=3,
    )

    await journal.write(an_entry(visit))

    assert await journal.open_visits() == (OpenVisit(visit, ()),)
    assert (await journal.claims_on_bill(HALL, "№ 7\n")).holder == 1


async def test_open_visits_come_oldest_first_and_without_those_that_are_over(
    journal: Journal,
) -> None:
    """A start resumes what is unfinished and nothing else."""
    for number in (3, 1, 2, 4):
        await journal.write(an_entry(a_visit(number)))
    await journal.write(an_entry(closed(a_visit(2))))
    parked = replace(a_visit(4), step=Step.PARKED, end=End.PARKED, spot_closed_at=NOON)
    await journal.write(an_entry(parked))

    assert [one.visit.visit_id for one in await journal.open_visits()] == [1, 3]
    assert await journal.next_visit_id() == 5


async def test_every_pending_intent_is_known_after_a_crash(journal: Journal) -> None:
    """We know which writes may be under way, the newest last, also when it is an old one again."""
    visit = a_visit(transaction_key=key("key-a"))
    link = Intent(WriteKind.LINK, "key-a")
    look = Record(NOON + timedelta(seconds=5), "looked", {})

    await journal.write(an_entry(visit, begun=link))
    await journal.write(
        an_entry(visit, settled=(Settled(link, IntentState.UNKNOWN),), begun=CONFIRM_A)
    )
    assert (await journal.open_visits())[0].pending == (CONFIRM_A,)

    await journal.write(an_entry(visit, records=(look,), begun=link))
    assert (await journal.open_visits())[0].pending == (CONFIRM_A, link)

    both = (Settled(link, IntentState.DONE), Settled(CONFIRM_A, IntentState.DONE))
    await journal.write(an_entry(visit, settled=both))
    assert (await journal.open_visits())[0].pending == ()


async def test_a_spot_has_one_open_visit(journal: Journal) -> None:
    """Two visits can not serve one table at once; at another location it is another table."""
    first = a_visit(1, spot_id=SpotId("s"))
    await journal.write(an_entry(first))

    with pytest.raises(JournalConflict, match=r"v-0002.*one_open_visit"):
        await journal.write(an_entry(a_visit(2, spot_id=SpotId("s"))))
    await journal.write(an_entry(a_visit(2, spot_id=SpotId("s"), location_id=LocationId(1))))
    await journal.write(an_entry(replace(first, spot_closed_at=NOON)))
    await journal.write(an_entry(a_visit(3, spot_id=SpotId("s"))))


async def test_a_bill_is_charged_by_one_visit_at_a_time(journal: Journal) -> None:
    """Two tables that show the same bill can not both pay it."""
    first = a_visit(1, bill=a_bill())
    await journal.write(an_entry(first))

    assert (await journal.claims_on_bill(HALL, "bill-7")).holder == 1
    with pytest.raises(JournalConflict, match="bill_paid_once"):
        await journal.write(an_entry(a_visit(2, bill=a_bill())))
    await journal.write(an_entry(a_visit(2, bill=a_bill(), location_id=LocationId(1))))
    await journal.write(an_entry(closed(first, End.LEFT)))

    assert (await journal.claims_on_bill(HALL, "bill-7")).holder is None
    await journal.write(an_entry(a_visit(3, bill=a_bill())))
    assert (await journal.claims_on_bill(HALL, "bill-7")).holder == 3


@pytest.mark.parametrize(("step", "end"), [(Step.CLOSED, End.PAID), (Step.PARKED, End.PARKED)])
async def test_a_paid_or_parked_bill_is_never_charged_again(
    journal: Journal, step: Step, end: End
) -> None:
    """What was paid, and what may have been, stays out of reach for good."""
    over = a_visit(1, bill=a_bill(), step=step, end=end, spot_closed_at=NOON)
    await journal.write(an_entry(over))

    with pytest.raises(JournalConflict, match="bill_paid_once"):
        await journal.write(an_entry(a_visit(2, bill=a_bill())))
    assert (await journal.claims_on_bill(HALL, "bill-7")).holder == 1


async def test_a_visit_that_changes_its_bill_lets_go_of_the_first(journal: Journal) -> None:
    """A new quote holds the new bill only."""
    await journal.write(an_entry(a_visit(1, bill=a_bill("one"))))
    await journal.write(an_entry(a_visit(1, bill=a_bill("two"))))

    assert (await journal.claims_on_bill(HALL, "one")).holder is None
    assert (await journal.claims_on_bill(HALL, "two")).holder == 1


async def test_bills_without_a_name_are_sales_of_their_own(journal: Journal) -> None:
    """Fixed prices have no bill to pay twice."""
    for number in (1, 2):
        await journal.write(an_entry(a_visit(number, bill=a_bill(None))))

    assert len(await journal.open_visits()) == 2


async def test_a_key_belongs_to_one_visit_for_good(journal: Journal) -> None:
    """Released keys are still ours, and never another visit's."""
    await journal.write(an_entry(a_visit(1, transaction_key=key("key-a"))))
    released = a_visit(1, transaction_key=key("key-b"), former_keys=(key("key-a"),))
    await journal.write(an_entry(released))

    assert await journal.visit_of_key(key("key-a")) == released
    assert await journal.visit_of_key(key("key-b")) == released
    assert await journal.visit_of_key(key("key-c")) is None
    with pytest.raises(JournalConflict, match="key_of_one_visit"):
        await journal.write(an_entry(a_visit(2, transaction_key=key("key-a"))))


async def test_a_visit_confirms_one_transaction(journal: Journal) -> None:
    """Only a confirm that certainly took nothing makes room for another key."""
    visit = a_visit()
    await journal.write(an_entry(visit, begun=CONFIRM_A))
    for state in IntentState:
        if state in {IntentState.REFUSED, IntentState.UNSENT, IntentState.ABANDONED}:
            continue
        settled = (Settled(CONFIRM_A, state),)
        with pytest.raises(JournalConflict, match="one_confirm_per_visit"):
            await journal.write(an_entry(visit, settled=settled, begun=CONFIRM_B))

    refused = (Settled(CONFIRM_A, IntentState.REFUSED),)
    await journal.write(an_entry(visit, settled=refused, begun=CONFIRM_B))

    with pytest.raises(JournalConflict, match="one_confirm_per_visit"):
        await journal.write(an_entry(visit, begun=CONFIRM_A))


async def test_the_same_confirm_may_be_begun_again(journal: Journal) -> None:
    """A repeat of one key charges nothing twice, so it is the same intent."""
    for _ in range(3):
        await journal.write(an_entry(a_visit(), begun=CONFIRM_A))

    assert (await journal.open_visits())[0].pending == (CONFIRM_A,)


async def test_a_key_is_confirmed_by_one_visit(journal: Journal) -> None:
    """Whatever two visits believe, one transaction is confirmed by one of them, even if refused."""
    await journal.write(an_entry(a_visit(1), begun=CONFIRM_A))
    await journal.write(an_entry(a_visit(1), settled=(Settled(CONFIRM_A, IntentState.REFUSED),)))

    with pytest.raises(JournalConflict, match=r"v-0002.*confirm_key_once"):
        await journal.write(an_entry(a_visit(2), begun=CONFIRM_A))


@pytest.mark.parametrize("state", [IntentState.PENDING, IntentState.UNKNOWN])
async def test_a_visit_has_one_create_in_doubt(journal: Journal, state: IntentState) -> None:
    """A second transaction is asked for only when the first is found, refused or given up."""
    visit = a_visit(step=Step.CREATING)
    await journal.write(an_entry(visit, begun=CREATE_1))

    settled = (Settled(CREATE_1, state),)
    with pytest.raises(JournalConflict, match="one_live_create"):
        await journal.write(an_entry(visit, settled=settled, begun=CREATE_2))
    given_up = (Settled(CREATE_1, IntentState.ABANDONED),)
    await journal.write(an_entry(visit, settled=given_up, begun=CREATE_2))

    assert (await journal.open_visits())[0].pending == (CREATE_2,)


async def test_an_entry_without_a_visit_leaves_the_visit_as_it_is(journal: Journal) -> None:
    """What is learned after a visit is over goes into its story, and its intents go on."""
    over = closed(a_visit(bill=a_bill(), transaction_key=key("key-a")), End.PAID)
    await journal.write(an_entry(over))
    revoke = Intent(WriteKind.REVOKE, "key-z")

    await journal.write(Entry(over.visit_id, None, (Record(NOON, "found", {}),), begun=revoke))
    await journal.write(Entry(over.visit_id, settled=(Settled(revoke, IntentState.DONE),)))

    assert await journal.visit_of_key(key("key-a")) == over
    assert await journal.open_visits() == ()


async def test_an_entry_of_no_known_visit_is_refused(journal: Journal) -> None:
    """There is no story without a visit."""
    for parts in ({"begun": CLOSE}, {"records": (Record(NOON, "found", {}),)}):
        with pytest.raises(JournalConflict, match=r"v-0009.*visit_is_unknown"):
            await journal.write(Entry(VisitId(9), **parts))


async def test_an_intent_that_was_never_begun_can_not_end(journal: Journal) -> None:
    """The journal holds every write before it is sent, so an outcome always has its intent."""
    settled = (Settled(CLOSE, IntentState.DONE),)
    with pytest.raises(JournalConflict, match="intent_not_begun"):
        await journal.write(an_entry(a_visit(), settled=settled))

    assert await journal.open_visits() == ()


async def test_a_refused_entry_leaves_nothing_behind(journal: Journal) -> None:
    """All of an entry or nothing: neither its visit, nor its bill, nor its intents."""
    await journal.write(an_entry(a_visit(1), begun=CONFIRM_A))
    before = a_visit(2)
    await journal.write(an_entry(before, begun=CREATE_1))
    after = replace(before, bill=a_bill(), transaction_key=key("key-a"), step=Step.CONFIRMING)
    ended = (Settled(CREATE_1, IntentState.DONE),)

    with pytest.raises(JournalConflict):
        await journal.write(an_entry(after, settled=ended, begun=CONFIRM_A))

    assert (await journal.open_visits())[1] == OpenVisit(before, (CREATE_1,))
    assert (await journal.claims_on_bill(HALL, "bill-7")).holder is None
    assert await journal.visit_of_key(key("key-a")) is None
    await journal.write(an_entry(after, settled=ended))
    assert (await journal.open_visits())[1] == OpenVisit(after, ())


@pytest.mark.parametrize("step", [Step.CLOSED, Step.PARKED])
async def test_a_visit_that_is_over_never_changes(journal: Journal, step: Step) -> None:
    """The journal never goes backwards; to say the same again is no change."""
    over = a_visit(step=step, end=End.PARKED, spot_closed_at=NOON)
    await journal.write(an_entry(over))
    await journal.write(an_entry(over))

    for change in ({"step": Step.OFFERED}, {"reason": "second thoughts"}, {"tries": 1}):
        with pytest.raises(JournalConflict, match="visit_is_over"):
            await journal.write(an_entry(replace(over, **change)))


async def test_a_number_is_one_visit_only(journal: Journal) -> None:
    """A number that was given twice never overwrites the first guest's visit."""
    await journal.write(an_entry(a_visit(1)))

    for other in ({"spot_id": SpotId("other")}, {"opened_at": NOON + timedelta(seconds=1)}):
        with pytest.raises(JournalConflict, match="visit_is_another"):
            await journal.write(an_entry(a_visit(1, **other)))


async def test_many_writers_at_once_each_get_their_own_answer(journal: Journal) -> None:
    """Of those that want the same spot one is served; nobody else is disturbed."""
    rivals = [an_entry(a_visit(n, spot_id=SpotId("same"))) for n in range(1, 11)]
    others = [an_entry(a_visit(n)) for n in range(11, 31)]

    answers = await asyncio.gather(
        *(journal.write(entry) for entry in [*rivals, *others]), return_exceptions=True
    )

    refused = [answer for answer in answers if answer is not None]
    assert len(refused) == 9
    assert all(isinstance(answer, JournalConflict) for answer in refused)
    assert len(await journal.open_visits()) == 21


async def test_one_nonsense_entry_hurts_nobody_else(journal: Journal) -> None:
    """A programmer's mistake in one entry is that entry's alone."""
    mixed = Entry(VisitId(5), a_visit(6))
    answers = await asyncio.gather(
        journal.write(an_entry(a_visit(1))),
        journal.write(mixed),
        journal.write(an_entry(a_visit(2))),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers] == [type(None), AssertionError, type(None)]
    assert len(await journal.open_visits()) == 2


async def test_a_closed_journal_says_so(journal: Journal) -> None:
    """After the end nothing is taken as written."""
    await journal.aclose()

    with pytest.raises(JournalUnavailable):
        await journal.write(an_entry(a_visit()))
    with pytest.raises(JournalUnavailable):
        await journal.open_visits()
    await journal.aclose()


async def test_a_beat_is_taken(journal: Journal) -> None:
    """The running worker's report replaces the one before."""
    await journal.beat(NOON, {"visits": 1})
    await journal.beat(NOON, {"visits": 2, "polls": {"9975": 0.3}, "names": ["a"]})
