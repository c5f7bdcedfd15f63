"""Every shop that the contract is held against."""

import importlib
from pathlib import Path
from typing import Final, Protocol

from tests.tills.shop import Shop

SHOPS: Final = {
    "fixed": "FixedShop",
    "folder": "FolderShop",
    "plugin": "PluginShop",
}
"""By the name of its module, without `_shop`; each is made with a folder of its own. One line for
each connector."""


class Unholdable(Exception):
    """The shop's books have no way to say this, so it can not come from there."""


class HangsByLocation(Protocol):
    """A shop that can hang at one location only, because its connector can tell them apart."""

    async def hang_at(self, location_id: int) -> None:
        """Take far longer than anybody waits, at this location, from now on."""


def make_shop(name: str, folder: Path) -> Shop:
    """Make a shop; its libraries are loaded only now."""
    made: Shop = getattr(importlib.import_module(f"tests.tills.{name}_shop"), SHOPS[name])(folder)
    return made
