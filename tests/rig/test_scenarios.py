"""One bad thing at a time, done to a real worker with visits open."""

import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from tests.operator.processes import Json, until
from tests.operator.theatre import side_by_side
from tests.rig.checkers import Books, check_facts
from tests.rig.proxy import Mode, Weather
from tests.rig.show import Evening, judge, said, stop
from tests.rig.theatre import CAN_LIMIT_FILES, Life, Theatre, theatre
from worker.adapters.journal.marker import marker_path

QUIET_S = 90.0
FROZEN_S = 8.0
"""Longer than a call may take and than a look may be acted upon."""
CONFIRM_WINDOW_S = 5.0
WRITES = frozenset(
    {
        "transaction.create",
        "order.create",
        "transaction.confirm",
        "transaction.revoke",
        "spot.close",
    }
)

needs_prlimit = pytest.mark.skipif(not CAN_LIMIT_FILES, reason="needs Linux's prlimit")


def come_to_rest(stage: Theatre, *, paid: int) -> Evening:
    """Heal everything, wait until nobody waits any more, and require that nothing is wrong."""
    last = stage.heal()
    found = Evening(seed=0, kills=0, folder=stage.folder)
    assert stage.await_quiet(QUIET_S), f"it did not become quiet; it said:\n{last.said()}"
    stop(last, found.wrong)
    judge(stage, found)
    assert found.wrong == []
    assert found.lost == []
    assert found.ends["paid"] >= paid
    return found


def offer(stage: Theatre, table: str) -> str:
    """Seat a guest and wait for the bill; give the transaction's key."""
    stage.play.scan(table)
    return stage.play.await_offer(table)


def reserve(stage: Theatre, key: str) -> None:
    stage.play.control("POST", f"transactions/{key}/reserve")


def told_by_any(stage: Theatre, event: str) -> list[Json]:
    return [line for life in stage.lives for line in life.told(event)]


# Frozen, as a host does that is out of breath.


def freeze(folder: Path, sign: bytes, *, is_lost: bool) -> None:
    """Freeze the worker as a certain call leaves, for longer than the call may take."""
    with theatre(folder) as stage:
        life = stage.start()
        key = offer(stage, "table1")
        frozen = Event()

        def spring(_request: bytes) -> None:
            life.tell(signal.SIGSTOP)
            frozen.set()

        stage.proxy.trip(sign, spring, is_lost=is_lost)
        reserve(stage, key)
        until("the worker is frozen", frozen.is_set)
        if sign == b"/confirm":
            check_second_worker(stage, life)
        time.sleep(FROZEN_S)
        life.tell(signal.SIGCONT)
        until("the guest has paid", lambda: life.told("visit.closed", end="paid"))
        assert not life.is_over
        check_looks(stage)
        found = come_to_rest(stage, paid=1)
        assert found.ends == {"paid": 1}


def check_second_worker(stage: Theatre, first: Life) -> None:
    """Somebody takes the frozen worker for dead and starts another: it is turned away."""
    second = stage.second_worker()
    assert second.wait() == 75
    (said_no,) = second.told("journal.locked")
    assert f"pid {first.process.pid}" in said_no["error"]
    assert {line["event"] for line in second.lines()} == {
        "worker.started",
        "config.warned",
        "journal.locked",
    }
    assert second.err.read_text() == ""


def check_looks(stage: Theatre) -> None:
    """Require that each confirm left soon after a look at its transaction."""
    looks = stage.play.calls("transaction.get")
    confirms = stage.play.calls("transaction.confirm")
    assert confirms
    for confirm in confirms:
        key = confirm["path"].split("/")[-2]
        ages = [confirm["at"] - one["at"] for one in looks if one["path"].endswith(key)]
        assert any(0 <= age <= CONFIRM_WINDOW_S for age in ages), (confirm, looks)


def test_a_frozen_worker_goes_on_as_if_its_call_had_been_lost(tmp_path: Path) -> None:
    """
    Frozen in the middle of any call, for longer than the call may take: it looks before it acts
    again, takes the money once and frees the table once. A second worker that is started meanwhile
    is turned away, because the frozen one still holds the journal.
    """
    cases = [
        (b"GET /rest/v1/transaction/", False),
        (b"/confirm", False),
        (b"/confirm", True),
        (b"DELETE /rest/v1/spot/", False),
    ]
    side_by_side(
        [
            partial(freeze, tmp_path / f"{number}", sign, is_lost=is_lost)
            for number, (sign, is_lost) in enumerate(cases)
        ]
    )


# A full disk.


@needs_prlimit
def test_a_full_disk_ends_the_worker_and_nothing_that_it_said_is_lost(tmp_path: Path) -> None:
    """
    While guests sit at every step of a visit the disk is full: the worker ends and says so, does
    not begin again as long as there is no room, and afterwards every visit ends right.
    """
    with theatre(tmp_path, seed=3, guests=5, has_shop=True, offer_ttl_s=8.0) as stage:
        life = stage.start()
        until("two have paid", lambda: len(life.told("visit.closed", end="paid")) >= 2)
        stage.fill_the_disk()
        check_no_journal(life, "disk failed to read or write")
        still_full = stage.start_on_a_full_disk()
        check_no_journal(still_full, "disk is full")
        assert still_full.told("spot.seen") == []

        stage.start()
        found = come_to_rest(stage, paid=3)
        assert found.facts["visit.closed"] >= 3


def check_no_journal(life: Life, words: str) -> None:
    """Require that the worker ended because of its journal, and said so in one clear line."""
    assert life.wait() == 69
    (line,) = life.told("journal.unavailable")
    assert words in line["error"]
    assert line["do"]
    assert life.err.read_text() == ""


# Junk over the journal.


def all_of(content: bytes) -> bytes:
    return b"the shop's own accounts\n" * (len(content) // 24)


def the_middle_of(content: bytes) -> bytes:
    """Spoil a few pages and leave the head, by which a file is known, alone."""
    junk = b"\xde\xad\xbe\xef" * 1024
    at = len(content) // 2 // 4096 * 4096
    return content[:at] + junk + content[at + len(junk) :]


def write_junk(folder: Path, spoil: Callable[[bytes], bytes]) -> None:
    with theatre(folder) as stage:
        first = stage.start()
        reserve(stage, offer(stage, "table1"))
        first.await_line("visit.closed", end="paid")
        assert first.stop() == 0
        backup = copy_of_journal(stage, "backup")
        second = stage.start()
        key = offer(stage, "table2")
        second.await_line("order.offered")
        assert second.stop() == 0

        newest = copy_of_journal(stage, "newest")
        spoiled = spoil(stage.journal.read_bytes())
        stage.journal.write_bytes(spoiled)
        reserve(stage, key)
        before = writes(stage)
        refused = stage.start()
        check_no_journal(refused, str(stage.journal))
        assert stage.journal.read_bytes() == spoiled
        assert writes(stage) == before

        put_back(stage, backup)
        too_old = stage.start()
        check_no_journal(too_old, "an older copy was put back")
        assert writes(stage) == before
        check_that_a_loss_shows(stage, backup)

        put_back(stage, newest)
        last = stage.start()
        last.await_line("visit.closed", end="paid")
        assert come_to_rest(stage, paid=2).ends == {"paid": 2}


def copy_of_journal(stage: Theatre, name: str) -> Path:
    """Copy the journal of a worker that is stopped, and nothing else of it."""
    copy = stage.folder / name
    copy.mkdir()
    shutil.copy(stage.journal, copy)
    return copy / stage.journal.name


def put_back(stage: Theatre, copy: Path) -> None:
    shutil.copy(copy, stage.journal)


def writes(stage: Theatre) -> int:
    """Count the calls that would change something at the wallet."""
    counts = stage.play.control("GET", "requests?limit=0")["counts"]
    return sum(count for op, count in counts.items() if op in WRITES)


def check_that_a_loss_shows(stage: Theatre, older: Path) -> None:
    """Require that the checker sees what an older copy does not have: it can not only pass."""
    assert marker_path(stage.journal).exists()
    books = Books.read(older, stage.play.ledger(), 1)
    lost = check_facts(said(stage.lives), books).lost
    assert any("order.offered" in one and "no such visit" in one for one in lost)
    assert not any("v-0001" in one for one in lost)


def test_junk_over_the_journal_is_refused_and_kept_and_the_right_file_goes_on(
    tmp_path: Path,
) -> None:
    """
    Whether all of the file is junk or only its middle, the worker does not begin, changes nothing
    in it and asks nothing of the wallet. Nor does it begin with a backup that is too old. With the
    right file put back it takes the money that was held meanwhile, once.
    """
    spoilers = {"all": all_of, "middle": the_middle_of}
    side_by_side([partial(write_junk, tmp_path / name, spoil) for name, spoil in spoilers.items()])


# A wrong wall clock.


def set_the_clock(folder: Path, offset_s: float) -> None:
    with theatre(folder) as stage:
        first = stage.start()
        held = offer(stage, "table1")
        shown = offer(stage, "table2")
        until("both are offered", lambda: len(first.told("order.offered")) == 2)
        stage.proxy.trip(b"/confirm", lambda _: first.process.kill(), is_lost=True)
        reserve(stage, held)
        first.wait()

        skewed = stage.start(offset_s)
        skewed.await_line("visit.closed", table="table1", end="paid")
        (corrected,) = skewed.told("wallet.clock_offset")
        assert abs(corrected["offset_s"] + offset_s) < 60
        assert skewed.told("wallet.clock_refused") == []
        if offset_s < 0:
            # By this clock nobody has waited for long: the offer stands, and is taken.
            reserve(stage, shown)
            skewed.await_line("visit.closed", table="table2", end="paid")
        else:
            skewed.await_line("visit.closed", table="table2", end="unpaid")
        third = offer(stage, "table3")
        skewed.await_line("order.offered", table="table3")
        stage.proxy.change(Weather(Mode.SWALLOW_DOWN))
        reserve(stage, third)
        until("a look is out", lambda: stage.proxy.fired()["swallow_down"])
        skewed.kill()

        stage.proxy.change(Weather())
        right_again = stage.start()
        right_again.await_line("visit.closed", table="table3", end="paid")
        come_to_rest(stage, paid=2 if offset_s > 0 else 3)


def test_a_wall_clock_that_is_wrong_after_a_restart_costs_nobody_money(tmp_path: Path) -> None:
    """
    Three days ahead or ten minutes behind, and right again after the next restart: signatures go by
    the wallet's clock, held money is taken once, and no visit waits for a time that is past or far.
    """
    offsets = (3 * 86_400.0, -600.0)
    side_by_side([partial(set_the_clock, tmp_path / f"{int(s)}", s) for s in offsets])
