"""Tell systemd how we are. Without systemd nothing is told, and nothing here ever raises."""

import os
import socket
from collections.abc import Mapping
from typing import Final

_STATUS_CHARS_MAX: Final = 500


class Herald:
    """The wire to systemd, open as long as the worker runs.

    Args:
        environ: where systemd says how to reach it; None: this process's own environment.

    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        name = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name

    def ready(self) -> None:
        """Say that the worker is up: it can close what is open, whether or not the wallet is."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Give the one line that `systemctl status` shows."""
        self._send("STATUS=" + " ".join(text[:_STATUS_CHARS_MAX].split()))

    def stopping(self) -> None:
        """Say that the worker is going down by its own will."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Say that every loop has turned."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            # Never blocks: a full queue means that systemd has enough to read.
            kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            with socket.socket(socket.AF_UNIX, kind) as wire:
                wire.sendto(state.encode("utf-8", "replace"), self._address)
        except (OSError, ValueError):
            return  # Nobody listens, or its name is no name: the payments matter more.
