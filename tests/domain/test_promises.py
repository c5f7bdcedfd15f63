"""What every decision keeps, whatever the step and whatever the fact: the bookkeeping of a visit.

Timers, counts and doubts belong to one step. One that is carried over or forgotten would let a
visit wait for the wrong moment, repeat a write that it must not, or stop calling for help.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from tests.domain.story import NOON, OTHER_KEY, POLICY
from tests.domain.test_table import cases
from worker.domain import events, machine
from worker.domain.commands import Write
from worker.domain.decision import Decision
from worker.domain.facts import FactName, Level
from worker.domain.outcome import Refusal
from worker.domain.rules.confirming import is_found_lost
from worker.domain.visit import FINAL, Step, Visit

ENTERED_FRESH = {Step.SEEN, Step.CREATING, Step.LINKING, Step.CONFIRMING, Step.CLOSING}
"""Steps whose entry forgets all of the step before. One more has its own tests: an offer that
goes on after all."""


def decisions() -> Iterator[tuple[Visit, events.Event, datetime, Decision]]:
    """Every sample fact told to every sample visit at several times."""
    for later_s in (0, 7, 3600):
        now = NOON + timedelta(seconds=later_s)
        for visit, event in cases():
            if visit.step is Step.CONFIRMING and visit.is_doubtful and is_from_till(event):
                continue  # A till is not asked about a confirm that may have been sent.
            yield visit, event, now, machine.decide(visit, event, now, POLICY)


def is_from_till(event: events.Event) -> bool:
    """Tell whether the till said it."""
    return isinstance(event, events.BillFound | events.BillMissing | events.BillUnreadable)


def test_a_visit_knows_since_when_it_stands_where_it_stands() -> None:
    """Whatever is measured from a step's beginning begins with the step."""
    moved = 0
    for visit, event, now, decided in decisions():
        if decided.visit.step is visit.step:
            assert decided.visit.since in {visit.since, now}, (visit.step, event)
        else:
            moved += 1
            assert decided.visit.since == now, (visit.step, event)
    assert moved > 100


def test_a_step_is_entered_without_what_belonged_to_the_one_before() -> None:
    """No count, no doubt and no alarm goes along; a write that is sent at once is the first try."""
    entered = set()
    for visit, event, now, decided in decisions():
        after, command = decided.visit, decided.command
        if after.step is visit.step or after.step not in ENTERED_FRESH | {Step.REVOKING}:
            continue
        entered.add(after.step)
        is_sent = isinstance(command, Write)
        assert (after.tries, after.tried_at) == ((1, now) if is_sent else (0, None)), event
        assert (after.misses, after.failures) == (0, 0)
        assert (after.is_doubtful, after.is_alarmed) == (False, False)
    assert entered == ENTERED_FRESH | {Step.REVOKING}


def test_every_write_is_counted_once_and_nothing_else_is() -> None:
    """The visit's attempts are the writes it sent; the step's tries are those of this step."""
    sent = found_lost = 0
    for visit, event, now, decided in decisions():
        after, command = decided.visit, decided.command
        assert after.attempts == visit.attempts + isinstance(command, Write)
        if after.step is not visit.step or after.creates != visit.creates:
            continue
        if after.at != visit.at:
            assert (after.tries, after.tried_at) == (0, None), event  # Another part's write.
            continue
        if isinstance(command, Write):
            sent += 1
            assert (after.tries, after.tried_at) == (visit.tries + 1, now)
        elif is_taken_back(event) and visit.step not in FINAL:
            assert after.tries == max(0, visit.tries - 1)
        elif is_found_lost(visit, event, after):
            found_lost += after.step is Step.CONFIRMING
            assert after.tries == 0
        else:
            assert after.tries == visit.tries
    assert sent > 10
    assert found_lost > 0


def is_taken_back(event: events.Event) -> bool:
    """Tell whether a try did not happen or does not count."""
    if isinstance(event, events.WriteRefused):
        return event.refused.refusal in {Refusal.THROTTLED, Refusal.CREDENTIALS}
    return isinstance(event, events.WriteUnsent)


def test_what_is_under_way_is_not_waited_for_as_well() -> None:
    """A visit with a command has no timer: its next fact is the command's answer."""
    for visit, event, _, decided in decisions():
        if decided.command is not None:
            assert decided.visit.wake_at is None, (visit.step, event)


def test_only_looks_in_a_row_that_fail_are_counted() -> None:
    """Any fact worth the name ends the row; a timer or a list is none."""
    no_news = (events.LookFailed, events.Woke, events.SpotHinted, events.TransactionHinted)
    for visit, event, _, _ in decisions():
        if visit.step in FINAL:
            continue
        troubled = machine.decide(tired(visit), event, NOON, POLICY).visit
        expected = 4 if isinstance(event, events.LookFailed) else 3
        assert troubled.failures == (expected if isinstance(event, no_news) else 0), event


def tired(visit: Visit) -> Visit:
    """The same visit after three looks that gave nothing."""
    return replace(visit, failures=3)


def test_only_a_restart_says_resumed_and_only_of_an_open_visit() -> None:
    """It is the first line, and it names the step at which the visit was found."""
    for visit, event, _, decided in decisions():
        names = [fact.name for fact in decided.facts]
        if isinstance(event, events.Resumed) and visit.step not in FINAL:
            assert decided.facts[0].name is FactName.VISIT_RESUMED
            assert decided.facts[0].fields == {"step": visit.step.value}
            assert decided.visit.looked_at is None
        else:
            assert FactName.VISIT_RESUMED not in names


def test_no_look_outlives_the_withdrawal_of_its_transaction() -> None:
    """Nothing that was seen before may allow a confirm afterwards."""
    withdrawn = 0
    for visit, _, _, decided in decisions():
        if decided.visit.step is Step.REVOKING and visit.step is not Step.REVOKING:
            withdrawn += 1
            assert decided.visit.looked_at is None
    assert withdrawn > 10


def test_whoever_must_act_is_told_what_to_do() -> None:
    """A line that calls for a human says why and what, but for a visit's last one."""
    told = 0
    for _, _, _, decided in decisions():
        for fact in decided.facts:
            assert fact.level in Level
            if fact.level is Level.ERROR and fact.name is not FactName.VISIT_CLOSED:
                told += 1
                assert fact.fields["do"]
    assert told > 10


def test_a_line_about_money_names_the_transaction_and_the_amount_of_the_bill() -> None:
    """Never another visit's, and never an amount that is not the bill's."""
    for visit, event, _, decided in decisions():
        keys = {visit.transaction_key, decided.visit.transaction_key}
        if isinstance(event, events.TransactionLooked | events.TransactionCreated):
            keys.add(event.transaction.key)
        for fact in decided.facts:
            if "transaction" in fact.fields:
                assert fact.fields["transaction"] in keys
                assert fact.fields["transaction"] != OTHER_KEY
            told = fact.fields.get("amount", "none told")
            assert told in amounts_of(visit) | amounts_of(decided.visit) | {"none told"}, event


def amounts_of(visit: Visit) -> set[str | None]:
    """What a visit's lines may name: its bill, the part that it deals with, or what was taken."""
    amounts = [visit.bill and visit.bill.money, visit.asked, visit.due, visit.taken]
    return {str(amount) if amount else None for amount in amounts}
