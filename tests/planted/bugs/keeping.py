"""Bugs in the journal's own rules, in its file, and in how a real process talks and ends.

Most of them no simulated evening can see, so each of those names the tests that must notice it. The
journal's rules are a second wall: as long as the rules above them hold, taking one away changes
nothing. What the disk keeps and what leaves a real connection lies below the simulated world.
"""

from typing import Final

from tests.planted.bug import DISK, Bug, Change

CLIENT: Final = "worker/adapters/wallet/client.py"
COURIER: Final = "worker/adapters/wallet/courier.py"
ENGINE: Final = "worker/service/engine.py"
FAILURES: Final = "worker/adapters/wallet/failures.py"
MARKER: Final = "worker/adapters/journal/marker.py"
MEMORY: Final = "worker/adapters/journal/memory.py"
MEMORY_INTENTS: Final = "worker/adapters/journal/memory_intents.py"
OPENING: Final = "worker/adapters/journal/opening.py"
PARTS_SCHEMA: Final = "worker/adapters/journal/migrations/0002_parts_and_notices.sql"
SCHEMA: Final = "worker/adapters/journal/migrations/0001_init.sql"
SQLITE: Final = "worker/adapters/journal/sqlite.py"
STATEMENTS: Final = "worker/adapters/journal/statements.py"

_SECOND_WALL: Final = "a second wall: while the rules in front of it hold, nothing ever touches it"
_CONTRACT: Final = ("tests/contract/test_journal.py",)

BUGS: Final = (
    Bug(
        "second-confirm-of-a-visit-allowed",
        "The rule that a visit confirms one transaction got in the way of a test and was dropped "
        "from the journal, in memory and in the file.",
        (
            Change(
                MEMORY_INTENTS,
                """
    if any(count > 1 for count in confirms.values()):
        raise conflict(visit_id, Rule.ONE_CONFIRM_PER_VISIT)
""",
                "",
            ),
            Change(
                PARTS_SCHEMA,
                "CREATE UNIQUE INDEX one_confirm_per_visit ON intent",
                "CREATE INDEX one_confirm_per_visit ON intent",
            ),
        ),
        tests=_CONTRACT,
        why_tests=_SECOND_WALL,
    ),
    Bug(
        "one-key-confirmed-by-two-visits",
        "Keys are the wallet's own, so the index that ties a confirmed key to one visit looked "
        "needless.",
        (
            Change(
                MEMORY,
                """
        if (
            begun.kind is WriteKind.CONFIRM
            and self._confirmed.get(begun.target, visit_id) != visit_id
        ):
            raise conflict(visit_id, Rule.CONFIRM_KEY_ONCE)
""",
                "",
            ),
            Change(
                SCHEMA,
                "CREATE UNIQUE INDEX confirm_key_once ON intent",
                "CREATE INDEX confirm_key_once ON intent",
            ),
        ),
        tests=_CONTRACT,
        why_tests=_SECOND_WALL,
    ),
    Bug(
        "second-create-while-one-is-in-doubt-allowed",
        "The journal let a second create begin while the first may still be under way.",
        (
            Change(
                MEMORY_INTENTS,
                """
    if creates > 1:
        raise conflict(visit_id, Rule.ONE_LIVE_CREATE)
""",
                "",
            ),
            Change(
                SCHEMA,
                "CREATE UNIQUE INDEX one_live_create ON intent",
                "CREATE INDEX one_live_create ON intent",
            ),
        ),
        tests=_CONTRACT,
        why_tests=_SECOND_WALL,
    ),
    Bug(
        "what-is-over-can-change",
        "A trigger slows every update down, and nobody changes a closed visit. A late fact "
        "rewrites what was paid.",
        (
            Change(
                MEMORY,
                """
    if before.step in FINAL and before != visit:
        raise conflict(visit.visit_id, Rule.VISIT_IS_OVER)
""",
                "",
            ),
            Change(
                PARTS_SCHEMA,
                """
CREATE TRIGGER visit_is_over BEFORE UPDATE ON visit
  WHEN OLD.step IN ('closed', 'parked') AND NEW.body <> OLD.body
  BEGIN SELECT RAISE(ABORT, 'visit_is_over'); END;
""",
                "",
            ),
        ),
        tests=_CONTRACT,
        why_tests=_SECOND_WALL,
    ),
    Bug(
        "repeated-write-not-pending-again",
        "A write that is begun again has its row already, so only its attempts are counted. "
        "After a crash nobody knows that it was under way.",
        (
            Change(
                STATEMENTS,
                "DO UPDATE SET state = 'pending', attempts = attempts + 1,\n"
                "  begun_at = excluded.begun_at, ended_at = NULL, detail = ''\n",
                "DO UPDATE SET attempts = attempts + 1, begun_at = excluded.begun_at\n",
            ),
        ),
        tests=_CONTRACT,
        why_tests="it takes a repeated write and a crash, and the hunt on the file is slow",
    ),
    Bug(
        "till-owed-not-resumed",
        "A notice that was tried once has reached the till, so a start does not take it up. What "
        "the till refused before is never told again.",
        (
            Change(
                STATEMENTS,
                """
WHERE state = 'pending' ORDER BY seq
""",
                """
WHERE state = 'pending' AND attempts = 0 ORDER BY seq
""",
            ),
        ),
        journal=DISK,
    ),
    Bug(
        "disk-not-waited-for",
        "Without waiting for the disk the journal is twenty times as fast, and the check that "
        "asks about it was set right accordingly. A power cut takes the last entries.",
        (
            Change(
                OPENING, '    "PRAGMA synchronous = FULL",\n', '    "PRAGMA synchronous = OFF",\n'
            ),
            Change(OPENING, "FULL: Final = 2\n", "FULL: Final = 0\n"),
        ),
        tests=("tests/disk/test_power.py",),
        why_tests="only a power cut shows it, and a simulated process has no power to lose",
    ),
    Bug(
        "writers-told-before-the-commit",
        "The statements went through, so the writers are told and the commit follows.",
        (
            Change(
                SQLITE,
                """
            refusals = self._store.write([item for item, _ in batch])
            if self._is_quick:
                self._seal(now_s)
                _deliver(batch, refusals)
                return
""",
                """
            refusals = self._store.write([item for item, _ in batch])
            _deliver(batch, refusals)
            if self._is_quick:
                self._seal(now_s)
                return
""",
            ),
        ),
        journal=DISK,
    ),
    Bug(
        "old-copy-of-the-journal-trusted",
        "A restored backup is a journal like any other. What was paid since is asked for again.",
        (
            Change(
                MARKER,
                "    if generation < marker.generation:\n",
                "    if generation == 0:\n",
            ),
        ),
        tests=("tests/adapters/journal/test_opening.py",),
        why_tests="it is about files that an operator puts back",
    ),
    Bug(
        "calls-cut-off-at-a-stop",
        "A stop is a stop: what is under way is cancelled at once instead of being waited for.",
        (
            Change(
                ENGINE,
                """
        _, late = await asyncio.wait(running, timeout=patience_s)
        for task in late:
            task.cancel()
""",
                """
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=patience_s)
""",
            ),
        ),
        tests=("tests/service/test_supervising.py",),
        why_tests="a polite stop of a real event loop with a call under way",
    ),
    Bug(
        "timeout-called-unsent",
        "A timeout means that nobody was reached. The bytes had left, and the same confirm goes "
        "out again.",
        (
            Change(
                FAILURES,
                "    if isinstance(error, NEVER_SENT) or not has_left:\n",
                "    if isinstance(error, (*NEVER_SENT, TimeoutError)) or not has_left:\n",
            ),
        ),
        tests=("tests/adapters/wallet/test_outcomes.py",),
        why_tests="it is about what the HTTP library reports",
    ),
    Bug(
        "write-in-doubt-repeated-by-the-client",
        "A read that failed is repeated, so the same loop serves the writes.",
        (
            Change(
                CLIENT,
                """
        outcome = await attempt()
        if _is_unsent(outcome):
            outcome = await retrying.repeat(
                attempt,
                first=outcome,
                is_worth=_is_unsent,
""",
                """
        outcome = await attempt()
        if _is_read_worth_repeating(outcome):
            outcome = await retrying.repeat(
                attempt,
                first=outcome,
                is_worth=_is_read_worth_repeating,
""",
            ),
        ),
        tests=("tests/adapters/wallet/test_outcomes.py",),
        why_tests="it is about calls over a real connection",
    ),
    Bug(
        "late-confirm-not-stopped-on-the-wire",
        "The confirm was in time when it was asked for. It waited for a connection, and left "
        "after its moment.",
        (
            Change(
                COURIER,
                """
        if self._not_after_s is not None and self._clock.ticks_s() >= self._not_after_s:
            raise TooLate
""",
                "",
            ),
        ),
        tests=("tests/adapters/wallet/test_leaving.py",),
        why_tests="it is about the moment at which bytes leave a real connection",
    ),
)
