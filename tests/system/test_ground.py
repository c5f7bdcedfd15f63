"""What of the system test can be tested without booting anything."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system import __main__ as whole
from tests.system import base
from tests.system.base import CanNotRun
from tests.system.readme import install_lines


def test_the_readme_names_every_step_from_nothing_to_a_running_service() -> None:
    """These lines are typed into the machine as they stand, in this order."""
    lines = install_lines()

    steps = ["apt install", "dnf install", "-m venv", "--require-hashes", "--no-deps"]
    steps += ["useradd", "worker.toml", "sudoedit", "/dev/stdin", "check-config --online"]
    steps += ["/etc/systemd/system/", "enable --now", "systemctl status"]
    found = [next(n for n, line in enumerate(lines) if step in line) for step in steps]
    assert found == sorted(found)
    assert not any("#" in line for line in lines), "a remark is no part of what is typed"
    assert sum("/dev/stdin" in line for line in lines) == 1
    assert {line.split()[0] for line in lines} <= {"sudo", "sudoedit", "systemctl"}


def test_what_the_readme_installs_is_there() -> None:
    """A path without a leading slash is one of this repository."""
    words = {word for line in install_lines() for word in line.split()}
    ours = {word for word in words if word.startswith(("config/", "requirements/", "systemd/"))}

    assert len(ours) == 4
    assert [word for word in ours if not (base.ROOT / word).is_file()] == []


def test_a_machine_without_the_tools_is_told_which_packages_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line that can be typed, before anything is built."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(CanNotRun, match="apt-get install debootstrap systemd-container util-linux"):
        base.require_machine()


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was touched."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(CanNotRun, match="needs root"):
        base.require_machine()


def test_not_to_be_able_to_run_is_no_failure_and_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exit code of its own, and a line that says why."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["system-test"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "alarm", lambda _: None)

    assert whole.main() == whole.EXIT_CAN_NOT_RUN
    assert "can not run here: it boots a machine and needs root" in capsys.readouterr().out


def test_a_source_that_is_out_of_reach_is_no_failure_of_the_product(tmp_path: Path) -> None:
    """The reason is its own last line, and where to read the rest."""
    log = tmp_path / "log"

    with pytest.raises(CanNotRun, match=r"the index can not be had \(no route\); see .*log"):
        base.attempt(["sh", "-c", "echo begun; echo no route; exit 4"], log, 30, "the index")
    with pytest.raises(CanNotRun, match="the index: not done after"):
        base.attempt(["sleep", "600"], log, 0.05, "the index")


def test_two_runs_do_not_share_a_cache_and_leftovers_are_swept(tmp_path: Path) -> None:
    """The second says that the first is there; what a killed one left is removed."""
    (tmp_path / "run-old").mkdir()
    (tmp_path / "base-old.partial").mkdir()
    (tmp_path / "base-good").mkdir()

    with base.holding(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["base-good", "lock"]
        with pytest.raises(CanNotRun, match="another run holds"), base.holding(tmp_path):
            pass


def test_the_probe_knows_every_deed_that_is_judged() -> None:
    """A deed that is not probed would never be missed."""
    code = "import json, os; os.environ['STATE_DIRECTORY'] = '/'\n"
    code += "from tests.system import checks_day, probe\n"
    code += "assert set(probe.DEEDS) == {*checks_day.ALLOWED, *checks_day.FORBIDDEN}"
    done = subprocess.run([sys.executable, "-c", code], cwd=base.ROOT, check=False, timeout=60)

    assert done.returncode == 0
