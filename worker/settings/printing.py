"""Show the settings as they are in force, each with its origin. A secret is never shown."""

import json
from pathlib import Path
from typing import Final

from pydantic import BaseModel, SecretStr

from worker.settings.model import Settings

_MASK: Final = '"********"'
_COMMENT_COLUMN: Final = 44


def describe(settings: Settings) -> list[str]:
    """Give the lines of a TOML file that would mean the same, secrets masked."""
    lines: list[str] = []
    for section in Settings.model_fields:
        value = getattr(settings, section)
        if isinstance(value, BaseModel):
            lines += ["", f"[{section}]"]
            lines += _entries(settings, (section,), value)
        else:
            for entry in value:
                lines += ["", f"[[{section}]]"]
                lines += _entries(settings, (section,), entry)
    return lines[1:]


def _entries(settings: Settings, path: tuple[str, ...], model: BaseModel) -> list[str]:
    """Give the lines of one table; a table within it comes after its plain values."""
    lines: list[str] = []
    tables: list[str] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        here = (*path, name)
        if isinstance(value, dict):
            tables += ["", f"[{'.'.join(here)}]"]
            for key, item in value.items():
                tables.append(_line(json.dumps(key), item, settings.origin_of(*here, key)))
        elif value is not None:  # TOML has no word for what is not given.
            lines.append(_line(name, value, settings.origin_of(*here)))
    return lines + tables


def _line(name: str, value: object, origin: str) -> str:
    return f"{name} = {_written(value)}".ljust(_COMMENT_COLUMN) + f"  # {origin}"


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return _MASK
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    return str(value)
