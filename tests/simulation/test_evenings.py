"""The simulator itself: it repeats itself, and it shrinks what it finds.

The long run is `make simulate`; here are a few evenings on each journal, and proof of the tools.
"""

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests.simulation.__main__ import main
from tests.simulation.evening import Violation, from_seed
from tests.simulation.running import append_result, play_chunk, play_many
from tests.simulation.shrinking import Kept, Story, failure_of, regressions, shrink, told
from worker.domain.rules import closing

ROOT = Path(__file__).parents[2]
SEEDS_A_TEST = 40


@pytest.mark.parametrize("kept", regressions(), ids=lambda kept: kept.bug)
def test_what_went_wrong_once_goes_right(kept: Kept) -> None:
    """Each of these stories once found a fault; tests/planted shows that each still would."""
    assert failure_of(kept.story) is None, f"{kept.what}\n{told(kept.story)}"


@pytest.mark.parametrize("first", range(50_000, 50_000 + 6 * SEEDS_A_TEST, SEEDS_A_TEST))
def test_evenings_in_memory_end_as_they_must(first: int) -> None:
    """Nobody is charged twice or wrongly, no paid bill is lost, and every spot ends closed."""
    assert play_chunk(range(first, first + SEEDS_A_TEST)).wrong == []


@pytest.mark.parametrize("first", range(60_000, 60_000 + 4 * SEEDS_A_TEST, SEEDS_A_TEST))
def test_evenings_on_a_disk_that_forgets_end_as_they_must(first: int) -> None:
    """The real journal, under a disk that fails, fills up and loses what was not synced."""
    assert play_chunk(range(first, first + SEEDS_A_TEST), "disk").wrong == []


@pytest.mark.parametrize("first", [70_000, 70_010])
def test_evenings_on_a_real_file_end_as_they_must(first: int) -> None:
    """The real journal on a real file, every commit on the disk."""
    assert play_chunk(range(first, first + 10), "sqlite").wrong == []


TELL_MANY = """
from hashlib import sha256
from tests.simulation.shrinking import Story, told
for seed in range(300, 400):
    print(seed, sha256(told(Story(seed)).encode()).hexdigest())
"""


def fingerprints(hash_seed: str) -> list[str]:
    """Play seeds in a process of its own and give the hash of everything that happened in each."""
    lines = subprocess.run(
        [sys.executable, "-c", TELL_MANY],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
        timeout=100,
    ).stdout.splitlines()
    assert len(set(lines)) == 100
    return lines


def test_the_same_seed_is_the_same_evening_in_another_process() -> None:
    """Otherwise a seed would prove nothing, and no failure could be played again."""
    assert fingerprints("1") == fingerprints("2")


def test_fifty_seeds_are_the_same_twice_over() -> None:
    """In one process too, whatever was played before."""
    for seed in range(100, 150):
        traces = []
        for _ in range(2):
            evening = Story(seed).evening(is_traced=True).play()
            traces.append(evening.trace)
        assert traces[0] == traces[1], f"seed {seed}"


def careless() -> "mock._patch[mock.MagicMock]":
    """Plant a fault: a spot counts as ours whoever waits there."""
    return mock.patch.object(closing, "is_tied", return_value=True)


def test_a_failure_shrinks_to_a_story_that_still_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """One command plays it again; its timeline is short enough to be read."""
    with careless():
        seed = next(s for s in range(2000) if failure_of(Story(s)) is not None)
        whole = Story(seed)
        small = shrink(whole)

        assert failure_of(small) is not None
        assert small.plan().guests <= whole.plan().guests
        assert len(told(small)) < len(told(whole))
        assert main(small.command().split()[3:]) == 0
        assert "Violation" in capsys.readouterr().out
        assert main(["hunt", "--first", str(seed), "--visits", "500"]) == 1
        assert '"caught": true' in capsys.readouterr().out
    assert failure_of(small) is None


def test_a_hunt_that_finds_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Silence is a result."""
    assert main(["hunt", "--visits", "100"]) == 0

    assert '{"caught": false, "visits": ' in capsys.readouterr().out


def test_a_run_counts_what_it_saw_and_keeps_it(tmp_path: Path) -> None:
    """The line in the results is the run's own count."""
    *_, total = play_many(0, 25, jobs=2)
    append_result(tmp_path / "results.jsonl", total, seconds=1)

    assert total.evenings == 25
    assert total.wrong == []
    assert total.visits == sum(total.ends.values())
    assert f'"visits": {total.visits}' in (tmp_path / "results.jsonl").read_text()


def test_a_run_too_short_to_see_everything_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A trouble that never fires proves nothing, so a run can be made to demand them all."""
    assert main(["run", "0", "3", "--all-must-fire"]) == 1

    assert "NEVER CAME UP" in capsys.readouterr().out


def test_a_violation_names_its_seed_and_its_checker() -> None:
    """Whoever reads it knows what to play again."""
    violation = Violation(7, ["S3: two keys", "S5: no intent"])

    assert violation.checker == "S3"
    assert str(violation) == "seed 7: S3: two keys; S5: no intent"


def test_a_world_that_does_wrong_is_caught_at_that_very_step() -> None:
    """The checkers look after every step, not at the end."""
    evening = from_seed(5)
    evening.loop.call_later(3.0, evening.truth.wrong, "S0", "made up")

    with pytest.raises(Violation, match="S0: made up"):
        evening.play()
    assert 3.0 <= evening.loop.time() < 3.1
