"""What the wallet may answer, and what must come of it."""

from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

from tests.crash.books import await_quiet, check_paid_once
from tests.operator.theatre import side_by_side, stage
from tests.service.bench import Bench
from tests.service.situations import offered, the_offer
from worker.domain.bill import Bill
from worker.domain.ids import LocationId, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Done, Outcome
from worker.domain.policy import Policy
from worker.domain.visit import End, Step
from worker.domain.wallet import SpotStatus, TransactionStatus

WRITES: Final = ("transaction.create", "order.create", "transaction.confirm", "spot.close")
BEFORE: Final = ("error_before", "html", "rate_limited", "lost_request")
AFTER: Final = ("error_after", "malformed", "truncated", "empty", "lost_reply")
BILL: Final = Bill("bill-1", Money(1250, "EUR"), "One")


def pay_through(folder: Path, kind: str, ops: tuple[str, ...]) -> None:
    """Take one guest from the scan to the free table while each of these calls suffers a fault."""
    with stage(folder) as play:
        planned = [{"op": op, "kind": kind} for op in ops]
        play.control("PUT", "faults", {"next": planned, "retry_after": "1"})
        play.scan()
        # Nothing here is slow, so a machine that is must not add a fault of its own.
        daemon = play.start(play.config(timeout_s=20.0))
        play.pay()
        await_quiet(play)
        assert daemon.stop() == 0
        check_paid_once(play)

        suffered = [call["op"] for op in ops for call in play.calls(op) if call["fault"] == kind]
        assert suffered == list(ops), "a fault that never befell proves nothing"
        repeats = [len(play.calls(op)) for op in ops]
        assert repeats == [1 if kind in AFTER else 2] * len(ops)


def test_a_guest_pays_once_when_every_write_works_and_its_answer_is_spoiled(
    tmp_path: Path,
) -> None:
    """
    502 after the effect, half an answer, no JSON, an empty object or silence: each write is looked
    up instead of repeated, and the books agree (F3, F13, F19, F21).
    """
    side_by_side([partial(pay_through, tmp_path / kind, kind, WRITES) for kind in AFTER])


def test_a_guest_pays_once_when_every_write_is_answered_and_none_of_them_worked(
    tmp_path: Path,
) -> None:
    """
    500 before the effect, a page to sign in with status 200, a limit, or nothing at all: what was
    seen not to be there is sent again, once (F2, F9, F13, F14).
    """
    # A create that is lost before it works is searched for during ten seconds: shown elsewhere.
    side_by_side([partial(pay_through, tmp_path / kind, kind, WRITES[1:]) for kind in BEFORE])


@pytest.mark.parametrize("refusal", ["credentials", "throttled"])
@pytest.mark.parametrize("op", ["create", "link", "confirm", "revoke", "close"])
async def test_a_write_that_nobody_may_send_now_is_asked_for_slowly_and_never_given_up(
    op: str, refusal: str
) -> None:
    """
    More refusals than a visit bears of any other kind, and still no exit is taken: with the key in
    order again the visit goes on (F14, F16).
    """
    bench, sent_s = Bench(Policy(offer_ttl_s=600 if op != "revoke" else 60)), list[float]()

    def shut_out(asked: str) -> str:
        if asked != op or len(sent_s) == 2 * bench.policy.refusals_max:
            return ""
        sent_s.append(bench.clock.ticks_s())
        return f"refuse:{refusal}"

    bench.world.weather = shut_out
    bench.world.scan("t1")
    async with bench.at_work():
        for _ in range(90):
            await bench.tick()
            for charge in bench.world.offers("t1") if op != "revoke" else []:
                bench.world.reserve(charge)

    assert len(sent_s) == 2 * bench.policy.refusals_max
    pauses_s = [later - earlier for earlier, later in pairwise(sent_s)]
    assert min(pauses_s) >= (15 if refusal == "credentials" else 1)
    assert bench.last().end is (End.UNPAID if op == "revoke" else End.PAID)
    assert bench.world.effects["confirm"] == int(op != "revoke")
    assert bench.world.tables[SpotId("id-t1")].status is SpotStatus.CLOSED


async def test_a_client_that_is_shut_out_changes_nothing_until_it_is_let_in_again() -> None:
    """Every call is refused for hours: no visit is parked, closed or given up (F16)."""
    bench = Bench(Policy(offer_ttl_s=600))
    async with bench.at_work():
        key = await offered(bench)
        writes = ("create", "link", "confirm", "revoke", "close")
        sent = sum(bench.world.calls[op] for op in writes)
        bench.world.weather = lambda _: "refuse:credentials"
        bench.world.scan("t2")
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(3 * 120, seconds=30)
        assert sum(bench.world.calls[op] for op in writes) == sent
        assert [(visit.step, visit.end) for visit in bench.visits()] == [(Step.OFFERED, None)]

        bench.world.weather = None
        await bench.tick(3)
        assert the_offer(bench, "t2")

    assert bench.visits()[0].end is End.PAID
    assert bench.world.effects["confirm"] == 1


async def test_a_transaction_that_the_wallet_forgot_is_not_made_anew() -> None:
    """Gone for half a minute: a human is called, and the table is freed (F17)."""
    bench = Bench()
    looked_s: list[float] = []

    def forgetful(op: str) -> str:
        if op != "transaction":
            return ""
        looked_s.append(bench.clock.ticks_s())
        return "refuse:missing"

    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            bench.world.charges[key].status = TransactionStatus.DELETED
            bench.world.weather = forgetful
            await bench.tick(15)

    assert bench.last().end is End.PARKED
    assert bench.world.calls["create"] == 1
    assert len(looked_s) == bench.policy.misses_max
    assert looked_s[-1] - looked_s[0] >= 20
    assert bench.world.effects["close"] == 1
    (told,) = [line for line in lines if line["event"] == "visit.parked"]
    assert told["log_level"] == "error"


@pytest.mark.parametrize("is_mended", [True, False])
async def test_a_confirm_that_says_yes_and_took_nothing_is_not_believed(
    is_mended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paid is what the wallet shows afterwards; until then the guest owes and the till waits (F19).

    Where it never becomes true, the reservation ends and nobody has paid.
    """
    bench = Bench(Policy(offer_ttl_s=600))
    bench.till.owe("t1", BILL)
    wallet = bench.engine._hands.wallet
    confirm, told = wallet.confirm_transaction, list[TransactionKey]()

    async def lie(key: TransactionKey, not_after: datetime, lowered: object) -> Outcome[None]:
        told.append(key)
        if is_mended and len(told) > 2:
            return await confirm(key, not_after)
        return Done(None)

    monkeypatch.setattr(wallet, "confirm_transaction", lie)
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(8)
        if not is_mended:
            assert bench.last().step is Step.CONFIRMING
            assert bench.till.posted == []
            bench.world.charges[key].status = TransactionStatus.FAILED
            await bench.tick(15)

    assert bench.last().end is (End.PAID if is_mended else End.EXPIRED)
    assert len(bench.till.posted) == bench.world.effects["confirm"] == int(is_mended)
    assert len(told) >= 3


async def test_a_spot_that_a_stale_list_still_shows_after_our_close_is_left_alone() -> None:
    """No second bill and no second close for a guest who has paid; the next one is served (F23)."""
    bench = Bench()
    async with bench.at_work():
        key = await offered(bench)
        bench.world.stale_rows = [bench.world.show(bench.world.tables[SpotId("id-t1")])]
        bench.world.reserve(bench.world.charges[key])
        await bench.tick(8)
        assert [visit.end for visit in bench.visits()] == [End.PAID]
        assert (bench.world.calls["create"], bench.world.calls["close"]) == (1, 1)

        bench.world.stale_rows = []
        bench.world.scan("t1")
        await bench.tick()
        assert the_offer(bench) != key


async def test_a_reservation_that_ends_between_the_look_and_the_confirm_is_not_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was there a moment ago; the till hears nothing, and the table is freed (F26)."""
    bench = Bench()
    bench.till.owe("t1", BILL)
    async with bench.at_work():
        key = await offered(bench)
        bench.world.reserve(bench.world.charges[key])
        find_bills = bench.till.find_bills

        async def slowly(location_id: LocationId, table: str) -> object:
            bench.world.charges[key].status = TransactionStatus.FAILED
            return await find_bills(location_id, table)

        monkeypatch.setattr(bench.till, "find_bills", slowly)
        await bench.tick(3)

    assert (bench.world.calls["confirm"], bench.world.effects["confirm"]) == (1, 0)
    assert bench.last().end is End.EXPIRED
    assert bench.till.posted == []
    assert bench.world.effects["close"] == 1


async def test_our_transaction_confirmed_by_somebody_else_is_paid_once_and_told() -> None:
    """The money is taken, so the till hears of it and no confirm of ours follows (F27)."""
    bench = Bench()
    bench.till.owe("t1", BILL)
    with capture_logs() as lines:
        async with bench.at_work():
            key = await offered(bench)
            bench.world.charges[key].status = TransactionStatus.CONFIRMED
            await bench.tick(5)

    assert bench.world.calls["confirm"] == bench.world.calls["revoke"] == 0
    assert bench.last().end is End.PAID
    assert [paid.transaction_key for paid in bench.till.posted] == [key]
    events = [line["event"] for line in lines]
    assert events.count("transaction.confirmed_elsewhere") == 1


@pytest.mark.parametrize(
    ("act", "end", "revokes", "closes"),
    [("closed", End.LEFT, 1, 0), ("unlinked", End.LEFT, 1, 0), ("revoked", End.EXPIRED, 0, 1)],
)
async def test_a_human_who_ends_a_visit_by_hand_is_followed(
    act: str, end: End, revokes: int, closes: int
) -> None:
    """
    Somebody frees the table, takes the bill off it or withdraws the transaction with Paysera's own
    tools: what is left of the visit is taken down, and nothing is closed that is not its own (F56).
    """
    bench = Bench(Policy(offer_ttl_s=600))
    async with bench.at_work():
        key = await offered(bench)
        charge, table = bench.world.charges[key], bench.world.tables[SpotId("id-t1")]
        if act == "closed":
            bench.world.leave("t1")
        elif act == "unlinked":
            table.orders.clear()
        else:
            charge.status = TransactionStatus.REVOKED
        await bench.tick(6)

    first = bench.visits()[0]
    assert (first.step, first.end) == (Step.CLOSED, end)
    assert charge.status is TransactionStatus.REVOKED
    assert (bench.world.calls["revoke"], bench.world.calls["close"]) == (revokes, closes)
    assert len(bench.world.offers("t1")) == (1 if act == "unlinked" else 0), (
        "whoever waits is served"
    )
    assert bench.world.wrongs == []
