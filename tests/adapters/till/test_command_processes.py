"""A program that hangs, babbles, forks or dies costs an answer and leaves nothing behind."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest

from tests.adapters.till.programs import (
    ENVIRON,
    HALL,
    NOTICE,
    children,
    descriptors,
    is_alive,
    pids,
    program,
    till_of,
    until,
    written,
)
from worker.adapters.till.connector import TillError
from worker.adapters.till.process import STDERR_BYTES_MAX, STDOUT_BYTES_MAX, Ended, Process
from worker.adapters.till.program import environment

SAYS = "echo '{\"bills\":[]}'"


async def test_a_program_that_never_ends_is_stopped_at_its_time(tmp_path: Path) -> None:
    """The question has an answer within the limit, and the process is gone and reaped (F70)."""
    path = program(tmp_path, "echo $$ >FOLDER/pids; exec sleep 3600")
    async with till_of(path, time_limit_s=1.0) as till:
        with pytest.raises(TillError, match=r"did not answer within 1 s, and was stopped"):
            await till.open_bills(HALL, "table5")
        (pid,) = pids(tmp_path / "pids")
        await until(lambda: pid not in children())

    assert not is_alive(pid)


async def test_the_limit_is_kept_though_the_program_will_not_end(tmp_path: Path) -> None:
    """Who asks does not wait for the kill: SIGTERM is ignored, SIGKILL is not."""
    path = program(tmp_path, "trap '' TERM INT HUP; echo $$ >FOLDER/pids; while :; do :; done")
    async with till_of(path, time_limit_s=1.0, kill_after_s=0.3) as till:
        with pytest.raises(TillError, match="did not answer"):
            await till.open_bills(HALL, "table5")
        (pid,) = pids(tmp_path / "pids")
        assert is_alive(pid)
        await until(lambda: pid not in children())


async def test_a_program_is_asked_to_end_before_it_is_made_to(tmp_path: Path) -> None:
    """One that cleans up behind itself has the time to."""
    body = "trap 'echo tidy >FOLDER/tidy; exit 0' TERM; echo $$ >FOLDER/pids; while :; do :; done"
    async with till_of(program(tmp_path, body), time_limit_s=1.0, kill_after_s=20) as till:
        with pytest.raises(TillError, match="did not answer"):
            await till.open_bills(HALL, "table5")
        await until(lambda: written(tmp_path / "tidy"))


async def test_who_is_cancelled_leaves_at_once_and_the_program_ends(tmp_path: Path) -> None:
    """A visit that is over waits for no till."""
    path = program(tmp_path, "trap '' TERM; echo $$ >FOLDER/pids; while :; do :; done")
    async with till_of(path, kill_after_s=0.3) as till:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(till.open_bills(HALL, "table5"))
            await until(lambda: written(tmp_path / "pids"))
            asking.cancel()
            await asyncio.wait([asking])
            (pid,) = pids(tmp_path / "pids")
            assert is_alive(pid)
        await until(lambda: pid not in children())


async def test_closing_leaves_nothing_running(tmp_path: Path) -> None:
    """A worker that stops takes its programs with it, whatever they do about signals."""
    path = program(tmp_path, "trap '' TERM; echo $$ >>FOLDER/pids; while :; do :; done")
    async with till_of(path) as till, asyncio.TaskGroup() as group:
        asking = group.create_task(_all_of(*(till.open_bills(HALL, "table5") for _ in range(3))))
        await until(lambda: written(tmp_path / "pids", lines=3))
        await till.aclose()
        assert [pid for pid in pids(tmp_path / "pids") if is_alive(pid)] == []
        answers = await asking
        with pytest.raises(TillError, match="the worker is stopping"):
            await till.open_bills(HALL, "table5")

    assert [type(answer) for answer in answers] == [TillError] * 3


async def test_a_grandchild_that_keeps_the_output_open_ends_with_its_parent(
    tmp_path: Path,
) -> None:
    """The answer is there when the program is over; what it left in its group is ended."""
    path = program(tmp_path, f"sleep 3600 & echo $! >FOLDER/pids; {SAYS}")
    async with till_of(path) as till:
        assert await till.open_bills(HALL, "table5") == []
        (grandchild,) = pids(tmp_path / "pids")
        await until(lambda: not is_alive(grandchild))


async def test_a_grandchild_of_a_hanging_program_ends_too(tmp_path: Path) -> None:
    """The whole group is signalled, not only its head."""
    body = "trap '' TERM; (trap '' TERM; sleep 3600) & echo $! >FOLDER/pids; while :; do :; done"
    async with till_of(program(tmp_path, body), time_limit_s=1.0, kill_after_s=0.2) as till:
        with pytest.raises(TillError, match="did not answer"):
            await till.open_bills(HALL, "table5")
        (grandchild,) = pids(tmp_path / "pids")
        await until(lambda: not is_alive(grandchild))


async def test_who_left_the_group_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A daemon of the shop's that still holds the output can not hold the answer."""
    body = f"setsid sleep 3600 & echo $! >FOLDER/pids; {SAYS}"
    async with till_of(program(tmp_path, body)) as till:
        assert await till.open_bills(HALL, "table5") == []
    (daemon,) = pids(tmp_path / "pids")

    os.kill(daemon, signal.SIGKILL)


async def test_a_program_that_is_over_before_it_read_anything_has_answered(tmp_path: Path) -> None:
    """Nobody has to read a request in order to refuse or to answer it."""
    async with till_of(program(tmp_path, f"exec <&-; {SAYS}")) as till:
        for _ in range(20):
            assert await till.open_bills(HALL, "table5") == []


async def test_a_request_that_does_not_fit_the_pipe_holds_nothing_up(tmp_path: Path) -> None:
    """Neither when nobody ever reads it, nor when it is read late and to its end."""
    deaf = program(tmp_path, "exec sleep 3600")
    process = Process([str(deaf)], b"x" * 1_000_000, environ=ENVIRON)
    await asyncio.wait([process.answer], timeout=0.2)
    assert not process.answer.done()
    process.kill()
    await process.gone

    slow = program(tmp_path, "sleep 0.2; wc -c")
    answer = await Process([str(slow)], b"x" * 1_000_000, environ=ENVIRON).answer
    assert isinstance(answer, Ended)
    assert answer.stdout.split() == [b"1000000"]


@pytest.mark.parametrize(
    ("body", "limit", "stream"),
    [
        ("exec yes '{\"bills\":[]}'", STDOUT_BYTES_MAX, "output"),
        ("exec yes 'on and on' >&2", STDERR_BYTES_MAX, "errors"),
        ("exec head -c 52428800 /dev/zero", STDOUT_BYTES_MAX, "output"),
    ],
)
async def test_a_program_that_writes_and_writes_is_stopped(
    tmp_path: Path, body: str, limit: int, stream: str
) -> None:
    """Neither the memory nor the time of the worker is its to take."""
    async with till_of(program(tmp_path, f"echo $$ >FOLDER/pids; {body}")) as till:
        with pytest.raises(TillError, match=f"more than {limit} bytes of {stream}; stopped"):
            await till.open_bills(HALL, "table5")
        (pid,) = pids(tmp_path / "pids")
        await until(lambda: pid not in children())


async def test_just_as_much_as_is_read_is_read(tmp_path: Path) -> None:
    """The limit itself belongs to what is allowed."""
    spaces = STDOUT_BYTES_MAX - len('{"bills":[]}\n')
    body = f"head -c {spaces} /dev/zero | tr '\\0' ' '; {SAYS}"
    async with till_of(program(tmp_path, body)) as till:
        assert await till.open_bills(HALL, "table5") == []
    async with till_of(program(tmp_path, f"echo; {body}")) as till:
        with pytest.raises(TillError, match="more than"):
            await till.open_bills(HALL, "table5")


async def test_what_was_written_last_is_read_before_the_exit_code_counts(tmp_path: Path) -> None:
    """An answer as large as the pipe, written just before the end, is whole."""
    body = "printf '{\"bills\":[{\"a\":\"'; head -c 60000 /dev/zero | tr '\\0' x; echo '\"}]}'"
    async with till_of(program(tmp_path, body)) as till:
        for _ in range(20):
            ((bill),) = await till.open_bills(HALL, "table5")
            assert bill == {"a": "x" * 60_000}


async def test_nothing_of_the_workers_is_seen_by_the_program(tmp_path: Path) -> None:
    """No secret, no place of one, no open file, no terminal: what it gets can be counted."""
    environ = {
        "PAYSERA_WORKER_WALLET__MAC_KEY": "never",
        "PAYSERA_WORKER_CONFIG": "/etc/x",
        "CREDENTIALS_DIRECTORY": "/run/credentials",
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "LD_PRELOAD": "/tmp/x.so",
        "PYTHONPATH": "/tmp",
        "PATH": ENVIRON["PATH"],
        "LANG": "C.UTF-8",
        "TZ": "Europe/Vilnius",
        "HOME": "/var/lib/paysera-worker",
    }
    body = "env >FOLDER/env; pwd >FOLDER/pwd; ls /proc/self/fd >FOLDER/fds; "
    body += f"(exec </dev/tty) 2>/dev/null && echo yes >FOLDER/tty; {SAYS}"
    secret_file = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(secret_file, True)
    try:
        async with till_of(program(tmp_path, body), environ=environ) as till:
            assert await till.open_bills(HALL, "table5") == []
    finally:
        os.close(secret_file)

    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LANG", "TZ", "HOME"}
    assert (tmp_path / "pwd").read_text() == "/\n"
    # Its three streams, and the folder that `ls` itself has open.
    assert (tmp_path / "fds").read_text().split() == ["0", "1", "2", "3"]
    assert not (tmp_path / "tty").exists()


def test_a_worker_without_a_path_gives_one() -> None:
    """What is not set is not there, but a program finds its tools."""
    assert environment({"LANG": "", "SECRET": "x"}) == {"PATH": "/usr/local/bin:/usr/bin:/bin"}


async def test_a_thousand_questions_leave_no_file_open_and_nobody_unburied(tmp_path: Path) -> None:
    """Answered, refused, killed or never begun, each gives back what it took."""
    bodies = [SAYS, "exit 75", "kill -9 $$", "sleep 9 & exit 1", "yes"]
    body = f"case $(($$ % {len(bodies)})) in "
    body += " ".join(f"{number}) {one};;" for number, one in enumerate(bodies)) + " esac"
    path = program(tmp_path, body)
    async with till_of(path) as till:
        await _all_of(till.open_bills(HALL, "table5"))
        await until(lambda: not children())
        before = descriptors()
        for turn in range(100):
            asked = [till.open_bills(HALL + number, "table5") for number in range(10)]
            await _all_of(*asked)
            if turn == 50:
                path.rename(tmp_path / "away")
                await _all_of(till.open_bills(HALL, "table5"))
                (tmp_path / "away").rename(path)

        await until(lambda: not children())
        assert descriptors() == before


async def test_without_a_descriptor_of_the_process_a_thread_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old kernels and strict filters do not know the call; the end is heard of all the same."""

    def refused(pid: int, flags: int = 0) -> int:
        raise PermissionError(f"no pidfd for {pid}")

    monkeypatch.setattr(os, "pidfd_open", refused)
    async with till_of(program(tmp_path, SAYS), time_limit_s=20) as till:
        for _ in range(10):
            assert await till.open_bills(HALL, "table5") == []
    path = program(tmp_path, "echo $$ >FOLDER/pids; exec sleep 3600")
    async with till_of(path, time_limit_s=1.0) as till:
        with pytest.raises(TillError, match="did not answer"):
            await till.post(NOTICE)
        (pid,) = pids(tmp_path / "pids")
        await until(lambda: pid not in children())


async def test_a_hanging_program_takes_nothing_from_the_loop(tmp_path: Path) -> None:
    """While programs hang, the loop turns as before."""
    path = program(tmp_path, "exec sleep 3600")
    async with till_of(path, time_limit_s=1.0) as till, asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(_all_of(till.open_bills(HALL + number, "table5")))
        began, turns = time.process_time(), 0
        until_s = asyncio.get_running_loop().time() + 0.8
        while asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(0.01)
            turns += 1

    assert turns > 10
    assert time.process_time() - began < 0.6


async def test_a_program_in_python_answers(tmp_path: Path) -> None:
    """Whatever its first line names is what runs it."""
    body = "import json, sys; asked = json.load(sys.stdin); print(json.dumps({'bills': [asked]}))"
    path = program(tmp_path, body, first=f"#!{sys.executable} -I")
    async with till_of(path) as till:
        ((bill),) = await till.open_bills(HALL, "table5")

    assert bill["spot"] == "table5"


async def _all_of(*asked: Awaitable[object]) -> list[object]:
    """Wait for every answer, good or bad."""
    return list(await asyncio.gather(*asked, return_exceptions=True))
