"""Gather the layers, judge the whole, and report every mistake at once.

Nothing here stops at the first mistake, and no message holds a value of the wallet's section.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from worker.settings import rules, secrecy, sql_rules
from worker.settings.layers import (
    CONFIG_VARIABLE,
    Layer,
    read_environment,
    read_secrets,
    read_toml,
    variable_of,
)
from worker.settings.model import SECRETS, SECTIONS, Settings, WalletSettings
from worker.settings.problem import NOWHERE, Problem, SettingsError, meant, short
from worker.settings.tills import TILLS, HttpTill, SqlTill

DEFAULT_CONFIG: Final = Path("/etc/paysera-worker/worker.toml")
SECRETS_DIR: Final = Path("/run/secrets")
CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
_NO_KEY: Final = "no key was needed and none was given"
_SHOWN_INT_MAX: Final = 10**20
_SECRET_NAMES: Final = frozenset(key.partition(".")[2] for key in SECRETS) | {"url"}
"""Names of values that are never shown, wherever they stand; an address may hold a password."""
_Path = tuple[str, ...]


def load(
    config: Path | None,
    environ: Mapping[str, str],
    *,
    secrets_dir: Path = SECRETS_DIR,
    default_config: Path = DEFAULT_CONFIG,
    is_key_needed: bool = True,
) -> Settings:
    """Read the settings.

    Args:
        config: the file that was named; None: the one of the environment, else the default.
        environ: the environment.
        secrets_dir: where secret files are beside those of $CREDENTIALS_DIRECTORY.
        default_config: the file to read when none is named; it may be missing.
        is_key_needed: False for whoever only reads the journal. systemd hands the MAC key to the
            service alone, so that a verb at the shell has none.

    Raises:
        SettingsError: they can not be used. Its text lists every problem and its remedy.

    """
    layers = _layers(config, environ, secrets_dir, default_config)
    values, origins = _merged(layers)
    problems = [problem for layer in layers for problem in layer.problems]
    if not is_key_needed:
        values["wallet"].setdefault("mac_key", _NO_KEY)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        # The error itself holds the input, and with it the key: only its details go on.
        details = error.errors(include_url=False, include_input=False)
        problems += [
            _problem(detail, values, origins) for detail in details if not _is_echo(detail, layers)
        ]
        raise SettingsError(problems) from None
    problems += _key_problems(settings, origins)
    problems += _sample_problems(settings, origins)
    if problems:
        raise SettingsError(problems)
    settings._origins = origins  # noqa: SLF001 - ours, and set once
    settings._warnings = tuple(_warnings(settings, layers))  # noqa: SLF001 - likewise
    return settings


def _key_problems(settings: Settings, origins: Mapping[_Path, str]) -> list[Problem]:
    """Look at the files that hold a private key: the settings name them, and do not hold them."""
    till = settings.till
    if not isinstance(till, HttpTill) or till.client_key is None:
        return []
    readers = secrecy.exposed_to(till.client_key)
    origin = _origin(("till", "client_key"), origins)
    wrong = f"the file is readable by {readers}"
    return [Problem("till.client_key", origin, wrong, secrecy.REMEDY)] if readers else []


def _sample_problems(settings: Settings, origins: Mapping[_Path, str]) -> list[Problem]:
    """Keep the sandbox's credentials away from the real wallet."""
    wallet = settings.wallet
    is_sample = wallet.client_id == rules.SAMPLE_CLIENT_ID
    if not is_sample or not rules.is_paysera_url(wallet.base_url):
        return []
    path = ("wallet", "client_id")
    wrong = "it is the sample that Paysera publishes, and wallet.base_url is the real wallet"
    remedy = "give the client id that Paysera gave you, or the base_url that `sandbox` prints"
    return [Problem(".".join(path), _origin(path, origins), wrong, remedy)]


def _is_echo(detail: ErrorDetails, layers: Sequence[Layer]) -> bool:
    """Tell whether a layer's own problem is the whole reason for this one."""
    if detail["type"] == "missing" and any(layer.is_unread for layer in layers):
        return True
    path = _path(detail)
    heads = {".".join(path[:length]) for length in range(1, len(path) + 1)}
    return any(heads & layer.spoiled for layer in layers)


def _layers(
    config: Path | None, environ: Mapping[str, str], secrets_dir: Path, default_config: Path
) -> list[Layer]:
    """Read every place, weakest first."""
    layers = []
    named = environ.get(CONFIG_VARIABLE)
    if config is not None:
        layers.append(read_toml(config))
    elif named is not None and not named:
        empty = Layer()
        origin = f"environment variable {CONFIG_VARIABLE}"
        empty.report("--config", origin, "it is empty", "name a file or remove it")
        layers.append(empty)
    elif named is not None:
        layers.append(read_toml(Path(named)))
    else:
        layers.append(read_toml(default_config, is_optional=True))
    layers.append(read_environment(environ))
    layers.append(read_secrets(secrets_dir))
    if environ.get(CREDENTIALS_VARIABLE):
        layers.append(read_secrets(Path(environ[CREDENTIALS_VARIABLE])))
    return layers


def _merged(layers: Sequence[Layer]) -> tuple[dict[str, Any], dict[_Path, str]]:
    """Let the later layer win, key by key; a list or a table of prices is one value."""
    values: dict[str, Any] = {section: {} for section in SECTIONS if section != "locations"}
    origins: dict[_Path, str] = {}
    for layer in layers:
        for section, given in layer.values.items():
            if section == "locations":
                values[section] = given
            else:
                values[section] = values[section] | given
        for path in layer.origins:
            for weaker in [known for known in origins if known[: len(path)] == path]:
                del origins[weaker]
        origins |= layer.origins
    kind = values["till"].setdefault("kind", "fixed")
    if isinstance(kind, int) and abs(kind) >= _SHOWN_INT_MAX:
        values["till"]["kind"] = _SHOWN_INT_MAX  # Longer ones can not even be put into a message.
    return values, origins


def _problem(
    detail: ErrorDetails, values: Mapping[str, Any], origins: Mapping[_Path, str]
) -> Problem:
    """Turn what the model found into a line for a person."""
    path = _path(detail)
    key = ".".join(short(part) for part in path)
    origin = _origin(path, origins)
    if detail["type"] == "missing":
        return Problem(key, origin, "it is required", _how_to_give(path))
    if detail["type"] == "extra_forbidden":
        return Problem(key, origin, *_unknown(path, values))
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        return Problem(key, origin, str(cause), "correct it")
    rule, default = _rule(path, values)
    wrong = f"it must be {rule}{_shown(path, values)}"
    return Problem(key, origin, wrong, f"correct it{default}")


def _path(detail: ErrorDetails) -> _Path:
    """Give the key as the operator writes it."""
    if detail["type"].startswith("union_tag"):
        return ("till", "kind")
    path = tuple(str(part) for part in detail["loc"] if part != "[key]")
    if path[0] == "till" and len(path) > 1 and path[1] in TILLS:
        return ("till", *path[2:])  # Without the model's mark of which till it took.
    return path


def _origin(path: _Path, origins: Mapping[_Path, str]) -> str:
    """Find where the value, or else the nearest table around it, was given."""
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return origins[path[:length]]
    return NOWHERE


def _how_to_give(path: _Path) -> str:
    """Say the ways to give a value that is missing."""
    dotted = ".".join(path)
    if dotted == "locations":
        return "add [[locations]] with an id to the file"
    if path[0] == "locations":
        return f"add {path[-1]} to this [[locations]]"
    if path == ("till", "prices"):
        return 'add [till.prices] with "*" = 1250 or a price per spot identifier'
    ways = f"add {path[-1]} under [{path[0]}] or set {variable_of(dotted)}"
    if path[0] == "wallet" or dotted in SECRETS:
        ways += f", or best put it into a secret file named {dotted}"
    return ways


def _unknown(path: _Path, values: Mapping[str, Any]) -> tuple[str, str]:
    """Say what is wrong with a name that the model does not know."""
    name = path[-1]
    models = SECTIONS.get(path[0], ())
    if path[0] == "till":
        kind = values["till"].get("kind")
        for other, model in TILLS.items():
            if other != kind and name in model.model_fields:
                wrong = f'it belongs to kind = "{other}", but till.kind is "{kind}"'
                return wrong, f'remove it or set till.kind = "{other}"'
        models = (TILLS[kind],)
    known = {field for model in models for field in model.model_fields}
    return "there is no such key", meant(name, known)


def _rule(path: _Path, values: Mapping[str, Any]) -> tuple[str, str]:
    """Give the rule of a key and, if it has one, its default."""
    if len(path) == 1:
        field = Settings.model_fields.get(path[0])
        return (field.description if field else None) or "a section", ""
    if path[0] == "locations" and len(path) < 3:
        return "a table with an id and a name", ""
    name = path[2] if path[0] == "locations" else path[1]
    for model in _models(path[0], values):
        field = model.model_fields.get(name)
        if field is not None:
            if path[:2] == ("till", "prices") and len(path) == 2:
                return "a table of prices by spot identifier", ""
            default = (
                ""
                if field.is_required()
                else f", or remove it: the default is {_named(field.default)}"
            )
            return field.description or "something else", default
    return "something else", ""


def _named(default: object) -> object:
    """Write a default as the file would."""
    if isinstance(default, bool):
        return "true" if default else "false"
    return "none" if default is None else default


def _models(section: str, values: Mapping[str, Any]) -> tuple[type[BaseModel], ...]:
    models = SECTIONS[section]
    if section == "till":
        chosen = TILLS.get(str(values["till"].get("kind")))
        return (chosen,) if chosen else models
    return models


def _shown(path: _Path, values: Mapping[str, Any]) -> str:
    """Show a wrong value where it helps and can not be a secret."""
    if path[0] == "wallet" and path != ("wallet", "timeout_s"):
        return ""
    if path[:2] == ("till", "options"):
        return ""  # Only the plug-in knows which of its settings are secrets.
    if path[-1] in _SECRET_NAMES or (
        path[-1] in WalletSettings.model_fields and path[0] != "wallet"
    ):
        return ""  # It stands in the wrong table: below the last one, perhaps.
    if path[-1] == "token":
        return ""
    value: Any = values
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list | tuple) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
    if isinstance(value, bool):
        return f", not {'true' if value else 'false'}"
    if isinstance(value, int) and abs(value) >= _SHOWN_INT_MAX:
        return ", not a number of that size"  # Some are too long to be written out at all.
    if isinstance(value, int | float):
        return f", not {value!r:.40}"
    return f', not "{value:.60}"' if isinstance(value, str) else ""


def _warnings(settings: Settings, layers: Sequence[Layer]) -> list[str]:
    """Say what is allowed but deserves a second look."""
    found = []
    is_real = not rules.is_loopback_url(settings.wallet.base_url)
    if settings.wallet.client_id == rules.SAMPLE_CLIENT_ID and is_real:
        found.append(
            "wallet.client_id is the sample that Paysera publishes, and wallet.base_url is not on "
            "this machine: the wallet will refuse every request."
        )
    for dotted in SECRETS:
        key = tuple(dotted.split("."))
        given = [layer.origins[key] for layer in layers if key in layer.origins]
        if len(given) > 1:
            found.append(f"{dotted} is given {len(given)} times; the {given[-1]} is used.")
        if key in layers[0].origins:  # The file is always the weakest layer.
            found.append(
                f"{dotted} stands in the settings file: a secret file named {dotted} keeps it out "
                "of backups and copies."
            )
    till = settings.till
    if isinstance(till, SqlTill):
        found += sql_rules.warnings(
            till.url, till.open_bills_sql, till.mark_paid_sql, till.confirm_sql
        )
    return found


def has_key(settings: Settings) -> bool:
    """Tell whether the settings hold the MAC key, or were read by a user who has none."""
    return settings.wallet.mac_key.get_secret_value() != _NO_KEY
