"""What each vendor endpoint does, once its request is known to be rightly signed.

A handler reads the call, makes one move in the world and shows the result. It never waits and knows
nothing of HTTP, signatures or faults. Rules that it follows are told by `rules`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from . import calls, draft, wire
from .calls import Call
from .errors import invalid_parameters, invalid_request, not_found, unsupported
from .model import SPOT_STATUSES, TRANSACTION_STATUSES, Order, Spot, Transaction
from .world import PROJECT_ID, World

EXT_FIELDS = ("project_id", "location_id", "user_id")
_CODE = re.compile(r"PAYSERA\*([0-9]{1,12}):(.+)", re.DOTALL)


def carry_out(world: World, call: Call) -> object:
    """Do what the call asks and give the answer's payload; raise VendorError if it cannot be."""
    for name in call.ext:
        if name not in EXT_FIELDS:
            raise unsupported(f"the ext parameter {name[:80]!r}", "mac.ext.parameters")
    return HANDLERS[call.op](world, call)


def _server(world: World, call: Call) -> object:
    call.only()
    return {"time": int(world.clock.wall())}


# Spots and orders


def _spots(world: World, call: Call) -> object:
    call.only("status", "location_id", "limit", "offset")
    statuses = calls.statuses(call, SPOT_STATUSES)
    location_id = call.query_number("location_id")
    then = world.timeline.rows_then("spot", call.stale_s) if call.stale_s else {}
    spots = world.waiting if statuses == ("waiting",) else world.spots
    rows = []
    for spot_id in sorted({*spots, *(one for one in then if isinstance(one, int))}):
        row = then.get(spot_id) or wire.spot_row(world.spots[spot_id])
        if row["status"] in statuses and location_id in (None, world.spots[spot_id].location_id):
            rows.append(row)
    page, metadata = calls.page(call, rows)
    if not call.stale_s:
        for row in page:
            calls.shown(call, world.spots[int(str(row["id"]))])
    return {"spots": page, "_metadata": metadata}


def _spot_by_code(world: World, call: Call) -> object:
    call.only("code", "fields")
    code = _CODE.fullmatch(call.query.get("code", ""))
    if code is None:
        raise invalid_parameters("code", "must be like PAYSERA*9975:table1")
    spot = world.find_spot(int(code[1]), code[2])
    if spot is None:
        raise not_found("the spot of this code")
    return _show_spot(call, spot)


def _spot(world: World, call: Call) -> object:
    call.only("fields")
    return _show_spot(call, _spot_of(world, call))


def _check_in(world: World, call: Call) -> object:
    call.only("fields")
    call.no_body()
    spot = _spot_of(world, call)
    world.scan(spot)
    return _show_spot(call, spot)


def _check_out(world: World, call: Call) -> object:
    call.only("fields")
    call.no_body()
    spot = _spot_of(world, call)
    world.leave(spot)
    return _show_spot(call, spot)


def _close(world: World, call: Call) -> object:
    call.only()
    call.no_body()
    spot = _spot_of(world, call)
    call.closed = world.close(spot)
    return wire.spot_row(spot)


def _create_order(world: World, call: Call) -> object:
    call.only()
    order = world.link(_spot_of(world, call), _transaction_in(world, call))
    return wire.order_row(order)


def _order(world: World, call: Call) -> object:
    call.only("fields")
    return calls.fields(call, wire.order_row(_order_of(world, call)))


def _update_order(world: World, call: Call) -> object:
    call.only()
    order = _order_of(world, call)
    world.relink(_spot_of(world, call), order, _transaction_in(world, call))
    return wire.order_row(order)


def _delete_order(world: World, call: Call) -> object:
    call.only()
    call.no_body()
    world.unlink(_spot_of(world, call), _order_of(world, call))
    return {}


# Transactions and payments


def _create(world: World, call: Call) -> object:
    call.only()
    asked = draft.read_transaction(call.json())
    project_id = call.ext_number("project_id")
    transaction = world.create(
        asked, PROJECT_ID if project_id is None else project_id, call.ext_number("location_id")
    )
    return wire.transaction_row(transaction)


def _transaction(world: World, call: Call) -> object:
    call.only("fields")
    return calls.fields(call, wire.transaction_row(_transaction_of(world, call)))


def _transactions(world: World, call: Call) -> object:
    call.only("status", "from", "to", "limit", "offset", "project_id", "location_id", "wallet")
    statuses = calls.statuses(call, TRANSACTION_STATUSES)
    since, until = call.query_number("from"), call.query_number("to")
    wanted = {name: call.query_number(name) for name in ("project_id", "location_id", "wallet")}
    then = world.timeline.rows_then("transaction", call.stale_s) if call.stale_s else {}
    found = world.with_statuses(statuses)
    if then:
        others = {world.transactions[str(key)] for key in then} - set(found)
        found = sorted([*found, *others], key=lambda one: -one.number)
        found = [one for one in found if _was_listed(one, then, statuses)]
    if (
        since is not None
        or until is not None
        or any(value is not None for value in wanted.values())
    ):
        found = [one for one in found if _is_wanted(one, since, until, wanted)]
    page, metadata = calls.page(call, found)
    rows = [then.get(one.key) or wire.transaction_row(one, short=True) for one in page]
    return {"transactions": rows, "_metadata": metadata}


def _was_listed(
    one: Transaction, then: dict[object, wire.JsonObject | None], statuses: tuple[str, ...]
) -> bool:
    """Say whether a transaction stood in a list when it looked as it did then."""
    if one.key not in then:
        return True
    row = then[one.key]
    return row is not None and row["status"] in statuses


def _is_wanted(
    one: Transaction, since: int | None, until: int | None, wanted: dict[str, int | None]
) -> bool:
    if since is not None and one.created_at < since:
        return False
    if until is not None and one.created_at > until:
        return False
    facts = {"project_id": one.project_id, "location_id": _location_of(one), "wallet": one.wallet}
    return all(value in (None, facts[name]) for name, value in wanted.items())


def _confirm(world: World, call: Call) -> object:
    call.only()
    lowered = draft.read_lowered(call.body, call.json)
    transaction = _transaction_of(world, call)
    world.confirm(transaction, lowered)
    return wire.transaction_row(transaction)


def _revoke(world: World, call: Call) -> object:
    call.only()
    call.no_body()
    transaction = _transaction_of(world, call)
    world.revoke(transaction)
    return wire.transaction_row(transaction)


def _reserve(world: World, call: Call) -> object:
    call.only()
    transaction = _transaction_of(world, call)
    wallet = calls.whole(call.params[1], "wallet") if len(call.params) > 1 else None
    world.reserve(transaction, wallet)
    return wire.transaction_row(transaction)


def _payment(world: World, call: Call) -> object:
    call.only()
    return wire.payment_row(world.payment(calls.id_in(call.params[0], "payment"))[0])


def _cancel_payment(world: World, call: Call) -> object:
    call.only()
    call.no_body()
    return wire.payment_row(world.cancel(calls.id_in(call.params[0], "payment")))


# Locations


def _locations(world: World, call: Call) -> object:
    call.only(
        "locale",
        "lat",
        "lng",
        "distance",
        "updated_after",
        "status",
        "limit",
        "offset",
        "project_id",
    )
    return _location_list(world, call, call.query_number("project_id") or PROJECT_ID)


def _project_locations(world: World, call: Call) -> object:
    call.only("limit", "offset")
    return _location_list(world, call, calls.id_in(call.params[0], "project"))


def _location_list(world: World, call: Call, project_id: int) -> object:
    places: dict[int, list[Spot]] = {world.location_id: []}
    for spot in world.spots.values():
        places.setdefault(spot.location_id, []).append(spot)
    rows = [wire.location_row(one, project_id, spots) for one, spots in sorted(places.items())]
    page, metadata = calls.page(call, rows)
    return {"locations": page, "_metadata": metadata}


# Parts


def _spot_of(world: World, call: Call) -> Spot:
    return world.spot(calls.id_in(call.params[0], "spot"))


def _order_of(world: World, call: Call) -> Order:
    order_id = calls.id_in(call.params[1], "order")
    for order in _spot_of(world, call).orders:
        if order.id == order_id:
            return order
    raise not_found(f"order {order_id}")


def _transaction_of(world: World, call: Call) -> Transaction:
    return world.transaction(call.params[0])


def _transaction_in(world: World, call: Call) -> Transaction:
    body = call.json()
    if not isinstance(body, dict):
        raise invalid_request("the request body must be an object")
    for name in body:
        if name != "transaction_key":
            raise unsupported(f"the field {name[:80]!r} of a spot order", "order.create.body")
    key = body.get("transaction_key")
    if not isinstance(key, str) or not key:
        raise invalid_parameters("transaction_key", "is required")
    return world.transaction(key)


def _show_spot(call: Call, spot: Spot) -> object:
    calls.shown(call, spot)
    expanded = "orders.transaction" in call.query.get("fields", "").split(",")
    return calls.fields(call, wire.spot_row(spot, with_transaction=expanded))


def _location_of(one: Transaction) -> int | None:
    return one.checkin.spot.location_id if one.checkin is not None else one.location_id


HANDLERS: dict[str, Callable[[World, Call], object]] = {
    "server.get": _server,
    "spots.list": _spots,
    "spot.find": _spot_by_code,
    "spot.get": _spot,
    "spot.check_in": _check_in,
    "spot.check_out": _check_out,
    "spot.close": _close,
    "order.create": _create_order,
    "order.get": _order,
    "order.update": _update_order,
    "order.delete": _delete_order,
    "transaction.create": _create,
    "transaction.get": _transaction,
    "transactions.list": _transactions,
    "transaction.confirm": _confirm,
    "transaction.revoke": _revoke,
    "transaction.reserve": _reserve,
    "payment.get": _payment,
    "payment.cancel": _cancel_payment,
    "locations.list": _locations,
    "project.locations": _project_locations,
}
