"""The table as a whole: every pair has a rule, and every rule keeps the promises."""

from datetime import timedelta

import pytest

from tests.domain.stations import holding, offered_part, splitting
from tests.domain.story import (
    BILL,
    CONFLICT,
    CREDENTIALS,
    EARLIER_KEY,
    INVALID,
    KEY,
    NOON,
    ON_HOLD,
    OTHER_KEY,
    POLICY,
    SPLIT,
    THROTTLED,
    a_transaction,
    a_visit,
    an_offered_visit,
    looked,
    looked_part,
    split_bill,
    spot_looked,
)
from worker.domain import commands, events, machine
from worker.domain.bill import Bill
from worker.domain.commands import WriteKind
from worker.domain.money import Money
from worker.domain.part import PartState
from worker.domain.visit import FINAL, End, Step, Visit
from worker.domain.wallet import SpotOrder, SpotStatus, TransactionStatus

SAMPLES: dict[type[events.Event], list[events.Event]] = {
    events.Woke: [events.Woke()],
    events.Resumed: [events.Resumed(), *(events.Resumed(frozenset({kind})) for kind in WriteKind)],
    events.SpotHinted: [events.SpotHinted("unlisted")],
    events.TransactionHinted: [events.TransactionHinted("reserved")],
    events.SpotLooked: [
        spot_looked(),
        spot_looked(KEY),
        spot_looked(OTHER_KEY),
        spot_looked(KEY, OTHER_KEY),
        spot_looked(EARLIER_KEY, earlier=frozenset({EARLIER_KEY})),
        spot_looked(SpotOrder(KEY, "closed")),
        spot_looked(is_blind=True),
        spot_looked(since=None),
        *(spot_looked(status=status) for status in SpotStatus),
        *(spot_looked(KEY, status=status, is_blind=True) for status in SpotStatus),
    ],
    events.SpotMissing: [events.SpotMissing()],
    events.BillFound: [
        events.BillFound(BILL),
        events.BillFound(Bill("bill-7", Money(1, "EUR"), "Table 7")),
        events.BillFound(BILL, is_locked=True),
        events.BillFound(ON_HOLD),
        events.BillFound(SPLIT),
        events.BillFound(split_bill("a", "b", a=401)),
        events.BillFound(SPLIT, paid_parts=frozenset({"a"})),
        events.BillFound(SPLIT, paid_parts=frozenset({"a", "b"})),
    ],
    events.BillMissing: [events.BillMissing()],
    events.BillUnreadable: [events.BillUnreadable("half written")],
    events.TransactionCreated: [
        events.TransactionCreated(a_transaction(TransactionStatus.NEW)),
        events.TransactionCreated(a_transaction(TransactionStatus.NEW, amount_minor=1)),
        events.TransactionCreated(a_transaction(TransactionStatus.NEW, auto_confirm=True)),
    ],
    events.TransactionNotFound: [events.TransactionNotFound()],
    events.TransactionLooked: [
        *(looked(status) for status in TransactionStatus),
        *(looked_part("a", status) for status in TransactionStatus),
        *(looked_part("b", status) for status in TransactionStatus),
        looked(amount_minor=1),
        looked(payments=None),
        looked(TransactionStatus.CONFIRMED, amount_minor=1),
    ],
    events.TransactionMissing: [events.TransactionMissing()],
    events.OrderLinked: [
        events.OrderLinked(None),
        events.OrderLinked(SpotOrder(KEY, "pending")),
        events.OrderLinked(SpotOrder(OTHER_KEY, "pending")),
    ],
    events.WriteDone: [events.WriteDone(kind) for kind in WriteKind],
    events.WriteRefused: [
        events.WriteRefused(kind, refused)
        for kind in WriteKind
        for refused in (THROTTLED, CREDENTIALS, CONFLICT, INVALID)
    ],
    events.WriteUnknown: [events.WriteUnknown(kind, "ReadTimeout") for kind in WriteKind],
    events.WriteUnsent: [events.WriteUnsent(kind, "ConnectError") for kind in WriteKind],
    events.LookFailed: [events.LookFailed("HTTP 502")],
}

ALL_VISITS: list[Visit] = [
    a_visit(Step.SEEN),
    a_visit(Step.SEEN, former_keys=(OTHER_KEY,), offered_at=NOON),
    a_visit(Step.CREATING, bill=BILL, creates=1, tries=1, tried_at=NOON),
    a_visit(Step.CREATING, bill=BILL, creates=1, tries=1, tried_at=NOON, is_doubtful=True),
    an_offered_visit(Step.LINKING, offered_at=None, tries=1, tried_at=NOON),
    an_offered_visit(Step.LINKING, offered_at=None, tries=1, tried_at=NOON, is_doubtful=True),
    an_offered_visit(Step.OFFERED),
    an_offered_visit(Step.OFFERED, reserved_at=NOON, looked_at=NOON),
    an_offered_visit(Step.CONFIRMING, tries=1, tried_at=NOON, reserved_at=NOON, looked_at=NOON),
    an_offered_visit(
        Step.CONFIRMING, tries=6, tried_at=NOON, reserved_at=NOON, looked_at=NOON, is_doubtful=True
    ),
    an_offered_visit(Step.REVOKING, end=End.LEFT, reason="left"),
    an_offered_visit(Step.REVOKING, end=End.MISMATCH, reason="x", tries=6, tried_at=NOON),
    an_offered_visit(Step.REVOKING, is_requoting=True, tries=1, tried_at=NOON),
    an_offered_visit(Step.CLOSING, end=End.PAID, reason="paid"),
    an_offered_visit(Step.CLOSING, end=End.PAID, tries=6, tried_at=NOON),
    a_visit(Step.CLOSING, end=End.NO_BILL, reason="no bill"),
    an_offered_visit(Step.CLOSING, end=End.PARKED, reason="riddle"),
    holding(),
    holding(reserved_at=None, looked_at=None),
    splitting(),
    splitting(at=1, reserved_at=NOON, looked_at=NOON),
    splitting(offered_part("a", PartState.PAID), offered_part("b"), at=1),
    splitting(at=1, step=Step.CONFIRMING, reserved_at=NOON, looked_at=NOON, tries=1, tried_at=NOON),
    splitting(step=Step.REVOKING, end=End.UNPAID, reason="not paid"),
    splitting(step=Step.REVOKING, is_requoting=True, tries=1, tried_at=NOON),
    an_offered_visit(Step.CLOSED, end=End.PAID, wake_at=None),
    an_offered_visit(Step.PARKED, end=End.PARKED, wake_at=None),
]

# Facts that only answer a command: told to a step that never gives that command, they are a fault.
POSSIBLE_ANSWERS: dict[Step, set[type[events.Event]]] = {
    Step.SEEN: {events.SpotLooked, events.SpotMissing, events.BillFound, events.BillMissing,
                events.BillUnreadable},
    Step.CREATING: {events.TransactionCreated, events.TransactionNotFound, events.WriteRefused,
                    events.WriteUnknown},
    Step.LINKING: {events.OrderLinked, events.SpotLooked, events.SpotMissing,
                   events.TransactionLooked, events.TransactionMissing, events.WriteRefused,
                   events.WriteUnknown},
    Step.OFFERED: {events.SpotLooked, events.SpotMissing, events.TransactionLooked,
                   events.TransactionMissing, events.BillFound, events.BillMissing,
                   events.BillUnreadable},
    Step.CONFIRMING: {events.TransactionLooked, events.TransactionMissing, events.BillFound,
                      events.BillMissing, events.BillUnreadable, events.WriteDone,
                      events.WriteRefused, events.WriteUnknown},
    Step.REVOKING: {events.TransactionLooked, events.TransactionMissing, events.WriteDone,
                    events.WriteRefused, events.WriteUnknown},
    Step.CLOSING: {events.SpotLooked, events.SpotMissing, events.WriteDone, events.WriteRefused,
                   events.WriteUnknown},
}  # fmt: skip
ALWAYS = {
    events.Woke, events.Resumed, events.SpotHinted, events.TransactionHinted, events.LookFailed,
    events.WriteUnsent,
}  # fmt: skip


def test_every_pair_of_step_and_fact_has_a_rule() -> None:
    """The table is whole: a new step or a new fact without rules does not pass."""
    assert set(machine.TABLE) == {(step, event) for step in Step for event in machine.EVENTS}
    assert set(SAMPLES) == set(machine.EVENTS)


def test_only_what_can_not_happen_is_a_surprise() -> None:
    """Each step knows exactly the answers to the commands that it gives."""
    known = {
        step: {e for e in machine.EVENTS if machine.TABLE[step, e] is not machine.surprised}
        for step in Step
        if step not in FINAL
    }

    assert known == {step: answers | ALWAYS for step, answers in POSSIBLE_ANSWERS.items()}


def cases() -> list[tuple[Visit, events.Event]]:
    """Give every sample fact to every sample visit, where the fact could answer that step."""
    return [
        (visit, event)
        for visit in ALL_VISITS
        for kind, samples in SAMPLES.items()
        for event in samples
        if visit.step in FINAL
        or kind in ALWAYS
        or kind in POSSIBLE_ANSWERS[visit.step]
        or machine.TABLE[visit.step, kind] is machine.surprised
    ]


@pytest.mark.parametrize("later_s", [0, 7, 3600])
def test_every_decision_keeps_the_promises(later_s: int) -> None:
    """
    Whatever a visit is told, whenever: an open visit moves or waits, a final one never changes,
    a confirm follows a look by seconds, and only a closing visit closes its spot.
    """
    now = NOON + timedelta(seconds=later_s)
    for visit, event in cases():
        if (
            isinstance(event, events.BillFound)
            and visit.step is Step.CONFIRMING
            and (visit.is_doubtful)
        ):
            continue  # A till is only asked about a confirm that certainly was not sent.
        if isinstance(event, events.BillMissing | events.BillUnreadable) and visit.is_doubtful:
            continue

        decided = machine.decide(visit, event, now, POLICY)

        after, command = decided.visit, decided.command
        if visit.step in FINAL:
            assert after == visit
            assert command is None
            continue
        if after.wake_at is not None and command is None:
            assert after.wake_at <= now + timedelta(seconds=30)
        if isinstance(command, commands.ConfirmTransaction):
            assert after.step is Step.CONFIRMING
            assert after.looked_at is not None
            assert now - after.looked_at <= timedelta(seconds=POLICY.confirm_window_s)
            assert command.not_after <= after.looked_at + timedelta(seconds=POLICY.confirm_window_s)
        if isinstance(command, commands.CloseSpot):
            assert after.step is Step.CLOSING
            assert isinstance(event, events.SpotLooked)
        if isinstance(command, commands.RevokeTransaction):
            assert after.step is Step.REVOKING
            if visit.step is Step.CONFIRMING and visit.is_doubtful:
                assert visit.tried_at is not None
                assert now - visit.tried_at >= timedelta(seconds=POLICY.confirm_grace_s)
        if after.end is End.PAID and visit.end is not End.PAID:
            assert isinstance(event, events.TransactionLooked)
            assert event.transaction.status is TransactionStatus.CONFIRMED
        if decided.notices:
            assert isinstance(event, events.TransactionLooked)
            assert event.transaction.status is TransactionStatus.CONFIRMED
            assert after.taken_minor == visit.taken_minor + decided.notices[0].money.amount_minor
        else:
            assert after.taken_minor == visit.taken_minor
        assert after.visit_id == visit.visit_id
        assert after.attempts >= visit.attempts


def test_a_surprise_touches_nothing_and_is_told() -> None:
    """What can not happen is survived: no command, no new step, one ERROR line."""
    visit = a_visit(Step.SEEN)

    decided = machine.decide(visit, events.WriteDone(WriteKind.CLOSE), NOON, POLICY)

    assert decided.visit.step is Step.SEEN
    assert decided.command is None
    assert [fact.name.value for fact in decided.facts] == ["visit.surprised"]


def test_an_open_visit_that_was_due_stays_due() -> None:
    """A hint that a step has no use for does not put off what was due."""
    visit = an_offered_visit(Step.CONFIRMING, tries=1, tried_at=NOON)

    decided = machine.decide(visit, events.SpotHinted("x"), NOON, POLICY)

    assert decided.visit == visit


def test_a_hint_to_a_visit_with_nothing_due_makes_something_due() -> None:
    """No fact can leave an open visit asleep for ever."""
    visit = an_offered_visit(Step.CONFIRMING, tries=1, tried_at=NOON, wake_at=None)

    decided = machine.decide(visit, events.SpotHinted("x"), NOON, POLICY)

    assert decided.visit.wake_at is not None


def test_parking_a_finished_visit_changes_nothing() -> None:
    """What is over is over."""
    visit = an_offered_visit(Step.CLOSED, end=End.PAID, wake_at=None)

    assert machine.park(visit, NOON, "whatever").visit == visit


def test_parking_frees_the_spot_before_it_leaves_the_rest_to_a_human() -> None:
    """A parked visit does not block its table."""
    decided = machine.park(an_offered_visit(), NOON, "the worker failed")

    assert decided.visit.step is Step.CLOSING
    assert decided.visit.end is End.PARKED
    assert decided.command == commands.LookAtSpot()
