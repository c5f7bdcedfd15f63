"""The power goes at any moment of an evening, and nothing that was acknowledged is lost."""

from pathlib import Path

import pytest

from tests.disk.trial import (
    Prepare,
    Truth,
    as_it_is,
    check,
    cuts,
    every_death,
    fold_often,
    said_of,
)

PARTS = 4


@pytest.mark.parametrize("prepare", [as_it_is, fold_often])
@pytest.mark.parametrize("part", range(PARTS))
def test_a_power_cut_at_any_access_loses_nothing_acknowledged(
    folder: Path, again: Path, real: Truth, prepare: Prepare, part: int
) -> None:
    """From the first start to the closing: what was told to be written is there, whole."""
    points = different = 0
    for n, disk, progress in every_death(folder, real, prepare=prepare, first=1 + part, step=PARTS):
        points += 1
        for where, left in cuts(disk, n):
            with said_of(where):
                check(again, left, progress, real)
            different += 1

    assert points > 60
    assert different > 2 * points
