"""What a payments person would never accept, judged on the world's truth.

The auditor is told of every confirm, link and close as it happens and writes down what was wrong
with it. It never changes anything and never refuses: a client's mistake should succeed and be
found.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .model import LIVE_ORDER_STATUSES, CheckIn, Order, Transaction

NEWCOMER_S = 3.0
HASTY_S = 1.0

KINDS = {
    "double_confirm": "one check-in has more than one confirmed transaction",
    "confirmed_unlinked": "a transaction was confirmed that was never linked to a spot",
    "two_live_orders": "a check-in carries two live orders of different transactions",
    "closed_unseen_guest": (
        "a close ended a check-in without an order that no answer had ever shown to the client, "
        "after a check-in of the same spot that had one"
    ),
    "closed_next_guest": (
        f"a close ended a check-in without an order within {NEWCOMER_S:g} s of its scan, and the "
        "check-in before it had an order and was ended by the guest or by a close whose answer "
        "was lost: the close was meant for the guest before (a heuristic)"
    ),
    "closed_while_reserved": "a close ended a check-in while money was held for it",
    "repeated_nonce": "a nonce was used more than once",
}


@dataclass(slots=True)
class Auditor:
    """The list of violations, and of closes that look odd but may be right."""

    violations: list[dict[str, object]] = field(default_factory=list)
    suspicions: list[dict[str, object]] = field(default_factory=list)

    def confirmed(self, transaction: Transaction) -> None:
        """Look at a transaction that has just been confirmed."""
        checkin = transaction.checkin
        if checkin is None:
            self._violated("confirmed_unlinked", None, [transaction.key])
            return
        checkin.confirmed_keys.append(transaction.key)
        if len(checkin.confirmed_keys) > 1:
            self._violated("double_confirm", checkin, checkin.confirmed_keys)

    def linked(self, checkin: CheckIn, order: Order) -> None:
        """Look at an order that has just been put on a check-in."""
        live = [one for one in checkin.orders if one.status in LIVE_ORDER_STATUSES]
        keys = sorted({one.transaction.key for one in live})
        if len(keys) > 1 and order in live:
            self._violated("two_live_orders", checkin, keys)

    def closing(self, checkin: CheckIn, steady: float) -> None:
        """Look at a check-in that the merchant is about to close."""
        waited_s = steady - checkin.began_at
        if checkin.had_order:
            self._check_money(checkin, waited_s)
            return
        before = checkin.spot.previous
        if before is None or not before.had_order:
            if waited_s < HASTY_S:
                self._suspected("hasty_close", checkin, waited_s)
            return
        acknowledged = before.ended_by == "merchant" and before.close_answered
        if not checkin.shown:
            self._violated("closed_unseen_guest", checkin, [])
        elif waited_s < NEWCOMER_S and not acknowledged:
            self._violated("closed_next_guest", checkin, [])
        elif waited_s < HASTY_S:
            self._suspected("hasty_close", checkin, waited_s)

    def _check_money(self, checkin: CheckIn, waited_s: float) -> None:
        held = [one.transaction.key for one in checkin.orders if one.status == "reserved"]
        if held:
            self._violated("closed_while_reserved", checkin, held)
        if any(one.status == "pending" for one in checkin.orders):
            self._suspected("closed_while_payable", checkin, waited_s)

    def _violated(self, kind: str, checkin: CheckIn | None, keys: list[str]) -> None:
        self.violations.append(
            {"kind": kind, "why": KINDS[kind], **_place(checkin), "keys": [*keys]}
        )

    def _suspected(self, kind: str, checkin: CheckIn, waited_s: float) -> None:
        self.suspicions.append({"kind": kind, **_place(checkin), "waited_s": round(waited_s, 3)})


def _place(checkin: CheckIn | None) -> dict[str, object]:
    if checkin is None:
        return {}
    spot = checkin.spot
    return {
        "spot_id": spot.id,
        "spot_identifier": spot.identifier,
        "location_id": spot.location_id,
        "checkin": checkin.number,
    }
