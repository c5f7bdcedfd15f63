"""A seeded evening: tables, guests, a till that changes its mind, and a wallet that suffers.

One seed draws everything, the probabilities too, so that each evening has troubles of its own. Time
moves in ticks and nothing sleeps. The worker may die at any point and be replaced. After the storm
the world heals, and whatever is still open must end. What is checked is the world's truth.
"""

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.service.bench import Bench
from tests.service.world import Bomb, Charge, Crash, Table
from worker.domain.bill import Bill
from worker.domain.ids import SpotId
from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.domain.visit import End
from worker.domain.wallet import PENDING, SpotStatus, TransactionStatus

TABLES = 4
STORM_TICKS = 60
CALM_TICKS = 120

KINDS = (
    "unsent",
    "lost_request",
    "lost_reply",
    "refuse:throttled",
    "refuse:credentials",
    "refuse:state",
    "late",
)
NO_LATE = frozenset({"close", "spots", "spot", "transactions", "transaction"})
"""A close that lands after the next guest came can not be helped by any client; a late read is only
a lost one."""


class RandomBomb(Bomb):
    """A process that may die at any point."""

    def __init__(self, dice: random.Random, chance: float) -> None:
        super().__init__()
        self._dice = dice
        self.chance = chance

    def tick(self) -> None:
        """Pass a point."""
        self.points += 1
        if self.chance and self._dice.random() < self.chance:
            raise Crash


@dataclass(slots=True)
class Guest:
    """Somebody at a table, or about to sit down there."""

    table: str
    plan: str = ""
    waits: int = 0


@dataclass
class Evening:
    """One evening from one seed."""

    seed: int
    fired: Counter[str] = field(default_factory=Counter)
    bills: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        dice = self.dice
        self.fault_chance = dice.choice((0.0, 0.05, 0.15, 0.35))
        self.kind_weights = [dice.random() for _ in KINDS]
        self.lapse_chance = dice.choice((0.0, 0.05, 0.3))
        self.bill_chance = dice.choice((0.0, 0.02, 0.1))
        self.has_bills = dice.random() < 0.5
        self.bench = Bench(Policy(bill_wait_s=20, offer_ttl_s=dice.choice((10, 45, 120))))
        world = self.bench.world
        bomb = RandomBomb(dice, dice.choice((0.0, 0.002, 0.01)))
        self.bomb = world.bomb = self.bench.bomb = self.bench.journal.bomb = bomb
        world.weather = self.weather
        world.are_orders_hidden = dice.random() < 0.15
        world.on_close = self.on_close
        self.guests = [Guest(f"t{number}") for number in range(1, TABLES + 1)]
        self.is_stormy = True

    def weather(self, op: str) -> str:
        """Draw what a call suffers."""
        if not self.is_stormy or self.dice.random() >= self.fault_chance:
            return ""
        (kind,) = self.dice.choices(KINDS, self.kind_weights)
        if kind == "late":
            kind = "lost_request" if op in NO_LATE else f"late:{self.dice.uniform(0, 25):.1f}"
        self.fired[f"{op} {kind.partition(':')[0]}"] += 1
        return kind

    def on_close(self, table: Table) -> None:
        """The next guest may be waiting for the table, even for the very moment it is free."""
        guest = self.guests[int(table.identifier[1:]) - 1]
        guest.plan = ""
        if self.is_stormy and self.dice.random() < 0.3:
            self.fired["guest at once"] += 1
            self.sit_down(guest)

    def sit_down(self, guest: Guest) -> None:
        """A guest checks in."""
        plans = ("pays", "pays", "pays_late", "declines", "leaves", "leaves_early", "forgets")
        guest.plan = self.dice.choice(plans)
        guest.waits = self.dice.randrange(0, 6)
        if self.has_bills and guest.table not in self.bench.till.bills:
            self.bills += 1
            amount = Money(self.dice.randrange(100, 9000), "EUR")
            self.bench.till.bills[guest.table] = Bill(f"bill-{self.bills}", amount, guest.table)
        self.bench.world.scan(guest.table)
        self.fired[f"guest {guest.plan}"] += 1

    def act(self, bench: Bench) -> None:
        """Let everybody but the worker do something."""
        bench.world.catch_up()
        for guest in self.guests:
            self.let_act(guest)
        if not self.is_stormy:
            return
        for table, bill in list(bench.till.bills.items()):
            if self.dice.random() < self.bill_chance:
                amount = Money(bill.money.amount_minor + 50, "EUR")
                bench.till.bills[table] = Bill(bill.bill_id, amount, table)
                self.fired["bill changed"] += 1
        bench.till.trouble = "no disk" if self.dice.random() < self.bill_chance else None
        lapses = self.dice.random() < self.lapse_chance
        bench.world.unlisted = {SpotId(f"id-t{self.dice.randint(1, TABLES)}")} if lapses else set()
        bench.world.are_new_charges_unlisted = self.dice.random() < self.lapse_chance
        rows = [bench.world.show(t) for t in bench.world.tables.values()]
        waiting = [row for row in rows if row.status is SpotStatus.WAITING]
        if self.dice.random() < self.lapse_chance and waiting:
            bench.world.stale_rows = [self.dice.choice(waiting)]
        elif self.dice.random() < 0.5:
            bench.world.stale_rows = []

    def let_act(self, guest: Guest) -> None:
        """A guest follows a plan."""
        world = self.bench.world
        table = world.tables.get(SpotId(f"id-{guest.table}"))
        is_seated = table is not None and table.status is SpotStatus.WAITING
        if not is_seated:
            if self.is_stormy and self.dice.random() < 0.3:
                self.sit_down(guest)
            return
        offers = world.offers(guest.table)
        if guest.plan == "leaves_early" or (guest.plan == "leaves" and offers):
            if self.dice.random() < 0.3:
                world.leave(guest.table)
            return
        if offers and guest.waits > 0:
            guest.waits -= 1
            return
        for charge in offers:
            self.answer(guest, charge)

    def answer(self, guest: Guest, charge: Charge) -> None:
        """A guest pays or declines what shows."""
        if guest.plan in {"pays", "pays_late"}:
            self.bench.world.reserve(charge)
        elif guest.plan == "declines":
            charge.status = TransactionStatus.REJECTED

    async def play(self) -> "Evening":
        """Play the storm, then the calm."""
        await self.bench.live(self.act, STORM_TICKS)
        self.is_stormy = False
        self.bomb.chance = 0.0
        bench = self.bench
        bench.till.trouble = None
        bench.world.unlisted, bench.world.stale_rows = set(), []
        bench.world.are_new_charges_unlisted = False
        bench.hire()
        await bench.live(self.act, CALM_TICKS)
        self.check()
        return self

    def check(self) -> None:
        """Judge by the world's truth."""
        bench, world = self.bench, self.bench.world
        charges = list(world.charges.values())
        taken = [c for c in charges if c.status is TransactionStatus.CONFIRMED]
        paid = [visit for visit in bench.visits() if visit.end is End.PAID]
        waiting = [t.identifier for t in world.tables.values() if t.status is SpotStatus.WAITING]
        seatings = Counter((c.checkin_at, c.checkin) for c in taken)
        bills = Counter(visit.bill.bill_id for visit in paid if visit.bill and visit.bill.bill_id)
        told = Counter(one.bill.bill_id for one in bench.till.settled)
        faults = {
            "wrongs": world.wrongs,
            "open": [(v.label, v.step) for v in bench.open_visits()],
            "parked": [v.label for v in bench.visits() if v.end is End.PARKED],
            "waiting": waiting,
            "held": [c.key for c in charges if c.status is TransactionStatus.RESERVED],
            "payable": [c.key for c in charges if c.status in PENDING and c.checkin is not None],
            "books": sorted({str(c.key) for c in taken} ^ {str(v.transaction_key) for v in paid}),
            "twice at a table": [seat for seat, count in seatings.items() if count > 1],
            "bill paid twice": [bill for bill, count in bills.items() if count > 1],
            "till not told": [str(bill) for bill in set(bills) ^ set(told)],
        }
        wrong = {name: what for name, what in faults.items() if what}
        assert not wrong, f"seed {self.seed}: {wrong}"
