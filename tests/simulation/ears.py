"""Listening to what workers say in their logs, at the price of a function call a line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import structlog

from tests.simulation.loop import OWNER

Heard = Callable[[object, str, str], None]

HEARD: Final = frozenset(
    {
        "transaction.confirmed",
        "notice.accepted",
        "visit.closed",
        "visit.crashed",
        "visit.surprised",
        "visit.parked",
        "worker.twin_seen",
        "transaction.foreign",
    }
)


class Ear:
    """Stands where a logger does."""

    heard: Heard | None = None

    def __init__(self, *_: object, **__: object) -> None: ...

    def bind(self, **_: object) -> "Ear":
        """Stay as it is."""
        return self

    new = bind

    def debug(self, event: str, **_: object) -> None:
        """Hear what nobody has to prove."""

    def info(self, event: str, **fields: Any) -> None:
        """Hear a line."""
        if event in HEARD and Ear.heard is not None:
            what = f"{event} {fields.get('error', '')} {fields.get('why', '')}"
            Ear.heard(OWNER.get(), what, str(fields.get("visit", "")))

    warning = error = info


@contextmanager
def listening(heard: Heard) -> Iterator[None]:
    """Listen for the length of an evening."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=cast("Any", Ear), cache_logger_on_first_use=False)
    Ear.heard = heard
    try:
        yield
    finally:
        Ear.heard = None
        structlog.configure(**before)
