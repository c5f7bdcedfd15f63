"""A stand-in for Paysera's Wallet API, the part that Scan and Pay needs, over real HTTP.

It keeps state, checks signatures with its own code and refuses what the vendor would refuse. It
moves no money, talks to nobody, and shares no code with the worker. What it assumes is told at
`/_sandbox/assumptions`; only a test with small real amounts can prove those.
"""

from __future__ import annotations

from .app import create_app
from .manners import Manners, read_recording
from .options import SandboxOptions
from .server import serve
from .state import Sandbox

__all__ = [
    "Manners",
    "Sandbox",
    "SandboxOptions",
    "create_app",
    "read_recording",
    "serve",
]
