"""Connectors that somebody else wrote: found by name among what is installed beside the worker."""

import inspect
from collections.abc import Mapping
from importlib import metadata
from typing import Final, cast

from worker.adapters.till.connector import Connector, TillError
from worker.adapters.till.text import shown

GROUP: Final = "paysera_worker.tills"
"""The entry point group that a package names its connector in."""

METHODS: Final = ("open_bills", "lock", "unlock", "post", "check", "aclose")


class UnusablePlugin(TillError):
    """Why a plug-in can not be used: one sentence for the operator."""


def load(name: str, options: Mapping[str, object]) -> Connector:
    """Make the connector that is installed under a name.

    Args:
        name: the entry point's name in the group `paysera_worker.tills`.
        options: what the operator wrote under `[till.options]`, handed on as it is.

    Raises:
        UnusablePlugin: there is none, there are two, it can not be made, or it is no connector.

    """
    found = list(metadata.entry_points(group=GROUP))
    chosen = [point for point in found if point.name == name]
    if not chosen:
        names = ", ".join(sorted({shown(point.name, 60) for point in found})) or "none"
        raise UnusablePlugin(
            f"No till named {shown(name, 60)} is installed (installed: {names}). Install its "
            "package into the worker's own environment, or correct till.name."
        )
    if len(chosen) > 1:
        makers = ", ".join(sorted({_package(point) for point in chosen}))
        raise UnusablePlugin(
            f"{len(chosen)} tills named {shown(name, 60)} are installed, by: {makers}. Remove all "
            "but one."
        )
    label = f"The till {shown(name, 60)} of the package {_package(chosen[0])}"
    try:
        made = chosen[0].load()(options)
    except (Exception, SystemExit) as error:  # A stranger's code, at the start: all of it is told.
        why = shown(f"{type(error).__name__}: {error}", 300)
        raise UnusablePlugin(f"{label} could not be made: {why}. See to till.options.") from error
    wrong = _what_is_missing(made)
    if wrong:
        raise UnusablePlugin(f"{label} is no connector: {wrong}. Tell whoever made it.")
    return cast("Connector", made)


def _package(point: metadata.EntryPoint) -> str:
    return shown(point.dist.name, 60) if point.dist is not None else "of an unknown package"


def _what_is_missing(made: object) -> str:
    """Say what keeps an object from being a connector; empty: nothing."""
    for method in METHODS:
        if not inspect.iscoroutinefunction(getattr(made, method, None)):
            return f"it has no async method {method}"
    if type(getattr(made, "can_lock", None)) is not bool:
        return "its can_lock is neither True nor False"
    return ""
