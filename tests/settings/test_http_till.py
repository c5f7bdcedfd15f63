"""The settings of a shop's endpoint: who it is, who we are, and two secrets that nobody sees."""

import base64
from pathlib import Path

import pytest

from tests.settings.support import BASE, KEY, put_secret, read, refused
from worker.settings import HttpTill, SettingsError, describe, load

TOKEN = "tok-0123456789-never-shown"
SIGNING = "whsec_" + base64.b64encode(b"never shown, 32 bytes of secret!").decode()
BARE = BASE.split("[till.prices]", maxsplit=1)[0]
TILL = '[till]\nkind = "http"\nurl = "https://till.example/paysera/"\n'
SECRET_VARIABLES = KEY | {
    "PAYSERA_WORKER_TILL__TOKEN": TOKEN,
    "PAYSERA_WORKER_TILL__SIGNING_SECRET": SIGNING,
}


def http_till(tmp_path: Path, toml: str, environ: dict[str, str] | None = None) -> HttpTill:
    till = read(tmp_path, BARE + toml, environ or SECRET_VARIABLES).till
    assert isinstance(till, HttpTill)
    return till


def refused_quietly(tmp_path: Path, toml: str, environ: dict[str, str] | None = None) -> str:
    report = refused(tmp_path, BARE + toml, SECRET_VARIABLES if environ is None else environ)
    assert TOKEN not in report
    assert SIGNING not in report
    assert SIGNING.removeprefix("whsec_") not in report
    return report


def test_the_least_that_a_shop_with_an_endpoint_needs(tmp_path: Path) -> None:
    """An address, what we are known by, and what our notices are known by."""
    till = http_till(tmp_path, TILL)

    assert till.url == "https://till.example/paysera"
    assert till.token is not None
    assert till.token.get_secret_value() == TOKEN
    assert till.signing_secret.get_secret_value() == SIGNING
    assert (till.lock, till.ca_file, till.client_cert, till.client_key) == (False, None, None, None)


def test_both_secrets_may_come_from_secret_files_and_are_shown_masked(tmp_path: Path) -> None:
    """As the wallet's key does; `check-config --print` shows where they came from, and no more."""
    put_secret(tmp_path / "secrets", "till.token", f"{TOKEN}\n".encode())
    put_secret(tmp_path / "secrets", "till.signing_secret", SIGNING.encode())

    settings = read(tmp_path, BARE + TILL, KEY)

    assert isinstance(settings.till, HttpTill)
    assert settings.till.signing_secret.get_secret_value() == SIGNING
    shown = "\n".join(describe(settings))
    for text in (shown, repr(settings), str(settings)):
        assert TOKEN not in text
        assert SIGNING not in text
    assert 'token = "********"' in shown
    assert f"secret file {tmp_path / 'secrets' / 'till.token'}" in shown
    assert "lock = false" in shown
    assert "# ca_file is not set" in shown
    assert "None" not in shown


@pytest.mark.parametrize("name", ["token", "signing_secret"])
def test_a_file_that_holds_a_secret_of_the_till_is_its_owners_alone(
    tmp_path: Path, name: str
) -> None:
    """The same law as for the wallet's key, wherever the secret stands."""
    file = tmp_path / "holds-it.toml"
    value = {"token": TOKEN, "signing_secret": SIGNING}[name]
    file.write_text(BARE + TILL + f'{name} = "{value}"\n')
    others = {key: value for key, value in SECRET_VARIABLES.items() if name.upper() not in key}
    file.chmod(0o644)

    with pytest.raises(SettingsError, match=rf"till\.{name}.*chmod 0400") as caught:
        load(file, others, secrets_dir=tmp_path / "none")
    assert TOKEN not in str(caught.value)
    assert SIGNING not in str(caught.value)

    file.chmod(0o600)
    warnings = load(file, others, secrets_dir=tmp_path / "none").warnings
    assert any(
        warning.startswith(f"till.{name} stands in the settings file") for warning in warnings
    )
    put_secret(tmp_path / "secrets", f"till.{name}", b"x" * 20, 0o644)
    assert f"till.{name} (secret file" in refused_quietly(tmp_path, TILL)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "it is empty"),
        (SIGNING.removeprefix("whsec_"), "does not begin with whsec_"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "it holds 23 bytes, not 24 to 64"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "it holds 65 bytes, not 24 to 64"),
        (SIGNING[:-1], "is not base64"),
        (SIGNING + "\n", "is not base64"),
        (SIGNING.replace("whsec_", "whsec_ "), "is not base64"),
        ("whsec_" + "ä" * 32, "is not base64"),
    ],
)
def test_a_signing_secret_is_one_of_standard_webhooks(
    tmp_path: Path, secret: str, why: str
) -> None:
    """Short or mistyped, it is found before it signs anything, and how to make one is told."""
    environ = SECRET_VARIABLES | {"PAYSERA_WORKER_TILL__SIGNING_SECRET": secret}

    report = refused_quietly(tmp_path, TILL, environ)

    assert why in report
    assert report.count("till.signing_secret") == 1
    assert "openssl rand" in report or not secret


def test_a_signing_secret_is_required(tmp_path: Path) -> None:
    """A shop that can not tell our notices from anybody's would book what anybody says."""
    environ = KEY | {"PAYSERA_WORKER_TILL__TOKEN": TOKEN}

    report = refused_quietly(tmp_path, TILL, environ)

    assert "till.signing_secret" in report
    assert "secret file named till.signing_secret" in report


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("short", "fewer than 16"),
        (TOKEN + "\n", "a line end, maybe?"),
        (f"Bearer {TOKEN}", "letters, digits"),
        ("ä" * 20, "letters, digits"),
    ],
)
def test_a_token_is_one_that_a_header_can_carry(tmp_path: Path, token: str, why: str) -> None:
    """What could not travel, or could be guessed, is an error that does not repeat it."""
    report = refused_quietly(
        tmp_path, TILL, SECRET_VARIABLES | {"PAYSERA_WORKER_TILL__TOKEN": token}
    )

    assert "till.token" in report
    assert why in report


@pytest.mark.parametrize("value", ["7730091277", "true", f'["{TOKEN}"]', f'{{x = "{TOKEN}"}}'])
def test_a_secret_of_the_wrong_type_is_never_shown(tmp_path: Path, value: str) -> None:
    """Whatever is wrong with it, the report says so without it."""
    for name in ("token", "signing_secret"):
        report = refused_quietly(tmp_path, f"{TILL}{name} = {value}\n", KEY)

        assert f"till.{name}" in report
        assert "7730091277" not in report


def test_a_secret_in_a_wrong_place_is_never_shown(tmp_path: Path) -> None:
    """Below another table, or under a name that is almost right."""
    toml = f'[log]\ntoken = "{TOKEN}"\n{TILL}tokens = "{TOKEN}"\nsigning_secret = 5\n'

    report = refused_quietly(tmp_path, toml, KEY)

    assert "did you mean token?" in report


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        (TILL.replace("https", "http"), "must begin with https://"),
        (TILL + "lock = 1\n", "it must be true or false"),
        (TILL + 'client_cert = "/a.pem"\n', "belong together"),
        (TILL + 'client_key = "/a.key"\n', "belong together"),
        (TILL + 'path = "/b"\n', 'it belongs to kind = "folder"'),
        ('[till]\nkind = "http"\n', "till.url"),
        (
            '[till]\nkind = "http"\nurl = "http://127.0.0.1:8900"\nca_file = "/a.pem"\n',
            "mean nothing to an http:// address",
        ),
    ],
)
def test_what_would_leave_either_side_in_doubt_is_refused(
    tmp_path: Path, toml: str, why: str
) -> None:
    """Each mistake is told with what to do about it."""
    assert why in refused_quietly(tmp_path, toml)


def test_a_shop_elsewhere_must_be_able_to_know_the_worker(tmp_path: Path) -> None:
    """A token, a certificate or both; on this very machine it may be neither."""
    nameless = KEY | {"PAYSERA_WORKER_TILL__SIGNING_SECRET": SIGNING}

    assert "no way to know the worker" in refused_quietly(tmp_path, TILL, nameless)
    here = TILL.replace("https://till.example/paysera/", "http://127.0.0.1:8900")
    assert http_till(tmp_path, here, nameless).token is None
    certified = TILL + 'client_cert = "/a.pem"\nclient_key = "/a.key"\n'
    assert http_till(tmp_path, certified, nameless).client_cert == Path("/a.pem")


@pytest.mark.parametrize(("text", "is_on"), [("true", True), ("false", False)])
def test_a_truth_can_come_from_the_environment(tmp_path: Path, text: str, is_on: bool) -> None:
    """Written as in the file."""
    environ = SECRET_VARIABLES | {"PAYSERA_WORKER_TILL__LOCK": text}

    assert http_till(tmp_path, TILL, environ).lock is is_on


@pytest.mark.parametrize("text", ["1", "yes", "True", "0"])
def test_a_truth_is_not_guessed(tmp_path: Path, text: str) -> None:
    """What is not true or false is an error."""
    environ = SECRET_VARIABLES | {"PAYSERA_WORKER_TILL__LOCK": text}

    assert "till.lock" in refused_quietly(tmp_path, TILL, environ)


def test_a_private_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key file is a secret too, although the settings only name it."""
    key = tmp_path / "worker.key"
    key.write_text("not looked at here")
    toml = TILL + f'client_cert = "/a.pem"\nclient_key = "{key}"\n'
    key.chmod(0o640)

    report = refused_quietly(tmp_path, toml)
    assert "till.client_key" in report
    assert "readable by its group" in report
    key.chmod(0o600)
    assert http_till(tmp_path, toml).client_key == key


def test_the_example_of_an_endpoint_is_valid(tmp_path: Path) -> None:
    """Switched on, what the example file says about this till is understood."""
    example = (Path(__file__).parents[2] / "config" / "worker.example.toml").read_text()
    block = example.partition('# kind = "http"')[2].partition("\n\n")[0]
    entries = [line.removeprefix("# ") for line in block.splitlines() if " = " in line]
    paths = "/etc/paysera-worker/"
    assert len(entries) == 7
    toml = "\n".join(["[till]", 'kind = "http"', *(e.lstrip("# ") for e in entries), ""])
    toml = toml.replace('"..."', f'"{TOKEN}"').replace('"whsec_..."', f'"{SIGNING}"')

    till = http_till(tmp_path, toml, KEY)

    assert till.client_key == Path(f"{paths}worker.key")
