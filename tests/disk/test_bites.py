"""The trials would see it: a disk or a journal that loses what it acknowledged is found out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.disk.disk import SimDisk
from tests.disk.trial import (
    Prepare,
    Truth,
    Wrong,
    as_it_is,
    check,
    cuts,
    every_death,
    fold_often,
    said_of,
)
from worker.adapters.journal.store import Kept, Store


def lying(about: str, otherwise: Prepare = as_it_is) -> Prepare:
    """Give what makes a disk lie about the files with such an end to their names."""

    def prepare(disk: SimDisk, store: Store) -> None:
        otherwise(disk, store)
        disk.lie(lambda name: name.endswith(about))

    return prepare


def syncing(how: str) -> Prepare:
    """Give what tells SQLite behind the journal's back how often to sync."""

    def prepare(disk: SimDisk, store: Store) -> None:
        del disk
        store._connection.execute(f"PRAGMA synchronous = {how}")

    return prepare


def one_by_one(disk: SimDisk, store: Store) -> None:
    """Let a journal write each entry of a batch by itself."""
    del disk
    whole: Callable[[Sequence[Kept]], list[Exception | None]] = store.commit

    def commit(batch: Sequence[Kept]) -> list[Exception | None]:
        return [whole([item])[0] for item in batch]

    vars(store)["commit"] = commit


def search(folder: Path, again: Path, real: Truth, prepare: Prepare, first: int) -> None:
    """Cut the power at one access after the other until something is found to be wrong."""
    for n, disk, progress in every_death(folder, real, prepare=prepare, first=first):
        for where, left in cuts(disk, n):
            with said_of(where):
                check(again, left, progress, real)


OPENED, NEARLY_CLOSED = 60, 240
"""Accesses at which to begin, for the sake of time."""

LESS = "batches are found"


@pytest.mark.parametrize(
    ("prepare", "first", "words"),
    [
        pytest.param(lying(""), OPENED, LESS, id="a disk that lies about everything"),
        pytest.param(lying("-wal"), OPENED, LESS, id="a disk that lies about the log"),
        pytest.param(
            lying("journal.db", fold_often),
            OPENED,
            f"{LESS}|empty journal|older copy|damaged",
            id="a disk that lies about the file",
        ),
        pytest.param(
            lying(".new"), NEARLY_CLOSED, "not readable", id="a disk that lies about the marker"
        ),
        pytest.param(syncing("OFF"), OPENED, LESS, id="a log that is never synced"),
        pytest.param(syncing("NORMAL"), OPENED, LESS, id="a log that is seldom synced"),
        pytest.param(one_by_one, OPENED, "never the journal's state", id="half a batch"),
    ],
)
def test_what_loses_acknowledged_entries_is_found_out(
    folder: Path, again: Path, real: Truth, prepare: Prepare, first: int, words: str
) -> None:
    """The same cuts and the same checks as everywhere fail within one run over the accesses."""
    with pytest.raises(Wrong, match=words):
        search(folder, again, real, prepare, first)
