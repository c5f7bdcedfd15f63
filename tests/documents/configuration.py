"""docs/configuration.md: every setting, from the classes that read it."""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from worker.settings.layers import PREFIX
from worker.settings.model import LEAVES, SECRETS, SECTIONS
from worker.settings.tills import TILLS, BillingTill

HEAD: Final = """\
# Settings

Settings are read once, at the start; to change one, change it and restart the worker, which resumes
its open visits. Three places are read, the later over the earlier:

1. **A TOML file**: `--config`, else `PAYSERA_WORKER_CONFIG`, else
   `/etc/paysera-worker/worker.toml`. One to start from is
   [config/worker.example.toml](../config/worker.example.toml).
2. **Environment variables**, named below. What is not text is written as JSON.
3. **Secret files**, each named for its key, in `/run/secrets` (Docker) and `$CREDENTIALS_DIRECTORY`
   (systemd). A file holds the value and nothing else, and its owner alone may read it. Any key can
   be given so; the secrets should be: {secrets}.

What is unknown, out of range, or readable by the wrong people is an error that names the key, where
its value came from and what to do; `paysera-worker check-config` says it before it matters, and
`check-config --print` shows what is in force and where each value came from, secrets masked.

This page is made from the classes that read the settings, by `make docs`, and checked by the tests.
"""
UNITS: Final = {"_s": "seconds", "_minor": "minor units", "_ms": "milliseconds"}


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Give the text below each field of a class, as it stands in its source."""
    module = ast.parse(inspect.getsource(sys.modules[model.__module__]))
    found = {}
    for part in module.body:
        if not isinstance(part, ast.ClassDef) or part.name != model.__name__:
            continue
        for field, below in zip(part.body, part.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(meaning))),
                ):
                    found[name] = " ".join(meaning.split())
    return found


def default_of(field: FieldInfo) -> str:
    """Say what holds when the key is left out."""
    if field.is_required():
        return "**Required.**"
    value = field.default
    if value is None:
        return "Default: none."
    written = str(value) if isinstance(value, Path) else value
    return f"Default: `{json.dumps(written, ensure_ascii=False)}`."


def entry(section: str, name: str, field: FieldInfo, meaning: str) -> Iterator[str]:
    """Write one key."""
    key = f"{section}.{name}"
    rule = str(field.description)
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
    yield f"### `{key}`" + (" (secret)" if key in SECRETS else "")
    yield ""
    yield meaning
    yield ""
    yield f"- Must be {rule}." + (f" Unit: {unit}." if unit and unit not in rule else "")
    yield f"- {default_of(field)}"
    if key in LEAVES:
        variable = f"{PREFIX}{section}__{name}".upper()
        kind = " (JSON)" if LEAVES[key] == "json" else ""
        yield f"- Variable `{variable}`{kind}, file `{key}`."
    else:
        variable = f"{PREFIX}{section}".upper()
        yield f"- With the whole list: variable `{variable}` (JSON), file `{section}`."
    yield ""


def table(section: str, model: type[BaseModel], skipped: frozenset[str]) -> Iterator[str]:
    """Write every key of a class but those that are told elsewhere."""
    said = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            said.update(meanings(kind))
    for name, field in model.model_fields.items():
        if name not in skipped:
            yield from entry(section, name, field, said[name])


def tills() -> Iterator[str]:
    """Write what each kind of till is told."""
    shared = frozenset(BillingTill.model_fields)
    yield from ["Which keys there are depends on `till.kind`.", ""]
    for kind, model in TILLS.items():
        about = inspect.cleandoc(model.__doc__ or "")
        yield from [f'## [till], kind = "{kind}"', "", about, ""]
        skipped = shared if kind == "fixed" else shared | {"kind"}
        yield from table("till", model, skipped)
    yield from ['## [till], every kind but "fixed"', ""]
    yield from table("till", BillingTill, frozenset())


def text() -> str:
    """Write the page."""
    lines = [HEAD.format(secrets=", ".join(f"`{key}`" for key in SECRETS))]
    for section, models in SECTIONS.items():
        brackets = f"[[{section}]]" if section == "locations" else f"[{section}]"
        if section == "till":
            lines += ["## [till]", "", *tills()]
            continue
        about = inspect.cleandoc(models[0].__doc__ or "")
        lines += [f"## {brackets}", "", about, "", *table(section, models[0], frozenset())]
    return "\n".join(lines).rstrip() + "\n"
