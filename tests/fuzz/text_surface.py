"""Texts of strangers: what the wallet calls a table, and what it says when it refuses.

Line ends, terminal codes, marks that turn the reading direction, paths, quotes, 10 kB: they reach
the log as the value of one field on one line, and an address as one segment of its path. They never
end a line, begin another, move the cursor or leave the path.
"""

import json
import random
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

import structlog

from tests.fuzz.bills import strange
from tests.fuzz.hearing import hearing
from tests.fuzz.pages_surface import at_once
from tests.fuzz.surface import Surface
from worker.adapters import logs
from worker.adapters.till.document import DESCRIPTION_CHARS_MAX, bill_from
from worker.adapters.till.fixed import ANY_TABLE, FixedTill
from worker.adapters.till.text import file_label
from worker.adapters.wallet import failures, shapes, wire
from worker.adapters.wallet.failures import Reply
from worker.domain.ids import OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.outcome import Refused
from worker.domain.wallet import NewTransaction, Spot
from worker.settings.problem import escaped
from worker.verbs.wording import plain

SEGMENT: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%")
FIELDS: Final = ("table", "why", "description", "error", "answer", "spot")


def make(dice: random.Random) -> str:
    """Make one text, now and then two of them joined."""
    text = strange(dice)
    return text + strange(dice) if dice.random() < 0.3 else text


def check(text: str) -> Iterator[str]:
    """Let the text come in where strangers' texts do, and see where it goes."""
    yield from check_identifier(text)
    yield from check_refusal(text)
    check_address(text)
    check_messages(text)
    check_trace(text)


def check_identifier(text: str) -> Iterator[str]:
    """A table's name is one value on one line of the log, in either form."""
    body = json.dumps({"id": 15, "status": "waiting", "identifier": text}).encode()
    spot = wire.read_spot(body, SpotId("15"))
    assert isinstance(spot, Spot)
    assert len(spot.identifier) <= wire.IDENTIFIER_CHARS_MAX
    for value in (spot.identifier, text):
        line = logged("json", value)
        assert line.isascii()
        told = json.loads(line)
        kept = value if len(value) <= 500 else value[:497] + "..."
        for name in FIELDS:
            assert told[name] == json.loads(json.dumps(kept))
        pretty = logged("pretty", value)
        pretty.encode()  # A lone surrogate could not be written down.
        assert "=" not in kept or 'table="' in pretty, "it could pass for two fields"
    till = FixedTill(currency="EUR", prices={ANY_TABLE: 1250}, description="Table {spot}!")
    (document,) = at_once(till.open_bills(1, spot.identifier))
    bill = bill_from(document, needs_id=False)
    assert bill is not None
    assert bill.description.isprintable()
    assert len(bill.description) <= DESCRIPTION_CHARS_MAX
    yield "printable" if text.isprintable() else "not printable"


def logged(fmt: logs.Format, value: object) -> str:
    """Give the one line that the log makes of a value."""
    with hearing(fmt) as heard:
        structlog.get_logger().info("spot.seen", **dict.fromkeys(FIELDS, value))
    (line,) = heard.lines()
    assert line.isprintable(), line
    return line


def check_refusal(text: str) -> Iterator[str]:
    """The wallet's own words come out short and harmless, as code and as description."""
    body = json.dumps({"error": text, "error_description": text}).encode()
    outcome = failures.of_no(Reply(400, body), is_write=True)
    words = str(outcome)
    assert words.isprintable()
    assert len(words) < 400
    logged("json", words)
    yield "refusal told" if isinstance(outcome, Refused) else "refusal without words"


def check_address(text: str) -> None:
    """A name is one segment of a path; whoever takes it apart again finds the name."""
    for call in (
        shapes.one_spot(SpotId(text)),
        shapes.close_spot(SpotId(text)),
        shapes.one_transaction(TransactionKey(text)),
        shapes.revoke_transaction(TransactionKey(text)),
    ):
        empty, kind, segment = call.target.split("/")
        assert (empty, kind in {"spot", "transaction"}) == ("", True)
        assert set(segment) <= SEGMENT
        assert segment not in {".", ".."}
        assert unquote(segment) == text.encode("utf-8", "replace").decode()
    request = NewTransaction(OrderReference(text), Money(1, "EUR"), text, 900)
    sent: Any = json.loads(shapes.create_transaction(request).body.decode("ascii"))
    same = json.loads(json.dumps(text))  # Two halves of a letter side by side become that letter.
    assert sent["payments"][0]["description"] == same
    assert sent["payments"][0]["parameters"] == {"orderid": same}


def check_messages(text: str) -> None:
    """What is printed for people is one line within bounds."""
    assert file_label(text.encode("utf-8", "replace").decode()).isprintable()
    assert len(file_label(text.encode("utf-8", "replace").decode())) <= 120
    assert escaped(text).isprintable()
    assert plain(text, 40).isprintable()
    assert len(plain(text, 40)) <= 40
    assert wire.printable(text, 160).isprintable()
    assert len(wire.printable(text, 160)) <= 160


def check_trace(text: str) -> None:
    """A text inside an exception can not pass for a line of the log."""
    for fmt in ("json", "pretty"):
        with hearing(fmt) as heard:
            structlog.get_logger().error("worker.crashed", exc_info=RuntimeError(text), why=text)
        lines = heard.lines()
        assert all(line.isprintable() for line in lines)
        assert all(line.startswith("         | ") for line in lines[1:])


TEXT = Surface("text", make, check, share=0.05)
