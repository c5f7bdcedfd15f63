"""A server that can not prove who it is never sees a request."""

import re
import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.adapters.wallet.conftest import MakeClient
from tests.adapters.wallet.stage import Stage, says
from tests.faults.conftest import OpenStage
from worker.adapters.wallet import WalletClient
from worker.domain.ids import SpotId, TransactionKey
from worker.domain.outcome import Done, Unsent

CERTIFICATES = Path(__file__).parents[1] / "certificates"
SPOT = SpotId("15")
KEY = TransactionKey("aaBBccDD11223344eeFF")


@pytest.fixture(autouse=True)
def _trusted_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For a moment the machine trusts the tests' authority, and no other."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


def proof(certificate: str) -> ssl.SSLContext:
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
    return shown


def a_client_of(stage: Stage, make_client: MakeClient) -> WalletClient:
    return make_client(stage.url.replace("http:", "https:"), timeout_s=5.0)


async def test_a_server_that_proves_its_name_is_served(
    open_stage: OpenStage, make_client: MakeClient
) -> None:
    """Without this the refusals below would prove nothing (F8)."""
    stage = await open_stage(proof("good"))

    assert await a_client_of(stage, make_client).close_spot(SPOT) == Done(None)
    assert stage.targets() == ["DELETE /spot/15"]


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        ("expired", "certificate has expired"),
        ("early", "not yet valid"),
        ("elsewhere", "IP address mismatch"),
        ("self-signed", "self.signed certificate"),
        ("unknown-authority", "unable to get local issuer certificate"),
    ],
)
async def test_a_server_with_a_bad_certificate_never_sees_a_request_or_a_signature(
    open_stage: OpenStage, make_client: MakeClient, certificate: str, why: str
) -> None:
    """Expired, another's name, signed by itself or by a stranger in between: told, refused (F8)."""
    stage = await open_stage(proof(certificate))
    client = a_client_of(stage, make_client)

    with capture_logs() as logs:
        read = await client.look_at_transaction(KEY)
        written = await client.revoke_transaction(KEY)

    assert isinstance(read, Unsent)
    assert isinstance(written, Unsent)
    assert stage.seen == []
    assert re.search(why, str(written))
    (told,) = [line for line in logs if line["event"] == "wallet.unreachable"]
    assert (told["log_level"], told["call"]) == ("warning", "transaction")


async def test_a_server_that_was_good_once_must_prove_itself_on_each_connection(
    open_stage: OpenStage, make_client: MakeClient
) -> None:
    """Somebody steps in between while the worker runs: nothing leaves any more (F8)."""
    shown = proof("good")
    stage = await open_stage(shown)
    client = a_client_of(stage, make_client)
    stage.plays(says(200, {}, connection="close"))
    assert await client.close_spot(SPOT) == Done(None)

    shown.load_cert_chain(CERTIFICATES / "unknown-authority.pem")
    assert isinstance(await client.close_spot(SPOT), Unsent)
    assert len(stage.seen) == 1
