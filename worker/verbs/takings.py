"""What was taken, payment by payment: what `report` adds up and `reconcile` compares."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from worker.adapters.journal.reader import JournalReader
from worker.domain.bill import LineKind
from worker.domain.ids import LocationId, TransactionKey, VisitId
from worker.domain.part import PartState
from worker.domain.resolving import in_doubt
from worker.domain.visit import Visit
from worker.ports import KeptNotice, Resolution, Verdict


@dataclass(frozen=True, slots=True)
class Day:
    """One day on somebody's clock."""

    date: date
    begins_at: datetime
    ends_at: datetime

    def has(self, at: datetime) -> bool:
        """Tell whether an instant is of the day."""
        return self.begins_at <= at < self.ends_at


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that was taken with one transaction."""

    location_id: LocationId
    visit_id: VisitId
    visit: str
    key: TransactionKey | None
    """None: a visit of an earlier version that did not keep it."""
    amount_minor: int
    currency: str
    paid_at: datetime
    bill_id: str | None
    part_id: str | None
    is_by_hand: bool
    """A human said that it was paid, after the worker had parked it."""
    service_minor: int
    tip_minor: int
    """Of the whole bill, as far as the till said so."""


def day_of(wanted: date | None, *, is_utc: bool, now: datetime) -> Day:
    """Give a day of this machine's zone, or of UTC; None: today. It may have 23 or 25 hours."""
    zone: tzinfo | None = UTC if is_utc else None
    chosen = wanted or now.astimezone(zone).date()
    begins, ends = (
        datetime.combine(one, time.min, tzinfo=zone).astimezone(UTC)
        for one in (chosen, chosen + timedelta(days=1))
    )
    return Day(chosen, begins, ends)


def payments_of_day(reader: JournalReader, day: Day) -> list[Payment]:
    """Give what was taken on a day, oldest first."""
    visits = reader.paid_between(day.begins_at, day.ends_at)
    notices = reader.notices_since(day.begins_at)
    settled = reader.resolutions()
    found = [
        payment
        for visit in visits
        for payment in payments_of(visit, notices.get(visit.visit_id, ()), settled)
    ]
    return sorted((one for one in found if day.has(one.paid_at)), key=lambda one: one.paid_at)


def payments_of(
    visit: Visit, notices: Iterable[KeptNotice], settled: Mapping[VisitId, Resolution]
) -> Iterator[Payment]:
    """Give the payments of a visit. What the till is told of one says when it was taken."""
    by_key = {one.owed.notice.transaction_key: one.owed.notice for one in notices}
    resolution = settled.get(visit.visit_id)
    if visit.bill is None:
        return
    service, tip = (visit.bill.minor_of(kind) for kind in (LineKind.SERVICE, LineKind.TIP))

    def payment(
        key: TransactionKey | None,
        amount_minor: int,
        at: datetime,
        part_id: str | None = None,
        *,
        is_by_hand: bool = False,
    ) -> Payment:
        assert visit.bill is not None, "checked above"
        currency, bill_id = visit.bill.money.currency, visit.bill.bill_id
        return Payment(
            visit.location_id, visit.visit_id, visit.label, key, amount_minor, currency, at,
            bill_id, part_id, is_by_hand, service, tip,
        )  # fmt: skip

    paid_at = visit.paid_at or visit.since
    if not visit.parts and visit.taken_minor:
        yield payment(visit.transaction_key, visit.taken_minor, paid_at)
    for part in visit.parts:
        if part.state is PartState.PAID:
            told = by_key.get(part.key) if part.key else None
            amount_minor = told.money.amount_minor if told else part.money.amount_minor
            at = told.paid_at if told else paid_at
            yield payment(part.key, amount_minor, at, part.part_id)
    if resolution is not None and resolution.verdict is Verdict.PAID:
        for one in in_doubt(visit):
            asked = one.due or one.asked
            if asked is not None:
                part_id = one.part.part_id if one.part else None
                yield payment(
                    one.transaction_key, asked.amount_minor, visit.since, part_id, is_by_hand=True
                )
