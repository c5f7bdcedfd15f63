"""Completion, asked of real shells with the printed script loaded."""

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.operator.processes import cli, environ
from worker.cli import parser
from worker.verbs import completion

PATIENCE_S = 60.0

HELP = {"-h", "--help"}
"""May always be offered besides what was asked for."""

ASKED = [
    ("paysera-worker che", {"check-config"}),
    ("paysera-worker status --", {"--config", "--help", "--json"}),
    ("paysera-worker qr --format s", {"svg"}),
    ("paysera-worker qr --paper ", {"a4", "letter"}),
    ("paysera-worker completion ", {"bash", "zsh", "fish"}),
    ("paysera-worker run --config wor", {"worker one.toml"}),
    ("paysera-worker qr --name wor", set()),
    ("paysera-worker nonsense ", set()),
]


def a_script(folder: Path, shell: str) -> Path:
    """Print the script for a shell into a folder that also has a settings file."""
    code, out, err = cli("completion", shell)
    assert (code, err) == (0, "")
    path = folder / f"completion.{shell}"
    path.write_text(out)
    (folder / "worker one.toml").write_text("")
    return path


def asked(command: list[str], folder: Path) -> str:
    """Run a shell to its end in a folder; give what it printed."""
    done = subprocess.run(
        command, cwd=folder, env={**environ(), "HOME": str(folder)},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_verb_and_option_is_in_every_script() -> None:
    """The parser is the only list there is; a verb that is added needs nothing else."""
    verbs = list(completion._verbs_of(parser()))
    assert {"run", "status", "qr", "completion", "version"} <= {verb.name for verb in verbs}
    for shell in completion.SHELLS:
        text = completion.script(parser(), shell)
        for verb in verbs:
            assert verb.name in text
            for option in verb.options:
                for flag in option.flags:
                    short = flag.lstrip("-")
                    as_fish = f"-l {short} " if flag.startswith("--") else f"-s {short} "
                    assert (as_fish if shell == "fish" else flag) in text


def test_bash_completes_verbs_options_values_and_files(tmp_path: Path) -> None:
    """Without bash-completion, as on a minimal server."""
    script = a_script(tmp_path, "bash")
    for line, wanted in ASKED:
        words = line.split(" ")
        listed = " ".join(f"'{word}'" for word in words)
        program = (
            f"source '{script}'; complete -p paysera-worker >/dev/null; COMP_WORDS=({listed}); "
            f"COMP_CWORD={len(words) - 1}; _paysera_worker; "
            '[ ${#COMPREPLY[@]} = 0 ] || printf "%s\\n" "${COMPREPLY[@]}"'
        )
        found = asked(["bash", "--norc", "--noprofile", "-c", program], tmp_path).splitlines()
        assert wanted <= set(found), line
        assert set(found) - wanted <= HELP, line


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed (apt install fish)")
def test_fish_completes_verbs_options_values_and_files(tmp_path: Path) -> None:
    script = a_script(tmp_path, "fish")
    for line, wanted in ASKED:
        program = f"source '{script}'; complete -C '{line}'"
        out = asked(["fish", "--no-config", "-c", program], tmp_path)
        found = {row.partition("\t")[0].replace("\\", "") for row in out.splitlines()}
        assert wanted <= found, line
        assert found - wanted <= HELP, line


class Keyboard:
    """A shell on a terminal of its own, typed to and read until something shows."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
            env={**environ(), "HOME": str(folder), "TERM": "dumb"}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def type(self, keys: str, until: str) -> str:
        """Type, and give what the screen gets up to a text that must come."""
        os.write(self.ours, keys.encode())
        screen, deadline = "", time.monotonic() + PATIENCE_S
        while until not in screen:
            assert time.monotonic() < deadline, f"{until!r} did not come, but {screen!r}"
            if select.select([self.ours], [], [], 0.2)[0]:
                screen += os.read(self.ours, 65536).decode(errors="replace")
        return screen

    def leave(self) -> None:
        """End the shell."""
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed (apt install zsh)")
def test_zsh_completes_verbs_options_values_and_files(tmp_path: Path) -> None:
    """Typed at a real terminal, because zsh completes nowhere else."""
    script = a_script(tmp_path, "zsh")
    keyboard = Keyboard(["zsh", "-f", "-i"], tmp_path)
    try:
        begin = "unsetopt zle_bracketed_paste; autoload -Uz compinit && compinit -u -D && "
        begin += f". '{script}' && print re''ady\n"
        keyboard.type(begin, "ready")
        for typed, wanted in (
            ("paysera-worker che\t", "check-config "),
            ("paysera-worker status --j\t", "--json "),
            ("paysera-worker qr --format p\tn\t", "png "),
            ("paysera-worker completion f\t", "fish "),
            ("paysera-worker run --config wor\t", "worker\\ one.toml"),
        ):
            keyboard.type(typed, wanted)
            keyboard.type("\x15print nex''t\n", "next")  # The line is emptied, not run.
    finally:
        keyboard.leave()
