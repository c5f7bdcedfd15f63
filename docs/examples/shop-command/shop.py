#!/usr/bin/env python3
"""A shop's till for paysera-worker in Python: every open bill is a row in a SQLite file.

    [till]
    kind = "command"
    argv = ["/opt/shop/shop.py", "/srv/shop/shop.db"]
    lock = true

The worker calls it as `shop.py FILE bills|lock|unlock|post|check`, with the request as one JSON
object on standard input. The shop has verbs of its own:

    shop.py FILE owe         put a bill on its table, or change it; the bill on standard input
    shop.py FILE settle      it was paid at the counter: {"location_id":9975,"bill_id":"B-1"}
    shop.py FILE payments    list what the worker told

Only the standard library is needed.
"""

import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

GONE, BUSY, USAGE, LATER = 3, 4, 64, 75

SCHEMA = """
CREATE TABLE IF NOT EXISTS bills (
    number       INTEGER PRIMARY KEY,
    location_id  INTEGER NOT NULL,
    spot         TEXT NOT NULL,
    bill_id      TEXT NOT NULL,
    document     TEXT NOT NULL,
    is_open      INTEGER NOT NULL DEFAULT 1,
    locked_by    TEXT,
    locked_until REAL NOT NULL DEFAULT 0,
    UNIQUE (location_id, bill_id)
);
CREATE INDEX IF NOT EXISTS open_bills ON bills (location_id, spot) WHERE is_open;
CREATE TABLE IF NOT EXISTS payments (
    notice_id   TEXT PRIMARY KEY,
    location_id INTEGER NOT NULL,
    bill_id     TEXT NOT NULL,
    part_id     TEXT,
    notice      TEXT NOT NULL
);
"""

Shop = sqlite3.Connection
Json = dict[str, Any]


class Refusal(Exception):
    """Something that was not done: the exit code, and the reason for the worker's log."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def bills(shop: Shop, request: Json) -> Json:
    """Give what a table owes, oldest first."""
    rows = shop.execute(
        "SELECT document FROM bills WHERE location_id = ? AND spot = ? AND is_open ORDER BY number",
        (request["location_id"], request["spot"]),
    )
    return {"bills": [json.loads(document) for (document,) in rows]}


def lock(shop: Shop, request: Json) -> Json:
    """Keep the shop from changing a bill for a while; the same visit may ask again."""
    bill = open_bill(shop, request["location_id"], request["bill_id"])
    refuse_if_locked(shop, request, except_by=request["visit"])
    shop.execute(
        "UPDATE bills SET locked_by = ?, locked_until = ? WHERE location_id = ? AND bill_id = ?",
        (
            request["visit"],
            time.time() + request["seconds"],
            request["location_id"],
            request["bill_id"],
        ),
    )
    return {"bill": bill}


def unlock(shop: Shop, request: Json) -> Json:
    """Let go of a bill, if it is this visit that holds it."""
    shop.execute(
        "UPDATE bills SET locked_by = NULL WHERE location_id = ? AND bill_id = ? AND locked_by = ?",
        (request["location_id"], request["bill_id"], request["visit"]),
    )
    return {}


def post(shop: Shop, notice: Json) -> Json:
    """Keep a payment. The same notice again changes nothing: its id is the key."""
    paid = notice["data"]
    shop.execute(
        "INSERT INTO payments VALUES (?, ?, ?, ?, ?) ON CONFLICT (notice_id) DO NOTHING",
        (
            paid["notice_id"],
            paid["location_id"],
            paid["bill_id"],
            paid["part_id"],
            json.dumps(paid),
        ),
    )
    if is_covered(shop, paid["location_id"], paid["bill_id"]):
        close(shop, paid)
    return {}


def check(shop: Shop, _request: Json) -> Json:
    """Look whether the books can be read."""
    shop.execute("SELECT count(*) FROM bills").fetchone()
    shop.execute("SELECT count(*) FROM payments").fetchone()
    return {}


def owe(shop: Shop, bill: Json) -> Json:
    """Put a bill on its table, or change it; not while somebody is paying it."""
    refuse_if_locked(shop, bill)
    changed = shop.execute(
        "INSERT INTO bills (location_id, spot, bill_id, document) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (location_id, bill_id) DO UPDATE "
        "SET spot = excluded.spot, document = excluded.document WHERE is_open",
        (bill["location_id"], bill["spot"], bill["bill_id"], json.dumps(bill)),
    ).rowcount
    if not changed:
        raise Refusal(GONE, f"bill {bill['bill_id']} is paid already")
    return {}


def settle(shop: Shop, request: Json) -> Json:
    """Take a bill off its table that was paid at the counter."""
    refuse_if_locked(shop, request)
    close(shop, request)
    return {}


def payments(shop: Shop, _request: Json) -> Json:
    """List what the worker told, in that order."""
    rows = shop.execute("SELECT notice FROM payments ORDER BY rowid")
    return {"payments": [json.loads(notice) for (notice,) in rows]}


def open_bill(shop: Shop, location_id: int, bill_id: str) -> Json:
    """Find an open bill."""
    row = shop.execute(
        "SELECT document FROM bills WHERE location_id = ? AND bill_id = ? AND is_open",
        (location_id, bill_id),
    ).fetchone()
    if row is None:
        raise Refusal(GONE, f"bill {bill_id} is not open")
    document: Json = json.loads(row[0])
    return document


def refuse_if_locked(shop: Shop, bill: Json, except_by: str = "") -> None:
    """Leave a bill alone while a guest is paying it."""
    row = shop.execute(
        "SELECT locked_by FROM bills WHERE location_id = ? AND bill_id = ? AND is_open "
        "AND locked_by IS NOT NULL AND locked_by <> ? AND locked_until > ?",
        (bill["location_id"], bill["bill_id"], except_by, time.time()),
    ).fetchone()
    if row is not None:
        raise Refusal(BUSY, f"bill {bill['bill_id']} is locked by {row[0]}")


def is_covered(shop: Shop, location_id: int, bill_id: str) -> bool:
    """Tell whether an open bill is paid: as a whole, or each of its parts."""
    try:
        bill = open_bill(shop, location_id, bill_id)
    except Refusal:
        return False
    rows = shop.execute(
        "SELECT part_id FROM payments WHERE location_id = ? AND bill_id = ?", (location_id, bill_id)
    )
    told = {part_id for (part_id,) in rows}
    parts = {part["part_id"] for part in bill.get("parts") or []}
    return None in told or (bool(parts) and parts <= told)


def close(shop: Shop, bill: Json) -> None:
    """Take a bill off its table."""
    shop.execute(
        "UPDATE bills SET is_open = 0, locked_by = NULL WHERE location_id = ? AND bill_id = ?",
        (bill["location_id"], bill["bill_id"]),
    )


VERBS = {
    "bills": bills,
    "lock": lock,
    "unlock": unlock,
    "post": post,
    "check": check,
    "owe": owe,
    "settle": settle,
    "payments": payments,
}
READING = {"bills", "check", "payments"}


def answer(path: Path, verb: str) -> Json:
    """Do one thing in one transaction: done and kept, or not done at all."""
    request = {} if verb == "payments" else json.load(sys.stdin)
    # Only the shop's own hand makes new books: for the worker a missing file is a fault.
    mode = "rwc" if verb == "owe" else "ro" if verb in READING else "rw"
    address = f"{path.resolve().as_uri()}?mode={mode}"
    # Three seconds of waiting for another call to finish, of the 4.5 that the worker gives.
    with closing(sqlite3.connect(address, uri=True, timeout=3, isolation_level=None)) as shop:
        if verb == "owe":
            shop.executescript(SCHEMA)
        shop.execute("BEGIN" if verb in READING else "BEGIN IMMEDIATE")
        found = VERBS[verb](shop, request)
        shop.execute("COMMIT")  # Where this is not reached, closing takes everything back.
        return found


def main(arguments: list[str]) -> int:
    """Answer one question; the exit code says how it went, the last line of stderr why."""
    if len(arguments) != 2 or arguments[1] not in VERBS:
        print(f"usage: shop.py FILE {'|'.join(VERBS)}", file=sys.stderr)
        return USAGE
    path, verb = arguments
    try:
        print(json.dumps(answer(Path(path), verb)))
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except sqlite3.OperationalError as error:  # Locked, missing, a full disk: it may pass.
        print(f"{path}: {error}", file=sys.stderr)
        return LATER
    except (KeyError, TypeError, ValueError) as error:
        print(f"the request can not be used: {error!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
