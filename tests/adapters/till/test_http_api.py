"""docs/till-api.yaml is sound, and the connector and the reference shop keep to it."""

import json
import re
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.adapters.till.http_support import (
    HALL,
    a_shop,
    bill,
    json_says,
    notice,
    silent,
    till_to,
)
from tests.adapters.wallet.stage import Seen
from tests.tills.http_shop import PROGRAM, SIGNING_SECRET, TOKEN, HttpShop
from tests.tills.openapi import (
    DOCUMENT,
    KINDS,
    SILENT,
    answer_schema,
    document,
    faults,
    operation,
    resolved,
)
from worker.adapters.clock import SystemClock
from worker.adapters.till import document as limits
from worker.adapters.till.connector import BillGone, TillError
from worker.adapters.till.guard import BILLS_MAX, LINES_IN_ALL_MAX, LOCK_S
from worker.adapters.till.http import HttpTill
from worker.adapters.till.http_line import Line, Reply
from worker.domain.money import AMOUNT_MINOR_MAX

ROOT = document()
METHODS = {"get", "put", "post", "delete", "patch"}
BILL = {"$ref": "#/components/schemas/Bill"}
NOTICE = {"$ref": "#/components/schemas/Notice"}


def nodes(tree: Any, path: str = "#") -> Iterator[tuple[str, Any]]:
    """Give everything in the document with its place."""
    yield path, tree
    if isinstance(tree, dict | list):
        for name, one in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from nodes(one, f"{path}/{name}")


def schemas() -> Iterator[tuple[str, Any]]:
    """Give every schema, also those within others."""
    for path, node in nodes(ROOT):
        name = path.rpartition("/")[2]
        if re.search(r"/components/schemas/\w+$|/(properties/\w+|schema|items|if|then)$", path):
            assert isinstance(node, dict), path
            yield path, node
        else:
            assert name not in {"anyOf", "oneOf", "allOf", "not", "else"}, f"{path} is not read"


def test_the_document_has_the_shape_of_openapi_3_1() -> None:
    """The fixed fields that OpenAPI 3.1.0 requires, for each object that the document uses."""
    assert re.fullmatch(r"3\.1\.\d", ROOT["openapi"])
    assert {"title", "version"} <= ROOT["info"].keys()
    assert all("url" in server for server in ROOT["servers"])
    tags = {tag["name"] for tag in ROOT["tags"]}
    ids = []
    for path, item in ROOT["paths"].items():
        assert path.startswith("/")
        assert item.keys() <= METHODS
        for of in item.values():
            ids.append(of["operationId"])
            assert set(of["tags"]) <= tags
            given = [resolved(ROOT, one) for one in of["parameters"]]
            assert len({(one["in"], one["name"]) for one in given}) == len(given)
            assert all(one["in"] in {"query", "header", "path"} for one in given)
            assert all("schema" in one and one["required"] is True for one in given)
            in_path = {one["name"] for one in given if one["in"] == "path"}
            assert in_path == set(re.findall(r"{(\w+)}", path))
            for status, answer in of["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d|default", status)
                assert resolved(ROOT, answer)["description"]
    assert len(set(ids)) == len(ids) == 4
    schemes = ROOT["components"]["securitySchemes"]
    assert {name for one in ROOT["security"] for name in one} == schemes.keys()
    assert schemes["bearer"]["type"] == "http"
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["mutualTLS"]["type"] == "mutualTLS"


def test_every_reference_leads_somewhere_and_everything_is_used() -> None:
    """A clone has only itself, and what nobody refers to is left over."""
    referred = {
        node["$ref"] for _, node in nodes(ROOT) if isinstance(node, dict) and "$ref" in node
    }
    for reference in referred:
        resolved(ROOT, {"$ref": reference})
    components = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "responses")
        for name in ROOT["components"][kind]
    }
    assert components == referred


def test_every_schema_is_one_that_can_be_checked() -> None:
    """Known words, known types, patterns that compile, defaults that keep to their own schema."""
    found = list(schemas())
    assert len(found) > 50
    for path, schema in found:
        kinds = schema.get("type", [])
        assert set([kinds] if isinstance(kinds, str) else kinds) <= KINDS.keys(), path
        re.compile(schema.get("pattern", ""))
        assert set(schema.get("required", [])) <= {
            *schema.get("properties", {}),
            # What an `if` or a `then` requires, the schema around it describes.
            *ROOT["components"]["schemas"]["Bill"]["properties"],
        }, path
        if "default" in schema:
            assert not list(faults(ROOT, schema, schema["default"])), path
        values: list[object] = [None, True, 0, "x", [], {}]
        for value in values:
            list(faults(ROOT, schema, value))  # Raises at a word that is not known.
    assert "description" in SILENT


def test_every_example_keeps_to_its_schema() -> None:
    """Examples are what people copy."""
    examples = [
        (path, node) for path, node in nodes(ROOT) if isinstance(node, dict) and "example" in node
    ]
    assert len(examples) == 4
    for path, node in examples:
        assert list(faults(ROOT, node["schema"], node["example"])) == [], path
    example = json.loads(PROGRAM.with_name("bill.json").read_text())
    assert list(faults(ROOT, BILL, example)) == []
    shown = operation(ROOT, "GET", "/bills")[0]["responses"]["200"]["content"]["application/json"]
    assert shown["example"]["bills"] == [example]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"amount_minor": 0},
        {"lines": [{"title": "x", "quantity": 1, "amount_minor": -50, "kind": "tip"}]},
        {"parts": [{"part_id": "A", "amount_minor": 2350}]},
        {"final": False, "ceiling_minor": 5000, "hold_s": 60, "at_hold_end": "confirm"},
        {"final": True, "opened_at": "2026-11-20T12:00:00+02:00", "colour": 0.5},
    ],
)
def test_bills_that_keep_to_the_document(changed: dict[str, object]) -> None:
    """All that a till may say."""
    assert list(faults(ROOT, BILL, bill(**changed))) == []


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"amount_minor": 23.5}, "amount_minor"),
        ({"amount_minor": "2350"}, "amount_minor"),
        ({"amount_minor": True}, "amount_minor"),
        ({"amount_minor": -1}, "below 0"),
        ({"amount_minor": AMOUNT_MINOR_MAX + 1}, "above"),
        ({"bill_id": ""}, "shorter"),
        ({"bill_id": "x" * 129}, "longer"),
        ({"currency": "eur"}, "does not fit"),
        ({"final": False}, "ceiling_minor is missing"),
        ({"final": False, "ceiling_minor": 1, "parts": [{}]}, "more than 0"),
        ({"final": "no"}, "is no boolean"),
        ({"hold_s": 59}, "below 60"),
        ({"hold_s": 2592001}, "above"),
        ({"at_hold_end": "keep"}, "not among"),
        ({"opened_at": "yesterday"}, "no moment"),
        ({"lines": [{"title": "x", "quantity": 0, "amount_minor": 1}]}, "below 1"),
        ({"lines": [{"title": "x", "quantity": 1, "amount_minor": 1, "kind": "tax"}]}, "among"),
        ({"parts": [{"part_id": "A", "amount_minor": 0}]}, "below 1"),
    ],
)
def test_bills_that_do_not(changed: dict[str, object], why: str) -> None:
    """The checker has teeth."""
    (fault, *_) = faults(ROOT, BILL, bill(**changed))

    assert why in fault


def test_the_document_and_the_code_have_the_same_bounds() -> None:
    """A shop that keeps to the one is not refused by the other."""
    schemas = ROOT["components"]["schemas"]

    bill_fields = schemas["Bill"]["properties"]
    line, part = schemas["Line"]["properties"], schemas["Part"]["properties"]

    assert schemas["AmountMinor"]["maximum"] == AMOUNT_MINOR_MAX
    assert bill_fields["amount_minor"]["maximum"] == AMOUNT_MINOR_MAX
    assert schemas["Bills"]["properties"]["bills"]["maxItems"] == BILLS_MAX
    assert schemas["BillId"]["maxLength"] == limits.BILL_ID_CHARS_MAX
    assert part["part_id"]["maxLength"] == limits.PART_ID_CHARS_MAX
    for text in (bill_fields["description"], part["description"], line["title"]):
        assert text["maxLength"] == limits.TEXT_CHARS_MAX
    assert bill_fields["lines"]["maxItems"] == limits.LINES_MAX
    assert f"{LINES_IN_ALL_MAX} lines" in bill_fields["lines"]["description"]
    assert bill_fields["parts"]["maxItems"] == limits.PARTS_MAX
    assert line["quantity"]["maximum"] == limits.QUANTITY_MAX
    assert (line["amount_minor"]["minimum"], line["amount_minor"]["maximum"]) == (
        -AMOUNT_MINOR_MAX,
        AMOUNT_MINOR_MAX,
    )
    hold = bill_fields["hold_s"]
    assert (hold["minimum"], hold["maximum"]) == (limits.HOLD_S_MIN, limits.HOLD_S_MAX)
    assert hold["default"] == limits.HOLD_S_DEFAULT
    lock = operation(ROOT, "POST", "/bills/x/lock")[0]["requestBody"]["content"]
    assert lock["application/json"]["example"]["seconds"] == LOCK_S
    assert "at most 4.5 seconds and 1 MiB" in DOCUMENT.read_text()


def judge(seen: Seen) -> None:
    """Hold a request of the connector against the document."""
    url = urllib.parse.urlsplit(seen.target)
    of, in_path = operation(ROOT, seen.method, url.path.removeprefix("/shop"))
    query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
    known = set()
    for one in (resolved(ROOT, given) for given in of["parameters"]):
        text = {"query": query, "header": seen.headers, "path": in_path}[one["in"]][one["name"]]
        known.add(one["name"])
        is_number = resolved(ROOT, one["schema"])["type"] == "integer"
        value = int(text) if is_number else urllib.parse.unquote(text)
        assert list(faults(ROOT, one["schema"], value)) == [], one["name"]
    assert query.keys() <= known
    assert seen.headers["authorization"].startswith("Bearer ")
    if "requestBody" in of:
        assert seen.headers["content-type"] == "application/json"
        schema = of["requestBody"]["content"]["application/json"]["schema"]
        assert list(faults(ROOT, schema, json.loads(seen.body))) == []
    else:
        assert seen.body == b""


async def test_what_the_connector_sends_keeps_to_the_document() -> None:
    """Each call, with plain names and odd ones."""
    async with a_shop() as (stage, till):
        for spot, bill_id in (("table7", "B-1"), ("tërrasse/1 ?&", "B/1 ü%20")):
            stage.plays(
                json_says(200, {"bills": []}),
                json_says(200, bill(bill_id=bill_id)),
                silent(204),
                silent(204),
                silent(204),
            )
            await till.open_bills(HALL, spot)
            await till.lock(HALL, spot, bill_id, "v-0042", 960)
            await till.unlock(HALL, spot, bill_id, "v-0042")
            await till.post(notice(table=spot, bill_id=bill_id))
            await till.post(notice(table=spot, bill_id=bill_id, part_id="P-1"))

    assert len(stage.seen) == 10
    for seen in stage.seen:
        judge(seen)


async def test_a_request_that_does_not_keep_to_the_document_is_seen() -> None:
    """The judge has teeth."""
    async with a_shop() as (stage, till):
        stage.plays(silent(204))
        await till.post(notice(bill_id="x" * 129))
        with pytest.raises(AssertionError):
            judge(stage.seen[0])


async def test_what_the_reference_shop_answers_keeps_to_the_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each answer, the refusals too, is held against the document as it comes in."""
    judged: list[tuple[str, int]] = []
    carry = Line.carry

    async def judging(line: Line, location_id: int, method: str, target: str, **more: Any) -> Reply:
        reply = await carry(line, location_id, method, target, **more)
        of, _ = operation(ROOT, method, target.partition("?")[0])
        schema = answer_schema(ROOT, of, reply.status)
        if schema is None:
            assert reply.body == b""
        else:
            assert reply.content_type == "application/json"
            assert list(faults(ROOT, schema, json.loads(reply.body))) == []
        judged.append((of["operationId"], reply.status))
        return reply

    monkeypatch.setattr(Line, "carry", judging)
    shop = HttpShop()
    await shop.open()
    try:
        await _play(shop)
    finally:
        await shop.close()

    assert set(judged) == {
        ("openBills", 200),
        ("openBills", 401),
        ("lockBill", 200),
        ("lockBill", 404),
        ("lockBill", 409),
        ("lockBill", 410),
        ("unlockBill", 204),
        ("paymentMade", 204),
        ("paymentMade", 401),
    }


async def _play(shop: HttpShop) -> None:
    """Make the shop give every answer that it has."""
    till = shop.connector()
    await shop.owe(HALL, "table7", bill())
    await till.open_bills(HALL, "table7")
    await till.lock(HALL, "table7", "B-1", "v-1", 60)
    refused: list[Callable[[], Any]] = [
        lambda: till.lock(HALL, "table7", "B-1", "v-2", 60),
        lambda: till.lock(HALL, "table7", "B-9", "v-1", 60),
    ]
    for call in refused:
        with pytest.raises((TillError, BillGone)):
            await call()
    await till.unlock(HALL, "table7", "B-1", "v-1")
    await till.post(notice())
    await till.post(notice())
    with pytest.raises(BillGone):
        await till.lock(HALL, "table7", "B-1", "v-1", 60)
    for changed in ({"token": "tok-of-somebody-else"}, {"signing_secret": "whsec_" + "eHh4" * 8}):
        given: dict[str, Any] = {"token": TOKEN, "signing_secret": SIGNING_SECRET} | changed
        stranger: HttpTill = till_to(shop.url, clock=SystemClock(), **given)
        with pytest.raises(TillError):
            await stranger.post(notice())
        if "token" in changed:
            with pytest.raises(TillError):
                await stranger.open_bills(HALL, "table7")
        await stranger.aclose()


def test_a_notice_that_says_more_or_less_is_seen() -> None:
    """The notice's schema is closed: whoever adds a field to it changes the document too."""
    good = {
        "type": "bill.paid",
        "timestamp": "2026-11-20T12:00:00Z",
        "data": {},
    }

    assert len(list(faults(ROOT, NOTICE, good))) == 14
    assert any("more is not known" in fault for fault in faults(ROOT, NOTICE, good | {"more": 1}))
