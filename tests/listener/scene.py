"""A busy evening, made of real visits, for whoever draws, counts or photographs it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.bill import Bill, BillPart, Hold
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.part import Part, PartState
from worker.domain.visit import End, Step, Visit
from worker.domain.wallet import Spot, SpotList, SpotStatus
from worker.ports import Owed
from worker.service.floor import FloorBook, Moment, Notices

HALL, TERRACE = LocationId(9975), LocationId(9976)
NAMES = {HALL: "Main hall", TERRACE: "Terrace"}
EVENING = datetime(2026, 8, 14, 18, 42, 5, tzinfo=UTC)
KEY = TransactionKey("a-key-that-no-page-may-ever-show")
LOOPS = (
    ("spots-9975", 1.2, 60.0),
    ("spots-9976", 2.4, 60.0),
    ("reservations", 0.8, 60.0),
    ("sweep", 2.0, 30.0),
    ("strangers", 1.1, 900.0),
    ("journal", 3.0, 15.0),
)


def a_visit(
    number: int,
    table: str,
    step: Step,
    *,
    minor: int | None = 1250,
    ago_s: float = 60.0,
    now: datetime = EVENING,
    location: LocationId = HALL,
    lasted_s: float = 0.0,
    **more: Any,
) -> Visit:
    """Give a visit that began so long ago and has stood where it stands for as long."""
    opened_at = now - timedelta(seconds=ago_s)
    bill = None if minor is None else Bill(f"B-{number}", Money(minor, "EUR"), f"Table {table}")
    visit = Visit(
        visit_id=VisitId(number),
        instance="k3f9",
        nonce="abcdef",
        location_id=location,
        spot_id=SpotId(f"{location}-{table}"),
        table=table,
        opened_at=opened_at,
        step=step,
        since=opened_at + timedelta(seconds=lasted_s),
        bill=bill,
        transaction_key=KEY,
    )
    return replace(visit, **more)


def a_paid(
    number: int,
    table: str,
    minor: int,
    *,
    ago_s: float,
    lasted_s: float = 95.0,
    location: LocationId = HALL,
    now: datetime = EVENING,
) -> Visit:
    """Give a visit that ended well so long ago."""
    visit = a_visit(
        number, table, Step.CLOSED, minor=minor, ago_s=ago_s + lasted_s, lasted_s=lasted_s,
        location=location, now=now,
    )  # fmt: skip
    closed_at = visit.since
    return replace(
        visit, end=End.PAID, reason="the guest paid", paid_at=closed_at, taken_minor=minor,
        offered_at=visit.opened_at, reserved_at=closed_at, spot_closed_at=closed_at,
    )  # fmt: skip


def in_parts(visit: Visit, *minors: int, paid: int = 0) -> Visit:
    """Split a visit's bill into parts of these amounts, the first so many of them paid."""
    assert visit.bill is not None
    assert sum(minors) == visit.bill.money.amount_minor, "the parts of a bill add up to it"
    moneys = [Money(minor, visit.bill.money.currency) for minor in minors]
    parts = tuple(
        Part(
            part_id=f"p{number}", money=money, number=number, key=TransactionKey(f"{KEY}-{number}"),
            state=PartState.PAID if number <= paid else PartState.OFFERED,
        )
        for number, money in enumerate(moneys, start=1)
    )  # fmt: skip
    bill = replace(
        visit.bill,
        parts=tuple(BillPart(part.part_id, part.money) for part in parts),
    )
    return replace(
        visit, bill=bill, parts=parts, at=min(paid, len(parts) - 1), taken_minor=sum(minors[:paid]),
        paid_at=visit.since if paid else None,
    )  # fmt: skip


def on_hold(visit: Visit, known_minor: int = 0) -> Visit:
    """Let the guest have agreed to the bill's ceiling, its final amount still unknown."""
    assert visit.bill is not None
    bill = replace(visit.bill, hold=Hold(known_minor=known_minor, for_s=7200))
    return replace(visit, bill=bill, reserved_at=visit.since)


def an_owed(number: int = 1, *, ago_s: float = 30.0, now: datetime = EVENING) -> Owed:
    """Give a notice of a payment so long ago that the till has not accepted."""
    paid_at = now - timedelta(seconds=ago_s)
    notice = Notice(
        notice_id=f"{number:020x}", visit_id=VisitId(number), location_id=HALL, table="table1",
        bill_id=f"B-{number}", part_id=None, money=Money(1250, "EUR"), bill_minor=1250,
        service_minor=0, tip_minor=0, transaction_key=KEY, reference=OrderReference("v1.k3f9"),
        paid_at=paid_at,
    )  # fmt: skip
    return Owed(notice, 3, paid_at, now + timedelta(seconds=5))


def an_end(
    number: int,
    table: str,
    end: End,
    *,
    ago_s: float,
    minor: int | None = 1890,
    now: datetime = EVENING,
) -> Visit:
    """Give a visit that ended without money."""
    lasted_s = 240.0
    visit = a_visit(
        number, table, Step.CLOSED, minor=minor, ago_s=ago_s + lasted_s, lasted_s=lasted_s, now=now
    )
    return replace(visit, end=end, reason="as it goes", spot_closed_at=visit.since)


def polled(book: FloorBook, at: datetime = EVENING, tables: int = 18) -> None:
    """Let both locations answer a poll well."""
    for location, kind, count in ((HALL, "table", tables), (TERRACE, "t", 6)):
        spots = tuple(
            Spot(
                spot_id=SpotId(f"{location}-{kind}{n}"), identifier=f"{kind}{n}",
                status=SpotStatus.WAITING, location_id=location, orders=(),
            )
            for n in range(1, count + 1)
        )  # fmt: skip
        book.polled(location, "ok", SpotList(spots, is_complete=True), 0.18, at)


def history(now: datetime = EVENING) -> list[Visit]:
    """Give what went by that evening."""
    amounts = (3420, 1875, 5260, 990, 2740, 4115, 1530, 6890, 2205, 3360, 1140, 2985, 8450, 1725)
    paid = [
        a_paid(100 + n, f"table{1 + (n * 5) % 18}", minor, ago_s=400.0 + 310.0 * (14 - n), now=now)
        for n, minor in enumerate(amounts)
    ]
    return [
        *paid,
        an_end(120, "table12", End.DECLINED, ago_s=1500, now=now),
        an_end(121, "table2", End.LEFT, ago_s=900, now=now),
        a_paid(130, "table4", 4280, ago_s=48, now=now),
        a_paid(131, "t3", 1690, ago_s=22, location=TERRACE, now=now),
        a_paid(132, "table16", 7310, ago_s=71, now=now),
    ]


def open_visits(now: datetime = EVENING) -> list[Visit]:
    """Give what is going on."""
    minutes = 60.0
    return [
        a_visit(140, "table3", Step.OFFERED, minor=3650, ago_s=4 * minutes, now=now),
        a_visit(141, "table7", Step.OFFERED, minor=2599, ago_s=1.4 * minutes, now=now),
        a_visit(142, "table9", Step.SEEN, minor=None, ago_s=8, now=now),
        a_visit(143, "table11", Step.CONFIRMING, minor=5840, ago_s=2.6 * minutes, now=now,
                reserved_at=now - timedelta(seconds=2)),
        a_visit(144, "table14", Step.OFFERED, minor=12480, ago_s=11 * minutes, now=now),
        a_visit(145, "t5", Step.CREATING, minor=1420, ago_s=3, location=TERRACE, now=now),
        a_visit(146, "t1", Step.OFFERED, minor=2180, ago_s=50, location=TERRACE, now=now),
    ]  # fmt: skip


def parked(now: datetime = EVENING) -> tuple[Visit, ...]:
    """Give the one that a human has to look at."""
    visit = a_visit(125, "table17", Step.PARKED, minor=2240, ago_s=1900, lasted_s=120, now=now)
    return (replace(visit, end=End.PARKED, reason="the wallet took money that differs"),)


def a_book(
    now: datetime = EVENING, *, is_troubled: bool = True, also: Sequence[Visit] = ()
) -> FloorBook:
    """Give the book of that evening."""
    book = FloorBook(NAMES)
    polled(book, now - timedelta(seconds=1))
    book.remember([*history(now), *(parked(now) if is_troubled else ()), *also])
    book.parked = parked(now) if is_troubled else ()
    return book


def a_moment(
    visits: Sequence[Visit] = (),
    *,
    now: datetime = EVENING,
    loops: Sequence[tuple[str, float, float]] = LOOPS,
    is_ready: bool = True,
    is_draining: bool = False,
    notices: Notices | None = None,
    throttled_s: float = 0.0,
    clock_offset_s: float = 0.0,
) -> Moment:
    """Give the worker at one moment."""
    return Moment(
        now=now,
        open_visits=visits,
        loops=loops,
        is_ready=is_ready,
        is_draining=is_draining,
        notices=notices or Notices(0, 0.0),
        throttled_s=throttled_s,
        clock_offset_s=clock_offset_s,
    )
