"""A folder that the shop's software fills: one JSON file for every open bill.

The disk is only ever touched on a thread of its own and within a time limit, so a network folder
that hangs costs an answer and nothing else. A file that can not be read with certainty is never
charged; it troubles its own table, or, when it does not say whose it is, every table without a
bill of its own.

Decided here, because the folder can not say it:

* two files for one table, or two with one bill_id at one location: none of them is charged;
* a valid bill is charged although another file can not be read, unless that file says that it is
  the same table's;
* a link is never followed, wherever it points.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from worker.adapters.till.billfile import BadFile, OpenBill
from worker.adapters.till.receipts import News, put_away
from worker.adapters.till.shelf import PAID_FOLDER, Item, Shelf, Stamp
from worker.adapters.till.text import file_label
from worker.adapters.till.thread import OneThread
from worker.domain.bill import Bill
from worker.domain.ids import LocationId
from worker.ports import PaidBill, TillMissing, TillTrouble

TIME_LIMIT_S: Final = 5.0

_log = structlog.get_logger("worker.till")
T = TypeVar("T")


class FolderTill:
    """A till that is a folder of bills."""

    def __init__(self, path: Path, *, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._path = path
        self._time_limit_s = time_limit_s
        self._shelf = Shelf(path)
        self._thread = OneThread("till")
        self._next: _Look | None = None
        self._overdue: asyncio.Future[Any] | None = None
        self._told: dict[str, tuple[Stamp, str]] = {}

    async def find_bill(
        self, location_id: LocationId, table: str
    ) -> Bill | TillMissing | TillTrouble:
        """Tell what the table owes now."""
        if self._is_hanging():
            return self._trouble(f"has not answered for more than {self._time_limit_s:g} s")
        look = self._next
        # Those who ask before a reading has begun share it.
        if look is None or look.has_begun:
            look = self._next = _Look(self._shelf)
            look.future = self._start(look.run)
        items = await self._answer_of(look.future)
        if isinstance(items, TillTrouble):
            return items
        if not look.is_told:
            look.is_told = True
            self._tell_changes(items)
        return _answer(items, location_id, table)

    async def settle(self, paid: PaidBill) -> TillTrouble | None:
        """Write the receipt and move the bill's file to `paid/`."""
        if paid.bill.bill_id is None:
            return None  # Not a bill of this folder: the price list was in force then.
        if self._is_hanging():
            return self._trouble(f"has not answered for more than {self._time_limit_s:g} s")
        work = self._start(lambda: put_away(self._path, self._shelf.look(), paid))
        news = await self._answer_of(work)
        if isinstance(news, TillTrouble):
            return news
        for item in news:
            _tell(item)
        return None

    async def aclose(self) -> None:
        """Let the thread end. A disk that hangs is not waited for."""
        self._thread.shutdown(wait=False)

    def _is_hanging(self) -> bool:
        """Tell whether the thread is still at work that was given up: more would only queue."""
        return self._overdue is not None and not self._overdue.done()

    def _start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Queue blocking work for the till's thread."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        future.add_done_callback(_retrieve)
        return future

    async def _answer_of(self, future: asyncio.Future[T]) -> T | TillTrouble:
        """Wait for work, for as long as a guest can be kept waiting."""
        done, _ = await asyncio.wait([future], timeout=self._time_limit_s)
        if not done:
            self._overdue = future
            return self._trouble(f"did not answer within {self._time_limit_s:g} s")
        try:
            return future.result()
        except OSError as error:
            return self._trouble(f"can not be used: {error.strerror or type(error).__name__}")

    def _trouble(self, why: str) -> TillTrouble:
        return TillTrouble(f"the folder {file_label(str(self._path))} {why}")

    def _tell_changes(self, items: list[Item]) -> None:
        """Log each bad file once for each state it is in, and once when it is well again."""
        told: dict[str, tuple[Stamp, str]] = {}
        for item in items:
            name, content = item.name, item.content
            if isinstance(content, BadFile):
                told[name] = (item.stamp, content.why)
                if self._told.get(name) != told[name]:
                    _log.warning("bill.unreadable", file=file_label(name), why=content.why)
            elif name in self._told:
                _log.info("bill.readable", file=file_label(name))
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


def _answer(
    items: list[Item], location_id: LocationId, table: str
) -> Bill | TillMissing | TillTrouble:
    """Find the table's bill among the files, or the file that keeps us from knowing it."""
    suspect: TillTrouble | None = None
    for item in items:
        content = item.content
        if isinstance(content, OpenBill):
            if (content.location_id, content.table) == (location_id, table):
                return content.bill
        elif content.is_of(location_id, table):
            return TillTrouble(f"{file_label(item.name)}: {content.why}")
        elif suspect is None and content.may_be_of(location_id, table):
            suspect = TillTrouble(f"{file_label(item.name)}: {content.why}")
    return suspect or TillMissing()


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
