"""What an evening is made of, drawn from its seed: the room, the vendor, and all the probabilities.

Each seed draws its own *chances*, not only its own events, so that no two evenings suffer alike.
"""

from dataclasses import dataclass, field, replace
from random import Random

from tests.simulation.truth import Vendor
from worker.domain.policy import Policy
from worker.domain.wallet import SpotStatus

MODES = ("liveness", "liveness", "liveness", "liveness", "safety", "twin", "oracle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One evening's parameters. Chances are per call, per second or per step, as named."""

    mode: str = "oracle"
    """liveness: the storm ends and everything must; safety: it never does; twin: a second worker
    with a journal of its own; oracle: no trouble, and the money must be as the model says."""
    tables: int = 5
    guests: int = 22
    policy: Policy = field(default_factory=Policy)
    vendor: Vendor = field(default_factory=Vendor)
    has_bills: bool = True
    poll_every_s: float = 3.0
    severity: float = 0.0
    """How bad calls fare, from 0 to 1."""
    delay_s_max: float = 0.3
    is_shuffled: bool = False
    """What is ready at once runs in any order."""
    arrival_chance: float = 0.3
    """Per second and free table."""
    second_phone_chance: float = 0.0
    bill_chance: float = 0.0
    """Per second: some bill changes."""
    till_chance: float = 0.0
    """Per call to the till."""
    crash_chance: float = 0.0
    """Per step of the worker."""
    machine_chance: float = 0.0
    """Per second: it freezes, is stopped, loses its disk, its clock steps, a second one starts."""
    people_chance: float = 0.0
    """Per second: the staff closes a spot by hand, another till puts an order on one."""
    disk_chance: float = 0.0
    """Per write to the journal."""
    restart_s: float = 1.0
    split_chance: float = 0.0
    """Per bill: it comes in parts."""
    hold_chance: float = 0.0
    """Per bill: its final amount is said later."""
    lists_paid_parts: bool = False
    """The till goes on listing the parts of a bill that are paid."""
    can_lock: bool = False
    """The till keeps a bill as it is while it is being paid."""
    journal: str = "memory"
    """memory: the journal's twin in memory; sqlite: the real one on a plain file; disk: the same
    on a disk that fails and forgets what was not synced."""


def draw(seed: int) -> Plan:
    """Draw an evening."""
    dice = Random(f"{seed}/plan")
    mode = dice.choice(MODES)
    policy = Policy(
        bill_wait_s=dice.choice((5.0, 20.0)),
        offer_ttl_s=dice.choice((10.0, 30.0, 90.0)),
        reserve_for_s=dice.choice((90, 300, 900)),
    )
    vendor = Vendor(
        are_orders_hidden=dice.random() < 0.15,
        keeps_history=dice.random() < 0.2,
        lists_new=dice.random() < 0.8,
        confirms_again=dice.random() < 0.3,
        status_after_close=dice.choice((SpotStatus.CLOSED, SpotStatus.OPEN)),
    )
    tables = dice.choice((2, 12, 32))
    room = Plan(
        mode=mode,
        tables=tables,
        guests=tables * dice.choice((2, 4)),
        policy=policy,
        vendor=vendor,
        has_bills=dice.random() < 0.5,
        poll_every_s=dice.choice((3.0, 5.0)),
        arrival_chance=dice.choice((0.3, 0.6, 1.0)),
        is_shuffled=dice.random() < 0.3,
    )
    return room if mode == "oracle" else with_bills(troubled(room, dice), Random(f"{seed}/bills"))


def with_bills(room: Plan, dice: Random) -> Plan:
    """Draw what the bills of an evening are like, beside plain ones."""
    policy = replace(room.policy, confirms_lowered=dice.random() < 0.3)
    return replace(
        room,
        policy=policy,
        split_chance=dice.choice((0.0, 0.2, 0.7)),
        hold_chance=dice.choice((0.0, 0.2, 0.7)),
        lists_paid_parts=dice.random() < 0.4,
        can_lock=dice.random() < 0.3,
    )


def troubled(room: Plan, dice: Random) -> Plan:
    """Draw the troubles for a room."""

    def often(*chances: float) -> float:
        return dice.choice((0.0, *chances))

    return replace(
        room,
        severity=often(0.15, 0.5, 1.0, 1.0 if room.mode != "safety" else 2.0),
        delay_s_max=dice.choice((0.05, 0.3, 2.0)),
        second_phone_chance=often(0.01, 0.05),
        bill_chance=often(0.02, 0.1),
        till_chance=often(0.02, 0.15),
        crash_chance=often(0.0003, 0.002, 0.006),
        machine_chance=often(0.005, 0.03),
        people_chance=often(0.01, 0.03),
        disk_chance=often(0.003, 0.03),
        restart_s=dice.choice((0.0, 1.0, 5.0)),
    )
