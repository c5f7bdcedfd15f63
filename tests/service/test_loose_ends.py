"""What is left over when a visit ends: creates in doubt, and what only a human can judge."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.service.bench import Bench
from tests.service.situations import offered, poisoned, the_offer
from worker.domain.bill import Bill
from worker.domain.commands import WriteKind
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End, Step, replace
from worker.domain.wallet import TransactionStatus
from worker.ports import Entry, IntentState


async def test_a_create_lost_for_good_is_made_anew_and_the_late_one_revoked() -> None:
    """One key is shown to the guest; the other surfaces later and is withdrawn, never paid (F5)."""
    bench = Bench(Policy(offer_ttl_s=600))
    bench.world.trouble["create"].append("lost_reply")
    bench.world.are_new_charges_unlisted = True
    async with bench.at_work():
        bench.world.scan("t1")
        await bench.tick(6)
        shown = the_offer(bench)
        (late,) = set(bench.world.charges) - {shown}
        bench.world.are_new_charges_unlisted = False
        await bench.wait(61)
        await bench.strangers.look_round()

        assert bench.world.charges[late].status is TransactionStatus.REVOKED
        assert bench.world.charges[shown].status is TransactionStatus.NEW
    intents = bench.journal.intents(bench.last().visit_id)
    creates = [kept.state for sent, kept in intents.items() if sent.kind is WriteKind.CREATE]
    assert creates == [IntentState.DONE, IntentState.DONE]


async def test_a_lost_create_is_found_after_the_clock_was_set() -> None:
    """When it was sent says nothing to a worker that started since: the journal's clock was wrong.

    (F5)
    """
    bench = Bench(Policy(offer_ttl_s=600))
    bench.world.trouble["create"].append("lost_reply")
    bench.world.are_new_charges_unlisted = True
    async with bench.at_work():
        bench.world.scan("t1")
        await bench.tick(6)
        (late,) = set(bench.world.charges) - {the_offer(bench)}
    bench.clock.at -= timedelta(days=2)
    for charge in bench.world.charges.values():
        charge.created_at -= timedelta(days=2)
    bench.world.are_new_charges_unlisted = False
    bench.hire()
    async with bench.at_work():
        await bench.strangers.look_round()

    assert bench.world.charges[late].status is TransactionStatus.REVOKED


async def test_one_visit_that_keeps_failing_is_parked_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A poisoned visit is taken out of the worker's hands after three crashes (F41)."""
    bench = Bench(Policy(bill_wait_s=20, offer_ttl_s=600))
    poisoned(monkeypatch, 3)
    bench.till.owe("t1", Bill("bill-1", Money(1000, "EUR"), "One"))
    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            other = await offered(bench, "t2")
            bench.world.reserve(bench.world.charges[key])
            await bench.tick(10)
            bench.world.reserve(bench.world.charges[other])
            await bench.tick(2)

    crashes = [line for line in lines if line["event"] == "visit.crashed"]
    assert len(crashes) >= 2
    ends = {visit.table: visit.end for visit in bench.visits()}
    assert ends["t2"] is End.PAID
    assert bench.world.charges[key].status is TransactionStatus.CONFIRMED


async def test_each_start_calls_a_human_again_for_a_day() -> None:
    """The run that parked the visit may have died between its journal and its log."""
    bench = Bench()
    async with bench.at_work():
        await offered(bench)
    now = bench.clock.now()
    parked = replace(bench.last(), step=Step.PARKED, end=End.PARKED, since=now, wake_at=None)
    visit = replace(parked, reason="a riddle", spot_closed_at=now)
    await bench.journal.write(Entry(visit.visit_id, visit))
    told = []
    for _ in range(2):
        bench.hire()
        with capture_logs() as lines:
            async with bench.at_work():
                pass
        told.append([(line["event"], line.get("visit"), line.get("why")) for line in lines])
        await bench.wait(86_400)

    assert told == [[("visit.parked", visit.label, "a riddle")], []]
