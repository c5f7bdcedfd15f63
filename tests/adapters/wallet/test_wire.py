"""Reading answers: strict on what decides, lenient on the rest, and never an exception."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.adapters.wallet import wire
from worker.domain.ids import LocationId, OrderReference, SpotId, TransactionKey
from worker.domain.money import Money
from worker.domain.wallet import (
    Payment,
    Spot,
    SpotOrder,
    SpotStatus,
    Transaction,
    TransactionStatus,
)

KEY = TransactionKey("aaBBccDD11223344eeFF")

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["new", "reserved", "waiting", KEY, "EUR", "12.50", "1250"])
)
NAMES = st.sampled_from(
    [
        "id",
        "status",
        "identifier",
        "place_info",
        "location_id",
        "orders",
        "transaction_key",
        "payments",
        "price",
        "price_decimal",
        "currency",
        "parameters",
        "orderid",
        "spots",
        "spot",
        "order",
        "transaction",
        "transactions",
        "_metadata",
        "total",
        "offset",
        "limit",
        "has_next",
        "error",
        "error_description",
        "time",
        "auto_confirm",
    ]
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=8),
    max_leaves=30,
)


def read_everything(body: bytes) -> list[object]:
    return [
        wire.read_spots(body),
        wire.read_transactions(body),
        wire.read_spot(body, SpotId("15")),
        wire.read_transaction(body, KEY),
        wire.read_created(body),
        wire.read_linked(body, KEY),
        wire.read_server_time(body),
        wire.read_refusal(body),
    ]


@given(ANY_JSON)
def test_no_json_whatsoever_raises(value: object) -> None:
    """Any shape in any place is read or is unreadable; nothing crashes a loop (F21)."""
    for read in read_everything(json.dumps(value).encode()):
        repr(read).encode()  # What was read can be written down: no lone surrogates.


@given(st.binary(max_size=200))
def test_no_bytes_whatsoever_raise(body: bytes) -> None:
    """Neither does anything that is no JSON at all (F21)."""
    read_everything(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>hello</html>",
        b'{"transactions":',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"transaction_key":' + b"9" * 10_000_000 + b"}",
        b'{"transactions":NaN}',
        b"\xff\xfe\x00",
    ],
    ids=lambda body: body[:8].hex() or "nothing",
)
def test_what_is_no_answer_is_unreadable(body: bytes) -> None:
    """Deep nesting and numbers of megabytes are unreadable like any other noise (F9, F21)."""
    *unreadable, linked, time, refusal = read_everything(body)

    assert all(isinstance(read, wire.Unreadable) for read in (*unreadable, time))
    assert (linked, refusal) == (None, None)


def test_a_spot_is_read_with_its_location_and_orders() -> None:
    """Ids may be numbers or text; unknown fields are ignored; null is absent (F29)."""
    body = json.dumps(
        {
            "spots": [
                {
                    "id": 501,
                    "status": "waiting",
                    "identifier": "T-12",
                    "place_info": {"title": "Bistro", "location_id": 7001},
                    "orders": [{"id": 1, "transaction_key": KEY, "status": "pending"}],
                    "new_field": {"x": 1},
                },
                {"id": "x/../é", "status": "busy", "identifier": None, "orders": None},
            ],
            "_metadata": {"total": 2, "offset": 0, "limit": 20, "has_next": False},
        }
    ).encode()

    page = wire.read_spots(body)

    assert isinstance(page, wire.Page)
    assert page.unread == 0
    assert (page.facts.total, page.facts.limit, page.facts.has_next) == (2, 20, False)
    assert page.rows == (
        Spot(
            SpotId("501"),
            SpotStatus.WAITING,
            "T-12",
            LocationId(7001),
            (SpotOrder(KEY, "pending"),),
        ),
        Spot(SpotId("x/../é"), SpotStatus.OTHER, "", None, None),
    )


@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        {},
        {"id": None, "status": "waiting"},
        {"id": True, "status": "waiting"},
        {"id": 1.0, "status": "waiting"},
        {"id": -1, "status": "waiting"},
        {"id": "", "status": "waiting"},
        {"id": "x" * 65, "status": "waiting"},
        {"id": "\ud800", "status": "waiting"},
        {"id": 1},
        {"id": 1, "status": 3},
    ],
)
def test_a_spot_row_that_can_not_be_read_is_counted(row: object) -> None:
    """The others are kept, and the page says that something is missing."""
    body = json.dumps({"spots": [row, {"id": 2, "status": "waiting"}]}).encode()

    page = wire.read_spots(body)

    assert isinstance(page, wire.Page)
    assert ([spot.spot_id for spot in page.rows], page.unread, page.facts.rows) == (["2"], 1, 2)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (None, None),
        ({}, None),
        ([], ()),
        ([{"transaction_key": KEY}], (SpotOrder(KEY, ""),)),
        ([{"transaction_key": KEY}, {"transaction_key": 5}], None),
        ([{"transaction_key": KEY}, 7], None),
    ],
)
def test_an_unreadable_order_makes_the_orders_say_nothing(orders: object, expected: object) -> None:
    """It may be ours, so the rest is no proof of its absence. No orders is not an empty list."""
    body = json.dumps({"id": 1, "status": "waiting", "orders": orders}).encode()

    spot = wire.read_spot(body, SpotId("1"))

    assert isinstance(spot, Spot)
    assert spot.orders == expected


def test_whatever_an_identifier_holds_it_is_only_text() -> None:
    """Newlines, paths, 10 kB and broken Unicode end as at most 256 characters that can be kept.

    (F63)
    """
    for identifier in ("a\nb", "../../etc", "x" * 10_000, "\ud800\u202e\x00", "'; DROP"):
        body = json.dumps({"id": 1, "status": "waiting", "identifier": identifier}).encode()
        spot = wire.read_spot(body, SpotId("1"))
        assert isinstance(spot, Spot)
        assert len(spot.identifier) <= 256
        spot.identifier.encode()


def test_a_transaction_is_read_with_exact_money_and_our_reference() -> None:
    """The amount is whole minor units, the reference is the one that we sent."""
    body = json.dumps(
        {
            "transaction_key": KEY,
            "status": "reserved",
            "auto_confirm": False,
            "payments": [
                {
                    "price": 2350,
                    "price_decimal": "23.50",
                    "currency": "EUR",
                    "parameters": {"orderid": "w1-2f6c"},
                }
            ],
        }
    ).encode()

    assert wire.read_transaction(body, KEY) == Transaction(
        KEY,
        TransactionStatus.RESERVED,
        "reserved",
        (Payment(Money(2350, "EUR"), OrderReference("w1-2f6c")),),
        auto_confirm=False,
    )


@pytest.mark.parametrize("key", [None, "", 5, "a b", "a\nb", "ą", "x" * 257, "\x7f", ["k"], True])
def test_a_key_that_could_not_be_used_is_no_key(key: object) -> None:
    """A transaction without a usable key is unreadable, above all a new one."""
    body = json.dumps({"transaction_key": key, "status": "new"}).encode()

    assert isinstance(wire.read_created(body), wire.Unreadable)


def test_a_new_transaction_needs_nothing_but_its_key() -> None:
    """To lose the key over a missing status would make an orphan."""
    created = wire.read_created(json.dumps({"transaction_key": KEY}).encode())

    assert created == Transaction(KEY, TransactionStatus.OTHER, "", None)
    assert isinstance(
        wire.read_transaction(json.dumps({"transaction_key": KEY}).encode(), KEY), wire.Unreadable
    )


def test_another_things_answer_is_no_answer() -> None:
    """Asked for one transaction or spot and told of another, nothing is learned."""
    other = json.dumps({"transaction_key": "other", "status": "confirmed"}).encode()
    spot = json.dumps({"id": 2, "status": "open"}).encode()

    assert isinstance(wire.read_transaction(other, KEY), wire.Unreadable)
    assert isinstance(wire.read_spot(spot, SpotId("1")), wire.Unreadable)


def test_an_unknown_status_is_kept_by_name_and_can_not_forge_a_log_line() -> None:
    """It is neither paid nor final, and readable in the log (F20, F67)."""
    body = json.dumps({"transaction_key": KEY, "status": "odd\nstatus"}).encode()

    found = wire.read_transaction(body, KEY)

    assert isinstance(found, Transaction)
    assert (found.status, found.status_text) == (TransactionStatus.OTHER, "odd\\nstatus")


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 9, "transaction_key": KEY, "status": "pending"},
        {"order": {"transaction_key": KEY, "status": "pending"}},
        {"id": 1, "status": "waiting", "orders": [{"transaction_key": KEY, "status": "pending"}]},
        {"spot": {"id": 1, "orders": [{"transaction_key": KEY, "status": "pending"}]}},
    ],
)
def test_a_linked_order_is_found_wherever_the_answer_has_it(answer: object) -> None:
    """The shape of this answer is not documented, so every likely one is read."""
    body = json.dumps(answer).encode()

    assert wire.read_linked(body, KEY) == SpotOrder(KEY, "pending")
    assert wire.read_linked(body, TransactionKey("another")) is None


def test_an_error_object_is_told_without_its_control_characters() -> None:
    """A description is cut at 300 characters and can not forge a second log line (F67)."""
    body = json.dumps({"error": "x\ny", "error_description": "a\r\nb\x1b[31m" + "z" * 999}).encode()

    told = wire.read_refusal(body)

    assert told is not None
    assert told[0] == "x\\ny"
    assert told[1].startswith("a\\r\\nb\\x1b[31mzzz")
    assert len(told[1]) <= 300


@pytest.mark.parametrize("time", [None, "1700000000", 1.7e9, True, 0, -5, 10**12])
def test_a_server_time_that_can_not_be_is_unreadable(time: object) -> None:
    """Our signatures would follow it."""
    assert isinstance(wire.read_server_time(json.dumps({"time": time}).encode()), wire.Unreadable)
    assert wire.read_server_time(b'{"time": 1700000000}') == 1700000000
