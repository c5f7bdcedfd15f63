"""What stands between a venue and Paysera: a name server, and a front end that speaks TLS."""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

CERTIFICATES: Final = Path(__file__).parents[1] / "certificates"
NAME: Final = "wallet.example"
PORT: Final = 8443
_ADDRESS: Final = bytes((127, 0, 0, 1))
_A_RECORD: Final = 1


class _NameServer(asyncio.DatagramProtocol):
    """Knows one name, and that it has no IPv6 address."""

    def __init__(self) -> None:
        self.asked = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The selector loop's own class does not name the one that it stands for.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        end = data.index(b"\0", 12) + 1
        question, kind = data[12 : end + 4], struct.unpack_from("!H", data, end)[0]
        labels = b"".join(bytes((len(part),)) + part.encode() for part in NAME.split("."))
        is_known = data[12:end].lower() == labels + b"\0"
        answers = is_known and kind == _A_RECORD
        self.asked += is_known
        head = data[:2] + struct.pack("!HHHHH", 0x8580 | (not is_known) * 3, 1, answers, 0, 0)
        answer = struct.pack("!HHHLH", 0xC00C, _A_RECORD, 1, 1, 4) + _ADDRESS if answers else b""
        self._transport.sendto(head + question + answer, addr)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@contextmanager
def gateway(sandbox_port: int) -> Iterator[_NameServer]:
    """Serve the sandbox at https://wallet.example:8443, found by asking 127.0.0.1 for the name."""
    loop = asyncio.new_event_loop()
    names = _NameServer()

    async def open_all() -> None:
        await loop.create_datagram_endpoint(lambda: names, local_addr=("127.0.0.1", 53))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(CERTIFICATES / "elsewhere.pem")
        await asyncio.start_server(carry, "127.0.0.1", PORT, ssl=tls)

    async def close_all() -> None:
        names.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection("127.0.0.1", sandbox_port)
        # Cancelled at the end, and asyncio would complain about a cancelled handler.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_pump(reader, inner[1]), _pump(inner[0], writer))

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(open_all(), loop).result(10)
        yield names
    finally:
        asyncio.run_coroutine_threadsafe(close_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass  # One side hung up; so does the other.
    finally:
        writer.close()


@contextmanager
def silent_name_server() -> Iterator[socket.socket]:
    """Take every question and answer none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 53))
        wire.settimeout(30.0)
        yield wire
