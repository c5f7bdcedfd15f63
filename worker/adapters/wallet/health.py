"""Keep how the wallet is doing, and say it once when that changes.

A log line marks an edge: unreachable, reachable again, throttled, refused. What goes on in between
is counted and never logged. No line carries a key, a signature or an answer's body.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from worker.adapters.wallet.failures import HeldBack
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent
from worker.logbook import LineName
from worker.ports import Clock

SIGNED_READS: Final = frozenset({"spots", "spot", "transactions", "transaction"})
TURNED_AWAY_REFUSALS: Final = 5
TURNED_AWAY_S: Final = 10.0
"""So many refusals over so long are no slip of the wallet's: the key is wrong, or barred."""
EASED_AFTER_S: Final = 60.0
"""So long without another hold is the end of it; one that comes sooner is the same trouble."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """How the wallet was doing at one moment, for the status report."""

    last_good_at: datetime | None
    """When the wallet last answered in its own words."""
    last_trouble_at: datetime | None
    last_trouble: str
    is_reachable: bool
    is_turned_away: bool
    """Whether no signed call was ever accepted since the start, and reads were refused for their
    credentials again and again. A key that was good once never makes it true."""
    is_sandbox: bool
    """Whether a sandbox answered, and our credentials are not its own. Nothing is sent any more."""
    throttled_until: datetime | None
    clock_offset_s: float
    """What is added to the machine's time for signatures."""
    calls: Mapping[str, int]
    """Requests sent, by operation; repeats count."""
    in_flight: int
    waiting: int


class Pulse:
    """Notes how calls ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: Counter[str] = Counter()
        self._good_at_s: float | None = None
        self._trouble_at: datetime | None = None
        self._trouble = ""
        self._down_since_s: float | None = None
        self._failures = 0
        self._is_key_refused = False
        self._forbidden: set[str] = set()
        self._is_clock_refused = False
        self._was_accepted = False
        self._refusals = 0
        self._refused_since_s = 0.0
        self._holds = 0
        """How often everything was held since that was told; 0: all is well."""
        self._throttled_since_s = 0.0
        self._held_until_s = 0.0
        self._is_sandbox = False

    def count(self, op: str) -> None:
        """Count a request that is about to be sent."""
        self._calls[op] += 1

    def note(self, op: str, outcome: Outcome[object]) -> None:
        """Note how a call ended, after all repeating inside."""
        match outcome:
            case Done():
                self._good(op)
            case Refused(refusal=Refusal.CREDENTIALS):
                self._refused(op, outcome)
            case Refused(refusal=refusal):
                self._answered()
                # The wallet looked at what was asked, so it took the signature for good.
                self._was_accepted |= op != "server" and refusal is not Refusal.THROTTLED
            case HeldBack():
                pass
            case Unknown(why) | Unsent(why):
                self._bad(op, why)

    def note_throttled(self, for_s: float) -> None:
        """Say that everything is held: once, however many holds follow each other closely."""
        now_s = self._clock.ticks_s()
        if not self._holds:
            self._throttled_since_s = now_s
            log.warning(LineName.WALLET_THROTTLED, retry_after_s=round(for_s, 1))
        self._holds += 1
        self._held_until_s = now_s + for_s

    def note_clock_offset(self, offset_s: float) -> None:
        """Say that the machine's clock and the wallet's differ."""
        log.warning(LineName.WALLET_CLOCK_OFFSET, offset_s=round(offset_s, 1))

    def note_clock_refused(self) -> None:
        """Say that the wallet refuses our time although it was just asked for its own."""
        if not self._is_clock_refused:
            self._is_clock_refused = True
            log.error(
                LineName.WALLET_CLOCK_REFUSED,
                do="the wallet refuses timestamps made from its own clock;"
                " check this machine's time and that no proxy delays or caches requests",
            )

    def note_sandbox(self) -> None:
        """Say that it is a sandbox that answers. Told once."""
        if not self._is_sandbox:
            self._is_sandbox = True
            log.error(
                LineName.WALLET_SANDBOX_MET,
                why="the answers come from a sandbox, and wallet.client_id is not the sandbox's",
                do="put wallet.base_url right, or use the credentials that `sandbox` prints;"
                " nothing is sent any more",
            )

    def snapshot(
        self, *, throttled_for_s: float, clock_offset_s: float, in_flight: int, waiting: int
    ) -> Health:
        """Give the report of this moment."""
        now = self._clock.now()
        ago_s = None if self._good_at_s is None else self._clock.ticks_s() - self._good_at_s
        return Health(
            last_good_at=None if ago_s is None else now - timedelta(seconds=ago_s),
            last_trouble_at=self._trouble_at,
            last_trouble=self._trouble,
            is_reachable=self._down_since_s is None,
            is_turned_away=self._is_turned_away(),
            is_sandbox=self._is_sandbox,
            throttled_until=now + timedelta(seconds=throttled_for_s) if throttled_for_s else None,
            clock_offset_s=clock_offset_s,
            calls=dict(self._calls),
            in_flight=in_flight,
            waiting=waiting,
        )

    def _good(self, op: str) -> None:
        self._answered()
        if op != "server":
            self._is_key_refused = self._is_clock_refused = False
            self._was_accepted = True
            self._forbidden.discard(op)

    def _answered(self) -> None:
        self._good_at_s = now_s = self._clock.ticks_s()
        if self._down_since_s is not None:
            down_s = round(now_s - self._down_since_s, 1)
            log.info(LineName.WALLET_REACHABLE, down_s=down_s, failures=self._failures)
            self._down_since_s = None
            self._failures = 0
        if self._holds and now_s - self._held_until_s > EASED_AFTER_S:
            held_s = round(self._held_until_s - self._throttled_since_s, 1)
            log.info(LineName.WALLET_EASED, seconds=held_s, count=self._holds)
            self._holds = 0

    def _bad(self, op: str, why: str) -> None:
        self._trouble, self._trouble_at = f"{op}: {why}", self._clock.now()
        self._failures += 1
        if self._down_since_s is None:
            self._down_since_s = self._clock.ticks_s()
            log.warning(LineName.WALLET_UNREACHABLE, call=op, why=why)

    def _refused(self, op: str, refused: Refused) -> None:
        self._answered()
        self._count_refusal(op)
        self._trouble, self._trouble_at = f"{op}: {refused}", self._clock.now()
        if refused.status == 401:
            is_news = not (self._is_key_refused or self._is_clock_refused)
            self._is_key_refused = True
        else:
            # One thing may be forbidden while all else goes well, so each kind has its own edge.
            is_news = op not in self._forbidden
            self._forbidden.add(op)
        if is_news:
            log.error(
                LineName.WALLET_CREDENTIALS_REFUSED,
                call=op,
                answer=str(refused),
                do="check wallet.client_id and wallet.mac_key and ask Paysera whether this"
                " client may use the call; the worker keeps asking slowly",
            )

    def _count_refusal(self, op: str) -> None:
        """Count a refused read, unless it is our time that the wallet does not like."""
        if op not in SIGNED_READS or self._is_clock_refused:
            return
        if not self._refusals:
            self._refused_since_s = self._clock.ticks_s()
        self._refusals += 1

    def _is_turned_away(self) -> bool:
        refused_s = self._clock.ticks_s() - self._refused_since_s
        is_persistent = self._refusals >= TURNED_AWAY_REFUSALS and refused_s >= TURNED_AWAY_S
        return is_persistent and not self._was_accepted
