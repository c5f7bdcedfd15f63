"""Which documents are made, and from what."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.documents import configuration, events, hour, transitions

ROOT: Final = Path(__file__).parents[2]
MADE: Final[Mapping[str, Callable[[], str]]] = {
    "docs/transitions.md": transitions.text,
    "docs/configuration.md": configuration.text,
    "docs/events.md": events.text,
    "docs/sample-log.txt": hour.text,
}
