"""`make system-test`: boot a real systemd, install the product there, and give it a bad day.

Names of checks may follow, to make only those (and the installation before them).

Exit codes: 0 all held; 1 something did not; 69 this machine can not play it, and why.
"""

import ctypes
import fcntl
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NoReturn

from tests.operator.theatre import stage
from tests.system import base, checks_day, checks_trouble
from tests.system.base import CanNotRun
from tests.system.machine import machine
from tests.system.venue import UNIT, Venue

EXIT_FAILED: Final = 1
EXIT_CAN_NOT_RUN: Final = 69
PLAY_S_MAX: Final = 600
"""Some four minutes on a machine with nothing else to do. Getting ready has bounds of its own."""
CHECKS: Final[tuple[Callable[[Venue], str], ...]] = (
    checks_day.install,
    checks_day.verify,
    checks_day.payment,
    checks_day.credentials,
    checks_day.status_line,
    checks_day.priorities,
    checks_day.hardening,
    checks_day.names_and_tls,
    checks_day.silent_names,
    checks_day.instance,
    checks_trouble.stop_in_confirm,
    checks_trouble.stop_in_hung_confirm,
    checks_trouble.wrong_key,
    checks_trouble.reboot,
    checks_trouble.power_cut,
    checks_trouble.watchdog,
    checks_trouble.books,
)
SHIPPED: Final = ("LICENSE", "README.md", "pyproject.toml")
SHIPPED_FOLDERS: Final = ("config", "requirements", "systemd", "worker")


def main() -> int:
    """Play it all, and clean up whatever happens."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _give_up)
    named = set(sys.argv[1:])
    chosen = [check for check in CHECKS if not named or check.__name__ in {"install", *named}]
    try:
        base.require_machine()
        folder = base.cache()
        with base.holding(folder):
            return play(folder, chosen)
    except CanNotRun as exc:
        tell(f"system-test: can not run here: {exc}")
        return EXIT_CAN_NOT_RUN
    except KeyboardInterrupt:
        tell("system-test: interrupted; the machine is off and its disk is gone")
        return 130


def play(folder: Path, chosen: Sequence[Callable[[Venue], str]]) -> int:
    """Build what is needed, switch the machine on, and make every check."""
    began_s = time.monotonic()
    root = base.base_root(folder)
    wheels = base.wheels(folder, root)
    tell(f"a minimal Debian and the wheels are in {folder} ({time.monotonic() - began_s:.0f} s)")
    leave_the_world()
    signal.alarm(PLAY_S_MAX)
    with ExitStack() as stack:
        disk = stack.enter_context(base.fresh_root(folder, root))
        put_product(disk, wheels)
        scene = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="system-test-")))
        wallet = stack.enter_context(stage(scene))
        venue = Venue(stack.enter_context(machine(disk)), wallet)
        # Each goes on where the one before it left the venue, so the first failure is the last.
        held = list(itertools.takewhile(lambda check: holds(check, venue), chosen))
    took_s = time.monotonic() - began_s
    tell(f"system-test: {len(held)} of {len(chosen)} held, {took_s:.0f} s")
    return 0 if len(held) == len(chosen) else EXIT_FAILED


def put_product(disk: Path, wheels: Path) -> None:
    """Give the machine a checkout and an index that needs no network."""
    checkout = disk / "root/paysera-worker"
    checkout.mkdir()
    for name in SHIPPED:
        shutil.copy(base.ROOT / name, checkout / name)
    no_bytecode = shutil.ignore_patterns("__pycache__")
    for name in SHIPPED_FOLDERS:
        shutil.copytree(base.ROOT / name, checkout / name, ignore=no_bytecode)
    shutil.copytree(wheels, disk / "srv/wheels")
    (disk / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /srv/wheels\n")


def holds(check: Callable[[Venue], str], venue: Venue) -> bool:
    """Make one check and print its line; after a failure, what the service said."""
    began_s = time.monotonic()
    try:
        seen, is_good = check(venue), True
    except Exception as exc:
        seen, is_good = f"{type(exc).__name__}: {exc}", False
    took_s = time.monotonic() - began_s
    tell(f"{'ok  ' if is_good else 'FAIL'} {check.__name__:<20} {took_s:5.1f} s  {seen}")
    if not is_good:
        tell(venue.machine.ask(f"systemctl status --no-pager --lines=30 --full {UNIT}"))
    return is_good


def leave_the_world() -> None:
    """From here on we have mounts of our own, and no network but a loopback of our own.

    So whatever is mounted or listens from here on is gone when we are, however we end.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newns, clone_newnet = 0x00020000, 0x40000000
    if libc.unshare(clone_newns | clone_newnet):
        raise CanNotRun(f"the kernel gives no namespaces: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    siocsifflags, up_and_running = 0x8914, 0x1 | 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sH14x", b"lo", up_and_running))


def _give_up(number: int, _frame: object) -> NoReturn:
    if number == signal.SIGALRM:
        tell(f"system-test: not done after {PLAY_S_MAX} s")
        raise SystemExit(EXIT_FAILED)
    raise KeyboardInterrupt


def tell(text: str) -> None:
    """Print a line at once: somebody may be watching."""
    print(text, flush=True)  # noqa: T201 - the report is what it is for


if __name__ == "__main__":
    sys.exit(main())
