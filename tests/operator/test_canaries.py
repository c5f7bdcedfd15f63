"""Secrets made to be recognised, and looked for wherever the worker speaks, its crash included."""

import base64
import json
import logging
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
import structlog

from tests.operator.processes import Daemon, cli, until
from tests.operator.theatre import Stage, stage
from tests.settings.support import BASE, read
from worker import bootstrap
from worker.adapters import logs
from worker.settings import Settings
from worker.settings.model import SECRETS

pytestmark = pytest.mark.timeout(120)

MAC_KEY: Final = "canary-mac-key-Qm7Zr4Tn9x"
LISTENER_TOKEN: Final = "canary-listener-token-Lw3Vb8Kd2p"
TILL_TOKEN: Final = "canary-till-token-Hs6Yc1Jf5g"
SIGNING_SECRET: Final = "whsec_" + base64.b64encode(b"canary-signing-secret-Xe0Ua").decode()
PASSWORD: Final = "canary-pass/word%2B'\"\\-Ni4Ro7Gt"
CANARIES: Final = {
    "wallet.mac_key": MAC_KEY,
    "till.token": TILL_TOKEN,
    "till.signing_secret": SIGNING_SECRET,
    "till.password": PASSWORD,
    "listener.token": LISTENER_TOKEN,
}
HTTP: Final = f"""kind = "http"
url = "http://127.0.0.1:9/till"
token = "{TILL_TOKEN}"
signing_secret = "{SIGNING_SECRET}\""""
SQL: Final = f"""kind = "sql"
url = "postgresql://canary@127.0.0.1:9/shop"
password = {json.dumps(PASSWORD)}
open_bills_sql = "SELECT bill_id, amount_minor, currency FROM bills WHERE spot = :spot"
mark_paid_sql = "UPDATE bills SET paid = 1 WHERE bill_id = :bill_id\""""
LISTENER: Final = f"""
[listener]
enabled = true
port = 0
token = "{LISTENER_TOKEN}"
"""


def found_in(text: str) -> list[str]:
    """Name the canaries that can be seen, whole or for the most part, however written."""
    return [
        name
        for name, canary in CANARIES.items()
        for form in (canary, quote(canary), json.dumps(canary)[1:-1], repr(canary)[1:-1])
        if form in text or form[: max(16, len(form) * 2 // 3)] in text
    ]


def ask(port: int, path: str) -> str:
    """Ask the door as somebody who has the token."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    request.add_header("Authorization", f"Bearer {LISTENER_TOKEN}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def shown_at_the_door(daemon: Daemon) -> str:
    """Give everything that the page, the probes and the figures say."""
    port = int(daemon.await_line("listener.ready")["port"])
    until("the till is in trouble", lambda: json.loads(ask(port, "/healthz"))["troubles"])
    return "".join(ask(port, path) for path in ("/", "/floor.json", "/healthz", "/metrics"))


def kept(play: Stage) -> str:
    """Give every byte of the journal and its log as text."""
    files = play.folder.glob("journal.db*")
    return "".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.mark.parametrize("till", [HTTP, SQL], ids=["http", "sql"])
def test_no_secret_leaves_a_worker_whose_till_and_wallet_refuse_it(
    tmp_path: Path, till: str
) -> None:
    """
    A till that can not be reached and a key that is refused: nothing of a secret is in a line, in
    the journal, at the door, or in what the verbs print.
    """
    with stage(tmp_path) as play:
        good = play.config("good", till=till)
        good.write_text(good.read_text() + LISTENER)
        play.scan()
        daemon = play.start(good)
        daemon.await_line("bill.awaited")
        shown = shown_at_the_door(daemon)
        assert daemon.stop() == 0
        bad = play.config("bad", till=till, mac_key=MAC_KEY)
        bad.write_text(bad.read_text() + LISTENER)
        refused = play.start(bad)
        refused.await_line("wallet.credentials_refused")
        shown += shown_at_the_door(refused)
        refused.stop()
        verbs = [["status"], ["visits"], ["show", "1"], ["check-config", "--print"]]
        printed = [cli(*verb, "--config", bad) for verb in verbs]

        said = daemon.said() + refused.said() + "".join(out + err for _, out, err in printed)
        assert found_in(shown) == []
        assert found_in(said) == []
        assert found_in(kept(play)) == []
        assert "till" in said


@pytest.fixture
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def settings_with_canaries(folder: Path, till: str) -> Settings:
    """Read settings that hold each secret that such a till has."""
    toml = BASE.replace('[till.prices]\n"*" = 1250', f"[till]\n{till}") + LISTENER
    return read(folder, toml, {"PAYSERA_WORKER_WALLET__MAC_KEY": MAC_KEY})


@pytest.mark.usefixtures("_log_as_before")
@pytest.mark.parametrize("fmt", ["json", "pretty"])
@pytest.mark.parametrize("till", [HTTP, SQL], ids=["http", "sql"])
def test_a_crash_shows_no_secret_whatever_its_exception_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    till: str, fmt: str,
) -> None:  # fmt: skip
    """In its text, in its cause, where a long text is cut, or in a local variable."""
    settings = settings_with_canaries(tmp_path, f"{till}\n[log]\nformat = '{fmt}'")

    async def crash(settings: Settings) -> None:
        secrets = list(settings.secrets())
        logging.getLogger("some.library").error("could not use %s", secrets)
        structlog.get_logger().error("visit.crashed", error=f"{'x' * 490}{secrets[0]}")
        try:
            dict[str, str]()[secrets[-1]]
        except KeyError as error:
            every = " ".join([*secrets, *map(quote, secrets), repr(secrets), json.dumps(secrets)])
            raise RuntimeError(f"{every}{'y' * 3950}{every}") from error

    monkeypatch.setattr(bootstrap, "serve", crash)
    assert bootstrap.run(settings) == bootstrap.EXIT_BUG
    out, err = capfd.readouterr()

    assert "worker.crashed" in out
    assert logs.MASK in out
    assert found_in(out + err) == []


def test_every_secret_there_is_has_a_canary(tmp_path: Path) -> None:
    """A secret that is added to the settings has to be added here, and reaches the veil."""
    assert set(SECRETS) == set(CANARIES)
    known = {
        secret
        for number, till in enumerate((HTTP, SQL))
        for secret in settings_with_canaries(sub(tmp_path, number), till).secrets()
    }
    assert known == set(CANARIES.values())


def sub(folder: Path, number: int) -> Path:
    """Make a folder of its own."""
    made = folder / str(number)
    made.mkdir()
    return made
