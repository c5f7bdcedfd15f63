"""Run a container with runc, the program that Docker itself starts containers with.

What the image says and what the compose file says are laid together the way an engine does it. Not
shown: Docker's own system-call filter, its bridge network and its restarts.
"""

import json
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.image.compose import Service
from tests.image.shell import run
from tests.image.store import ImageConfig
from tests.operator.processes import until

Json = dict[str, Any]
CLOSED: Final = ("nosuid", "noexec", "nodev")
SYSTEM_MOUNTS: Final = (
    ("/proc", "proc", ()),
    ("/dev", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=64k")),
    ("/dev/shm", "tmpfs", (*CLOSED, "mode=1777", "size=64m")),
    ("/dev/mqueue", "mqueue", CLOSED),
    ("/sys", "sysfs", (*CLOSED, "ro")),
)
MASKED: Final = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware")
READ_ONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
USUAL_RIGHTS: Final = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID"),
    *("CAP_SETUID", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_SETFCAP"),
)
"""What Docker leaves a container that drops nothing."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command in a container came to."""

    code: int
    out: str
    err: str


def bundle(
    image: ImageConfig,
    service: Service,
    *,
    files: Path,
    places: Mapping[str, Path],
    network: Path | None,
) -> Json:
    """Write what runc needs to know.

    Args:
        image: what the image says.
        service: what the compose file says.
        files: the image's files.
        places: where the sources of mounts are on this machine.
        network: the network namespace to join; None: one with nothing but loopback.

    """
    uid, _, gid = (image.user or "0:0").partition(":")
    rights = [] if "ALL" in service.cap_drop else list(USUAL_RIGHTS)
    mounts = [_mount(target, kind, kind, options) for target, kind, options in SYSTEM_MOUNTS]
    for said in service.tmpfs:
        target, _, how = said.partition(":")
        mounts.append(_mount(target, "tmpfs", "tmpfs", tuple(how.split(","))))
    for mount in service.mounts:
        access = "ro" if mount.is_read_only else "rw"
        source = str(places[mount.source])
        mounts.append(_mount(mount.target, "bind", source, ("rbind", "nosuid", "nodev", access)))
    namespaces: list[Json] = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
    namespaces.append({"type": "network", **({"path": str(network)} if network else {})})
    memory = {"limit": service.memory_max, "swap": service.memory_and_swap_max}
    limits = [] if service.core_max is None else [("RLIMIT_CORE", service.core_max)]
    environment = {**image.env, "HOME": "/", **service.environment}
    return {
        "ociVersion": "1.0.2",
        "hostname": service.name,
        "root": {"path": str(files), "readonly": service.is_read_only},
        "mounts": mounts,
        "process": {
            "terminal": False,
            "user": {"uid": int(uid), "gid": int(gid)},
            "args": [*image.entrypoint, *(service.command or image.command)],
            "env": [f"{name}={value}" for name, value in environment.items()],
            "cwd": image.folder,
            "noNewPrivileges": "no-new-privileges:true" in service.security,
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), rights),
            "rlimits": [{"type": kind, "soft": most, "hard": most} for kind, most in limits],
        },
        "linux": {
            "namespaces": namespaces,
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READ_ONLY),
            "resources": {
                "pids": {"limit": service.pids_max or -1},
                "memory": memory if service.memory_max else {},
            },
        },
    }


def _mount(target: str, kind: str, source: str, options: tuple[str, ...]) -> Json:
    return {"destination": target, "type": kind, "source": source, "options": list(options)}


class Container:
    """A running container. Its first process is what the image starts, as process 1.

    Args:
        folder: where this container's papers go.
        name: its name, unlike any other.
        said: what `bundle` wrote.

    """

    def __init__(self, folder: Path, name: str, said: Json) -> None:
        self.name, self._said = name, said
        self._papers = folder / name
        self._state = folder / "runc"
        self._papers.mkdir()
        (self._papers / "config.json").write_text(json.dumps(said))
        self.out, self.err = self._papers / "out", self._papers / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._runner = subprocess.Popen(
                ["runc", "--root", self._state, "run", "--bundle", self._papers, name],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The first process, by this machine's number."""

        def found() -> int:
            if self._runner.poll() is not None:
                raise AssertionError(f"{self.name} ended at once: {self.said()}")
            done = run("runc", "--root", self._state, "state", self.name, expect=None)
            state: Json = json.loads(done.stdout) if done.returncode == 0 else {}
            return int(state["pid"]) if state.get("status") == "running" else 0

        return until(f"{self.name} runs", found)

    def network(self) -> Path:
        """Give the network namespace, for another container to join."""
        return Path(f"/proc/{self.pid}/ns/net")

    def is_running(self) -> bool:
        """Tell whether the first process lives."""
        return self._runner.poll() is None

    def said(self) -> str:
        """Give everything that it wrote so far."""
        return self.out.read_text(errors="replace") + self.err.read_text(errors="replace")

    def events(self) -> list[Json]:
        """Give the log's whole lines so far, each of which must be JSON."""
        text = self.out.read_text()
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [json.loads(line) for line in lines]

    def exec(self, *words: str, timeout_s: float = 30) -> Finished:
        """Run a command in it, as its user, as `docker exec` and a health check do."""
        cwd = self._said["process"]["cwd"]
        done = run(
            *("runc", "--root", self._state, "exec", "--cwd", cwd, self.name, *words),
            timeout_s=timeout_s,
            expect=None,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def tell(self, number: signal.Signals) -> None:
        """Send its first process a signal, from outside, as an engine does."""
        run("runc", "--root", self._state, "kill", self.name, number.name)

    def wait(self, patience_s: float) -> int:
        """Wait for its end and give the exit code."""
        try:
            return self._runner.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} still ran after {patience_s:g} s: {self.said()[-600:]}"
            ) from None

    def stop(self, number: signal.Signals, patience_s: float) -> tuple[int, float]:
        """Tell it to stop; give the exit code and how many seconds it took."""
        begun = time.monotonic()
        self.tell(number)
        return self.wait(patience_s), time.monotonic() - begun

    def remove(self) -> None:
        """End it whatever it does, and forget it."""
        run("runc", "--root", self._state, "delete", "--force", self.name, expect=None)
        try:
            self._runner.wait(10)
        except subprocess.TimeoutExpired:
            self._runner.kill()
            self._runner.wait()
