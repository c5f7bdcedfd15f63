"""Show the settings as they are in force, each with its origin. A secret is never shown."""

import json
import re
from datetime import date, time
from pathlib import Path
from typing import Final

from pydantic import BaseModel, SecretStr

from worker.settings.model import Settings

_MASK: Final = '"********"'
_COMMENT_COLUMN: Final = 44
_SECRET_NAME: Final = re.compile(r"secret|passw|token|credential|key$|pin$", re.IGNORECASE)
"""What a plug-in's own setting may be called if it is a secret: only its name can tell."""


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
                shown = _without_secrets(key, item) if name == "options" else item
                tables.append(_line(_written(key), shown, settings.origin_of(*here, key)))
        elif value is None:  # What is not there can not be written as a value.
            lines.append(f"# {name} is not set")
        else:
            lines.append(_line(name, value, settings.origin_of(*here)))
    return lines + tables


def _line(name: str, value: object, origin: str) -> str:
    return f"{name} = {_written(value)}".ljust(_COMMENT_COLUMN) + f"  # {origin}"


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return _MASK
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_written(item) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_written(key)} = {_written(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _without_secrets(name: str, value: object) -> object:
    """Mask what its name gives away as a secret, however deep it stands."""
    if isinstance(value, dict):
        return {key: _without_secrets(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(name, item) for item in value]
    return SecretStr("") if _SECRET_NAME.search(name) else value
