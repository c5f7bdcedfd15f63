"""The contract of the tills: every connector, behind the guard, against a shop that is real.

A shop keeps books of its own; what the worker believes never matters here. Where a shop's books
have no way to say something, it says so, and the law does not concern it.
"""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.adapters.till.support import HALL, TERRACE
from tests.contract.tills import (
    AWKWARD,
    OTHER_VISIT,
    SPOT,
    TRIES_MAX,
    VISIT,
    document,
    if_it_can,
    notice,
    owed,
    where_bills_have_ids,
)
from tests.tills.shop import Shop
from tests.tills.shops import LOCKING, SHOPS
from worker.adapters.till import GuardedTill
from worker.adapters.till.connector import BillGone, Document, TillError
from worker.adapters.till.document import bill_from
from worker.domain.money import Money
from worker.ports import TillMissing, TillTrouble

where_bills_can_be_locked = pytest.mark.parametrize("shop", LOCKING, indirect=True)


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


@where_bills_have_ids
async def test_bills_that_say_when_they_were_opened_come_oldest_first(
    shop: Shop, till: GuardedTill
) -> None:
    """In whatever order and from whatever zone they are given."""
    opened = {
        "B-1": "2026-11-20T12:30:00Z",
        "B-2": "2026-11-20T14:10:00+02:00",
        "B-3": "2026-11-20T12:20:00.5Z",
    }
    with if_it_can():
        await shop.owe(HALL, SPOT, *(document(name, opened_at=at) for name, at in opened.items()))

    assert [bill.bill_id for bill in await owed(till)] == ["B-2", "B-3", "B-1"]


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
@where_bills_have_ids
async def test_what_a_bill_says_arrives(
    shop: Shop, till: GuardedTill, more: dict[str, Any]
) -> None:
    """Lines with their kinds, parts, and holds with all that belongs to them."""
    with if_it_can():
        await shop.owe(HALL, SPOT, document(**more))

    assert await owed(till) == (bill_from(document(**more)),)


@where_bills_have_ids
async def test_a_hold_that_came_to_nothing_is_nothing_owed(shop: Shop, till: GuardedTill) -> None:
    """The guest left without taking anything; what is held is given back."""
    with if_it_can():
        await shop.owe(HALL, SPOT, document(amount=0, final=True, ceiling_minor=5000))

    assert await owed(till) == ()


@where_bills_have_ids
async def test_a_table_with_a_wrong_bill_leaves_the_others_served(
    shop: Shop, till: GuardedTill
) -> None:
    """However often its guest asks: the till is well, and so is every other table (F70)."""
    with if_it_can():
        await shop.owe(HALL, SPOT, document(final=False))
    await shop.owe(HALL, "table6", document("B-6"))

    for _ in range(4):
        assert isinstance(await till.find_bills(HALL, SPOT), TillTrouble)

    assert [bill.bill_id for bill in await owed(till, "table6")] == ["B-6"]


@where_bills_can_be_locked
async def test_a_bill_that_another_guest_pays_leaves_the_others_served(
    shop: Shop, till: GuardedTill
) -> None:
    """Two guests at one bill are an ordinary evening, and no failure of the till (F70)."""
    await shop.owe(HALL, SPOT, document())
    await shop.owe(HALL, "table6", document("B-6"))
    assert not isinstance(await till.lock_bill(HALL, SPOT, "B-1", VISIT), TillTrouble)

    for _ in range(4):
        assert isinstance(await till.lock_bill(HALL, SPOT, "B-1", OTHER_VISIT), TillTrouble)

    assert [bill.bill_id for bill in await owed(till, "table6")] == ["B-6"]
    assert till.trouble_of(HALL) is None


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
    "a hold without a ceiling": (document(final=False),),
    "more than the ceiling": (document(final=False, ceiling_minor=2598),),
    "a good one and a bad one": (document(), document("B-2") | {"amount_minor": 25.99}),
    "two of one name": (document(), document(amount=2600)),
    "too many": tuple(document(f"B-{number}") for number in range(51)),
}


@pytest.mark.parametrize("what", HOSTILE)
@where_bills_have_ids
async def test_a_bill_that_is_wrong_is_trouble_for_its_own_table_only(
    shop: Shop, till: GuardedTill, what: str
) -> None:
    """Never a bill, never nothing owed; and once it is mended it is a bill (F73, F75)."""
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


@pytest.mark.parametrize("shop", sorted(set(SHOPS) - set(LOCKING)), indirect=True)
async def test_a_till_that_can_not_lock_says_so(shop: Shop, till: GuardedTill) -> None:
    """Asked all the same, it locks nothing and lets go of nothing."""
    await shop.owe(HALL, SPOT, document())

    assert not till.can_lock
    assert isinstance(await till.lock_bill(HALL, SPOT, "B-1", VISIT), TillTrouble)
    await till.unlock_bill(HALL, SPOT, "B-1", VISIT)
    assert len(await owed(till)) == 1


@where_bills_can_be_locked
async def test_a_lock_is_one_visits_until_it_is_let_go(shop: Shop, till: GuardedTill) -> None:
    """Asked for again by the same visit it is the same; another visit is refused."""
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


@where_bills_can_be_locked
async def test_a_lock_shows_the_bill_as_it_is_or_that_it_is_gone(
    shop: Shop, till: GuardedTill
) -> None:
    """What is locked is what is confirmed."""
    await shop.owe(HALL, SPOT, document(amount=3000))

    assert await till.lock_bill(HALL, SPOT, "B-1", VISIT) == bill_from(document(amount=3000))
    assert await till.lock_bill(HALL, SPOT, "B-other", VISIT) == TillMissing()
    await till.unlock_bill(HALL, SPOT, "B-other", VISIT)
    assert await till.post(notice()) is None
    assert await till.lock_bill(HALL, SPOT, "B-1", VISIT) == TillMissing()


@where_bills_can_be_locked
async def test_a_lock_lapses_by_itself(shop: Shop, till: GuardedTill) -> None:
    """A worker that died must not keep a waiter from changing a bill for ever."""
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
        odd = replace(notice(name), notice_id="notice-odd", table=AWKWARD)
        assert await till.post(odd) is None
        assert [one["bill_id"] for one in await shop.payments()] == [name]
        assert await owed(till, AWKWARD) == ()
