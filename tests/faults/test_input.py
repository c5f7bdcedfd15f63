"""What a stranger can print, send or hope to reach."""

import json
import urllib.parse
from pathlib import Path

import pytest

from tests.crash.books import await_quiet, check_books
from tests.operator.theatre import stage
from worker.adapters.journal.reader import JournalReader
from worker.domain.visit import End

HOSTILE = (
    "a\nb 12:00:00 visit.closed end=paid",
    "../../../etc/passwd",
    "%00%2e%2e/",
    "nul\x00byte",
    "\u202etable\u2066",
    "'); DROP TABLE visit; --",
    "{{7*7}} ${IFS} $(reboot) {spot}",
    "tisch \U0001f37d ą",
    "x" * 3000,
)
LISTENING = "0A"


def test_tables_of_any_name_are_served_and_stay_one_line_of_text(tmp_path: Path) -> None:
    """
    Anybody can print a code. Whatever the name holds, its guest pays once, no line of the log is
    forged, and no file comes of it (F63).
    """
    with stage(tmp_path) as play:
        tables = [urllib.parse.quote(name, safe="") for name in HOSTILE]
        for table in tables:
            play.scan(table)
        daemon = play.start(play.config())
        for name in HOSTILE:
            play.pay(name)
        await_quiet(play)
        assert daemon.stop() == 0

        assert check_books(play) == (End.PAID,) * len(HOSTILE)
        text = daemon.out.read_text()
        assert text.isascii()
        lines = [json.loads(line) for line in text.splitlines()]
        closed = [line for line in lines if line["event"] == "visit.closed"]
        assert sorted(line["table"] for line in closed) == sorted(name[:256] for name in HOSTILE)
        with JournalReader(play.journal) as reader:
            assert {visit.table for visit in reader.visits()} == {name[:256] for name in HOSTILE}
        known = ("journal.db", "daemon1.", "sandbox.", "worker.toml")
        assert [path for path in tmp_path.iterdir() if not path.name.startswith(known)] == []


def listening_sockets(process_id: int) -> list[str]:
    """Give the addresses at which a process listens, as the kernel writes them."""
    links = [str(link.readlink()) for link in Path(f"/proc/{process_id}/fd").iterdir()]
    own = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = []
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{process_id}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == LISTENING and fields[9] in own:
                found.append(fields[1])
    return found


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="needs Linux's /proc")
def test_the_worker_opens_no_port_and_says_in_which_mode_it_runs(tmp_path: Path) -> None:
    """
    What does not listen can not be reached by a web page, a flood or a forged call; the sandbox
    listens, on this machine only. The first line tells a rehearsal from the real thing
    (F60, F61, F62).
    """
    with stage(tmp_path) as play:
        daemon = play.start(play.config())
        daemon.await_line("worker.ready")
        daemon.await_line("poll.answered")

        assert listening_sockets(daemon.process.pid) == []
        (address,) = listening_sockets(play.sandbox.process.pid)
        assert address == f"0100007F:{play.port:04X}"
        assert daemon.lines()[0]["event"] == "worker.started"
        assert daemon.lines()[0]["mode"] == "sandbox"
        assert daemon.stop() == 0
