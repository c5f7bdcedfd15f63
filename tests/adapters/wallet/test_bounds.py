"""The last value that is still read and the first that is not, for whatever decides something."""

import json
from typing import Any

import pytest

from worker.adapters.wallet import wire
from worker.adapters.wallet.shapes import PageFacts
from worker.domain.ids import SpotId, TransactionKey
from worker.domain.wallet import Payment, Spot, SpotOrder, Transaction, TransactionStatus

KEY = TransactionKey("aaBBccDD11223344eeFF")


def spot_of(**row: Any) -> Spot | None:
    """Read one spot from a page."""
    body = json.dumps({"spots": [{"id": 1, "status": "waiting", **row}]}).encode()
    page = wire.read_spots(body)
    assert isinstance(page, wire.Page)
    return page.rows[0] if page.rows else None


def transaction_of(**row: Any) -> Transaction:
    """Read one transaction."""
    body = json.dumps({"transaction_key": KEY, "status": "new", **row}).encode()
    found = wire.read_transaction(body, KEY)
    assert isinstance(found, Transaction)
    return found


def payment_of(orderid: object) -> Payment:
    """Read a payment with this reference."""
    row = {"price": 1, "currency": "EUR", "parameters": {"orderid": orderid}}
    payments = transaction_of(payments=[row]).payments
    assert payments is not None
    return payments[0]


@pytest.mark.parametrize(
    ("given", "spot_id"),
    [
        (0, "0"),
        (10**64 - 1, "9" * 64),
        (10**64, None),
        (-1, None),
        ("x", "x"),
        ("x" * 64, "x" * 64),
        ("x" * 65, None),
    ],
)
def test_a_spots_id_is_whole_or_it_is_none(given: object, spot_id: str | None) -> None:
    """A cut id would be another spot's, and another guest's."""
    spot = spot_of(id=given)

    assert (spot.spot_id if spot else None) == spot_id


@pytest.mark.parametrize(
    ("given", "location_id"),
    [
        (9975, 9975),
        ("9975", 9975),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("x", None),
        ("²", None),
        (7.0, None),
        (True, None),
        ([], None),
        (None, None),
    ],
)
def test_a_location_may_be_told_as_text(given: object, location_id: int | None) -> None:
    """Of a length that any number holds; anything else is a location not told."""
    spot = spot_of(place_info={"location_id": given})

    assert spot is not None
    assert spot.location_id == location_id


@pytest.mark.parametrize(
    ("given", "reference"),
    [
        ("v", "v"),
        ("v" * 256, "v" * 256),
        ("v" * 257, None),
        ("", None),
        ("\ud800", None),
        (58, "58"),
        (-58, "-58"),
        (10**64 - 1, "9" * 64),
        (10**64, None),
        (True, None),
        (5.0, None),
    ],
)
def test_a_reference_is_whole_or_it_is_none(given: object, reference: str | None) -> None:
    """A wallet may make a number of what we sent; it can not make another of it unseen."""
    assert payment_of(given).reference == reference


@pytest.mark.parametrize(
    ("given", "read"),
    [(0, 0), (200, 200), (10**9, 10**9), (10**9 + 1, None), (-1, None), ("5", None), (True, None)],
)
def test_what_a_page_says_of_itself_is_a_sensible_count_or_nothing(
    given: object, read: int | None
) -> None:
    """The next page is asked for by it."""
    metadata = {"total": given, "offset": given, "limit": given, "has_next": given}
    page = wire.read_spots(json.dumps({"spots": [], "_metadata": metadata}).encode())

    assert isinstance(page, wire.Page)
    assert page.facts == PageFacts(0, read, read, read, True if given is True else None)


@pytest.mark.parametrize("given", [1, "true", None, [], "false"])
def test_whether_it_confirms_by_itself_is_yes_or_no_or_not_told(given: object) -> None:
    """Nothing else is taken for either."""
    assert transaction_of(auto_confirm=given).auto_confirm is None
    assert transaction_of(auto_confirm=True).auto_confirm is True
    assert transaction_of(auto_confirm=False).auto_confirm is False


def test_a_word_of_the_wallet_is_kept_up_to_its_length() -> None:
    """Sixty-four characters, as they can be printed."""
    spot = spot_of(orders=[{"transaction_key": KEY, "status": "s" * 65}])
    odd = transaction_of(status="\n" * 64)

    assert spot is not None
    assert spot.orders == (SpotOrder(KEY, "s" * 64),)
    assert (odd.status, odd.status_text) == (TransactionStatus.OTHER, "\\n" * 32)
    assert transaction_of(status="s" * 65).status_text == "s" * 64


def test_only_what_could_forge_a_line_is_escaped() -> None:
    """The rest stays readable."""
    assert wire.printable("Tisch ä\t5", 99) == "Tisch ä\\t5"


def test_a_server_time_is_read_within_a_human_age() -> None:
    """From 2001 to the year 5138."""
    for time, is_read in [
        (10**9 - 1, False),
        (10**9, True),
        (10**11, True),
        (10**11 + 1, False),
    ]:
        read = wire.read_server_time(json.dumps({"time": time}).encode())
        assert (read == time) is is_read


def test_what_can_not_be_read_says_what_is_missing() -> None:
    """The operator sees it behind the status, so it names the thing and not the bytes."""
    another = b'{"id": 2, "status": "open", "transaction_key": "other"}'
    for read, why in [
        (wire.read_spot(another, SpotId("1")), "the answer is another spot"),
        (wire.read_spot(b"{}", SpotId("1")), "the answer is no spot"),
        (wire.read_transaction(another, KEY), "the answer is another transaction"),
        (wire.read_transaction(b"{}", KEY), "the answer is no transaction"),
        (wire.read_created(b"{}"), "the answer has no readable transaction key"),
        (wire.read_server_time(b"{}"), "the answer has no server time"),
        (wire.read_spots(b"{}"), "the answer has no list of spots"),
        (wire.read_transactions(b"[]"), "the answer has no list of transactions"),
    ]:
        assert read == wire.Unreadable(why)


def test_a_page_of_transactions_is_read_row_by_row() -> None:
    """What can not be read is counted, as with spots."""
    rows = [{"transaction_key": KEY, "status": "reserved"}, {"status": "reserved"}, 7]
    page = wire.read_transactions(json.dumps({"transactions": rows}).encode())

    assert page == wire.Page(
        (Transaction(KEY, TransactionStatus.RESERVED, "reserved", None),), 2, PageFacts(3)
    )


def test_what_can_be_read_in_two_ways_is_not_read() -> None:
    """A number that JSON does not know or nothing can hold, or one name for two things.

    Wherever it stands, it spoils the whole answer.
    """
    for odd in (b"NaN", b"Infinity", b"-Infinity", b"1e" + b"9" * 30, b'{"a": 1, "a": 1}'):
        body = b'{"transactions": [], "spots": [], "x": ' + odd + b"}"
        assert isinstance(wire.read_transactions(body), wire.Unreadable)
        assert isinstance(wire.read_spots(body), wire.Unreadable)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"error": "gone"}, ("gone", "")),
        ({"error": "gone", "error_description": 5}, ("gone", "")),
        ({"error": "e" * 65, "error_description": "d" * 301}, ("e" * 64, "d" * 300)),
        ({"error": ""}, None),
        ({"error": 5}, None),
        ({"error": {"code": 5}}, None),
        ({"error_description": "gone"}, None),
    ],
)
def test_the_wallets_error_object_is_known_by_its_code(
    answer: object, told: tuple[str, str] | None
) -> None:
    """Words without a code may be anybody's."""
    assert wire.read_refusal(json.dumps(answer).encode()) == told
