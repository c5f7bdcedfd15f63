"""The door is shut until somebody opens it, on loopback alone, and its token is a secret."""

from pathlib import Path

import pytest

from tests.settings.support import BASE, KEY, put_secret, read, refused
from worker.settings import SettingsError, describe, load

TOKEN = "8d41c7a90be2f3356f0d"


def opened(lines: str) -> str:
    return f"{BASE}[listener]\nenabled = true\n{lines}\n"


def test_nothing_listens_by_default(tmp_path: Path) -> None:
    listener = read(tmp_path).listener

    assert (listener.enabled, listener.host, listener.port) == (False, "127.0.0.1", 8801)
    assert listener.token is None


def test_the_door_is_opened_in_the_file_or_by_variables(tmp_path: Path) -> None:
    """With true and false as words, as everywhere in TOML."""
    assert read(tmp_path, opened('host = "::1"\nport = 0')).listener.enabled
    environ = KEY | {
        "PAYSERA_WORKER_LISTENER__ENABLED": "true",
        "PAYSERA_WORKER_LISTENER__PORT": "9000",
    }
    listener = read(tmp_path, BASE, environ).listener
    assert (listener.enabled, listener.port) == (True, 9000)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "localhost", "127.0.0.2", "192.168.1.5", "", "*"]
)
def test_another_machine_is_never_served(tmp_path: Path, host: str) -> None:
    """Names and encryption are a reverse proxy's work; the report says so."""
    report = refused(tmp_path, opened(f'host = "{host}"'))

    assert "listener.host" in report
    assert "put a reverse proxy with TLS in front" in report


@pytest.mark.parametrize("port", ["-1", "65536", "80.0", '"8801"', "true"])
def test_a_port_is_a_port(tmp_path: Path, port: str) -> None:
    assert "a whole number from 0 to 65535" in refused(tmp_path, opened(f"port = {port}"))


@pytest.mark.parametrize("value", ["yes", "1", "True", "on"])
def test_a_switch_is_true_or_false(tmp_path: Path, value: str) -> None:
    """Whoever writes something else is told, and not guessed at."""
    environ = KEY | {"PAYSERA_WORKER_LISTENER__ENABLED": value}
    report = refused(tmp_path, BASE, environ)

    assert "listener.enabled" in report
    assert "it must be true or false" in report
    assert "the default is false" in report


@pytest.mark.parametrize(
    "token",
    ["short", "fifteen-letters", "x" * 201, "with a space in it!", "caf\u00e9" * 5],
)  # fmt: skip
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused_unseen(
    tmp_path: Path, token: str
) -> None:
    report = refused(tmp_path, opened(f'token = "{token}"'))

    assert "listener.token" in report
    assert token not in report


@pytest.mark.parametrize("value", ["7730091277", "true", '["8d41c7a90be2f3356f0d"]'])
def test_a_token_of_the_wrong_type_is_not_shown(tmp_path: Path, value: str) -> None:
    report = refused(tmp_path, opened(f"token = {value}"))

    assert "listener.token" in report
    assert "7730091277" not in report
    assert TOKEN not in report


def test_a_token_comes_from_a_secret_file_and_is_masked(tmp_path: Path) -> None:
    put_secret(tmp_path / "secrets", "listener.token", TOKEN.encode() + b"\n")
    settings = read(tmp_path)
    text = "\n".join(describe(settings))

    assert settings.listener.token is not None
    assert settings.listener.token.get_secret_value() == TOKEN
    assert TOKEN not in text + repr(settings)
    assert 'token = "********"' in text
    assert "enabled = false" in text


def test_a_file_that_holds_the_token_must_be_private(tmp_path: Path) -> None:
    """As one that holds the key."""
    file = tmp_path / "worker.toml"
    file.write_text(opened(f'token = "{TOKEN}"'))
    file.chmod(0o644)
    with pytest.raises(SettingsError, match=r"listener.token .*readable by everybody") as caught:
        load(file, KEY, secrets_dir=tmp_path / "secrets")
    assert TOKEN not in str(caught.value)
