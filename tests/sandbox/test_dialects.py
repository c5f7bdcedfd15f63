"""Requests as the vendor's own libraries make them pass unchanged."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from .bench import Bench, Signer, body_hash


async def test_the_php_dialect_creates_and_confirms(bench: Bench) -> None:
    """Unpadded decimals, hours, escaped slashes, empty maps as lists, a body that is `[]`."""
    body = (
        rb'{"payments":[{"price_decimal":"2.5","currency":"EUR","description":"Coffee \/ tea",'
        rb'"parameters":[]},{"price_decimal":"1","currency":"EUR","description":"Tip"}],'
        rb'"auto_confirm":false,"reserve_for":2,"redirect_uri":"http:\/\/shop.example\/back"}'
    )
    extra = "&project_id=12&location_id=34"
    made = await bench.ok("POST", "transaction", body, signer=Signer(ext_extra=extra))
    key = made["transaction_key"]
    await bench.told("POST", f"transactions/{key}/reserve")
    done = await bench.ok("PUT", f"transaction/{key}/confirm", b"[]")

    assert [one["price"] for one in made["payments"]] == [250, 100]
    assert [one["price_decimal"] for one in made["payments"]] == ["2.50", "1.00"]
    assert made["payments"][0]["description"] == "Coffee / tea"
    assert made["reserve"] == {"for": 7200}
    assert (made["project_id"], made["location_id"]) == (12, 34)
    assert done["status"] == "confirmed"


async def test_the_php_dialect_signs_the_port_of_its_address(bench: Bench) -> None:
    """That library takes an explicit port from the address, or 80 for plain http."""
    assert (await bench.call("GET", "spots", signer=Signer(port=80))).status_code == 200


async def test_the_java_dialect_confirms_without_a_body(bench: Bench) -> None:
    """Ext is always there, even when it has nothing to say."""
    _, key = await bench.reserved()
    signer = Signer(always_ext=True)

    done = await bench.ok("PUT", f"transaction/{key}/confirm", signer=signer)

    assert 'ext=""' in signer.header("PUT", "/x")
    assert done["status"] == "confirmed"


@pytest.mark.parametrize("ext", ["&project_id=1&location_id=2", "&location_id=2&project_id=1"])
async def test_the_swift_dialect_puts_a_stray_ampersand_before_its_ext(
    bench: Bench, ext: str
) -> None:
    """Order and ampersand do not matter: the text is signed as it is and then read."""
    _, key = await bench.reserved()

    done = await bench.ok("PUT", f"transaction/{key}/confirm", ext=ext)

    assert done["status"] == "confirmed"


async def test_the_swift_dialect_leaves_slashes_of_the_hash_as_they_are(bench: Bench) -> None:
    """The hash is compared after decoding, so it does not matter which characters are escaped."""
    for cents in range(100, 400):
        body = b'{"payments":[{"description":"x","price":%d,"currency":"EUR"}]}' % cents
        if "%2F" in body_hash(body):
            break
    ext = "body_hash=" + body_hash(body).replace("%2F", "/") + "&project_id=5"

    made = await bench.ok("POST", "transaction", body, ext=ext)

    assert "/" in ext
    assert made["project_id"] == 5


async def test_a_code_in_the_query_is_signed_as_it_was_sent(bench: Bench) -> None:
    """The app escapes the colon of a code and leaves its star alone."""
    spot_id = await bench.scan("table 2/ž")
    code = "PAYSERA*9975%3A" + quote("table 2/ž", safe="")

    spot = await bench.ok("GET", f"spot?code={code}")

    assert (spot["id"], spot["identifier"]) == (spot_id, "table 2/ž")


async def test_both_base_paths_lead_to_the_same_world(bench: Bench) -> None:
    """One page of the documents names another base; it works here too."""
    key = await bench.create()
    bench.base = "/epapi/v1"

    assert await bench.status(key) == "new"


async def test_an_ext_parameter_that_nobody_documents_is_named(bench: Bench) -> None:
    """What the sandbox has not learned it says, with the rule to look under."""
    answer = await bench.call("GET", "spots", ext="shoe_size=44")

    assert answer.status_code == 501
    assert "'shoe_size'" in answer.json()["error_description"]
    assert "mac.ext.parameters" in answer.json()["error_description"]
