"""Every journal and every till there is, one after the other."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.till.support import Ticks
from tests.contract.entries import Journal
from tests.contract.tills import LIMIT_S
from tests.tills.databases import mariadb_server, postgresql_server
from tests.tills.shop import Shop, Unholdable
from tests.tills.shops import SERVERS, SHOPS, make_shop
from worker.adapters.journal.memory import MemoryJournal
from worker.adapters.journal.sqlite import SqliteJournal
from worker.adapters.till import GuardedTill

__all__ = ["mariadb_server", "postgresql_server"]


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        kept: Journal = MemoryJournal()
    else:
        kept = SqliteJournal.open(tmp_path / "journal.db")
    yield kept
    await kept.aclose()


@pytest.fixture(params=SHOPS)
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop that is open for the test."""
    name = request.param
    server = request.getfixturevalue(f"{name}_server") if name in SERVERS else None
    shop = make_shop(name, tmp_path, server)
    await shop.open()
    yield shop
    with contextlib.suppress(Unholdable):
        await shop.mend()
    await shop.close()


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
async def till(shop: Shop, clock: Ticks) -> GuardedTill:
    """The guarded way to the shop; the shop's closing closes its end."""
    return GuardedTill(shop.connector(), clock, LIMIT_S, has_ids=shop.knows_ids)
