"""What a sandbox is told at its start, and where it refuses to listen.

Nothing here reads the environment or a file: whoever starts a sandbox says everything in one value.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from .manners import Manners


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """The settings of one sandbox. The credentials are the vendor's published sample."""

    host: str = "127.0.0.1"
    port: int = 8800  # 0 = any free port
    client_id: str = "wkVd93h2uS"
    mac_key: str = "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU"
    spots: int = 12  # table1 ... tableN
    location_id: int = 9975
    customers: int = 0  # scripted guests that keep coming
    visits_max: int | None = None  # visits that scripted guests start in all; None = no bound
    seed: int = 1
    faults: float = 0.0  # probability that a vendor call suffers a fault
    allow_remote: bool = False
    manners: Manners = field(default_factory=Manners)  # what it answers where documents are silent


def check(options: SandboxOptions) -> None:
    """Raise ValueError, with a sentence for a person, when the options cannot be served."""
    if not options.allow_remote and not is_loopback(options.host):
        msg = (
            f"The sandbox answers unsigned control calls, so it listens on loopback only; "
            f"host {options.host!r} is not. Use 127.0.0.1, or allow remote access explicitly."
        )
        raise ValueError(msg)
    if not 0 <= options.port <= 65535:
        msg = f"port must be between 0 and 65535, not {options.port}."
        raise ValueError(msg)
    if not 0.0 <= options.faults <= 1.0:
        msg = f"faults is a probability between 0 and 1, not {options.faults}."
        raise ValueError(msg)
    for name in ("spots", "customers"):
        if getattr(options, name) < 0:
            msg = f"{name} must not be negative."
            raise ValueError(msg)


def is_loopback(host: str) -> bool:
    """Say whether a host name or address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
