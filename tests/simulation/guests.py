"""Guests: people with a phone, a plan and little patience, who act when something shows."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from tests.simulation.truth import Charge, Guest, Table
from worker.domain.money import Money
from worker.domain.wallet import PENDING, SpotStatus, TransactionStatus

if TYPE_CHECKING:
    from tests.simulation.evening import Evening

PLANS: Final = (
    "pays",
    "pays",
    "pays_late",
    "pays_stubbornly",
    "pays_after_leaving",
    "pays_as_we_give_up",
    "declines",
    "leaves_early",
    "leaves",
    "forgets",
)
PLAIN: Final = ("pays", "pays_stubbornly", "declines", "leaves_early", "leaves", "forgets")
"""Plans whose end a model can tell."""
LABELS: Final = frozenset(
    {f"guest.{plan}" for plan in PLANS}
    | {"guest.second_phone", "guest.scans_again", "guest.comes_at_once"}
)


class Guests:
    """Everybody at the tables of one evening."""

    def __init__(self, evening: "Evening") -> None:
        self.evening = evening
        self.truth = evening.truth
        self.everybody: list[Guest] = []
        self.at: dict[str, list[Guest]] = {}
        self.owed: dict[int, Money] = {}
        """What lay on the table when each guest sat down."""
        self.shown_after_s: list[float] = []
        """How long after each check-in its bill showed."""
        self._dice = evening.choices.stream("guest")
        self._is_plain = evening.plan.mode == "oracle"
        self._plans = PLAIN if self._is_plain else PLANS
        self._fresh: set[str] = set()
        """Tables whose guest came when no visit was left open there."""
        self.truth.on_offer = self._offer_shows
        self.truth.on_closed = self._table_is_free
        self.truth.on_revoke = self._offer_goes
        self.truth.on_taken = self._is_charged

    def arrive(self, identifier: str, plan: str = "", *, is_hungry: bool = True) -> Guest:
        """Somebody sits down and scans; who is not hungry orders nothing of their own."""
        plan = plan or self._dice.choice(self._plans)
        guest = Guest(len(self.everybody) + 1, identifier, plan)
        if not self.evening.choices.note(f"guest.{plan}"):
            return guest
        self.everybody.append(guest)
        self.at.setdefault(identifier, []).append(guest)
        house, evening = self.evening.till, self.evening
        if is_hungry and house.has_bills and house.is_over(identifier):
            if evening.choices.fires("bill.late", evening.plan.bill_chance):
                self._later(self._dice.uniform(1, 15), lambda: self._bill_comes(guest))
            elif not evening.choices.fires("bill.never", evening.plan.bill_chance):
                house.seat(identifier)
        bill = house.bills.get(identifier)
        if bill is not None:
            self.owed[guest.number] = bill.money
        self.scan(guest)
        if bill is not None and len(self.at[identifier]) < len(bill.parts):
            self._later(self._dice.uniform(0.0, 8.0), lambda: self._company_comes(identifier))
        return guest

    def _company_comes(self, identifier: str) -> None:
        """Who shares a bill sits at the same table, and has a phone of their own."""
        if self.evening.guests_left > 0 and self.at.get(identifier):
            self.evening.guests_left -= 1
            self.arrive(identifier)

    def _bill_comes(self, guest: Guest) -> None:
        if not guest.is_done and self.evening.till.is_over(guest.table):
            self.evening.till.seat(guest.table)

    def scan(self, guest: Guest) -> None:
        """Check in, or join who is checked in already."""
        guest.scans += 1
        is_new = self.truth.is_free(guest.table)
        table = self.truth.scan(guest.table)
        if is_new and not self.evening.disks[0].visit_at(table.spot_id):
            self._fresh.add(guest.table)
        self.evening.tell("guest scans", str(guest.number), guest.plan, guest.table)
        if guest.plan == "leaves_early":
            self._later(self._dice.uniform(0.1, 6), lambda: self._walk_away(guest, table))

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self.evening.loop.call_later(seconds, what, context=self.evening.context)

    # What they react to.

    def _offer_shows(self, table: Table, charge: Charge) -> None:
        if table.identifier in self._fresh:
            self._fresh.discard(table.identifier)
            self.shown_after_s.append(self.evening.loop.time() - table.waiting_s)
        for guest in list(self.at.get(table.identifier, ())):
            if guest.is_done:
                continue
            if guest.plan == "pays_late":
                pause_s = self._dice.uniform(0.2, 1.4) * self.evening.plan.policy.offer_ttl_s
            else:
                pause_s = self._dice.uniform(0.2, 8.0)
            self._later(pause_s, partial(self._act, guest, table, charge))

    def _act(self, guest: Guest, table: Table, charge: Charge) -> None:
        if guest.is_done or charge.status not in PENDING:
            return
        is_shown = charge in table.orders
        if guest.plan == "leaves":
            self._walk_away(guest, table)
        elif guest.plan == "declines" and is_shown:
            self.truth.decline(charge)
            self._is_done(guest)
        elif guest.plan == "pays_after_leaving":
            self.truth.leave(table)
            self._later(self._dice.uniform(0, 6), lambda: self._pay(guest, charge))
        elif guest.plan in {"pays", "pays_late", "pays_stubbornly"} and is_shown:
            self._pay(guest, charge)

    def _pay(self, guest: Guest, charge: Charge) -> None:
        """Agree, unless it was paid by somebody else or money of this guest is held already."""
        if guest.is_done or any(
            other.payer is guest and other.status is TransactionStatus.RESERVED
            for other in self.truth.charges.values()
        ):
            return
        self.truth.reserve(charge, guest)

    def _offer_goes(self, charge: Charge) -> None:
        """The worker gives up: somebody agrees to pay at that very instant."""
        if charge.table is None:
            return
        for guest in self.at.get(charge.table.identifier, ()):
            if guest.plan == "pays_as_we_give_up" and not guest.is_done:
                self._pay(guest, charge)

    def _is_charged(self, charge: Charge) -> None:
        guest = charge.payer
        if guest is None:
            self.truth.wrong("S16", f"{charge.key} was taken though nobody agreed to it")
            return
        assert charge.taken is not None, "what was taken has an amount"
        self.evening.till.on_taken(charge)
        guest.charged.append(charge.taken)
        if len(guest.charged) > 1:
            self.truth.wrong("charged twice", f"guest {guest.number} paid {guest.charged}")
        self._is_done(guest)

    def _is_done(self, guest: Guest) -> None:
        guest.is_done = True
        present = self.at.get(guest.table, [])
        if guest in present:
            present.remove(guest)

    def _walk_away(self, guest: Guest, table: Table) -> None:
        if guest.is_done:
            return
        self._is_done(guest)
        if table.status is SpotStatus.WAITING and not self.at.get(guest.table):
            self.truth.leave(table)
            self.evening.tell("guest leaves", str(guest.number))

    def _table_is_free(self, table: Table) -> None:
        """The spot was closed: who has paid is gone; who has not scans again or gives up."""
        evening = self.evening
        for guest in list(self.at.get(table.identifier, ())):
            is_stubborn = guest.plan in {"pays_stubbornly", "pays"} and guest.scans < 6
            if is_stubborn and not guest.is_done:
                evening.choices.note("guest.scans_again")
                self._later(
                    self._dice.choice((0.0, 0.5, 4.0)),
                    partial(self._scan_again, guest),
                )
            else:
                self._is_done(guest)
        if self._is_plain and self.at.get(table.identifier):
            return
        if evening.is_stormy and evening.guests_left > 0 and self._dice.random() < 0.3:
            evening.guests_left -= 1
            evening.choices.note("guest.comes_at_once")
            self.arrive(table.identifier)

    def _scan_again(self, guest: Guest) -> None:
        if not guest.is_done:
            self.scan(guest)

    # What the evening lets happen.

    def come_and_go(self) -> None:
        """Fill free tables, and let a second phone join."""
        evening = self.evening
        for identifier in evening.tables:
            if evening.guests_left <= 0:
                return
            present = self.at.get(identifier)
            if not present:
                if self._is_plain and not self.truth.is_free(identifier):
                    continue  # The model knows of no guest who sits down in another's visit.
                if self._dice.random() < evening.plan.arrival_chance:
                    evening.guests_left -= 1
                    self.arrive(identifier)
            elif len(present) == 1 and evening.choices.fires(
                "guest.second_phone", evening.plan.second_phone_chance
            ):
                evening.guests_left -= 1
                self.arrive(identifier)
