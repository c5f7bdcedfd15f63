"""A folder that the shop's software fills: one JSON file for every open bill.

The disk is only ever touched on a thread of its own, and whoever waits for it may leave, so a
network folder that hangs costs an answer and nothing else. A file that can not be read with
certainty is never charged; it troubles its own table, or, when it does not say whose it is, every
table without a bill of its own.

Decided here, because the folder can not say it:

* two files for one table are two bills, in the order in which they were opened, if every file says
  when, and else in that of the files' own times;
* of two files with one bill_id at one location none is charged;
* a valid bill is charged although another file can not be read, unless that file says that it is
  the same table's;
* a link is never followed, wherever it points.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import structlog

from worker.adapters.till.billfile import BadFile, OpenBill
from worker.adapters.till.connector import Document, TillError, UnreadableBill
from worker.adapters.till.receipts import News, put_away
from worker.adapters.till.shelf import PAID_FOLDER, Item, Shelf, Stamp
from worker.adapters.till.text import file_label
from worker.adapters.till.thread import OneThread
from worker.domain.notice import Notice
from worker.logbook import LineName

POSTS_MAX: Final = 200
"""So many payments may wait for a disk that hangs; questions share one wait."""

_log = structlog.get_logger("worker.till")
T = TypeVar("T")


class FolderTill:
    """A connector to a folder of bills."""

    can_lock = False
    """Nothing keeps a shop's software from writing a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shelf = Shelf(path)
        self._thread = OneThread("till")
        self._next: _Look | None = None
        self._posts = 0
        self._told: dict[str, tuple[Stamp, str]] = {}

    async def open_bills(self, location_id: int, spot: str) -> Sequence[Document]:
        """Give every open bill of the spot, oldest first."""
        look = self._next
        # Those who ask before a reading has begun share it.
        if look is None or look.has_begun:
            look = _Look(self._shelf)
            look.future = self._start(look.run)
            self._next = look
        items = await self._answer_of(look.future)
        if not look.is_told:
            look.is_told = True
            self._tell_changes(items)
        return _bills(items, location_id, spot)

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Document:
        """Refuse: nothing keeps a shop's software from writing a file."""
        raise TillError("the files of a folder can not be locked")

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Do nothing: nothing is ever locked."""

    async def post(self, notice: Notice) -> None:
        """Write the receipt, and move the bill's file to `paid/` once all of it is paid."""
        if self._posts >= POSTS_MAX:
            raise self._trouble(f"has not taken {self._posts} earlier payments yet")
        self._posts += 1
        work = self._start(lambda: put_away(self._path, self._shelf.look(), notice))
        work.add_done_callback(self._after_post)
        await self._answer_of(work)

    async def check(self) -> Sequence[str]:
        """Say what would keep the folder from working."""
        return await self._answer_of(self._start(lambda: check_folder(self._path)))

    async def aclose(self) -> None:
        """Let the thread end. A disk that hangs is not waited for."""
        self._thread.shutdown(wait=False)

    def _start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Queue blocking work for the till's thread."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        future.add_done_callback(_retrieve)
        return future

    def _after_post(self, work: asyncio.Future[list[News]]) -> None:
        """Tell what a payment met, also if nobody waits for it any more."""
        self._posts -= 1
        if not work.cancelled() and work.exception() is None:
            for item in work.result():
                _tell(item)

    async def _answer_of(self, future: asyncio.Future[T]) -> T:
        """Wait for work. Whoever stops waiting does not stop the work, which others may share.

        Raises:
            TillError: the disk refused.

        """
        await asyncio.wait([future])
        try:
            return future.result()
        except OSError as error:
            why = f"can not be used: {error.strerror or type(error).__name__}"
            raise self._trouble(why) from None

    def _trouble(self, why: str) -> TillError:
        return TillError(f"the folder {file_label(str(self._path))} {why}")

    def _tell_changes(self, items: list[Item]) -> None:
        """Log each bad file once for each state it is in, and once when it is well again."""
        told: dict[str, tuple[Stamp, str]] = {}
        for item in items:
            name, content = item.name, item.content
            if isinstance(content, BadFile):
                told[name] = (item.stamp, content.why)
                if self._told.get(name) != told[name]:
                    _log.warning(LineName.BILL_UNREADABLE, file=file_label(name), why=content.why)
            elif name in self._told:
                _log.info(LineName.BILL_READABLE, file=file_label(name))
        self._told = told


class _Look:
    """One reading of the folder, shared by all who asked before it began."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.has_begun = False
        self.is_told = False
        self.future: asyncio.Future[list[Item]]

    def run(self) -> list[Item]:
        # Set first: whoever still sees False asked before anything was read.
        self.has_begun = True
        return self._shelf.look()


def _bills(items: list[Item], location_id: int, spot: str) -> list[Document]:
    """Find the table's bills among the files.

    Raises:
        UnreadableBill: a file keeps us from knowing them.

    """
    found: list[tuple[Item, OpenBill]] = []
    suspect: Item | None = None
    for item in items:
        content = item.content
        if isinstance(content, OpenBill):
            if (content.location_id, content.table) == (location_id, spot):
                found.append((item, content))
        elif content.is_of(location_id, spot):
            raise _unreadable(item, content)
        elif suspect is None and content.may_be_of(location_id, spot):
            suspect = item
    if not found and suspect is not None and isinstance(suspect.content, BadFile):
        raise _unreadable(suspect, suspect.content)
    # Where each says when it was opened, that counts; the guard looks at it for every till.
    found.sort(key=lambda each: (each[0].stamp.mtime_ns, each[0].name))
    return [content.document for _, content in found]


def _unreadable(item: Item, content: BadFile) -> UnreadableBill:
    return UnreadableBill(f"{file_label(item.name)}: {content.why}")


def _retrieve(future: asyncio.Future[T]) -> None:
    """Take an answer that came too late, so that nobody complains that it was never taken."""
    if not future.cancelled():
        future.exception()


def _tell(news: News) -> None:
    if news.level == "error":
        _log.error(news.event, **news.fields)
    else:
        _log.warning(news.event, **news.fields)


def check_folder(path: Path) -> list[str]:
    """Say in sentences what would keep the folder from working; an empty list: nothing."""
    shown = file_label(str(path))
    if not path.is_dir():
        return [f"The folder {shown} does not exist: make it, or correct till.path."]
    problems = []
    if not os.access(path, os.R_OK | os.X_OK):
        problems.append(f"The folder {shown} can not be read: give this user the right to.")
    if not os.access(path, os.W_OK | os.X_OK):
        problems.append(
            f"The folder {shown} can not be written, but paid bills are moved: give this user the "
            "right to."
        )
    put_away_in = path / PAID_FOLDER
    if os.path.lexists(put_away_in):
        if not put_away_in.is_dir():
            problems.append(f"{file_label(str(put_away_in))} is not a folder: move it away.")
        elif put_away_in.stat().st_dev != path.stat().st_dev:
            problems.append(
                f"{file_label(str(put_away_in))} is on another file system, and a bill must be "
                "moved in one step: keep both on one."
            )
    return problems
