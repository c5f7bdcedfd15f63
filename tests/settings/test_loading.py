"""Settings are read from three places and judged as a whole; one report tells every mistake."""

from pathlib import Path

import pytest

from tests.settings.support import BASE, KEY, SECRET, put_secret, read, refused
from worker.settings import FixedTill, SettingsError, describe, load
from worker.settings.layers import variable_of
from worker.settings.model import LEAVES


def test_what_is_not_given_has_the_documented_default(tmp_path: Path) -> None:
    """Every default is the one that the documentation names."""
    settings = read(tmp_path)

    assert settings.wallet.base_url == "https://wallet.paysera.com/rest/v1"
    assert settings.wallet.timeout_s == 10.0
    assert (settings.polling.spots_interval_s, settings.polling.reservations_interval_s) == (3, 3)
    assert settings.visit.bill_wait_s == 60.0
    assert settings.visit.offer_ttl_s == 600.0
    assert settings.visit.reserve_for_s == 900
    assert settings.journal.path == Path("/var/lib/paysera-worker/journal.db")
    assert isinstance(settings.till, FixedTill)
    assert (settings.till.currency, settings.till.description) == ("EUR", "Table {spot}")
    assert (settings.log.level, settings.log.format) == ("info", "auto")
    assert settings.wallet.mac_key.get_secret_value() == SECRET


def test_the_example_file_is_valid_and_holds_the_defaults(tmp_path: Path) -> None:
    """Who copies the example and gives the key has settings that work, and loses no default."""
    example = Path(__file__).parents[2] / "config" / "worker.example.toml"

    settings = load(example, KEY, secrets_dir=tmp_path / "none")

    ours = read(tmp_path)
    assert settings.polling == ours.polling
    assert settings.visit == ours.visit
    assert settings.journal == ours.journal
    assert settings.listener == ours.listener
    assert settings.log == ours.log
    assert settings.wallet.base_url == ours.wallet.base_url


def test_the_example_of_variables_names_only_variables_that_exist(tmp_path: Path) -> None:
    """Every line of the example, switched on, is understood."""
    example = Path(__file__).parents[2] / "config" / "worker.env.example"
    lines = [line.removeprefix("#") for line in example.read_text().splitlines()]
    pairs = dict(line.split("=", 1) for line in lines if line.startswith("PAYSERA_WORKER_"))
    pairs.pop("PAYSERA_WORKER_CONFIG")
    assert set(pairs) == set(map(variable_of, LEAVES))
    of_one_till = {variable_of(f"till.{name}") for name in FixedTill.model_fields}
    for name in [name for name in pairs if "_TILL__" in name and name not in of_one_till]:
        pairs.pop(name)  # Of the other kinds of till.

    settings = load(None, pairs, secrets_dir=tmp_path, default_config=tmp_path / "none")

    assert settings.locations[0].id == 9975
    assert len(pairs) >= 14


def test_the_environment_wins_over_the_file_and_a_secret_file_over_both(tmp_path: Path) -> None:
    """The layers, weakest first: file, environment, /run/secrets, systemd's credentials."""
    toml = BASE.replace("[wallet]", '[wallet]\nmac_key = "from-file"\ntimeout_s = 2')
    credentials = tmp_path / "credentials"
    put_secret(credentials, "wallet.mac_key", b"from-systemd\n")
    put_secret(tmp_path / "secrets", "wallet.mac_key", b"from-docker")
    put_secret(tmp_path / "secrets", "wallet.client_id", b"other-client\n")
    environ = {
        "PAYSERA_WORKER_WALLET__MAC_KEY": "from-environment",
        "PAYSERA_WORKER_WALLET__TIMEOUT_S": "7.5",
        "CREDENTIALS_DIRECTORY": str(credentials),
    }

    settings = read(tmp_path, toml, environ)

    assert settings.wallet.mac_key.get_secret_value() == "from-systemd"
    assert settings.wallet.client_id == "other-client"
    assert settings.wallet.timeout_s == 7.5
    assert any("given 4 times" in warning for warning in settings.warnings)


def test_lists_and_prices_are_json_in_the_environment(tmp_path: Path) -> None:
    """What has no simple text form is written as JSON, and replaces the file's value whole."""
    environ = KEY | {
        "PAYSERA_WORKER_LOCATIONS": '[{"id": 1}, {"id": 2, "name": "Terrace"}]',
        "PAYSERA_WORKER_TILL__PRICES": '{"table1": 500}',
    }

    settings = read(tmp_path, BASE, environ)

    assert [location.id for location in settings.locations] == [1, 2]
    assert isinstance(settings.till, FixedTill)
    assert settings.till.prices == {"table1": 500}


@pytest.mark.parametrize("name", ["config", "variable", "default"])
def test_the_file_is_found_by_name_by_variable_or_by_default(tmp_path: Path, name: str) -> None:
    """A file named on the command line wins over the variable, and that over the usual place."""
    file = tmp_path / "worker.toml"
    file.write_text(BASE)
    file.chmod(0o600)
    other = tmp_path / "missing.toml"
    environ = KEY | ({"PAYSERA_WORKER_CONFIG": str(file)} if name == "variable" else {})

    settings = load(
        file if name == "config" else None,
        environ,
        secrets_dir=tmp_path / "none",
        default_config=file if name == "default" else other,
    )

    assert settings.locations[0].id == 9975


@pytest.mark.parametrize("is_variable", [True, False])
def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path, is_variable: bool) -> None:
    """Only the usual place may be empty. And what may stand in the file is not called missing."""
    missing = tmp_path / "missing.toml"
    environ = {"PAYSERA_WORKER_CONFIG": str(missing)} if is_variable else {}

    with pytest.raises(SettingsError) as caught:
        load(None if is_variable else missing, environ, secrets_dir=tmp_path / "none")

    assert [problem.key for problem in caught.value.problems] == ["--config"]
    assert str(missing) in str(caught.value)


def test_invalid_toml_is_told_with_its_line_and_without_its_text(tmp_path: Path) -> None:
    """The broken line may well be the one with the key."""
    report = refused(tmp_path, f'[wallet]\nclient_id = "a"\nmac_key = "{SECRET}\n', {})

    assert "worker.toml line 3" in report
    assert "not valid TOML" in report


def test_every_mistake_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    """One start, one report: key, origin, what is wrong and what to do."""
    toml = BASE.replace('client_id = "our-client"', 'timeout = 5\nbase_url = "ftp://x"')
    toml += "[polling]\nspots_interval_s = 2\nreservations_interval_s = true\n[walet]\nx = 1\n"
    environ = {
        "PAYSERA_WORKER_VISIT__RESERVE_FOR_S": "15 minutes",
        "PAYSERA_WORKER_POLLING__SPOT_INTERVAL_S": "3",
    }

    lines = refused(tmp_path, toml, environ).splitlines()

    told = {line.split(" (")[0].strip(): line for line in lines[1:]}
    assert set(told) == {
        "wallet.timeout",
        "wallet.base_url",
        "wallet.client_id",
        "wallet.mac_key",
        "polling.spots_interval_s",
        "polling.reservations_interval_s",
        "polling.spot_interval_s",
        "visit.reserve_for_s",
        "walet",
    }
    assert "did you mean timeout_s?" in told["wallet.timeout"]
    assert "did you mean wallet?" in told["walet"]
    assert "PAYSERA_WORKER_POLLING__SPOTS_INTERVAL_S" in told["polling.spot_interval_s"]
    assert "from 3.0 to 5.0, not 2" in told["polling.spots_interval_s"]
    assert "worker.toml line" in told["polling.spots_interval_s"]
    assert "not given anywhere" in told["wallet.mac_key"]
    assert "environment variable PAYSERA_WORKER_VISIT" in told["visit.reserve_for_s"]


def test_names_in_lower_case_are_not_quietly_ignored(tmp_path: Path) -> None:
    """A variable that nobody reads is a mistake that nobody sees."""
    report = refused(tmp_path, BASE, KEY | {"PAYSERA_WORKER_visit__offer_ttl_s": "5"})

    assert "did you mean PAYSERA_WORKER_VISIT__OFFER_TTL_S?" in report


def test_an_empty_variable_is_an_error_and_its_cause_is_told_once(tmp_path: Path) -> None:
    """Compose files turn a missing value into an empty one."""
    report = refused(tmp_path, BASE, {"PAYSERA_WORKER_WALLET__MAC_KEY": ""})

    assert report.count("wallet.mac_key") == 1
    assert "it is empty" in report


def test_the_effective_settings_are_shown_with_their_origin_and_no_secret(tmp_path: Path) -> None:
    """What `check-config --print` shows can be pasted into a ticket."""
    put_secret(tmp_path / "secrets", "wallet.mac_key", SECRET.encode())
    environ = {"PAYSERA_WORKER_VISIT__BILL_WAIT_S": "30"}

    settings = read(tmp_path, BASE, environ)
    text = "\n".join(describe(settings))

    assert SECRET not in text + repr(settings) + str(settings) + repr(settings.wallet)
    assert 'mac_key = "********"' in text
    lines = {line.split(" = ")[0]: line.split("# ")[-1] for line in text.splitlines()}
    assert lines["mac_key"] == f"secret file {tmp_path}/secrets/wallet.mac_key"
    assert lines["bill_wait_s"] == "environment variable PAYSERA_WORKER_VISIT__BILL_WAIT_S"
    assert lines["client_id"] == f"{tmp_path}/worker.toml line 3"
    assert lines['"*"'] == f"{tmp_path}/worker.toml line 8"
    assert lines["offer_ttl_s"] == "default"


def test_what_is_shown_means_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    """The lines are a valid file, but for the masked key."""
    settings = read(tmp_path)

    again = read(tmp_path, "\n".join(describe(settings)))

    assert again.model_dump() == settings.model_dump()


def test_the_published_sample_is_warned_of_outside_this_machine(tmp_path: Path) -> None:
    """The sample credentials open nothing but a sandbox (F60)."""
    toml = BASE.replace("our-client", "wkVd93h2uS")
    here = KEY | {"PAYSERA_WORKER_WALLET__BASE_URL": "http://127.0.0.1:8800/rest/v1"}
    there = KEY | {"PAYSERA_WORKER_WALLET__BASE_URL": "https://wallet.example/rest/v1"}

    assert any("sample" in warning for warning in read(tmp_path, toml, there).warnings)
    assert not read(tmp_path, toml, here).warnings


@pytest.mark.parametrize(
    "base_url",
    [
        "https://wallet.paysera.com/rest/v1",
        "https://pos.paysera.com/epapi/v1",
        "https://WALLET.PAYSERA.COM",
        "https://paysera.com",
    ],
)
def test_the_published_sample_is_refused_at_the_real_wallet(tmp_path: Path, base_url: str) -> None:
    """A worker set up for the sandbox never begins to knock at Paysera's own hosts (F60)."""
    toml = BASE.replace("our-client", "wkVd93h2uS")
    environ = KEY | {"PAYSERA_WORKER_WALLET__BASE_URL": base_url}

    report = refused(tmp_path, toml, environ)

    assert "wallet.client_id" in report
    assert "the real wallet" in report
    file = tmp_path / "worker.toml"
    with pytest.raises(SettingsError, match="the real wallet"):
        load(file, environ, secrets_dir=tmp_path / "none", is_key_needed=False)


def test_a_host_that_only_looks_like_payseras_is_another(tmp_path: Path) -> None:
    """Only the name's end counts, label by label."""
    toml = BASE.replace("our-client", "wkVd93h2uS")
    for host in ("notpaysera.com", "paysera.com.example", "wallet.example"):
        read(tmp_path, toml, KEY | {"PAYSERA_WORKER_WALLET__BASE_URL": f"https://{host}/rest/v1"})
