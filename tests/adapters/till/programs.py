"""Programs that a shop could have, good and bad, and the till that runs them."""

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from worker.adapters.till.command import CommandTill
from worker.adapters.till.turns import Turns
from worker.domain.ids import LocationId, OrderReference, TransactionKey, VisitId
from worker.domain.money import Money
from worker.domain.notice import Notice

HALL = 9975
TERRACE = 9976
ENVIRON = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}
NOTICE = Notice(
    notice_id="n-00042-1",
    visit_id=VisitId(42),
    location_id=LocationId(HALL),
    table="table5",
    bill_id="B-1",
    part_id=None,
    money=Money(2599, "EUR"),
    bill_minor=2599,
    service_minor=200,
    tip_minor=0,
    transaction_key=TransactionKey("ATaNkey-0001"),
    reference=OrderReference("v1.abc.9975.42.qwer1"),
    paid_at=datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
)


def program(folder: Path, body: str, first: str = "#!/bin/sh") -> Path:
    """Write a program; FOLDER in its text is where it lies."""
    path = folder / "till.sh"
    path.write_text(f"{first}\n{body.replace('FOLDER', shlex.quote(str(folder)))}\n")
    path.chmod(0o755)
    return path


@asynccontextmanager
async def till_of(
    path: Path,
    *arguments: str,
    time_limit_s: float = 20.0,
    kill_after_s: float = 0.5,
    environ: Mapping[str, str] = ENVIRON,
    turns: Turns | None = None,
) -> AsyncIterator[CommandTill]:
    """Give the till of a program. Generous with time: a busy machine is no fault."""
    till = CommandTill(
        [str(path), *arguments],
        can_lock=True,
        environ=environ,
        time_limit_s=time_limit_s,
        kill_after_s=kill_after_s,
        turns=turns,
    )
    try:
        yield till
    finally:
        await till.aclose()


async def until(fact: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not fact():
            await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def written(path: Path, lines: int = 1) -> bool:
    """Tell whether a program has written so many whole lines there."""
    return path.exists() and path.read_text().count("\n") >= lines


def pids(path: Path) -> Sequence[int]:
    """Give the numbers of the processes that wrote theirs into a file, one a line."""
    return [int(line) for line in path.read_text().split()]


def children() -> set[int]:
    """Give every child of this process, zombies too."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def descriptors() -> int:
    """Count the open files of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))
