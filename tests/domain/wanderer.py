"""A visit that meets whatever can happen, and the promises about money that it must keep.

Each command gets some answer that it can get, drawn from all of them; in between time passes and
lists hint. The wallet is not even consistent with itself: what holds here holds in any order.
"""

from datetime import timedelta
from random import Random
from typing import Any

from tests.domain.story import (
    BILL,
    CONFLICT,
    INVALID,
    NOON,
    ON_HOLD,
    OTHER_KEY,
    THROTTLED,
    Story,
    a_transaction,
    a_visit,
    split_bill,
    spot_looked,
)
from worker.domain import commands, events
from worker.domain.bill import AtHoldEnd, Bill, Hold
from worker.domain.choosing import choose
from worker.domain.commands import Command, ConfirmTransaction, Write, kind_and_target
from worker.domain.ids import OrderReference, TransactionKey
from worker.domain.money import Money
from worker.domain.notice import Notice
from worker.domain.part import PartState
from worker.domain.policy import Policy
from worker.domain.visit import FINAL, End, Step, Visit
from worker.domain.wallet import SpotOrder, SpotStatus, TransactionStatus

BILLS: list[tuple[Bill, ...]] = [
    (),
    (BILL,),
    (Bill("bill-7", Money(1000, "EUR"), "Table 7"),),
    (Bill("bill-7", Money(1300, "EUR"), "Table 7"),),
    (Bill("bill-8", Money(800, "EUR"), "Table 7"),),
    (split_bill("a", "b"),),
    (split_bill("a", "b", "c"),),
    (split_bill("b"),),
    (split_bill("a", "b", b=900),),
    (ON_HOLD,),
    (Bill("bill-7", ON_HOLD.money, "Bay 7", hold=Hold(1900, 3600, AtHoldEnd.CONFIRM)),),
]
STATUSES = sorted(TransactionStatus)
LIKELY = {
    Step.OFFERED: [TransactionStatus.RESERVED, TransactionStatus.NEW],
    Step.CONFIRMING: [TransactionStatus.RESERVED, TransactionStatus.CONFIRMED],
    Step.REVOKING: [TransactionStatus.REVOKED, TransactionStatus.NEW],
    Step.LINKING: [TransactionStatus.NEW],
}
PAID_ENDS = {End.PAID, End.PART_PAID}


class Wanderer:
    """A visit on its way, with the books of what was told and taken."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        lowers = self.chance.random() < 0.5
        policy = Policy(confirms_lowered=lowers, serves_oldest_bill=True)
        self.story = Story(a_visit(), policy)
        self.story.tell(spot_looked())
        self.usual = self.chance.choice(BILLS[1:])
        self.said: Bill | None = None
        self.notices: list[Notice] = []
        self.taken: set[TransactionKey] = set()
        self.charged: dict[TransactionKey, int] = {}

    def goes_on(self) -> bool:
        """Let one thing happen, and tell whether there is more to come."""
        before = self.story.visit
        if before.step in FINAL:
            return False
        command = self.story.command
        event = self.rest() if command is None else self.answer(before, command)
        self.story.tell(event, after_s=self.chance.choice([0, 0, 1, 1, 3, 3, 10, 10, 61, 700]))
        self.check(before, event)
        return True

    # What can happen.

    def rest(self) -> events.Event:
        """Nothing is under way."""
        keys = [*sorted(self.story.visit.keys), OTHER_KEY, None]
        hint = events.TransactionHinted("reserved", self.chance.choice(keys))
        choices: list[events.Event] = [
            events.Woke(),
            events.Woke(),
            hint,
            events.SpotHinted("x"),
            events.Resumed(),
        ]
        return self.chance.choice(choices)

    def answer(self, visit: Visit, command: Command) -> events.Event:
        """Whatever a command can be answered."""
        match command:
            case commands.LookAtSpot():
                return self.spot(visit)
            case commands.LookAtTransaction(key):
                return self.transaction(visit, key)
            case commands.AskTill():
                return self.till(visit)
            case commands.FindTransaction():
                is_found = self.chance.random() < 0.5
                return self.born(visit) if is_found else events.TransactionNotFound()
            case _:
                return self.write(visit, command)

    def spot(self, visit: Visit) -> events.Event:
        """Mostly the guest waits there, with what this visit put on the spot."""
        keys = sorted(visit.keys)
        some = self.chance.choice([keys] * 30 + [keys[:1], [], [*keys, OTHER_KEY]])
        waiting = SpotStatus.WAITING
        status = self.chance.choice([waiting] * 60 + sorted(SpotStatus))
        if self.chance.randint(0, 60) == 0:
            return events.SpotMissing()
        return spot_looked(*some, status=status, is_blind=self.chance.randint(0, 9) == 0)

    def till(self, visit: Visit) -> events.Event:
        """Mostly the same bill; what was paid by others is never charged again."""
        if self.chance.randint(0, 9) == 0:
            return events.BillUnreadable("no disk")
        bills = self.usual
        if self.chance.randint(0, 7) == 0:
            bills = self.chance.choice(BILLS)
        chosen = choose(visit, bills, {}, self.story.policy)
        self.said = chosen.bill if isinstance(chosen, events.BillFound) else None
        return chosen

    def born(self, visit: Visit) -> events.TransactionCreated:
        """The wallet made what was asked for."""
        assert visit.asked is not None
        key = TransactionKey(f"key{visit.creates:04d}")
        fresh = self.seen(visit, key, TransactionStatus.NEW, visit.asked.amount_minor)
        return events.TransactionCreated(fresh)

    def transaction(self, visit: Visit, key: TransactionKey) -> events.Event:
        """Any status, mostly with the money that was asked for or is due."""
        if self.chance.randint(0, 60) == 0:
            return events.TransactionMissing()
        status = self.chance.choice(LIKELY[visit.step] * 30 + STATUSES)
        asked, due = visit.asked, visit.due
        assert asked is not None
        right = due if status is TransactionStatus.CONFIRMED and due else asked
        amounts = [right.amount_minor] * 60 + [asked.amount_minor, 1]
        amount = self.chance.choice(amounts)
        return events.TransactionLooked(self.seen(visit, key, status, amount))

    def seen(self, visit: Visit, key: TransactionKey, status: TransactionStatus, minor: int) -> Any:
        """A transaction of this visit as the wallet shows it."""
        reference = OrderReference(visit.reference)
        return a_transaction(status, key=key, amount_minor=minor, reference=reference)

    def write(self, visit: Visit, command: Write) -> events.Event:
        """Done, refused, unknown or unsent."""
        kind, _ = kind_and_target(command)
        done: events.Event = events.WriteDone(kind)
        if isinstance(command, commands.CreateTransaction):
            done = self.born(visit)
        elif isinstance(command, commands.LinkOrder):
            done = events.OrderLinked(SpotOrder(command.key, "pending"))
        others: list[events.Event] = [
            events.WriteRefused(kind, no) for no in (THROTTLED, CONFLICT, INVALID)
        ]
        unsure: list[events.Event] = [
            events.WriteUnknown(kind, "ReadTimeout"),
            events.WriteUnsent(kind, "x"),
        ]
        return self.chance.choice([done] * 30 + others + unsure)

    # What must hold.

    def check(self, before: Visit, event: events.Event) -> None:
        """Keep the books and compare."""
        visit, command = self.story.visit, self.story.command
        self.notices += self.story.notices
        self.check_notices(visit, event)
        if isinstance(command, ConfirmTransaction):
            self.check_confirm(before, visit, command, event)
        if visit.end in PAID_ENDS or visit.step in FINAL:
            has_taken = visit.taken_minor > 0
            assert (visit.end in PAID_ENDS) is has_taken or visit.end is End.PARKED
        if any(part.state is PartState.PARKED for part in visit.parts):
            assert visit.end is End.PARKED
        if visit.step in FINAL:
            assert not any(part.is_live or part.state is PartState.DUE for part in visit.parts)
            assert (visit.step is Step.PARKED) is (visit.end is End.PARKED)

    def check_notices(self, visit: Visit, event: events.Event) -> None:
        """One a transaction and one a part, and together they are what was taken."""
        for told in self.story.notices:
            assert isinstance(event, events.TransactionLooked)
            assert event.transaction.key == told.transaction_key
            assert event.transaction.status is TransactionStatus.CONFIRMED
            assert event.transaction.payments is not None
            assert event.transaction.payments[0].money == told.money
            assert told.paid_at == self.story.now >= NOON + timedelta(0)
        assert len({told.notice_id for told in self.notices}) == len(self.notices)
        assert len({told.transaction_key for told in self.notices}) == len(self.notices)
        assert len({(told.bill_id, told.part_id) for told in self.notices}) == len(self.notices)
        assert len({told.bill_id for told in self.notices}) <= 1
        assert visit.taken_minor == sum(told.money.amount_minor for told in self.notices)

    def check_confirm(
        self, before: Visit, visit: Visit, command: ConfirmTransaction, event: events.Event
    ) -> None:
        """Take what the guest agreed to and the till said last, or less, and never what is over."""
        asked, due = visit.asked, visit.due
        assert asked is not None
        assert due is not None
        assert command.key == visit.transaction_key
        assert command.key not in {told.transaction_key for told in self.notices}
        assert due.amount_minor <= asked.amount_minor
        assert (command.lowered is None) is (due == asked)
        assert command.lowered is None or command.lowered.money == due
        part = visit.part
        assert part is None or part.state is PartState.TAKING
        if before.step is Step.CONFIRMING and before.is_doubtful:
            assert due.amount_minor == self.charged[command.key]  # The same once more.
        elif isinstance(event, events.BillFound):
            assert self.said is not None
            owed = {share.part_id: share.money for share in self.said.parts}
            known = self.said.hold.known_minor if self.said.hold else None
            expected = owed[part.part_id] if part else self.said.money
            assert due.amount_minor == (known or expected.amount_minor)
        else:
            assert isinstance(event, events.BillUnreadable)
            assert visit.bill is not None
            assert visit.bill.hold is not None
            assert due.amount_minor == visit.bill.hold.known_minor
        self.charged[command.key] = due.amount_minor
