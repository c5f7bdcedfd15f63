"""Commands of other programs: bounded, and ended with all that they started."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class CommandFailed(Exception):
    """A command ended otherwise than it should; its text is what the command said last."""

    def __init__(self, command: Sequence[str], code: int, said: str) -> None:
        self.said = said
        tail = "\n".join(said.strip().splitlines()[-15:])
        super().__init__(f"{' '.join(command)[:200]} ended with {code}:\n{tail}")


class Unable(Exception):
    """What is asked can not be shown on this machine; nothing is known to be wrong."""


def run(
    *command: str | Path,
    timeout_s: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    expect: Sequence[int] | None = (0,),
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        command: the program and its arguments; no shell is involved.
        timeout_s: seconds after which it and what it started are killed.
        env: variables beside our own environment's.
        cwd: the folder to run it in; None: ours.
        expect: the exit codes that are well; None: any.

    Raises:
        CommandFailed: it ended with another code, or took too long.

    """
    words = [str(word) for word in command]
    process = subprocess.Popen(
        words,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except BaseException as error:  # Ctrl-C too: what it started must not go on without us.
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise CommandFailed(words, -9, f"{out}{err}\ntook longer than {timeout_s} s") from None
        raise
    if expect is not None and process.returncode not in expect:
        raise CommandFailed(words, process.returncode, out + err)
    return subprocess.CompletedProcess(words, process.returncode, out, err)
