"""S2: what is taken is what the till said a moment ago, and never more than the guest agreed to."""

from typing import TYPE_CHECKING, Final

from tests.simulation.till import Told
from tests.simulation.truth import Charge
from worker.domain.bill import AtHoldEnd
from worker.domain.money import Money

if TYPE_CHECKING:
    from tests.simulation.evening import Evening
    from tests.simulation.process import Process

BILL_IS_FRESH_S: Final = 10.0


def check(
    evening: "Evening", process: "Process", charge: Charge, price: Money, *, is_again: bool
) -> None:
    """Judge the price of a confirm that is about to leave, `is_again`: while another may work."""
    truth = evening.truth
    table = charge.table.identifier if charge.table else ""
    told = evening.till.told.get((process, table))
    if price.amount_minor > charge.request.money.amount_minor:
        truth.wrong("S2", f"{charge.key} is confirmed for {price}, the guest agreed to less")
    if is_hold_over(evening, charge, price, told):
        return
    if told is None or evening.loop.time() - told.at_s > BILL_IS_FRESH_S:
        truth.wrong("S2", f"{charge.key} is confirmed without asking the till again")
    elif is_again and was_on_hold(evening, charge) and is_covered(evening, charge, price, told):
        return
    elif price not in allowed(evening, charge, told):
        truth.wrong("S2", f"{charge.key} is confirmed for {price}, the till says {told.bills}")


def check_again(evening: "Evening", charge: Charge, price: Money, *, may_land: bool) -> None:
    """Demand that while a confirm may still land, no other price is asked for."""
    if not may_land:
        evening.confirm_prices.pop(charge.key, None)
    first = evening.confirm_prices.setdefault(charge.key, price)
    if price != first:
        why = f"{charge.key} is confirmed for {price} after it was for {first}, in doubt"
        evening.truth.wrong("S2", why)


def allowed(evening: "Evening", charge: Charge, told: Told) -> list[Money]:
    """Give what may be taken for a transaction by what the till said."""
    part = evening.truth.part_of(charge)
    if part:
        return [p.money for bill in told.bills for p in bill.parts if p.part_id == part]
    final = [bill.money for bill in told.bills if bill.hold is None and not bill.parts]
    if evening.plan.policy.confirms_lowered or was_on_hold(evening, charge):
        return final
    return [money for money in final if money == charge.request.money]


def is_covered(evening: "Evening", charge: Charge, price: Money, told: Told) -> bool:
    """Tell whether a hold's bill asks for as much by now: what may have left is not changed."""
    asked = [
        bill.money.amount_minor if bill.hold is None else bill.hold.known_minor
        for bill in told.bills
        if bill.bill_id == evening.bill_of(charge)
    ]
    return any(price.amount_minor <= minor for minor in asked)


def was_on_hold(evening: "Evening", charge: Charge) -> bool:
    """Tell whether the guest agreed to a ceiling."""
    return charge.request.reserve_for_s != evening.plan.policy.reserve_for_s


def is_hold_over(evening: "Evening", charge: Charge, price: Money, told: Told | None) -> bool:
    """Tell whether a hold ran out, and what is taken is what was known then, as its bill says.

    A worker that starts again has nothing but its machine's clock to tell how long that is.
    """
    for_s = charge.request.reserve_for_s
    held_s = evening.loop.time() - charge.reserved_s
    house, bill_id = evening.till, evening.bill_of(charge)
    known = house.known.get(bill_id, set())
    for bill in told.bills if told is not None else ():
        if bill.hold is not None and bill.bill_id == bill_id:
            known = {bill.hold.known_minor}
    is_late = held_s >= for_s - min(60.0, for_s / 4) - 1.0 or evening.was_clock_set
    is_to_take = house.at_end.get(bill_id) is AtHoldEnd.CONFIRM
    is_known = is_to_take and price.amount_minor in known
    return was_on_hold(evening, charge) and is_late and is_known
