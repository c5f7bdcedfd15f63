"""Which files are run, who waits for whom, and what `check` says."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.adapters.till.programs import HALL, TERRACE, program, till_of, until, written
from worker.adapters.till.command import CommandTill
from worker.adapters.till.connector import TillError
from worker.adapters.till.program import check_program
from worker.adapters.till.turns import Turns

SAYS = "echo '{\"bills\":[]}'"


async def _refusal(path: Path) -> str:
    """Ask for bills and for a check, which must find the same."""
    async with till_of(path) as till:
        with pytest.raises(TillError) as caught:
            await till.open_bills(HALL, "table5")
        (found,) = await till.check()
    said = str(caught.value).partition(" bills: ")[2]
    assert said.split(":")[0].rstrip(".") in found
    return said


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """With what to do."""
    assert "can not be found (No such file" in await _refusal(tmp_path / "nothing")


async def test_a_link_that_leads_nowhere_or_to_itself_is_no_program(tmp_path: Path) -> None:
    """Neither raises anything of its own."""
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    assert "can not be found" in await _refusal(tmp_path / "dangling")
    assert "can not be found" in await _refusal(tmp_path / "loop")


async def test_a_folder_is_no_program(tmp_path: Path) -> None:
    """Though it may be entered."""
    assert "is not a file" in await _refusal(tmp_path)


async def test_a_program_without_the_right_to_run_is_refused(tmp_path: Path) -> None:
    """Nobody, root neither, runs a file that is not executable."""
    path = program(tmp_path, SAYS)
    path.chmod(0o644)

    assert "can not be run by this user" in await _refusal(path)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
async def test_a_program_that_others_can_change_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever writes it acts as the worker, who takes the shop's money."""
    path = program(tmp_path, SAYS)
    path.chmod(mode)

    assert "can be changed by others" in await _refusal(path)
    path.chmod(0o755)
    assert check_program(path) == []


async def test_a_program_in_a_folder_that_is_open_to_all_is_refused(tmp_path: Path) -> None:
    """Whoever may write the folder may put another program there; also where a link leads."""
    folder = tmp_path / "open"
    folder.mkdir()
    path = program(folder, SAYS)
    folder.chmod(0o777)
    link = tmp_path / "link"
    link.symlink_to(path)

    assert "is open to everybody" in await _refusal(path)
    assert "is open to everybody" in await _refusal(link)
    folder.chmod(0o1777)  # As /tmp: only an owner moves a file away.
    assert check_program(path) == []


async def test_a_script_that_names_no_interpreter_or_a_missing_one_is_explained(
    tmp_path: Path,
) -> None:
    """The system's own words blame the wrong file."""
    for first, words in (("", "begins with a line such as #!/bin/sh"), ("#!/no/sh", "first line")):
        async with till_of(program(tmp_path, SAYS, first=first)) as till:
            with pytest.raises(TillError, match=words):
                await till.open_bills(HALL, "table5")


async def test_a_program_that_can_not_be_started_gives_its_turn_back(tmp_path: Path) -> None:
    """Ten failures do not use up four turns."""
    path = program(tmp_path, SAYS, first="#!/no/sh")
    async with till_of(path, time_limit_s=5) as till:
        for _ in range(10):
            with pytest.raises(TillError, match="can not be started"):
                await till.open_bills(HALL, "table5")
        program(tmp_path, SAYS)
        assert await till.open_bills(HALL, "table5") == []


async def test_a_path_that_is_not_whole_is_refused() -> None:
    """It would depend on where the worker was started."""
    till = CommandTill(["till.sh"], can_lock=False, environ=os.environ)

    assert "whole path" in "".join(await till.check())
    with pytest.raises(TillError, match="whole path"):
        await till.open_bills(HALL, "table5")


async def test_a_check_asks_the_program_and_nothing_else(tmp_path: Path) -> None:
    """It is told apart by its name, and its reason is shown."""
    path = program(tmp_path, 'echo "$1" >>FOLDER/asked; cat >>FOLDER/asked')
    async with till_of(path) as till:
        assert await till.check() == []
    assert (tmp_path / "asked").read_text() == 'check\n{"version":1,"op":"check"}\n'

    async with till_of(program(tmp_path, "echo no database >&2; exit 1")) as till:
        (found,) = await till.check()
    assert found.endswith("till.sh check: failed with exit code 1: no database.")


async def test_locking_is_as_the_settings_say(tmp_path: Path) -> None:
    """A program can not be asked what it knows."""
    path = str(program(tmp_path, SAYS))

    assert CommandTill([path], can_lock=True, environ={}).can_lock
    assert not CommandTill([path], can_lock=False, environ={}).can_lock


async def test_a_slow_location_leaves_the_others_their_turns(tmp_path: Path) -> None:
    """Four of one location at most; the fifth waits, and nobody waits for it (F70)."""
    path = program(
        tmp_path,
        f"asked=$(cat); case $asked in *{HALL}*) echo x >>FOLDER/begun; "
        f"while [ -e FOLDER/slow ]; do sleep 0.02; done;; esac; {SAYS}",
    )
    (tmp_path / "slow").touch()
    async with till_of(path) as till, asyncio.TaskGroup() as group:
        slow = [group.create_task(till.open_bills(HALL, "table5")) for _ in range(10)]
        await until(lambda: written(tmp_path / "begun", lines=4))
        for _ in range(5):
            assert await till.open_bills(TERRACE, "table5") == []
        assert (tmp_path / "begun").read_text().count("x") == 4
        assert not any(one.done() for one in slow)
        (tmp_path / "slow").unlink()


async def test_no_more_than_so_many_are_at_work_in_all(tmp_path: Path) -> None:
    """Whoever waits is served as soon as one is over."""
    path = program(
        tmp_path, f"echo x >>FOLDER/begun; while [ -e FOLDER/slow ]; do sleep 0.02; done; {SAYS}"
    )
    (tmp_path / "slow").touch()
    turns = Turns(per_location=2, in_all=3)
    async with till_of(path, turns=turns) as till, asyncio.TaskGroup() as group:
        asked = [group.create_task(till.open_bills(HALL + n % 3, "t")) for n in range(6)]
        await until(lambda: written(tmp_path / "begun", lines=3))
        await asyncio.wait(asked, timeout=0.3)
        assert (tmp_path / "begun").read_text().count("x") == 3
        (tmp_path / "slow").unlink()

    assert (tmp_path / "begun").read_text().count("x") == 6


async def test_a_turn_that_does_not_come_in_time_is_an_answer_too(tmp_path: Path) -> None:
    """Behind four that hang, the fifth does not wait longer than any of them."""
    path = program(tmp_path, "trap '' TERM; while :; do :; done")
    turns = Turns(per_location=1)
    async with till_of(path, time_limit_s=0.5, kill_after_s=20, turns=turns) as till:
        asked = [till.open_bills(HALL, "table5") for _ in range(2)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    said = sorted(str(answer) for answer in answers)

    assert "did not answer within 0.5 s" in said[0]
    assert "had no turn within 0.5 s" in said[1]


async def test_a_turn_is_taken_until_the_process_is_gone_for_good(tmp_path: Path) -> None:
    """Programs that will not end can not pile up, however often they are asked."""
    body = "trap '' TERM; echo $$ >>FOLDER/pids; while :; do :; done"
    turns = Turns(per_location=1)
    async with till_of(
        program(tmp_path, body), time_limit_s=0.4, kill_after_s=20, turns=turns
    ) as till:
        with pytest.raises(TillError, match="did not answer"):
            await till.open_bills(HALL, "table5")
        with pytest.raises(TillError, match="had no turn"):
            await till.open_bills(HALL, "table5")
        assert (tmp_path / "pids").read_text().count("\n") == 1


async def test_who_gives_up_waiting_for_a_turn_takes_none(tmp_path: Path) -> None:
    """Ten who were cancelled in the queue leave it as it was."""
    turns = Turns(per_location=1, in_all=1)
    await turns.take(HALL)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(turns.take(HALL + n % 2)) for n in range(10)]
        await asyncio.wait(waiting, timeout=0.01)
        for one in waiting:
            one.cancel()
    turns.give_back(HALL)

    async with asyncio.timeout(1):
        await turns.take(TERRACE)
    turns.give_back(TERRACE)
