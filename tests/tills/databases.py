"""Fixtures: each kind of database that a till can be in. A conftest imports them by name."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.tills import servers
from tests.tills.servers import Server
from tests.tills.sql_shop import SqlShop, sqlite_server

KINDS = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """One for the whole session."""
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """One for the whole session."""
    with servers.mariadb() as server:
        yield server


@pytest.fixture(params=KINDS)
def database_server(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    """Each kind in turn."""
    if request.param == "sqlite":
        return sqlite_server(tmp_path)
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, Server)
    return server


@pytest.fixture
async def shop(database_server: Server) -> AsyncIterator[SqlShop]:
    """A shop that is open, with nothing owed."""
    found = SqlShop(database_server)
    await found.open()
    yield found
    await found.close()
