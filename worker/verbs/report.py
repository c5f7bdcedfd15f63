"""`report`: the takings of a day per location and currency, and what still needs somebody."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from worker.adapters.journal.reader import ALL, JournalReader
from worker.bootstrap import EXIT_OK, EXIT_TEMPORARY
from worker.domain.ids import LocationId
from worker.domain.visit import Visit
from worker.ports import JsonValue, KeptNotice
from worker.verbs.takings import Day, Payment, payments_of_day
from worker.verbs.wording import plain

COLUMNS = ("location", "name", "currency", "visits", "payments", "taken", "tips", "service")


@dataclass(frozen=True, slots=True)
class Takings:
    """What one location took in one currency."""

    location_id: LocationId
    currency: str
    visits: int
    payments: int
    taken_minor: int
    tips_minor: int
    service_minor: int
    """Tips and service of the bills that were paid, as far as the till told them apart."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a human did, or still has to look at."""

    by_hand: list[str]
    """Visits of the day that a human said were paid."""
    unposted: tuple[KeptNotice, ...]
    parked: tuple[Visit, ...]


def run(reader: JournalReader, day: Day, names: Mapping[int, str], form: str) -> int:
    """Print the report. `names`: the locations' names; `form`: table, json or csv."""
    if sys.stdout is None:
        print("Give the command somewhere to write: standard output is closed.", file=sys.stderr)
        return EXIT_TEMPORARY
    payments = payments_of_day(reader, day)
    takings = add_up(payments)
    if form == "csv":
        print_csv(takings, names)
        return EXIT_OK
    left = Left(
        by_hand=sorted({one.visit for one in payments if one.is_by_hand}),
        unposted=reader.unposted(),
        parked=reader.visits(parked_only=True, limit=ALL),
    )
    if form == "json":
        print(json.dumps(document(day, takings, names, left), indent=2))
    else:
        print_table(day, takings, names, left)
    return EXIT_OK


def add_up(payments: Iterable[Payment]) -> list[Takings]:
    """Add up per location and currency; a bill that was paid in parts has its tips once."""
    groups: dict[tuple[LocationId, str], list[Payment]] = {}
    for one in payments:
        groups.setdefault((one.location_id, one.currency), []).append(one)
    return [
        Takings(
            location_id=location_id,
            currency=currency,
            visits=len({one.visit_id for one in group}),
            payments=len(group),
            taken_minor=sum(one.amount_minor for one in group),
            tips_minor=sum(tip for tip, _ in extras(group)),
            service_minor=sum(service for _, service in extras(group)),
        )
        for (location_id, currency), group in sorted(groups.items())
    ]


def extras(group: Iterable[Payment]) -> Iterable[tuple[int, int]]:
    """Give tip and service of each bill, once."""
    bills = {one.bill_id or one.visit: (one.tip_minor, one.service_minor) for one in group}
    return bills.values()


def print_table(
    day: Day,
    takings: Iterable[Takings],
    names: Mapping[int, str],
    left: Left,
) -> None:
    """Say it to people."""
    print(f"Takings of {day.date}, {clock_text(day)}")
    rows = list(takings)
    if rows:
        print(
            f"{'LOCATION':<26}{'CURRENCY':<9}{'VISITS':>7}{'PAYMENTS':>10}{'TAKEN':>14}"
            f"{'TIPS':>11}{'SERVICE':>11}"
        )
    for one in rows:
        name = f"{plain(names.get(one.location_id, ''), 16)} ({one.location_id})".strip()
        print(
            f"{name:<26}{one.currency:<9}{one.visits:>7}{one.payments:>10}"
            f"{decimal(one.taken_minor):>14}{decimal(one.tips_minor):>11}"
            f"{decimal(one.service_minor):>11}"
        )
    if not rows:
        print("nothing was taken on this day")
    by_hand, unposted, parked = left.by_hand, left.unposted, left.parked
    if by_hand:
        print(f"settled as paid by hand, and counted above: {', '.join(by_hand)}")
    print()
    visits = ", ".join(sorted({one.owed.notice.visit for one in unposted})[:8])
    print(f"not in the till now  {len(unposted)}" + (f"  {visits}" if unposted else ""))
    waiting = ", ".join(visit.label for visit in parked[:8])
    print(f"parked now           {len(parked)}" + (f"  {waiting}" if parked else ""))


def clock_text(day: Day) -> str:
    """Say whose day it is."""
    begins, ends = day.begins_at, day.ends_at
    return f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC"


def document(
    day: Day,
    takings: Iterable[Takings],
    names: Mapping[int, str],
    left: Left,
) -> dict[str, JsonValue]:
    """Say it to machines."""
    return {
        "day": day.date.isoformat(),
        "begins_at": day.begins_at.isoformat(),
        "ends_at": day.ends_at.isoformat(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "takings": [
            {
                "location": one.location_id,
                "name": names.get(one.location_id, ""),
                "currency": one.currency,
                "visits": one.visits,
                "payments": one.payments,
                "taken_minor": one.taken_minor,
                "tips_minor": one.tips_minor,
                "service_minor": one.service_minor,
            }
            for one in takings
        ],
        "settled_by_hand": left.by_hand,
        "unposted": [
            {
                "visit": one.owed.notice.visit,
                "notice_id": one.owed.notice.notice_id,
                "bill_id": one.owed.notice.bill_id,
                "amount_minor": one.owed.notice.money.amount_minor,
                "currency": one.owed.notice.money.currency,
                "state": one.state.value,
                "attempts": one.owed.attempts,
                "why": one.detail,
            }
            for one in left.unposted
        ],
        "parked": [{"visit": one.label, "why": one.reason} for one in left.parked],
    }


def print_csv(takings: Iterable[Takings], names: Mapping[int, str]) -> None:
    """Say it to a spreadsheet: the takings alone. Names can not turn into formulas there."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in takings:
        name = names.get(one.location_id, "")
        safe = f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
        writer.writerow(
            [
                one.location_id, safe, one.currency, one.visits, one.payments,
                decimal(one.taken_minor), decimal(one.tips_minor), decimal(one.service_minor),
            ]
        )  # fmt: skip


def decimal(amount_minor: int) -> str:
    """Write an amount without its currency."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"
