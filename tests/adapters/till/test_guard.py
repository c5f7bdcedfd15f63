"""Whatever a connector does, the worker gets an answer in time, and the other locations theirs."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.adapters.till.support import HALL, TERRACE, Ticks, guarded, paid
from tests.tills.made_of import Giving, Stubborn
from worker.adapters.till import command, http
from worker.adapters.till.connector import BillGone, Refused, TillError, UnreadableBill
from worker.adapters.till.guard import TIME_LIMIT_S, GuardedTill
from worker.adapters.till.sql import till as sql_till
from worker.domain.bill import Bill
from worker.domain.ids import LocationId
from worker.domain.money import Money
from worker.logbook import FIELDS
from worker.ports import TillMissing, TillTrouble

LIMIT_S = 0.02
LUNCH: Mapping[str, object] = {"bill_id": "B-1", "currency": "EUR", "amount_minor": 2599}
BILL = Bill("B-1", Money(2599, "EUR"), "")


async def trouble(till: GuardedTill, location: LocationId = HALL) -> str:
    found = await till.find_bills(location, "table5")
    assert isinstance(found, TillTrouble), found
    return found.why


@pytest.fixture(autouse=True)
def _audible_log(_quiet_log: None) -> None:
    structlog.reset_defaults()


async def test_bills_come_out_as_they_were_given() -> None:
    """In the till's own order; a bill that came to nothing is none."""
    other = {"bill_id": "B-2", "currency": "EUR", "amount_minor": 1}
    nothing = {"bill_id": "B-3", "currency": "EUR", "amount_minor": 0, "ceiling_minor": 9}

    found = await guarded(Giving([other, LUNCH, nothing])).find_bills(HALL, "table5")

    assert found == (Bill("B-2", Money(1, "EUR"), ""), BILL)
    assert await guarded(Giving(())).find_bills(HALL, "table5") == ()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "type NoneType"),
        ({"bill_id": "B-1"}, "type dict"),
        ("[]", "type str"),
        (b"<html>", "type bytes"),
        (iter([LUNCH]), "iterator"),
        ([None], "type NoneType in place of a bill"),
        ([["B-1"]], "type list in place of a bill"),
        ([LUNCH] * 51, "more than 50 bills"),
        ([LUNCH, dict(LUNCH)], "bill B-1 is there twice"),
        ([LUNCH, {**LUNCH, "bill_id": "B\n2", "amount_minor": 1.0}], "bill B\\n2: amount_minor"),
        ([{**LUNCH, "bill_id": None}], "bill without a bill_id: bill_id"),
        ([{**LUNCH, "spot": "table6"}], "another table: bill B-1"),
        ([{**LUNCH, "location_id": 9976}], "another table"),
        ([{**LUNCH, "location_id": "9975"}], "another table"),
        ([{**LUNCH, "location_id": 9975.0}], "another table"),
    ],
)
async def test_a_lie_is_trouble(answer: Any, why: str) -> None:
    """One bill in doubt puts all of the table in doubt: it may be the one that counts."""
    assert why in await trouble(guarded(Giving(answer)))


async def test_a_document_may_say_whose_it_is() -> None:
    """As long as it is the table that was asked for."""
    answer = [{**LUNCH, "location_id": 9975, "spot": "table5"}]

    assert await guarded(Giving(answer)).find_bills(HALL, "table5") == (BILL,)


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (TillError("out of\npaper"), "out of\\npaper"),
        (TillError("x" * 10_000), "x" * 297 + "..."),
        (TillError(""), "TillError"),
        (UnreadableBill("half a bill"), "half a bill"),
        (ZeroDivisionError("secret"), "ZeroDivisionError"),
        (SystemExit(3), "SystemExit"),
        (asyncio.CancelledError(), "broken off"),
        (TimeoutError(), "TimeoutError"),
    ],
)
async def test_whatever_is_raised_is_trouble(raised: BaseException, why: str) -> None:
    """A till's own words are shown, capped and escaped; of a fault only its kind."""
    till = guarded(Giving(raised))

    assert why in await trouble(till)
    told = await till.post(paid())
    assert isinstance(told, TillTrouble)
    assert why in told.why
    assert why in (await till.check())[0]
    await till.unlock_bill(HALL, "table5", "B-1", "v-0042")
    await till.aclose()


async def test_a_lock_gives_the_bill_or_says_that_it_is_gone() -> None:
    """Two minutes are asked for; another bill than was asked for is a lie."""
    connector = Giving(LUNCH)
    till = guarded(connector)

    assert till.can_lock
    assert await till.lock_bill(HALL, "table5", "B-1", "v-0042") == BILL
    assert connector.asked == [("lock", HALL, "table5", "B-1", "v-0042", 120)]
    assert isinstance(await till.lock_bill(HALL, "table5", "B-2", "v-0042"), TillTrouble)
    connector.answer = BillGone()
    assert await till.lock_bill(HALL, "table5", "B-1", "v-0042") == TillMissing()
    connector.answer = {**LUNCH, "amount_minor": 0, "ceiling_minor": 1}
    assert await till.lock_bill(HALL, "table5", "B-1", "v-0042") == TillMissing()
    connector.answer = [LUNCH]
    assert isinstance(await till.lock_bill(HALL, "table5", "B-1", "v-0042"), TillTrouble)


async def test_a_till_that_can_not_lock_is_never_asked_to() -> None:
    """And a price list is never told of payments."""
    connector = Giving(LUNCH, can_lock=False)
    till = guarded(connector, has_ids=False)

    assert not till.can_lock
    assert isinstance(await till.lock_bill(HALL, "table5", "B-1", "v-0042"), TillTrouble)
    await till.unlock_bill(HALL, "table5", "B-1", "v-0042")
    assert await till.post(paid()) is None
    assert connector.asked == []


async def test_what_a_check_finds_is_told_in_sentences() -> None:
    """A few, short and on one line each."""
    assert await guarded(Giving(["no\nway"])).check() == ["no\\nway"]
    assert len(await guarded(Giving(["no"] * 1000)).check()) == 20
    assert "in place" not in (await guarded(Giving("no way")).check())[0]
    assert (await guarded(Giving(None)).check())[0].startswith("The till can not be used")


def test_a_connector_gives_up_before_it_is_given_up() -> None:
    """Else the log could never say what was missing: a turn, an answer or the end of one (F70)."""
    for own_s in (command.TIME_LIMIT_S, http.TIME_LIMIT_S, sql_till.TIME_LIMIT_S):
        assert own_s == 4.5 <= TIME_LIMIT_S - 0.5
    pages = Path(__file__).parents[3] / "docs"
    for page in ("till.md", "till-command.md", "till-http.md", "till-sql.md", "till-api.yaml"):
        assert re.search(r"\b4\.5 s", (pages / page).read_text()), page


@pytest.mark.parametrize("cancels", [0, 1, None])
async def test_no_call_takes_longer_than_its_limit(cancels: int | None) -> None:
    """Whether it minds being cancelled or not (F70)."""
    connector = Giving([LUNCH])
    connector.before = waits = Stubborn(cancels=cancels)
    till = guarded(connector, time_limit_s=LIMIT_S)

    assert await trouble(till) == "no answer within 0.02 s"
    assert isinstance(await till.post(paid()), TillTrouble)

    waits.let_go()
    await till.aclose()
    assert waits.waiting == 0


async def test_a_till_that_hangs_piles_nothing_up() -> None:
    """With two calls that were given up and did not end, a location gets no third."""
    connector = Giving([LUNCH])
    connector.before = waits = Stubborn()
    clock = Ticks()
    till = GuardedTill(connector, clock, LIMIT_S)

    for _ in range(10):
        clock.s += 120
        await trouble(till)
        await till.post(paid())
    assert waits.waiting == 2
    assert "2 calls that were given up have not ended" in await trouble(till)

    waits.let_go()
    while isinstance(await till.find_bills(HALL, "table5"), TillTrouble):
        clock.s += 120
        await asyncio.sleep(0)  # Until the two have ended: a fact, not a time.
    await till.aclose()


async def test_a_caller_that_leaves_takes_its_call_along() -> None:
    """A visit that stops asking leaves no task behind, and says nothing about the till."""
    connector = Giving([LUNCH])
    connector.before = waits = Stubborn(cancels=0)
    till = guarded(connector)
    asking = asyncio.ensure_future(till.find_bills(HALL, "table5"))
    while waits.waiting == 0:
        await asyncio.sleep(0)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    while waits.waiting:
        await asyncio.sleep(0)

    waits.let_go()
    assert await till.find_bills(HALL, "table5") == (BILL,)


async def test_a_hundred_locations_do_not_notice_the_one_that_hangs() -> None:
    """Each asks ten times while the one hangs, and every answer is the bill (F70)."""
    connector = Giving([LUNCH])
    connector.before = waits = Stubborn([1])
    till = GuardedTill(connector, Ticks(), 60.0)
    hanging = asyncio.ensure_future(till.find_bills(LocationId(1), "table5"))
    others = [LocationId(number) for number in range(2, 101)]

    for _ in range(10):
        found = await asyncio.gather(*(till.find_bills(each, "table5") for each in others))
        assert found == [(BILL,)] * 99
    assert await till.post(paid()) is None
    assert not hanging.done()

    waits.let_go()
    assert await hanging == (BILL,)


async def test_three_failures_in_a_row_leave_a_till_alone() -> None:
    """For ten seconds, then growing to sixty; after each pause one call tries (F70)."""
    connector = Giving(TillError("down"))
    clock = Ticks()
    till = GuardedTill(connector, clock)
    with capture_logs() as heard:
        for _ in range(3):
            assert await trouble(till) == "down"
        for pause_s in (10, 20, 40, 60, 60):
            asked = len(connector.asked)
            clock.s += pause_s - 0.5
            assert "left alone for a while" in await trouble(till)
            assert len(connector.asked) == asked
            clock.s += 0.5
            assert await trouble(till) == "down"
            assert len(connector.asked) == asked + 1
        assert till.trouble_of(HALL) == "not usable for 190 s: down"
        assert till.trouble_of(TERRACE) is None
        connector.answer = [LUNCH]
        clock.s += 60
        assert await till.find_bills(HALL, "table5") == (BILL,)
        assert till.trouble_of(HALL) is None

    unreachable, reachable = heard
    assert (unreachable["event"], unreachable["log_level"]) == ("till.unreachable", "warning")
    assert (unreachable["location"], unreachable["why"]) == (HALL, "down")
    assert (reachable["event"], reachable["log_level"]) == ("till.reachable", "info")
    assert (reachable["location"], reachable["down_s"], reachable["failures"]) == (HALL, 250, 8)
    for told in heard:
        assert set(told) - {"event", "log_level"} <= FIELDS


async def test_two_failures_and_an_answer_are_no_reason_to_leave_a_till_alone() -> None:
    """In a row means in a row."""
    connector = Giving(TillError("down"))
    till = guarded(connector)

    for _ in range(5):
        connector.answer = TillError("down")
        await trouble(till)
        await trouble(till)
        connector.answer = [LUNCH]
        assert await till.find_bills(HALL, "table5") == (BILL,)


async def test_one_trial_at_a_time() -> None:
    """While the trial is out, the others are answered at once."""
    connector = Giving(TillError("down"))
    clock = Ticks()
    till = GuardedTill(connector, clock)
    for _ in range(3):
        await trouble(till)
    clock.s += 10
    connector.answer = [LUNCH]
    connector.before = waits = Stubborn()
    asked = len(connector.asked)

    trial = asyncio.ensure_future(till.find_bills(HALL, "table5"))
    while waits.waiting == 0:
        await asyncio.sleep(0)
    assert "left alone" in await trouble(till)
    assert len(connector.asked) == asked + 1
    trial.cancel()
    waits.let_go()
    with pytest.raises(asyncio.CancelledError):
        await trial

    assert await till.find_bills(HALL, "table5") == (BILL,), "a trial that was left gives way"


async def test_a_bill_that_can_not_be_read_is_not_the_tills_failure() -> None:
    """However often one table asks, the others of its location are answered."""
    connector = Giving([{**LUNCH, "amount_minor": 25.99}])
    till = guarded(connector)

    for answer in ([{**LUNCH, "amount_minor": 25.99}], UnreadableBill("half"), [LUNCH] * 51):
        connector.answer = answer
        for _ in range(5):
            await trouble(till)
    assert till.trouble_of(HALL) is None
    connector.answer = [LUNCH]
    assert await till.find_bills(HALL, "table5") == (BILL,)


async def test_a_refusal_is_not_the_tills_failure() -> None:
    """A bill that is busy, a payment that is not taken: the rest of the location goes on (F70)."""
    connector = Giving(Refused("somebody else is paying it"))
    till = guarded(connector)

    for _ in range(5):
        locked = await till.lock_bill(HALL, "table6", "B-1", "v-0042")
        assert locked == TillTrouble("somebody else is paying it")
        assert await till.post(paid()) == TillTrouble("somebody else is paying it")
    assert till.trouble_of(HALL) is None
    connector.answer = [LUNCH]
    assert await till.find_bills(HALL, "table5") == (BILL,)
    assert await till.post(paid()) is None


async def test_a_till_that_refuses_notices_still_tells_what_tables_owe() -> None:
    """For hours, perhaps: guests are served meanwhile (F71)."""
    connector = Giving(TillError("no paper"))
    clock = Ticks()
    till = GuardedTill(connector, clock)

    for _ in range(3):
        assert await till.post(paid()) == TillTrouble("no paper")
    connector.answer = [LUNCH]
    assert await till.find_bills(HALL, "table5") == (BILL,)
    refused = await till.post(paid())
    assert isinstance(refused, TillTrouble)
    assert "left alone" in refused.why
    assert till.trouble_of(HALL) == "not usable for 0 s: no paper"
    clock.s += 10
    assert await till.post(paid()) is None


async def test_closing_waits_for_nobody() -> None:
    """Neither for a call nor for a connector that can not let go."""
    connector = Giving([LUNCH])
    connector.before = waits = Stubborn()
    till = guarded(connector, time_limit_s=60.0)
    asking = asyncio.ensure_future(till.find_bills(HALL, "table5"))
    while waits.waiting == 0:
        await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await till.aclose()

    left = {task for task in asyncio.all_tasks() if task.get_name() == "till call"}
    assert left == set(), "the loop would wait for them for ever"
    waits.let_go()
    await asking
