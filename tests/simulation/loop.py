# mypy: disable-error-code="override, assignment, attr-defined"
"""An event loop whose time is a number: nothing sleeps, nothing is real, everything is repeatable.

Whatever is ready runs in an order that the seed may shuffle. When nothing is ready, time jumps to
the next timer. Each process of the simulation runs under a context of its own, so that a process
can be frozen or killed between any two steps while the world goes on.

What it takes over from asyncio it takes over whole, so it says less of its arguments than asyncio's
own stubs do, and touches what they leave out.
"""

import asyncio
import socket
import threading
import time
from asyncio import events
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, NoReturn, Protocol, TypeVar
from unittest import mock

T = TypeVar("T")

STEPS_MAX: Final = 400_000
"""Far more than the longest evening takes: beyond it something turns without getting anywhere."""

MOMENT_S: Final = 1e-6
"""What a round of steps takes. Time never stands still, so a tiny pause does end."""


class Deadlock(AssertionError):
    """Nothing is ready, no timer is set, and yet somebody waits."""


class Livelock(AssertionError):
    """The step budget is spent."""


class NotSimulated(AssertionError):
    """Something real was asked for."""


class Owner(Protocol):
    """A process, as far as the loop needs to know it."""

    is_frozen: bool

    def stepped(self) -> None:
        """One of its steps was run."""

    def hold(self, handle: "SimHandle") -> None:
        """Keep a step until the process is thawed."""


OWNER: Final[ContextVar[Owner | None]] = ContextVar("owner", default=None)
"""Which process a step belongs to; None: the world's own."""


class SimHandle(asyncio.Handle):
    """A step to be run, made without asking whether anybody debugs."""

    __slots__ = ()
    _cancelled: bool
    _callback: Callable[..., object]
    _args: tuple[Any, ...]
    _context: Context

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class SimLoop(asyncio.BaseEventLoop):
    """The loop. `after_step` is called after every single step."""

    def __init__(self, dice: Random | None = None, steps_max: int = STEPS_MAX) -> None:
        super().__init__()
        self.steps = 0
        self.total = 0
        """The steps of an evening that is over."""
        self.after_step: Callable[[], None] = _nothing
        self.executor_delay_s: Callable[[], float] = _no_time
        self._dice = dice
        self._steps_max = steps_max
        self._now = 0.0
        self._ready: deque[SimHandle] = deque()
        self._stopping = False
        self._timers: list[tuple[float, int, SimHandle]] = []
        self._count = 0
        self.set_exception_handler(_raise_later)

    def time(self) -> float:
        """Give the seconds since the loop was made."""
        return self._now

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Let something run in the next round."""
        handle = SimHandle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> Any:
        """Set a timer."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> Any:
        """Set a timer. Two of the same instant run in the order in which they were set."""
        handle = SimHandle(callback, args, self, context)
        self._count += 1
        heappush(self._timers, (when, self._count, handle))
        return handle

    def run_forever(self) -> None:
        """Run until told to stop."""
        self._check_running()
        events._set_running_loop(self)
        try:
            while not self._stopping:
                self._run_once()
        finally:
            self._stopping = False
            events._set_running_loop(None)

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        now = self._now
        if not ready:
            while timers and timers[0][2]._cancelled:
                heappop(timers)
            if not timers:
                raise Deadlock("nothing is ready, no timer is set, and somebody still waits")
            now = max(now, timers[0][0])
        self._now = now = now + MOMENT_S
        while timers and timers[0][0] <= now:
            ready.append(heappop(timers)[2])
        if self._dice is not None and len(ready) > 1:
            shuffled = list(ready)
            self._dice.shuffle(shuffled)
            ready.clear()
            ready.extend(shuffled)
        for _ in range(len(ready)):
            step = ready.popleft()
            if step._cancelled:
                continue
            context = step._context
            owner = context.get(OWNER)
            if owner is None:
                context.run(step._callback, *step._args)
            elif owner.is_frozen:
                owner.hold(step)
                continue
            else:
                context.run(step._callback, *step._args)
                owner.stepped()
            self.steps += 1
            self.after_step()
        if self.steps > self._steps_max:
            raise Livelock(f"{self.steps} steps by {now:.1f} s")

    def put_back(self, handles: list["SimHandle"]) -> None:
        """Let a thawed process go on."""
        self._ready.extend(handles)

    def unwind(self) -> None:
        """Let every task that is left see that it is over."""
        self.after_step = _nothing
        self._timers.clear()
        self.total, self.steps = self.steps, 0
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.wait(left))

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Do a blocking job as one step, some time later. There are no threads."""
        future: asyncio.Future[T] = self.create_future()

        def job() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(self.executor_delay_s(), job)
        return future

    def __del__(self) -> None:
        """Go. Nothing real was opened, so nothing is left open."""

    # What a simulation has no use for. The base class would reach for the real thing.

    def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise NotSimulated("there are no threads here")

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotSimulated("there is no network and no other process here")

    create_connection = create_server = create_datagram_endpoint = _refuse
    getaddrinfo = getnameinfo = sock_connect = sock_recv = sock_sendall = sock_accept = _refuse
    subprocess_exec = subprocess_shell = connect_read_pipe = connect_write_pipe = _refuse
    add_reader = remove_reader = add_writer = remove_writer = add_signal_handler = _refuse


def _nothing() -> None:
    return None


def _no_time() -> float:
    return 0.0


def _raise_later(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Nobody looked at how a task ended; whoever runs the evening asks each process itself."""


def play(loop: SimLoop, main: Any, at_the_end: Callable[[], None] | None = None) -> None:
    """Run to the end with nothing real within reach.

    Args:
        loop: where it runs.
        main: what runs.
        at_the_end: called once it is over, however it ended, before what is left is unwound.

    """
    with nothing_real():
        try:
            loop.run_until_complete(main)
        finally:
            (at_the_end or _nothing)()
            loop.unwind()
            loop.close()


@contextmanager
def nothing_real() -> Iterator[None]:
    """Refuse sleeps, threads and connections, whoever asks for them."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise NotSimulated("a simulation asked for something real")

    with (
        mock.patch.object(time, "sleep", refuse),
        mock.patch.object(threading.Thread, "start", refuse),
        mock.patch.object(socket.socket, "connect", refuse),
        mock.patch.object(socket.socket, "bind", refuse),
    ):
        yield
