"""The named situations, as scripts: one table, known people, ordered troubles, nothing by chance.

Each is played once undisturbed, and then again and again with a worker that dies at every step and
at every write, once and twice; the same checkers judge, and the same money must have moved.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from tests.simulation.evening import Evening, Knife
from tests.simulation.plan import Plan
from tests.simulation.till import total
from tests.simulation.truth import Charge, Table, Vendor
from worker.domain.bill import AtHoldEnd, Bill, BillPart, Hold
from worker.domain.money import Money
from worker.domain.policy import Policy

Deed = Callable[[Evening], None]

LESS: Final = 4000
PLAIN: Final = Bill("bill-t1", Money(5000, "EUR"), "t1")
IN_THREE: Final = replace(
    PLAIN,
    money=Money(1250, "EUR"),
    parts=tuple(
        BillPart(name, Money(minor, "EUR"))
        for name, minor in (("p1", 400), ("p2", 600), ("p3", 250))
    ),
)
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
    bill: Bill | None = None
    """What lies on the first table; None: something plain."""
    final: tuple[float, int] | None = None
    """What a bill on hold comes to, and how long after the guest's yes; None: it never says."""
    notices: tuple[str, ...] = ()
    """What befalls the first notices; empty words: nothing."""
    confirms_lowered: bool = False
    can_lock: bool = False
    lists_paid_parts: bool = False
    paid: int | None = None
    """How many transactions are taken in the end, however often the worker dies; None: it may well
    depend on when it dies, as the guest's patience does."""
    takes: int | None = None
    """How much is taken by all of them; None: it depends, or the bill was drawn by chance."""


class Scripted(Evening):
    """An evening that follows a script."""

    def __init__(self, name: str, knife: Knife | None = None, *, is_traced: bool = False) -> None:
        self.scenario = scenario = SCENARIOS[name]
        plan = Plan(
            mode="liveness",
            tables=2,
            guests=0,
            policy=replace(POLICY, confirms_lowered=scenario.confirms_lowered),
            vendor=scenario.vendor,
            has_bills=scenario.has_bills,
            restart_s=0.5,
            can_lock=scenario.can_lock,
            lists_paid_parts=scenario.lists_paid_parts,
        )
        super().__init__(1, plan, knife=knife, is_traced=is_traced)
        self.fates.ordered = {op: deque(kinds) for op, kinds in scenario.orders.items()}
        self.fates.is_calm = False
        self.till.ordered = deque(scenario.notices)
        if scenario.bill is not None:
            self.till.lay("t1", scenario.bill)
            self.till.finals[f"{scenario.bill.bill_id}"] = scenario.final

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


def pay_part_in_cash(evening: Evening) -> None:
    """Somebody pays the first unpaid part at the counter."""
    bill = evening.till.bills.get("t1")
    if bill is not None:
        paid = evening.till.paid_parts[f"{bill.bill_id}"]
        chosen = next((part for part in bill.parts if part.part_id not in paid), None)
        left = tuple(part for part in bill.parts if part is not chosen)
        evening.till.bills["t1"] = replace(bill, parts=left, money=total(left))


def raise_part(evening: Evening) -> None:
    """Somebody orders one more on the first unpaid part."""
    if "t1" in evening.till.bills:
        evening.till.raise_part("t1", 200)


def scan_what_is_paid(evening: Evening) -> None:
    """Somebody scans at a table where nothing is left to pay, and orders nothing."""
    evening.guests.arrive("t1", "pays_late", is_hungry=False)


def shrink_when_agreed(evening: Evening) -> None:
    """A dish is sent back in the very instant in which the guest agrees to pay."""
    agreed = evening.truth.on_reserve

    def and_shrinks(charge: Charge) -> None:
        evening.truth.on_reserve = agreed
        agreed(charge)
        evening.till.bills["t1"] = replace(PLAIN, money=Money(LESS, "EUR"))

    evening.truth.on_reserve = and_shrinks


def walk_out(evening: Evening) -> None:
    """Whoever is left at the first table gets up and goes."""
    for table in evening.truth.tables.values():
        if table.identifier == "t1":
            evening.truth.leave(table)
    evening.guests.at["t1"].clear()


def scan_once(evening: Evening) -> None:
    """The guests of the first table do not scan again, whatever becomes of their visit."""
    for guest in evening.guests.at["t1"]:
        guest.scans = 99


def table_of(*plans: str, **more: Any) -> Scenario:
    """Several guests who share a bill, a part each."""
    guests = tuple((0.5 + 0.2 * number, "t1", plan) for number, plan in enumerate(plans))
    return Scenario(guests, bill=in_parts(len(plans)), **more)


def in_parts(count: int) -> Bill:
    """Give a bill in so many parts."""
    parts = IN_THREE.parts[:count]
    return replace(IN_THREE, parts=parts, money=total(parts))


def held(known: int, at_end: AtHoldEnd, final: tuple[float, int] | None, **more: Any) -> Scenario:
    """One guest whose money is held; who agreed once does not scan again."""
    bill = replace(PLAIN, hold=Hold(known, 61, at_end))
    return one("pays", bill=bill, final=final, deeds=((0.6, scan_once),), **more)


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
    "a link is refused, and the spot shows a stranger's order and a strange word": Scenario(
        ((0.5, "t1", "pays"), (9.0, "t2", "pays")),  # Strangers go when the last guest has come.
        orders={"create": ("slow",), "link": ("conflict",), "spot": ("", "odd_status")},
        deeds=((4.0, stranger_orders),),
    ),
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
    "a confirm is lost, and the bill is paid in cash": one(
        "pays", orders={"confirm": ("lost_request",)}, deeds=((10.5, take_bill_back),)
    ),
    "a confirm is lost, and the bill changes": one(
        "pays", orders={"confirm": ("lost_request",)}, deeds=((10.5, change_bill),)
    ),
    "a confirm lands late, and the bill is paid in cash": one(
        "pays", orders={"confirm": ("late",)}, deeds=((10.5, take_bill_back),)
    ),
    "the staff closes the spot by hand": one("pays_late", deeds=((6.0, close_by_hand),)),
    "the wallet hides the orders": one("pays", vendor=Vendor(are_orders_hidden=True), paid=1),
    "the wallet keeps old orders on the spot": Scenario(
        ((0.5, "t1", "pays"), (20.0, "t1", "declines")), vendor=Vendor(keeps_history=True), paid=1
    ),
    "a sale without a bill": one("pays", has_bills=False, paid=1),
    "the clock is set back three days": one("pays", deeds=((0.7, set_clock(-259_200.0)),), paid=1),
    "the clock is set on three days": one("pays", deeds=((0.7, set_clock(259_200.0)),), paid=1),
    "three parts, paid by three guests": table_of("pays", "pays", "pays", paid=3, takes=1250),
    "three parts at a till that lists what is paid": table_of(
        "pays", "pays", "pays", lists_paid_parts=True, paid=3, takes=1250
    ),
    "two of three parts paid, and the third guest leaves": table_of(
        "pays", "pays", "forgets", deeds=((9.0, walk_out),)
    ),
    "a part is paid, and the other guest forgets": table_of("pays", "forgets"),
    "a part is declined": table_of("pays", "declines"),
    "a part is paid in cash meanwhile": table_of(
        "pays", "pays", deeds=((0.9, scan_once), (5.0, pay_part_in_cash))
    ),
    "a part costs more meanwhile": table_of("pays", "pays", deeds=((5.0, raise_part),)),
    "a part's create is lost": table_of("pays", "pays", orders={"create": ("", "lost_reply")}),
    "a part's confirm's answer is lost": table_of(
        "pays", "pays", orders={"confirm": ("lost_reply",)}, paid=2, takes=1000
    ),
    "a part's confirm is lost": table_of(
        "pays", "pays", orders={"confirm": ("", "lost_request")}, paid=2, takes=1000
    ),
    "the parts that are left were paid by card and in cash, and somebody scans": table_of(
        "pays",
        "forgets",
        lists_paid_parts=True,
        deeds=((20.0, pay_part_in_cash), (21.0, scan_what_is_paid)),
    ),
    "a hold ends lower": held(700, AtHoldEnd.RELEASE, (8.0, 3210), paid=1, takes=3210),
    "a hold ends at its ceiling": held(700, AtHoldEnd.RELEASE, (8.0, 5000), paid=1, takes=5000),
    "a hold ends higher": held(700, AtHoldEnd.CONFIRM, (8.0, 5500), paid=1, takes=5500),
    "a hold comes to nothing": held(700, AtHoldEnd.CONFIRM, (8.0, 0), paid=0, takes=0),
    "a hold never ends, and what is known is taken": held(
        700, AtHoldEnd.CONFIRM, None, paid=1, takes=700
    ),
    "a hold never ends, and is released": held(700, AtHoldEnd.RELEASE, None, paid=0, takes=0),
    "a hold never ends, and nothing is known": held(0, AtHoldEnd.CONFIRM, None, paid=0, takes=0),
    "a lowered confirm's answer is lost": held(
        0, AtHoldEnd.RELEASE, (8.0, 3210), orders={"confirm": ("lost_reply",)}, paid=1, takes=3210
    ),
    "a lowered confirm is lost": held(
        0, AtHoldEnd.RELEASE, (8.0, 3210), orders={"confirm": ("lost_request",)}, paid=1, takes=3210
    ),
    "a bill shrinks, and may be taken for less": one(
        "pays",
        bill=PLAIN,
        confirms_lowered=True,
        deeds=((0.1, shrink_when_agreed),),
        paid=1,
        takes=LESS,
    ),
    "a bill shrinks, and is offered anew": one(
        "pays", bill=PLAIN, deeds=((0.1, shrink_when_agreed),), paid=1, takes=LESS
    ),
    "the till locks its bills": one("pays", bill=PLAIN, can_lock=True, paid=1, takes=5000),
    "the till locks a bill that shrank": one(
        "pays",
        bill=PLAIN,
        can_lock=True,
        deeds=((0.1, shrink_when_agreed),),
        paid=1,
        takes=LESS,
    ),
    "a notice is refused for a while": one(
        "pays", bill=PLAIN, notices=("refuses",) * 3, paid=1, takes=5000
    ),
    "a notice's answer is lost": one(
        "pays", bill=PLAIN, notices=("answer_lost",), paid=1, takes=5000
    ),
    "the notices of two parts are refused": table_of(
        "pays", "pays", notices=("refuses", "answer_lost", "refuses"), paid=2, takes=1000
    ),
}


def play(name: str, knife: Knife | None = None) -> Scripted:
    """Play a scenario; raises Violation if anything is wrong, the money included."""
    evening = Scripted(name, knife)
    evening.play()
    paid, wanted = len(evening.truth.taken), evening.scenario.paid
    assert wanted is None or paid == wanted, f"{name}, cut at {knife}: paid {paid}, not {wanted}"
    taken, due = sum(c.taken.amount_minor for c in evening.truth.taken if c.taken), evening.scenario
    assert due.takes in {None, taken}, f"{name}, cut at {knife}: took {taken}, not {due.takes}"
    return evening
