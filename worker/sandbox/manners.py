"""What the documents leave open, as switches: how this sandbox answers where it had to guess.

Each switch has an assumption's name and the answers that it can play; the first is what is played
unless a recording of a rehearsal says otherwise. A recording is a file of another program's: its
format is read here anew, and whatever is not known in it is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from . import vendor, wire
from .calls import Call
from .errors import VendorError, not_found
from .world import World

FORMAT = "paysera-worker-rehearsal"
VERSION = 1
TOP_NAMES = frozenset(
    {"format", "version", "worker", "made_at", "findings", "untried", "unforeseen", "exchanges"}
)
LATE_S = 3  # for how long a list that is late shows no new transaction

SWITCHES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "server.unsigned": ("open", "signed"),
        "spots.metadata": ("told", "untold"),
        "spot.single": ("shown", "refused"),
        "spot.orders": ("shown", "hidden"),
        "transaction.create.answer": ("full", "key"),
        "payment.reference": ("returned", "dropped"),
        "transactions.new": ("listed", "late", "unlisted"),
        "transactions.reserved": ("listed", "unlisted"),
        "transaction.revoke.answer": ("transaction", "empty"),
        "transaction.revoke.new": ("deleted", "revoked", "missing"),
        "transaction.unknown": ("missing", "refused"),
        "order.create.answer": ("order", "wrapped", "spot", "empty"),
        "order.after_confirm": ("confirmed", "closed"),
        "transaction.confirm.answer": ("transaction", "empty"),
        "transaction.confirm.repeated": ("refused", "accepted"),
        "transaction.confirm.lowered": ("taken", "refused"),
        "spot.close.answer": ("spot", "empty"),
        "spot.close.repeated": ("refused", "accepted"),
        "spot.close.orders": ("gone", "kept"),
    }
)


@dataclass(frozen=True, slots=True)
class Manners:
    """Which answer is played at each switch."""

    chosen: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what can not be played."""
        for name, value in self.chosen.items():
            if name not in SWITCHES:
                msg = f"{name!r:.80} is no assumption that this sandbox knows"
                raise ValueError(msg)
            if value not in SWITCHES[name]:
                known = ", ".join(SWITCHES[name])
                msg = f"{name} can not be {value!r:.80} here; it can be {known}"
                raise ValueError(msg)

    def plays(self, name: str, value: str) -> bool:
        """Say whether a switch stands at a value."""
        return self.chosen.get(name, SWITCHES[name][0]) == value

    def report(self) -> dict[str, str]:
        """Tell every switch."""
        return {name: self.chosen.get(name, values[0]) for name, values in SWITCHES.items()}


def read_recording(text: str) -> Manners:
    """Read what a rehearsal found; raise ValueError, with a sentence that names what is wrong."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or read.get("format") != FORMAT:
        msg = f'it is not a recording of a rehearsal ("format": "{FORMAT}")'
        raise ValueError(msg)
    if read.get("version") != VERSION:
        msg = f"its version is {read.get('version')!r:.20}, and this sandbox reads {VERSION}"
        raise ValueError(msg)
    unknown = sorted(set(read) - TOP_NAMES)
    if unknown:
        msg = f"unknown entries: {', '.join(repr(one)[:80] for one in unknown)}"
        raise ValueError(msg)
    findings = read.get("findings")
    if not isinstance(findings, dict):
        msg = "it has no findings"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a file that can not be played
    return Manners({str(name): str(value) for name, value in findings.items()})


def answer(manners: Manners, world: World, call: Call) -> object:
    """Carry a call out, and answer it in these manners."""
    _refuse(manners, world, call)
    try:
        payload = vendor.carry_out(world, call)
    except VendorError as refusal:
        payload = _forgiven(manners, world, call, refusal)
    payload = _shaped(manners, world, call, payload)
    return _stripped(manners, payload)


def _refuse(manners: Manners, world: World, call: Call) -> None:
    """Refuse what is not carried out at all."""
    if call.op == "spot.get" and manners.plays("spot.single", "refused"):
        raise VendorError(403, "forbidden", "a merchant reads no single spot here")
    lowers = call.op == "transaction.confirm" and call.body.strip() not in (b"", b"[]", b"{}")
    if lowers and manners.plays("transaction.confirm.lowered", "refused"):
        raise VendorError(400, "invalid_parameters", "amounts can not be lowered here")
    if call.op == "transaction.get":
        known = world.transactions.get(call.params[0])
        if known is None and manners.plays("transaction.unknown", "refused"):
            raise VendorError(409, "invalid_state", "there is no such transaction")
        is_gone = known is not None and known.status == "deleted"
        if is_gone and manners.plays("transaction.revoke.new", "missing"):
            raise not_found(f"transaction {call.params[0][:80]}")


def _forgiven(manners: Manners, world: World, call: Call, refusal: VendorError) -> object:
    """Say yes to a repeat that the vendor's documents would let one refuse."""
    if refusal.status == 409 and call.op == "transaction.confirm":
        one = world.transaction(call.params[0])
        if one.status == "confirmed" and manners.plays("transaction.confirm.repeated", "accepted"):
            return wire.transaction_row(one)
    is_forgiving = manners.plays("spot.close.repeated", "accepted")
    if refusal.status == 409 and call.op == "spot.close" and is_forgiving:
        return wire.spot_row(world.spot(int(call.params[0])))
    raise refusal


def _shaped(manners: Manners, world: World, call: Call, payload: object) -> object:
    """Put an answer into its shape."""
    for op, name in (
        ("transaction.confirm", "transaction.confirm.answer"),
        ("transaction.revoke", "transaction.revoke.answer"),
        ("spot.close", "spot.close.answer"),
        ("order.create", "order.create.answer"),
    ):
        if call.op == op and manners.plays(name, "empty"):
            return {}
    if not isinstance(payload, dict):
        return payload
    if call.op == "order.create" and manners.plays("order.create.answer", "wrapped"):
        return {"order": payload}
    if call.op == "order.create" and manners.plays("order.create.answer", "spot"):
        return wire.spot_row(world.spot(int(call.params[0])))
    if call.op == "transaction.create" and manners.plays("transaction.create.answer", "key"):
        return {"transaction_key": payload["transaction_key"]}
    if call.op == "spots.list" and manners.plays("spots.metadata", "untold"):
        return {"spots": payload["spots"]}
    if call.op in {"spot.get", "spot.close"} and manners.plays("spot.close.orders", "kept"):
        spot = world.spot(int(call.params[0]))
        if spot.checkin is None and spot.previous is not None:
            kept = [wire.order_row(one) for one in spot.previous.orders]
            return {**payload, "orders": [{**row, "status": "closed"} for row in kept]}
    if call.op == "transactions.list":
        return _listed(manners, world, payload)
    return payload


def _listed(manners: Manners, world: World, payload: dict[str, object]) -> dict[str, object]:
    """Leave out of a list what it does not show, or not yet."""
    rows, metadata = payload["transactions"], payload["_metadata"]
    if not isinstance(rows, list) or not isinstance(metadata, dict):
        return payload
    now = world.clock.stamp()

    def is_shown(row: dict[str, object]) -> bool:
        if row["status"] == "reserved":
            return manners.plays("transactions.reserved", "listed")
        if row["status"] != "new" or manners.plays("transactions.new", "listed"):
            return True
        age_s = now - int(str(row["created_at"]))
        return manners.plays("transactions.new", "late") and age_s >= LATE_S

    shown = [row for row in rows if is_shown(row)]
    left_out = len(rows) - len(shown)
    total = int(str(metadata["total"])) - left_out
    return {"transactions": shown, "_metadata": {**metadata, "total": total}}


def _stripped(manners: Manners, payload: object) -> object:
    """Take out, however deep, what is not shown here."""
    if isinstance(payload, list):
        return [_stripped(manners, one) for one in payload]
    if not isinstance(payload, dict):
        return payload
    row = {str(name): _stripped(manners, value) for name, value in payload.items()}
    if "orders" in row and manners.plays("spot.orders", "hidden"):
        del row["orders"]
    if "parameters" in row and manners.plays("payment.reference", "dropped"):
        del row["parameters"]
    is_paid_order = "payments" not in row and row.get("status") == "confirmed" and "id" in row
    if is_paid_order and "price" not in row and manners.plays("order.after_confirm", "closed"):
        row["status"] = "closed"
    return row
