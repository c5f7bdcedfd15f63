"""One process for one question: fed, listened to within bounds, and always seen to its end.

Everything happens in the event loop's callbacks. So whoever asked can leave at any moment, out of
patience or cancelled, and the end comes all the same: SIGTERM to the whole group, SIGKILL a little
later, and the process is reaped. What a program leaves running in its group ends with it.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

STDOUT_BYTES_MAX: Final = 1024 * 1024
STDERR_BYTES_MAX: Final = 64 * 1024
KILL_AFTER_S: Final = 0.5
"""From SIGTERM to SIGKILL."""
_CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended by itself."""

    exit_code: int
    """Below zero: the signal that ended it, as `subprocess` gives it."""
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Overflowed:
    """A process that was stopped because it wrote more than anybody would read."""

    stream: str
    bytes_max: int


class Process:
    """A running program.

    Args:
        argv: the program's whole path and its arguments.
        request: what it reads on standard input, which is closed after it.
        environ: all that it finds in its environment.
        kill_after_s: how long it may take to end once it was asked to.

    Raises:
        OSError: it can not be started.

    """

    def __init__(
        self,
        argv: Sequence[str],
        request: bytes,
        *,
        environ: Mapping[str, str],
        kill_after_s: float = KILL_AFTER_S,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._popen = subprocess.Popen(  # noqa: S603 - a list from the settings, and no shell
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=dict(environ),
            cwd="/",
            start_new_session=True,
        )
        self.answer: asyncio.Future[Ended | Overflowed] = self._loop.create_future()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        """Done when nothing of the process is left, not even its number."""
        self._request = memoryview(request)
        self._kill_after_s = kill_after_s
        self._killing: asyncio.TimerHandle | None = None
        self._pipes: dict[int, _Pipe] = {}
        self._open_pipes()
        self._watch()

    def stop(self) -> None:
        """Ask the whole group to end, and make it a little later. Never waits."""
        if self.gone.done() or self._killing is not None:
            return
        self._close_pipes()
        self._signal(signal.SIGTERM)
        self._killing = self._loop.call_later(self._kill_after_s, self._signal, signal.SIGKILL)

    def kill(self) -> None:
        """End the whole group at once."""
        self._close_pipes()
        self._signal(signal.SIGKILL)

    def _open_pipes(self) -> None:
        popen = self._popen
        assert popen.stdin is not None, "its input is piped"
        assert popen.stdout is not None, "its output is piped"
        assert popen.stderr is not None, "its errors are piped"
        for file in (popen.stdin, popen.stdout, popen.stderr):
            os.set_blocking(file.fileno(), False)
        self._in = popen.stdin.fileno()
        self._out = _Pipe("output", STDOUT_BYTES_MAX)
        self._err = _Pipe("errors", STDERR_BYTES_MAX)
        self._pipes = {popen.stdout.fileno(): self._out, popen.stderr.fileno(): self._err}
        for number in self._pipes:
            self._loop.add_reader(number, self._can_read, number)
        self._loop.add_writer(self._in, self._can_write)

    def _watch(self) -> None:
        """Have ourselves told when the process ends, without reaping it."""
        try:
            self._pidfd = os.pidfd_open(self._popen.pid)
        except OSError:  # An old kernel, or a filter that does not know the call.
            threading.Thread(target=self._wait, name="till program", daemon=True).start()
        else:
            self._loop.add_reader(self._pidfd, self._on_pidfd)

    def _on_pidfd(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._on_exit()

    def _wait(self) -> None:
        """Wait on a thread of its own."""
        os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):  # The loop is closed: there is nobody to tell.
            self._loop.call_soon_threadsafe(self._on_exit)

    def _on_exit(self) -> None:
        """Take what is left to read, end what is left of the group, reap."""
        # Before reaping: as long as the process has its number, the group can be nobody else's.
        self._signal(signal.SIGKILL)
        for number, pipe in self._pipes.items():
            while not pipe.is_over and not pipe.is_full and pipe.read(number):
                pass
        self._close_pipes()
        exit_code = self._popen.wait()
        if self._killing is not None:
            self._killing.cancel()
        full = [pipe for pipe in (self._out, self._err) if pipe.is_full]
        if not self.answer.done():
            self.answer.set_result(
                full[0].overflowed
                if full
                else Ended(exit_code, bytes(self._out.content), bytes(self._err.content))
            )
        self.gone.set_result(None)

    def _can_write(self) -> None:
        """Write on; close after the last byte, or when the program does not want to read."""
        try:
            self._request = self._request[os.write(self._in, self._request) :]
        except BlockingIOError:
            return
        except OSError:
            self._request = self._request[:0]
        if not self._request:
            self._close_stdin()

    def _can_read(self, number: int) -> None:
        pipe = self._pipes[number]
        pipe.read(number)
        if pipe.is_over:
            self._loop.remove_reader(number)
        if pipe.is_full:
            if not self.answer.done():
                self.answer.set_result(pipe.overflowed)
            self.stop()

    def _signal(self, number: signal.Signals) -> None:
        """Signal the group. Only called while the process is not reaped."""
        if not self.gone.done():
            # A group of nothing but the dead may be reported as gone, or as not ours.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, number)

    def _close_stdin(self) -> None:
        stdin = self._popen.stdin
        if stdin is not None and not stdin.closed:
            self._loop.remove_writer(self._in)
            stdin.close()

    def _close_pipes(self) -> None:
        self._close_stdin()
        for number in self._pipes:
            self._loop.remove_reader(number)
        self._pipes = {}
        for file in (self._popen.stdout, self._popen.stderr):
            if file is not None:
                file.close()


class _Pipe:
    """What was read of one stream."""

    def __init__(self, name: str, bytes_max: int) -> None:
        self.overflowed = Overflowed(name, bytes_max)
        self.content = bytearray()
        self.is_over = False

    @property
    def is_full(self) -> bool:
        """Whether more was written than is read."""
        return len(self.content) > self.overflowed.bytes_max

    def read(self, number: int) -> bool:
        """Read once; whether there may be more at once."""
        try:
            chunk = os.read(number, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        self.content += chunk
        self.is_over = not chunk
        return True
