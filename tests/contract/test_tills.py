"""The contract of the tills: every connector, behind the guard, against a shop that is real.

A shop keeps books of its own; what the worker believes never matters here. Where a shop's books
have no way to say something, it says so, and the law does not concern it.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.adapters.till.support import HALL, NOON, TERRACE, Ticks
from tests.tills.shop import Shop
from tests.tills.shops import SHOPS, Unholdable, make_shop
from worker.adapters.till import GuardedTill
from worker.adapters.till.connector import BillGone, Document, TillError
from worker.adapters.till.document import bill_from
from worker.domain.bill import Bill
from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.ports import TillMissing, TillTrouble

LIMIT_S: Final = 1.0
TRIES_MAX: Final = 400
SPOT: Final = "table5"
VISIT, OTHER_VISIT = "v-0042", "v-0043"
AWKWARD: Final = "O'Hara \"5\";\n--\t%s \\ {spot}/../é🍜 '); DROP TABLE bills; --"


@pytest.fixture(params=SHOPS)
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop that is open for the test."""
    shop = make_shop(request.param, tmp_path)
    await shop.open()
    yield shop
    with contextlib.suppress(Unholdable):
        await shop.mend()
    await shop.close()


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
async def till(shop: Shop, clock: Ticks) -> GuardedTill:
    """The guarded way to the shop; the shop's closing closes its end."""
    return GuardedTill(shop.connector(), clock, LIMIT_S, has_ids=shop.knows_ids)


@contextlib.contextmanager
def if_it_can() -> Iterator[None]:
    """Leave a law aside that a shop can not meet because it can not get there."""
    try:
        yield
    except Unholdable as why:
        pytest.skip(str(why))


def with_ids(shop: Shop) -> None:
    if not shop.knows_ids:
        pytest.skip("its bills have no ids")


def document(bill_id: str = "B-1", amount: int = 2599, **more: object) -> dict[str, Any]:
    return {"bill_id": bill_id, "currency": "EUR", "amount_minor": amount, **more}


def notice(bill_id: str = "B-1", *, part: str | None = None, amount: int = 2599) -> Notice:
    name = f"{bill_id}-{part}" if part else bill_id
    return Notice(
        notice_id=f"notice-{name}",
        visit_id=VisitId(42),
        location_id=HALL,
        table=SPOT,
        bill_id=bill_id,
        part_id=part,
        money=Money(amount, "EUR"),
        bill_minor=2599,
        service_minor=0,
        tip_minor=0,
        transaction_key=TransactionKey(f"ATaN-{name}"),
        reference=OrderReference(f"v1.abc.9975.42.{name}"),
        paid_at=NOON,
    )


async def owed(till: GuardedTill, spot: str = SPOT, at: LocationId = HALL) -> tuple[Bill, ...]:
    """Give the bills of a spot, which the till must be able to tell."""
    found = await till.find_bills(at, spot)
    assert isinstance(found, tuple), found
    return found


async def booked(shop: Shop) -> list[tuple[object, object]]:
    """Give the payments in the shop's books, by notice and bill."""
    return sorted((str(one["notice_id"]), str(one["bill_id"])) for one in await shop.payments())


async def until_well(till: GuardedTill, clock: Ticks) -> None:
    """Wait until the till answers again; pauses pass at once."""
    for _ in range(TRIES_MAX):
        clock.s += 60
        if isinstance(await till.find_bills(HALL, SPOT), tuple):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the till never came back")


async def test_a_table_without_a_bill_owes_nothing(till: GuardedTill) -> None:
    """Which is an answer, not trouble (F68)."""
    assert await owed(till) == ()
    assert await till.check() == []


async def test_a_table_owes_its_own_bill_and_no_other_does(shop: Shop, till: GuardedTill) -> None:
    """Neither another table nor another location."""
    await shop.owe(HALL, SPOT, document())

    (bill,) = await owed(till)

    assert bill.money == Money(2599, "EUR")
    assert bill.bill_id == ("B-1" if shop.knows_ids else None)
    assert await owed(till, "table6") == ()
    if shop.knows_ids:
        assert await owed(till, at=TERRACE) == ()


async def test_several_bills_come_oldest_first(shop: Shop, till: GuardedTill) -> None:
    """In the order in which the shop opened them, whatever they are called."""
    names = ["B-3", "B-1", "B-2", "A"]
    opened = [f"2026-11-20T12:0{number}:00Z" for number in range(4)]
    documents = [
        document(name, 100 + number, opened_at=at)
        for number, (name, at) in enumerate(zip(names, opened, strict=True))
    ]
    with if_it_can():
        await shop.owe(HALL, SPOT, *documents)

    assert [bill.bill_id for bill in await owed(till)] == names


@pytest.mark.parametrize(
    "more",
    [
        {"description": "Lunch"},
        {
            "lines": [
                {"title": "Soup", "quantity": 2, "amount_minor": 2000},
                {"title": "Regular's", "quantity": 1, "amount_minor": -100, "kind": "item"},
                {"title": "Service", "quantity": 1, "amount_minor": 399, "kind": "service"},
                {"title": "Tip", "quantity": 1, "amount_minor": 300, "kind": "tip"},
            ]
        },
        {
            "parts": [
                {"part_id": "a", "amount_minor": 2000, "description": "Ona"},
                {"part_id": "b", "amount_minor": 599},
            ]
        },
        {"final": False, "ceiling_minor": 5000},
        {"final": False, "ceiling_minor": 5000, "hold_s": 7200, "at_hold_end": "confirm"},
        {"final": True, "ceiling_minor": 5000},
    ],
    ids=["described", "lines", "parts", "hold", "hold confirmed at its end", "hold ended"],
)
async def test_what_a_bill_says_arrives(
    shop: Shop, till: GuardedTill, more: dict[str, Any]
) -> None:
    """Lines with their kinds, parts, and holds with all that belongs to them."""
    with_ids(shop)
    with if_it_can():
        await shop.owe(HALL, SPOT, document(**more))

    assert await owed(till) == (bill_from(document(**more)),)


async def test_a_hold_that_came_to_nothing_is_nothing_owed(shop: Shop, till: GuardedTill) -> None:
    """The guest left without taking anything; what is held is given back."""
    with_ids(shop)
    with if_it_can():
        await shop.owe(HALL, SPOT, document(amount=0, final=True, ceiling_minor=5000))

    assert await owed(till) == ()


async def test_a_changed_bill_is_seen_at_once(shop: Shop, till: GuardedTill) -> None:
    """A stale total must never be confirmed (F69); a bill that is paid in cash is gone (F74)."""
    for amount in (2599, 2600, 2599, 9952):
        await shop.owe(HALL, SPOT, document(amount=amount))
        (bill,) = await owed(till)
        assert bill.money == Money(amount, "EUR")
    await shop.owe(HALL, SPOT)
    assert await owed(till) == ()


HOSTILE: Final[dict[str, tuple[Document, ...]]] = {
    "a float": (document() | {"amount_minor": 25.99},),
    "a float that is whole": (document() | {"amount_minor": 2599.0},),
    "a text": (document() | {"amount_minor": "lots"},),
    "a yes": (document() | {"amount_minor": True},),
    "nothing": (document() | {"amount_minor": None},),
    "below zero": (document(amount=-2599),),
    "zero": (document(amount=0),),
    "too much": (document(amount=10**10 + 1),),
    "far too much": (document(amount=10**30),),
    "another currency": (document() | {"currency": "JPY"},),
    "no currency": ({"bill_id": "B-1", "amount_minor": 2599},),
    "no name": (document() | {"bill_id": ""},),
    "a long name": (document("B" * 129),),
    "lines that do not add up": (
        document(lines=[{"title": "Soup", "quantity": 1, "amount_minor": 2598}]),
    ),
    "lines that are none": (document(lines="soup"),),
    "one part": (document(parts=[{"part_id": "a", "amount_minor": 2599}]),),
    "a hold without a ceiling": (document(final=False),),
    "more than the ceiling": (document(final=False, ceiling_minor=2598),),
    "a good one and a bad one": (document(), document("B-2") | {"amount_minor": 25.99}),
    "two of one name": (document(), document(amount=2600)),
    "too many": tuple(document(f"B-{number}") for number in range(51)),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_bill_that_is_wrong_is_trouble_for_its_own_table_only(
    shop: Shop, till: GuardedTill, what: str
) -> None:
    """Never a bill, never nothing owed; and once it is mended it is a bill (F73, F75)."""
    with_ids(shop)
    await shop.owe(HALL, "table7", document("of table7"))
    with if_it_can():
        await shop.owe(HALL, SPOT, *HOSTILE[what])

    for _ in range(5):
        found = await till.find_bills(HALL, SPOT)
        assert isinstance(found, TillTrouble), found
        assert found.why.isprintable()
        assert len(await owed(till, "table7")) == 1

    await shop.owe(HALL, SPOT, document())
    assert len(await owed(till)) == 1


async def test_a_paid_bill_is_in_the_books_once_and_not_owed(shop: Shop, till: GuardedTill) -> None:
    """Told twice, the second time changes nothing (F72); another bill's payment is its own."""
    with_ids(shop)
    await shop.owe(HALL, SPOT, document())
    await shop.owe(HALL, "table6", document("B-2"))

    for _ in range(3):
        assert await till.post(notice()) is None
        assert await booked(shop) == [("notice-B-1", "B-1")]
        assert await owed(till) == ()
    assert len(await owed(till, "table6")) == 1
    assert await till.post(replace(notice("B-2"), table="table6")) is None
    assert await booked(shop) == [("notice-B-1", "B-1"), ("notice-B-2", "B-2")]


async def test_told_twice_at_the_same_time_is_told_once(shop: Shop, till: GuardedTill) -> None:
    """An answer that was lost may only have been late."""
    with_ids(shop)
    await shop.owe(HALL, SPOT, document())

    await asyncio.gather(*(till.post(notice()) for _ in range(4)))
    assert await till.post(notice()) is None

    assert await booked(shop) == [("notice-B-1", "B-1")]


async def test_a_payment_of_a_bill_that_is_gone_is_never_lost(
    shop: Shop, till: GuardedTill
) -> None:
    """Either the shop has it in its books, once, or it says that it does not."""
    with_ids(shop)

    for _ in range(2):
        told = await till.post(notice("B-gone"))
        expected = [("notice-B-gone", "B-gone")] if told is None else []
        assert await booked(shop) == expected


async def test_each_part_of_a_bill_is_paid_once(shop: Shop, till: GuardedTill) -> None:
    """The bill is owed until the last part is paid."""
    with_ids(shop)
    parts = [{"part_id": "a", "amount_minor": 2000}, {"part_id": "b/2", "amount_minor": 599}]
    with if_it_can():
        await shop.owe(HALL, SPOT, document(parts=parts))

    for _ in range(2):
        assert await till.post(notice(part="b/2", amount=599)) is None
    assert len(await owed(till)) == 1
    for _ in range(2):
        assert await till.post(notice(part="a", amount=2000)) is None

    assert await owed(till) == ()
    assert await booked(shop) == [("notice-B-1-a", "B-1"), ("notice-B-1-b/2", "B-1")]


async def test_a_till_that_is_out_of_order_is_trouble_until_it_is_mended(
    shop: Shop, till: GuardedTill, clock: Ticks
) -> None:
    """An outage must never look like an empty table; the payment is told afterwards (F71)."""
    with if_it_can():
        await shop.owe(HALL, SPOT, document())
        await shop.break_down()

    for _ in range(4):
        assert isinstance(await till.find_bills(HALL, SPOT), TillTrouble)
        assert isinstance(await till.post(notice()), TillTrouble)
    assert await till.check() != []
    await till.unlock_bill(HALL, SPOT, "B-1", VISIT)

    await shop.mend()
    await until_well(till, clock)
    assert len(await owed(till)) == 1
    assert await till.post(notice()) is None
    assert await booked(shop) == [("notice-B-1", "B-1")]


async def test_a_till_that_hangs_is_trouble_in_time(
    shop: Shop, till: GuardedTill, clock: Ticks
) -> None:
    """However many ask; and it comes back by itself (F70)."""
    with if_it_can():
        await shop.owe(HALL, SPOT, document())
        await shop.hang()
    begun_s = time.monotonic()

    found = await asyncio.gather(*(till.find_bills(HALL, f"table{n}") for n in range(10)))
    told = await till.post(notice())

    assert all(isinstance(one, TillTrouble) for one in found)
    assert isinstance(told, TillTrouble)
    assert time.monotonic() - begun_s < 2 * LIMIT_S + 2
    await shop.mend()
    await until_well(till, clock)
    assert await till.post(notice()) is None
    assert await booked(shop) == [("notice-B-1", "B-1")]


async def test_a_location_that_hangs_is_no_other_locations_trouble(
    shop: Shop, till: GuardedTill
) -> None:
    """Where the connector can tell them apart (F70)."""
    hang_at = getattr(shop, "hang_at", None)
    if hang_at is None:
        pytest.skip("all of its locations share one way")
    await shop.owe(TERRACE, SPOT, document())
    await hang_at(HALL)
    hanging = asyncio.ensure_future(till.find_bills(HALL, SPOT))

    for _ in range(20):
        assert len(await owed(till, at=TERRACE)) == 1

    assert isinstance(await hanging, TillTrouble)


async def test_a_lock_is_one_visits_until_it_is_let_go(shop: Shop, till: GuardedTill) -> None:
    """Asked for again by the same visit it is the same; another visit is refused."""
    if not till.can_lock:
        pytest.skip("it can not lock")
    await shop.owe(HALL, SPOT, document())
    bill = bill_from(document())

    assert await till.lock_bill(HALL, SPOT, "B-1", VISIT) == bill
    assert await till.lock_bill(HALL, SPOT, "B-1", VISIT) == bill
    assert isinstance(await till.lock_bill(HALL, SPOT, "B-1", OTHER_VISIT), TillTrouble)
    await till.unlock_bill(HALL, SPOT, "B-1", OTHER_VISIT)
    assert isinstance(await till.lock_bill(HALL, SPOT, "B-1", OTHER_VISIT), TillTrouble)
    await till.unlock_bill(HALL, SPOT, "B-1", VISIT)
    await till.unlock_bill(HALL, SPOT, "B-1", VISIT)
    assert await till.lock_bill(HALL, SPOT, "B-1", OTHER_VISIT) == bill
    assert len(await owed(till)) == 1, "a locked bill is owed all the same"


async def test_a_lock_shows_the_bill_as_it_is_or_that_it_is_gone(
    shop: Shop, till: GuardedTill
) -> None:
    """What is locked is what is confirmed."""
    if not till.can_lock:
        pytest.skip("it can not lock")
    await shop.owe(HALL, SPOT, document(amount=3000))

    assert await till.lock_bill(HALL, SPOT, "B-1", VISIT) == bill_from(document(amount=3000))
    assert await till.lock_bill(HALL, SPOT, "B-other", VISIT) == TillMissing()
    await till.unlock_bill(HALL, SPOT, "B-other", VISIT)
    assert await till.post(notice()) is None
    assert await till.lock_bill(HALL, SPOT, "B-1", VISIT) == TillMissing()


async def test_a_lock_lapses_by_itself(shop: Shop, till: GuardedTill) -> None:
    """A worker that died must not keep a waiter from changing a bill for ever."""
    if not till.can_lock:
        pytest.skip("it can not lock")
    await shop.owe(HALL, SPOT, document())
    connector = shop.connector()
    await connector.lock(HALL, SPOT, "B-1", VISIT, 1)
    with pytest.raises(TillError):
        await connector.lock(HALL, SPOT, "B-1", OTHER_VISIT, 1)

    for _ in range(TRIES_MAX):
        with contextlib.suppress(TillError):
            await connector.lock(HALL, SPOT, "B-1", OTHER_VISIT, 1)
            break
        await asyncio.sleep(0.01)
    else:
        raise AssertionError("the lock never lapsed")
    with pytest.raises(BillGone):
        await connector.lock(HALL, SPOT, "B-none", VISIT, 1)


async def test_texts_of_any_kind_are_only_texts(shop: Shop, till: GuardedTill) -> None:
    """A table, a bill and a description may hold quotes, line ends, emoji and SQL (F63)."""
    name = AWKWARD[:100] if shop.knows_ids else "B-1"
    with if_it_can():
        await shop.owe(HALL, AWKWARD, document(name, description=AWKWARD))

    (bill,) = await owed(till, AWKWARD)
    assert bill.money == Money(2599, "EUR")
    assert bill.description.isprintable()
    assert "🍜" in bill.description
    assert await owed(till, AWKWARD + "x") == ()
    assert await owed(till, "") == ()
    if shop.knows_ids:
        assert bill == bill_from(document(name, description=AWKWARD))
        assert await till.post(replace(notice(name), table=AWKWARD)) is None
        assert [one["bill_id"] for one in await shop.payments()] == [name]
        assert await owed(till, AWKWARD) == ()


async def test_closing_does_not_wait_for_a_till_that_hangs(shop: Shop, till: GuardedTill) -> None:
    """The worker stops within its ten seconds, whatever the shop does."""
    with if_it_can():
        await shop.hang()
    asking = [asyncio.ensure_future(till.find_bills(HALL, SPOT)) for _ in range(3)]
    await asyncio.sleep(0)
    begun_s = time.monotonic()

    await till.aclose()

    assert time.monotonic() - begun_s < 4
    assert all(isinstance(one, TillTrouble) for one in await asyncio.gather(*asking))
