"""Raw servers on loopback, as many as a test wants, with or without a certificate."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.adapters.wallet.conftest import client, clock, make_client, stage
from tests.adapters.wallet.stage import Stage

__all__ = ["client", "clock", "make_client", "open_stage", "stage"]

OpenStage = Callable[..., Awaitable[Stage]]


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None) -> AsyncIterator[Stage]:
    """Serve a stage until the end, and leave none of its connections behind."""
    one = Stage()
    tasks: set[asyncio.Task[None]] = set()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(one.serve(reader, writer)))

    server = await asyncio.start_server(welcome, "127.0.0.1", 0, limit=2**20, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def open_stage() -> AsyncIterator[OpenStage]:
    """Open further stages beside the usual one; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def open_one(tls: ssl.SSLContext | None = None) -> Stage:
            return await stack.enter_async_context(serving(tls))

        yield open_one
