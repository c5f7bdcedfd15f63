"""The databases are shared by everything here that needs one."""

from tests.tills.databases import database_server, mariadb_server, postgresql_server, shop

__all__ = ["database_server", "mariadb_server", "postgresql_server", "shop"]
