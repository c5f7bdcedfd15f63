"""A shop with an endpoint for many locations, one of which can stop answering."""

import asyncio
import json
import sys
import urllib.parse

HANG_S = 60.0


class Shop:
    """Answers `GET /bills` with one open bill, wherever it is asked."""

    def __init__(self, hanging: int) -> None:
        self._hanging = hanging
        self._does_hang = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                target = head.split(b" ", 2)[1].decode()
                asked = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)
                await self._answer(asked, target, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(
        self, asked: dict[str, list[str]], target: str, writer: asyncio.StreamWriter
    ) -> None:
        if target.startswith("/hang/"):
            self._does_hang = target == "/hang/yes"
            asked = {}
        location = int(asked.get("location_id", ["0"])[0])
        if self._does_hang and location == self._hanging:
            await asyncio.sleep(HANG_S)
        bill = {"bill_id": f"B-{location}", "amount_minor": 1250, "currency": "EUR"}
        body = json.dumps({"bills": [bill]}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()


async def main(hanging: int) -> None:
    server = await asyncio.start_server(Shop(hanging).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
