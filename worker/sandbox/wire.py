"""How the world's things look on the wire. Reads them, never changes them."""

from __future__ import annotations

import json

from .model import Order, Payment, Spot, Transaction

JsonObject = dict[str, object]

SHORT_PAYMENT_FIELDS = ("id", "status", "price", "currency", "price_decimal")


def encode(payload: object) -> bytes:
    """Encode like the vendor: compact, ASCII, with escaped slashes."""
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"))
    return text.replace("/", "\\/").encode("ascii")  # A slash only ever occurs inside a string.


def decimal_text(amount_minor: int) -> str:
    """Write minor units with two decimals."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def order_row(order: Order, *, with_transaction: bool = False) -> JsonObject:
    """Show a spot order."""
    row: JsonObject = {
        "id": order.id,
        "transaction_key": order.transaction.key,
        "status": order.status,
    }
    if with_transaction:
        row["transaction"] = transaction_row(order.transaction)
    return row


def spot_row(spot: Spot, *, with_transaction: bool = False) -> JsonObject:
    """Show a spot with its place and the orders of the present check-in."""
    return {
        "id": spot.id,
        "status": spot.status,
        "identifier": spot.identifier,
        "place_info": place_row(spot.location_id),
        "orders": [order_row(one, with_transaction=with_transaction) for one in spot.orders],
    }


def place_row(location_id: int) -> JsonObject:
    """Show where a spot is."""
    return {
        "title": f"Sandbox place {location_id}",
        "description": "A place that exists in the sandbox only",
        "address": "Loopback street 1",
        "location_id": location_id,
    }


def location_row(location_id: int, project_id: int, spots: list[Spot]) -> JsonObject:
    """Show a location and the ids of its spots."""
    rows = [{"id": spot.id, "identifier": spot.identifier} for spot in spots]
    place = place_row(location_id)
    del place["location_id"]
    return {"id": location_id, "project_id": project_id, "status": "active", **place, "spots": rows}


def payment_row(payment: Payment) -> JsonObject:
    """Show a payment in full."""
    row: JsonObject = {
        "id": payment.id,
        "transaction_key": payment.transaction_key,
        "created_at": payment.created_at,
        "status": payment.status,
        "cancelable": payment.status == "confirmed",
        "price": payment.price_minor,
        "currency": payment.currency,
        "price_decimal": decimal_text(payment.price_minor),
        "freeze": dict(payment.freeze),
        **payment.told,
    }
    if "for" in payment.freeze:
        row["freeze_for"] = payment.freeze["for"] // 3600
    if payment.confirmed_at is not None:
        row["confirmed_at"] = payment.confirmed_at
    return row


def short_payment_row(payment: Payment) -> JsonObject:
    """Show a payment as lists do."""
    full = payment_row(payment)
    return {name: full[name] for name in SHORT_PAYMENT_FIELDS}


def transaction_row(transaction: Transaction, *, short: bool = False) -> JsonObject:
    """Show a transaction; lists shorten its payments. What is not set is left out."""
    row: JsonObject = {
        "transaction_key": transaction.key,
        "created_at": transaction.created_at,
        "status": transaction.status,
        "reserve": dict(transaction.reserve),
        "auto_confirm": transaction.auto_confirm,
        "project_id": transaction.project_id,
        **transaction.told,
        "payments": [
            short_payment_row(one) if short else payment_row(one) for one in transaction.payments
        ],
    }
    if transaction.location_id is not None:
        row["location_id"] = transaction.location_id
    if transaction.wallet is not None:
        row["wallet"] = transaction.wallet
        row["type"] = "mobile_app"
    if transaction.confirmed_at is not None:
        row["confirmed_at"] = transaction.confirmed_at
    return row
