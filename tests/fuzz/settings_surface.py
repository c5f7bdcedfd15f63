"""The configuration: any TOML, any variables under our prefix, any secret files.

The answer is Settings or the project's own error, with one printable line for each problem. The
MAC key is in none of its lines, nor in what `check-config` shows, wherever it was given.
"""

import contextlib
import os
import random
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fuzz import known
from tests.fuzz.bills import strange
from tests.fuzz.scratch import scratch
from tests.fuzz.spoiling import TOKENS, scramble
from tests.fuzz.surface import Surface
from worker.settings import Settings, SettingsError, describe, load

ADDRESSES: Final = (
    *("http://127.0.0.1:8800/rest", "HTTP://LocalHost/", "http://[::1]:1/x", "https://[::1", "x"),
    *("https://u:p@w.example/", "https://w.example:99999/", "https://w.example:0", "https://:1/"),
    *(
        "https://w.example/?a=b",
        "https://w.example/#f",
        "ftp://w.example/",
        "https://w\\\\.example",
    ),
    *("https://[::ffff:127.0.0.1]/", "http://127.1/", "https://w .example/", "https://", "//x/y"),
)
CANARY: Final = "IrdTc8uQodU7PRpL-never-shown"
MAC_KEY_LINE: Final = f'mac_key = "{CANARY}"'
SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "[wallet]": (
        'client_id = "our-client"',
        MAC_KEY_LINE,
        'base_url = "https://wallet.paysera.com/rest/v1"',
        "timeout_s = 10.0",
    ),
    "[polling]": ("spots_interval_s = 3.0", "reservations_interval_s = 4"),
    "[visit]": ("bill_wait_s = 60", "offer_ttl_s = 600", "reserve_for_s = 900"),
    "[journal]": ('path = "/tmp/journal.db"',),
    "[[locations]]": ("id = 9975", 'name = "Main hall"'),
    "[till]": ('kind = "fixed"', 'currency = "EUR"', 'description = "Table {spot}"'),
    "[till.prices]": ('"*" = 1250', '"terrace 1" = 900'),
    "[listener]": ("enabled = true", 'host = "::1"', "port = 0", f'token = "{CANARY}"'),
    "[log]": ('level = "info"', 'format = "json"'),
}
LITERALS: Final = (
    *('""', "true", "0", "-1", "1.5", "nan", "inf", "-inf", "1e400", "[]", "{}", "[[]]", "{a=1}"),
    *("1979-05-27T07:32:00Z", "07:32:00", "0x" + "f" * 6000, "9" * 30, "9" * 5000, "[1, 2]"),
    *('"folder"', '"EUR"', '"JPY"', '"http://evil.example"', '"{evil}"', '"\\u202e"', '"\\n"'),
    *('"~/x"', f'"{CANARY}"', '"""\n"""', '{kind="folder", path="/b"}', "[{id=1},{id=1}]"),
    *("[" * 400 + "]" * 400, '"' + "x" * 5000 + '"', '{"*"=1}', "[{id=0xfffff,name=2}]"),
)
VARIABLES: Final = (
    *("WALLET__CLIENT_ID", "WALLET__MAC_KEY", "WALLET__BASE_URL", "WALLET__TIMEOUT_S"),
    *("POLLING__SPOTS_INTERVAL_S", "VISIT__RESERVE_FOR_S", "JOURNAL__PATH", "LOCATIONS"),
    *("TILL__KIND", "TILL__PRICES", "TILL__PATH", "TILL__CURRENCY", "LOG__LEVEL", "LOG__FORMAT"),
    *("LISTENER__ENABLED", "LISTENER__PORT", "LISTENER__TOKEN"),
    *("WALLET", "TILL__", "__", "NOPE", "wallet__mac_key", "WALLET__MAC_KEY__X", "LOCATIONS__0"),
    *("WALLET_MAC_KEY", "\u202e", "A" * 3000),
)
VALUES: Final = (
    *(
        "",
        "0",
        "1",
        "-1",
        "3.5",
        "1e3",
        "nan",
        "9" * 5000,
        "\u0661",
        "true",
        "null",
        "[]",
        "{}",
        "x",
    ),
    *('[{"id": 9975}]', '[{"id": 1}, {"id": 1}]', '{"*": 1250}', '{"*": 1.5}', '{"*": 1e999}'),
    *('{"\\ud800": 5}', "[" * 3000, "{" * 3000, "NaN", "https://w.example/x", "http://[::1]:1"),
    *(CANARY, CANARY + "\n", '"' + CANARY, CANARY + "é", " " + CANARY, "folder", "/tmp/bills"),
    *("EUR", "info", "json", "http://" + CANARY, '{"a": ' + "9" * 5000 + "}"),
)
SECRET_NAMES: Final = (
    *("wallet.mac_key", "wallet.client_id", "wallet.nope", "till.prices", "locations", "till."),
    *("wallet.mac_key", "unrelated", "log.level", "wallet.a\nb", "locations.0"),
)


@dataclass(frozen=True)
class Case:
    """What stands in the file, in the environment and in the secret files."""

    toml: bytes
    environ: dict[str, str]
    secrets: dict[str, bytes]
    mode: int
    named: str | None = None
    """What PAYSERA_WORKER_CONFIG says in place of a file that is handed over; None: nothing."""


def make(dice: random.Random) -> Case:
    """Make a configuration with a few things wrong in any of its places."""
    key_is_in = dice.choice(("file", "variable", "variable", "secret", "secret", "nowhere"))
    environ = {
        f"PAYSERA_WORKER_{dice.choice(VARIABLES)}": _value(dice)
        for _ in range(dice.choice((0, 0, 0, 0, 1, 1, 2)))
    }
    secrets = {dice.choice(SECRET_NAMES): _os_bytes(dice) for _ in range(dice.choice((0, 0, 0, 1)))}
    if key_is_in == "variable":
        environ.setdefault("PAYSERA_WORKER_WALLET__MAC_KEY", CANARY)
    elif key_is_in == "secret":
        secrets.setdefault("wallet.mac_key", CANARY.encode() + dice.choice((b"", b"", b"\n")))
    toml = _toml(dice, has_key=key_is_in == "file")
    named = dice.choice(("", "/", "/no/such.toml", "x" * 300, "a\nb", os.fsdecode(b"\xff")))
    mode = dice.choice((0o600, 0o600, 0o400, 0o644))
    return Case(toml, environ, secrets, mode, named if dice.random() < 0.03 else None)


def _value(dice: random.Random) -> str:
    """Draw the value of a variable: whatever an environment can hold, so no zero byte."""
    if dice.random() < 0.6:
        return dice.choice((*VALUES, *ADDRESSES[:8]))
    return os.fsdecode(_os_bytes(dice).replace(b"\x00", b""))


def _os_bytes(dice: random.Random) -> bytes:
    if dice.random() < 0.5:
        return dice.choice(VALUES).encode()
    return scramble(dice, strange(dice).encode("utf-8", "surrogatepass"))


def _toml(dice: random.Random, *, has_key: bool) -> bytes:
    """Write the file line by line, with some lines changed, missing, moved or there twice."""
    lines = []
    for head, entries in SECTIONS.items():
        if head not in _NEEDED and dice.random() < 0.5:
            continue
        lines.append(head)
        lines += [entry for entry in entries if has_key or entry != MAC_KEY_LINE]
    for _ in range(dice.choice((0, 0, 1, 1, 2, 3))):
        _spoil_line(dice, lines)
    content = "\n".join([*lines, ""]).encode("utf-8", "surrogatepass")
    for _ in range(dice.choice((0, 0, 0, 0, 0, 1, 2))):
        content = scramble(dice, content)
    return content


_NEEDED: Final = ("[wallet]", "[[locations]]", "[till.prices]")


def _spoil_line(dice: random.Random, lines: list[str]) -> None:
    at = dice.randrange(len(lines))
    name, equals, _ = lines[at].partition(" = ")
    kind = dice.randrange(8)
    if kind <= 2 and name == "base_url":
        lines[at] = f'{name} = "{dice.choice(ADDRESSES)}"'
    elif kind <= 2 and equals:
        lines[at] = f"{name} = {dice.choice(LITERALS)}"
    elif kind == 3 and equals:
        spelt = dice.choice(
            (name[:-1], name.upper(), f'"{name}\\u202e"', "nope", f"{name}.x", '""')
        )
        lines[at] = f"{spelt} = {lines[at].partition(' = ')[2]}"
    elif kind == 4:
        del lines[at]
        lines.append("")
    elif kind == 5:
        lines.insert(dice.randrange(len(lines)), lines[at])
    elif kind == 6:
        heads = (
            "[nope]",
            "[wallet]",
            "[till.prices.x]",
            "[a.b]",
            "[[wallet]]",
            "[[locations]]",
            "[",
        )
        lines.insert(at, dice.choice(heads))
    else:
        lines.insert(at, dice.choice((*TOKENS[:20], b"x = 1")).decode("utf-8", "replace"))


def check(case: Case) -> Iterator[str]:
    """Load the settings, and read whatever comes of it as the operator would."""
    with scratch() as home:
        file = home / "worker.toml"
        file.write_bytes(case.toml)
        file.chmod(case.mode)
        secrets = home / "secrets"
        secrets.mkdir()
        for name, content in case.secrets.items():
            (secrets / name).write_bytes(content)
            (secrets / name).chmod(0o400)
        with _noise() as noise:
            try:
                yield from _load(file, secrets, case)
            except ValueError as error:
                if known.KIND_TOO_LONG not in known.OPEN or "4300 digits" not in str(error):
                    raise
                noise.clear()
                yield f"known: {known.KIND_TOO_LONG}"
        assert not noise, noise


def _load(file: Path, secrets: Path, case: Case) -> Iterator[str]:
    named = {} if case.named is None else {"PAYSERA_WORKER_CONFIG": case.named}
    # Half of the secret files are handed over as the service manager does it.
    handed = {"CREDENTIALS_DIRECTORY": str(secrets)} if len(case.toml) % 2 else {}
    environ = case.environ | named | handed
    elsewhere = file.parent / "none"
    try:
        settings = load(
            None if named else file, environ, secrets_dir=elsewhere if handed else secrets
        )
    except SettingsError as error:
        yield from vouch_for_report(error, case)
        return
    vouch_for_settings(settings, case)
    yield "settings"


@contextlib.contextmanager
def _noise() -> Iterator[list[object]]:
    """Hear of errors that a library could not raise: they would be printed beside the report."""
    heard: list[object] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda given: heard.append(given.exc_value)
    try:
        yield heard
    finally:
        sys.unraisablehook = before


def vouch_for_report(error: SettingsError, case: Case) -> Iterator[str]:
    """Every problem is one line that says where and what, and none of them shows the key."""
    report = str(error)
    lines = report.split("\n")
    assert error.problems
    assert len(lines) == 1 + len(error.problems)
    assert all(line.isprintable() for line in lines), report
    assert all(len(line) < 2000 for line in lines)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    is_known = known.KEY_AMONG_PRICES in known.OPEN and "till.prices.mac_key" in report
    if is_known and CANARY in report:
        yield f"known: {known.KEY_AMONG_PRICES}"
    elif is_key_a_secret(case):
        assert CANARY not in report, report
        assert CANARY not in repr(error)
        assert CANARY not in repr(error.problems)
    yield f"refused for {min(len(error.problems), 5)}{'+' if len(error.problems) > 4 else ''}"


def vouch_for_settings(settings: Settings, case: Case) -> None:
    """What is in force is in range, and can be shown without showing the key."""
    assert all(price >= 1 for price in _prices(settings).values())
    assert 3.0 <= settings.polling.spots_interval_s <= 5.0
    assert len({location.id for location in settings.locations}) == len(settings.locations) >= 1
    assert settings.wallet.base_url.startswith(("https://", "http://"))
    if is_key_a_secret(case):
        shown = "\n".join([*describe(settings), *settings.warnings, repr(settings), str(settings)])
        assert CANARY not in shown


def _prices(settings: Settings) -> Mapping[str, int]:
    return getattr(settings.till, "prices", {})


def is_key_a_secret(case: Case) -> bool:
    """Tell whether the key stands only where a key may stand; elsewhere it is any other text.

    A file that is no TOML has no places, so there all of it is secret.
    """
    variables = [name for name, value in case.environ.items() if CANARY in value]
    if any("MAC_KEY" not in name.upper() for name in variables):
        return False
    files = [name for name, content in case.secrets.items() if CANARY.encode() in content]
    if any(name != "wallet.mac_key" for name in files):
        return False
    try:
        values = tomllib.loads(case.toml.decode())
    except (ValueError, RecursionError):
        return True
    return all(path[-1] == "mac_key" for path in _paths_of_key(values, ()))


def _paths_of_key(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if CANARY in name:
                yield (*path, "a name")
            yield from _paths_of_key(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _paths_of_key(inner, path or ("a list",))
    elif isinstance(value, str) and CANARY in value:
        yield path


SETTINGS = Surface("settings", make, check, share=0.02)
