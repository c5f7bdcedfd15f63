"""A bill in parts: each is a transaction of its own, and each is paid at most once."""

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.stations import creating, offered_part, splitting
from tests.domain.story import (
    A_CLOSE,
    BILL,
    EARLIER_KEY,
    KEY,
    NOON,
    OTHER_KEY,
    PART_KEYS,
    PART_MONEY,
    SPLIT,
    Story,
    a_transaction,
    a_visit,
    looked_part,
    split_bill,
    spot_looked,
)
from worker.domain import events
from worker.domain.bill import Bill
from worker.domain.commands import (
    AskTill,
    Command,
    ConfirmTransaction,
    CreateTransaction,
    LinkOrder,
    LookAtSpot,
    LookAtTransaction,
    RevokeTransaction,
    WriteKind,
)
from worker.domain.ids import OrderReference
from worker.domain.outcome import Refusal, Refused
from worker.domain.part import Part, PartState
from worker.domain.rules.creating import CREATES_MAX
from worker.domain.visit import End, Step
from worker.domain.wallet import NewTransaction, SpotOrder, SpotStatus, TransactionStatus

A, B, C = (PART_KEYS[name] for name in "abc")
OFFERED, TAKING, PAID = PartState.OFFERED, PartState.TAKING, PartState.PAID
RELEASED, PARKED, DUE = PartState.RELEASED, PartState.PARKED, PartState.DUE
NEW, CONFIRMED, REVOKED = (
    TransactionStatus.NEW,
    TransactionStatus.CONFIRMED,
    TransactionStatus.REVOKED,
)
ABC = split_bill("a", "b", "c")
REFERENCE = "v1.ab12cd34.9975.42.k3f9x2"


def states(story: Story) -> str:
    """How far each part got, in one line."""
    return " ".join(f"{part.part_id}:{part.state}" for part in story.visit.parts)


def three(**changes: Any) -> Story:
    """Three parts are on offer, and the visit deals with the first."""
    parts = tuple(offered_part(name) for name in "abc")
    return Story(splitting(*parts, **{"bill": ABC, "creates": 3, **changes}))


def born(name: str, number: int) -> events.TransactionCreated:
    """The wallet made the transaction of a part."""
    fresh = looked_part(name, NEW, reference=f"{REFERENCE}{number}")
    return events.TransactionCreated(fresh.transaction)


def linked(name: str) -> events.OrderLinked:
    """The wallet shows a part's order on the spot."""
    return events.OrderLinked(SpotOrder(PART_KEYS[name], "pending"))


def taken(story: Story, name: str, bill: Any) -> Command | None:
    """Let the guest reserve a part, let it be taken, and give what follows."""
    number = {part.part_id: part.number for part in story.visit.parts}[name]
    reference = f"{REFERENCE}{number}"
    key = PART_KEYS[name]
    assert story.tell(events.TransactionHinted("reserved", key)) == LookAtTransaction(key)
    assert story.tell(looked_part(name, reference=reference)) == AskTill(is_to_pay=True)
    confirm = story.tell(events.BillFound(bill))
    assert confirm == ConfirmTransaction(key, story.now + timedelta(seconds=5))
    assert story.tell(events.WriteDone(WriteKind.CONFIRM)) == LookAtTransaction(key)
    return story.tell(looked_part(name, CONFIRMED, reference=reference))


def asked_for(name: str, number: int) -> CreateTransaction:
    """What the wallet is asked for a part."""
    words = f"Table 7 Part {name} #K3F9X2"
    reference = OrderReference(f"{REFERENCE}{number}")
    return CreateTransaction(NewTransaction(reference, PART_MONEY[name], words, 900))


# Offering.


def test_each_part_is_created_and_linked_in_its_turn_then_all_are_on_offer() -> None:
    """Two transactions, two orders, two references; the guests choose which they pay."""
    story = Story(a_visit())
    story.tell(spot_looked())

    assert story.tell(events.BillFound(SPLIT)) == asked_for("a", 1)
    assert states(story) == "a:due b:due"
    assert story.tell(born("a", 1)) == LinkOrder(A)
    assert states(story) == "a:offered b:due"
    assert story.tell(linked("a"), after_s=1) == asked_for("b", 2)
    assert (story.step, set(story.visit.keys), set(story.visit.live_keys)) == (
        Step.CREATING, {A}, {A},
    )  # fmt: skip
    assert story.tell(born("b", 2)) == LinkOrder(B)
    assert story.tell(linked("b"), after_s=1) is None

    assert (story.step, story.waits_s()) == (Step.OFFERED, 10)
    assert story.visit.parts == (offered_part("a"), offered_part("b"))
    assert (story.visit.at, story.visit.transaction_key) == (0, A)
    assert story.visit.offered_at == NOON + timedelta(seconds=2)
    assert story.visit.keys == story.visit.live_keys == {A, B}
    assert (story.visit.creates, story.visit.attempts) == (2, 4)


def test_a_bill_that_is_not_split_has_no_parts() -> None:
    """What was known of parts before is forgotten with the bill that had them."""
    story = Story(a_visit(parts=(offered_part("a", RELEASED),), at=0))

    story.tell(events.BillFound(BILL))

    assert (story.visit.parts, story.visit.at, story.visit.part) == ((), None, None)
    assert story.visit.live_keys == frozenset()
    assert story.visit.asked == BILL.money


def test_a_part_is_described_by_the_bill_and_by_itself_within_240_signs() -> None:
    """One blank between them, none too many where one is missing, and room for the short code."""
    long = "x" * 239
    words = [("Table 7", "Part a", "Table 7 Part a"), ("", "Part a", "Part a"),
             ("Table 7", "", "Table 7"), (long, "yz", long + " ")]  # fmt: skip
    for bill_words, part_words, expected in words:
        parts = (Part("a", PART_MONEY["a"], part_words),)
        story = Story(creating(bill=described(bill_words), parts=parts, at=0, tries=0))
        created = story.tell(events.Woke())
        assert isinstance(created, CreateTransaction)
        assert created.request.description == f"{expected} #K3F9X2"


def described(words: str) -> Any:
    """The split bill under another description."""
    return type(SPLIT)(SPLIT.bill_id, SPLIT.money, words, parts=SPLIT.parts)


def test_parts_that_were_paid_elsewhere_are_not_offered() -> None:
    """By earlier visits, whatever the till knows of it."""
    story = Story(a_visit())

    assert story.tell(events.BillFound(ABC, paid_parts=frozenset({"a", "c"}))) == asked_for("b", 1)
    assert states(story) == "b:due"


def test_a_bill_whose_parts_are_all_paid_elsewhere_is_no_bill() -> None:
    """Never a charge of the whole: the till gets its time to say so itself, then the guest goes."""
    story = Story(a_visit())
    settled = events.BillFound(SPLIT, paid_parts=frozenset({"a", "b"}))

    assert story.tell(settled) is None
    assert story.names() == ["bill.awaited"]
    assert story.facts[0].fields["why"] == "all its parts are paid"
    assert (story.step, story.visit.bill, story.waits_s()) == (Step.SEEN, None, 2)
    assert story.tell(settled, after_s=60) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.NO_BILL)


def test_a_part_that_differs_at_birth_takes_the_whole_offer_with_it() -> None:
    """It is revoked unseen, then the other is withdrawn; the one not shown yet never will be."""
    parts = (offered_part("a"), offered_part("b", DUE, key=None), Part("c", PART_MONEY["c"]))
    story = Story(splitting(*parts, bill=ABC, at=1, step=Step.CREATING, tries=1, tried_at=NOON))
    wrong = looked_part("b", NEW, amount_minor=1)

    assert story.tell(events.TransactionCreated(wrong.transaction)) == RevokeTransaction(B)
    assert states(story) == "a:offered b:offered c:due"
    assert story.tell(looked_part("b", REVOKED)) == LookAtTransaction(A)
    assert states(story) == "a:offered b:released c:due"
    assert story.tell(looked_part("a", NEW)) == RevokeTransaction(A)
    assert story.tell(looked_part("a", REVOKED)) == LookAtSpot()

    assert states(story) == "a:released b:released c:released"
    assert (story.step, story.visit.end) == (Step.CLOSING, End.MISMATCH)


def test_a_part_that_can_not_be_created_takes_back_those_that_were_shown() -> None:
    """A table is not left with half an offer that nobody explains."""
    parts = (offered_part("a"), offered_part("b", DUE, key=None))
    given: dict[str, Any] = {"at": 1, "step": Step.CREATING, "tries": 1, "tried_at": NOON}
    lost: dict[str, Any] = {"creates": CREATES_MAX + 2, "is_doubtful": True}
    answers: list[tuple[dict[str, Any], events.Event]] = [
        ({}, events.WriteRefused(WriteKind.CREATE, Refused(Refusal.INVALID, 400))),
        (lost, events.TransactionNotFound()),
    ]
    for changes, event in answers:
        story = Story(splitting(*parts, **{**given, **changes}))
        assert story.tell(event, after_s=60) == LookAtTransaction(A)
        assert (story.step, story.visit.end) == (Step.REVOKING, End.REFUSED)


def test_each_part_has_a_create_of_its_own_to_lose() -> None:
    """Six for a bill, one more for each of its parts."""
    parts = (offered_part("a"), offered_part("b", DUE, key=None, number=7))
    story = Story(splitting(*parts, at=1, step=Step.CREATING, creates=CREATES_MAX + 1,
                            tries=1, tried_at=NOON, is_doubtful=True))  # fmt: skip

    assert story.tell(events.TransactionNotFound(), after_s=60) == asked_for("b", 8)
    assert story.visit.parts[1].number == 8
    assert story.visit.reference == f"{REFERENCE}8"


def test_a_guest_who_leaves_while_the_parts_are_shown_leaves_nothing_behind() -> None:
    """The one that is there is withdrawn, the others are not created any more."""
    story = Story(splitting(offered_part("a"), Part("b", PART_MONEY["b"]), step=Step.LINKING))

    assert story.tell(spot_looked(status=SpotStatus.OPEN)) == LookAtTransaction(A)
    story.tell(looked_part("a", REVOKED))

    assert states(story) == "a:released b:released"
    assert (story.step, story.visit.end) == (Step.CLOSING, End.LEFT)


def test_nothing_is_added_to_a_table_where_somebody_elses_order_lies() -> None:
    """The first part shows already, and the second would lie beside it; the last may stay."""
    part_two = Part("b", PART_MONEY["b"])
    foreign = spot_looked(A, OTHER_KEY)
    first, last = (offered_part("a"), part_two), (offered_part("a"),)

    more, no_more = (Story(splitting(*parts, step=Step.LINKING)) for parts in (first, last))
    assert more.tell(foreign) == LookAtTransaction(A)
    assert (more.step, more.visit.end) == (Step.REVOKING, End.REFUSED)
    assert no_more.tell(foreign) is None
    assert no_more.step is Step.OFFERED
    ours = Story(splitting(at=1, step=Step.LINKING))
    ours.tell(spot_looked(A, B))
    assert ours.step is Step.OFFERED


# Waiting for the guests.


def test_every_part_on_offer_is_looked_at_before_the_till_is_asked() -> None:
    """A refusal shows nowhere else; what is paid, declined or parked is not looked at any more."""
    parts = (offered_part("a"), offered_part("b", RELEASED), offered_part("c"))
    story = Story(splitting(*parts, bill=ABC, at=2))

    assert story.tell(events.Woke()) == LookAtTransaction(A)
    assert story.tell(looked_part("a", NEW)) == LookAtTransaction(C)
    assert story.tell(looked_part("c", NEW)) == AskTill()
    assert story.visit.at == 0
    assert story.tell(events.BillFound(ABC)) is None
    assert (story.step, story.waits_s()) == (Step.OFFERED, 10)


def test_a_hint_about_a_part_is_a_look_at_that_part() -> None:
    """One about a transaction that is not on offer is a look at the present one."""
    story = Story(splitting(offered_part("a", PAID), offered_part("b"), offered_part("c"), at=1))

    assert story.tell(events.TransactionHinted("reserved", C)) == LookAtTransaction(C)
    assert (story.visit.at, story.visit.transaction_key) == (2, C)
    assert story.tell(events.TransactionHinted("reserved", A)) == LookAtTransaction(C)
    assert story.tell(events.TransactionHinted("reserved", KEY)) == LookAtTransaction(C)
    assert story.tell(events.TransactionHinted("reserved")) == LookAtTransaction(C)


def test_turning_to_another_part_keeps_what_is_known_of_each() -> None:
    """Its key and since when its money is held; what one look allowed belongs to that look."""
    story = Story(splitting(misses=1, unclears=1, charge_minor=1))
    story.tell(looked_part("a"), after_s=3)
    held_at = story.now

    story.tell(events.TransactionHinted("reserved", B), after_s=1)

    assert story.visit.parts[0] == offered_part("a", reserved_at=held_at)
    assert (story.visit.reserved_at, story.visit.looked_at) == (None, None)
    assert (story.visit.payment_id, story.visit.charge_minor) == (None, None)
    assert (story.visit.misses, story.visit.unclears) == (0, 0)
    story.tell(looked_part("b", NEW), events.TransactionHinted("reserved", A))
    assert (story.visit.at, story.visit.transaction_key) == (0, A)
    assert (story.visit.reserved_at, story.visit.looked_at) == (held_at, None)


def test_a_row_of_looks_at_one_part_is_not_broken_by_the_others() -> None:
    """A transaction that is gone for half a minute is for a human, also beside one that is not."""
    for story in (
        Story(splitting(at=1)),
        Story(splitting(offered_part("a", PAID), offered_part("b"), at=1)),
        Story(splitting(offered_part("b"), offered_part("c"), bill=ABC)),
    ):
        assert story.tell(events.TransactionMissing()) is None
        for _ in range(2):
            assert story.tell(events.Woke(), after_s=10) == LookAtTransaction(B)
            assert story.tell(events.TransactionHinted("reserved", B)) == LookAtTransaction(B)
            story.tell(events.TransactionMissing())
        assert story.names() == ["visit.parked"]
        assert f"b:{PARKED}" in states(story)


def test_a_part_that_is_told_too_little_about_is_given_back_after_three_looks() -> None:
    """As a whole bill would be, also while a list goes on naming it."""
    story = Story(splitting(at=1))
    bare = looked_part("b", payments=None)

    assert story.tell(bare) is None
    story.tell(events.Woke(), bare, after_s=10)
    assert story.visit.unclears == 2
    assert story.tell(events.TransactionHinted("reserved", B)) == LookAtTransaction(B)
    assert story.tell(bare, after_s=10) == RevokeTransaction(B)
    assert story.visit.end is End.MISMATCH


def test_a_part_is_compared_with_its_own_money_and_its_own_reference() -> None:
    """The whole bill's amount, another part's, or another part's name are not what was asked."""
    for wrong in (
        looked_part("b", amount_minor=1250),
        looked_part("b", amount_minor=400),
        looked_part("b", reference=f"{REFERENCE}1"),
    ):
        story = Story(splitting(at=1))
        assert story.tell(wrong) == RevokeTransaction(B)
        assert story.visit.end is End.MISMATCH


def test_the_offer_stands_while_any_part_is_on_the_spot() -> None:
    """The order of one that was paid may be gone from it; when all are gone so is the guest."""
    assert Story(splitting()).tell(spot_looked(B)) is None
    gone = Story(splitting())

    assert gone.tell(spot_looked()) == LookAtTransaction(A)
    assert (gone.step, gone.visit.end) == (Step.REVOKING, End.LEFT)
    paid = Story(splitting(offered_part("a", PAID), offered_part("b"), at=1))
    assert paid.tell(spot_looked(A)) == LookAtTransaction(B)
    assert (paid.step, paid.visit.end) == (Step.REVOKING, End.LEFT)


# Paying.


def test_parts_are_paid_one_after_the_other_and_the_visit_is_paid_with_the_last() -> None:
    """Each is told to the till by itself, and nobody waits for the other's money."""
    story = Story(splitting())

    assert taken(story, "b", SPLIT) == LookAtTransaction(A)
    assert (story.step, story.visit.end, states(story)) == (Step.OFFERED, None, "a:offered b:paid")
    assert story.visit.taken_minor == 850
    story.tell(looked_part("a", NEW), events.BillFound(SPLIT))
    assert taken(story, "a", split_bill("a")) == LookAtSpot()

    assert (story.step, story.visit.end, states(story)) == (Step.CLOSING, End.PAID, "a:paid b:paid")
    assert (story.visit.taken_minor, story.visit.taken) == (1250, SPLIT.money)
    assert story.tell(spot_looked(A, B)) == A_CLOSE


@pytest.mark.parametrize("still", [SPLIT, split_bill("b")])
def test_a_till_may_go_on_listing_a_paid_part_or_stop(still: Any) -> None:
    """Either way the others stand: nothing is withdrawn and nothing is charged again."""
    story = Story(splitting(offered_part("a", PAID), offered_part("b"), at=1, taken_minor=400))

    assert story.tell(looked_part("b", NEW)) == AskTill()
    assert story.tell(events.BillFound(still)) is None
    assert story.step is Step.OFFERED
    taken(story, "b", still)

    assert (story.visit.end, story.visit.taken_minor) == (End.PAID, 1250)


def test_a_part_that_is_being_taken_says_so() -> None:
    """From then on no other visit may charge it; before that another may."""
    story = Story(splitting(at=1))
    story.tell(looked_part("b"))
    assert [part.is_charged for part in story.visit.parts] == [False, False]

    story.tell(events.BillFound(SPLIT))

    assert states(story) == "a:offered b:taking"
    assert [part.is_charged for part in story.visit.parts] == [False, True]
    assert story.visit.live_keys == {A, B}


def test_what_a_part_is_worth_to_others_and_to_us() -> None:
    """Charged is what may be paid; live is what may still be, and has a transaction."""
    charged = {state for state in PartState if offered_part("a", state).is_charged}
    live = {state for state in PartState if offered_part("a", state).is_live}

    assert charged == {TAKING, PAID, PARKED}
    assert live == {OFFERED, TAKING}
    assert not offered_part("a", key=None).is_live


@pytest.mark.parametrize(
    ("status", "alone"),
    [(TransactionStatus.REJECTED, End.DECLINED), (TransactionStatus.FAILED, End.EXPIRED)],
)
def test_a_part_that_is_declined_leaves_the_others_on_offer(
    status: TransactionStatus, alone: End
) -> None:
    """It is not offered again; the visit ends by the last, or as partly paid."""
    story = Story(splitting())

    assert story.tell(looked_part("a", status)) == LookAtTransaction(B)
    assert (story.step, story.visit.end, states(story)) == (
        Step.OFFERED, None, "a:released b:offered",
    )  # fmt: skip
    assert story.tell(looked_part("b", NEW)) == AskTill()
    assert story.tell(events.BillFound(SPLIT)) is None
    last = Story(story.visit)
    taken(story, "b", SPLIT)
    assert (story.step, story.visit.end) == (Step.CLOSING, End.PART_PAID)
    last.tell(looked_part("b", status))
    assert (last.step, last.visit.end) == (Step.CLOSING, alone)


def test_the_last_part_declined_after_another_was_paid_is_partly_paid() -> None:
    """The guest did not decline the whole."""
    story = Story(splitting(offered_part("a", PAID), offered_part("b"), at=1, taken_minor=400))

    story.tell(looked_part("b", TransactionStatus.REJECTED))

    assert (story.step, story.visit.end) == (Step.CLOSING, End.PART_PAID)
    assert str(story.visit.taken) == "4.00 EUR"


# A till that changes its mind.


@pytest.mark.parametrize(
    "found",
    [
        events.BillFound(split_bill("b")),
        events.BillFound(SPLIT, paid_parts=frozenset({"a"})),
    ],
)
def test_a_part_that_the_till_took_back_is_withdrawn_alone(found: events.BillFound) -> None:
    """Somebody paid it at the counter: the other stays, and its held money is taken next."""
    story = Story(splitting(at=1))
    story.tell(looked_part("b"), after_s=2)
    held_at = story.now

    assert story.tell(found) == RevokeTransaction(A)
    assert (story.step, story.visit.end, story.visit.at) == (Step.REVOKING, None, 0)
    assert story.visit.parts[1].reserved_at == held_at
    assert story.tell(events.WriteDone(WriteKind.REVOKE)) == LookAtTransaction(A)
    assert story.tell(looked_part("a", REVOKED)) == LookAtTransaction(B)
    assert (story.step, states(story)) == (Step.OFFERED, "a:released b:offered")
    assert (story.visit.reserved_at, story.visit.looked_at) == (held_at, None)
    assert (story.visit.end, story.visit.reason) == (None, "")
    assert story.tell(looked_part("b")) == AskTill(is_to_pay=True)
    assert story.tell(found) == ConfirmTransaction(B, story.now + timedelta(seconds=5))


def test_the_part_that_a_guest_agreed_to_and_the_till_took_back_is_given_back() -> None:
    """Held money or not: it must not be paid twice."""
    story = Story(splitting())
    story.tell(looked_part("a"))

    assert story.tell(events.BillFound(split_bill("b"))) == RevokeTransaction(A)
    assert story.tell(looked_part("a"), after_s=1) == RevokeTransaction(A)


def test_a_bill_of_which_each_part_was_taken_back_is_over() -> None:
    """One after the other, and the visit says why."""
    story = Story(splitting(offered_part("a", RELEASED), offered_part("b"), at=1))
    everything = events.BillFound(SPLIT, paid_parts=frozenset({"a", "b"}))

    assert story.tell(everything) == RevokeTransaction(B)
    assert story.tell(looked_part("b", REVOKED)) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.WITHDRAWN)
    assert story.visit.reason == "the till took this part of the bill back"


@pytest.mark.parametrize(
    "found",
    [
        split_bill("a", "b", b=851),
        split_bill("a", "b", "c"),
        split_bill("a", "b", bill_id="bill-8"),
    ],
)
def test_a_bill_whose_parts_changed_is_withdrawn_in_turn_and_quoted_anew(found: Any) -> None:
    """Every unpaid one is taken back; what was paid stays paid and is not offered again."""
    story = three(parts=(offered_part("a", PAID), offered_part("b"), offered_part("c")), at=1,
                  transaction_key=B, bill=SPLIT, taken_minor=400)  # fmt: skip
    story.tell(looked_part("b", NEW), looked_part("c", NEW))
    changed = split_bill("a", "b", "c", c=201) if found == ABC else found

    assert story.tell(events.BillFound(changed)) == RevokeTransaction(B)
    assert story.names() == ["bill.changed"]
    assert story.tell(looked_part("b", REVOKED)) == LookAtTransaction(C)
    assert (story.step, story.visit.is_requoting) == (Step.REVOKING, True)
    assert story.tell(looked_part("c"), after_s=1) == RevokeTransaction(C)
    assert story.tell(looked_part("c", REVOKED)) == LookAtSpot()

    assert (story.step, states(story)) == (Step.SEEN, "a:paid")
    assert (story.visit.bill, story.visit.at) == (SPLIT, None)
    assert story.visit.former_keys == (B, C)
    assert story.visit.keys == {A, B, C}
    assert story.visit.live_keys == frozenset()
    assert story.visit.transaction_key is None
    assert not story.visit.is_requoting


def test_parts_that_are_quoted_anew_stand_beside_those_that_were_paid() -> None:
    """Under new references, never again for the one that was paid."""
    story = Story(a_visit(bill=SPLIT, parts=(offered_part("a", PAID),), former_keys=(B,),
                          creates=2, offered_at=NOON, taken_minor=400))  # fmt: skip
    dearer = split_bill("a", "b", b=900)

    assert story.tell(spot_looked(A, B)) == AskTill()
    created = story.tell(events.BillFound(dearer))

    assert isinstance(created, CreateTransaction)
    assert (created.request.reference, created.request.money.amount_minor) == (f"{REFERENCE}3", 900)
    assert (states(story), story.visit.at) == ("a:paid b:due", 1)
    assert story.visit.keys == {A, B}
    covered = Story(a_visit(parts=(offered_part("a", PAID),), offered_at=NOON))
    assert covered.tell(events.BillFound(split_bill("a"))) is None
    assert covered.visit.step is Step.SEEN


def test_a_requote_without_anything_paid_begins_with_nothing() -> None:
    """The old keys tie the spot to the visit, each of them once."""
    story = Story(splitting(former_keys=(A,), step=Step.REVOKING, is_requoting=True, tries=1,
                            tried_at=NOON, at=1))  # fmt: skip

    story.tell(looked_part("b", REVOKED))
    story.tell(looked_part("a", REVOKED))

    assert (story.visit.bill, story.visit.parts, story.visit.at) == (None, (), None)
    assert story.visit.former_keys == (A, B)
    assert story.tell(spot_looked(A, B)) == AskTill()


def test_a_bill_that_is_not_split_any_more_is_offered_anew_as_a_whole() -> None:
    """The table still owes it: the guest is not sent away because nobody wants parts."""
    story = Story(splitting())

    assert story.tell(events.BillFound(BILL)) == RevokeTransaction(A)
    assert story.visit.is_requoting
    story.tell(looked_part("a", REVOKED), looked_part("b", REVOKED), spot_looked(A, B))
    created = story.tell(events.BillFound(BILL))
    assert isinstance(created, CreateTransaction)
    assert created.request.money == BILL.money


def test_a_whole_bill_is_never_put_in_place_of_parts_of_which_one_was_paid() -> None:
    """It may hold what was paid; the others are taken back, and the guest paid a part."""
    story = Story(splitting(offered_part("a", PAID), offered_part("b"), at=1, taken_minor=400))

    assert story.tell(events.BillFound(BILL)) == RevokeTransaction(B)
    assert story.tell(looked_part("b", REVOKED)) == LookAtSpot()
    assert (story.step, story.visit.end) == (Step.CLOSING, End.PART_PAID)


@pytest.mark.parametrize(
    ("event", "step"),
    [
        (spot_looked(status=SpotStatus.OPEN), Step.CLOSED),
        (events.SpotMissing(), Step.CLOSING),
        (events.BillMissing(), Step.CLOSING),
        (events.BillUnreadable("torn"), Step.CLOSING),
        (events.BillFound(split_bill("a")), Step.CLOSING),
        (events.BillFound(split_bill("a", "b"), too_much="beyond the day's bound"), Step.CLOSING),
        (spot_looked(EARLIER_KEY, earlier=frozenset({EARLIER_KEY})), Step.CLOSING),
    ],
)
def test_a_visit_that_took_a_part_never_ends_as_if_it_took_nothing(
    event: events.Event, step: Step
) -> None:
    """Quoted anew, and nothing came of it: the part stays paid, and so is the spot freed."""
    story = Story(a_visit(bill=SPLIT, parts=(offered_part("a", PAID),), offered_at=NOON,
                          former_keys=(B,), taken_minor=400))  # fmt: skip

    story.tell(event, after_s=60)

    assert (story.step, story.visit.end) == (step, End.PART_PAID)


def test_a_till_that_owes_nothing_any_more_withdraws_every_part() -> None:
    """The whole was paid in cash."""
    story = Story(splitting())

    assert story.tell(events.BillMissing()) == RevokeTransaction(A)
    assert story.tell(looked_part("a", REVOKED)) == LookAtTransaction(B)
    assert story.tell(looked_part("b"), after_s=1) == RevokeTransaction(B)
    story.tell(looked_part("b", REVOKED))
    assert (story.step, story.visit.end) == (Step.CLOSING, End.WITHDRAWN)


# Leaving, time that is over, and riddles.


def test_a_table_that_was_left_takes_every_part_back_in_turn() -> None:
    """Each is looked at first, and the spot is closed when none can be paid any more."""
    story = three()

    assert story.tell(spot_looked(status=SpotStatus.OPEN)) == LookAtTransaction(A)
    for name, following in [("a", LookAtTransaction(B)), ("b", LookAtTransaction(C))]:
        assert story.tell(looked_part(name, NEW)) == RevokeTransaction(PART_KEYS[name])
        assert story.tell(looked_part(name, REVOKED)) == following
        assert (story.step, story.visit.end, story.visit.tries) == (Step.REVOKING, End.LEFT, 0)
    assert story.tell(looked_part("c", REVOKED)) == LookAtSpot()

    assert states(story) == "a:released b:released c:released"
    assert (story.visit.end, story.visit.reason) == (End.LEFT, "the guest left without paying")


def test_a_part_that_was_reserved_in_the_last_moment_is_taken() -> None:
    """Time is over, and one guest was quick: the money is taken, the rest goes on to be revoked."""
    story = three()

    assert story.tell(looked_part("a", NEW), after_s=600) == RevokeTransaction(A)
    assert story.tell(looked_part("a", REVOKED)) == LookAtTransaction(B)
    assert (story.visit.end, story.visit.reason) == (End.UNPAID, "not paid within 600 s")
    assert story.tell(looked_part("b")) == AskTill(is_to_pay=True)
    assert story.step is Step.OFFERED
    assert (story.visit.end or "none", story.visit.reason) == ("none", "")
    confirm = story.tell(events.BillFound(ABC))
    assert confirm == ConfirmTransaction(B, story.now + timedelta(seconds=5))
    assert story.tell(looked_part("b", CONFIRMED)) == LookAtTransaction(C)
    assert story.tell(looked_part("c", NEW)) == RevokeTransaction(C)
    assert story.tell(looked_part("c", REVOKED)) == LookAtSpot()

    assert states(story) == "a:released b:paid c:released"
    assert (story.step, story.visit.end, story.visit.taken_minor) == (
        Step.CLOSING, End.PART_PAID, 850,
    )  # fmt: skip


def test_a_part_that_was_declined_before_the_end_does_not_cost_another_its_last_moment() -> None:
    """Who declined spoke for one part; the one that was reserved is still taken."""
    story = Story(splitting(step=Step.REVOKING, end=End.LEFT, reason="gone"))

    assert story.tell(looked_part("a", TransactionStatus.REJECTED)) == LookAtTransaction(B)
    assert (story.visit.end, story.visit.reason) == (End.LEFT, "gone")
    assert story.tell(looked_part("b")) == AskTill(is_to_pay=True)
    last = Story(splitting(offered_part("a"), step=Step.REVOKING, end=End.LEFT, reason="gone"))
    last.tell(looked_part("a", TransactionStatus.REJECTED))
    assert (last.visit.end, last.visit.reason) == (End.DECLINED, "the guest declined")


def test_a_part_in_doubt_that_was_taken_by_somebody_else_counts() -> None:
    """While the others are withdrawn for good: it is paid, and what is left goes the same way."""
    story = Story(splitting(step=Step.REVOKING, end=End.MISMATCH, reason="odd"))

    assert story.tell(looked_part("a", CONFIRMED)) == LookAtTransaction(B)

    assert (story.step, states(story)) == (Step.OFFERED, "a:paid b:offered")
    assert (story.visit.end, story.visit.reason) == (None, "")
    assert len(story.notices) == 1


def test_a_part_that_was_taken_while_the_table_is_quoted_anew_ends_the_quoting() -> None:
    """What is left is on offer as it was, and the till is asked again before any of it is taken."""
    story = three(step=Step.REVOKING, is_requoting=True)

    assert story.tell(looked_part("a", CONFIRMED)) == LookAtTransaction(B)

    assert (story.step, states(story)) == (Step.OFFERED, "a:paid b:offered c:offered")
    assert not story.visit.is_requoting
    assert story.tell(looked_part("b")) == AskTill(is_to_pay=True)


@pytest.mark.parametrize(
    ("bill", "paid_parts", "is_repeated"),
    [
        (ABC, frozenset(), True),
        (split_bill("a", "b", "c", b=1), frozenset({"c"}), True),
        (split_bill("a", "b", "c", a=399), frozenset(), False),
        (split_bill("b", "c"), frozenset(), False),
        (ABC, frozenset({"a"}), False),
        (split_bill("a", "b", "c", bill_id="bill-8"), frozenset(), False),
        (BILL, frozenset(), False),
    ],
)
def test_a_parts_confirm_in_doubt_is_repeated_for_what_that_part_still_costs(
    bill: Bill, paid_parts: frozenset[str], is_repeated: bool
) -> None:
    """Whatever becomes of the others; else a guest who paid cash would pay twice (F74)."""
    parts = (offered_part("a", TAKING), offered_part("b"), offered_part("c"))
    story = three(parts=parts, step=Step.CONFIRMING, tries=1, tried_at=NOON, is_doubtful=True)
    assert story.tell(looked_part("a"), after_s=1) == AskTill(is_to_pay=True)

    story.tell(events.BillFound(bill, paid_parts=paid_parts))

    assert isinstance(story.command, ConfirmTransaction) == is_repeated
    assert story.names() == ([] if is_repeated else ["visit.doubtful"])
    assert states(story) == "a:taking b:offered c:offered"


def test_parking_one_part_withdraws_the_others_and_parks_the_visit() -> None:
    """Its money is left alone; no guest is to pay beside a riddle."""
    story = three(step=Step.CONFIRMING, tries=1, tried_at=NOON, is_doubtful=True)

    wrong = looked_part("a", CONFIRMED, amount_minor=399)
    assert story.tell(wrong) == LookAtTransaction(B)
    assert (story.step, story.visit.end) == (Step.REVOKING, End.PARKED)
    assert states(story) == "a:parked b:offered c:offered"
    why = story.visit.reason
    assert story.tell(looked_part("b")) == RevokeTransaction(B)
    assert story.tell(looked_part("b", REVOKED)) == LookAtTransaction(C)
    assert story.tell(looked_part("c", REVOKED)) == LookAtSpot()

    assert (story.step, story.visit.end, story.visit.reason) == (Step.CLOSING, End.PARKED, why)
    assert states(story) == "a:parked b:released c:released"
    assert story.visit.taken_minor == 0
    story.tell(spot_looked(status=SpotStatus.OPEN))
    assert story.step is Step.PARKED


def test_a_visit_with_a_parked_part_stays_parked_whatever_becomes_of_the_others() -> None:
    """One that somebody confirmed is paid and told; nothing is offered again beside the riddle."""
    parts = (offered_part("a", PARKED), offered_part("b"), offered_part("c"))
    story = three(parts=parts, at=1, transaction_key=B, step=Step.REVOKING, end=End.PARKED,
                  reason="a riddle")  # fmt: skip

    assert story.tell(looked_part("b", CONFIRMED)) == LookAtTransaction(C)
    assert (story.step, story.visit.end, story.visit.taken_minor) == (
        Step.REVOKING, End.PARKED, 850,
    )  # fmt: skip
    assert [notice.part_id for notice in story.notices] == ["b"]
    assert story.tell(looked_part("c", REVOKED)) == LookAtSpot()
    assert (story.step, story.visit.end, story.visit.reason) == (
        Step.CLOSING, End.PARKED, "a riddle",
    )  # fmt: skip


def test_a_part_that_is_parked_while_the_table_is_quoted_anew_ends_the_quoting() -> None:
    """A new quote would hold the parked part again, and its money may be taken already."""
    story = three(parts=(offered_part("a", RELEASED), offered_part("b"), offered_part("c")), at=1,
                  transaction_key=B, step=Step.REVOKING, is_requoting=True, misses=2)  # fmt: skip

    assert story.tell(events.TransactionMissing()) == LookAtTransaction(C)
    assert (story.visit.end, story.visit.is_requoting) == (End.PARKED, False)
    assert story.tell(looked_part("c", REVOKED)) == LookAtSpot()

    assert (story.step, story.visit.end) == (Step.CLOSING, End.PARKED)
    assert f"b:{PARKED}" in states(story)


def test_a_restart_makes_the_instants_of_every_part_sound_again() -> None:
    """No money is held since a moment that has not come yet."""
    ahead, before = NOON + timedelta(days=3), NOON - timedelta(days=3)
    parts = (offered_part("a", reserved_at=ahead), offered_part("b", reserved_at=before),
             offered_part("c"))  # fmt: skip
    story = three(parts=parts, at=2, transaction_key=C)

    story.tell(events.Resumed())

    assert [part.reserved_at for part in story.visit.parts] == [NOON, before, None]
    assert story.command == LookAtTransaction(A)
    assert story.visit.reserved_at == NOON


def test_a_transaction_that_is_born_with_parts_is_no_part_of_a_whole_bill() -> None:
    """Only the part that the visit deals with gets the key."""
    parts = (offered_part("a"), offered_part("b", DUE, key=None))
    story = Story(splitting(*parts, at=1, step=Step.CREATING, tries=1, tried_at=NOON))
    whole = Story(creating())

    story.tell(born("b", 2))
    whole.tell(events.TransactionCreated(a_transaction(NEW)))

    assert [part.key for part in story.visit.parts] == [A, B]
    assert (whole.visit.parts, whole.visit.transaction_key) == ((), KEY)


def test_a_part_that_was_never_shown_is_released_with_the_visit() -> None:
    """The next could not be created, and the one that was shown turned out to be paid."""
    parts = (offered_part("a"), Part("b", PART_MONEY["b"]))
    story = Story(splitting(*parts, step=Step.REVOKING, end=End.REFUSED, reason="no"))

    assert story.tell(looked_part("a", CONFIRMED)) == LookAtSpot()

    assert (story.visit.end, states(story)) == (End.PART_PAID, "a:paid b:released")
