"""A short evening, as the journal hears it.

A list of batches, each one durable transaction: visits from check-in to the freed spot, one given
back and offered anew, one whose create was lost, entries in company, one that is refused among
others, and reports.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.adapters.journal.builders import NOON, a_bill, a_notice, a_visit, an_entry, told
from worker.adapters.journal.store import Beat, Kept
from worker.domain.commands import WriteKind
from worker.domain.ids import TransactionKey
from worker.domain.visit import End, Step, Visit
from worker.ports import Entry, Intent, IntentState, NoticeState, Posted, Settled


def at(visit: Visit, step: Step, **changes: Any) -> Visit:
    """Give the visit at a later step."""
    return replace(visit, step=step, **changes)


def done(kind: WriteKind, target: str, state: IntentState = IntentState.DONE) -> Settled:
    return Settled(Intent(kind, target), state, "as the wallet said")


def paid_visit(number: int) -> list[Kept]:
    """A guest who pays: every write of it, in order."""
    key = TransactionKey(f"key-{number}")
    seen = a_visit(number)
    creating = at(seen, Step.CREATING, bill=a_bill(f"bill-{number}"), creates=1)
    linking = at(creating, Step.LINKING, transaction_key=key)
    confirming = at(linking, Step.CONFIRMING, reserved_at=NOON)
    closing = at(confirming, Step.CLOSING, end=End.PAID, paid_at=NOON)
    closed = at(closing, Step.CLOSED, spot_closed_at=NOON)
    created = done(WriteKind.CREATE, creating.reference)
    notice = a_notice(closing)
    posted = Posted(notice.notice_id, NoticeState.ACCEPTED, NOON)
    return [
        an_entry(seen, records=(told(1),)),
        an_entry(creating, records=(told(2),), begun=Intent(WriteKind.CREATE, creating.reference)),
        an_entry(linking, settled=(created,), begun=Intent(WriteKind.LINK, key)),
        an_entry(at(linking, Step.OFFERED), settled=(done(WriteKind.LINK, key),)),
        an_entry(confirming, records=(told(3), told(4)), begun=Intent(WriteKind.CONFIRM, key)),
        an_entry(
            closing,
            settled=(done(WriteKind.CONFIRM, key),),
            begun=Intent(WriteKind.CLOSE, closing.spot_id),
            notices=(notice,),
        ),
        an_entry(closed, settled=(done(WriteKind.CLOSE, closing.spot_id),), records=(told(5),)),
        Entry(closed.visit_id, None, (told(6),), posted=(posted,)),
    ]


def changed_visit(number: int) -> list[Kept]:
    """A guest whose bill changes: the first offer is given back, the second still stands."""
    key = TransactionKey(f"key-{number}")
    offered = a_visit(number, step=Step.OFFERED, bill=a_bill(), transaction_key=key, creates=1)
    revoking = at(offered, Step.REVOKING, is_requoting=True)
    again = at(
        revoking, Step.CREATING, transaction_key=None, former_keys=(key,), creates=2, tries=1
    )
    lost = done(WriteKind.CREATE, again.reference, IntentState.ABANDONED)
    third = replace(again, creates=3)
    return [
        an_entry(offered, records=(told(10),)),
        an_entry(revoking, begun=Intent(WriteKind.REVOKE, key)),
        an_entry(
            again,
            settled=(done(WriteKind.REVOKE, key),),
            begun=Intent(WriteKind.CREATE, again.reference),
        ),
        an_entry(
            third,
            settled=(lost,),
            records=(told(11),),
            begun=Intent(WriteKind.CREATE, third.reference),
        ),
    ]


def a_beat(number: int) -> Beat:
    return Beat(NOON + timedelta(minutes=number), {"open": number})


def batches() -> list[list[Kept]]:
    """Give the evening's batches."""
    first, second, third = paid_visit(1), paid_visit(2), changed_visit(3)
    stranger = an_entry(a_visit(9, spot_id="spot-3"), records=(told(90),))
    return [
        [first[0]],
        [first[1], a_beat(1)],
        [first[2], second[0], third[0]],
        [first[3]],
        [second[1], third[1]],
        # One of these is refused, and must hurt neither its neighbours nor the story.
        [first[4], stranger, second[2]],
        [first[5], a_beat(2)],
        [third[2], second[3], first[6]],
        [second[4]],
        [third[3], first[7]],
        [second[5], a_beat(3)],
        [second[6]],
        [second[7]],
    ]


BATCHES = batches()
REFUSED = (5, 1)
"""The entry that is refused: its batch, and its place in it."""
