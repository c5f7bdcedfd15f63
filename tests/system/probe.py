"""Runs inside the unit's own walls and says what can and what can not be done there.

A script of its own: it is copied to the machine and run there by the product's Python. One JSON
object comes out: for each deed, "done" or the name of the error.
"""

import ctypes
import importlib
import importlib.metadata
import importlib.util
import json
import mmap
import os
import socket
import sqlite3
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

STATE = Path(os.environ["STATE_DIRECTORY"])


def write_and_execute() -> None:
    """Ask for memory that is both; allowed, a bug in a parser could become a program."""
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def new_namespace() -> None:
    """Ask for a user namespace, the door to most of the kernel's odd corners."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")


def other_peoples_processes() -> None:
    """Look for the machine's first process, which belongs to root."""
    Path("/proc/1/cmdline").read_bytes()


def setuid_file() -> None:
    path = STATE / "probe-setuid"
    path.write_bytes(b"")
    try:
        path.chmod(0o4755)
    finally:
        path.unlink()


def durable_journal() -> None:
    """What the journal does: a write-ahead log, synced, and shared memory beside it."""
    path = STATE / "probe.db"
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (1)")
    database.close()
    for leftover in STATE.glob("probe.db*"):
        leftover.unlink()


def every_wheel() -> None:
    """Import everything that is installed beside the product, with all it brings in C."""
    imported = 0
    for name in sorted(importlib.metadata.packages_distributions()):
        if name not in {"pip", "setuptools", "pkg_resources"} and importlib.util.find_spec(name):
            importlib.import_module(name)
            imported += 1
    assert imported >= 15, imported


def a_thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


DEEDS: dict[str, Callable[[], object]] = {
    "write /usr": lambda: Path("/usr/local/probe").write_bytes(b""),
    "write /etc": lambda: Path("/etc/probe").write_bytes(b""),
    "write own program": lambda: (Path(sys.prefix) / "probe").write_bytes(b""),
    "read /etc/shadow": lambda: Path("/etc/shadow").read_bytes(),
    "read the key's own file": lambda: Path("/etc/paysera-worker/wallet.mac_key").read_bytes(),
    "list /root": lambda: list(Path("/root").iterdir()),
    "open a disk": lambda: os.mknod(STATE / "probe-disk", 0o060600, os.makedev(7, 0)),
    "see root's processes": other_peoples_processes,
    "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "write and execute memory": write_and_execute,
    "new namespace": new_namespace,
    "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "set the host's name": lambda: socket.sethostname("probe"),
    "become root": lambda: os.setuid(0),
    "make a setuid file": setuid_file,
    "raise its priority": lambda: os.nice(-1),
    "durable journal": durable_journal,
    "import every wheel": every_wheel,
    "thread": a_thread,
    "read the authorities": lambda: ssl.create_default_context().get_ca_certs()[0],
    "resolve a name": lambda: socket.getaddrinfo("localhost", 443),
}


def told(deed: Callable[[], object]) -> str:
    """Do it and say how it ended."""
    try:
        deed()
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"
    return "done"


if __name__ == "__main__":
    sys.stdout.write(json.dumps({name: told(deed) for name, deed in DEEDS.items()}) + "\n")
