"""Every journal there is, one after the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.entries import Journal
from worker.adapters.journal.memory import MemoryJournal
from worker.adapters.journal.sqlite import SqliteJournal


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        kept: Journal = MemoryJournal()
    else:
        kept = SqliteJournal.open(tmp_path / "journal.db")
    yield kept
    await kept.aclose()
