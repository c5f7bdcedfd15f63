"""The one sentence that a visit keeps about its end."""

import pytest

from tests.domain.stations import closing, confirming, creating, linking, revoking
from tests.domain.story import (
    BILL,
    EARLIER_KEY,
    KEY,
    NOON,
    OTHER_KEY,
    SALE,
    Story,
    a_transaction,
    a_visit,
    an_offered_visit,
    looked,
    spot_looked,
)
from worker.domain import events
from worker.domain.commands import WriteKind
from worker.domain.outcome import Refusal, Refused
from worker.domain.rules.creating import CREATES_MAX
from worker.domain.visit import End, Visit
from worker.domain.wallet import Payment, SpotStatus, TransactionStatus

RELEASED_WHY = "the wallet shows the transaction as failed"
UNTOLD = "it is not the transaction of this visit"
TWO = (Payment(BILL.money, None), Payment(BILL.money, None))

REASONS: dict[str, tuple[Visit, events.Event, float, End, str]] = {
    "left before the bill": (
        a_visit(),
        spot_looked(status=SpotStatus.OPEN),
        1,
        End.LEFT,
        "the guest left before there was a bill",
    ),
    "unknown spot": (
        a_visit(),
        events.SpotMissing(),
        1,
        End.LEFT,
        "the wallet knows no such spot",
    ),
    "restarted before the bill": (
        a_visit(),
        events.Resumed(),
        1,
        End.LEFT,
        "the worker restarted before there was a bill",
    ),
    "leftover": (
        a_visit(),
        spot_looked(EARLIER_KEY, earlier=frozenset({EARLIER_KEY})),
        15,
        End.LEFTOVER,
        "the spot still showed an earlier visit",
    ),
    "no bill": (a_visit(), events.BillMissing(), 60, End.NO_BILL, "the till has no bill for it"),
    "unreadable bill": (a_visit(), events.BillUnreadable("torn"), 60, End.NO_BILL, "torn"),
    "create refused": (
        creating(),
        events.WriteRefused(WriteKind.CREATE, Refused(Refusal.MISSING, 404)),
        1,
        End.REFUSED,
        "the wallet would not create a transaction: HTTP 404",
    ),
    "creates lost": (
        creating(creates=CREATES_MAX, is_doubtful=True),
        events.TransactionNotFound(),
        60,
        End.REFUSED,
        "the wallet answered none of our requests for a transaction",
    ),
    "confirms by itself": (
        creating(),
        events.TransactionCreated(a_transaction(TransactionStatus.NEW, auto_confirm=True)),
        1,
        End.MISMATCH,
        "the wallet would confirm it by itself",
    ),
    "left before the link": (
        linking(),
        spot_looked(status=SpotStatus.CLOSED),
        1,
        End.LEFT,
        "the guest left before the bill was shown",
    ),
    "unknown spot at the link": (
        linking(),
        events.SpotMissing(),
        1,
        End.LEFT,
        "the wallet knows no such spot",
    ),
    "another order at the link": (
        linking(),
        spot_looked(OTHER_KEY),
        1,
        End.REFUSED,
        "somebody else put an order on the spot",
    ),
    "links not shown": (
        linking(tries=5),
        spot_looked(),
        60,
        End.REFUSED,
        "the wallet did not show the order on the spot after 5 tries",
    ),
    "left the offer": (
        an_offered_visit(),
        spot_looked(KEY, status=SpotStatus.OPEN),
        1,
        End.LEFT,
        "the guest left without paying",
    ),
    "left the offer unseen": (
        an_offered_visit(),
        spot_looked(status=SpotStatus.CLOSED, is_blind=True),
        1,
        End.LEFT,
        "the guest left without paying",
    ),
    "order gone": (
        an_offered_visit(),
        spot_looked(),
        1,
        End.LEFT,
        "our order is no longer on the spot",
    ),
    "another worker's order": (
        an_offered_visit(transaction_key=OTHER_KEY),
        spot_looked(KEY, OTHER_KEY),
        1,
        End.REFUSED,
        "an order that is not ours is on the spot beside ours",
    ),
    "unknown spot of the offer": (
        an_offered_visit(),
        events.SpotMissing(),
        1,
        End.LEFT,
        "the wallet knows no such spot",
    ),
    "unpaid": (
        an_offered_visit(),
        looked(TransactionStatus.NEW),
        600,
        End.UNPAID,
        "not paid within 600 s",
    ),
    "withdrawn": (
        an_offered_visit(),
        events.BillMissing(),
        1,
        End.WITHDRAWN,
        "the till took the bill back after it was offered",
    ),
    "declined": (
        an_offered_visit(),
        looked(TransactionStatus.REJECTED),
        1,
        End.DECLINED,
        "the guest declined",
    ),
    "expired": (
        an_offered_visit(),
        looked(TransactionStatus.FAILED),
        1,
        End.EXPIRED,
        RELEASED_WHY,
    ),
    "till unreadable too long": (
        an_offered_visit(reserved_at=NOON, looked_at=NOON),
        events.BillUnreadable("no disk"),
        841,
        End.REFUSED,
        "the till could not say whether the bill still stands: no disk",
    ),
    "another transaction": (an_offered_visit(), looked(key=OTHER_KEY), 1, End.MISMATCH, UNTOLD),
    "no bill to compare with": (
        confirming(bill=None),
        looked(),
        1,
        End.MISMATCH,
        UNTOLD,
    ),
    "no payments": (
        an_offered_visit(unclears=2),
        looked(payments=None),
        1,
        End.MISMATCH,
        "the wallet shows no payments",
    ),
    "two payments": (
        an_offered_visit(),
        looked(payments=TWO),
        1,
        End.MISMATCH,
        "it has 2 payments instead of one",
    ),
    "unreadable amount": (
        an_offered_visit(unclears=2),
        looked(payments=(Payment(None, None),)),
        1,
        End.MISMATCH,
        "its amount can not be read, and the bill says 12.50 EUR",
    ),
    "another reference": (
        an_offered_visit(),
        looked(reference="v1.somebody.else"),
        1,
        End.MISMATCH,
        "it carries another reference",
    ),
    "no reference": (
        an_offered_visit(unclears=2),
        looked(reference=None),
        1,
        End.MISMATCH,
        "it does not carry our reference",
    ),
    "confirm refused": (
        confirming(tries=5),
        looked(),
        1,
        End.REFUSED,
        "the wallet refused to confirm 5 times",
    ),
    "reservation taken back": (
        confirming(),
        looked(TransactionStatus.NEW),
        600,
        End.UNPAID,
        "the wallet took the reservation back, and nobody paid in 600 s",
    ),
    "paid": (confirming(), looked(TransactionStatus.CONFIRMED), 1, End.PAID, "the guest paid"),
    "a sale paid": (
        confirming(bill=SALE),
        looked(TransactionStatus.CONFIRMED),
        1,
        End.PAID,
        "the guest paid",
    ),
    "wrong money taken": (
        confirming(unclears=2),
        looked(TransactionStatus.CONFIRMED, payments=None),
        1,
        End.PARKED,
        "the wallet took money that differs from the bill: the wallet shows no payments",
    ),
    "gone": (
        an_offered_visit(misses=2),
        events.TransactionMissing(),
        1,
        End.PARKED,
        "the wallet no longer knows the transaction that it made for us",
    ),
    "revoked": (revoking(), looked(TransactionStatus.DELETED), 1, End.UNPAID, "not paid"),
    "gone after a revoke": (
        revoking(tries=1, tried_at=NOON),
        events.TransactionMissing(),
        1,
        End.UNPAID,
        "not paid",
    ),
    "declined before the revoke": (
        revoking(),
        looked(TransactionStatus.REJECTED),
        1,
        End.DECLINED,
        "the guest declined",
    ),
    "declined after other money": (
        revoking(end=End.MISMATCH, reason="it says 0.01 EUR"),
        looked(TransactionStatus.REJECTED),
        1,
        End.MISMATCH,
        "it says 0.01 EUR",
    ),
    "never revoked": (
        revoking(tries=5, tried_at=NOON),
        looked(TransactionStatus.NEW),
        1800,
        End.PARKED,
        "the wallet would not let the unpaid transaction be withdrawn",
    ),
    "spot freed by somebody": (
        closing(),
        spot_looked(status=SpotStatus.OPEN),
        1,
        End.PAID,
        "the guest paid",
    ),
    "the next guest": (closing(), spot_looked(), 1, End.PAID, "the guest paid"),
    "spot forgotten": (closing(misses=2), events.SpotMissing(), 1, End.PAID, "the guest paid"),
}


@pytest.mark.parametrize(
    ("visit", "event", "after_s", "end", "reason"), REASONS.values(), ids=REASONS
)
def test_a_visit_keeps_one_sentence_about_its_end(
    visit: Visit, event: events.Event, after_s: float, end: End, reason: str
) -> None:
    """It is what `show` prints and what the last line says, so it must name the true cause."""
    story = Story(visit)

    story.tell(event, after_s=after_s)

    assert (story.visit.end, story.visit.reason) == (end, reason)
    assert story.visit.since == story.now
