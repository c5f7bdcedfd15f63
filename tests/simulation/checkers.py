"""What must hold, asked of the world and of the disk, never of a worker's memory."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.simulation import oracle
from worker.domain.ids import TransactionKey, VisitId
from worker.domain.part import PartState
from worker.domain.rules.closing import MAY_HAVE_PAID
from worker.domain.visit import FINAL, End, Visit
from worker.domain.wallet import PENDING, SpotStatus
from worker.ports import NoticeState

if TYPE_CHECKING:
    from tests.simulation.disk import MemoryDisk
    from tests.simulation.evening import Evening
    from tests.simulation.process import Process


def check_told(evening: "Evening", process: "Process", told: str, label: str) -> None:
    """S6: what a worker says to the world is on its disk."""
    event = told.partition(" ")[0]
    truth, durable = evening.truth, process.disk.durable
    if event in {"visit.crashed", "visit.surprised"}:
        truth.wrong("crash", f"{label} {told}")
        return
    if event in {"worker.twin_seen", "transaction.foreign"}:
        return
    if event == "visit.parked":
        evening.told_parked.add(label)
        return
    number = int(label.partition("-")[2])
    visit = durable.visit(VisitId(number)) if durable.has(number) else None
    is_true = visit is not None and {
        "transaction.confirmed": visit.paid_at is not None,
        "notice.accepted": is_accepted(process, number),
        "visit.closed": visit.step in FINAL,
    }.get(event, True)
    if not is_true:
        truth.wrong("S6", f"{told} of {label} was told but is not durable: {visit}")


def check_freed(evening: "Evening", disk: "MemoryDisk", visit: Visit) -> None:
    """L3: a visit that lets go of its spot has not left its guest waiting there.

    One whose close may have worked can not always tell; the next visit then finds what it left.
    """
    truth, spot_id = evening.truth, visit.spot_id
    is_excused = truth.vendor.are_orders_hidden or truth.vendor.keeps_history
    was_sent = (disk.instance, str(visit.visit_id)) in evening.closes_sent
    if is_excused or was_sent:
        return
    table = truth.tables[spot_id]
    served = [c.checkin for c in table.served if c.key in keys_of(visit)]
    is_there = table.status is SpotStatus.WAITING and table.checkin != table.denied_checkin
    if served and is_there and table.checkin == max(served):
        truth.wrong("L3", f"{visit.label} lets go, and its guest still waits at {visit.table}")


def check_close(evening: "Evening", process: "Process", number: int, checkin: int) -> None:
    """S10: a visit frees the check-in that it served, never a later one that can be told apart.

    Args:
        evening: where it happens.
        process: who is about to close.
        number: the visit that the close is for.
        checkin: the table's check-in at the look that the close follows.

    """
    truth, visit = evening.truth, process.disk.durable.visit(VisitId(number))
    closed = truth.closed_for.get((process.disk.instance, str(number)), checkin)
    is_blind = truth.vendor.are_orders_hidden and visit.end in MAY_HAVE_PAID
    if checkin > closed and not is_blind:
        truth.wrong("S10", f"{visit.label} closed check-in {closed}, and closes {checkin} too")
    if truth.vendor.are_orders_hidden or truth.vendor.keeps_history or visit.end is End.LEFTOVER:
        return  # There the vendor's own answers can not tell one guest from the next.
    table = truth.tables[visit.spot_id]
    served = [c.checkin for c in table.served if c.key in visit.keys]
    if served:
        if checkin > max(served):
            truth.wrong("S10", f"{visit.label} served check-in {served}, and closes {checkin}")
        return
    began = process.disk.first_checkin.get(visit.visit_id)
    if table.spot_id in evening.misled or began is None:
        return
    gaps = table.gaps[began:checkin]
    longest = 2 * evening.plan.poll_every_s + 1.0
    if any(gap > longest for gap in gaps):
        truth.wrong("S10", f"{visit.label} closes {checkin} though the table was free for {gaps}")


def unfinished(evening: "Evening") -> dict[str, list[str]]:
    """L1 to L8: name what has not come to an end."""
    truth = evening.truth
    found: dict[str, list[str]] = {
        "open visits": [
            f"{visit.label} {visit.step.value} {visit.reason}"
            for disk in evening.disks
            for visit in disk.open_visits()
        ],
        "waiting spots": [
            t.identifier for t in truth.tables.values() if t.status is SpotStatus.WAITING
        ],
        "held money": [str(key) for key in truth.held()],
        "payable offers": [str(key) for key in truth.payable()],
        "untold notices": [owed.notice.notice_id for disk in evening.disks for owed in disk.owed()],
        "no worker": [] if evening.processes else ["none runs"],
        "lost creates": lost_but_findable(evening),
    }
    return {name: what for name, what in found.items() if what}


def only_the_till_is_left(evening: "Evening") -> bool:
    """Tell whether all that is open is a till that sulked for so long that it is seldom told."""
    return set(unfinished(evening)) == {"untold notices"}


def lost_but_findable(evening: "Evening") -> list[str]:
    """L5: name our transactions that nobody was shown, that the lists show, and that still live."""
    if not evening.truth.vendor.lists_new:
        return []
    charges = evening.truth.charges.values()
    asked = Counter(charge.request.reference for charge in charges)
    return [
        str(charge.key)
        for charge in charges
        if charge.is_ours
        and charge.table is None
        and charge.status in PENDING
        # Of two that the network made of one request a worker can only know the one.
        and asked[charge.request.reference] == 1
    ]


def at_the_end(evening: "Evening") -> list[str]:
    """Judge the whole evening."""
    wrongs = books_that_differ(evening)
    if evening.plan.mode != "twin":  # Two journals can not know of one another in time.
        wrongs += bills_paid_twice(evening) + bills_overpaid(evening)
    if evening.plan.mode in {"liveness", "oracle"}:
        wrongs += till_not_told(evening)
        wrongs += unexplained_parks(evening)
        wrongs += silent_parks(evening)
    if evening.plan.mode == "oracle" and evening.plan.guests:
        wrongs += oracle.disagreements(evening)
    return wrongs


def books_that_differ(evening: "Evening") -> list[str]:
    """S4, S15: what the wallet took is what the journals call paid, to the cent."""
    if evening.plan.mode in {"safety", "twin"}:
        paid = {key for disk in evening.disks for key in paid_by(disk.visits())}
        taken = {charge.key for charge in evening.truth.taken}
        return [f"books: {paid - taken} are paid in the journal alone"] if paid - taken else []
    taken_money = Counter(
        {str(c.key): c.taken.amount_minor for c in evening.truth.taken if c.taken is not None}
    )
    paid_money: Counter[str] = Counter()
    for disk in evening.disks:
        paid_money.update({str(key): minor for key, minor in paid_by(disk.visits()).items()})
    if taken_money == paid_money:
        return []
    left_to_people = {str(key) for visit in parked(evening) for key in keys_of(visit)}
    difference = sorted(
        (key, amount)
        for key, amount in taken_money.items() ^ paid_money.items()
        if key not in left_to_people
    )
    return [f"books: the wallet and the journals differ in {difference}"] if difference else []


def parked(evening: "Evening") -> list[Visit]:
    """Give every visit that was left to a human."""
    return [v for disk in evening.disks for v in disk.visits() if v.end is End.PARKED]


def paid_by(visits: Iterable[Visit]) -> dict[TransactionKey, int]:
    """Give what journals call paid, in minor units by transaction."""
    paid: dict[TransactionKey, int] = {}
    for visit in visits:
        for part in visit.parts:
            if part.state is PartState.PAID and part.key is not None:
                paid[part.key] = part.money.amount_minor
        if not visit.parts and visit.taken_minor and visit.transaction_key is not None:
            paid[visit.transaction_key] = visit.taken_minor
    return paid


def is_accepted(process: "Process", number: int) -> bool:
    """Tell whether the disk knows that the till has a payment of a visit."""
    states = process.disk.durable.notices(VisitId(number))
    return NoticeState.ACCEPTED in states


def keys_of(visit: Visit) -> frozenset[TransactionKey]:
    """Give every transaction that a visit ever had."""
    return visit.keys


def taken_of_bills(evening: "Evening") -> dict[str, list[tuple[str, int]]]:
    """Give what was taken for each bill: the part, empty for the whole, and the amount."""
    taken: dict[str, list[tuple[str, int]]] = {}
    for disk in evening.disks:
        for visit in disk.visits():
            bill_id = visit.bill.bill_id if visit.bill is not None else None
            for key in visit.keys if bill_id is not None else ():
                charge = evening.truth.charges.get(key)
                if charge is not None and charge.taken is not None:
                    part = next((p.part_id for p in visit.parts if p.key == key), "")
                    taken.setdefault(f"{bill_id}", []).append((part, charge.taken.amount_minor))
    return taken


def bills_paid_twice(evening: "Evening") -> list[str]:
    """S4: no bill and no part of one is paid twice, and no whole beside a part, by whomever."""
    wrongs = []
    for bill, payments in taken_of_bills(evening).items():
        parts = [part for part, _ in payments]
        if len(parts) != len(set(parts)) or ("" in parts and len(parts) > 1):
            wrongs.append(f"S4: {bill} was paid {len(parts)} times: {sorted(parts)}")
    return wrongs


def bills_overpaid(evening: "Evening") -> list[str]:
    """S4: no more is taken for a bill or a part of one than the till ever asked for it.

    Part by part, not in all: a till may take a part back that is paid and that it was not told of
    yet, and ask for another one instead.
    """
    asked = evening.till.asked_most
    return [
        f"S4: {minor} was taken for {part or 'all'} of {bill}, asked were {asked[bill, part]}"
        for bill, payments in taken_of_bills(evening).items()
        for part, minor in payments
        if minor > asked[bill, part]
    ]


def till_not_told(evening: "Evening") -> list[str]:
    """L4: a paid bill reaches the till."""
    told = {notice.transaction_key for notice in evening.till.posted.values()}
    return [
        f"L4: {visit.label} is paid with {key} and the till does not know"
        for disk in evening.disks
        for visit in disk.visits()
        if visit.bill is not None and visit.bill.bill_id is not None
        for key in paid_by((visit,))
        if key not in told
    ]


def unexplained_parks(evening: "Evening") -> list[str]:
    """L8: a visit is only left to a human when the wallet denied knowing its transaction."""
    return [
        f"L8: {visit.label} is parked: {visit.reason}"
        for visit in parked(evening)
        if not keys_of(visit) & evening.lied_about
    ]


def silent_parks(evening: "Evening") -> list[str]:
    """L8: a human is called for every visit that is left to one, whenever the worker dies."""
    return [
        f"L8: {visit.label} is parked, and nobody was told: {visit.reason}"
        for visit in parked(evening)
        if visit.label not in evening.told_parked
    ]
