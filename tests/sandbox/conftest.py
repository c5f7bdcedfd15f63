"""Benches: a sandbox in this process, and one behind a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from worker.sandbox import SandboxOptions, create_app, serve

from .bench import Bench

BenchMaker = Callable[[SandboxOptions], AbstractAsyncContextManager[Bench]]


@contextlib.asynccontextmanager
async def open_bench(options: SandboxOptions) -> AsyncIterator[Bench]:
    """Open a bench without a socket."""
    app = create_app(options)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        yield Bench(http, app.state.sandbox)


@pytest.fixture
def bench_with() -> BenchMaker:
    """Open benches with options of the test's own."""
    return open_bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Give a sandbox in this process and a signing client to it."""
    async with open_bench(SandboxOptions(spots=3)) as opened:
        yield opened


@contextlib.asynccontextmanager
async def listening(options: SandboxOptions) -> AsyncIterator[int]:
    """Serve a sandbox on a free port and give the port."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(options, on_ready=ready.set_result, stop=stop))
        try:
            yield await ready
        finally:
            stop.set()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Serve a sandbox with three tables on a real socket."""
    async with listening(SandboxOptions(port=0, spots=3)) as number:
        yield number
