"""One theatre: a wallet with guests, a bad network, and one worker's lives on one journal.

Each life is a process of its own. What every one of them wrote is kept, because whatever a worker
says before it dies must be true afterwards.
"""

import contextlib
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.operator.processes import ROOT, Daemon, environ, until
from tests.operator.theatre import MAC_KEY, Stage, stage
from tests.rig.proxy import HostedProxy, Weather, hosted
from tests.rig.shop import Shop
from worker.adapters.journal.reader import JournalReader
from worker.domain.errors import JournalUnavailable

LOCATION: Final = 9975
PAGE_BYTES: Final = 4096
LOG_ROOM_BYTES: Final = 4 * PAGE_BYTES
CAN_LIMIT_FILES: Final = hasattr(resource, "prlimit")
"""Whether a disk can be full for one running process: on Linux alone."""
STOP_S: Final = 20.0
"""A stop takes 10 s at most; the machine may be busy."""
FIXED_TILL: Final = """\
kind = "fixed"
currency = "EUR"
[till.prices]
"*" = 1250
table2 = 1890
table3 = 640
table5 = 4210"""

CONFIG: Final = """\
[wallet]
base_url  = "http://127.0.0.1:{port}/rest/v1"
client_id = "wkVd93h2uS"
mac_key   = "{mac_key}"
timeout_s = {timeout_s}
[polling]
spots_interval_s        = 3.0
reservations_interval_s = 0.5
[visit]
bill_wait_s = 5.0
offer_ttl_s = {offer_ttl_s}
[journal]
path = "{journal}"
[log]
format = "json"
[[locations]]
id = {location}
[till]
{till}
"""


class Life(Daemon):
    """One life of the worker, from its start to whatever ended it."""

    def __init__(self, folder: Path, number: int, config: Path, offset_s: float = 0.0) -> None:
        """Start it; `offset_s` is how wrong its machine's wall clock is."""
        self.number = number
        self.out, self.err = folder / f"life{number}.out", folder / f"life{number}.err"
        program = ["worker"] if offset_s == 0.0 else ["tests.rig.skewed", str(offset_s)]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program, "run", "--config", str(config)],
                env=environ(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    def limit_files(self, bytes_max: int) -> None:
        """Let no file of this process grow beyond so many bytes: a disk that is full for it."""
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (bytes_max, hard))


@dataclass(slots=True)
class Theatre:
    """One wallet, one network, one journal, one worker at a time."""

    play: Stage
    proxy: HostedProxy
    config: Path
    shop: Shop | None
    lives: list[Life] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.play.folder

    @property
    def journal(self) -> Path:
        return self.play.journal

    @property
    def life(self) -> Life:
        """The newest life."""
        return self.lives[-1]

    def start(self, offset_s: float = 0.0) -> Life:
        """Begin another life."""
        self.proxy.begin_life()
        life = Life(self.folder, len(self.lives) + 1, self.config, offset_s)
        self.play.performers.append(life)
        self.lives.append(life)
        return life

    def second_worker(self) -> Life:
        """Start another worker on the same journal, by mistake."""
        number = len(self.lives) + len(self.play.performers) + 1
        intruder = Life(self.folder, 10_000 + number, self.config)
        self.play.performers.append(intruder)
        return intruder

    def pause(self, seconds: float) -> None:
        """Freeze the worker for a while, as a host does that is out of breath."""
        self.life.tell(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            self.life.tell(signal.SIGCONT)

    def fill_the_disk(self) -> None:
        """Let the worker's files grow no more, but leave its log a little room."""
        files = [self.journal.with_name("journal.db-wal"), self.life.out]
        log, said = (path.stat().st_size if path.exists() else 0 for path in files)
        self.life.limit_files(max(log, said + LOG_ROOM_BYTES))

    def start_on_a_full_disk(self) -> Life:
        """Begin a life for which there is no room to write one page, only a few lines."""
        life = self.start()
        life.limit_files(PAGE_BYTES)
        return life

    def heal(self) -> Life:
        """Let the network be well, the wallet keep its word and no new guest come; start afresh."""
        self.proxy.change(Weather())
        self.play.control("PUT", "faults", {})
        self.play.control("POST", "customers/stop")
        if self.shop is not None:
            self.shop.is_steady = True
        self.life.kill()
        return self.start()

    def is_quiet(self) -> bool:
        """Tell whether nobody waits any more, at the wallet or in the journal."""
        if self.play.control("GET", "state")["customers_active"]:
            return False
        ledger = self.play.ledger()
        if ledger["waiting_spots"] or ledger["reserved_count"]:
            return False
        try:
            with JournalReader(self.journal) as reader:
                return not reader.visits(open_only=True, limit=1)
        except JournalUnavailable:
            return False

    def await_quiet(self, patience_s: float) -> bool:
        """Wait until it is quiet; tell whether it came to that."""
        try:
            until("nobody waits any more", self.is_quiet, patience_s)
        except AssertionError:
            return False
        return True


def is_close(sent: bytes) -> bool:
    """Tell whether these bytes ask the wallet to free a spot.

    A close that lands late may meet the next guest, and no client could help that: the network may
    lose it, but never keep it for later.
    """
    return sent.startswith(b"DELETE ") and b"/spot/" in sent.partition(b"\r\n")[0]


@contextlib.contextmanager
def theatre(
    folder: Path,
    *,
    seed: int = 1,
    guests: int = 0,
    tables: int = 8,
    has_shop: bool = False,
    offer_ttl_s: float = 600.0,
    timeout_s: float = 3.0,
) -> Iterator[Theatre]:
    """Open a theatre; whatever happens there, every process it started is gone afterwards."""
    options = ("--seed", str(seed), "--customers", str(guests), "--spots", str(tables))
    with contextlib.ExitStack() as opened:
        play = opened.enter_context(stage(folder, *options))
        proxy = opened.enter_context(hosted(play.port, is_close))
        till, shop = FIXED_TILL, None
        if has_shop:
            shop = opened.enter_context(Shop.opened(folder / "bills", LOCATION, tables, seed))
            till = f'kind = "folder"\npath = "{shop.folder}"'
        config = folder / "worker.toml"
        config.write_text(
            CONFIG.format(
                port=proxy.port,
                mac_key=MAC_KEY,
                timeout_s=timeout_s,
                offer_ttl_s=offer_ttl_s,
                journal=play.journal,
                location=LOCATION,
                till=till,
            )
        )
        config.chmod(0o600)
        yield Theatre(play, proxy, config, shop)
