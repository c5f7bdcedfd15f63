"""The client and the sandbox, which share no code, understand each other over real HTTP."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from worker.adapters.wallet import WalletClient
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Done, Refusal, Refused
from worker.domain.wallet import (
    NewTransaction,
    Spot,
    SpotStatus,
    Transaction,
    TransactionStatus,
)
from worker.sandbox import SandboxOptions, serve

from .clockwork import LoopClock
from .conftest import MakeClient

HALL = LocationId(9975)
REFERENCE = OrderReference("w1-9975-v1")


@contextlib.asynccontextmanager
async def listening(options: SandboxOptions) -> AsyncIterator[str]:
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(options, on_ready=ready.set_result, stop=stop))
        try:
            yield f"http://127.0.0.1:{await ready}"
        finally:
            stop.set()


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """A sandbox with thirty tables."""
    async with listening(SandboxOptions(port=0, spots=30)) as origin:
        yield origin


@pytest.fixture
async def guests(origin: str) -> AsyncIterator[httpx.AsyncClient]:
    """What guests do, through the sandbox's control routes."""
    async with httpx.AsyncClient(base_url=f"{origin}/_sandbox", trust_env=False) as http:
        yield http


@pytest.fixture
def wallet(origin: str, make_client: MakeClient) -> WalletClient:
    """A client of the sandbox. Its clock is wrong by hours, so it has to learn the time first."""
    return make_client(f"{origin}/rest/v1")


async def offered(wallet: WalletClient, guests: httpx.AsyncClient) -> tuple[Spot, Transaction]:
    (await guests.post("/spots/table1/scan")).raise_for_status()
    listed = await wallet.list_waiting_spots(HALL)
    assert isinstance(listed, Done)
    (spot,) = listed.value.spots
    assert listed.value.is_complete
    request = NewTransaction(REFERENCE, Money(1250, "EUR"), "Table table1 / ą", 900)
    created = await wallet.create_transaction(request)
    assert isinstance(created, Done)
    linked = await wallet.link_order(spot.spot_id, created.value.key)
    assert isinstance(linked, Done)
    return spot, created.value


async def looked_at(wallet: WalletClient, key: TransactionKey) -> Transaction:
    outcome = await wallet.look_at_transaction(key)
    assert isinstance(outcome, Done)
    return outcome.value


async def test_a_visit_from_scan_to_close(
    wallet: WalletClient, guests: httpx.AsyncClient, clock: LoopClock
) -> None:
    """Scan, create, link, reserve, confirm, close: each step shows in what is read afterwards."""
    spot, created = await offered(wallet, guests)
    assert (spot.identifier, spot.location_id) == ("table1", HALL)
    assert created.status is TransactionStatus.NEW

    shown = await wallet.look_at_spot(spot.spot_id)
    assert isinstance(shown, Done)
    assert shown.value.live_keys() == {created.key}

    (await guests.post(f"/transactions/{created.key}/reserve")).raise_for_status()
    listed = await wallet.list_transactions([TransactionStatus.RESERVED])
    assert isinstance(listed, Done)
    assert [row.key for row in listed.value] == [created.key]
    reserved = await looked_at(wallet, created.key)
    assert reserved.status is TransactionStatus.RESERVED
    assert reserved.reference() == REFERENCE
    assert reserved.auto_confirm is False
    assert [payment.money for payment in reserved.payments or ()] == [Money(1250, "EUR")]

    not_after = clock.now() + timedelta(seconds=5)
    assert await wallet.confirm_transaction(created.key, not_after) == Done(None)
    assert (await looked_at(wallet, created.key)).status is TransactionStatus.CONFIRMED
    again = await wallet.confirm_transaction(created.key, not_after)
    assert isinstance(again, Refused)
    assert again.refusal is Refusal.STATE

    assert await wallet.close_spot(spot.spot_id) == Done(None)
    closed = await wallet.look_at_spot(spot.spot_id)
    assert isinstance(closed, Done)
    assert closed.value.status is not SpotStatus.WAITING


async def test_a_bill_that_nobody_pays_is_revoked(
    wallet: WalletClient, guests: httpx.AsyncClient, clock: LoopClock
) -> None:
    """A withdrawn transaction is released and can not be confirmed."""
    _, created = await offered(wallet, guests)

    assert await wallet.revoke_transaction(created.key) == Done(None)

    assert (await looked_at(wallet, created.key)).status in {
        TransactionStatus.REVOKED,
        TransactionStatus.DELETED,
    }
    refused = await wallet.confirm_transaction(created.key, clock.now() + timedelta(seconds=5))
    assert isinstance(refused, Refused)


async def test_a_lost_create_is_found_by_its_reference(
    wallet: WalletClient, guests: httpx.AsyncClient, clock: LoopClock
) -> None:
    """The search since a moment before it shows its key, and a look by key its reference."""
    since = clock.now()
    _, created = await offered(wallet, guests)

    found = await wallet.list_transactions([TransactionStatus.NEW], since)

    assert isinstance(found, Done)
    assert created.key in {row.key for row in found.value}
    later = await wallet.list_transactions(
        [TransactionStatus.NEW], clock.now() + timedelta(hours=1)
    )
    assert later == Done(())


async def test_all_waiting_tables_are_listed(
    wallet: WalletClient, guests: httpx.AsyncClient
) -> None:
    """However many pages the sandbox makes of them."""
    for number in range(1, 31):
        (await guests.post(f"/spots/table{number}/scan")).raise_for_status()

    listed = await wallet.list_waiting_spots(HALL)

    assert isinstance(listed, Done)
    assert (len(listed.value.spots), listed.value.is_complete) == (30, True)


async def test_what_is_not_there_is_missing(wallet: WalletClient) -> None:
    """The sandbox refuses as the vendor does."""
    for outcome in (
        await wallet.look_at_transaction(TransactionKey("nobody")),
        await wallet.look_at_spot(SpotId("999999")),
        await wallet.revoke_transaction(TransactionKey("no/bo?dy")),
    ):
        assert isinstance(outcome, Refused)
        assert outcome.refusal is Refusal.MISSING


async def test_a_wrong_key_is_a_matter_of_credentials(origin: str, make_client: MakeClient) -> None:
    """Nothing is read with it and nothing is done."""
    wallet = make_client(f"{origin}/rest/v1", mac_key="x" * 32)

    for outcome in (
        await wallet.list_waiting_spots(HALL),
        await wallet.close_spot(SpotId("1")),
    ):
        assert isinstance(outcome, Refused)
        assert outcome.refusal is Refusal.CREDENTIALS


async def test_under_faults_every_call_ends_in_one_of_its_four_ways(
    make_client: MakeClient,
) -> None:
    """Lost requests, lost replies, 5xx, 429, malformed and cut answers: never an exception."""
    dice = random.Random(9)
    async with listening(SandboxOptions(port=0, spots=5, faults=0.3, seed=3)) as origin:
        wallet = make_client(f"{origin}/rest/v1", timeout_s=0.3)
        for _ in range(40):
            request = NewTransaction(REFERENCE, Money(dice.randrange(1, 9999), "EUR"), "x", 900)
            outcome = await wallet.create_transaction(request)
            if isinstance(outcome, Done):
                await wallet.look_at_transaction(outcome.value.key)
                await wallet.revoke_transaction(outcome.value.key)
        assert (wallet.health.in_flight, wallet.health.waiting) == (0, 0)
