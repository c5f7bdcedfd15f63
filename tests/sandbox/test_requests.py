"""What may be asked: bodies, amounts, queries, pages, and the naming of what is not known."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox import rules
from worker.sandbox.draft import PaymentDraft, read_transaction
from worker.sandbox.errors import VendorError

from .bench import EUR_TWELVE_FIFTY, Bench


def payment(**changed: Any) -> dict[str, Any]:
    """Give a payment with something changed; None takes a field away."""
    asked = {**EUR_TWELVE_FIFTY, **changed}
    return {name: value for name, value in asked.items() if value is not None}


def transaction(**changed: Any) -> dict[str, Any]:
    """Give a create body of one payment with something changed."""
    return {"payments": [payment(**changed)]}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "payments"),
        ({"payments": []}, "payments"),
        (transaction(price=None), "payments.0.price"),
        (transaction(price="1250"), "payments.0.price"),
        (transaction(price=12.5), "payments.0.price"),
        (transaction(price=True), "payments.0.price"),
        (transaction(price=0), "payments.0.price"),
        (transaction(price=-5), "payments.0.price"),
        (transaction(price=10**15), "payments.0.price"),
        (transaction(price_decimal="12.50"), "payments.0.price"),
        (transaction(price=None, price_decimal=12.5), "payments.0.price_decimal"),
        (transaction(price=None, price_decimal="12.505"), "payments.0.price_decimal"),
        (transaction(price=None, price_decimal="1e3"), "payments.0.price_decimal"),
        (transaction(currency=None), "payments.0.currency"),
        (transaction(currency="euro"), "payments.0.currency"),
        (transaction(description=None), "payments.0.description"),
        (transaction(description=""), "payments.0.description"),
        (transaction(items=[]), "payments.0.items"),
        (transaction(items=[{"title": "", "price": 1}]), "payments.0.items.0.title"),
        (
            transaction(items=[{"title": "a", "price": 1, "quantity": 0}]),
            "payments.0.items.0.quantity",
        ),
        (transaction(freeze={"for": 1}, freeze_for=1), "payments.0.freeze"),
        ({**transaction(), "reserve": {"for": 9}, "reserve_for": 1}, "reserve"),
        ({**transaction(), "reserve": {"for": 0}}, "reserve.for"),
        ({**transaction(), "reserve": {"for": 1, "until": 2}}, "reserve"),
        ({**transaction(), "reserve_for": "24"}, "reserve_for"),
        ({**transaction(), "auto_confirm": 1}, "auto_confirm"),
        ({**transaction(), "use_allowance": "no"}, "use_allowance"),
    ],
)
async def test_a_wrong_value_is_refused_and_its_field_named(
    bench: Bench, body: dict[str, Any], names: str
) -> None:
    """A bare "bad request" helps nobody; nothing is created on the way to a refusal."""
    answer = await bench.call("POST", "transaction", body)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_parameters")
    assert list(answer.json()["error_properties"]) == [names]
    assert (await bench.told("GET", "ledger"))["transactions"] == []


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({**transaction(), "shoe_size": 44}, "'shoe_size' of transaction"),
        ({**transaction(), "allowance": {}}, "'allowance' of transaction"),
        (transaction(password={}), "'password' of payments.0"),
        (transaction(items=[{"title": "a", "price": 1, "taste": "good"}]), "'taste'"),
        ({**transaction(), "reserve": {"hours": 1}}, "'hours' of reserve"),
    ],
)
async def test_a_field_that_is_not_known_is_a_501_with_its_rule(
    bench: Bench, body: dict[str, Any], names: str
) -> None:
    """The answer names the field, and a rule that can be looked up."""
    answer = await bench.call("POST", "transaction", body)

    assert (answer.status_code, answer.json()["error"]) == (501, "not_implemented")
    assert names in answer.json()["error_description"]
    assert any(rule.id in answer.json()["error_description"] for rule in rules.RULES)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 50_000, b'{"a":NaN}'])
async def test_a_body_that_is_not_an_object_is_an_invalid_request(
    bench: Bench, body: bytes
) -> None:
    """It is refused in the vendor's words, not with a crash."""
    answer = await bench.call("POST", "transaction", body)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_items_make_the_price(bench: Bench) -> None:
    """Without description, price and currency the items must tell all of it."""
    items = [
        {"title": "Soup", "price": 450, "currency": "EUR", "quantity": 2},
        {"title": "Beer", "price_decimal": "3.3", "currency": "EUR", "quantity": 1.5},
        {"title": "Bread", "total_price": 120, "currency": "EUR"},
    ]

    made = await bench.ok("POST", "transaction", {"payments": [{"items": items}]})

    assert made["payments"][0]["price"] == 900 + 495 + 120
    assert made["payments"][0]["items"] == items


async def test_an_answer_shows_what_was_asked_and_the_defaults(bench: Bench) -> None:
    """Parameters come back as they went; what has no value is left out."""
    asked = transaction(parameters={"orderid": "v1.a.9975.b"})
    made = await bench.ok("POST", "transaction", asked)

    assert made["payments"][0]["parameters"] == {"orderid": "v1.a.9975.b"}
    assert made["payments"][0]["price_decimal"] == "12.50"
    assert made["reserve"] == {"for": 2_592_000}
    assert (made["auto_confirm"], made["use_allowance"], made["inquiries"]) == (False, False, [])
    assert not {"wallet", "confirmed_at", "location_id", "type"} & set(made)
    assert (await bench.told("GET", "ledger"))["transactions"][0]["orderid"] == "v1.a.9975.b"


async def test_json_is_sent_with_the_exact_content_type_and_escaped_slashes(bench: Bench) -> None:
    """A client of the vendor's parses JSON only when the type is exactly this."""
    made = await bench.call("POST", "transaction", transaction(description="a/b"))
    refused = await bench.call("GET", "transaction/nobody")

    for answer in (made, refused):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-sandbox"] == "1"
        assert answer.headers["paysera-correlation-id"]
    assert r'"description":"a\/b"' in made.text


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("GET", "wallets", "the path '/rest/v1/wallets'"),
        ("GET", "rest/v1/spots", "the path"),
        ("GET", "spots/", "the path"),
        ("POST", "spots", "the method POST"),
        ("PATCH", "transaction/abc", "known: DELETE, GET"),
        ("GET", "spots?colour=red", "'colour'"),
        ("GET", "spots?status=waiting&status=open", "'status' twice"),
        ("GET", "spots?status=:waiting", "':waiting'"),
        ("GET", "transactions?status=paid", "'paid'"),
        ("GET", "transactions?order_by=created_at", "'order_by'"),
        ("GET", "spot/501?fields=mood", "'mood'"),
    ],
)
async def test_what_is_not_known_is_a_501_that_says_what(
    bench: Bench, method: str, path: str, names: str
) -> None:
    """Unknown paths, methods, parameters and status words are told apart from wrong ones."""
    answer = await bench.call(method, path)

    assert answer.status_code == 501
    assert names in answer.json()["error_description"]


async def test_ids_that_nobody_has_are_not_found(bench: Bench) -> None:
    """Whatever stands where an id belongs."""
    paths = ("spot/999", "spot/x", "spot/%0A", "transaction/..%2F", "payment/1", "spot/" + "9" * 40)
    answers = [await bench.call("GET", path) for path in paths]

    assert {(one.status_code, one.json()["error"]) for one in answers} == {(404, "not_found")}


async def test_a_body_of_another_media_type_is_not_acceptable(bench: Bench) -> None:
    """JSON with a charset passes, a form does not."""
    body = json.dumps(transaction()).encode()
    answers = []
    for media in ("application/json;charset=utf-8", "application/x-www-form-urlencoded"):
        signed = bench.signer.header("POST", "/rest/v1/transaction", body)
        headers = {"authorization": signed, "content-type": media}
        answers.append(await bench.http.post("/rest/v1/transaction", content=body, headers=headers))

    assert [one.status_code for one in answers] == [200, 406]
    assert answers[1].json()["error"] == "not_acceptable"


async def test_a_body_above_one_mebibyte_is_refused(bench: Bench) -> None:
    """On vendor and control routes alike (F62)."""
    vendor = await bench.call("POST", "transaction", b" " * (1 << 20) + b"{}")
    control = await bench.control("POST", "spots/a/scan", b" " * (1 << 20) + b"{}")

    assert (vendor.status_code, control.status_code) == (413, 413)


async def test_spots_are_paged_and_filtered(bench: Bench) -> None:
    """Twenty rows unless asked, at most 200, with the total of all."""
    for n in range(25):
        await bench.scan(f"row{n:02d}", location_id=1)
    await bench.scan("elsewhere", location_id=2)

    first = await bench.ok("GET", "spots?status=waiting&location_id=1")
    rest = await bench.ok("GET", "spots?status=waiting&location_id=1&offset=20")
    every = await bench.ok("GET", "spots?limit=200")

    names = [one["identifier"] for one in first["spots"] + rest["spots"]]
    assert names == [f"row{n:02d}" for n in range(25)]
    assert first["_metadata"] == {"total": 25, "offset": 0, "limit": 20}
    assert (len(rest["spots"]), every["_metadata"]["total"]) == (5, 29)
    for limit in ("0", "201", "-1", "x"):
        assert (await bench.call("GET", f"spots?limit={limit}")).status_code == 400


async def test_transactions_are_listed_newest_first_with_short_payments(bench: Bench) -> None:
    """A page shows little of a payment: parameters are read by key."""
    keys = [await bench.create() for _ in range(25)]
    await bench.told("POST", f"transactions/{keys[3]}/reserve", {"wallet": 7})

    page = await bench.ok("GET", "transactions?status=new,reserved&limit=10&offset=10")
    held = await bench.ok("GET", "transactions?status=reserved")
    comma = await bench.ok("GET", "transactions?status=new%2Creserved&limit=200")
    by_wallet = await bench.ok("GET", "transactions?wallet=7")

    shown = [one["transaction_key"] for one in page["transactions"]]
    assert shown == keys[::-1][10:20]
    assert page["_metadata"] == {"total": 25, "offset": 10, "limit": 10}
    assert set(page["transactions"][0]["payments"][0]) == {
        "id",
        "status",
        "price",
        "currency",
        "price_decimal",
    }
    assert [one["transaction_key"] for one in held["transactions"]] == [keys[3]]
    assert len(comma["transactions"]) == 25
    assert held["transactions"] == by_wallet["transactions"]


async def test_transactions_are_filtered_by_time_project_and_location(bench: Bench) -> None:
    """From and to are about the creation and include their ends."""
    await bench.offered()
    await bench.told("POST", "clock/advance", {"seconds": 1000})
    made = await bench.ok(
        "POST", "transaction", b'{"payments":[%s]}' % json.dumps(payment()).encode()
    )
    at = made["created_at"]

    async def keys(query: str) -> list[str]:
        answer = await bench.ok("GET", f"transactions?{query}")
        return [one["transaction_key"] for one in answer["transactions"]]

    assert await keys(f"from={at}&to={at}") == [made["transaction_key"]]
    assert len(await keys(f"from={at - 1100}")) == 2
    assert len(await keys("project_id=4321")) == 2
    assert await keys("project_id=1") == []
    assert len(await keys("location_id=9975")) == 1


async def test_fields_limit_and_expand_an_answer(bench: Bench) -> None:
    """The apps ask for little, or for the transaction within the order."""
    spot_id, key = await bench.offered()

    little = await bench.ok("GET", f"transaction/{key}?fields=status,confirmed_at")
    spot = await bench.ok("GET", f"spot/{spot_id}?fields=*,orders.transaction")

    assert little == {"status": "new"}
    assert spot["orders"][0]["transaction"]["payments"][0]["description"] == "Table 1"


async def test_locations_tell_their_spots(bench: Bench) -> None:
    """The list of locations is public; a project's needs a signature."""
    await bench.scan("bar", location_id=12)
    public = await bench.http.get("/rest/v1/locations?lat=1&lng=2&status=active")
    project = await bench.ok("GET", "project/5/locations")
    unsigned = await bench.http.get("/rest/v1/project/5/locations")

    assert [one["id"] for one in public.json()["locations"]] == [12, 9975]
    assert project["locations"][0]["spots"] == [{"id": 504, "identifier": "bar"}]
    assert unsigned.status_code == 401


@given(st.integers(min_value=1, max_value=10**12))
def test_every_amount_survives_its_decimal_text(amount: int) -> None:
    """Minor units and decimals are two ways to write the same."""
    for text in (f"{amount // 100}.{amount % 100:02d}", str(amount // 100)):
        if set(text) <= {"0", "."}:
            continue
        asked = payment(price=None, price_decimal=text)
        read = read_transaction({"payments": [asked]}).payments[0]
        assert isinstance(read, PaymentDraft)
        assert read.price_minor == (amount if "." in text else amount // 100 * 100)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("payments", "reserve", "reserve_for", "auto_confirm", "inquiries")


@given(st.dictionaries(st.sampled_from(FIELDS), JSONS | st.just([EUR_TWELVE_FIFTY])) | JSONS)
def test_no_body_is_worse_than_refused(body: object) -> None:
    """Whatever is sent, the answer is a draft or a refusal in the vendor's words."""
    with contextlib.suppress(VendorError):
        read_transaction(body)
