"""The power goes while the journal is opened, once and twice, and the next start opens it."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.disk.evening import BATCHES
from tests.disk.files import Loss
from tests.disk.trial import (
    Files,
    Progress,
    Truth,
    check,
    cuts,
    every_death,
    fold_often,
    found_in,
    said_of,
    until_death,
)
from worker.adapters.journal import schema

Left = tuple[Files, Progress]


def tidy(folder: Path, real: Truth) -> Left:
    """Give what an evening leaves that was closed."""
    disk, progress = found_in(folder, {}), Progress()
    until_death(disk, progress, real)
    return disk.after_loss(random.Random(0), Loss.NOTHING), progress


def untidy(folder: Path, real: Truth) -> Left:
    """Give what an evening leaves whose process was killed when it was about to close."""
    for _, disk, progress in every_death(folder, real, first=200):
        if progress.acknowledged == len(BATCHES):
            return disk.after_loss(random.Random(0), Loss.NOTHING), progress
    raise AssertionError("the evening has no end")


@pytest.fixture(params=[tidy, untidy])
def left(request: pytest.FixtureRequest, folder: Path, real: Truth) -> Left:
    """Give what a start finds."""
    leave: Callable[[Path, Truth], Left] = request.param
    files, progress = leave(folder, real)
    assert ("journal.db-wal" in files) == (leave is untidy)
    return files, progress


@pytest.fixture
def newer() -> Iterator[str]:
    """Give the table of a schema that is newer by a version, for as long as the test runs."""
    script = (
        "CREATE TABLE remark (visit_id INTEGER PRIMARY KEY REFERENCES visit, text TEXT) STRICT;\n"
        "INSERT INTO remark SELECT visit_id, body FROM visit;\n"
        'CREATE INDEX visit_by_table ON visit ("table");'
    )
    known = schema.migrations()
    with patch.object(schema, "migrations", lambda: [*known, (known[-1][0] + 1, script)]):
        yield "remark"


def test_a_power_cut_during_a_later_start_loses_nothing(
    folder: Path, again: Path, real: Truth, left: Left
) -> None:
    """A start takes over what it finds, tidied up or not, and may be cut at any access."""
    files, progress = left
    points = 0
    for n, disk, come in every_death(folder, real, files=files, progress=progress):
        points += 1
        for where, found in cuts(disk, n):
            with said_of(where):
                check(again, found, come, real)

    assert points > 25


def test_a_power_cut_during_a_migration_leaves_it_whole_or_undone(
    folder: Path, again: Path, real: Truth, left: Left, newer: str
) -> None:
    """A new version's first start may be cut at any access; the next one ends what it began."""
    files, progress = left
    points = 0
    for n, disk, come in every_death(folder, real, files=files, progress=progress):
        points += 1
        for where, found in cuts(disk, n):
            with said_of(where):
                check(again, found, come, real, holds=newer)

    assert points > 40


@pytest.mark.parametrize("part", range(2))
def test_a_second_power_cut_during_the_recovery_from_the_first_changes_nothing(
    folder: Path, again: Path, real: Truth, part: int
) -> None:
    """What the first cut left half done is taken up by a start that is cut itself, anywhere."""
    dice = random.Random(part)
    points = 0
    for first, disk, progress in every_death(
        again, real, prepare=fold_often, first=5 + 24 * part, step=48
    ):
        files = disk.after_loss(dice, dice.choice([Loss.SCATTERED, Loss.TORN]))
        for second, once_more, come in every_death(
            folder, real, files=files, progress=progress, step=2
        ):
            points += 1
            left = once_more.after_loss(dice, dice.choice(list(Loss)))
            with said_of(f"access {first}, then {second}"):
                check(again, left, come, real)
            if come.acknowledged > progress.begun:
                break  # The evening goes on; that is another test.

    assert points > 100
