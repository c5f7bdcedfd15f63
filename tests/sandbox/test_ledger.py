"""The ledger finds what a payments person would never accept, and does not cry wolf."""

from __future__ import annotations

from typing import Any

import pytest

from .bench import Bench


class HandClock:
    """Machine time that moves by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.at


@pytest.fixture
def steady(bench: Bench) -> HandClock:
    """Let the time that guests have waited move by hand."""
    clock = HandClock()
    bench.sandbox.clock.steady = clock
    return clock


async def test_the_sums_are_by_status_and_currency(bench: Bench) -> None:
    """Confirmed, held and the rest stand apart; amounts are whole minor units."""
    dollars = [{"description": "x", "price": 300, "currency": "USD"}]
    for name, fields in (("a", {}), ("b", {}), ("c", {"payments": dollars})):
        _, key = await bench.reserved(name, **fields)
        if name != "b":
            await bench.ok("PUT", f"transaction/{key}/confirm")
    await bench.create()

    ledger = await bench.told("GET", "ledger")

    assert ledger["confirmed_total_minor"] == {"EUR": 1250, "USD": 300}
    assert (ledger["confirmed_count"], ledger["reserved_count"]) == (2, 1)
    assert ledger["held_total_minor"] == {"EUR": 1250}
    assert ledger["statuses"] == {"confirmed": 2, "reserved": 1, "new": 1}
    assert ledger["waiting_spots"] == 3
    row = ledger["transactions"][0]
    assert {
        "status": "confirmed",
        "amount_minor": 1250,
        "currency": "EUR",
        "spot_identifier": "a",
        "location_id": 9975,
        "checkin": 1,
    }.items() <= row.items()


async def test_two_confirmed_transactions_of_one_guest_are_a_violation(bench: Bench) -> None:
    """Nobody pays twice for one visit."""
    spot_id, first = await bench.reserved()
    await bench.ok("PUT", f"transaction/{first}/confirm")
    second = await bench.create()
    await bench.ok("POST", f"spot/{spot_id}/order", {"transaction_key": second})
    await bench.told("POST", f"transactions/{second}/reserve")
    assert await bench.violations() == []

    await bench.ok("PUT", f"transaction/{second}/confirm")

    ledger = await bench.told("GET", "ledger")
    assert [one["kind"] for one in ledger["violations"]] == ["double_confirm"]
    assert ledger["violations"][0]["keys"] == [first, second]
    assert ledger["violations"][0]["checkin"] == 1


async def test_two_live_orders_at_one_table_are_a_violation(bench: Bench) -> None:
    """Two bills that can both be paid are found before anybody pays them; one bill twice is not."""
    spot_id, key = await bench.offered()
    await bench.ok("POST", f"spot/{spot_id}/order", {"transaction_key": key})
    assert await bench.violations() == []

    other = await bench.create()
    await bench.ok("POST", f"spot/{spot_id}/order", {"transaction_key": other})

    assert await bench.violations() == ["two_live_orders"]


async def test_a_new_bill_after_a_revoked_one_is_right(bench: Bench) -> None:
    """A dead order beside a live one troubles nobody."""
    spot_id, key = await bench.offered()
    await bench.ok("DELETE", f"transaction/{key}")
    await bench.ok("POST", f"spot/{spot_id}/order", {"transaction_key": await bench.create()})

    assert await bench.violations() == []


async def test_a_confirm_of_what_was_never_at_a_table_is_a_violation(bench: Bench) -> None:
    """Somebody else's reservation in the same project is not ours to take."""
    key = await bench.create()
    await bench.told("POST", f"transactions/{key}/reserve")
    await bench.ok("PUT", f"transaction/{key}/confirm")

    assert await bench.violations() == ["confirmed_unlinked"]


async def test_a_close_over_held_money_is_a_violation(bench: Bench) -> None:
    """Confirm or revoke first; an unpaid order that is left behind is at least suspicious."""
    spot_id, _ = await bench.reserved()
    await bench.ok("DELETE", f"spot/{spot_id}")
    other, _ = await bench.offered("table2")
    await bench.ok("DELETE", f"spot/{other}")

    ledger = await bench.told("GET", "ledger")
    assert [one["kind"] for one in ledger["violations"]] == ["closed_while_reserved"]
    assert [one["kind"] for one in ledger["suspicions"]] == ["closed_while_payable"]


async def test_a_close_of_a_guest_whom_the_client_never_saw_is_a_violation(bench: Bench) -> None:
    """The close was meant for the guest before, who has gone."""
    spot_id, _ = await bench.offered()
    await bench.told("POST", "spots/table1/leave")
    await bench.scan()

    await bench.ok("DELETE", f"spot/{spot_id}")

    assert await bench.violations() == ["closed_unseen_guest"]


async def test_a_blind_repeat_of_a_close_is_a_violation(bench: Bench, steady: HandClock) -> None:
    """The answer to the first close was lost; the second one hits the guest who came meanwhile."""
    spot_id, key = await bench.reserved()
    await bench.ok("PUT", f"transaction/{key}/confirm")
    await bench.told("PUT", "faults", {"next": [{"op": "spot.close", "kind": "error_after"}]})
    await bench.call("DELETE", f"spot/{spot_id}")
    await bench.scan()
    steady.at += 2
    assert (await bench.ok("GET", f"spot/{spot_id}"))["status"] == "waiting"

    await bench.ok("DELETE", f"spot/{spot_id}")

    ledger = await bench.told("GET", "ledger")
    assert [one["kind"] for one in ledger["violations"]] == ["closed_next_guest"]
    assert ledger["violations"][0]["checkin"] == 2


@pytest.mark.parametrize(("waited_s", "violations"), [(2, ["closed_next_guest"]), (60, [])])
async def test_a_close_soon_after_a_guest_left_is_a_violation_and_a_late_one_is_not(
    bench: Bench, steady: HandClock, waited_s: float, violations: list[str]
) -> None:
    """A guest who waited long for a bill that never came may be sent away."""
    spot_id, _ = await bench.offered()
    await bench.told("POST", "spots/table1/leave")
    await bench.scan()
    await bench.ok("GET", "spots?status=waiting")
    steady.at += waited_s

    await bench.ok("DELETE", f"spot/{spot_id}")

    assert await bench.violations() == violations


async def test_a_close_without_a_bill_after_a_clean_visit_is_right(
    bench: Bench, steady: HandClock
) -> None:
    """At worst it was hasty, which is noted apart."""
    for waited_s in (60, 0.2):
        spot_id, key = await bench.reserved()
        await bench.ok("PUT", f"transaction/{key}/confirm")
        await bench.ok("DELETE", f"spot/{spot_id}")
        await bench.scan()
        await bench.ok("GET", f"spot/{spot_id}")
        steady.at += waited_s
        await bench.ok("DELETE", f"spot/{spot_id}")

    ledger = await bench.told("GET", "ledger")
    assert ledger["violations"] == []
    assert [one["kind"] for one in ledger["suspicions"]] == ["hasty_close"]


async def test_the_visits_are_counted(bench: Bench) -> None:
    """Scans, closes and departures, over all tables."""
    spot_id = await bench.scan()
    await bench.ok("DELETE", f"spot/{spot_id}")
    await bench.scan()
    await bench.told("POST", "spots/table1/leave")

    ledger: dict[str, Any] = await bench.told("GET", "ledger")

    assert ledger["visits"] == {"checkins": 2, "closes": 1, "left": 1, "refunds": 0}
    spot = ledger["spots"][0]
    assert (spot["status"], spot["checkins"], spot["closes"]) == ("open", 2, 1)
