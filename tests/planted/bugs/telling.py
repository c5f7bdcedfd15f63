"""Bugs about telling the till that a bill is paid, and about bills that two visits want."""

from typing import Final

from tests.planted.bug import Bug, Change

CLOSING: Final = "worker/domain/rules/closing.py"
ENGINE: Final = "worker/service/engine.py"
MEMORY: Final = "worker/adapters/journal/memory.py"
PERFORMING: Final = "worker/service/performing.py"
SCHEMA: Final = "worker/adapters/journal/migrations/0001_init.sql"

BUGS: Final = (
    Bug(
        "till-told-before-the-journal",
        "Telling the till twice does no harm, so it needs no entry first. After a crash it is "
        "told of another moment than before.",
        (
            Change(
                ENGINE,
                """
            if intent is not None or isinstance(command, commands.SettleBill):
""",
                """
            if intent is not None:
""",
            ),
        ),
    ),
    Bug(
        "till-told-a-new-time-each-time",
        "The receipt says when it is written. Told again after a lost answer, the same payment "
        "has two times and looks like two.",
        (
            Change(
                PERFORMING,
                "                paid_at=visit.paid_at or visit.since,\n",
                "                paid_at=self.clock.now(),\n",
            ),
        ),
    ),
    Bug(
        "till-told-only-once",
        "The till did not take the news; the operator was called, so the matter is closed. The "
        "bill stays open there for good.",
        (
            Change(
                CLOSING,
                """
    told, facts = decision.alarm(visit, unsettled(visit, event))
    return decision.look(told, LookAtSpot(), *facts)
""",
                """
    told, facts = decision.alarm(visit, unsettled(visit, event))
    return decision.look(replace(told, is_settled=True), LookAtSpot(), *facts)
""",
            ),
        ),
    ),
    Bug(
        "till-not-told-after-a-restart",
        "The dead process was about to tell the till, so it has been told.",
        (
            Change(
                CLOSING,
                """
    if owes_till(visit):
        return settle(in_doubt)
    return decision.look(in_doubt, LookAtSpot())
""",
                """
    return decision.look(replace(in_doubt, is_settled=True), LookAtSpot())
""",
            ),
        ),
    ),
    Bug(
        "one-bill-charged-at-two-tables",
        "Two tables that show one bill is the shop's business. Without the question to the "
        "journal and without its index both guests pay it.",
        (
            Change(
                PERFORMING,
                """
            if holder is not None and holder != visit.visit_id:
                return events.BillUnreadable(
                    f"bill {answer.bill_id!r:.80} belongs to visit v-{holder:04d}, paid or being "
                    "paid; a new bill needs a bill_id of its own"
                )
""",
                "",
            ),
            Change(
                MEMORY,
                """
        bill = _held_bill(visit)
        if bill and self._of_bill.get(bill, me) != me:
            raise conflict(visit.visit_id, Rule.BILL_PAID_ONCE)
""",
                "",
            ),
            Change(
                SCHEMA,
                "CREATE UNIQUE INDEX bill_paid_once ON visit",
                "CREATE INDEX bill_paid_once ON visit",
            ),
        ),
    ),
)
