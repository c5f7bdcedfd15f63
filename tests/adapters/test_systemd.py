"""systemd is told what it wants to know, and its absence is no trouble."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.adapters.systemd import Herald


@pytest.fixture(params=["file", "abstract"])
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    named = str(tmp_path / "notify")
    if request.param == "abstract":
        named = f"@worker-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0" + named[1:] if named.startswith("@") else named)
        heard.setblocking(False)
        yield heard, named


def test_every_word_reaches_systemd(wire: tuple[socket.socket, str]) -> None:
    """Over a socket that has a name on disk, and over one that has none."""
    heard, named = wire
    herald = Herald({"NOTIFY_SOCKET": named})

    herald.ready()
    herald.status("3 open,\n1 parked\nMAINPID=1")
    herald.watchdog()
    herald.stopping()

    assert [heard.recv(1000).decode() for _ in range(4)] == [
        "READY=1",
        "STATUS=3 open, 1 parked MAINPID=1",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_a_listener_that_never_reads_does_not_hold_us_up(
    wire: tuple[socket.socket, str],
) -> None:
    """Its queue is full after some hundred words; ours go on."""
    herald = Herald({"NOTIFY_SOCKET": wire[1]})

    for _ in range(2000):
        herald.watchdog()


@pytest.mark.parametrize("name", ["", "/nowhere/notify", "@", "relative", "/" + "x" * 500, "a\0b"])
def test_without_a_listener_nothing_happens(name: str) -> None:
    """No systemd, a dead one, a name that is none: never an exception."""
    herald = Herald({"NOTIFY_SOCKET": name} if name else {})

    herald.ready()
    herald.status("x" * 100_000)
    herald.stopping()
