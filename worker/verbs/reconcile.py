"""`reconcile`: Paysera's confirmed transactions of a day beside the journal's, to the cent.

Rows of Paysera's list are shortened and say neither amount nor date, so each is fetched by its key.
The list is asked for from a day before, as what Paysera dates a transaction by is not documented.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

from worker.adapters import logs
from worker.adapters.clock import SystemClock
from worker.adapters.journal.reader import JournalReader
from worker.bootstrap import EXIT_CREDENTIALS, EXIT_DEGRADED, EXIT_OK, EXIT_TEMPORARY, make_wallet
from worker.domain.ids import TransactionKey
from worker.domain.outcome import Done, Outcome, Refusal, Refused
from worker.domain.wallet import Transaction, TransactionStatus
from worker.ports import Wallet
from worker.settings import Settings
from worker.verbs.takings import Day, Payment, payments_of, payments_of_day
from worker.verbs.wording import money

MARGIN: Final = timedelta(days=1)
Value = TypeVar("Value")


class NoAnswer(Exception):
    """Paysera did not answer; the outcome says how."""

    def __init__(self, outcome: object) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


@dataclass(slots=True)
class Comparison:
    """What was found."""

    equal: int = 0
    differences: list[str] = field(default_factory=list)
    strangers: int = 0
    """Confirmed transactions of the same project that no visit of this journal asked for."""
    wallet_minor: Counter[str] = field(default_factory=Counter)
    """What the wallet says was taken for this journal, by currency."""


def run(settings: Settings, reader: JournalReader, day: Day) -> int:
    """Compare and say it: 0 equal, 1 not."""
    logs.configure(level="error", fmt="pretty", stream=sys.stderr, secrets=settings.secrets())
    reader.instance()  # Whatever keeps the journal from being read comes before any call.
    try:
        payments, found = asyncio.run(ask(settings, reader, day))
    except NoAnswer as exc:
        refused = isinstance(exc.outcome, Refused) and exc.outcome.refusal is Refusal.CREDENTIALS
        remedy = "Check wallet.client_id and wallet.mac_key" if refused else "Try again later"
        print(f"{remedy}: Paysera gives no answer to compare with ({exc}).", file=sys.stderr)
        return EXIT_CREDENTIALS if refused else EXIT_TEMPORARY
    say(day, payments, found)
    return EXIT_DEGRADED if found.differences else EXIT_OK


async def ask(
    settings: Settings, reader: JournalReader, day: Day
) -> tuple[list[Payment], Comparison]:
    """Ask Paysera and compare."""
    wallet = make_wallet(settings, SystemClock(), random.SystemRandom())
    try:
        # The wallet first: what is taken in between is in the journal, and looked up by its key.
        listed = value_of(
            await wallet.list_transactions([TransactionStatus.CONFIRMED], day.begins_at - MARGIN)
        )
        payments = payments_of_day(reader, day)
        return payments, await compare(wallet, reader, payments, [one.key for one in listed])
    finally:
        await wallet.aclose()


async def compare(
    wallet: Wallet, reader: JournalReader, payments: list[Payment], listed: list[TransactionKey]
) -> Comparison:
    """Put both sides beside each other, transaction by transaction."""
    found, ours = Comparison(), f"v1.{reader.instance()}."
    for one in payments:
        if one.key is None:
            found.differences.append(f"{words(one)}: only in the journal, which knows no key of it")
            continue
        await compare_one(wallet, one, found)
    known = {one.key for one in payments}
    settled = reader.resolutions()
    for key in listed:
        if key in known:
            continue
        visit = reader.visit_of_key(key)
        if visit is not None:
            notices = reader.notices(visit.visit_id)
            if any(one.key == key for one in payments_of(visit, notices, settled)):
                continue  # Of another day.
        shown = await wallet.look_at_transaction(key)
        transaction = value_of(shown)
        if visit is None and not str(transaction.reference() or "").startswith(ours):
            found.strangers += 1
            continue
        whose = visit.label if visit else f"orderid {transaction.reference()}"
        total = total_of(transaction)
        if total is not None:
            found.wallet_minor[total[1]] += total[0]
        found.differences.append(f"{whose}: only in the wallet, {key}, {amount(total)}")
    return found


async def compare_one(wallet: Wallet, one: Payment, found: Comparison) -> None:
    """Look one payment up by its key."""
    assert one.key is not None, "asked for by its key"
    shown = await wallet.look_at_transaction(one.key)
    if isinstance(shown, Refused) and shown.refusal is Refusal.MISSING:
        found.differences.append(f"{words(one)}: only in the journal, Paysera knows no {one.key}")
        return
    transaction = value_of(shown)
    if transaction.status is not TransactionStatus.CONFIRMED:
        found.differences.append(
            f"{words(one)}: only in the journal, {one.key} is {transaction.status_text}"
        )
        return
    total = total_of(transaction)
    if total is not None:
        found.wallet_minor[total[1]] += total[0]
    if total == (one.amount_minor, one.currency):
        found.equal += 1
        return
    found.differences.append(f"{words(one)}: the wallet has {amount(total)}, {one.key}")


def value_of(outcome: Outcome[Value]) -> Value:
    """Give what was answered, or raise."""
    if isinstance(outcome, Done):
        return outcome.value
    raise NoAnswer(outcome)


def total_of(transaction: Transaction) -> tuple[int, str] | None:
    """Add up a transaction's payments; None: it does not say."""
    sums = [payment.money for payment in transaction.payments or ()]
    known = [one for one in sums if one is not None]
    if not known or len(known) < len(sums) or len({one.currency for one in known}) > 1:
        return None
    return sum(one.amount_minor for one in known), known[0].currency


def amount(total: tuple[int, str] | None) -> str:
    """Write a total."""
    return "an amount that it does not tell" if total is None else money(*total)


def words(one: Payment) -> str:
    """Name a payment of the journal."""
    part = f" part {one.part_id}" if one.part_id else ""
    return f"{one.visit}{part}, {money(one.amount_minor, one.currency)}"


def say(day: Day, payments: Iterable[Payment], found: Comparison) -> None:
    """Print both sides and what differs."""
    journal = Counter[str]()
    for one in payments:
        journal[one.currency] += one.amount_minor
    print(f"{day.date}: {day.begins_at:%Y-%m-%d %H:%M} to {day.ends_at:%Y-%m-%d %H:%M} UTC")
    for currency in sorted({*journal, *found.wallet_minor}) or ["EUR"]:
        print(
            f"  journal {money(journal[currency], currency):>16}   "
            f"wallet {money(found.wallet_minor[currency], currency):>16}"
        )
    print(f"  equal to the cent    {found.equal}")
    print(f"  different            {len(found.differences)}")
    print(f"  of others, not ours  {found.strangers}")
    for difference in found.differences:
        print(f"  DIFFERS  {difference}")
    if found.differences:
        print("Look each up with `paysera-worker show VISIT` and at Paysera.")
