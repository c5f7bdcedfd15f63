"""Every rule that this sandbox keeps, and how sure we are of it.

*documented*: a page of the vendor says so. *observed*: the vendor's own client code relies on it,
or its published signatures prove it. *guessed*: nobody says; the sandbox had to choose. The guessed
ones are the list to walk through on the day that somebody tests with small real amounts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, named so that a refusal can point at it."""

    id: str
    tag: str
    text: str


def _documented(name: str, text: str) -> Rule:
    return Rule(name, "documented", text)


def _observed(name: str, text: str) -> Rule:
    return Rule(name, "observed", text)


def _guessed(name: str, text: str) -> Rule:
    return Rule(name, "guessed", text)


RULES = (
    # Requests as such
    _documented("base.wallet", "Endpoints live under /rest/v1."),
    _documented(
        "base.pos",
        "One page names /epapi/v1 as the base and lists the same endpoints; both work here.",
    ),
    _guessed("request.path", "A path that is not in the list of endpoints is a 501 here."),
    _guessed("request.method", "A method that an endpoint is not known for is a 501 here."),
    _guessed(
        "request.query", "A query parameter or a status word that is not documented is a 501 here."
    ),
    _guessed("request.body", "Endpoints without a documented body take none, or [] or {}."),
    _guessed(
        "request.fields",
        "fields limits an answer to top-level names; orders.transaction expands; * is everything.",
    ),
    _documented("request.media", "A body of another media type than JSON is 406 not_acceptable."),
    _guessed("request.size", "A body above 1 MiB is a 413."),
    _documented("answer.success", "Every success is a 200 with a JSON body."),
    _observed("answer.media", "The content type of answers is exactly application/json."),
    _observed("answer.slashes", "JSON answers escape slashes."),
    _documented("answer.absent", "What has no value is left out, never null."),
    _observed("answer.correlation", "Every answer carries a paysera-correlation-id header."),
    _documented(
        "error.shape", "A refusal carries error, usually error_description and error_properties."
    ),
    # Signatures
    _documented(
        "mac.string",
        "Seven lines are signed: ts, nonce, method, target with query, host, port, ext.",
    ),
    _documented("mac.body_hash", "A body that is not empty needs its SHA-256 as body_hash in ext."),
    _observed("mac.ext.forms", "ext may be absent, empty, or begin with an ampersand."),
    _observed(
        "mac.ext.parameters",
        "ext may carry project_id, location_id, user_id; the first two become the transaction's.",
    ),
    _guessed(
        "mac.port", "Documents disagree on the signed port: the Host's port, 443 and 80 all pass."
    ),
    _guessed("mac.window", "ts may be off by 300 s; the refusal is 401 invalid_timestamp."),
    _guessed("mac.nonce", "A nonce with the ts of its last use is 401 unauthorized."),
    _guessed(
        "mac.order",
        "The mac is checked first, then the body, the time and the nonce, then the request.",
    ),
    _documented("server.time", "GET /server tells the time and needs no signature."),
    # Spots
    _documented("spots.waiting", "GET /spots?status=waiting lists the spots with a guest."),
    _guessed(
        "spots.paging",
        "Spots are paged with limit (20, at most 200) and offset, in the order of ids.",
    ),
    _guessed(
        "spots.statuses", "Spots can be listed by open and closed too, and by several statuses."
    ),
    _guessed("spots.orders", "Rows of the spot list carry their orders and their place."),
    _observed("spot.id", "A spot's id is stable: the next guest has the same one."),
    _guessed("spot.rescan", "Scanning a waiting spot joins the same check-in."),
    _documented("spot.close", "DELETE /spot/{id} frees the spot at any time."),
    _guessed("spot.close.answer", "Closing answers the spot, with status closed and no orders."),
    _guessed("spot.close.repeated", "Closing a spot that is not waiting is 409 invalid_state."),
    _guessed("spot.close.transactions", "Closing leaves transactions as they are: revoke first."),
    _guessed("spot.leave", "A guest who leaves sets the spot to open and takes its orders off."),
    # Orders
    _guessed("order.create.body", "An order is made from transaction_key alone."),
    _guessed("order.create.answer", "Making an order answers the order."),
    _guessed(
        "order.create.state", "Only a waiting spot takes an order; otherwise 409 invalid_state."
    ),
    _guessed("order.create.twice", "Linking the same key again makes a second order for it."),
    _guessed(
        "order.create.transaction",
        "A final transaction, or one shown to another guest, cannot be linked: 409 invalid_state.",
    ),
    _guessed(
        "order.status",
        "An order follows its transaction: pending, reserved, confirmed, else closed.",
    ),
    _guessed(
        "order.change", "A pending order can be read, relinked by PUT and taken off by DELETE."
    ),
    # Transactions
    _documented("transaction.create.fields", "The fields of a transaction; others are a 501 here."),
    _guessed("transaction.create.allowance", "Allowances are not played here: 501."),
    _documented(
        "transaction.create.reserve", "reserve, reserve_for and reserve_until exclude each other."
    ),
    _guessed(
        "transaction.create.reserve.default", "Without any of them money is held for 2592000 s."
    ),
    _guessed(
        "transaction.create.flags", "use_allowance and suggest_allowance are kept, do nothing."
    ),
    _documented("payment.create.fields", "The fields of a payment; others are a 501 here."),
    _guessed(
        "payment.create.inert", "beneficiary, commission, price_rules, purpose are only echoed."
    ),
    _documented("payment.create.price", "price and price_decimal exclude each other."),
    _documented(
        "payment.create.items", "A payment has items, or a description, a price and a currency."
    ),
    _guessed(
        "payment.create.amount", "Amounts are above zero and have two decimals in any currency."
    ),
    _documented(
        "payment.moves", "An existing payment moves to the new transaction and leaves the old."
    ),
    _documented("transaction.reserve", "Only new and waiting transactions can be reserved."),
    _documented(
        "transaction.reserve.for", "reserve.for counts from the moment of the reservation."
    ),
    _guessed(
        "transaction.lapse", "When that time is over the transaction is failed, the money back."
    ),
    _documented("transaction.auto_confirm", "With auto_confirm a reservation confirms at once."),
    _documented("transaction.confirm", "Only reserved transactions can be confirmed; else 409."),
    _documented(
        "transaction.confirm.body", "A confirm may lower amounts, by payment id; never raise."
    ),
    _observed("transaction.confirm.empty", "No body and [] both mean that nothing is lowered."),
    _documented("transaction.confirm.answer", "A confirm answers the transaction."),
    _documented(
        "transaction.revoke", "New, waiting and reserved transactions can be revoked; else 409."
    ),
    _guessed(
        "transaction.revoke.new", "Revoking a new transaction makes it deleted, others revoked."
    ),
    _documented("transaction.forget", "A new transaction is deleted after a month (30 days here)."),
    _guessed("transactions.order", "The list of transactions tells the newest first."),
    _documented(
        "transactions.paging", "limit is 1 to 200, with offset; _metadata tells the total."
    ),
    _guessed("transactions.limit.default", "Without a limit a page has 20 rows."),
    _guessed("transactions.from", "from and to are about created_at, both inclusive."),
    _observed("transactions.filters", "project_id and location_id filter the list."),
    _guessed("transactions.location", "A transaction is at its spot's location, else at ext's."),
    _observed(
        "transactions.short", "Payments in rows have id, status, price, currency, price_decimal."
    ),
    _documented(
        "payment.cancel", "DELETE /payment/{id} gives back a confirmed payment, not a done one."
    ),
    _guessed(
        "payment.done", "A confirmed payment is done once its freeze is over; 0 means at once."
    ),
    _guessed("payment.freeze.default", "Without a freeze, freeze.for is 0."),
    _documented("locations.list", "GET /locations needs no signature."),
    _observed("project.locations", "GET /project/{id}/locations lists locations and their spots."),
    # The sandbox's own ways
    _guessed(
        "clock.two",
        "Advancing the clock moves reservations and new timestamps on, never the signature check.",
    ),
)


def report() -> dict[str, object]:
    """Tell all rules, and how many there are of each kind."""
    counts: dict[str, int] = {}
    for rule in RULES:
        counts[rule.tag] = counts.get(rule.tag, 0) + 1
    return {"rules": [asdict(rule) for rule in RULES], "counts": counts}
