"""The settings of a till that somebody else wrote."""

import json
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from tests.settings.support import BASE, KEY, read, refused
from worker.settings import PluginTill, describe

WITHOUT_TILL: Final = BASE.split("[till.prices]", maxsplit=1)[0]
REGISTER: Final = (
    WITHOUT_TILL
    + """
[till]
kind = "plugin"
name = "cash-register"
[till.options]
folder = "/srv/register"
port = 8123
patience_s = 2.5
is_loud = true
opened = 2026-11-20
rooms = ["hall", "terrace"]
login = {user = "ona", password = "never-shown", "api key" = "never-shown"}
token = "never-shown"
"""
)


def test_the_options_are_handed_on_as_they_are(tmp_path: Path) -> None:
    """The worker does not know what they mean."""
    till = read(tmp_path, REGISTER).till

    assert isinstance(till, PluginTill)
    assert till.name == "cash-register"
    assert till.options["folder"] == "/srv/register"
    assert till.options["opened"] == date(2026, 11, 20)
    assert till.options["rooms"] == ["hall", "terrace"]
    bare = read(tmp_path, WITHOUT_TILL + '[till]\nkind = "plugin"\nname = "x"').till
    assert isinstance(bare, PluginTill)
    assert bare.options == {}


def test_options_can_be_given_as_a_variable(tmp_path: Path) -> None:
    """As JSON, which replaces the file's altogether."""
    environ = KEY | {"PAYSERA_WORKER_TILL__OPTIONS": json.dumps({"folder": "/other"})}

    till = read(tmp_path, REGISTER, environ).till

    assert isinstance(till, PluginTill)
    assert till.options == {"folder": "/other"}
    report = refused(tmp_path, REGISTER, KEY | {"PAYSERA_WORKER_TILL__OPTIONS": "{"})
    assert '{"folder": "/srv/register"}' in report


def test_what_is_shown_means_the_same_and_masks_what_sounds_like_a_secret(tmp_path: Path) -> None:
    """Only its name can tell; the rest is shown, each with the line it came from."""
    settings = read(tmp_path, REGISTER)
    lines = describe(settings)

    assert "never-shown" not in "\n".join(lines)
    (folder,) = [line for line in lines if line.startswith('"folder"')]
    assert folder.endswith("worker.toml line 12")
    again = read(tmp_path, "\n".join(lines)).till
    assert isinstance(again, PluginTill)
    assert again.options["token"] == "********"
    assert again.options["login"] == {
        "user": "ona",
        "password": "********",
        "api key": "********",
    }
    hidden = {"token", "login"}
    assert isinstance(settings.till, PluginTill)
    for name in set(again.options) - hidden:
        assert again.options[name] == settings.till.options[name]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ('options = "never-shown"', "till.options"),
        ("options = 5", "till.options"),
        (f"options = {{a = {'[' * 9}{']' * 9}}}", "till.options"),
        ('options = {"a\\nb" = 1}', "till.options"),
        ('name = ""', "till.name"),
        ('name = "a\\nb"', "till.name"),
        ("name = 5", "till.name"),
        ('path = "/b"', 'it belongs to kind = "folder"'),
    ],
)
def test_what_can_not_be_is_refused_without_showing_it(
    tmp_path: Path, options: str, key: str
) -> None:
    """Only the plug-in knows which of its settings are secrets."""
    toml = WITHOUT_TILL + '[till]\nkind = "plugin"\n'
    toml += options if "name" in options else f'name = "x"\n{options}'

    report = refused(tmp_path, toml)

    assert key in report
    assert "never-shown" not in report


def test_a_null_in_a_variable_is_no_option(tmp_path: Path) -> None:
    """The file has no way to say it, so nobody could say what it means."""
    environ = KEY | {"PAYSERA_WORKER_TILL__OPTIONS": '{"a": [null]}'}

    assert "till.options" in refused(tmp_path, REGISTER, environ)


def test_a_plugin_needs_its_name(tmp_path: Path) -> None:
    """There is none that every shop has."""
    assert "till.name" in refused(tmp_path, WITHOUT_TILL + '[till]\nkind = "plugin"\n')
