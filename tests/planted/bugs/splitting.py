"""Bugs about a bill in parts: each part has a transaction of its own and is paid once."""

from typing import Final

from tests.planted.bug import DISK, Bug, Change

CHOOSING: Final = "worker/domain/choosing.py"
LINKING: Final = "worker/domain/rules/linking.py"
MEMORY: Final = "worker/adapters/journal/memory.py"
MEMORY_INTENTS: Final = "worker/adapters/journal/memory_intents.py"
PARTS: Final = "worker/domain/rules/parts.py"
REVOKING: Final = "worker/domain/rules/revoking.py"
SCHEMA: Final = "worker/adapters/journal/migrations/0002_parts_and_notices.sql"
SEEN: Final = "worker/domain/rules/seen.py"
STORE: Final = "worker/adapters/journal/store.py"
TAKING: Final = "worker/domain/rules/taking.py"
TERMS: Final = "worker/domain/rules/terms.py"
VISIT: Final = "worker/domain/visit.py"

BUGS: Final = (
    Bug(
        "charge-not-written",
        "The parts stand in the visit itself, so a list of them by bill seemed to say the same "
        "twice. The next visit at the table asks for a part that was paid in the last one.",
        (
            Change(
                MEMORY,
                """
        if before.parts or visit.parts:
            self._index_charges(before, visit)
""",
                "",
            ),
        ),
    ),
    Bug(
        "charge-not-written-by-the-file",
        "A statement was lost when the file's part of the journal was tidied up. Nobody can tell "
        "any more which parts of a bill earlier visits were paid for.",
        (
            Change(
                STORE,
                """
                execute(statements.KEEP_CHARGE, row)
""",
                """
                assert row
""",
            ),
        ),
        journal=DISK,
    ),
    Bug(
        "part-in-doubt-not-charged",
        "A part counts as paid once it is seen paid; until then it is on offer like any other. A "
        "confirm that is under way leaves no trace for other visits.",
        (
            Change(
                TAKING,
                """
    charged = parts.with_part(replace(visit, charge_minor=charge_minor), state=PartState.TAKING)
""",
                """
    charged = replace(visit, charge_minor=charge_minor)
""",
            ),
        ),
        tests=("tests/service/test_parts.py",),
        why_tests="a second wall: while a visit is open, its whole bill is its own",
    ),
    Bug(
        "paid-parts-of-others-not-asked-for",
        "What the till lists is what is owed. A till that goes on listing what is paid has every "
        "paid part offered again.",
        (
            Change(
                CHOOSING,
                "    paid_parts = known.parts_of_others(visit)\n",
                "    paid_parts = frozenset[str]()\n",
            ),
        ),
    ),
    Bug(
        "parts-of-others-count-as-changed",
        "What the till asks for is compared with what is on offer. That others have paid some of "
        "it was left out, so every look finds a changed bill.",
        (
            Change(
                PARTS,
                """
    done = paid_parts | {part.part_id for part in visit.parts if part.state in over}
""",
                """
    done = {part.part_id for part in visit.parts if part.state in over}
""",
            ),
        ),
        tests=("tests/service/test_parts.py",),
        why_tests="the offer is taken back and made anew until the guest gives up: nobody pays "
        "too much, and in the simulated room many give up",
    ),
    Bug(
        "all-parts-paid-charges-the-whole",
        "A bill whose parts are all paid has no parts left to offer, so it is taken for one that "
        "is not split: the guest is asked for the whole of it.",
        (
            Change(
                SEEN,
                "    if not event.bill.parts:\n        return ask_for",
                "    if not billed.parts:\n        return ask_for",
            ),
        ),
        tests=(
            "tests/simulation/test_crashes.py::test_dying_at_any_step_changes_nothing_that_matters"
            "[the parts that are left were paid by card and in cash, and somebody scans]",
        ),
        why_tests="one part paid by card, the rest at the counter, and a till that lists them on: "
        "chance brings that about in one of ten thousand visits, so a script does",
    ),
    Bug(
        "whole-asked-for-each-part",
        "The guest agrees to the bill's amount, part or not. Three guests at one table pay it "
        "three times.",
        (
            Change(
                VISIT,
                """
        if self.part is not None:
            return self.part.money
        return self.bill.money if self.bill else None
""",
                """
        return self.bill.money if self.bill else None
""",
            ),
        ),
    ),
    Bug(
        "key-kept-over-a-change-of-parts",
        "The visit turns to another part and keeps the transaction at hand. What is seen of the "
        "one counts for the other.",
        (
            Change(
                PARTS,
                """
        transaction_key=part.key,
        reserved_at=part.reserved_at,
        looked_at=None,
""",
                """
        reserved_at=part.reserved_at,
        looked_at=None,
""",
            ),
        ),
    ),
    Bug(
        "next-part-beside-a-strangers-order",
        "Our order shows on the spot, so the spot is ours, and the next part goes beside it. A "
        "stranger's order that came meanwhile was not looked for.",
        (
            Change(
                LINKING,
                "    would_add = not is_there or parts.next_due(visit) is not None\n",
                "    would_add = not is_there\n",
            ),
        ),
        tests=("tests/service/test_parts.py",),
        why_tests="a stranger's order and a link in doubt have to meet between two parts",
    ),
    Bug(
        "paid-parts-dropped-with-a-changed-bill",
        "The bill has changed, so everything begins anew. What was paid of it is forgotten, and "
        "asked for again.",
        (
            Change(
                REVOKING,
                """
        parts=paid,
        at=None,
        bill=visit.bill if paid else None,
""",
                """
        parts=(),
        at=None,
        bill=None,
""",
            ),
        ),
    ),
    Bug(
        "part-taken-back-and-still-confirmed",
        "A part that the till does not list any more is no change of what is on offer. Somebody "
        "paid it in cash, and the guest who agreed to it pays it too.",
        (
            Change(
                TERMS,
                """
        if part.is_live and part.part_id not in theirs:
""",
                """
        if part.is_live and part.part_id not in theirs and visit.looked_at is None:
""",
            ),
        ),
    ),
    Bug(
        "parts-compared-by-name-alone",
        "A part keeps its name when somebody orders one more, so it is the same part. The guest "
        "pays what it cost before.",
        (
            Change(
                TERMS,
                "or not theirs.items() <= ours.items():\n",
                "or not theirs.keys() <= ours.keys():\n",
            ),
        ),
    ),
    Bug(
        "one-confirm-for-all-parts",
        "A visit confirms one transaction: the rule was written for whole bills and never widened. "
        "The second guest's money is held and not taken.",
        (
            Change(
                MEMORY_INTENTS,
                "            confirms[intent.part] += 1\n",
                '            confirms[""] += 1\n',
            ),
            Change(
                SCHEMA,
                "one_confirm_per_visit ON intent (visit_id, part)\n",
                "one_confirm_per_visit ON intent (visit_id)\n",
            ),
        ),
    ),
    Bug(
        "part-charged-by-two-visits-allowed",
        "The question to the journal comes before every offer, so the journal's own rule looked "
        "needless.",
        (
            Change(
                MEMORY,
                """
        if any(of_bill.get(part_id, me) != me for part_id in self._charged(visit)):
            raise conflict(visit.visit_id, Rule.PART_PAID_ONCE)
""",
                "",
            ),
            Change(
                SCHEMA,
                "  PRIMARY KEY (location_id, bill_id, part_id)\n",
                "  PRIMARY KEY (location_id, bill_id, part_id, visit_id)\n",
            ),
        ),
        tests=("tests/contract/test_parts.py",),
        why_tests="a second wall: while the rules in front of it hold, nothing ever touches it",
    ),
    Bug(
        "spot-closed-with-the-first-part",
        "The guest paid, so the spot is closed. The others at the table were about to pay theirs.",
        (
            Change(
                PARTS,
                """
    if index is None:
        return wind_up(visit, now, end, reason, *facts)
    other = focus(visit, index)
""",
                """
    if index is None or end is End.PAID:
        return decision.close(visit, now, ending(visit, end), reason, *facts)
    other = focus(visit, index)
""",
            ),
        ),
    ),
    Bug(
        "other-parts-left-on-offer",
        "The offer's time is over, and the transaction at hand is withdrawn. Those of the other "
        "parts can still be paid when the spot is closed.",
        (
            Change(
                PARTS,
                """
    index = next_live(visit)
    if index is None:
        unseen = tuple(
""",
                """
    index = next_live(visit)
    if index is None or end is not End.PARKED:
        unseen = tuple(
""",
            ),
        ),
    ),
    Bug(
        "some-paid-counts-as-all-paid",
        "A visit in which somebody paid ended well. The rest of the bill counts as paid, and is "
        "never asked for again.",
        (
            Change(
                PARTS,
                "    is_covered = all(part.state is PartState.PAID for part in visit.parts)\n",
                "    is_covered = any(part.state is PartState.PAID for part in visit.parts)\n",
            ),
        ),
        tests=("tests/service/test_parts.py",),
        why_tests="the simulated guests who come later to such a table do not insist on paying",
    ),
    Bug(
        "last-part-is-all-that-was-taken",
        "What was taken is what the last confirm took. The report of the day misses every part "
        "but one.",
        (
            Change(
                TAKING,
                "taken_minor=visit.taken_minor + due.amount_minor),\n",
                "taken_minor=due.amount_minor),\n",
            ),
        ),
        tests=("tests/service/test_parts.py",),
        why_tests="the simulator counts the parts one by one, not the visit's sum",
    ),
    Bug(
        "declined-part-offered-again",
        "The till still asks for the part that a guest declined, so the offer differs from the "
        "bill. Everything is taken back and offered anew, again and again.",
        (
            Change(
                PARTS,
                "    over = {PartState.PAID, PartState.RELEASED, PartState.PARKED}\n",
                "    over = {PartState.PAID, PartState.PARKED}\n",
            ),
        ),
        tests=("tests/service/test_parts.py",),
        why_tests="nobody pays too much; a guest is merely asked again and again",
    ),
    Bug(
        "another-bill-after-a-part-was-paid",
        "The bill that a guest paid a part of is not on the table any more, so the one that is "
        "there is offered instead. What was paid is booked on the wrong bill.",
        (
            Change(
                CHOOSING,
                """
        free = on_offer  # Whoever paid a part of one bill is not asked for another.
""",
                """
        free = on_offer or free
""",
            ),
        ),
        tests=("tests/service/test_parts.py",),
        why_tests="the simulated shop lays one bill at a time on a table",
    ),
)
