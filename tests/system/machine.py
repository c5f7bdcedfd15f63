"""A machine with systemd as its first process, in a container; and the ways it can go down."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.operator.processes import until
from tests.system.base import CanNotRun

BOOT_S_MAX: Final = 60.0
COMMAND_S_MAX: Final = 120.0
REBOOTED: Final = 133
"""How systemd-nspawn ends when its machine wishes to be started again."""
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True)
class Machine:
    """One machine. Its disk is a folder here, its network is the one of this process."""

    root: Path
    console: Path
    _nspawn: subprocess.Popen[bytes] | None = field(default=None, init=False)
    boots: int = field(default=0, init=False)

    def boot(self) -> None:
        """Switch it on and wait until systemd has started everything."""
        with self.console.open("ab") as out:
            self._nspawn = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),  # It never outlives us.
                    *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"),
                    *("--console=pipe", "--link-journal=no", "--resolv-conf=off"),
                    f"--directory={self.root}",
                    f"--machine=paysera-worker-test-{os.getpid()}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.boots += 1
        deadline = time.monotonic() + BOOT_S_MAX
        state = "no systemd answers"
        while state not in {"running", "degraded"}:
            if self._nspawn.poll() is not None or time.monotonic() > deadline:
                raise CanNotRun(
                    f"the machine does not boot ({state}); it said: {self.last_words()}"
                )
            state = self.ask("systemctl is-system-running --wait") or state
            time.sleep(0.1)

    def leader(self) -> int | None:
        """Give the process that is the machine's first, as it is numbered here."""
        if self._nspawn is None or self._nspawn.poll() is not None:
            return None
        own = self._nspawn.pid
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
            return int(children[0]) if children else None
        return None

    def run(self, line: str, *, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Type a line at the machine's shell, as root, in the product's folder if it is there."""
        leader = self.leader()
        if leader is None:
            return subprocess.CompletedProcess(line, 255, "", "the machine is off")
        enter = ["nsenter", "--all", "--target", str(leader), "--"]
        clean = ["env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb"]
        there = f"cd /root/paysera-worker 2>/dev/null || cd /root\n{line}"
        return subprocess.run(
            [*enter, *clean, "bash", "-c", there],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_S_MAX,
            check=False,
        )

    def type(self, line: str, *, stdin: str = "") -> str:
        """Type a line that has to work; give what it printed."""
        done = self.run(line, stdin=stdin)
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, line: str) -> str:
        """Type a line whose exit code does not matter; give what it printed, without its end."""
        return self.run(line).stdout.strip()

    def reboot(self) -> None:
        """Let it go down in order, and come up again."""
        nspawn = self._nspawn
        assert nspawn is not None
        self.type("systemctl reboot")
        until("the machine went down", lambda: nspawn.poll() is not None, BOOT_S_MAX)
        assert nspawn.returncode == REBOOTED, f"it ended with {nspawn.returncode}"
        self.boot()

    def cut_power(self) -> None:
        """Let every process of it vanish at once."""
        leader, nspawn = self.leader(), self._nspawn
        if leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(leader, signal.SIGKILL)
        if nspawn is not None:
            try:
                nspawn.wait(10.0)
            except subprocess.TimeoutExpired:
                nspawn.kill()
                nspawn.wait()
        self._nspawn = None

    def last_words(self) -> str:
        """Give the end of what its console shows."""
        lines = self.console.read_text(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-3:]) or "nothing"


@contextmanager
def machine(root: Path) -> Iterator[Machine]:
    """Give a machine that is switched on; whatever happens, it is off afterwards."""
    (root / "var/log/journal").mkdir(exist_ok=True)  # So that the log survives a reboot.
    (root / "etc/hostname").write_text("venue\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost venue\n")
    made = Machine(root, root.parent / "console.log")
    try:
        made.boot()
        yield made
    finally:
        made.cut_power()
