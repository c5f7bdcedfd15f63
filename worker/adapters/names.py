"""Look up the wallet's address, and wait for no answer at the end.

The loop's own way hands the question to a pool of threads that everybody waits for when the process
ends. With a name server that does not answer, that is half a minute and more, and a stop has ten
seconds.
"""

import asyncio
import socket
import threading
from typing import Final, Literal

LOOKUPS_MAX: Final = 16
"""As many as calls can be under way. Threads of a dead name server pile up for no longer than its
resolver is patient, and never beyond this."""

V4 = Literal[socket.AddressFamily.AF_INET]
V6 = Literal[socket.AddressFamily.AF_INET6]
Found = list[
    tuple[V4, socket.SocketKind, int, str, tuple[str, int]]
    | tuple[V6, socket.SocketKind, int, str, tuple[str, int, int, int] | tuple[int, bytes]]
]
"""What `socket.getaddrinfo` gives."""


class NamesLoop(asyncio.SelectorEventLoop):
    """The usual loop, but each name is looked up by a thread that ends with the process."""

    def __init__(self) -> None:
        super().__init__()
        self._lookups = 0

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - asyncio's own name for it
        proto: int = 0,
        flags: int = 0,
    ) -> Found:
        """Give the addresses of a name.

        Raises:
            socket.gaierror: there are none, or too many questions have no answer yet.

        """
        if self._lookups >= LOOKUPS_MAX:
            raise socket.gaierror(socket.EAI_AGAIN, "the name server does not answer")
        answer: asyncio.Future[Found] = self.create_future()

        def ask() -> None:
            try:
                found = socket.getaddrinfo(host, port, family, type, proto, flags)
            except Exception as exc:  # Whatever it is, it belongs to whoever asked.
                self._hand_over(answer, exc)
            else:
                self._hand_over(answer, found)

        self._lookups += 1
        try:
            threading.Thread(target=ask, name="names", daemon=True).start()
        except RuntimeError:
            self._lookups -= 1
            raise socket.gaierror(socket.EAI_AGAIN, "no thread to look the name up") from None
        return await answer

    def _hand_over(self, answer: asyncio.Future[Found], result: Found | Exception) -> None:
        """Give the answer to the loop's thread, if there still is a loop."""
        try:
            self.call_soon_threadsafe(self._take, answer, result)
        except RuntimeError:
            return  # It was closed meanwhile: nobody asks any more.

    def _take(self, answer: asyncio.Future[Found], result: Found | Exception) -> None:
        self._lookups -= 1
        if answer.done():
            return  # Whoever asked had no more time.
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)
