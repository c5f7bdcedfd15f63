"""Valid answers of the wallet, to be spoiled, and what the worker would have asked for."""

import random
from typing import Any, Final

from tests.domain.story import BILL, KEY, OTHER_KEY, an_offered_visit
from worker.domain.ids import SpotId

SPOT: Final = SpotId("15")
VISIT: Final = an_offered_visit()
REFERENCE: Final = VISIT.reference
OTHER_REFERENCE: Final = "v1.ab12cd34.9975.43.zzzzzz1"
AMOUNT: Final = BILL.money.amount_minor
CURRENCY: Final = BILL.money.currency

NAMES: Final = (
    *("transaction_key", "status", "payments", "price", "price_decimal", "currency"),
    *("parameters", "orderid", "auto_confirm", "transaction", "transactions", "order", "orders"),
    *("spot", "spots", "id", "identifier", "place_info", "location_id", "_metadata", "total"),
    *("offset", "limit", "has_next", "error", "error_description", "time"),
)
"""Every name that the worker looks for."""


def payment(dice: random.Random) -> dict[str, Any]:
    """A payment as the bill has it, with its amount in one notation or in both."""
    minor: dict[str, Any] = {"price": AMOUNT}
    decimal = {"price_decimal": dice.choice(("12.50", "12.5", "12.5000"))}
    figures = dice.choice((minor, minor, decimal, minor | decimal))
    return {
        **figures,
        "currency": CURRENCY,
        "description": "Table 7",
        "parameters": {"orderid": REFERENCE},
    }


def transaction(dice: random.Random) -> dict[str, Any]:
    """The visit's own transaction, reserved."""
    return {
        "transaction_key": KEY,
        "status": dice.choice(("reserved", "reserved", "reserved", "confirmed", "waiting", "new")),
        "created_at": 1763640000,
        "auto_confirm": False,
        "payments": [payment(dice)],
        "location_id": 9975,
    }


def other_transaction(dice: random.Random) -> dict[str, Any]:
    """Somebody else's transaction of the same size."""
    other = transaction(dice) | {"transaction_key": OTHER_KEY}
    other["payments"][0]["parameters"]["orderid"] = OTHER_REFERENCE
    return other


def wrapped_transaction(dice: random.Random) -> dict[str, Any]:
    """The transaction inside an object."""
    return {"transaction": transaction(dice)}


def transactions(dice: random.Random) -> dict[str, Any]:
    """A page of shortened rows."""
    rows = [transaction(dice), other_transaction(dice)][: dice.randrange(3)]
    for row in rows:
        del row["payments"][0]["parameters"]
    return {"transactions": rows, "_metadata": metadata(dice, len(rows))}


def metadata(dice: random.Random, rows: int) -> dict[str, Any]:
    """What a page says of itself."""
    known = {"total": rows, "offset": 0, "limit": 200}
    return known | dice.choice(({}, {"has_next": False}))


def spot(dice: random.Random) -> dict[str, Any]:
    """The visit's spot with its order."""
    return {
        "id": dice.choice((15, "15")),
        "status": dice.choice(("waiting", "waiting", "open", "closed")),
        "identifier": "table7",
        "place_info": {"title": "Bistro", "location_id": 9975},
        "orders": [{"id": 1, "transaction_key": KEY, "status": "pending"}],
    }


def spots(dice: random.Random) -> dict[str, Any]:
    """A page of waiting spots."""
    rows = [spot(dice), spot(dice) | {"id": 16, "identifier": "table8"}][: dice.randrange(3)]
    return {"spots": rows} | dice.choice(({}, {"_metadata": metadata(dice, len(rows))}))


def linked(dice: random.Random) -> dict[str, Any]:
    """What a link may answer."""
    order = {"id": 9, "transaction_key": KEY, "status": "pending"}
    return dice.choice((order, {"order": order}, {"spot": spot(dice)}, spot(dice), {}))


def refusal(dice: random.Random) -> dict[str, Any]:
    """The wallet's error object."""
    code = dice.choice(("invalid_state", "not_found", "rate_limit_exceeded", "invalid_timestamp"))
    words = ("Timestamp is in future", "The transaction is not reserved", "no\nsuch thing")
    return {"error": code, "error_description": dice.choice(words)}


def server_time(_dice: random.Random) -> dict[str, Any]:
    """The server's clock."""
    return {"time": 1763640000}


ANSWERS: Final = (
    *(transaction, transaction, transaction, wrapped_transaction, other_transaction),
    *(transactions, spot, spots, linked, refusal, server_time),
)
"""Every kind; the visit's own transaction most often, for money hangs on it."""
