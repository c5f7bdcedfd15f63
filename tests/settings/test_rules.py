"""Ranges and rules: what is taken, and what is refused with a reason."""

import json
import math
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settings.support import BASE, KEY, either, put_secret, read, refused
from worker.settings import (
    CommandTill,
    FixedTill,
    FolderTill,
    SettingsError,
    describe,
    load,
)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://Wallet.Paysera.com/rest/v1/", "https://wallet.paysera.com/rest/v1"),
        ("https://pos.paysera.com/epapi/v1", "https://pos.paysera.com/epapi/v1"),
        ("http://127.0.0.1:8800/rest/v1", "http://127.0.0.1:8800/rest/v1"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("HTTP://LOCALHOST:8800/", "http://localhost:8800"),
        ("http://[::1]:8800/x", "http://[::1]:8800/x"),
    ],
)
def test_an_address_is_kept_in_one_form(tmp_path: Path, url: str, kept: str) -> None:
    """Host in lower case, no slash at the end; http only for this machine."""
    environ = KEY | {"PAYSERA_WORKER_WALLET__BASE_URL": url}

    assert read(tmp_path, BASE, environ).wallet.base_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://wallet.paysera.com/rest/v1",
        "http://127.1/",
        "http://2130706433/",
        "http://0.0.0.0:8800",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost@evil.example/",
        "https://user:pw@wallet.paysera.com/",
        "https://wallet.paysera.com/?a=b",
        "https://wallet.paysera.com/?",
        "https://wallet.paysera.com/#f",
        "https://wallet.paysera.com:0/",
        "https://wallet.paysera.com:99999/",
        "https:///rest/v1",
        "https://wallet paysera/",
        "https://wallet.paysera.com\\@evil.example/",
        "https://wallet.paysera.com/\n",
        "wallet.paysera.com/rest/v1",
        "file:///etc/passwd",
        "https://[::1",
    ],
)
def test_an_address_that_could_leak_or_mislead_is_refused(tmp_path: Path, url: str) -> None:
    """Nothing but https, or http on this very machine, spelt so that all read it alike.

    (F8, F60)
    """
    report = refused(tmp_path, BASE, KEY | {"PAYSERA_WORKER_WALLET__BASE_URL": url})

    assert report.count("wallet.base_url") == 1


def test_what_belongs_to_one_till_is_an_error_in_the_other(tmp_path: Path) -> None:
    """Prices mean nothing to a folder; to ignore them would hide a mistake."""
    folder = BASE.replace("[till.prices]", '[till]\nkind = "folder"\npath = "/b"\n[till.prices]')
    fixed = BASE + '[till]\npath = "/b"\n'

    assert 'it belongs to kind = "fixed"' in refused(tmp_path, folder)
    fixed = BASE.replace("[till.prices]", '[till]\npath = "/b"\n[till.prices]')
    assert 'it belongs to kind = "folder"' in refused(tmp_path, fixed)


def test_a_folder_needs_its_path(tmp_path: Path) -> None:
    """There is no folder that every shop has."""
    bare = BASE.split("[till.prices]", maxsplit=1)[0] + '[till]\nkind = "folder"\n'

    assert "till.path (not given anywhere)" in refused(tmp_path, bare)
    settings = read(tmp_path, bare + 'path = "/srv/bills"\n')
    assert isinstance(settings.till, FolderTill)
    assert settings.till.path == Path("/srv/bills")


BARE = BASE.split("[till.prices]", maxsplit=1)[0]
COMMAND = BARE + '[till]\nkind = "command"\n'


def test_a_program_is_a_list_that_is_kept_as_it_is(tmp_path: Path) -> None:
    """No shell will read it, so nothing in it means anything."""
    argv = ["/opt/shop/till", "--db", "a b", "$HOME; rm", ""]

    settings = read(tmp_path, f"{COMMAND}argv = {json.dumps(argv)}\n")

    assert isinstance(settings.till, CommandTill)
    assert settings.till.argv == tuple(argv)
    assert settings.till.lock is False
    shown = "\n".join(describe(settings))
    assert f"argv = {json.dumps(argv)}" in shown
    assert "lock = false" in shown
    assert read(tmp_path, BARE + shown[shown.index("[till]") :].partition("[log]")[0]).till == (
        settings.till
    )


@pytest.mark.parametrize(
    "argv",
    [
        '"/opt/shop/till --db x"',
        "[]",
        '["till"]',
        '["./till"]',
        '["~/till"]',
        '[""]',
        "[5]",
        '["/till", 5]',
        '["/till", "a\\u0000b"]',
        '["/till", "a\\nb"]',
        "5",
        "true",
        "{a = 1}",
        json.dumps(["/till"] * 65),
        json.dumps(["/till", "x" * 4097]),
    ],
)
def test_a_program_that_is_not_a_list_with_a_whole_path_is_refused(
    tmp_path: Path, argv: str
) -> None:
    """What depends on a folder or on a shell would depend on who starts the worker."""
    assert "till.argv" in refused(tmp_path, f"{COMMAND}argv = {argv}\n")


def test_a_program_needs_its_argv_and_says_how_to_give_it(tmp_path: Path) -> None:
    """There is no program that every shop has."""
    assert "till.argv (not given anywhere)" in refused(tmp_path, COMMAND)


def test_a_program_can_be_given_by_variables(tmp_path: Path) -> None:
    """A list as JSON, a yes or no as the word."""
    environ = KEY | {
        "PAYSERA_WORKER_TILL__KIND": "command",
        "PAYSERA_WORKER_TILL__ARGV": '["/opt/shop/till", "x"]',
        "PAYSERA_WORKER_TILL__LOCK": "true",
    }

    till = read(tmp_path, BARE, environ).till

    assert isinstance(till, CommandTill)
    assert (till.argv, till.lock) == (("/opt/shop/till", "x"), True)
    for lock in ("yes", "1", "True"):
        report = refused(tmp_path, BARE, environ | {"PAYSERA_WORKER_TILL__LOCK": lock})
        assert "till.lock" in report
        assert "true or false" in report
    report = refused(tmp_path, BARE, environ | {"PAYSERA_WORKER_TILL__ARGV": "/opt/shop/till"})
    assert 'write it like ["/opt/shop/till"]' in report


def test_what_belongs_to_a_program_is_an_error_elsewhere(tmp_path: Path) -> None:
    """And a price means nothing to a program."""
    assert 'it belongs to kind = "command"' in refused(tmp_path, f'{BARE}[till]\nargv = ["/x"]\n')
    both = f'{COMMAND}argv = ["/x"]\n[till.prices]\n"*" = 1\n'
    assert 'it belongs to kind = "fixed"' in refused(tmp_path, both)


@pytest.mark.parametrize("kind", ['"till"', "5", "[1]", "true"])
def test_an_unknown_kind_of_till_is_an_error(tmp_path: Path, kind: str) -> None:
    """The report names the two that there are."""
    toml = BASE.replace("[till.prices]", f"[till]\nkind = {kind}\n[till.prices]")

    assert "till.kind" in refused(tmp_path, toml)


@pytest.mark.parametrize("currency", ["JPY", "BHD", "XAU", "ABC", "eur", "EURO", ""])
def test_a_currency_without_two_decimals_is_refused(tmp_path: Path, currency: str) -> None:
    """The wallet multiplies by 100 whatever the currency is."""
    report = refused(tmp_path, BASE, KEY | {"PAYSERA_WORKER_TILL__CURRENCY": currency})

    assert "till.currency" in report


@pytest.mark.parametrize("text", ["{table}", "{spot!r}", "{spot.x}", "{", "{{spot}}", "", "a\nb"])
def test_a_description_replaces_only_the_spot(tmp_path: Path, text: str) -> None:
    """A template that could do more could show more."""
    toml = BASE.replace("[till.prices]", f"[till]\ndescription = {json.dumps(text)}\n[till.prices]")

    assert "till.description" in refused(tmp_path, toml)


@pytest.mark.parametrize("locations", ["[]", "{}", '[{"id": 1}, {"id": 1}]', '[{"id": 0}]', "[5]"])
def test_locations_are_at_least_one_and_unique(tmp_path: Path, locations: str) -> None:
    """Two pollers on one location would be twice as many requests as the vendor allows."""
    report = refused(tmp_path, BASE, KEY | {"PAYSERA_WORKER_LOCATIONS": locations})

    assert "locations" in report


RANGES = {
    ("polling", "spots_interval_s"): (3.0, 5.0),
    ("polling", "reservations_interval_s"): (0.5, 60),
    ("wallet", "timeout_s"): (0.1, 120),
    ("visit", "bill_wait_s"): (0, 86400),
    ("visit", "offer_ttl_s"): (1, 86400),
    ("visit", "reserve_for_s"): (1, 2592000),
}


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(
    st.sampled_from(sorted(RANGES)),
    st.one_of(
        st.integers(-10, 10),
        st.integers(-(10**25), 10**25),
        st.floats(allow_nan=True),
        st.floats(2.5, 5.5),
        st.booleans(),
    ),
)
def test_a_number_is_taken_exactly_within_its_range(
    tmp_path_factory: pytest.TempPathFactory, key: tuple[str, str], value: float
) -> None:
    """Both ends belong to the range; true is no number, and neither is nan."""
    section, name = key
    low, high = RANGES[key]
    is_whole = key == ("visit", "reserve_for_s")
    is_number = type(value) is int or (type(value) is float and not is_whole)
    written = str(value).lower() if isinstance(value, bool) else repr(value)
    head = f"[{section}]\n"
    toml = BASE.replace(head, "") if section != "wallet" else BASE
    text = toml.replace(head, f"{head}{name} = {written}\n")
    if section != "wallet":
        text = toml + f"{head}{name} = {written}\n"
    folder = tmp_path_factory.mktemp("range")

    if is_number and math.isfinite(value) and low <= value <= high:
        settings = read(folder, text)
        assert getattr(getattr(settings, section), name) == value
    else:
        assert f"{section}.{name}" in refused(folder, text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(json_values)
def test_no_prices_and_no_locations_whatever_they_are_get_past_the_rules(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    """Anything that JSON can say ends as a price list of whole numbers or as a report (F75)."""
    folder = tmp_path_factory.mktemp("json")
    for variable, key in (
        ("PAYSERA_WORKER_TILL__PRICES", "till.prices"),
        ("PAYSERA_WORKER_LOCATIONS", "locations"),
    ):
        environ = KEY | {variable: json.dumps(value)}
        settings, report = either(folder, BASE, environ)
        if settings is None:
            assert key in report
            continue
        assert isinstance(settings.till, FixedTill)
        assert all(type(price) is int for price in settings.till.prices.values())
        assert all(location.id > 0 for location in settings.locations)


@hypothesis.settings(deadline=None)  # A busy machine is not a failure.
@given(st.text(max_size=200), st.binary(max_size=200))
def test_no_file_and_no_secret_makes_the_reading_fail_in_its_own_way(
    tmp_path_factory: pytest.TempPathFactory, toml: str, secret: bytes
) -> None:
    """Whatever stands in them, the answer is settings or a report of single lines."""
    folder = tmp_path_factory.mktemp("any")
    file = folder / "worker.toml"
    file.write_bytes(toml.encode("utf-8", "surrogatepass"))
    put_secret(folder / "secrets", "wallet.client_id", secret)
    with pytest.raises(SettingsError) as caught:
        load(file, {}, secrets_dir=folder / "secrets")

    assert len(str(caught.value).splitlines()) == 1 + len(caught.value.problems)
