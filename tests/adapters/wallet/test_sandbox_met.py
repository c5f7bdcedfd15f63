"""Credentials for the real wallet never take a sandbox for it, and the other way round."""

import asyncio

from worker.adapters.wallet import shapes
from worker.domain.ids import LocationId, SpotId
from worker.domain.outcome import Done, Unknown, Unsent

from .conftest import MakeClient

BODY = b'{"spots":[],"_metadata":{"total":0,"offset":0,"limit":20}}'
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nX-Sandbox: 1\r\n"
    b"content-length: %d\r\n\r\n"
)


async def test_nothing_is_sent_once_a_sandbox_has_answered(make_client: MakeClient) -> None:
    """The first answer decides nothing, and after it neither a read nor a write leaves."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked.append(head.split(b"\r\n", 1)[0])
                writer.write(HEAD % len(BODY) + BODY)
                await writer.drain()
        finally:
            writer.close()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.get_running_loop().create_task(answer(reader, writer)))

    tasks: list[asyncio.Task[None]] = []
    server = await asyncio.start_server(welcome, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/rest/v1"
    try:
        stranger = make_client(url, client_id="a-real-client")
        assert await stranger.list_waiting_spots(LocationId(1)) == Unknown(shapes.SANDBOX_MET)
        assert stranger.health.is_sandbox
        assert isinstance(await stranger.list_waiting_spots(LocationId(1)), Unsent)
        assert isinstance(await stranger.close_spot(SpotId("501")), Unsent)
        assert len(asked) == 1

        ours = make_client(url)
        assert isinstance(await ours.list_waiting_spots(LocationId(1)), Done)
        assert not ours.health.is_sandbox
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
