"""The open bills as they lie in the folder, read as seldom as possible.

Blocking, and made for one thread. It follows no link, waits for no pipe, and never writes.
"""

import os
import stat
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from worker.adapters.till.billfile import BYTES_MAX, BadFile, OpenBill, parse
from worker.adapters.till.text import file_label

PAID_FOLDER: Final = "paid"
_FRESH_S: Final = 2.0
"""A younger file may change again without its time stamp showing it: some file systems count in
steps of two seconds."""

_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another."""

    inode: int
    mtime_ns: int
    size: int


@dataclass(frozen=True, slots=True)
class Item:
    """One file of the folder."""

    name: str
    stamp: Stamp
    content: OpenBill | BadFile


def is_bill_name(name: str) -> bool:
    """Tell whether a file is put there to be read, rather than still being written."""
    return name.endswith(".json") and not name.startswith(".")


def read_item(path: Path) -> Item:
    """Read one file.

    Raises:
        OSError: it is not there.

    """
    found = path.lstat()
    return Item(path.name, _stamp(found), _read(path, found))


class Shelf:
    """The folder's open bills."""

    def __init__(self, folder: Path, wall_s: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._wall_s = wall_s
        self._known: dict[str, tuple[Stamp, OpenBill | BadFile]] = {}

    def look(self) -> list[Item]:
        """Read what is new, remember the rest, and mark what contradicts itself.

        Raises:
            OSError: the folder can not be listed.

        """
        items: list[Item] = []
        known: dict[str, tuple[Stamp, OpenBill | BadFile]] = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not is_bill_name(entry.name):
                    continue
                item = self._item(entry)
                if item is not None:
                    items.append(item)
                    known[item.name] = (item.stamp, item.content)
        self._known = known
        return _judged(sorted(items, key=lambda item: item.name))

    def _item(self, entry: os.DirEntry[str]) -> Item | None:
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None  # Taken away since the folder was listed.
        except OSError as error:
            return Item(entry.name, Stamp(0, 0, 0), BadFile(_why(error)))
        stamp = _stamp(found)
        stamp_known, content = self._known.get(entry.name, (None, None))
        is_fresh = abs(self._wall_s() - stamp.mtime_ns / 1e9) < _FRESH_S
        if content is None or stamp_known != stamp or is_fresh:
            content = _read(Path(entry.path), found)
        return Item(entry.name, stamp, content)


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_ino, found.st_mtime_ns, found.st_size)


def _read(path: Path, found: os.stat_result) -> OpenBill | BadFile:
    """Read a file that was just looked at."""
    if stat.S_ISLNK(found.st_mode):
        return BadFile("a link, which is not followed")
    if not stat.S_ISREG(found.st_mode):
        return BadFile("not a regular file")
    if found.st_size > BYTES_MAX:
        return BadFile(f"larger than {BYTES_MAX} bytes")
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        return BadFile(_why(error))
    try:
        content = _whole_content(descriptor)
        is_steady = _stamp(os.fstat(descriptor)) == _stamp(found)
    except OSError as error:
        return BadFile(_why(error))
    finally:
        os.close(descriptor)
    return parse(content) if is_steady else BadFile("being written or replaced just now")


def _whole_content(descriptor: int) -> bytes:
    """Read to the end, or one byte more than a bill may have."""
    chunks: list[bytes] = []
    left = BYTES_MAX + 1
    while left > 0 and (chunk := os.read(descriptor, left)):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _why(error: OSError) -> str:
    return f"can not be read: {error.strerror or type(error).__name__}"


def _judged(items: list[Item]) -> list[Item]:
    """Take back every bill that another file contradicts: we can not know which one is right."""
    by_bill: dict[tuple[int, str], list[str]] = defaultdict(list)
    for item in items:
        if isinstance(item.content, OpenBill):
            by_bill[item.content.location_id, item.content.bill_id].append(item.name)
    return [_judged_by(by_bill, item) for item in items]


def _judged_by(by_bill: Mapping[tuple[int, str], list[str]], item: Item) -> Item:
    content = item.content
    if not isinstance(content, OpenBill):
        return item
    others = [name for name in by_bill[content.location_id, content.bill_id] if name != item.name]
    if not others:
        return item
    shown = ", ".join(map(file_label, others[:3]))
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    why = f"{shown}{more} has the same bill_id"
    owner = (content.location_id, content.table, content.bill_id)
    return replace(item, content=BadFile(why, *owner, content.amount_minor, content.currency))
