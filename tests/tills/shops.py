"""Every shop that the contract is held against."""

from pathlib import Path
from typing import Final

from tests.tills.command_shop import CommandShop
from tests.tills.fixed_shop import FixedShop
from tests.tills.folder_shop import FolderShop
from tests.tills.http_shop import HttpShop
from tests.tills.plugin_shop import PluginShop
from tests.tills.servers import Server
from tests.tills.shop import Shop
from tests.tills.sql_shop import SqlShop, sqlite_server

SHOPS: Final = {
    "fixed": "FixedShop",
    "folder": "FolderShop",
    "http": "HttpShop",
    "sqlite": "SqlShop",
    "postgresql": "SqlShop",
    "mariadb": "SqlShop",
    "command": "CommandShop",
    "plugin": "PluginShop",
}
"""Each with the class that plays it."""
NAMING: Final = tuple(name for name in SHOPS if name != "fixed")
"""Shops whose bills have ids, so that they can be paid and put away."""
LOCKING: Final = ("http", "command", "plugin")
"""Shops that can keep a bill from being changed while it is paid."""
SERVERS: Final = ("postgresql", "mariadb")
"""Shops in a database with a server, which is started once for all tests."""


def make_shop(name: str, folder: Path, server: Server | None = None) -> Shop:
    """Make a shop in a folder of its own, or at a server."""
    match name:
        case "http":
            return HttpShop()
        case "sqlite":
            return SqlShop(sqlite_server(folder))
        case "postgresql" | "mariadb":
            assert server is not None, "somebody started its server"
            return SqlShop(server)
        case "fixed":
            return FixedShop(folder)
        case "folder":
            return FolderShop(folder)
        case "command":
            return CommandShop(folder)
        case _:
            return PluginShop(folder)
