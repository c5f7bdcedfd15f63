"""What a machine is made of: a minimal Debian and the wheels, kept between runs.

This is the only part that talks to the network, and only when something is not there yet.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SUITE: Final = "bookworm"
PACKAGES: Final = ("ca-certificates", "dbus", "python3", "python3-venv", "sudo", "systemd-sysv")
TOOLS: Final = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
"""What this machine needs, and Debian's package that has it."""
BUILD_S_MAX: Final = 420.0
WHEELS_S_MAX: Final = 240.0


class CanNotRun(Exception):
    """The test can not be played here, for a reason that is no fault of the product."""


def require_machine() -> None:
    """Raise CanNotRun unless this machine can boot another."""
    if not sys.platform.startswith("linux"):
        raise CanNotRun("it needs Linux")
    if os.geteuid() != 0:
        raise CanNotRun("it boots a machine and needs root for that; try: sudo make system-test")
    lacking = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if lacking:
        raise CanNotRun(f"a tool is missing; try: apt-get install {' '.join(lacking)}")
    if not Path("/sys/fs/cgroup").is_dir():
        raise CanNotRun("the kernel shows no control groups at /sys/fs/cgroup")


def cache() -> Path:
    """Give the folder that outlives the runs."""
    home = os.environ.get("XDG_CACHE_HOME") or "/var/cache"
    return Path(home) / "paysera-worker-system-test"


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Keep the folder to ourselves and free it of what a killed run left there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CanNotRun(f"another run holds {folder}; wait until it has ended") from None
        for leftover in [*folder.glob("run-*"), *folder.glob("*.partial")]:
            shutil.rmtree(leftover)
        yield


def base_root(folder: Path) -> Path:
    """Give a minimal Debian with systemd and Python, made on the first run."""
    recipe = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    base, partial = folder / f"base-{recipe}", folder / f"base-{recipe}.partial"
    if base.is_dir():
        return base
    # In a mount namespace of its own, so that what it mounts is gone when it is, however it ends.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase"]
    command += [f"--include={','.join(PACKAGES)}", SUITE, str(partial)]
    if mirror := os.environ.get("SYSTEM_TEST_MIRROR"):
        command.append(mirror)
    attempt(command, folder / "debootstrap.log", BUILD_S_MAX, "Debian's packages")
    for archive in (partial / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    partial.rename(base)
    return base


def wheels(folder: Path, base: Path) -> Path:
    """Give a folder with every pinned wheel for the machine's Python, filled on the first run."""
    version = next((base / "usr/lib").glob("python3.*")).name.removeprefix("python")
    files = [ROOT / "requirements" / name for name in ("runtime.txt", "build.txt")]
    pinned = b"".join(path.read_bytes() for path in files) + version.encode()
    home = folder / f"wheels-{hashlib.sha256(pinned).hexdigest()[:12]}"
    partial = home.with_suffix(".partial")
    if home.is_dir():
        return home
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary=:all:", "--python-version", version]
    command += ["--dest", str(partial)]
    for path in files:
        command += ["-r", str(path)]
    attempt(command, folder / "wheels.log", WHEELS_S_MAX, "the Python package index")
    partial.rename(home)
    return home


def attempt(command: Sequence[str], log: Path, patience_s: float, source: str) -> None:
    """Run a command that may need the network; raise CanNotRun with its last line if it fails."""
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        ) as process,
    ):
        try:
            code = process.wait(patience_s)
        except BaseException as exc:
            os.killpg(process.pid, 9)
            if isinstance(exc, subprocess.TimeoutExpired):
                raise CanNotRun(f"{source}: not done after {patience_s:g} s; see {log}") from None
            raise
    if code:
        last = (log.read_text(errors="replace").splitlines() or ["it said nothing"])[-1]
        raise CanNotRun(f"{source} can not be had ({last.strip()}); see {log}")


@contextmanager
def fresh_root(folder: Path, base: Path) -> Iterator[Path]:
    """Give a root of one's own over the base, in memory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=folder) as home:
        mount("-t", "tmpfs", "-o", "mode=0755", "system-test", home)
        try:
            upper, work, root = (Path(home) / name for name in ("upper", "work", "root"))
            for made in (upper, work, root):
                made.mkdir()
            layers = f"lowerdir={base},upperdir={upper},workdir={work}"
            mount("-t", "overlay", "-o", layers, "system-test", str(root))
            try:
                yield root
            finally:
                subprocess.run(["umount", "--lazy", root], check=True)
        finally:
            subprocess.run(["umount", "--lazy", home], check=True)


def mount(*arguments: str) -> None:
    """Mount something; raise CanNotRun where that is not possible."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CanNotRun(f"the kernel does not mount {arguments[1]}: {done.stderr.strip()}")
