"""A folder for one input: in memory where the machine has such a place, for there are thousands."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_IN_MEMORY: Final = "/dev/shm"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder, and take it away again with all that is in it."""
    place = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(dir=place, prefix="fuzz-") as name:
        yield Path(name)
