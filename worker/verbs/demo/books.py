"""The books of the evening side by side: the worker's journal, the wallet, and the shop's own."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.adapters.journal.reader import JournalReader
from worker.domain.visit import End, Step
from worker.verbs.demo.stage import Stage
from worker.verbs.demo.till import Payment
from worker.verbs.wording import money


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison; a book that has no opinion shows a dash."""

    name: str
    journal: str
    wallet: str
    till: str
    is_well: bool


@dataclass(frozen=True, slots=True)
class Journal:
    """What the journal says at the end."""

    ends: Mapping[End, int]
    taken: Mapping[str, int]
    still_open: int
    parked: int


def compare(evening: Stage) -> int:
    """Set the books side by side and judge them."""
    ledger = evening.control("GET", "ledger")
    requests = evening.control("GET", "requests")
    payments = evening.till.books()
    journal = read_journal(evening)
    rows = [
        *rows_of_money(journal, ledger, payments),
        Row(
            "open visits / occupied spots",
            str(journal.still_open),
            str(ledger["waiting_spots"]),
            "-",
            journal.still_open == 0 and ledger["waiting_spots"] == 0,
        ),
        Row(
            "parked visits / money still held",
            str(journal.parked),
            str(ledger["reserved_count"]),
            "-",
            journal.parked == 0 and ledger["reserved_count"] == 0,
        ),
        Row(
            "violations seen by the wallet",
            "-",
            str(len(ledger["violations"])),
            "-",
            not ledger["violations"],
        ),
    ]
    show(rows, has_till=payments is not None)
    by_end = ", ".join(f"{count} {name.value}" for name, count in sorted(journal.ends.items()))
    calls = sum(requests["counts"].values())
    print(f"\nvisits: {by_end or 'none'}; calls to the wallet: {calls}", end="")
    print(f"; worker restarted {evening.restarts} times" if evening.restarts else "")
    for violation in ledger["violations"]:
        print(f"violation: {json.dumps(violation)}")
    good = all(row.is_well for row in rows) and evening.exit_code == 0
    which = "Both" if payments is None else "All three"
    verdict = f"{which} books agree to the cent." if good else "The books do NOT agree."
    print(f"\n{verdict}", flush=True)
    return 0 if good else 1


def read_journal(evening: Stage) -> Journal:
    """Read the worker's journal, which nobody holds any more."""
    with JournalReader(evening.journal) as reader:
        totals = reader.totals()
        still_open = len(reader.visits(open_only=True))
    ends: Counter[End] = Counter()
    for one in totals.by_end:
        if one.end is not None:
            ends[one.end] += one.visits
    return Journal(ends, totals.confirmed(), still_open, totals.by_step.get(Step.PARKED, 0))


def rows_of_money(
    journal: Journal, ledger: Mapping[str, Any], payments: Sequence[Payment] | None
) -> list[Row]:
    """Compare how many were paid, how much, and whether any bill was paid twice."""
    paid, confirmed = journal.ends.get(End.PAID, 0), ledger["confirmed_count"]
    held: Mapping[str, int] = ledger["confirmed_total_minor"]
    told: Counter[str] = Counter()
    for one in payments or ():
        told[one.currency] += one.amount_minor
    count = paid if payments is None else len(payments)
    rows = [Row("paid visits", str(paid), str(confirmed), str(count), paid == confirmed == count)]
    for currency in sorted({*journal.taken, *held, *told}) or ["EUR"]:
        ours, theirs = journal.taken.get(currency, 0), held.get(currency, 0)
        shops = ours if payments is None else told[currency]
        rows.append(
            Row(
                f"money taken, {currency}",
                money(ours, currency),
                money(theirs, currency),
                money(shops, currency),
                ours == theirs == shops,
            )
        )
    if payments is not None:
        twice = len(payments) - len({one.bill_id for one in payments})
        rows.append(Row("bills paid twice", "-", "-", str(twice), twice == 0))
    return rows


def show(rows: Sequence[Row], *, has_till: bool) -> None:
    """Print the table; a price list keeps no books, so it has no column."""
    print(f"\n{'':<34}{'JOURNAL':>14}{'WALLET':>14}" + (f"{'TILL':>14}" if has_till else ""))
    for row in rows:
        till = f"{row.till:>14}" if has_till else ""
        verdict = "ok" if row.is_well else "DIFFERS"
        print(f"{row.name:<34}{row.journal:>14}{row.wallet:>14}{till}   {verdict}")
