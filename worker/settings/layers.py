"""The three places that settings come from, each read into the same shape.

A layer holds values, where each came from, and what was wrong with the place itself. Nothing here
knows ranges or defaults, and no value is ever put into a message.
"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from worker.settings import secrecy
from worker.settings.model import LEAVES, SECTIONS
from worker.settings.problem import Problem, meant, short

PREFIX: Final = "PAYSERA_WORKER_"
CONFIG_VARIABLE: Final = "PAYSERA_WORKER_CONFIG"
SECRET_BYTES_MAX: Final = 64 * 1024
SECRETS: Final = (("wallet", "mac_key"), ("listener", "token"))
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_WHERE: Final = re.compile(r"\(at line ([0-9]+), column [0-9]+\)")
_TABLE: Final = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]")
_ENTRY: Final = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=""")


@dataclass(slots=True)
class Layer:
    """What one place gives."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[tuple[str, ...], str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    spoiled: set[str] = field(default_factory=set)
    """Keys whose value could not even be read, so judging it would only repeat the complaint."""
    is_unread: bool = False
    """The place itself could not be read, so what is missing may well stand there."""

    def put(self, dotted: str, value: object, origin: str) -> None:
        """Keep a value under its dotted key."""
        section, _, name = dotted.partition(".")
        if name:
            self.values.setdefault(section, {})[name] = value
        else:
            self.values[section] = value
        self.origins[(section, name) if name else (section,)] = origin

    def report(self, key: str, origin: str, wrong: str, remedy: str) -> None:
        """Keep a problem."""
        self.problems.append(Problem(key, origin, wrong, remedy))


def read_toml(path: Path, *, is_optional: bool = False) -> Layer:
    """Read the file of settings."""
    layer = Layer()
    try:
        with path.open("rb") as file:
            content = file.read()
            exposed_to = secrecy.readers(file.fileno())
    except OSError as error:
        if is_optional and isinstance(error, FileNotFoundError):
            return layer
        why = error.strerror or type(error).__name__
        layer.is_unread = True
        layer.report("--config", str(path), f"it can not be read: {why}", "name a readable file")
        return layer
    try:
        text = content.decode("utf-8")
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = _WHERE.search(str(error)) if isinstance(error, tomllib.TOMLDecodeError) else None
        where = f"{path} line {found[1]}" if found else str(path)
        layer.is_unread = True
        # The parser's own words may quote the line, and the line may hold the key.
        layer.report(
            "--config", where, "it is not valid TOML", "look for a missing quote, bracket or ="
        )
        return layer
    lines = _lines(text)
    for section, value in values.items():
        _keep_section(layer, path, lines, section, value)
    for section, name in SECRETS if exposed_to else ():
        if name in layer.values.get(section, {}):
            layer.report(
                f"{section}.{name}",
                layer.origins[section, name],
                f"the file holds a secret and is readable by {exposed_to}",
                f"{secrecy.REMEDY}, or move the key to a secret file",
            )
    return layer


def _keep_section(
    layer: Layer, path: Path, lines: Mapping[tuple[str, ...], int], section: str, value: object
) -> None:
    """Take one top-level entry of the file, or say why not."""

    def origin(*key: str) -> str:
        return f"{path} line {lines[key]}" if key in lines else str(path)

    if section not in SECTIONS:
        wrong = "there is no such section"
        layer.report(short(section), origin(section), wrong, meant(section, SECTIONS))
    elif section == "locations":
        layer.put(section, value, origin(section))
    elif not isinstance(value, dict):
        layer.spoiled.add(section)
        layer.report(section, origin(section), "it is a section, not a value", f"write [{section}]")
    else:
        layer.values[section] = value
        layer.origins.update({(section, name): origin(section, name) for name in value})
        prices = value.get("prices")
        if isinstance(prices, dict):
            keys = [(section, "prices", name) for name in prices]
            layer.origins.update({key: origin(*key) for key in keys})


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Find the line of each key. Good enough to point at; nothing depends on it."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if head := _TABLE.match(line):
            table = tuple(head[2].split("."))
            found.setdefault(table, number)
        elif entry := _ENTRY.match(line):
            name = entry[1]
            names = (name[1:-1],) if name[0] in "\"'" else tuple(name.split("."))
            found.setdefault(table + names, number)
    return found


def read_environment(environ: Mapping[str, str]) -> Layer:
    """Read the variables that are ours. One that we do not know is a mistake, not a stranger."""
    layer = Layer()
    variables = {variable_of(key): key for key in LEAVES}
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX) or name == CONFIG_VARIABLE:
            continue
        origin = f"environment variable {short(name)}"
        key = variables.get(name)
        if key is not None:
            _put_text(layer, key, environ[name], origin)
            continue
        dotted = short(name[len(PREFIX) :].lower().replace("__", "."))
        if dotted in SECTIONS:
            remedy = f"set its keys one by one, such as {_first_variable(dotted)}"
            layer.report(dotted, origin, "a section can not be given as a whole", remedy)
        else:
            remedy = meant(name.upper(), [*variables, CONFIG_VARIABLE])
            if not remedy.startswith("did"):
                remedy = "remove it; config/worker.env.example lists every variable"
            layer.report(dotted, origin, "there is no such variable", remedy)
    return layer


def variable_of(dotted: str) -> str:
    """Give the variable of a key."""
    return PREFIX + dotted.upper().replace(".", "__")


def _first_variable(section: str) -> str:
    return next(variable_of(key) for key in LEAVES if key.startswith(f"{section}."))


def read_secrets(folder: Path) -> Layer:
    """Read the secret files that are ours: those named for a section of ours, a dot and a key."""
    layer = Layer()
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names, whatever bytes they are made of
    except FileNotFoundError:
        return layer
    except OSError as error:
        why = error.strerror or type(error).__name__
        remedy = "make it readable by the worker"
        layer.report("secret files", str(folder), f"they can not be listed: {why}", remedy)
        return layer
    for name in names:
        section, dot, _ = name.partition(".")
        if dot and section in SECTIONS:
            _read_secret(layer, folder / name, name)
    return layer


def _read_secret(layer: Layer, path: Path, name: str) -> None:
    """Read one secret file; exactly one line end at its end is not part of the secret."""
    origin = f"secret file {path}"
    if name not in LEAVES:
        layer.report(short(name), origin, "there is no such key", meant(name, LEAVES))
        return
    try:
        # O_NONBLOCK: a pipe by that name must not hold the start up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - an open file, not a path
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                layer.spoiled.add(name)
                layer.report(name, origin, "it is not a regular file", "put a plain file there")
                return
            exposed_to = secrecy.readers(descriptor)
            content = file.read(SECRET_BYTES_MAX + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        layer.spoiled.add(name)
        layer.report(name, origin, f"it can not be read: {why}", "make it readable by the worker")
        return
    if exposed_to:
        layer.report(name, origin, f"the file is readable by {exposed_to}", secrecy.REMEDY)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""  # Its own words would quote the bytes.
    if not text or len(content) > SECRET_BYTES_MAX:
        layer.spoiled.add(name)
        layer.report(name, origin, "it is empty, too large or not text", "write the value into it")
        return
    _put_text(layer, name, text.removesuffix("\n"), origin)


def _put_text(layer: Layer, key: str, text: str, origin: str) -> None:
    """Read a value that was given as text, in the way its key wants it."""
    if not text:
        layer.spoiled.add(key)
        layer.report(key, origin, "it is empty", "give it a value or remove it")
    kind = LEAVES[key]
    value: object = text
    if kind == "number" and _NUMBER.fullmatch(text):
        value = float(text) if "." in text else int(text)
    elif kind == "switch" and text in {"true", "false"}:
        value = text == "true"
    elif kind == "json" and text:
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            example = '[{"id": 9975}]' if key == "locations" else '{"*": 1250}'
            layer.report(key, origin, "it is not valid JSON", f"write it like {example}")
            layer.spoiled.add(key)
    layer.put(key, value, origin)


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
