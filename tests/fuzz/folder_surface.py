"""A whole folder of bills: strange names, strange contents, strange tables, and a payment.

Every question is answered and every payment leaves one receipt, whatever lies in the folder. No
stranger's text becomes the name of a file, nothing is written outside the folder, and not a byte of
the shop's own files is lost.
"""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.adapters.till.support import guarded
from tests.fuzz import known, till_surface, witness
from tests.fuzz.bills import LOCATION, TABLE, bill, strange
from tests.fuzz.hearing import hearing
from tests.fuzz.scratch import scratch
from tests.fuzz.spoiling import written
from tests.fuzz.surface import Surface
from worker.adapters.till import FolderTill
from worker.domain.bill import Bill
from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.ports import TillTrouble

KEY: Final = TransactionKey("ATaNkey-0001")
NAMES: Final = (
    *(b"one.json", b"two.json", b"three.json", b"a\nb.json", b"\xff\xfe.json", b"\x1b[2J.json"),
    *(b"-rf.json", b" .json", b"x.receipt.json", b"\xe2\x80\xaetxt.json", b"$(id).json", b".json"),
    *(b"y" * 250 + b".json", b"%00.json", b"draft.tmp", b".hidden.json", b"paid.json", b"'.json"),
)
RECEIPTS: Final = (
    b"",
    b"{",
    b"[]",
    b'{"transaction_key": 5}',
    b'{"transaction_key": "another"}',
    b'{"transaction_key": "ATaNkey-0001"}',
    b"[" * 3000,
    b'{"a": 1e9999999999999999999}',
    b"\xff\xfe",
)


@dataclass(frozen=True)
class Case:
    """What lies in the folder, and who asks and pays."""

    files: dict[bytes, bytes]
    links: tuple[bytes, ...]
    receipts: dict[bytes, bytes]
    table: str
    bill_id: str
    part_id: str | None
    """The part that is paid; None: all of it."""
    is_there: bool
    """Whether a good file for the paid bill lies there."""


def make(dice: random.Random) -> Case:
    """Make a small folder; about half of the time the paid bill's own file is in it."""
    names = dice.sample(NAMES, dice.randrange(5))
    files = {name: till_surface.make(dice) for name in names}
    table, bill_id = _sayable(strange(dice), TABLE), _sayable(strange(dice), "B-1")
    bill_id = bill_id[:128]
    is_there = dice.random() < 0.5
    if is_there:
        own = bill(dice) | {"spot": table, "bill_id": bill_id}
        files[dice.choice(NAMES[:9])] = written(own).encode()
    stems = [name.removesuffix(b".json")[:200] for name in files]
    receipts = {
        stem + dice.choice((b".receipt.json", b"-2.receipt.json")): dice.choice(RECEIPTS)
        for stem in stems
        if dice.random() < 0.3
    }
    links = tuple(name for name in (b"link.json", b"loop.json") if dice.random() < 0.1)
    part_id = _sayable(strange(dice), "one")[:64] if dice.random() < 0.3 else None
    return Case(files, links, receipts, table, bill_id, part_id, is_there)


def _sayable(text: str, otherwise: str) -> str:
    """Mend a text as far as it is mended before it gets to a till."""
    return text[:1000].encode("utf-8", "replace").decode() or otherwise


def check(case: Case) -> Iterator[str]:
    """Ask, pay, pay again, and look at what became of the disk."""
    with scratch() as home:
        folder = home / "bills"
        (folder / "paid").mkdir(parents=True)
        (home / "beside.json").write_bytes(b"not yours")
        _fill(folder, case)
        before = _contents(home)
        with hearing() as heard:
            yield from asyncio.run(_visit(folder, case))
        for line in heard.lines():
            json.loads(line)
        _vouch_for_disk(before, _contents(home), case)


def _fill(folder: Path, case: Case) -> None:
    for name, content in case.files.items():
        (folder / os.fsdecode(name)).write_bytes(content)
    for name, content in case.receipts.items():
        (folder / "paid" / os.fsdecode(name)).write_bytes(content)
    for name in case.links:
        target = "../beside.json" if name == b"link.json" else name
        (folder / os.fsdecode(name)).symlink_to(os.fsdecode(target))


async def _visit(folder: Path, case: Case) -> list[str]:
    till = guarded(FolderTill(folder), time_limit_s=60.0)
    endings = []
    try:
        for table in (TABLE, case.table):
            found = await till.find_bills(LocationId(LOCATION), table)
            _vouch_for_answer(found, case, table)
            endings.append(_kind_of(found))
        notice = _notice(case)
        for _ in range(2):
            trouble = await till.post(notice)
            assert trouble is None, trouble
    finally:
        await till.aclose()
    return endings


def _kind_of(found: tuple[Bill, ...] | TillTrouble) -> str:
    """Say what the answer was like, for the count."""
    if isinstance(found, TillTrouble):
        return "TillTrouble"
    return "bills" if found else "none"


def _vouch_for_answer(found: tuple[Bill, ...] | TillTrouble, case: Case, table: str) -> None:
    if isinstance(found, TillTrouble):
        assert found.why.isprintable()
        return
    of_table = [
        truth
        for truth in map(witness.read, case.files.values())
        if witness.under(truth, "spot") == [table]
    ]
    amounts = [witness.under(truth, "amount_minor") for truth in of_table]
    for one in found:
        known = one.hold.known_minor if one.hold else one.money.amount_minor
        assert [str(known)] in amounts, "nobody asked for this amount"


def _notice(case: Case) -> Notice:
    return Notice(
        notice_id="notice-0001",
        visit_id=VisitId(42),
        location_id=LocationId(LOCATION),
        table=case.table,
        bill_id=case.bill_id,
        part_id=case.part_id,
        money=Money(2599, "EUR"),
        bill_minor=2599,
        service_minor=0,
        tip_minor=0,
        transaction_key=KEY,
        reference=OrderReference("v1.abc.9975.42.qwer1"),
        paid_at=datetime.now(UTC),
    )


def _contents(home: Path) -> dict[str, bytes]:
    """Give every file below a folder, links not followed."""
    return {
        Path(root, name).relative_to(home).as_posix(): Path(root, name).read_bytes()
        for root, _, names in os.walk(home)
        for name in names
        if not Path(root, name).is_symlink()
    }


def _vouch_for_disk(before: dict[str, bytes], after: dict[str, bytes], case: Case) -> None:
    """Nothing is lost, nothing is outside, and the only new file is the one receipt."""
    left = Counter(after.values())
    left.subtract(Counter(before.values()))
    assert min(left.values(), default=0) >= 0, "a file of the shop is gone or changed"
    assert {name for name in after if "/" not in name} == {"beside.json"}
    mine = {name: _receipt(content) for name, content in after.items() if _is_mine(content)}
    if b'{"transaction_key": "ATaNkey-0001"}' in case.receipts.values():
        return  # It may have been put away before; what is there counts as its receipt.
    if known.TWO_RECEIPTS in known.OPEN and _claims(case) > 1:
        return
    assert len(mine) == 1, sorted(mine)
    ((name, receipt),) = mine.items()
    assert (receipt["amount_minor"], receipt["currency"]) == (2599, "EUR")
    assert receipt["table"] == case.table
    assert receipt["bill_id"] == case.bill_id
    assert receipt["part_id"] == case.part_id
    folder, _, file = name.rpartition("/")
    assert folder == "bills/paid"
    stems = {os.fsdecode(each).removesuffix(".json") for each in case.files}
    if case.part_id is not None:
        file, _, part = file.rpartition(".part-")
        assert part.isascii()
        assert not set(part) - set(_SAFE), "a stranger named a part's file"
    is_safe = file.isascii() and not set(file) - set(_SAFE)
    assert is_safe or any(file.startswith(stem[:40]) for stem in stems), "a stranger named a file"


def _claims(case: Case) -> int:
    """Count the files that say that they are the paid bill."""
    truths = [witness.read(content) for content in case.files.values()]
    return sum(witness.under(truth, "bill_id") == [case.bill_id] for truth in truths)


_SAFE: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."


def _receipt(content: bytes) -> dict[str, Any]:
    read = json.loads(content)
    assert isinstance(read, dict)
    return read


def _is_mine(content: bytes) -> bool:
    return b'"transaction_key": "ATaNkey-0001"' in content and b'"paid_at"' in content


FOLDER = Surface("folder", make, check, share=0.005)
