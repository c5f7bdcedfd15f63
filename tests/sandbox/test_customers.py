"""Scripted guests, with a merchant who serves them: every visit comes to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import httpx
import pytest

from worker.sandbox import Sandbox, SandboxOptions
from worker.sandbox.scenarios import SCRIPTS, WEIGHTS, Customers

from .bench import Bench
from .conftest import BenchMaker, listening

HURRY = 0.01


class Merchant:
    """Serves tables in the plainest way: one transaction a visit, confirm, close."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.rounds: dict[str, int] = {}  # how often an unpaid transaction was looked at

    async def serve_round(self) -> None:
        """Look at every waiting table once."""
        listed = await self.bench.ok("GET", "spots?status=waiting&limit=200")
        for spot in listed["spots"]:
            await self.serve_table(spot)

    async def serve_table(self, spot: dict[str, Any]) -> None:
        """Do the next thing that a table needs."""
        path = f"spot/{spot['id']}"
        if not spot["orders"]:
            key = await self.bench.create()
            await self.bench.call("POST", f"{path}/order", {"transaction_key": key})
            return
        key, status = spot["orders"][0]["transaction_key"], spot["orders"][0]["status"]
        self.rounds[key] = self.rounds.get(key, 0) + 1
        if status == "reserved":
            await self.bench.ok("PUT", f"transaction/{key}/confirm")
        elif status == "pending":
            if self.rounds[key] < 200:
                return
            await self.bench.ok("DELETE", f"transaction/{key}")
        now = await self.bench.ok("GET", path)
        if [one["transaction_key"] for one in now["orders"]] == [key]:
            await self.bench.ok("DELETE", path)


async def run_to_the_end(bench: Bench, customers: Customers) -> None:
    """Serve until the last guest has gone."""
    merchant = Merchant(bench)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        guests = group.create_task(customers.run())
        while not guests.done():
            await merchant.serve_round()
            await asyncio.wait([guests], timeout=0.001)


async def play(bench: Bench, script: str, *, patience_s: float = 5.0) -> None:
    """Let one guest play one script to the end."""
    customers = Customers(bench.sandbox, pace=HURRY, patience_s=patience_s)
    with mock.patch.object(customers, "draw", return_value=script):
        await run_to_the_end(bench, customers)


@pytest.fixture
async def one_guest(bench_with: BenchMaker) -> AsyncIterator[Bench]:
    """Give a bench for a single visit by script."""
    async with bench_with(SandboxOptions(spots=2, customers=1, visits_max=1)) as bench:
        yield bench


@pytest.mark.parametrize(
    ("script", "outcome", "statuses"),
    [
        ("pays", "pays: paid", {"confirmed": 1}),
        ("pays_late", "pays_late: paid", {"confirmed": 1}),
        ("declines", "declines: declined", {"rejected": 1}),
        ("walks_away", "walks_away: left", {"new": 1}),
        ("forgets", "forgets: forgot", {"deleted": 1}),
    ],
)
async def test_a_guest_plays_the_script(
    one_guest: Bench, script: str, outcome: str, statuses: dict[str, int]
) -> None:
    """What comes of the money is what the script says."""
    await play(one_guest, script)

    state = await one_guest.told("GET", "state")
    assert state["outcomes"] == {outcome: 1}
    assert state["transactions"] == statuses
    assert (await one_guest.told("GET", "ledger"))["waiting_spots"] == 0


async def test_a_guest_who_leaves_at_once_may_never_see_a_bill(one_guest: Bench) -> None:
    """Nobody pays; the table is open again."""
    await play(one_guest, "scans_and_leaves")

    ledger = await one_guest.told("GET", "ledger")
    assert (ledger["confirmed_count"], ledger["waiting_spots"]) == (0, 0)
    assert ledger["visits"]["left"] == 1


async def test_a_guest_who_comes_back_at_once_pays_twice_for_two_visits(
    bench_with: BenchMaker,
) -> None:
    """The second check-in follows the close without a pause, on the same spot id."""
    async with bench_with(SandboxOptions(spots=1, customers=1, visits_max=2)) as bench:
        await play(bench, "comes_back_at_once")

        ledger = await bench.told("GET", "ledger")
        state = await bench.told("GET", "state")

    assert [one["checkin"] for one in ledger["transactions"]] == [1, 2]
    assert ledger["confirmed_count"] == 2
    assert ledger["violations"] == []
    assert state["scenarios"] == {"comes_back_at_once": 1, "pays": 1}


async def test_without_a_merchant_every_guest_gives_up(bench_with: BenchMaker) -> None:
    """Patience is bounded, so a test never waits for a guest forever."""
    async with bench_with(SandboxOptions(spots=2, customers=2, visits_max=8)) as bench:
        async with asyncio.timeout(10):
            await Customers(bench.sandbox, pace=HURRY, patience_s=0.02).run()
        state = await bench.told("GET", "state")

    assert (state["customers_active"], state["customers_done"]) == (0, 8)
    assert {one["status"] for one in state["spots"]} == {"open"}


async def test_many_guests_and_a_plain_merchant_end_in_agreement(bench_with: BenchMaker) -> None:
    """Every visit ends, every table is free, and nothing was wrong with the money."""
    options = SandboxOptions(spots=5, customers=4, visits_max=40, seed=7)
    async with bench_with(options) as bench:
        await run_to_the_end(bench, Customers(bench.sandbox, pace=HURRY, patience_s=5))
        state, ledger = await bench.told("GET", "state"), await bench.told("GET", "ledger")

    paid = sum(n for outcome, n in state["outcomes"].items() if outcome.endswith(": paid"))
    assert (state["customers_started"], state["customers_done"]) == (40, 40)
    assert state["customers_gone"] is True
    assert sum(state["scenarios"].values()) == 40
    assert ledger["confirmed_total_minor"] == {"EUR": 1250 * paid}
    assert (ledger["reserved_count"], ledger["waiting_spots"]) == (0, 0)
    assert ledger["violations"] == []


def test_the_same_seed_gives_the_same_row_of_scripts() -> None:
    """Another seed gives another."""

    def row(seed: int) -> list[str]:
        customers = Customers(Sandbox(SandboxOptions(seed=seed)))
        return [customers.draw() for _ in range(200)]

    assert row(1) == row(1) != row(2)
    assert set(row(1)) == set(WEIGHTS) == set(SCRIPTS)


async def test_no_new_visits_start_after_the_guests_were_stopped() -> None:
    """Whoever sits stays to the end; then all are gone."""
    options = SandboxOptions(port=0, spots=3, customers=2)
    async with (
        listening(options) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        bench = Bench(http)
        merchant = Merchant(bench)
        async with asyncio.timeout(10):
            while (await bench.told("GET", "state"))["customers_started"] == 0:
                pass
        stopped = await bench.told("POST", "customers/stop")
        async with asyncio.timeout(20):
            while not (state := await bench.told("GET", "state"))["customers_gone"]:
                await merchant.serve_round()

    assert state["customers_started"] == stopped["customers_started"]
    assert state["customers_done"] == state["customers_started"]


async def test_guests_do_not_keep_a_server_from_stopping() -> None:
    """Whether they wait for a bill or take their time, they are gone when the server is."""
    loop = asyncio.get_running_loop()
    for seed in range(5):
        options = SandboxOptions(port=0, spots=12, customers=12, seed=seed)
        async with (
            listening(options) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        ):
            bench = Bench(http)
            async with asyncio.timeout(10):
                while (await bench.told("GET", "state"))["customers_started"] < 3:
                    pass
            await Merchant(bench).serve_round()
            began = loop.time()
        assert loop.time() - began < 1.0


async def test_a_reset_sends_the_guests_away_and_new_ones_come(bench_with: BenchMaker) -> None:
    """Guests of the old world do not count in the new one."""
    async with bench_with(SandboxOptions(spots=2, customers=2, visits_max=2)) as bench:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            customers = Customers(bench.sandbox, pace=HURRY, patience_s=0.05)
            guests = group.create_task(customers.run())
            while (await bench.told("GET", "state"))["customers_started"] < 2:
                await asyncio.wait([guests], timeout=0.001)
            await bench.told("POST", "reset")
        state = await bench.told("GET", "state")

    assert (state["customers_active"], state["customers_started"]) == (0, 2)
    assert state["customers_done"] == 2
