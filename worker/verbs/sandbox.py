"""`sandbox`: the stand-in wallet, until it is stopped."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

from worker import sandbox


def run(
    *,
    port: int,
    spots: int,
    customers: int,
    seed: int,
    faults: float,
    as_recorded: Path | None = None,
) -> int:
    """Serve until INT or TERM; return the exit code. `as_recorded`: what a rehearsal found."""
    manners = sandbox.Manners()
    if as_recorded is not None:
        try:
            manners = sandbox.read_recording(as_recorded.read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else exc
            print(f"{as_recorded} can not be played: {why}", file=sys.stderr)
            return 2
    # A client that hangs up amid a large answer is a fault that was asked for, not news.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    options = sandbox.SandboxOptions(
        port=port, spots=spots, customers=customers, seed=seed, faults=faults, manners=manners
    )
    try:
        asyncio.run(serve(options))
    except (ValueError, OSError) as exc:
        print(f"The sandbox can not start: {exc}", file=sys.stderr)
        return 2 if isinstance(exc, ValueError) else 75
    return 0


async def serve(options: sandbox.SandboxOptions) -> None:
    """Serve, and say where."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def on_ready(port: int) -> None:
        home = f"http://127.0.0.1:{port}"
        print(
            f"Sandbox wallet listening on {home}\n"
            f"  base_url  = {home}/rest/v1\n"
            f"  client_id = {options.client_id}\n"
            f"  mac_key   = {options.mac_key}\n"
            f"  location  = {options.location_id}, tables table1 to table{options.spots}\n"
            f"  guests    : open {home}/ and click, or\n"
            f"              curl -X POST {home}/_sandbox/spots/table1/scan\n"
            "Stop with Ctrl-C.",
            flush=True,
        )

    await sandbox.serve(options, on_ready=on_ready, stop=stop)
