"""A till plug-in for paysera-worker: a cash register that keeps its books in JSON files.

The register keeps one file for each location, `register-LOCATION.json`, in a folder of its own:

    {"bills": [{"bill_id": "B-1", "spot": "table5", ...}], "payments": [...], "locks": {...}}

Whoever reads or writes a file holds its lock file (`flock`), the register's own program too. A
register that is busy keeps us waiting, but it never blocks the worker, and whoever asked may stop
waiting at any time: each try is a short turn on a thread, which does all of its work or none.
"""

import asyncio
import copy
import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from worker.adapters.till.connector import BillGone, Document, Refused, TillError
from worker.domain.notice import Notice

LOOK_AGAIN_S = 0.02

Books = dict[str, Any]
T = TypeVar("T")


def make(options: Mapping[str, object]) -> "CashRegister":
    """Make the connector. `options` is the operator's `[till.options]`: only `folder` here."""
    unknown = set(options) - {"folder"}
    if unknown:
        raise ValueError(f"there is no option {', '.join(sorted(unknown))}")
    folder = options.get("folder")
    if not isinstance(folder, str) or not folder:
        raise ValueError("folder must name the register's folder")
    return CashRegister(Path(folder))


class CashRegister:
    """The connector: what paysera-worker asks and tells the register."""

    can_lock = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open_bills(self, location_id: int, spot: str) -> Sequence[Document]:
        """Give every open bill of a spot, oldest first, as the register has them."""

        def look(books: Books) -> list[Document]:
            return [bill for bill in books["bills"] if bill.get("spot") == spot]

        return await self._with_books(location_id, look)

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Document:
        """Keep a bill from being changed for so long, and give it as it is now."""

        def take(books: Books) -> Document:
            bill = _bill(books, bill_id)
            if bill is None or bill.get("spot") != spot:
                raise BillGone
            holder = books["locks"].get(bill_id)
            if holder and holder["visit"] != visit and holder["until"] > time.time():
                raise Refused(f"{bill_id} is being paid by {holder['visit']}")
            books["locks"][bill_id] = {"visit": visit, "until": time.time() + seconds}
            return bill

        return await self._with_books(location_id, take)

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Let a bill be changed again, if this visit had locked it."""

        def let_go(books: Books) -> None:
            if books["locks"].get(bill_id, {}).get("visit") == visit:
                del books["locks"][bill_id]

        await self._with_books(location_id, let_go)

    async def post(self, notice: Notice) -> None:
        """Enter a payment into the books. Entered already: nothing to do."""

        def enter(books: Books) -> None:
            if any(known["notice_id"] == notice.notice_id for known in books["payments"]):
                return
            books["payments"].append(_payment(notice))
            bill = _bill(books, notice.bill_id)
            if bill is not None and _is_covered(bill, books["payments"]):
                books["bills"].remove(bill)
                books["locks"].pop(notice.bill_id, None)

        await self._with_books(notice.location_id, enter)

    async def check(self) -> Sequence[str]:
        """Say what is wrong without changing anything."""
        if not self._folder.is_dir():
            return [f"The register's folder {self._folder} is not there: correct till.options."]
        if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            return [f"The register's folder {self._folder} can not be read and written."]
        return []

    async def aclose(self) -> None:
        """Nothing stays open between calls."""

    async def _with_books(self, location_id: int, work: Callable[[Books], T]) -> T:
        """Do something with a location's books, as soon as the register lets go of them."""
        path = self._folder / f"register-{location_id}.json"
        while True:
            try:
                return await asyncio.to_thread(_turn, path, work)
            except BlockingIOError:
                await asyncio.sleep(LOOK_AGAIN_S)
            except OSError as error:
                raise TillError(f"the register can not be used: {error.strerror}") from error


def _turn(path: Path, work: Callable[[Books], T]) -> T:
    """Read the books, work with them and keep what changed, all under the lock or not at all."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        books = _read(path)
        before = copy.deepcopy(books)
        answer = work(books)
        if books != before:
            _write(path, books)
        return answer
    finally:
        os.close(descriptor)  # Which lets go of the lock.


def _read(path: Path) -> Books:
    """Read the books; a location that the register has not opened yet has none."""
    empty: Books = {"bills": [], "payments": [], "locks": {}}
    try:
        books = json.loads(path.read_text())
    except FileNotFoundError:
        return empty
    except ValueError as error:
        raise TillError(f"the register's file {path.name} can not be read") from error
    if not isinstance(books, dict):
        raise TillError(f"the register's file {path.name} holds no books")
    return empty | books


def _write(path: Path, books: Books) -> None:
    """Write the books so that they are there whole, also after a power cut."""
    draft = path.with_suffix(".tmp")
    with draft.open("w") as file:
        json.dump(books, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _payment(notice: Notice) -> dict[str, Any]:
    return {
        "notice_id": notice.notice_id,
        "bill_id": notice.bill_id,
        "part_id": notice.part_id,
        "amount_minor": notice.money.amount_minor,
        "currency": notice.money.currency,
        "visit": notice.visit,
        "paid_at": notice.paid_at.isoformat(),
    }


def _bill(books: Books, bill_id: str) -> dict[str, Any] | None:
    return next((bill for bill in books["bills"] if bill.get("bill_id") == bill_id), None)


def _is_covered(bill: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a bill, or each of its parts, is paid."""
    paid = {one["part_id"] for one in payments if one["bill_id"] == bill["bill_id"]}
    parts = {part["part_id"] for part in bill.get("parts") or ()}
    return None in paid or (bool(parts) and parts <= paid)
