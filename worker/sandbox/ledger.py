"""The world's truth in one report: every transaction, the sums, the spots, and what was wrong.

Only reads. The sums are of whole transactions; money that was given back after a confirm stands
apart.
"""

from __future__ import annotations

from collections.abc import Iterable

from .audit import KINDS
from .model import Transaction
from .world import World

HELD = ("reserved", "waiting_registration")


def report(world: World, repeated_nonces: list[str]) -> dict[str, object]:
    """Tell the whole ledger."""
    violations = [
        *world.audit.violations,
        *(
            {"kind": "repeated_nonce", "why": KINDS["repeated_nonce"], "nonce": nonce, "keys": []}
            for nonce in repeated_nonces
        ),
    ]
    return {
        "transactions": [_row(one) for one in world.transactions.values()],
        "confirmed_total_minor": _sums(world.by_status.get("confirmed", {}).values()),
        "confirmed_count": len(world.by_status.get("confirmed", {})),
        "held_total_minor": _sums(
            one for name in HELD for one in world.by_status.get(name, {}).values()
        ),
        "reserved_count": len(world.by_status.get("reserved", {})),
        "refunded_total_minor": _refunds(world),
        "statuses": {name: len(of) for name, of in world.by_status.items() if of},
        "spots": spots(world),
        "waiting_spots": len(world.waiting),
        "visits": dict(world.totals),
        "violations": violations,
        "suspicions": list(world.audit.suspicions),
    }


def spots(world: World) -> list[dict[str, object]]:
    """Tell every spot and what its present guest was shown."""
    return [
        {
            "id": spot.id,
            "identifier": spot.identifier,
            "location_id": spot.location_id,
            "status": spot.status,
            "checkins": spot.checkins,
            "closes": spot.closes,
            "orders": [
                {
                    "id": order.id,
                    "transaction_key": order.transaction.key,
                    "status": order.status,
                    "amounts_minor": order.transaction.amounts(),
                }
                for order in spot.orders
            ],
        }
        for spot in world.spots.values()
    ]


def _row(one: Transaction) -> dict[str, object]:
    amounts = one.amounts()
    single = len(amounts) == 1
    spot = one.checkin.spot if one.checkin is not None else None
    return {
        "key": one.key,
        "status": one.status,
        "amount_minor": next(iter(amounts.values())) if single else None,
        "currency": next(iter(amounts)) if single else None,
        "amounts_minor": amounts,
        "orderid": _orderid(one),
        "description": one.payments[0].told.get("description") if one.payments else None,
        "project_id": one.project_id,
        "location_id": spot.location_id if spot is not None else one.location_id,
        "spot_id": spot.id if spot is not None else None,
        "spot_identifier": spot.identifier if spot is not None else None,
        "checkin": one.checkin.number if one.checkin is not None else None,
        "wallet": one.wallet,
        "created_at": one.created_at,
        "reserved_at": one.reserved_at,
        "confirmed_at": one.confirmed_at,
    }


def _orderid(one: Transaction) -> object:
    for payment in one.payments:
        parameters = payment.told.get("parameters")
        if isinstance(parameters, dict) and "orderid" in parameters:
            return parameters["orderid"]
    return None


def _sums(transactions: Iterable[Transaction]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in transactions:
        for currency, amount in one.amounts().items():
            sums[currency] = sums.get(currency, 0) + amount
    return sums


def _refunds(world: World) -> dict[str, int]:
    sums: dict[str, int] = {}
    for payment, _ in world.payments.values():
        if payment.status == "canceled":
            sums[payment.currency] = sums.get(payment.currency, 0) + payment.price_minor
    return sums
