"""Put a paid bill away: a receipt first, then the bill's file beside it.

Blocking, and made for one thread. A crash between any two steps leaves a state from which the
same call finishes the work; a call after the last step changes nothing. No file of somebody else
is ever overwritten or deleted.
"""

import contextlib
import hashlib
import itertools
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Final

from worker.adapters.till.billfile import BYTES_MAX
from worker.adapters.till.shelf import PAID_FOLDER, Item, read_item
from worker.adapters.till.text import file_label
from worker.ports import PaidBill

RECEIPT_SUFFIX: Final = ".receipt.json"
_STEM_BYTES_MAX: Final = 180
_SEARCHED: Final = timedelta(days=7)
"""How far before the payment a receipt's time stamp may lie, should the clock have been set."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that the log should say."""

    level: str
    event: str
    fields: Mapping[str, str]


def put_away(folder: Path, items: Sequence[Item], paid: PaidBill) -> list[News]:
    """Write the receipt and move the bill's file, as far as that is not done yet.

    Raises:
        OSError: the disk refused; everything up to there can be repeated.

    """
    item = _file_of(items, paid)
    paid_folder = folder / PAID_FOLDER
    _make_folder(paid_folder)
    if item is None:
        return _without_file(paid_folder, paid)
    stem = _bounded(item.name.removesuffix(".json"))
    name, is_written = _slot(paid_folder, stem, paid.transaction_key)
    if not is_written:
        if _has_receipt(paid_folder, paid):
            return []  # Put away before; this file only claims to be the same bill.
        _write_receipt(paid_folder, name, paid, item)
    moved = _move(folder, item, paid_folder, name)
    if moved is None:
        return [_vanished(paid, file_label(item.name))]
    return _told_about(item.name, moved, paid)


def _file_of(items: Sequence[Item], paid: PaidBill) -> Item | None:
    """Find the bill's file: by what stands in it, never by its name."""
    wanted = (paid.location_id, paid.bill.bill_id)
    found = [item for item in items if (item.content.location_id, item.content.bill_id) == wanted]
    # Of two that claim to be the bill, the one of the table that paid.
    found.sort(key=lambda item: (item.content.table != paid.table, item.name))
    return found[0] if found else None


def _without_file(paid_folder: Path, paid: PaidBill) -> list[News]:
    """The bill's file is gone: put away before, or taken by the shop. Either way keep a receipt."""
    if _has_receipt(paid_folder, paid):
        return []
    digest = hashlib.sha256(f"{paid.location_id}/{paid.bill.bill_id}".encode()).hexdigest()[:16]
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", paid.bill.bill_id or "")[:40]
    name, is_written = _slot(paid_folder, f"{readable}-{digest}", paid.transaction_key)
    if not is_written:
        _write_receipt(paid_folder, name, paid, None)
    return [_vanished(paid, f"{name}{RECEIPT_SUFFIX}")]


def _vanished(paid: PaidBill, file: str) -> News:
    fields = {"file": file, "bill": paid.bill.bill_id or "", "visit": paid.visit}
    return News("warning", "bill.vanished", fields | {"paid": str(paid.bill.money)})


def _told_about(name: str, moved: Item, paid: PaidBill) -> list[News]:
    """Say so when the shop changed the bill after the guest had paid it."""
    money = moved.content.money
    if money == paid.bill.money:
        return []
    fields = {
        "file": file_label(name),
        "bill": paid.bill.bill_id or "",
        "visit": paid.visit,
        "paid": str(paid.bill.money),
        "other": "unreadable" if money is None else str(money),
        "do": "settle the difference with the guest; the receipt has both amounts",
    }
    return [News("error", "bill.changed_after_payment", fields)]


def _bounded(stem: str) -> str:
    """Leave room for our suffixes in the longest name that a file may have."""
    raw = os.fsencode(stem)
    if len(raw) <= _STEM_BYTES_MAX:
        return stem
    digest = hashlib.sha256(raw).hexdigest()[:16]
    return f"{os.fsdecode(raw[: _STEM_BYTES_MAX - 17])}-{digest}"


def _slot(paid_folder: Path, stem: str, key: str) -> tuple[str, bool]:
    """Find the first name that is free, or that this transaction's receipt has already."""
    for number in itertools.count(1):
        name = stem if number == 1 else f"{stem}-{number}"
        receipt = paid_folder / f"{name}{RECEIPT_SUFFIX}"
        if os.path.lexists(receipt):
            if _key_in(receipt) == key:
                return name, True
        elif not os.path.lexists(paid_folder / f"{name}.json"):
            return name, False
    raise AssertionError("counting never ends")


def _key_in(receipt: Path) -> str | None:
    """Read whose receipt it is; None: it does not say."""
    try:
        if not receipt.is_file() or receipt.stat().st_size > BYTES_MAX:
            return None
        content = json.loads(receipt.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    key = content.get("transaction_key") if isinstance(content, dict) else None
    return key if isinstance(key, str) else None


def _has_receipt(paid_folder: Path, paid: PaidBill) -> bool:
    """Look through the receipts that can be this payment's. Rare: only when the file is gone."""
    since = (paid.paid_at - _SEARCHED).timestamp()
    with os.scandir(paid_folder) as entries:
        for entry in entries:
            if not entry.name.endswith(RECEIPT_SUFFIX):
                continue
            with contextlib.suppress(FileNotFoundError):
                is_recent = entry.stat(follow_symlinks=False).st_mtime >= since
                if is_recent and _key_in(Path(entry.path)) == paid.transaction_key:
                    return True
    return False


def _write_receipt(paid_folder: Path, name: str, paid: PaidBill, item: Item | None) -> None:
    """Write it so that it is there whole or not at all, and survives a power cut."""
    found = None if item is None else item.content.money
    document = {
        "bill_id": paid.bill.bill_id,
        "amount_minor": paid.bill.money.amount_minor,
        "currency": paid.bill.money.currency,
        "visit": paid.visit,
        "table": paid.table,
        "location_id": paid.location_id,
        "transaction_key": paid.transaction_key,
        "orderid": paid.reference,
        "paid_at": paid.paid_at.astimezone(UTC).isoformat(),
        "file": None if item is None else file_label(item.name),
        "file_amount_minor": None if found is None else found.amount_minor,
        "file_currency": None if found is None else found.currency,
    }
    content = (json.dumps(document, indent=2) + "\n").encode()
    draft = paid_folder / f".{name}{RECEIPT_SUFFIX}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(draft, flags, 0o600), "wb") as file:  # noqa: PTH123 - an open file
            file.write(content)
            file.flush()
            # Whoever may read the bills may read the receipts.
            os.fchmod(file.fileno(), 0o600 | (paid_folder.stat().st_mode & 0o044))
            os.fsync(file.fileno())
        draft.rename(paid_folder / f"{name}{RECEIPT_SUFFIX}")
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    _sync_folder(paid_folder)


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
        _sync_folder(folder)
        return None
    _sync_folder(paid_folder)
    _sync_folder(folder)
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
    _sync_folder(paid_folder.parent)


def _sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
