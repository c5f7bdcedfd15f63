"""What an undisturbed evening must come to, by a model that knows no worker.

Nothing is lost, nobody dies, the till is in order: then a guest who wants to pay is charged exactly
what the bill says, and nobody else is charged anything.
"""

from typing import TYPE_CHECKING, Final

from tests.simulation.till import PRICE
from worker.domain.money import Money

if TYPE_CHECKING:
    from tests.simulation.evening import Evening

PAYING: Final = frozenset({"pays", "pays_stubbornly"})
ORDER_SHOWS_S_MAX: Final = 2.0
"""How long after the poll that saw a guest the bill shows, when calls take a third of a second."""


def disagreements(evening: "Evening") -> list[str]:
    """Compare who was charged what with what the model says."""
    wrongs = []
    for guest in evening.guests.everybody:
        owed = [evening.guests.owed.get(guest.number, PRICE)] if guest.plan in PAYING else []
        if evening.plan.vendor.are_orders_hidden and guest.scans > 1:
            continue  # Who sits down in the instant of a close may have to scan again and again.
        if guest.charged != owed:
            wrongs.append(
                f"oracle: guest {guest.number}, who {guest.plan}, owed {told(owed)} "
                f"and was charged {told(guest.charged)}"
            )
    limit_s = evening.plan.poll_every_s + ORDER_SHOWS_S_MAX
    wrongs += [
        f"L2: the bill showed {waited_s:.1f} s after the check-in"
        for waited_s in evening.guests.shown_after_s
        if waited_s > limit_s
    ]
    return wrongs


def told(money: list[Money]) -> str:
    """Write amounts."""
    return ", ".join(map(str, money)) or "nothing"
