"""The power goes while a worker is only just beginning: before there is a visit to lose."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.books import await_quiet, check_paid_once
from tests.operator.theatre import Stage, stage

CUT_WHILE_MAKING_THE_FILE = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
db.execute("CREATE TABLE t (x)")
for _ in range(50):
    db.execute("INSERT INTO t VALUES (zeroblob(4000))")
os._exit(1)
"""
"""A first write that never came to its end: SQLite must take it back to an empty file."""


def test_a_first_start_that_was_cut_while_making_the_file_can_be_repeated(tmp_path: Path) -> None:
    """
    A kill can leave a half-made file beside SQLite's rollback journal. There is nothing in it yet,
    so the next start takes it back and begins, and asks nobody to mend anything (F31).
    """
    with stage(tmp_path) as play:
        command = [sys.executable, "-c", CUT_WHILE_MAKING_THE_FILE, str(play.journal)]
        subprocess.run(command, check=False)
        assert play.journal.stat().st_size > 0
        assert play.journal.with_name("journal.db-journal").stat().st_size > 0

        play.scan()
        daemon = play.start(play.config())
        daemon.await_line("worker.ready")
        play.pay()
        await_quiet(play)
        assert daemon.stop() == 0
        check_paid_once(play)


def start_and_kill_at(play: Stage, config: Path, sign: Callable[[], bool]) -> None:
    """Kill a first start at a sign, as fast as we can look; a sign may come and go unseen."""
    daemon = play.start(config)
    while not sign() and daemon.process.poll() is None:
        if b"worker.ready" in daemon.out.read_bytes():
            break
        os.sched_yield()
    daemon.kill()


@pytest.mark.parametrize("sign", ["lock", "journal", "wal", "instance.new", "instance"])
def test_a_first_start_killed_at_any_moment_is_followed_by_one_that_begins(
    tmp_path: Path, sign: str
) -> None:
    """Whatever files the kill leaves behind, the next start makes a sound journal of them (F31)."""
    with stage(tmp_path) as play:
        play.scan()
        for number in range(4):
            journal = tmp_path / f"{number}" / "journal.db"
            journal.parent.mkdir()
            dash = "-" if sign in {"wal", "journal"} else "."
            awaited = journal.with_name(f"journal.db{dash}{sign}")
            config = play.config(journal=journal)
            start_and_kill_at(play, config, awaited.exists)
            daemon = play.start(config)
            daemon.await_line("worker.ready")
            assert daemon.stop() == 0
            with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as db:
                assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
            db.close()
