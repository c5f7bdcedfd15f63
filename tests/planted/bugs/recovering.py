"""Bugs about taking a visit up again: after a restart, after a fault, after a wait."""

from typing import Final

from tests.planted.bug import Bug, Change

ACTOR: Final = "worker/service/actor.py"
CONFIRMING: Final = "worker/domain/rules/confirming.py"
ENGINE: Final = "worker/service/engine.py"
MACHINE: Final = "worker/domain/machine.py"
MEMORY: Final = "worker/adapters/journal/memory.py"
SCHEMA: Final = "worker/adapters/journal/migrations/0002_parts_and_notices.sql"

BUGS: Final = (
    Bug(
        "pending-intents-forgotten-at-restart",
        "The visit knows its step, so the intents without an outcome are not handed over. The "
        "new start does not know what the dead process may have sent.",
        (
            Change(
                ACTOR,
                """
    return events.Resumed(frozenset(intent.kind for intent in actor.pending))
""",
                """
    return events.Resumed()
""",
            ),
        ),
    ),
    Bug(
        "pending-confirm-forgotten-at-restart",
        "A confirm is looked up after a restart anyway, so it is not noted as in doubt. The till "
        "takes the bill back, and a confirm that may have worked is revoked.",
        (
            Change(
                CONFIRMING,
                """
    if not visit.is_doubtful and WriteKind.CONFIRM not in event.in_flight:
""",
                """
    if not visit.is_doubtful:
""",
            ),
        ),
    ),
    Bug(
        "pending-write-forgotten-after-a-fault-of-our-own",
        "What was sent is in the journal, so the actor need not carry it as well. After an "
        "exception in between, the visit is taken up as if nothing were under way.",
        (
            Change(
                ENGINE,
                "            actor.pending = () if begun is None else (begun,)\n",
                "            actor.pending = ()\n",
            ),
        ),
        tests=("tests/service/test_situations.py",),
        why_tests="the simulated worker runs as it is and has no faults to stumble over",
    ),
    Bug(
        "times-from-the-future-kept",
        "A clock that was set back between two lives leaves moments in the future. Every wait "
        "that is counted from one of them takes hours.",
        (
            Change(
                MACHINE,
                """
        since=min(visit.since, now),
        tried_at=visit.tried_at and min(visit.tried_at, now),
        offered_at=visit.offered_at and min(visit.offered_at, now),
        reserved_at=visit.reserved_at and min(visit.reserved_at, now),
        parts=parts.sound(visit.parts, now),
        spot_closed_at=visit.spot_closed_at and min(visit.spot_closed_at, now),
        looked_at=None,
""",
                """
        looked_at=None,
""",
            ),
        ),
    ),
    Bug(
        "failed-look-never-repeated",
        "Visits whose look has failed are woken when the polls work again, so they set no alarm "
        "of their own. Where only the look has failed they sleep for ever.",
        (
            Change(
                ENGINE,
                """
        if wake_at is None:
            actor.due_at = None
            return
""",
                """
        if wake_at is None or actor.visit.failures:
            actor.due_at = None
            return
""",
            ),
        ),
    ),
    Bug(
        "spot-forgotten-at-restart",
        "The polls will find the waiting spots again, so a new start does not note which spots "
        "its open visits hold. Without the journal's index one table has two visits.",
        (
            Change(
                ENGINE,
                """
            self._index(actor)
            self._hands.allowance.note(visit)
""",
                """
            self._hands.allowance.note(visit)
""",
            ),
            Change(
                MEMORY,
                """
        if visit.spot_closed_at is None and self._at_spot.get(_spot(visit), me) != me:
            raise conflict(visit.visit_id, Rule.ONE_OPEN_VISIT)
""",
                "",
            ),
            Change(
                SCHEMA,
                "CREATE UNIQUE INDEX one_open_visit ON visit",
                "CREATE INDEX one_open_visit ON visit",
            ),
        ),
    ),
)
