"""Both sides prove who they are, or not a byte of a question leaves."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.till.http_support import HALL, json_says, notice, silent, till_to, why_not
from tests.adapters.wallet.stage import Stage, says
from tests.faults.conftest import serving
from worker.adapters.till.connector import TillError
from worker.adapters.till.http import HttpTill

CERTIFICATES = Path(__file__).parents[2] / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"


def proof(certificate: str, *, wants_ours: bool = False) -> ssl.SSLContext:
    """What a shop shows, and whether it wants to see a certificate of ours."""
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
    if wants_ours:
        shown.verify_mode = ssl.CERT_REQUIRED
        shown.load_verify_locations(CERTIFICATES / "shops-authority.pem")
    return shown


@asynccontextmanager
async def a_shop_with(tls: ssl.SSLContext, **changed: Any) -> AsyncIterator[tuple[Stage, HttpTill]]:
    """A stage over TLS and the connector to it."""
    async with serving(tls) as stage:
        stage.otherwise = json_says(200, {"bills": []})
        till = till_to(f"https://127.0.0.1:{stage.port}/shop", **changed)
        try:
            yield stage, till
        finally:
            await till.aclose()


async def test_a_shop_that_proves_its_name_is_served() -> None:
    """By the authority that the operator named; without this the refusals would prove nothing."""
    async with a_shop_with(proof("good"), ca_file=AUTHORITY) as (stage, till):
        stage.plays(json_says(200, {"bills": []}), silent(204))
        assert list(await till.open_bills(HALL, "table7")) == []
        await till.post(notice())

    assert len(stage.seen) == 2


async def test_the_systems_authorities_are_trusted_unless_others_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And those that are named are trusted instead of the system's, not beside them."""
    async with a_shop_with(proof("good")) as (stage, till):
        assert "can not be trusted" in await why_not(till.open_bills(HALL, "table7"))
        assert stage.seen == []
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    async with a_shop_with(proof("good")) as (_, till):
        assert list(await till.open_bills(HALL, "table7")) == []
    other = CERTIFICATES / "shops-authority.pem"
    async with a_shop_with(proof("good"), ca_file=other) as (stage, till):
        assert "can not be trusted" in await why_not(till.open_bills(HALL, "table7"))
        assert stage.seen == []


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        ("expired", "certificate has expired"),
        ("early", "not yet valid"),
        ("elsewhere", "IP address mismatch"),
        ("self-signed", "self-signed certificate"),
        ("unknown-authority", "unable to get local issuer certificate"),
    ],
)
async def test_a_shop_with_a_bad_certificate_sees_neither_token_nor_payment(
    certificate: str, why: str
) -> None:
    """Expired, another's name, signed by itself or by a stranger in between: told, refused."""
    async with a_shop_with(proof(certificate), ca_file=AUTHORITY) as (stage, till):
        told = await why_not(till.open_bills(HALL, "table7"))
        also = await why_not(till.post(notice()))

    assert "its certificate can not be trusted" in told
    assert why in told
    assert why in also
    assert stage.seen == []


async def test_a_shop_that_was_good_once_must_prove_itself_on_each_connection() -> None:
    """Somebody steps in between while the worker runs: nothing leaves any more."""
    shown = proof("good")
    async with a_shop_with(shown, ca_file=AUTHORITY) as (stage, till):
        stage.plays(says(200, {"bills": []}, content_type="application/json", connection="close"))
        await till.open_bills(HALL, "table7")
        shown.load_cert_chain(CERTIFICATES / "unknown-authority.pem")
        assert "can not be trusted" in await why_not(till.open_bills(HALL, "table7"))

    assert len(stage.seen) == 1


async def test_a_shop_can_know_the_worker_by_its_certificate() -> None:
    """Mutual TLS for real: the shop lets nobody in who can not show one of its own authority."""
    keys = {"client_cert": CERTIFICATES / "worker.pem", "client_key": CERTIFICATES / "worker.key"}
    shown = proof("good", wants_ours=True)
    async with a_shop_with(shown, ca_file=AUTHORITY, token=None, **keys) as (stage, till):
        assert list(await till.open_bills(HALL, "table7")) == []
        assert len(stage.seen) == 1


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"client_cert": CERTIFICATES / "stranger.pem", "client_key": CERTIFICATES / "stranger.key"},
    ],
    ids=["none", "a stranger's"],
)
async def test_without_the_right_certificate_a_shop_lets_nobody_in(keys: dict[str, Path]) -> None:
    """The operator reads that it is about who we are."""
    shown = proof("good", wants_ours=True)
    async with a_shop_with(shown, ca_file=AUTHORITY, **keys) as (stage, till):
        told = await why_not(till.open_bills(HALL, "table7"))

    assert "till.client_cert" in told
    assert stage.seen == []


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"ca_file": CERTIFICATES / "none.pem"}, "till.ca_file .*none.pem.*No such file"),
        ({"ca_file": CERTIFICATES / "worker.key"}, "till.ca_file .*worker.key can not be used"),
        ({"client_cert": "none.pem", "client_key": "worker.key"}, "none.pem.*No such file"),
        ({"client_cert": "worker.pem", "client_key": "none.key"}, "none.key.*No such file"),
        ({"client_cert": "worker.pem", "client_key": "stranger.key"}, "key values mismatch"),
        ({"client_cert": "worker.pem", "client_key": "worker.pem"}, "can not be used together"),
        ({"client_cert": "worker.pem", "client_key": "locked.key"}, "locked with a pass phrase"),
    ],
)
def test_a_file_that_can_not_be_used_stops_the_start(files: dict[str, str], why: str) -> None:
    """It is named, and nobody is asked for a pass phrase."""
    named = {name: CERTIFICATES / file for name, file in files.items()}

    with pytest.raises(TillError, match=why):
        till_to("https://till.example", **named)


def test_certificates_and_names_are_always_checked() -> None:
    """No setting turns that off, and nothing older than TLS 1.2 is spoken."""
    till = till_to("https://till.example", ca_file=AUTHORITY)
    tls = till._line._tls

    assert tls is not None
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.check_hostname
    assert tls.minimum_version >= ssl.TLSVersion.TLSv1_2
