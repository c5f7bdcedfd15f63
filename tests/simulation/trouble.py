"""What befalls machines, tills and tables, beside the calls: once a second somebody may strike."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tests.simulation.truth import Charge
from worker.domain.ids import OrderReference, TransactionKey
from worker.domain.money import Money
from worker.domain.wallet import NewTransaction, SpotStatus, TransactionStatus

if TYPE_CHECKING:
    from tests.simulation.evening import Evening
    from tests.simulation.process import Process

MACHINE: Final = (
    "machine.freezes",
    "machine.stops",
    "machine.disk_full",
    "machine.clock_steps",
    "machine.second_worker",
    "machine.power_fails",
)
PEOPLE: Final = ("staff.closes", "stranger.orders", "stranger.reserves", "spot.denied")
LABELS: Final = frozenset(
    {
        *MACHINE,
        *PEOPLE,
        "bill.changes",
        "bill.withdrawn",
        "bill.late",
        "bill.never",
        "till.down",
        "till.slow",
        "till.unreadable",
        "till.refuses",
        "till.answer_lost",
        "disk.slow",
        "disk.write_fails",
        "disk.sync_fails",
        "machine.freezes_before_a_call",
        "kill",
        "kill.kept_the_write",
        "kill.lost_the_write",
        "journal.locked",
        "exit.0",
        "exit.69",
        "exit.75",
    }
)
STEPS_S: Final = (-3 * 86400.0, -600.0, -1.0, 1.0, 3600.0, 3 * 86400.0, -1.7e9)
"""What a clock may jump by; the last one takes it to about 1973."""


class Trouble:
    """The one who strikes."""

    def __init__(self, evening: "Evening") -> None:
        self.evening = evening
        self._dice = evening.choices.stream("trouble")
        self.drift = self._dice.choice((0.0, 2e-4, -2e-4))
        """How much faster the wall runs than the seconds."""

    def strike(self) -> None:
        """Let a second's troubles happen."""
        plan, choices = self.evening.plan, self.evening.choices
        if plan.machine_chance and self._dice.random() < plan.machine_chance:
            label = self._dice.choice(MACHINE)
            if choices.note(label):
                self.evening.tell("trouble", label)
                self._machine(label)
        if plan.people_chance and self._dice.random() < plan.people_chance:
            self._people(self._dice.choice(PEOPLE))
        if plan.bill_chance:
            self._bills(plan.bill_chance)
        if choices.fires("till.down", plan.till_chance / 4):
            self.evening.till.trouble = "no disk"
            self._later(self._dice.uniform(1, 20), self._till_is_back)

    def stand_still(self, process: "Process") -> None:
        """Freeze a process at the worst moment: a call is decided and has not left."""
        evening = self.evening
        chance = evening.plan.machine_chance if evening.is_stormy else 0.0
        if evening.choices.fires("machine.freezes_before_a_call", chance):
            process.freeze()
            self._later(self._dice.choice((6.0, 30.0, 120.0)), process.thaw)

    def heal(self) -> None:
        """Stop everything."""
        evening = self.evening
        evening.till.trouble = ""
        evening.fates.is_calm = True
        for disk in evening.disks:
            disk.trouble = ""
        for process in list(evening.processes):
            process.thaw()
        for table in evening.truth.tables.values():
            table.denied_until_s = 0.0
        for charge in evening.truth.charges.values():
            if not charge.is_ours:
                self._stranger_goes(charge)

    def _later(self, seconds: float, what: Callable[[], object]) -> None:
        self.evening.loop.call_later(seconds, what, context=self.evening.context)

    def _till_is_back(self) -> None:
        self.evening.till.trouble = ""

    def _machine(self, label: str) -> None:
        evening, dice = self.evening, self._dice
        if not evening.processes:
            return
        process = dice.choice(evening.processes)
        disk = process.disk
        match label:
            case "machine.freezes":
                process.freeze()
                self._later(dice.choice((0.5, 5.0, 30.0, 120.0)), process.thaw)
            case "machine.stops":
                process.terminate()
            case "machine.disk_full":
                disk.trouble = "the disk is full"
                self._later(dice.uniform(1, 30), lambda: setattr(disk, "trouble", ""))
            case "machine.clock_steps":
                evening.wall_offset_s = dice.choice(STEPS_S)
                evening.was_clock_set = True
            case "machine.second_worker":
                evening.start(disk)
            case _:
                evening.kill(process, is_power_lost=True)

    def _people(self, label: str) -> None:
        evening, truth = self.evening, self.evening.truth
        tables = [t for t in truth.tables.values() if t.status is SpotStatus.WAITING]
        if not tables or not evening.choices.note(label):
            return
        table = self._dice.choice(tables)
        evening.tell("trouble", label, table.identifier)
        if label == "staff.closes":
            truth.leave(table, truth.vendor.status_after_close)
            truth.on_closed(table)
            return
        if label == "spot.denied":
            table.denied_until_s = evening.loop.time() + self._dice.uniform(5, 60)
            return
        is_order = label == "stranger.orders" and evening.plan.mode != "twin"
        self.stranger_at(table.identifier if is_order else None)

    def stranger_at(self, identifier: str | None) -> None:
        """Let a stranger's transaction stand on a spot for a while, or elsewhere and reserved."""
        charge = self._stranger(is_reserved=identifier is None)
        for table in self.evening.truth.tables.values():
            if table.identifier == identifier:
                table.orders.append(charge)
                charge.table, charge.checkin = table, table.checkin
        self._later(self._dice.uniform(2, 20), lambda: self._stranger_goes(charge))

    def _stranger(self, *, is_reserved: bool) -> Charge:
        """Another till of the same project makes a transaction."""
        truth = self.evening.truth
        number = len(truth.charges) + 1
        own_looks = self._dice.choice(("pos-17", "v1.elsewhere.9975.3.abcdef1"))
        request = NewTransaction(
            OrderReference(f"{own_looks}-{number}"), Money(777, "EUR"), "Stranger", 900
        )
        key = TransactionKey(f"key-{number:04d}")
        charge = truth.charges[key] = Charge(
            key, request, truth.now_s(), is_ours=False, reserved_s=truth.now_s()
        )
        if is_reserved:
            charge.status = TransactionStatus.RESERVED
        return charge

    def _stranger_goes(self, charge: Charge) -> None:
        if charge.table is not None and charge in charge.table.orders:
            charge.table.orders.remove(charge)
        charge.status = TransactionStatus.REJECTED

    def _bills(self, chance: float) -> None:
        till, choices = self.evening.till, self.evening.choices
        for table in list(till.bills):
            if choices.fires("bill.changes", chance / 4):
                till.change(table)
                self.evening.tell("bill changes", table, str(till.bills[table].money))
            elif choices.fires("bill.withdrawn", chance / 16):
                del till.bills[table]
                self.evening.tell("bill withdrawn", table)
