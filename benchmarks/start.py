"""From the start of the process to the first byte of its first poll."""

import socket
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, spread
from benchmarks.processes import end, running
from benchmarks.stage import write_config

START_S_MAX = 1.0
WAIT_S_MAX = 30.0
IMPORTS = "import httpx, structlog, pydantic_settings, tenacity"


def measure(*, is_quick: bool) -> list[Figure]:
    """Start afresh each time, with a journal that is new."""
    runs = 3 if is_quick else 5
    ours, theirs = [], []
    first_poll_s()  # The first one writes the compiled modules.
    for _ in range(runs):
        ours.append(first_poll_s())
        theirs.append(imports_s())
    measured, baseline = median(ours), median(theirs)
    return [
        Figure(
            "start to first poll",
            f"{measured:.2f} s ({spread(ours)})",
            f"{baseline:.2f} s for the imports alone",
            f"{measured / baseline:.2f}",
            f"<= {START_S_MAX} s",
            measured <= START_S_MAX,
        )
    ]


def first_poll_s() -> float:
    """Run the worker against a bare listener and wait for its first bytes."""
    with (
        tempfile.TemporaryDirectory(prefix="paysera-worker-bench-") as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        listener.settimeout(WAIT_S_MAX)
        config = write_config(Path(folder), listener.getsockname()[1])
        began_s = time.perf_counter()
        with running(
            *("-m", "worker", "run", "--config", str(config)), stdout=subprocess.DEVNULL
        ) as process:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(WAIT_S_MAX)
                first = connection.recv(4096)
                took_s = time.perf_counter() - began_s
            listener.close()  # Refused at once, it has nothing to wait for when it is stopped.
            end(process)
    if not first.startswith(b"GET /rest/v1/spots?"):
        raise RuntimeError(f"not a poll: {first[:100]!r}")
    return took_s


def imports_s() -> float:
    """Start the interpreter and import only what no worker can do without."""
    began_s = time.perf_counter()
    with running("-c", IMPORTS) as process:
        if process.wait(WAIT_S_MAX) != 0:
            raise RuntimeError("the imports failed; see above")
    return time.perf_counter() - began_s
