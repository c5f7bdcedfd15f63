"""How to run a verb that needs the MAC key where only the service has it."""

import os
import pwd
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from worker.settings import CONFIG_VARIABLE, Settings

KEY_FILE: Final = "/etc/paysera-worker/wallet.mac_key"


def how_to_have_the_key(settings: Settings, typed: Sequence[str]) -> str:
    """Give the line that runs what was typed as the worker's user with the service's credential.

    Such a unit has neither this shell's folder nor its environment, so the settings are named.
    """
    words = [
        "sudo", "systemd-run", "--pipe", "--wait", "--collect", "--quiet",
        f"--uid={owner_of(settings.journal.path)}",
        f"--property=LoadCredential=wallet.mac_key:{KEY_FILE}",
        "paysera-worker", *with_whole_config(typed, os.environ),
    ]  # fmt: skip
    return f"Type: {shlex.join(words)}"


def with_whole_config(typed: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Give what was typed with the settings file named from the root on."""
    words, option = list(typed), "--config"
    for number, word in enumerate(words):
        if word.startswith(f"{option}="):
            words[number] = f"{option}={Path(word.removeprefix(f'{option}=')).absolute()}"
        elif number and words[number - 1] == option:
            words[number] = str(Path(word).absolute())
    named = environ.get(CONFIG_VARIABLE)
    if named and not any(word.split("=")[0] == option for word in words):
        words += [option, str(Path(named).absolute())]
    return words


def owner_of(path: Path) -> str:
    """Name the journal's owner, else the user of the README."""
    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except (OSError, KeyError):
        return "paysera-worker"
