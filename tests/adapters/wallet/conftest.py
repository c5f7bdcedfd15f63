"""A stage, a clock and a client for each test."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from worker.adapters.wallet import WalletClient

from .clockwork import LoopClock
from .stage import Stage

CLIENT_ID = "wkVd93h2uS"
MAC_KEY = "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU"

MakeClient = Callable[..., WalletClient]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A server that plays what it is told."""
    stage = Stage()
    tasks: set[asyncio.Task[None]] = set()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(stage.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(welcome, "127.0.0.1", 0, limit=2**20)
    stage.port = server.sockets[0].getsockname()[1]
    yield stage
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def clock() -> LoopClock:
    """A clock that is right."""
    return LoopClock()


@pytest.fixture
async def make_client(clock: LoopClock) -> AsyncIterator[MakeClient]:
    """Make clients that are closed when the test ends."""
    made: list[WalletClient] = []

    def make(base_url: str, **changes: Any) -> WalletClient:
        options: dict[str, Any] = {
            "client_id": CLIENT_ID,
            "mac_key": MAC_KEY,
            "timeout_s": 5.0,
            "clock": clock,
            "dice": random.Random(7),
        }
        client = WalletClient(base_url=base_url, **{**options, **changes})
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def client(stage: Stage, make_client: MakeClient) -> WalletClient:
    """A client of the stage."""
    return make_client(stage.url)
