"""What a worker costs while nobody pays."""

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, mb
from benchmarks.processes import cpu_s, rss_bytes, running
from benchmarks.stage import Wallet, sandbox, write_config

SHARE_MAX = 0.01
RSS_MAX = 80e6
SETTLE_S = 2.0
WAIT_S_MAX = 30.0


def measure(*, is_quick: bool) -> list[Figure]:
    """Watch the real worker at one location, polling an empty room."""
    watch_s = 9.0 if is_quick else 21.0
    with (
        tempfile.TemporaryDirectory(prefix="paysera-worker-bench-") as folder,
        sandbox() as wallet,
    ):
        config = write_config(Path(folder), wallet.port)
        command = ("-m", "worker", "run", "--config", str(config))
        with running(*command, stdout=subprocess.DEVNULL) as process:
            wait_for_poll(wallet)
            time.sleep(SETTLE_S)
            began_s, began_cpu_s, calls = time.perf_counter(), cpu_s(process.pid), wallet.calls()
            time.sleep(watch_s)
            used_s = cpu_s(process.pid) - began_cpu_s
            share = used_s / (time.perf_counter() - began_s)
            rss = rss_bytes(process.pid)
            polls = (wallet.calls() - calls).total()
    with running("-c", "input()", stdin=subprocess.PIPE) as python:
        time.sleep(0.3)
        rss_bare = rss_bytes(python.pid)
    return [
        Figure(
            f"idle, of a core ({polls} polls in {watch_s:.0f} s)",
            f"{share:.2%}",
            f"{used_s / max(polls, 1) * 1000:.1f} ms a poll",
            "",
            f"< {SHARE_MAX:.0%}",
            share < SHARE_MAX,
        ),
        Figure(
            "idle, memory (RSS)",
            mb(rss),
            f"{mb(rss_bare)} bare Python",
            f"{rss / rss_bare:.1f}",
            f"< {mb(RSS_MAX)}",
            rss < RSS_MAX,
        ),
    ]


def wait_for_poll(wallet: Wallet) -> None:
    """Wait until the worker was seen."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not wallet.calls():
        if time.monotonic() > deadline:
            raise RuntimeError("the worker never polled; see its own words above")
        time.sleep(0.05)
