"""A receipt on the disk: written whole or not at all, and read as a stranger's file."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from worker.adapters.till.billfile import BYTES_MAX
from worker.adapters.till.shelf import Item
from worker.adapters.till.text import file_label
from worker.domain.notice import Notice

RECEIPT_SUFFIX: Final = ".receipt.json"
_SEARCHED: Final = timedelta(days=7)
"""How far before the payment a receipt's time stamp may lie, should the clock have been set, or
other parts of the bill have been paid long before."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says of itself; None: it does not say."""

    name: str
    """The file's name without its ending."""
    notice_id: str | None
    transaction_key: str | None
    location_id: object
    bill_id: object
    part_id: str | None

    def is_of(self, notice: Notice) -> bool:
        """Tell whether it is this payment's; the oldest receipts have no notice's name."""
        if self.notice_id is not None:
            return self.notice_id == notice.notice_id
        return self.transaction_key == notice.transaction_key

    def is_part_of(self, notice: Notice) -> bool:
        """Tell whether it is of a part of the same bill."""
        bill = (self.location_id, self.bill_id)
        return self.part_id is not None and bill == (notice.location_id, notice.bill_id)


def read_receipt(path: Path) -> Receipt | None:
    """Read whose receipt it is; None: it is none."""
    try:
        if not path.is_file() or path.stat().st_size > BYTES_MAX:
            return None
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None

    def text(name: str) -> str | None:
        value = content.get(name)
        return value if isinstance(value, str) else None

    return Receipt(
        path.name.removesuffix(RECEIPT_SUFFIX),
        text("notice_id"),
        text("transaction_key"),
        content.get("location_id"),
        content.get("bill_id"),
        text("part_id"),
    )


def receipts_since(paid_folder: Path, paid_at: datetime, mark: str = "") -> Iterator[Receipt]:
    """Read the receipts with a mark in their names that can be a payment's, or its bill's.

    Rare: only for parts, and when a bill's file is gone.
    """
    since = (paid_at - _SEARCHED).timestamp()
    with os.scandir(paid_folder) as entries:
        for entry in entries:
            if mark not in entry.name or not entry.name.endswith(RECEIPT_SUFFIX):
                continue
            with contextlib.suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime >= since:
                    receipt = read_receipt(Path(entry.path))
                    if receipt is not None:
                        yield receipt


def write_receipt(paid_folder: Path, name: str, notice: Notice, item: Item | None) -> None:
    """Write it so that it is there whole or not at all, and survives a power cut.

    Raises:
        OSError: the disk refused; there is no receipt, or all of it.

    """
    content = (json.dumps(_document(notice, item), indent=2) + "\n").encode()
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
    sync_folder(paid_folder)


def _document(notice: Notice, item: Item | None) -> dict[str, object]:
    return {
        "notice_id": notice.notice_id,
        "bill_id": notice.bill_id,
        "part_id": notice.part_id,
        "amount_minor": notice.money.amount_minor,
        "currency": notice.money.currency,
        "bill_amount_minor": notice.bill_minor,
        "service_minor": notice.service_minor,
        "tip_minor": notice.tip_minor,
        "visit": notice.visit,
        "table": notice.table,
        "location_id": notice.location_id,
        "transaction_key": notice.transaction_key,
        "orderid": notice.reference,
        "paid_at": notice.paid_at.astimezone(UTC).isoformat(),
        "file": None if item is None else file_label(item.name),
        "file_amount_minor": None if item is None else item.content.amount_minor,
        "file_currency": None if item is None else item.content.currency,
    }


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
