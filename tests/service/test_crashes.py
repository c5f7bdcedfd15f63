"""The process dies at every point where it can, one after the other, and nothing is lost.

A point is right before and right after each write to the journal, and right before and right after
each effect at the wallet. For every scenario the first run counts the points; then one run for each
point dies there, a fresh worker takes over, and the same must come out. A second pass dies twice.
"""

from collections.abc import Callable

import pytest

from tests.service.bench import Bench
from tests.service.world import Bomb
from worker.domain.bill import Bill
from worker.domain.ids import SpotId
from worker.domain.money import Money
from worker.domain.visit import End
from worker.domain.wallet import PENDING, SpotStatus, TransactionStatus

Guest = Callable[[Bench], None]

TICKS = 40


def pays() -> Guest:
    """Scans, and pays whatever shows first."""
    state = {"scanned": False, "paid": False}

    def act(bench: Bench) -> None:
        if not state["scanned"]:
            bench.world.scan("t1")
            state["scanned"] = True
        for charge in bench.world.offers("t1"):
            if not state["paid"]:
                bench.world.reserve(charge)
                state["paid"] = True

    return act


def declines() -> Guest:
    """Scans, and refuses."""
    state = {"scanned": False}

    def act(bench: Bench) -> None:
        if not state["scanned"]:
            bench.world.scan("t1")
            state["scanned"] = True
        for charge in bench.world.offers("t1"):
            charge.status = TransactionStatus.REJECTED

    return act


def leaves() -> Guest:
    """Scans, sees the bill and goes away."""
    state = {"scanned": False}

    def act(bench: Bench) -> None:
        if not state["scanned"]:
            bench.world.scan("t1")
            state["scanned"] = True
        elif bench.world.offers("t1"):
            bench.world.leave("t1")

    return act


def forgets() -> Guest:
    """Scans, and then does nothing at all."""
    state = {"scanned": False}

    def act(bench: Bench) -> None:
        if not state["scanned"]:
            bench.world.scan("t1")
            state["scanned"] = True

    return act


def comes_back() -> Guest:
    """Pays, and checks in again the moment the spot is closed; pays again."""
    state = {"scans": 0}

    def act(bench: Bench) -> None:
        if state["scans"] == 0:
            state["scans"] = 1
            bench.world.scan("t1")

            def rescan(table: object) -> None:
                if state["scans"] == 1 and any(
                    charge.status is TransactionStatus.CONFIRMED
                    for charge in bench.world.charges.values()
                ):
                    state["scans"] = 2
                    bench.world.scan("t1")

            bench.world.on_close = rescan
        for charge in bench.world.offers("t1"):
            bench.world.reserve(charge)

    return act


def with_trouble(guest: Guest, **trouble: str) -> Guest:
    """The same guest, while calls get lost."""
    state = {"ordered": False}

    def act(bench: Bench) -> None:
        if not state["ordered"]:
            state["ordered"] = True
            for op, what in trouble.items():
                bench.world.trouble[op].append(what)
        guest(bench)

    return act


SCENARIOS: dict[str, Callable[[], Guest]] = {
    "pays": pays,
    "declines": declines,
    "leaves": leaves,
    "forgets": forgets,
    "comes_back": comes_back,
    "lost_create": lambda: with_trouble(pays(), create="lost_reply"),
    "lost_link": lambda: with_trouble(pays(), link="lost_reply"),
    "lost_confirm": lambda: with_trouble(pays(), confirm="lost_reply"),
    "lost_revoke": lambda: with_trouble(forgets(), revoke="lost_reply"),
    "lost_close": lambda: with_trouble(comes_back(), close="lost_reply"),
    "refused_confirm": lambda: with_trouble(pays(), confirm="refuse:state"),
}


async def evening(name: str, fuses: tuple[int, ...] = (), *, has_bill: bool = True) -> Bench:
    """Play one scenario, dying at the given points."""
    bench = Bench()
    if has_bill:
        bench.till.bills["t1"] = Bill("bill-1", Money(1250, "EUR"), "One")
    bench.bomb = bench.world.bomb = bench.journal.bomb = Fuses(fuses)
    await bench.live(SCENARIOS[name](), TICKS)
    return bench


class Fuses(Bomb):
    """A bomb with several fuses."""

    def __init__(self, fuses: tuple[int, ...]) -> None:
        super().__init__()
        self.left = list(fuses)

    def tick(self) -> None:
        """Pass a point; die at the next fuse."""
        self.points += 1
        if self.left and self.points >= self.left[0]:
            from tests.service.world import Crash  # noqa: PLC0415 - reads best where it is raised

            self.left.pop(0)
            raise Crash


def check(bench: Bench, name: str, fuses: tuple[int, ...]) -> None:
    """Judge by the world's truth."""
    where = f"{name} dying at {fuses}: {[(v.label, v.step, v.end) for v in bench.visits()]}"
    assert bench.world.wrongs == [], where
    assert bench.open_visits() == [], where
    assert bench.world.tables[SpotId("id-t1")].status is not SpotStatus.WAITING, where
    charges = list(bench.world.charges.values())
    taken = [c for c in charges if c.status is TransactionStatus.CONFIRMED]
    held = [c for c in charges if c.status is TransactionStatus.RESERVED]
    payable = [c for c in charges if c.status in PENDING and c.checkin is not None]
    assert held == [], where
    assert payable == [], where
    paid = [v for v in bench.visits() if v.end is End.PAID]
    assert [v.transaction_key for v in paid] == [c.key for c in taken], where
    checkins = [c.checkin for c in taken]
    assert len(checkins) == len(set(checkins)), where
    assert bench.world.effects["confirm"] == len(taken), where
    assert not any(v.end is End.PARKED for v in bench.visits()), where
    bills = {paid.bill.bill_id: paid.transaction_key for paid in bench.till.settled}
    assert len(set(bills.values())) == len(bills), where


@pytest.mark.parametrize("name", SCENARIOS)
async def test_dying_once_at_any_point_changes_nothing_that_matters(name: str) -> None:
    """One crash at every point of every scenario; the books and the tables come out right (F31)."""
    quiet = await evening(name)
    check(quiet, name, ())
    expected = sum(v.end is End.PAID for v in quiet.visits())
    points = quiet.bomb.points
    assert points > 40
    for fuse in range(1, points + 1):
        bench = await evening(name, (fuse,))
        check(bench, name, (fuse,))
        assert bench.crashes == (1 if bench.bomb.points >= fuse else 0)
        if name != "leaves":
            paid = sum(v.end is End.PAID for v in bench.visits())
            assert paid == expected, f"{name} dying at {fuse}: paid {paid} times"


@pytest.mark.parametrize("name", ["pays", "comes_back", "lost_confirm", "lost_create"])
async def test_dying_again_during_the_recovery_changes_nothing_either(name: str) -> None:
    """Two crashes: the second soon after the first, while the worker takes things up (F31)."""
    points = (await evening(name)).bomb.points
    for first in range(1, points, 3):
        for second in range(first + 1, first + 14, 3):
            bench = await evening(name, (first, second))
            check(bench, name, (first, second))
