"""Bugs about what is durable before a call leaves, and what a call's outcome is taken for."""

from typing import Final

from tests.planted.bug import Bug, Change

ENGINE: Final = "worker/service/engine.py"
PERFORMING: Final = "worker/service/performing.py"

BUGS: Final = (
    Bug(
        "intent-written-after-the-call",
        "The entry is written together with the outcome, which saves one write to the disk. A "
        "crash in between forgets that anything was sent.",
        (
            Change(
                ENGINE,
                """
            if intent is not None or actor.notices:
                await self._write(actor, intent)
            if intent is None:
                actor.looks += 1
            performed = await self._hands.perform(actor.visit, command)
""",
                """
            performed = await self._hands.perform(actor.visit, command)
            if intent is not None or actor.notices:
                await self._write(actor, intent)
            if intent is None:
                actor.looks += 1
""",
            ),
        ),
    ),
    Bug(
        "entry-not-waited-for",
        "The journal writes on its own while the call is already out. The call may arrive and "
        "the entry may not.",
        (
            Change(
                ENGINE,
                "            await self._journal.write(entry)\n",
                "            asyncio.ensure_future(self._journal.write(entry))\n",
            ),
        ),
    ),
    Bug(
        "outcome-not-written",
        "The visit itself is written, so what became of its intent seemed to be known.",
        (
            Change(
                ENGINE,
                """
        actor.settled.append(Settled(intent, state, performed.detail[:300]))
""",
                "",
            ),
        ),
    ),
    Bug(
        "failed-journal-shrugged-off",
        "The disk has a bad moment, and a guest is waiting: the worker says so and goes on. What "
        "it does from then on nobody remembers.",
        (
            Change(
                ENGINE,
                "            await self._journal.write(entry)\n",
                """
            try:
                await self._journal.write(entry)
            except JournalUnavailable as trouble:
                log.error("journal.unavailable", error=str(trouble))
""",
            ),
        ),
    ),
    Bug(
        "unknown-taken-for-refused",
        "A timeout is an error like any other, so nothing happened.",
        (
            Change(
                PERFORMING,
                """
            return Performed(events.WriteUnknown(kind, why), IntentState.UNKNOWN, why)
""",
                """
            no = Refused(Refusal.INVALID, 0, "", why)
            return Performed(events.WriteRefused(kind, no), IntentState.REFUSED, why)
""",
            ),
        ),
    ),
    Bug(
        "unknown-taken-for-unsent",
        "A timeout means that the wallet was not reached, so it is sent again as it was.",
        (
            Change(
                PERFORMING,
                """
            return Performed(events.WriteUnknown(kind, why), IntentState.UNKNOWN, why)
""",
                """
            return Performed(events.WriteUnsent(kind, why), IntentState.UNSENT, why)
""",
            ),
        ),
    ),
    Bug(
        "unsent-taken-for-unknown",
        "To be on the safe side every error counts as doubt.",
        (
            Change(
                PERFORMING,
                """
            return Performed(events.WriteUnsent(kind, why), IntentState.UNSENT, why)
""",
                """
            return Performed(events.WriteUnknown(kind, why), IntentState.UNKNOWN, why)
""",
            ),
        ),
        tests=("tests/service/test_situations.py",),
        why_tests="no promise is broken: a doubt that is none holds money and table for a minute",
    ),
)
