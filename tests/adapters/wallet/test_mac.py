"""The signature, against everything that the vendor published."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import httpx
import pytest
from freezegun import freeze_time

from worker.adapters.wallet.mac import MacAuth

BASE = httpx.URL("https://wallet.paysera.com/rest/v1")
PUBLISHED = json.loads((Path(__file__).parent / "vectors.json").read_text())


class Vector(TypedDict):
    ts: str
    nonce: str
    method: str
    uri: str
    body: str | None
    ext: str
    mac: str


def signer(base: httpx.URL = BASE, **changes: Any) -> MacAuth:
    options: dict[str, Any] = {
        "client_id": PUBLISHED["client_id"],
        "mac_key": PUBLISHED["mac_key"],
        "base_url": base,
        "now": lambda: 1700000000.9,
    }
    return MacAuth(**{**options, **changes})


def signed(auth: MacAuth, request: httpx.Request) -> str:
    return str(next(auth.auth_flow(request)).headers["authorization"])


@pytest.mark.parametrize("vector", PUBLISHED["vectors"], ids=lambda vector: vector["source"])
def test_every_published_vector_is_reproduced_to_the_byte(vector: Vector) -> None:
    """What the vendor printed is what we send, attribute by attribute."""
    header = signer().header(
        method=vector["method"],
        target=vector["uri"].encode(),
        body=(vector["body"] or "").encode(),
        ts=vector["ts"],
        nonce=vector["nonce"],
    )

    expected = (
        f'MAC id="{PUBLISHED["client_id"]}", ts="{vector["ts"]}", '
        f'nonce="{vector["nonce"]}", mac="{vector["mac"]}"'
    )
    assert header == expected + (f', ext="{vector["ext"]}"' if vector["ext"] else "")


@pytest.mark.parametrize(
    ("method", "uri", "body", "mac"),
    [
        (
            "POST",
            "/rest/v1/transaction",
            '{"payments":[{"description":"Table 7","price":1250,"currency":"EUR"}]}',
            "0d/KeihCQX9hk6AYyJLoh/QvhGJH3iQGvuYhxyga+gY=",
        ),
        (
            "GET",
            "/rest/v1/transactions?status=reserved&limit=200&offset=0",
            "",
            "GxswQbszJWYXUx3ouP5Hyd8ff3ORIOquQA2oA2pkopY=",
        ),
        (
            "PUT",
            "/rest/v1/transaction/KEY123/confirm",
            "",
            "PUW1T5lY431jovkus7SsLeX0bmhUXauhBgDbd8sBhOs=",
        ),
        ("DELETE", "/rest/v1/spot/15", "", "I1qi/ZA0LgwjRirVVe+cQeagwXfXuJcG3M528t2PKf0="),
    ],
)
def test_our_own_calls_keep_their_signatures(method: str, uri: str, body: str, mac: str) -> None:
    """A change of these values is a change of what the vendor must accept."""
    header = signer().header(
        method=method, target=uri.encode(), body=body.encode(), ts="1700000000", nonce="A" * 32
    )

    assert f'mac="{mac}"' in header


def test_the_raw_target_with_its_query_and_the_exact_body_are_signed() -> None:
    """The signature covers the bytes of the request line and of the body, as they leave."""
    auth = signer()
    url = "https://wallet.paysera.com/rest/v1/spot/a%2Fb?x=1,2"
    header = signed(auth, httpx.Request("POST", url, content=b"{}"))

    parts = dict(part.split("=", 1) for part in header.removeprefix("MAC ").split(", "))
    again = auth.header(
        method="post",
        target=b"/rest/v1/spot/a%2Fb?x=1,2",
        body=b"{}",
        ts="1700000000",
        nonce=parts["nonce"].strip('"'),
    )
    assert header == again


def test_every_attempt_has_a_nonce_of_its_own_made_of_plain_characters() -> None:
    """A nonce is never used twice, not even for the same request (F28)."""
    auth, request = signer(), httpx.Request("GET", f"{BASE}/server")
    nonces = [signed(auth, request).split('nonce="')[1].split('"')[0] for _ in range(500)]

    assert len(set(nonces)) == 500
    assert all(len(nonce) == 32 and nonce.isalnum() and nonce.isascii() for nonce in nonces)


@freeze_time("2026-11-20 18:00:00")
def test_the_timestamp_is_whole_seconds_of_the_time_that_is_handed_in() -> None:
    """A fraction is cut off: a timestamp from the future may find no tolerance."""
    auth = signer(now=lambda: datetime.now(UTC).timestamp() + 0.999)

    assert 'ts="1795197600"' in signed(auth, httpx.Request("GET", f"{BASE}/server"))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/rest/v1/spots",
        "http://wallet.paysera.com/rest/v1/spots",
        "https://wallet.paysera.com:8443/rest/v1/spots",
        "https://wallet.paysera.com.evil.example/rest/v1/spots",
    ],
)
def test_nothing_is_signed_for_another_host(url: str) -> None:
    """A signature for a foreign address would be a gift (F11)."""
    with pytest.raises(RuntimeError, match="configured host"):
        signed(signer(), httpx.Request("GET", url))


@pytest.mark.parametrize(
    ("base", "port"),
    [
        ("https://wallet.paysera.com/rest/v1", 443),
        ("https://WALLET.paysera.com:8443/rest/v1", 8443),
        ("http://127.0.0.1/rest/v1", 80),
        ("http://127.0.0.1:8800/rest/v1", 8800),
    ],
)
def test_the_signed_port_is_that_of_the_address(base: str, port: int) -> None:
    """As the vendor's server-side clients do it."""
    assert signer(httpx.URL(base)).port == port


def test_the_key_shows_in_no_repr_and_bad_credentials_are_refused_without_it() -> None:
    """Whoever prints the signer learns nothing."""
    assert PUBLISHED["mac_key"] not in repr(signer()) + str(signer())
    for client_id in ("", 'a"b', "a\\b", "a\nb", "ą"):
        with pytest.raises(ValueError, match="client id") as raised:
            signer(client_id=client_id)
        assert PUBLISHED["mac_key"] not in str(raised.value)
    with pytest.raises(ValueError, match="empty"):
        signer(mac_key="")
