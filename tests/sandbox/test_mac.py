"""The signature check against the vendor's published values, and each way to be refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from worker.sandbox.errors import VendorError
from worker.sandbox.mac import SignedRequest, Verifier, parameters, parse

from .bench import CLIENT_ID, KEY, Bench, Signer

NONCE = "nQnNaSNyubfPErjRO55yaaEYo9YZfKHN"
HOST = "wallet.paysera.com"
FORM = (
    b"grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA"
    b"&redirect_uri=http%3A%2F%2Flocalhost%2Fabc"
)
FORM_EXT = "body_hash=IftzxAtYliLQx46c2JAPidlHKqck0OXD7KmsHNnSptU%3D"
BILL = b'{"payments":[{"description":"Table 7","price":1250,"currency":"EUR"}]}'
BILL_EXT = "body_hash=6RLNiZ6QjQ1Z0bjg83DsMjYDOD72F1Pf4iAeqvoiEQk%3D"
A32 = "A" * 32

PUBLISHED = [
    (
        1343811600,
        NONCE,
        "GET",
        "/rest/v1/payment/10145",
        b"",
        "",
        "/qxTA8FOgT0Dd0MHh9k/sUQ3Q38ckx8+S0PBxpIuttY=",
    ),
    (
        1343818800,
        NONCE,
        "GET",
        "/wallet/rest/v1/payment/10145",
        b"",
        "",
        "d1OlqI77u2P1IVYIv2ppL3hnrBhyaQ+gDqYMxCH+0e0=",
    ),
    (
        1343818800,
        NONCE,
        "POST",
        "/wallet/oauth/v1/",
        FORM,
        FORM_EXT,
        "YEIWoGDeREjJNh+IplpTcCLRNASTAMgFqa540igFcaY=",
    ),
    (
        1343811600,
        NONCE,
        "GET",
        "/rest/v1/spots?status=waiting",
        b"",
        "",
        "irSg0m2b8N87EIhAENNkP+2O3E2x0KkddoTMSOEmHt8=",
    ),
    (
        1343811600,
        NONCE,
        "GET",
        "/transfer/rest/v1/transfers/10145",
        b"",
        "",
        "Bp22nWw9qFsz7ux5xOYkCIYJjXAz8mhxTSfJsoOKV3A=",
    ),
    (
        1700000000,
        A32,
        "POST",
        "/rest/v1/transaction",
        BILL,
        BILL_EXT,
        "0d/KeihCQX9hk6AYyJLoh/QvhGJH3iQGvuYhxyga+gY=",
    ),
    (
        1700000000,
        A32,
        "POST",
        "/rest/v1/transaction",
        BILL,
        BILL_EXT + "&project_id=1234&location_id=77",
        "CnPXY+EMiiGpgqV4IMKLQdZ7kjgz8oAB+N+z6YwXVcQ=",
    ),
    (
        1700000000,
        A32,
        "PUT",
        "/rest/v1/transaction/KEY123/confirm",
        b"",
        "",
        "PUW1T5lY431jovkus7SsLeX0bmhUXauhBgDbd8sBhOs=",
    ),
    (
        1700000000,
        A32,
        "DELETE",
        "/rest/v1/spot/15",
        b"",
        "",
        "I1qi/ZA0LgwjRirVVe+cQeagwXfXuJcG3M528t2PKf0=",
    ),
]


def header(ts: int, nonce: str, mac: str, ext: str) -> str:
    tail = f', ext="{ext}"' if ext else ""
    return f'MAC id="{CLIENT_ID}", ts="{ts}", nonce="{nonce}", mac="{mac}"{tail}'


@pytest.mark.parametrize(("ts", "nonce", "method", "target", "body", "ext", "mac"), PUBLISHED)
def test_the_published_signatures_verify(
    ts: int, nonce: str, method: str, target: str, body: bytes, ext: str, mac: str
) -> None:
    """What the vendor printed is right, to the byte."""
    request = SignedRequest(method, target, HOST, body, header(ts, nonce, mac, ext))

    extra = Verifier(CLIENT_ID, KEY).verify(request, ts)

    assert "body_hash" not in extra
    assert extra.get("project_id") == ("1234" if "project_id" in ext else None)


def test_the_query_is_signed() -> None:
    """A signature over the path with its query does not pass for the path alone."""
    ts, nonce, method, _, body, ext, mac = PUBLISHED[3]
    request = SignedRequest(method, "/rest/v1/spots", HOST, body, header(ts, nonce, mac, ext))

    with pytest.raises(VendorError, match="mac does not match"):
        Verifier(CLIENT_ID, KEY).verify(request, ts)


@pytest.mark.parametrize("host", [HOST, HOST.upper(), f"{HOST}:443", f"{HOST}:8443"])
def test_the_host_is_lower_cased_and_443_always_passes(host: str) -> None:
    """One page says that the port is always 443, whatever the request was sent to."""
    ts, nonce, method, target, body, ext, mac = PUBLISHED[0]
    request = SignedRequest(method, target, host, body, header(ts, nonce, mac, ext))

    assert Verifier(CLIENT_ID, KEY).verify(request, ts) == {}


@pytest.mark.parametrize(("port", "passes"), [(443, True), (80, True), (8800, True), (8801, False)])
def test_the_signed_port_is_the_hosts_or_a_default(port: int, passes: bool) -> None:
    """Libraries sign 443, 80 or the port of the address; nothing else passes."""
    signed = Signer(host="127.0.0.1", port=port).header("GET", "/rest/v1/spots", ts=1700000000)
    request = SignedRequest("GET", "/rest/v1/spots", "127.0.0.1:8800", b"", signed)
    verifier = Verifier(CLIENT_ID, KEY)

    if passes:
        verifier.verify(request, 1700000000)
    else:
        with pytest.raises(VendorError, match="mac does not match"):
            verifier.verify(request, 1700000000)


def test_attributes_come_in_any_order() -> None:
    """A header is read by its names, not by its order."""
    given = parse('MAC ext="", mac="m=",nonce="n",  ts="1", id="me"')

    assert (given.id, given.ts, given.nonce, given.mac, given.ext) == ("me", "1", "n", "m=", "")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "",
        "Bearer abc",
        'MAC id="a", ts="1", nonce="n"',
        'MAC id="a", id="b", ts="1", nonce="n", mac="m"',
        'MAC id="a", ts="1", nonce="", mac="m"',
        "MAC id=a, ts=1, nonce=n, mac=m",
        'MAC id="a", ts="1", nonce="n", mac="m", colour="red"',
    ],
)
def test_a_header_that_cannot_be_read_is_unauthorized(broken: str | None) -> None:
    """Half a signature is none."""
    with pytest.raises(VendorError) as caught:
        parse(broken)

    assert (caught.value.status, caught.value.error) == (401, "unauthorized")


def test_a_leading_ampersand_in_ext_is_tolerated() -> None:
    """The mobile library begins ext with one when there is no body."""
    assert parameters("&project_id=1&location_id=2") == {"project_id": "1", "location_id": "2"}


@pytest.mark.parametrize(
    ("bent", "error"),
    [
        ({"signer": Signer(key="another key")}, "unauthorized"),
        ({"signer": Signer(client_id="stranger")}, "unauthorized"),
        ({"ts": "soon"}, "unauthorized"),
        ({"ext": "body_hash=AAAA"}, "unauthorized"),
        ({"nonce": "back\\slash"}, "unauthorized"),
        ({"ts": int(time.time()) - 3000}, "invalid_timestamp"),
        ({"ts": int(time.time()) + 3000}, "invalid_timestamp"),
    ],
)
async def test_a_wrong_signature_is_refused(bench: Bench, bent: dict[str, Any], error: str) -> None:
    """The vendor's error object says what kind of refusal it is."""
    answer = await bench.call("GET", "spots", **bent)

    assert answer.status_code == 401
    assert answer.json()["error"] == error
    assert answer.headers["paysera-correlation-id"]


async def test_a_body_without_its_hash_is_refused_and_changes_nothing(bench: Bench) -> None:
    """A signature that leaves the body out would let anybody change it."""
    answer = await bench.call("POST", "transaction", {"payments": [1]}, ext="")

    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert "body_hash" in answer.json()["error_description"]


async def test_a_body_of_other_bytes_is_refused(bench: Bench) -> None:
    """The hash is over the bytes that were sent, not over what they mean."""
    header = bench.signer.header("POST", "/rest/v1/transaction", b'{"payments": []}')

    answer = await bench.http.post(
        "/rest/v1/transaction", content=b'{"payments":[]}', headers={"authorization": header}
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


async def test_a_nonce_is_good_once(bench: Bench) -> None:
    """The same nonce at the same second is a replay; at another second it is only noted (F28)."""
    now = int(time.time())
    first = await bench.call("GET", "spots", nonce="once", ts=now)
    replay = await bench.call("GET", "spots", nonce="once", ts=now)
    later = await bench.call("GET", "spots", nonce="once", ts=now + 1)

    assert [first.status_code, replay.status_code, later.status_code] == [200, 401, 200]
    assert await bench.violations() == ["repeated_nonce", "repeated_nonce"]


async def test_a_skewed_server_refuses_our_time_until_we_take_over_its_own(bench: Bench) -> None:
    """GET /server tells the time by which signatures are judged, and needs no signature."""
    await bench.told("PUT", "faults", {"clock_skew_s": 4000})
    refused = await bench.call("GET", "spots")
    server = await bench.http.get("/rest/v1/server")
    accepted = await bench.call("GET", "spots", ts=server.json()["time"])

    assert refused.json() == {
        "error": "invalid_timestamp",
        "error_description": "Timestamp lifetime exceeded",
    }
    assert accepted.status_code == 200


async def test_advancing_the_clock_breaks_no_signature(bench: Bench) -> None:
    """Reservations age by command; signatures are judged by the machine's time."""
    await bench.told("POST", "clock/advance", {"seconds": 86_400})

    assert (await bench.call("GET", "spots")).status_code == 200
    assert abs((await bench.http.get("/rest/v1/server")).json()["time"] - time.time()) < 5
