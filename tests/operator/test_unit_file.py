"""The unit that systemd is given keeps its promises."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from worker.settings import JournalSettings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "paysera-worker.service"
TEMPLATE = ROOT / "systemd" / "paysera-worker@.service"
UNITS = [UNIT, TEMPLATE]
EXPOSURE_MAX = 1.1
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze is not here; Debian's package systemd has it"
)


def settings_of(path: Path) -> list[str]:
    """Every line of a unit that is no remark."""
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def unit() -> dict[str, list[str]]:
    """Every setting of the service, in order; configparser would keep only the last of a name."""
    found: dict[str, list[str]] = defaultdict(list)
    section = ""
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name if section == "Service" else f"{section}.{name}"].append(value)
    return found


def test_readiness_and_life_are_told_by_the_worker_itself() -> None:
    """Systemd waits for READY and restarts a worker whose loops do not turn (F36)."""
    assert unit()["Type"] == ["notify"]
    assert unit()["NotifyAccess"] == ["main"]
    assert unit()["WatchdogSec"] == ["60"]


def test_what_a_restart_can_not_mend_is_not_restarted() -> None:
    """Wrong usage, refused credentials, wrong settings; everything else comes back for ever."""
    found = unit()

    assert found["Restart"] == ["on-failure"]
    assert found["RestartPreventExitStatus"] == ["2 77 78"]
    assert found["Unit.StartLimitIntervalSec"] == ["0"]
    assert float(found["RestartSec"][0]) > 0


def test_a_failed_check_before_the_start_decides_nothing() -> None:
    """RestartPreventExitStatus does not hold for it, so its failure would restart for ever."""
    (before,) = unit()["ExecStartPre"]

    assert before.startswith("-/")


def test_a_stop_leaves_time_for_what_is_in_flight() -> None:
    """The worker needs at most 10 s."""
    assert float(unit()["TimeoutStopSec"][0]) >= 10


def test_the_key_is_a_credential_under_the_name_that_the_settings_know() -> None:
    """Not in the unit, not in the environment, not on the command line."""
    (credential,) = unit()["LoadCredential"]

    assert credential.partition(":")[0] == "wallet.mac_key"
    assert "MAC_KEY" not in UNIT.read_text()
    assert all("KEY" not in value for value in unit()["Environment"])


def test_it_does_not_run_as_root_and_gains_nothing() -> None:
    """A user of its own, no capability, nothing writable but its own state."""
    found = unit()

    assert found["User"] == ["paysera-worker"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["NoNewPrivileges"] == ["yes"]
    assert found["ProtectSystem"] == ["strict"]
    assert found["StateDirectory"] == ["paysera-worker"]
    assert found["StateDirectoryMode"] == ["0700"]
    assert found["UMask"] == ["0077"]
    assert "DynamicUser" not in found
    assert "ReadWritePaths" not in found


def test_the_default_paths_lie_in_its_state() -> None:
    """With everything else read-only, a default anywhere else would not work."""
    assert JournalSettings().path.is_relative_to("/var/lib/paysera-worker")


@pytest.mark.parametrize("name", ["ExecStartPre", "ExecStart"])
def test_the_verbs_that_the_unit_calls_exist(name: str) -> None:
    """The command line of the unit is one that the worker understands."""
    (line,) = unit()[name]
    program, *verb = line.removeprefix("-").split()

    assert program == "/opt/paysera-worker/bin/paysera-worker"
    done = subprocess.run(
        [sys.executable, "-m", "worker", *verb, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert verb[0] in done.stdout


def test_an_instance_differs_from_the_service_in_its_own_places_only() -> None:
    """Settings, key and state have the instance's name in them; every wall is the same."""
    service, template = settings_of(UNIT), settings_of(TEMPLATE)

    assert [line for line in template if line not in service] == [
        "Description=Takes payments from a QR code on a table (Paysera Scan and Pay, %i)",
        "StateDirectory=paysera-worker-%i",
        "LoadCredential=wallet.mac_key:/etc/paysera-worker/%i/wallet.mac_key",
        "Environment=PAYSERA_WORKER_CONFIG=/etc/paysera-worker/%i/worker.toml",
    ]
    assert len(template) == len(service) + 1


@needs_systemd
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_the_service_hardly_exposed(path: Path) -> None:
    """Its own score, from 0 to 10, where 10 is a service that may do everything."""
    assert ANALYZE is not None
    done = subprocess.run(
        [ANALYZE, "security", "--offline=yes", f"--threshold={EXPOSURE_MAX * 10:.0f}", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    (score,) = re.findall(r"Overall exposure level for .*: ([0-9.]+) ", done.stdout)
    assert float(score) <= EXPOSURE_MAX


@needs_systemd
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_has_nothing_to_say_about_the_unit(tmp_path: Path, path: Path) -> None:
    """No unknown setting, no value that it does not understand.

    The program and its user are not installed here, so others stand for them; `make system-test`
    asks the same where they are.
    """
    assert ANALYZE is not None
    text = path.read_text().replace("/opt/paysera-worker/bin/paysera-worker", "/bin/true")
    copy = tmp_path / path.name.replace("@", "@cafe")
    copy.write_text(re.sub(r"^(User|Group)=.*", r"\1=daemon", text, flags=re.MULTILINE))
    done = subprocess.run(
        [ANALYZE, "verify", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    # What it says about units of the machine's own is not about ours.
    ours = [line for line in done.stderr.splitlines() if "paysera-worker" in line]

    assert (done.returncode, ours) == (0, [])
