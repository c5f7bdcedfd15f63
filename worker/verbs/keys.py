"""How to run a verb that needs the MAC key where only the service has it."""

import pwd
import shlex
from pathlib import Path
from typing import Final

from worker.settings import Settings

KEY_FILE: Final = "/etc/paysera-worker/wallet.mac_key"


def how_to_have_the_key(settings: Settings, verb: str) -> str:
    """Give the line that runs a verb as the worker's user with the service's own credential."""
    words = [
        "sudo", "systemd-run", "--pipe", "--wait", "--collect", "--quiet",
        f"--uid={owner_of(settings.journal.path)}",
        f"--property=LoadCredential=wallet.mac_key:{KEY_FILE}",
        "paysera-worker", *verb.split(),
    ]  # fmt: skip
    return f"Type: {shlex.join(words)}"


def owner_of(path: Path) -> str:
    """Name the journal's owner, else the user of the README."""
    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except (OSError, KeyError):
        return "paysera-worker"
