"""Bugs about telling the till that a bill is paid, and about bills that two visits want."""

from typing import Final

from tests.planted.bug import DISK, Bug, Change

CHOOSING: Final = "worker/domain/choosing.py"
ENGINE: Final = "worker/service/engine.py"
MEMORY: Final = "worker/adapters/journal/memory.py"
POSTING: Final = "worker/domain/posting.py"
POSTMAN: Final = "worker/service/postman.py"
OPERATORS_SCHEMA: Final = "worker/adapters/journal/migrations/0003_operators.sql"
SCHEMA: Final = "worker/adapters/journal/migrations/0002_parts_and_notices.sql"
STORE: Final = "worker/adapters/journal/store.py"
TAKING: Final = "worker/domain/rules/taking.py"

BUGS: Final = (
    Bug(
        "till-told-before-the-journal",
        "Telling the till twice does no harm, so it needs no entry first. After a crash it is "
        "told of another moment than before.",
        (
            Change(
                ENGINE,
                """
        actor.notices.extend(decided.notices)
""",
                """
        actor.notices.extend(decided.notices)
        self._postman.take(decided.notices)
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
                POSTMAN,
                """
        trouble = await self._till.post(owed.notice)
""",
                """
        trouble = await self._till.post(replace(owed.notice, paid_at=self._clock.now()))
""",
            ),
        ),
    ),
    Bug(
        "till-told-a-new-name-each-time",
        "Each message has a number of its own, as messages have. A till that heard the first one "
        "takes the payment into its books twice.",
        (
            Change(
                POSTMAN,
                """
        trouble = await self._till.post(owed.notice)
""",
                """
        name = f"{owed.notice.notice_id}-{owed.attempts}"
        trouble = await self._till.post(replace(owed.notice, notice_id=name))
""",
            ),
        ),
    ),
    Bug(
        "till-told-only-once",
        "The till did not take the news; the operator was called, so the matter is closed. The "
        "bill stays open there for good.",
        (
            Change(
                POSTING,
                """
    if is_old and attempts >= policy.notice_attempts_min:
""",
                """
    if is_old or attempts >= 1:
""",
            ),
        ),
    ),
    Bug(
        "till-given-up-by-the-clock",
        "After three days the till is given up, whatever was tried. The machine's clock was set "
        "on, and a till that was told twice counts as told for three days.",
        (
            Change(
                POSTING,
                """
    if is_old and attempts >= policy.notice_attempts_min:
""",
                """
    if is_old:
""",
            ),
            Change(
                POSTMAN,
                "min(one.told_since, now)",
                "one.told_since",
            ),
        ),
        tests=("tests/service/test_notices.py",),
        why_tests="the clock has to be set on while a till that was told often refuses again",
    ),
    Bug(
        "till-not-told-after-a-restart",
        "The dead process was about to tell the till, so it has been told.",
        (
            Change(
                POSTMAN,
                """
        owed, now = await self._journal.owed_notices(), self._clock.now()
        for one in owed:  # At once, as the clock may have been set since they were written.
            self._keep(replace(one, told_since=min(one.told_since, now), next_at=now))
        return len(owed)
""",
                """
        owed = await self._journal.owed_notices()
        return len(owed)
""",
            ),
        ),
    ),
    Bug(
        "notice-from-the-future-waited-for",
        "A start tells a notice when the journal says that it is due. The clock was set back "
        "meanwhile, and that is in three days.",
        (
            Change(
                POSTMAN,
                """
            self._keep(replace(one, told_since=min(one.told_since, now), next_at=now))
""",
                """
            self._keep(one)
""",
            ),
        ),
        tests=("tests/service/test_notices.py",),
        why_tests="the clock has to go back while a notice waits: 5,200 visits of hunting",
    ),
    Bug(
        "notice-kept-in-mind-alone",
        "The till is told a moment later anyway, so the notice is not written down. A worker that "
        "dies in between takes it along.",
        (
            Change(
                ENGINE,
                """
            entry = Entry(visit.visit_id, visit, (record,), settled, begun, notices)
""",
                """
            entry = Entry(visit.visit_id, visit, (record,), settled, begun)
""",
            ),
        ),
    ),
    Bug(
        "notice-written-after-the-fact",
        "The notice gets an entry of its own after the visit's, which keeps both short. Between "
        "the two the payment is durable and nobody will hear of it.",
        (
            Change(
                ENGINE,
                """
            entry = Entry(visit.visit_id, visit, (record,), settled, begun, notices)
            await self._journal.write(entry)
""",
                """
            entry = Entry(visit.visit_id, visit, (record,), settled, begun)
            await self._journal.write(entry)
            if notices:
                await self._journal.write(Entry(visit.visit_id, notices=notices))
""",
            ),
        ),
    ),
    Bug(
        "notice-not-written-by-the-file",
        "The file keeps the visit and its intents; that there are notices too was overlooked. A "
        "till that is down at the wrong moment never hears of the payment.",
        (
            Change(
                STORE,
                """
            self._connection.execute(statements.KEEP_NOTICE, notice_row(notice))
""",
                """
            notice_row(notice)
""",
            ),
        ),
        journal=DISK,
    ),
    Bug(
        "notice-accepted-and-not-noted",
        "The till has it, and that is what counts. The journal still calls it untold, so each "
        "start tells it again, and the operator is shown a debt that is none.",
        (
            Change(
                POSTMAN,
                """
            await self._note(told, NoticeState.ACCEPTED, now)
            del round_.owed[owed.notice.notice_id]
""",
                """
            del round_.owed[owed.notice.notice_id]
""",
            ),
        ),
    ),
    Bug(
        "part-told-as-the-whole",
        "The notice says which bill was paid. That it was only a part of it was left out, and the "
        "till takes the whole bill off the table.",
        (
            Change(
                TAKING,
                """
        part_id=visit.part.part_id if visit.part else None,
        money=taken,
""",
                """
        part_id=None,
        money=taken,
""",
            ),
        ),
    ),
    Bug(
        "ceiling-told-instead-of-what-was-taken",
        "The notice says what the bill asked for. The till books the ceiling, and the guest was "
        "charged less.",
        (
            Change(
                TAKING,
                "        money=taken,\n",
                "        money=visit.asked or taken,\n",
            ),
        ),
    ),
    Bug(
        "order-of-one-bill-not-kept",
        "Each notice has a time of its own, and whichever is due is told. The second part's news "
        "overtakes the first one's.",
        (
            Change(
                POSTMAN,
                """
        first.setdefault((one.notice.location_id, one.notice.bill_id), one)
""",
                """
        first.setdefault((one.notice.location_id, one.notice.notice_id), one)
""",
            ),
        ),
        tests=("tests/service/test_notices.py",),
        why_tests="one part has to be refused and the next paid at once: 8,400 visits of hunting",
    ),
    Bug(
        "one-till-after-the-other",
        "One task tells every till in turn, which is simpler. A till that hangs holds up the "
        "notices of every other location.",
        (
            Change(
                POSTMAN,
                """
        round_ = self._rounds.setdefault(owed.notice.location_id, _Round())
""",
                """
        round_ = self._rounds.setdefault(LocationId(0), _Round())
""",
            ),
        ),
        tests=("tests/service/test_notices.py",),
        why_tests="the simulated shop has one location and one till",
    ),
    Bug(
        "till-waited-for-before-the-close",
        "The till hears of the payment before the visit goes on, so that nothing can come in "
        "between. A till that hangs keeps the table.",
        (
            Change(
                ENGINE,
                """
            self._postman.take(notices)
""",
                """
            self._postman.take(notices)
            while any(
                owed.notice.visit_id == visit.visit_id for owed in self._postman.pending()
            ):
                await asyncio.sleep(0.05)
""",
            ),
        ),
        tests=("tests/service/test_notices.py",),
        why_tests="the simulated till answers in the end, and the guest of a paid visit is patient",
    ),
    Bug(
        "one-bill-charged-at-two-tables",
        "Two tables that show one bill is the shop's business. Without the question to the "
        "journal and without its index both guests pay it.",
        (
            Change(
                CHOOSING,
                "        if holder is None or holder == visit.visit_id:\n",
                "        if holder is None or bill.bill_id:\n",
            ),
            Change(
                MEMORY,
                """
        bill = self._held_bill(visit)
        if bill and self._of_bill.get(bill, me) != me:
            raise conflict(visit.visit_id, Rule.BILL_PAID_ONCE)
""",
                "",
            ),
            Change(
                OPERATORS_SCHEMA,
                "CREATE UNIQUE INDEX bill_paid_once ON visit",
                "CREATE INDEX bill_paid_once ON visit",
            ),
        ),
        tests=("tests/service/test_bills.py",),
        why_tests="the simulated shop lays each bill on one table, and another for the next guest",
    ),
    Bug(
        "bill-of-another-visit-chosen",
        "The oldest open bill of a table is the one. That another visit charges it already was "
        "looked up and not used.",
        (
            Change(
                CHOOSING,
                """
    bill = (on_offer or free)[0]
""",
                """
    bill = (on_offer or bills)[0]
""",
            ),
        ),
        tests=("tests/service/test_bills.py",),
        why_tests="the simulated shop lays one bill at a time on a table",
    ),
    Bug(
        "newest-bill-instead-of-the-oldest",
        "The newest bill is what the guest has just ordered. The shop was told that the oldest "
        "one is served.",
        (
            Change(
                CHOOSING,
                """
    bill = (on_offer or free)[0]
""",
                """
    bill = (on_offer or free)[-1]
""",
            ),
        ),
        tests=("tests/service/test_bills.py",),
        why_tests="the simulated shop lays one bill at a time on a table",
    ),
    Bug(
        "one-of-several-bills-on-a-guess",
        "A table with several bills must get one of them. Where the shop wants none on a guess, a "
        "guest pays for the neighbours.",
        (
            Change(
                CHOOSING,
                "    if len(free) > 1 and not on_offer and not policy.serves_oldest_bill:\n",
                "    if len(free) > 1 and not on_offer and policy.serves_oldest_bill:\n",
            ),
        ),
        tests=("tests/service/test_bills.py",),
        why_tests="the simulated shop lays one bill at a time on a table",
    ),
)
