"""A program of the shop's: one process for each question, JSON on standard input and output.

`docs/till-command.md` is the contract as a shop's programmer reads it. The program is run as it
stands in the settings, never by a shell, sees none of the worker's secrets in its environment, and
is over when its question is: by itself, or by force.
"""

import asyncio
import errno
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from worker.adapters.till.command_answer import bill_in, bills_in, expect_nothing, raise_unless_done
from worker.adapters.till.connector import BillGone, Document, TillError
from worker.adapters.till.notice_body import notice_body
from worker.adapters.till.plain_json import READ_AT_ONCE_BYTES
from worker.adapters.till.process import KILL_AFTER_S, Ended, Overflowed, Process
from worker.adapters.till.program import check_program, environment
from worker.adapters.till.text import file_label
from worker.adapters.till.turns import Turns
from worker.domain.notice import Notice

VERSION: Final = 1
"""Of the requests; a change that an older program could misread gets another number."""
TIME_LIMIT_S: Final = 4.5
"""For a question with all that belongs to it, the wait for a turn too. A little less than the guard
waits, so that what the log says is what was late."""

T = TypeVar("T")


class CommandTill:
    """A till that is a program.

    Args:
        argv: the program's whole path and its own arguments; the question's name is put after them.
        can_lock: whether it knows `lock` and `unlock`.
        environ: where PATH, LANG, TZ and HOME are taken from; nothing else is passed on.
        time_limit_s: how long one question may take.
        kill_after_s: how long after that it may take to end before it is killed.
        turns: how many may be at work at once.

    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        can_lock: bool,
        environ: Mapping[str, str],
        time_limit_s: float = TIME_LIMIT_S,
        kill_after_s: float = KILL_AFTER_S,
        turns: Turns | None = None,
    ) -> None:
        self._argv = tuple(argv)
        self._program = Path(self._argv[0])
        self._can_lock = can_lock
        self._environ = environment(environ)
        self._time_limit_s = time_limit_s
        self._kill_after_s = kill_after_s
        self._turns = turns or Turns()
        self._running: set[Process] = set()
        self._is_closed = False

    @property
    def can_lock(self) -> bool:
        """Whether bills can be locked while they are being paid."""
        return self._can_lock

    async def open_bills(self, location_id: int, spot: str) -> Sequence[Document]:
        """Give every open bill of a spot, oldest first; none: it owes nothing.

        Raises:
            TillError: the program could not tell, or not in a way that can be read.

        """
        request = _request("bills", location_id=location_id, spot=spot)
        return await self._ask("bills", request, location_id, bills_in)

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Document:
        """Keep a bill from being changed for so long, and give it as it is now. Again: the same.

        Raises:
            BillGone: it is not owed any more.
            TillError: it is not locked, or nobody knows.

        """
        request = _request(
            "lock",
            location_id=location_id,
            spot=spot,
            bill_id=bill_id,
            visit=visit,
            seconds=seconds,
        )
        return await self._ask("lock", request, location_id, bill_in)

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Let a bill be changed again. Of a bill that is not locked by this visit: nothing.

        Raises:
            TillError: the program did not say that it is done.

        """
        request = _request(
            "unlock", location_id=location_id, spot=spot, bill_id=bill_id, visit=visit
        )
        await self._ask("unlock", request, location_id, expect_nothing)

    async def post(self, notice: Notice) -> None:
        """Tell that a bill is paid, in the same bytes each time.

        Raises:
            TillError: the program did not say that it has it for good; it shall be told again.

        """
        await self._ask("post", notice_body(notice) + b"\n", notice.location_id, expect_nothing)

    async def check(self) -> Sequence[str]:
        """Ask the program whether it is well, which changes nothing; say what is wrong."""
        if problems := check_program(self._program):
            return problems
        try:
            await self._ask("check", _request("check"), None, expect_nothing)
        except TillError as error:
            return [f"The till's program is not well. {error}."]
        return []

    async def aclose(self) -> None:
        """End what is still at work. One that can not be killed is not waited for."""
        self._is_closed = True
        for process in self._running:
            process.kill()
        if self._running:
            await asyncio.wait({one.gone for one in self._running}, timeout=self._kill_after_s)

    async def _ask(
        self, op: str, request: bytes, location_id: int | None, read: Callable[[bytes], T]
    ) -> T:
        """Run the program once and read its answer."""
        try:
            stdout = raise_unless_done(await self._run(op, request, location_id), op)
            if len(stdout) > READ_AT_ONCE_BYTES:
                return await asyncio.to_thread(read, stdout)
            return read(stdout)
        except TillError as error:
            raise type(error)(f"{file_label(str(self._program))} {op}: {error}") from None
        except BillGone as gone:
            raise BillGone(f"{file_label(str(self._program))} {op}: {gone}") from None

    async def _run(self, op: str, request: bytes, location_id: int | None) -> Ended | Overflowed:
        """Run the program once, within its time and in its turn."""
        process: Process | None = None
        try:
            async with asyncio.timeout(self._time_limit_s):
                await self._turns.take(location_id)
                process = self._start(op, request, location_id)
                return await process.answer
        except TimeoutError:
            if process is None:
                why = "as many as may be at once, for this location or in all, are still at work"
                raise TillError(f"had no turn within {self._time_limit_s:g} s: {why}") from None
            why = f"did not answer within {self._time_limit_s:g} s, and was stopped"
            raise TillError(why) from None
        finally:
            if process is not None:
                process.stop()

    def _start(self, op: str, request: bytes, location_id: int | None) -> Process:
        """Start the program; its turn lasts until nothing of it is left."""
        try:
            self._refuse_unfit()
            process = Process(
                (*self._argv, op),
                request,
                environ=self._environ,
                kill_after_s=self._kill_after_s,
            )
        except OSError as error:
            self._turns.give_back(location_id)
            raise TillError(f"can not be started: {_why_not_started(error)}") from None
        except BaseException:
            self._turns.give_back(location_id)
            raise
        self._running.add(process)

        def on_gone(_: asyncio.Future[None]) -> None:
            self._running.discard(process)
            self._turns.give_back(location_id)

        process.gone.add_done_callback(on_gone)
        return process

    def _refuse_unfit(self) -> None:
        """Start nothing that should not be: each time, because a file can be changed at any."""
        if self._is_closed:
            raise TillError("not started, because the worker is stopping")
        if problems := check_program(self._program):
            raise TillError(problems[0].rstrip("."))


def _request(op: str, **fields: object) -> bytes:
    """Write a question: one line of compact JSON in ASCII, which the simplest tools can take apart.

    A text that is in quotes here can have no bare quote within it.
    """
    document = {"version": VERSION, "op": op} | fields
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


def _why_not_started(error: OSError) -> str:
    """Say what the system's word means here."""
    said = os.strerror(error.errno) if error.errno else type(error).__name__
    if error.errno == errno.ENOENT:
        return f"{said}; is what its first line names (#!) there?"
    if error.errno == errno.ENOEXEC:
        return f"{said}; a script begins with a line such as #!/bin/sh"
    return said
