"""Every legal move of spots, orders and transactions, and the refusal of the others."""

from __future__ import annotations

from typing import Any

import pytest

from .bench import Bench

ENDS = ("confirmed", "revoked", "deleted", "rejected", "failed")
STATUSES = ("new", "waiting_funds", "reserved", *ENDS)


async def brought_to(bench: Bench, status: str) -> str:
    """Make a transaction and take it to a status by legal moves."""
    key = await bench.create()
    if status in ("reserved", "confirmed", "revoked", "failed"):
        await bench.told("POST", f"transactions/{key}/reserve")
    if status == "confirmed":
        await bench.ok("PUT", f"transaction/{key}/confirm")
    if status in ("revoked", "deleted"):
        await bench.ok("DELETE", f"transaction/{key}")
    if status == "rejected":
        await bench.told("POST", f"transactions/{key}/decline")
    if status == "waiting_funds":
        await bench.told("POST", f"transactions/{key}/wait", {"status": status})
    if status == "failed":
        await bench.told("POST", "clock/advance", {"seconds": 901})
    assert await bench.status(key) == status
    return key


async def test_a_visit_goes_from_the_scan_to_the_close(bench: Bench) -> None:
    """Order and payment follow the transaction all the way; the close clears the table."""
    spot_id = await bench.scan()
    key = await bench.create()
    order = await bench.ok("POST", f"spot/{spot_id}/order", {"transaction_key": key})
    assert (order["transaction_key"], order["status"]) == (key, "pending")

    await bench.told("POST", f"transactions/{key}/reserve")
    spot = await bench.ok("GET", f"spot/{spot_id}")
    assert spot["orders"] == [{**order, "status": "reserved"}]
    assert spot["place_info"]["location_id"] == 9975

    done = await bench.ok("PUT", f"transaction/{key}/confirm")
    assert (done["status"], done["payments"][0]["status"]) == ("confirmed", "confirmed")
    assert done["confirmed_at"] >= done["created_at"]

    closed = await bench.ok("DELETE", f"spot/{spot_id}")
    assert (closed["status"], closed["orders"]) == ("closed", [])
    assert await bench.status(key) == "confirmed"
    assert await bench.violations() == []


@pytest.mark.parametrize("status", STATUSES)
async def test_only_a_reserved_transaction_can_be_confirmed(bench: Bench, status: str) -> None:
    """Money that is not held cannot be taken, and is not taken twice."""
    key = await brought_to(bench, status)

    answer = await bench.call("PUT", f"transaction/{key}/confirm")

    assert answer.status_code == (200 if status == "reserved" else 409)
    if status != "reserved":
        assert answer.json()["error"] == "invalid_state"
        assert await bench.status(key) == status


@pytest.mark.parametrize("status", STATUSES)
async def test_a_transaction_is_revoked_while_it_is_not_final(bench: Bench, status: str) -> None:
    """An untouched one is deleted, an accepted one revoked; a final one stays."""
    key = await brought_to(bench, status)

    answer = await bench.call("DELETE", f"transaction/{key}")

    after = {"new": "deleted", "waiting_funds": "revoked", "reserved": "revoked"}
    assert answer.status_code == (200 if status in after else 409)
    assert await bench.status(key) == after.get(status, status)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("move", "becomes"), [("reserve", "reserved"), ("decline", "rejected")])
async def test_a_guest_answers_only_an_open_question(
    bench: Bench, status: str, move: str, becomes: str
) -> None:
    """New and waiting transactions can be agreed to or refused, and no others."""
    key = await brought_to(bench, status)

    answer = await bench.control("POST", f"transactions/{key}/{move}")

    is_open = status in ("new", "waiting_funds")
    assert answer.status_code == (200 if is_open else 409)
    assert await bench.status(key) == (becomes if is_open else status)


async def test_held_money_goes_back_when_its_time_is_over(bench: Bench) -> None:
    """The time counts from the reservation, not from the creation."""
    _, key = await bench.offered(reserve={"for": 60})
    await bench.told("POST", "clock/advance", {"seconds": 1000})
    await bench.told("POST", f"transactions/{key}/reserve")
    await bench.told("POST", "clock/advance", {"seconds": 50})
    assert await bench.status(key) == "reserved"

    await bench.told("POST", "clock/advance", {"seconds": 11})

    assert await bench.status(key) == "failed"
    ledger = await bench.told("GET", "ledger")
    assert (ledger["held_total_minor"], ledger["reserved_count"]) == ({}, 0)


async def test_an_untouched_transaction_is_forgotten_after_a_month(bench: Bench) -> None:
    """The vendor deletes new transactions by itself."""
    key = await bench.create()

    await bench.told("POST", "clock/advance", {"seconds": 31 * 86_400})

    assert await bench.status(key) == "deleted"


async def test_auto_confirm_takes_the_money_with_the_reservation(bench: Bench) -> None:
    """No separate confirm is needed, nor possible."""
    _, key = await bench.offered(auto_confirm=True)

    await bench.told("POST", f"transactions/{key}/reserve")

    assert await bench.status(key) == "confirmed"
    assert (await bench.call("PUT", f"transaction/{key}/confirm")).status_code == 409


async def test_a_confirm_may_lower_an_amount(bench: Bench) -> None:
    """Less than was held may be taken, named by payment."""
    _, key = await bench.reserved()
    payment = (await bench.ok("GET", f"transaction/{key}"))["payments"][0]
    body = {str(payment["id"]): {"price": 1000, "price_decimal": "10.00", "currency": "EUR"}}

    done = await bench.ok("PUT", f"transaction/{key}/confirm", body)

    assert (done["payments"][0]["price"], done["payments"][0]["price_decimal"]) == (1000, "10.00")
    assert (await bench.told("GET", "ledger"))["confirmed_total_minor"] == {"EUR": 1000}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"price": 1251, "currency": "EUR"}, 400),
        ({"price": 1000, "currency": "USD"}, 400),
        ({"price": 1000, "price_decimal": "9.99"}, 400),
        ({"price": 0}, 400),
        ({"price": 10.5}, 400),
        ({}, 400),
        ({"price": 1000, "mood": "good"}, 501),
    ],
)
async def test_a_confirm_never_raises_or_muddles_an_amount(
    bench: Bench, change: dict[str, Any], status: int
) -> None:
    """A refused confirm leaves the money held and the amount as it was."""
    _, key = await bench.reserved()
    before = await bench.ok("GET", f"transaction/{key}")

    answer = await bench.call(
        "PUT", f"transaction/{key}/confirm", {str(before["payments"][0]["id"]): change}
    )

    assert answer.status_code == status
    assert await bench.ok("GET", f"transaction/{key}") == before


async def test_a_confirm_of_a_strangers_payment_is_refused(bench: Bench) -> None:
    """Amounts are lowered on the transaction's own payments only."""
    _, key = await bench.reserved()

    answer = await bench.call("PUT", f"transaction/{key}/confirm", {"7": {"price": 1}})

    assert answer.json()["error_properties"] == {"7": ["7 is not a payment of this transaction"]}


async def test_a_spot_is_closed_once(bench: Bench) -> None:
    """A second close, or the close of a table where nobody sits, is an invalid state."""
    spot_id = await bench.scan()
    first = await bench.call("DELETE", f"spot/{spot_id}")
    second = await bench.call("DELETE", f"spot/{spot_id}")
    empty = await bench.call("DELETE", "spot/502")

    assert [one.status_code for one in (first, second, empty)] == [200, 409, 409]


async def test_the_next_guest_has_the_same_spot_id_and_no_orders(bench: Bench) -> None:
    """A spot's id serves every guest; only the check-in is new, and the vendor never shows it."""
    spot_id, _ = await bench.offered()
    await bench.told("POST", "spots/table1/leave")
    again = await bench.told("POST", "spots/table1/scan")

    assert again["checkin"] == 2
    assert (again["spot"]["id"], again["spot"]["orders"]) == (spot_id, [])


async def test_an_order_needs_a_waiting_spot_and_a_living_transaction(bench: Bench) -> None:
    """Nobody is shown a bill at an empty table, nor a bill that is settled."""
    key, gone = await bench.create(), await brought_to(bench, "deleted")
    empty = await bench.call("POST", "spot/501/order", {"transaction_key": key})
    spot_id = await bench.scan()
    settled = await bench.call("POST", f"spot/{spot_id}/order", {"transaction_key": gone})
    unknown = await bench.call("POST", f"spot/{spot_id}/order", {"transaction_key": "nobody"})
    missing = await bench.call("POST", f"spot/{spot_id}/order", {})
    strange = await bench.call("POST", f"spot/{spot_id}/order", {"key": key})

    answers = (empty, settled, unknown, missing, strange)
    assert [one.status_code for one in answers] == [409, 409, 404, 400, 501]


async def test_a_transaction_is_shown_to_one_guest_only(bench: Bench) -> None:
    """A bill that another guest has seen cannot be put on a second table."""
    _, key = await bench.offered("table1")
    other = await bench.scan("table2")

    answer = await bench.call("POST", f"spot/{other}/order", {"transaction_key": key})

    assert answer.status_code == 409


async def test_a_pending_order_can_be_read_changed_and_taken_off(bench: Bench) -> None:
    """The merchant may change orders; one that is reserved stays."""
    spot_id, key = await bench.offered()
    order = (await bench.ok("GET", f"spot/{spot_id}"))["orders"][0]
    path = f"spot/{spot_id}/order/{order['id']}"
    assert await bench.ok("GET", path) == order

    other = await bench.create()
    changed = await bench.ok("PUT", path, {"transaction_key": other})
    assert changed == {**order, "transaction_key": other}

    await bench.ok("DELETE", path)
    assert (await bench.ok("GET", f"spot/{spot_id}"))["orders"] == []
    assert (await bench.call("GET", path)).status_code == 404

    held = await bench.ok("POST", f"spot/{spot_id}/order", {"transaction_key": key})
    await bench.told("POST", f"transactions/{key}/reserve")
    answer = await bench.call("DELETE", f"spot/{spot_id}/order/{held['id']}")
    assert answer.status_code == 409


async def test_the_apps_can_check_in_and_out_and_reserve(bench: Bench) -> None:
    """The guest's half of the API works too, for whoever wants to play the app."""
    waiting = await bench.ok("PUT", "spot/501/check-in?fields=id,status")
    key = await bench.create()
    await bench.ok("POST", "spot/501/order", {"transaction_key": key})
    held = await bench.ok("PUT", f"transaction/{key}/reserve/77")
    open_again = await bench.ok("PUT", "spot/501/check-out")

    assert waiting == {"id": 501, "status": "waiting"}
    assert (held["status"], held["wallet"], held["type"]) == ("reserved", 77, "mobile_app")
    assert open_again["status"] == "open"
    assert (await bench.call("PUT", "spot/501/check-out")).status_code == 409


async def test_a_frozen_payment_can_be_given_back_and_a_done_one_cannot(bench: Bench) -> None:
    """Until its freeze is over the beneficiary cannot use the money."""
    payment = {"description": "x", "price": 500, "currency": "EUR", "freeze": {"for": 100}}
    ids = []
    for _ in range(2):
        _, key = await bench.reserved("table3", payments=[payment])
        ids.append((await bench.ok("PUT", f"transaction/{key}/confirm"))["payments"][0]["id"])
        await bench.told("POST", "spots/table3/leave")

    given_back = await bench.ok("DELETE", f"payment/{ids[0]}")
    await bench.told("POST", "clock/advance", {"seconds": 101})
    done = await bench.ok("GET", f"payment/{ids[1]}")
    refused = await bench.call("DELETE", f"payment/{ids[1]}")

    assert (given_back["status"], done["status"]) == ("canceled", "done")
    assert refused.status_code == 409
    assert (await bench.told("GET", "ledger"))["refunded_total_minor"] == {"EUR": 500}


async def test_a_payment_belongs_to_one_transaction(bench: Bench) -> None:
    """An existing payment moves to the new transaction; the old one, left empty, is deleted."""
    old = await bench.create()
    payment_id = (await bench.ok("GET", f"transaction/{old}"))["payments"][0]["id"]

    new = await bench.create(payments=[payment_id])

    assert (await bench.ok("GET", f"payment/{payment_id}"))["transaction_key"] == new
    assert await bench.status(old) == "deleted"
