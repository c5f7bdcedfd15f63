"""The named situations, as scripts: one table, known people, ordered troubles, nothing by chance.

Each is played once undisturbed, and then again and again with a worker that dies at every step and
at every write, once and twice; the same checkers judge, and the same money must have moved.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from tests.simulation.evening import Evening, Knife
from tests.simulation.plan import Plan
from tests.simulation.truth import Table, Vendor
from worker.domain.policy import Policy

Deed = Callable[[Evening], None]

POLICY: Final = Policy(bill_wait_s=5.0, offer_ttl_s=12.0, reserve_for_s=120)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who comes and what happens to whom."""

    guests: tuple[tuple[float, str, str], ...]
    """When somebody comes, to which table, with which plan."""
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What befalls the first calls of each kind; empty words: nothing."""
    deeds: tuple[tuple[float, Deed], ...] = ()
    """What else happens, and when."""
    vendor: Vendor = field(default_factory=Vendor)
    has_bills: bool = True
    paid: int | None = None
    """How many transactions are taken in the end, however often the worker dies; None: it may well
    depend on when it dies, as the guest's patience does."""


class Scripted(Evening):
    """An evening that follows a script."""

    def __init__(self, name: str, knife: Knife | None = None, *, is_traced: bool = False) -> None:
        self.scenario = scenario = SCENARIOS[name]
        plan = Plan(
            mode="liveness",
            tables=2,
            guests=0,
            policy=POLICY,
            vendor=scenario.vendor,
            has_bills=scenario.has_bills,
            restart_s=0.5,
        )
        super().__init__(1, plan, knife=knife, is_traced=is_traced)
        self.fates.ordered = {op: deque(kinds) for op, kinds in scenario.orders.items()}
        self.fates.is_calm = False

    async def _storm(self) -> None:
        script: list[tuple[float, Deed]] = [
            (at, partial(arrive, table=table, plan=plan))
            for at, table, plan in self.scenario.guests
        ]
        for at, deed in sorted([*script, *self.scenario.deeds], key=lambda one: one[0]):
            await self._let_pass(max(0.0, at - self.loop.time()))
            deed(self)


def arrive(evening: Evening, table: str, plan: str) -> None:
    """Somebody sits down."""
    evening.guests.arrive(table, plan)


def change_bill(evening: Evening) -> None:
    """The guest orders one more."""
    if "t1" in evening.till.bills:
        evening.till.change("t1")


def take_bill_back(evening: Evening) -> None:
    """The cashier takes cash."""
    evening.till.bills.pop("t1", None)


def break_till(evening: Evening) -> None:
    """The till can not be used."""
    evening.till.trouble = "no disk"


def mend_till(evening: Evening) -> None:
    """The till works again."""
    evening.till.trouble = ""


def close_by_hand(evening: Evening) -> None:
    """The staff frees the table in the vendor's own app."""
    for table in evening.truth.tables.values():
        if table.identifier == "t1":
            evening.truth.leave(table)
            evening.truth.on_closed(table)


def stranger_orders(evening: Evening) -> None:
    """Another till puts an order on the spot."""
    evening.trouble.stranger_at("t1")


def stranger_reserves(evening: Evening) -> None:
    """Another till's guest has money held."""
    evening.trouble.stranger_at(None)


def next_guest_at_once(evening: Evening) -> None:
    """Somebody waits for the table, and scans at the very instant it is free."""
    closed = evening.truth.on_closed

    def and_scans(table: Table) -> None:
        evening.truth.on_closed = closed
        closed(table)
        evening.guests.arrive("t1", "pays")

    evening.truth.on_closed = and_scans


def set_clock(seconds: float) -> Deed:
    """The machine's clock jumps; who starts next begins there."""

    def deed(evening: Evening) -> None:
        evening.wall_offset_s = seconds

    return deed


def one(plan: str, **more: Any) -> Scenario:
    """One guest at one table."""
    return Scenario(((0.5, "t1", plan),), **more)


SCENARIOS: Final[dict[str, Scenario]] = {
    "pays": one("pays", paid=1),
    "declines": one("declines", paid=0),
    "leaves early": one("leaves_early", paid=0),
    "leaves with the offer on the screen": one("leaves", paid=0),
    "forgets": one("forgets", paid=0),
    "pays after leaving": one("pays_after_leaving"),
    "pays as we give up": one("pays_as_we_give_up"),
    "orphan: the create's answer is lost": one("pays", orders={"create": ("lost_reply",)}, paid=1),
    "orphan: the create is lost": one("pays", orders={"create": ("lost_request",)}, paid=1),
    "orphan: the create lands late": one("pays", orders={"create": ("late",)}, paid=1),
    "orphan: the lists do not show it": one(
        "pays",
        orders={"create": ("lost_reply",)},
        vendor=Vendor(lists_new=False),
        paid=1,
    ),
    "the link's answer is lost": one("pays", orders={"link": ("lost_reply",)}, paid=1),
    "the link arrives twice": one("pays", orders={"link": ("twice",)}, paid=1),
    "the confirm's answer is lost": one("pays", orders={"confirm": ("lost_reply",)}, paid=1),
    "the confirm is lost": one("pays", orders={"confirm": ("lost_request",)}, paid=1),
    "the confirm lands late": one("pays", orders={"confirm": ("late",)}, paid=1),
    "the confirm is refused": one("pays", orders={"confirm": ("conflict",)}, paid=1),
    "the confirm is throttled": one("pays", orders={"confirm": ("throttled",) * 2}, paid=1),
    "the revoke's answer is lost": one("forgets", orders={"revoke": ("lost_reply",)}, paid=0),
    "the close's answer is lost, and the next guest sits there": Scenario(
        ((0.5, "t1", "pays"),),
        orders={"close": ("lost_reply",)},
        deeds=((0.6, next_guest_at_once),),
    ),
    "the next guest comes between confirm and close": Scenario(
        ((0.5, "t1", "pays"),), deeds=((0.6, next_guest_at_once),)
    ),
    "a reservation of an unknown transaction": one(
        "pays", deeds=((1.0, stranger_reserves),), paid=1
    ),
    "somebody else's order on the spot": one("pays", deeds=((1.0, stranger_orders),)),
    "two phones at one table": Scenario(((0.5, "t1", "pays"), (1.0, "t1", "pays"))),
    "the bill changes after it was offered": one("pays_late", deeds=((5.0, change_bill),)),
    "the bill changes while the money is held": one("pays", deeds=((6.5, change_bill),)),
    "the bill is paid in cash meanwhile": one("pays", deeds=((6.0, take_bill_back),)),
    "the till can not be told for a while": one(
        "pays", deeds=((4.0, break_till), (30.0, mend_till))
    ),
    "the till is down when the guest scans": one(
        "pays", deeds=((0.1, break_till), (4.0, mend_till))
    ),
    "the wallet is down after the reservation": one(
        "pays",
        orders={"transaction": ("", *("error_before",) * 6)},
        paid=1,
    ),
    "the confirm is unknown and the reservation ends": one(
        "pays", orders={"confirm": ("lost_request",) * 8}
    ),
    "the staff closes the spot by hand": one("pays_late", deeds=((6.0, close_by_hand),)),
    "the wallet hides the orders": one("pays", vendor=Vendor(are_orders_hidden=True), paid=1),
    "the wallet keeps old orders on the spot": Scenario(
        ((0.5, "t1", "pays"), (20.0, "t1", "declines")), vendor=Vendor(keeps_history=True), paid=1
    ),
    "a sale without a bill": one("pays", has_bills=False, paid=1),
    "the clock is set back three days": one("pays", deeds=((0.7, set_clock(-259_200.0)),), paid=1),
    "the clock is set on three days": one("pays", deeds=((0.7, set_clock(259_200.0)),), paid=1),
}


def play(name: str, knife: Knife | None = None) -> Scripted:
    """Play a scenario; raises Violation if anything is wrong, the money included."""
    evening = Scripted(name, knife)
    evening.play()
    paid, wanted = len(evening.truth.taken), evening.scenario.paid
    assert wanted is None or paid == wanted, f"{name}, cut at {knife}: paid {paid}, not {wanted}"
    return evening
