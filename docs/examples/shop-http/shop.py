#!/usr/bin/env python3
"""A shop's till for paysera-worker in one file: open bills in SQLite, served over HTTP.

It does what docs/till-api.yaml asks for and nothing else, with Python's standard library only, so
that it can be read in ten minutes and then be written again in whatever your till is made of.

    export SHOP_TOKEN=$(openssl rand -hex 32)
    export SHOP_SIGNING_SECRET=whsec_$(openssl rand -base64 32)
    python3 shop.py serve                          # listens on this machine only
    python3 shop.py owe 9975 table7 bill.json      # table7 now owes what bill.json says
    python3 shop.py owe 9975 table7                # table7 owes nothing
    python3 shop.py payments                       # what was paid

The worker's settings want the same two secrets as till.token and till.signing_secret.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import signal
import sqlite3
import sys
import time
import urllib.parse
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_BYTES_MAX = 64 * 1024
SIGNATURE_TOLERANCE_S = 5 * 60
TABLES = """
CREATE TABLE IF NOT EXISTS bills (
  number INTEGER PRIMARY KEY, location_id INTEGER, spot TEXT, bill_id TEXT,
  document TEXT NOT NULL, is_open INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS locks (
  location_id INTEGER, bill_id TEXT, visit TEXT NOT NULL, until REAL NOT NULL,
  PRIMARY KEY (location_id, bill_id));
CREATE TABLE IF NOT EXISTS payments (
  notice_id TEXT PRIMARY KEY, location_id INTEGER, bill_id TEXT, part_id TEXT,
  amount_minor INTEGER NOT NULL, notice TEXT NOT NULL);
"""


class Refusal(Exception):
    """An answer that is not a yes: an HTTP status, a code for programs, a sentence for people."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Books:
    """Bills, locks and payments. Each method is one database transaction: all of it or nothing."""

    def __init__(self, path):
        self.path = path
        with closing(self._open()) as db:
            db.executescript(TABLES)

    def _open(self):
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        db.execute("PRAGMA synchronous = FULL")  # What we said yes to survives a power cut.
        return db

    def _write(self, work):
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                result = work(db)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
            return result

    def open_bills(self, location_id, spot):
        """Give what a spot owes, oldest first."""
        with closing(self._open()) as db:
            rows = db.execute(
                "SELECT document FROM bills WHERE location_id = ? AND spot = ? AND is_open "
                "ORDER BY number",
                (location_id, spot),
            ).fetchall()
        return [json.loads(document) for (document,) in rows]

    def owe(self, location_id, spot, documents):
        """Make these the open bills of a spot: your till's own business, not the worker's."""

        def work(db):
            db.execute(
                "DELETE FROM bills WHERE location_id = ? AND spot = ? AND is_open",
                (location_id, spot),
            )
            for document in documents:
                bill_id = document.get("bill_id")
                db.execute(
                    "INSERT INTO bills (location_id, spot, bill_id, document) VALUES (?, ?, ?, ?)",
                    (
                        location_id,
                        spot,
                        bill_id if isinstance(bill_id, str) else None,
                        json.dumps(document),
                    ),
                )

        self._write(work)

    def is_locked(self, location_id, spot):
        """Tell whether somebody is paying a bill of this spot now: it must stay as it is."""
        with closing(self._open()) as db:
            return bool(
                db.execute(
                    "SELECT 1 FROM bills JOIN locks USING (location_id, bill_id) "
                    "WHERE location_id = ? AND spot = ? AND is_open AND until > ?",
                    (location_id, spot, time.time()),
                ).fetchone()
            )

    def lock(self, location_id, spot, bill_id, visit, seconds):
        """Keep a bill as it is for so long. The same visit may ask again; another may not."""

        def work(db):
            bill = db.execute(
                "SELECT document, is_open FROM bills "
                "WHERE location_id = ? AND spot = ? AND bill_id = ? ORDER BY is_open DESC",
                (location_id, spot, bill_id),
            ).fetchone()
            if bill is None:
                raise Refusal(404, "no_such_bill", "there is no such bill at this spot")
            document, is_open = bill
            if not is_open:
                raise Refusal(410, "bill_gone", "this bill is not owed any more")
            held = db.execute(
                "SELECT visit FROM locks WHERE location_id = ? AND bill_id = ? AND until > ?",
                (location_id, bill_id, time.time()),
            ).fetchone()
            if held is not None and held[0] != visit:
                raise Refusal(409, "bill_locked", "somebody else is paying this bill")
            db.execute(
                "INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?)",
                (location_id, bill_id, visit, time.time() + seconds),
            )
            return json.loads(document)

        return self._write(work)

    def unlock(self, location_id, bill_id, visit):
        """Let a bill be changed again; of somebody else's lock: nothing."""
        self._write(
            lambda db: db.execute(
                "DELETE FROM locks WHERE location_id = ? AND bill_id = ? AND visit = ?",
                (location_id, bill_id, visit),
            )
        )

    def book(self, notice_id, notice, text):
        """Book a payment once, close the bill if that covers it, and say what was done.

        The money has been taken already. So a notice is never refused because of what the books
        say: whatever does not fit is booked all the same, and a person looks at it.
        """

        def work(db):
            try:
                db.execute(
                    "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        notice_id,
                        notice["location_id"],
                        notice["bill_id"],
                        notice["part_id"],
                        notice["amount_minor"],
                        text,
                    ),
                )
            except sqlite3.IntegrityError:
                return "told before, nothing to do"
            bill = db.execute(
                "SELECT number, document FROM bills "
                "WHERE location_id = ? AND bill_id = ? AND is_open ORDER BY number",
                (notice["location_id"], notice["bill_id"]),
            ).fetchone()
            if bill is None:
                return "BOOKED, BUT THE BILL IS NOT OPEN: look whether it was paid twice"
            number, document = bill
            paid_parts = {
                part_id
                for (part_id,) in db.execute(
                    "SELECT part_id FROM payments WHERE location_id = ? AND bill_id = ?",
                    (notice["location_id"], notice["bill_id"]),
                )
            }
            parts = {part["part_id"] for part in json.loads(document).get("parts", [])}
            if notice["part_id"] is not None and not parts <= paid_parts:
                return "booked, other parts are still open"
            db.execute("UPDATE bills SET is_open = 0 WHERE number = ?", (number,))
            db.execute(
                "DELETE FROM locks WHERE location_id = ? AND bill_id = ?",
                (notice["location_id"], notice["bill_id"]),
            )
            return "booked, the bill is closed"

        return self._write(work)

    def payments(self):
        """Give every payment, oldest first."""
        with closing(self._open()) as db:
            rows = db.execute("SELECT notice FROM payments ORDER BY rowid").fetchall()
        return [json.loads(text)["data"] for (text,) in rows]


def verify(headers, body, secrets, now):
    """Check a notice's signature as Standard Webhooks says, and give the notice's id."""
    notice_id = headers.get("webhook-id", "")
    told_at = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "").split()
    if not notice_id or not told_at.isdecimal():
        raise Refusal(401, "bad_signature", "the notice carries no id or no time")
    if abs(now - int(told_at)) > SIGNATURE_TOLERANCE_S:
        raise Refusal(401, "bad_signature", "the notice is too old, or one of our clocks is wrong")
    signed = f"{notice_id}.{told_at}.".encode() + body
    for secret in secrets:  # Two of them while one is being replaced by another.
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        if any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures):
            return notice_id
    raise Refusal(401, "bad_signature", "the notice is not signed with our secret")


class Handler(BaseHTTPRequestHandler):
    """Four calls. The server below holds the books and the secrets."""

    protocol_version = "HTTP/1.1"
    timeout = 30  # Seconds that an idle connection is kept.
    wbufsize = -1  # An answer leaves in one piece.
    error_content_type = "application/json"
    error_message_format = '{"error": "http_%(code)d", "message": "%(message)s"}'

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def _get(self, path, query, _body):
        if path != "/bills":
            raise Refusal(404, "no_such_address", "ask for /bills")
        try:
            location_id, spot = int(query["location_id"][0]), query["spot"][0]
        except (KeyError, ValueError):
            raise Refusal(400, "bad_request", "location_id and spot are needed") from None
        bills = self.server.books.open_bills(location_id, spot)
        say(f"{spot} is asked for: {len(bills)} open bills")
        return 200, {"bills": bills}

    def _post(self, path, _query, body):
        parts = [urllib.parse.unquote(part) for part in path.split("/")]
        if parts == ["", "payments"]:
            return self._paid(body)
        if len(parts) == 4 and parts[1] == "bills" and parts[3] in {"lock", "unlock"}:
            return self._lock(parts[2], body, is_on=parts[3] == "lock")
        raise Refusal(404, "no_such_address", "post to /payments, /bills/ID/lock or /unlock")

    def _lock(self, bill_id, body, *, is_on):
        try:
            told = json.loads(body)
            location_id, spot, visit = told["location_id"], told["spot"], told["visit"]
            seconds = told["seconds"] if is_on else 0
        except (ValueError, KeyError, TypeError):
            raise Refusal(400, "bad_request", "location_id, spot, visit are needed") from None
        if is_on:
            document = self.server.books.lock(location_id, spot, bill_id, visit, seconds)
            say(f"{bill_id} is locked by {visit} for {seconds} s")
            return 200, document
        self.server.books.unlock(location_id, bill_id, visit)
        say(f"{bill_id} is unlocked by {visit}")
        return 204, None

    def _paid(self, body):
        notice_id = verify(self.headers, body, self.server.signing_secrets, time.time())
        try:
            told = json.loads(body)
            notice = told["data"]
            is_ours = (
                told["type"] == "bill.paid"
                and notice["notice_id"] == notice_id
                and {"location_id", "bill_id", "part_id", "amount_minor", "currency"} <= set(notice)
            )
        except (ValueError, KeyError, TypeError):
            is_ours = False
        if not is_ours:
            raise Refusal(400, "bad_request", "this is no notice of a paid bill")
        done = self.server.books.book(notice_id, notice, body.decode())
        units, cents = divmod(notice["amount_minor"], 100)
        amount = f"{units}.{cents:02d} {notice['currency']}"
        say(f"{notice['bill_id']} is paid, {amount} ({notice_id}): {done}")
        return 204, None  # The same the second time: the worker only wants to know that we have it.

    def _answer(self, work):
        """Do the work, and answer in JSON whatever comes of it."""
        try:
            body = self._body()
            self._know_the_worker()
            url = urllib.parse.urlsplit(self.path)
            status, value = work(
                url.path, urllib.parse.parse_qs(url.query, keep_blank_values=True), body
            )
        except Refusal as refusal:
            say(f"{self.command} {self.path} is refused: {refusal.message}")
            status, value = refusal.status, {"error": refusal.code, "message": refusal.message}
        except sqlite3.Error as error:
            say(f"the books can not be used: {error}")
            status, value = 503, {"error": "books_unavailable", "message": "try again later"}
        self.send_response(status)
        if value is None:
            self.end_headers()
            return
        content = json.dumps(value).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _know_the_worker(self):
        given = self.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.server.token}".encode()):
            raise Refusal(401, "bad_token", "the bearer token is not ours")

    def _body(self):
        length = self.headers.get("content-length", "0")
        is_plain = length.isdecimal() and "transfer-encoding" not in self.headers
        if not is_plain or int(length) > BODY_BYTES_MAX:
            self.close_connection = True  # What we do not read would be taken for the next request.
            raise Refusal(413, "too_large", f"send a Content-Length of at most {BODY_BYTES_MAX}")
        return self.rfile.read(int(length))

    def log_message(self, *_args):
        """Stay silent: what matters is said elsewhere, and addresses may hold what is private."""


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def serve(books, port):
    token = os.environ.get("SHOP_TOKEN", "")
    secrets = os.environ.get("SHOP_SIGNING_SECRET", "").split()
    if not token or not secrets:
        sys.exit("set SHOP_TOKEN and SHOP_SIGNING_SECRET first; the top of this file says how")
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)  # For TLS put a front end before it.
    server.daemon_threads = True
    server.books, server.token, server.signing_secrets = books, token, secrets
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    say(f"listening on http://127.0.0.1:{server.server_port}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("closed")


def main():
    parser = argparse.ArgumentParser(description="A shop's till for paysera-worker.")
    parser.add_argument("--books", default="shop.db", help="the SQLite file (default: shop.db)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    serving = verbs.add_parser("serve", help="answer the worker")
    serving.add_argument("--port", type=int, default=8900, help="0: any free one")
    owing = verbs.add_parser("owe", help="make a file's bill the open bill of a spot")
    owing.add_argument("location_id", type=int)
    owing.add_argument("spot")
    owing.add_argument("file", nargs="*", type=argparse.FileType(), help="none: it owes nothing")
    verbs.add_parser("payments", help="show what was paid")
    given = parser.parse_args()
    books = Books(given.books)
    if given.verb == "serve":
        serve(books, given.port)
    elif given.verb == "owe":
        if books.is_locked(given.location_id, given.spot):
            sys.exit("somebody is paying this table's bill right now; try again in a minute")
        books.owe(given.location_id, given.spot, [json.load(file) for file in given.file])
    else:
        for payment in books.payments():
            print(json.dumps(payment))


if __name__ == "__main__":
    main()
