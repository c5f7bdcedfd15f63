"""A small set of settings that works, and ways to read it and to be refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from worker.settings import Settings, SettingsError, load

SECRET = "IrdTc8uQodU7PRpL-never-shown"
BASE = """
[wallet]
client_id = "our-client"
[[locations]]
id = 9975
name = "Main hall"
[till.prices]
"*" = 1250
"""
KEY = {"PAYSERA_WORKER_WALLET__MAC_KEY": SECRET}


def read(tmp_path: Path, toml: str = BASE, environ: Mapping[str, str] = KEY) -> Settings:
    file = tmp_path / "worker.toml"
    file.write_text(toml)
    file.chmod(0o600)
    return load(file, environ, secrets_dir=tmp_path / "secrets")


def refused(tmp_path: Path, toml: str = BASE, environ: Mapping[str, str] = KEY) -> str:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, toml, environ)
    report = str(caught.value)
    assert SECRET not in report
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert len(report.splitlines()) == 1 + len(caught.value.problems)
    return report


def either(
    tmp_path: Path, toml: str = BASE, environ: Mapping[str, str] = KEY
) -> tuple[Settings | None, str]:
    try:
        return read(tmp_path, toml, environ), ""
    except SettingsError as error:
        return None, str(error)


def put_secret(folder: Path, name: str, content: bytes, mode: int = 0o400) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    path.chmod(mode)
    return path
