"""Put a paid bill away: a receipt first, then, once all of it is paid, the bill's file beside it.

Blocking, and made for one thread. A crash between any two steps leaves a state from which the
same call finishes the work; a call after the last step changes nothing. No file of somebody else
is ever overwritten or deleted.
"""

import hashlib
import itertools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.adapters.till.billfile import OpenBill
from worker.adapters.till.receiptfile import (
    RECEIPT_SUFFIX,
    read_receipt,
    receipts_since,
    sync_folder,
    write_receipt,
)
from worker.adapters.till.shelf import PAID_FOLDER, Item, read_item
from worker.adapters.till.text import file_label
from worker.domain.notice import Notice
from worker.logbook import LineName

PART_MARK: Final = ".part-"
_STEM_BYTES_MAX: Final = 180
_PART_STEM_BYTES_MAX: Final = 140
_PART_CHARS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class News:
    """Something that the log should say."""

    level: str
    event: LineName
    fields: Mapping[str, str]


def put_away(folder: Path, items: Sequence[Item], notice: Notice) -> list[News]:
    """Write the receipt and move the bill's file, as far as that is not done yet.

    Raises:
        OSError: the disk refused; everything up to there can be repeated.

    """
    item = _file_of(items, notice)
    paid_folder = folder / PAID_FOLDER
    _make_folder(paid_folder)
    if notice.part_id is not None:
        return _put_part_away(folder, paid_folder, item, notice, notice.part_id)
    if item is None:
        return _without_file(paid_folder, notice)
    name, is_written = _slot(paid_folder, _bounded(item.name.removesuffix(".json")), notice)
    if not is_written:
        if any(receipt.is_of(notice) for receipt in receipts_since(paid_folder, notice.paid_at)):
            return []  # Put away before; this file only claims to be the same bill.
        write_receipt(paid_folder, name, notice, item)
    return _moved(folder, item, paid_folder, name, notice)


def _put_part_away(
    folder: Path, paid_folder: Path, item: Item | None, notice: Notice, part_id: str
) -> list[News]:
    """Write a part's receipt; move the bill's file only once all of its parts have theirs."""
    given = [
        receipt
        for receipt in receipts_since(paid_folder, notice.paid_at, PART_MARK)
        if receipt.is_part_of(notice)
    ]
    is_written = any(receipt.is_of(notice) for receipt in given)
    if given:
        stem = given[0].name.rpartition(PART_MARK)[0]
    else:
        stem = _free_stem(paid_folder, _unseen(notice) if item is None else _part_stem(item))
    if not is_written:
        name = _part_name(paid_folder, stem, part_id)
        write_receipt(paid_folder, name, notice, item)
        if item is None:
            return [_vanished(notice, f"{name}{RECEIPT_SUFFIX}")]
    if item is None:
        return []
    paid_parts = {receipt.part_id for receipt in given} | {part_id}
    content = item.content
    parts = content.bill.parts if isinstance(content, OpenBill) and content.bill else ()
    if parts and {part.part_id for part in parts} <= paid_parts:
        return _moved(folder, item, paid_folder, stem, notice)
    return [] if is_written else _told_about(item.name, item, notice)


def _moved(folder: Path, item: Item, paid_folder: Path, name: str, notice: Notice) -> list[News]:
    moved = _move(folder, item, paid_folder, name)
    if moved is None:
        return [_vanished(notice, file_label(item.name))]
    return _told_about(item.name, moved, notice)


def _file_of(items: Sequence[Item], notice: Notice) -> Item | None:
    """Find the bill's file: by what stands in it, never by its name."""
    wanted = (notice.location_id, notice.bill_id)
    found = [item for item in items if (item.content.location_id, item.content.bill_id) == wanted]
    # Of two that claim to be the bill, the one of the table that paid.
    found.sort(key=lambda item: (item.content.table != notice.table, item.name))
    return found[0] if found else None


def _without_file(paid_folder: Path, notice: Notice) -> list[News]:
    """The bill's file is gone: put away before, or taken by the shop. Either way keep a receipt."""
    if any(receipt.is_of(notice) for receipt in receipts_since(paid_folder, notice.paid_at)):
        return []
    name, is_written = _slot(paid_folder, _unseen(notice), notice)
    if not is_written:
        write_receipt(paid_folder, name, notice, None)
    return [_vanished(notice, f"{name}{RECEIPT_SUFFIX}")]


def _unseen(notice: Notice) -> str:
    """Name a bill whose file is gone."""
    digest = hashlib.sha256(f"{notice.location_id}/{notice.bill_id}".encode()).hexdigest()[:16]
    return f"{_readable(notice.bill_id)}-{digest}"


def _readable(text: str) -> str:
    """Keep of a stranger's text what any file's name may hold."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:_PART_CHARS_MAX]


def _vanished(notice: Notice, file: str) -> News:
    fields = {"file": file, "bill": notice.bill_id, "visit": notice.visit}
    return News("warning", LineName.BILL_VANISHED, fields | {"paid": str(notice.money)})


def _told_about(name: str, found: Item, notice: Notice) -> list[News]:
    """Say so when the shop changed the bill after the guest had paid it."""
    asked = _asked_for(found, notice)
    paid = (notice.money.amount_minor, notice.money.currency)
    if asked == paid:
        return []
    fields = {
        "file": file_label(name),
        "bill": notice.bill_id,
        "visit": notice.visit,
        "paid": str(notice.money),
        "other": "unreadable" if asked is None else _written(*asked),
        "do": "settle the difference with the guest; the receipt has both amounts",
    }
    return [News("error", LineName.BILL_CHANGED_AFTER_PAYMENT, fields)]


def _asked_for(found: Item, notice: Notice) -> tuple[int, str] | None:
    """Read what the file asks for now in place of what was paid; None: it does not say."""
    content = found.content
    if content.amount_minor is None or content.currency is None:
        return None
    if notice.part_id is None:
        return content.amount_minor, content.currency
    if isinstance(content, OpenBill) and content.bill is not None:
        for part in content.bill.parts:
            if part.part_id == notice.part_id:
                return part.money.amount_minor, part.money.currency
    return None


def _written(amount_minor: int, currency: str) -> str:
    return f"{amount_minor // 100}.{amount_minor % 100:02d} {currency}"


def _bounded(stem: str, bytes_max: int = _STEM_BYTES_MAX) -> str:
    """Leave room for our suffixes in the longest name that a file may have."""
    raw = os.fsencode(stem)
    if len(raw) <= bytes_max:
        return stem
    digest = hashlib.sha256(raw).hexdigest()[:16]
    return f"{os.fsdecode(raw[: bytes_max - 17])}-{digest}"


def _slot(paid_folder: Path, stem: str, notice: Notice) -> tuple[str, bool]:
    """Find the first name that is free, or that this payment's receipt has already."""
    for number in itertools.count(1):
        name = stem if number == 1 else f"{stem}-{number}"
        receipt = paid_folder / f"{name}{RECEIPT_SUFFIX}"
        if os.path.lexists(receipt):
            written = read_receipt(receipt)
            if written is not None and written.is_of(notice):
                return name, True
        elif not os.path.lexists(paid_folder / f"{name}.json"):
            return name, False
    raise AssertionError("counting never ends")


def _part_stem(item: Item) -> str:
    return _bounded(item.name.removesuffix(".json"), _PART_STEM_BYTES_MAX)


def _free_stem(paid_folder: Path, stem: str) -> str:
    """Find a name for a bill in parts: beside another bill's, they would seem to be that one's."""
    taken = os.listdir(paid_folder)  # noqa: PTH208 - names, whatever bytes they are made of
    for number in itertools.count(1):
        name = stem if number == 1 else f"{stem}-{number}"
        whole = {f"{name}.json", f"{name}{RECEIPT_SUFFIX}"}
        if not any(entry in whole or entry.startswith(f"{name}{PART_MARK}") for entry in taken):
            return name
    raise AssertionError("counting never ends")


def _part_name(paid_folder: Path, stem: str, part_id: str) -> str:
    """Find a free name for a part's receipt: the bill's own, then the part's."""
    label = _readable(part_id)
    if label != part_id:
        label = f"{label}-{hashlib.sha256(part_id.encode()).hexdigest()[:12]}"
    for number in itertools.count(1):
        name = f"{stem}{PART_MARK}{label}" + ("" if number == 1 else f"-{number}")
        if not os.path.lexists(paid_folder / f"{name}{RECEIPT_SUFFIX}"):
            return name
    raise AssertionError("counting never ends")


def _move(folder: Path, item: Item, paid_folder: Path, name: str) -> Item | None:
    """Move the bill's file away; None: it was gone, or another bill had taken its name."""
    source = folder / item.name
    target = _free(paid_folder, name)
    try:
        source.rename(target)
        moved = read_item(target)
    except FileNotFoundError:
        return None
    if moved.stamp != item.stamp and moved.content.bill_id != item.content.bill_id:
        # The shop put its next bill under the same name in the very moment: that one is not paid.
        stem = item.name.removesuffix(".json")
        target.rename(source if not os.path.lexists(source) else _free(folder, stem))
        sync_folder(folder)
        return None
    sync_folder(paid_folder)
    sync_folder(folder)
    return moved


def _free(folder: Path, stem: str) -> Path:
    """Find a name for a bill that no file has, and beyond the first no receipt either."""
    first = folder / f"{stem}.json"
    if not os.path.lexists(first):
        return first
    for number in itertools.count(2):
        path = folder / f"{stem}-{number}.json"
        receipt = folder / f"{stem}-{number}{RECEIPT_SUFFIX}"
        if not os.path.lexists(path) and not os.path.lexists(receipt):
            return path
    raise AssertionError("counting never ends")


def _make_folder(paid_folder: Path) -> None:
    """Make the folder for paid bills, open to the same people as the bills themselves."""
    try:
        paid_folder.mkdir()
    except FileExistsError:
        return
    paid_folder.chmod(paid_folder.parent.stat().st_mode & 0o7777)
    sync_folder(paid_folder.parent)
