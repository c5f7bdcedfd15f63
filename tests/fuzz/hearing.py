"""Hear what the real log would say, and leave everything as it was."""

import contextlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from worker.adapters import logs


@dataclass(frozen=True)
class Heard:
    """What the log said."""

    stream: io.StringIO

    def lines(self) -> list[str]:
        """Give its lines, cut only where the log itself ends them."""
        text = self.stream.getvalue()
        assert not text or text.endswith("\n")
        return text.split("\n")[:-1]


@contextlib.contextmanager
def hearing(fmt: logs.Format = "json") -> Iterator[Heard]:
    """Send the log into memory for a while."""
    root = logging.getLogger()
    handlers, level, before = list(root.handlers), root.level, structlog.get_config()
    heard = Heard(io.StringIO())
    logs.configure(level="debug", fmt=fmt, stream=heard.stream, environ={})
    try:
        yield heard
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
        root.setLevel(level)
