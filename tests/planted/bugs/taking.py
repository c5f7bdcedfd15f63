"""Bugs on the way to a confirm: the only call that moves money."""

from typing import Final

from tests.planted.bug import Bug, Change

AGREEMENT: Final = "worker/domain/agreement.py"
CONFIRMING: Final = "worker/domain/rules/confirming.py"
ENGINE: Final = "worker/service/engine.py"
OFFERED: Final = "worker/domain/rules/offered.py"
POLICY: Final = "worker/domain/policy.py"
TAKING: Final = "worker/domain/rules/taking.py"
TERMS: Final = "worker/domain/rules/terms.py"

_BELIEVED: Final = """lambda visit, event, now, policy: taking.confirmed(
        visit,
        Transaction(
            visit.transaction_key,
            TransactionStatus.CONFIRMED,
            "confirmed",
            (Payment(visit.due, visit.reference),),
            False,
        ),
        now,
        policy,
    ),
"""
_IMAGINED: Final = Change(
    CONFIRMING,
    "from worker.domain.wallet import PENDING, RELEASED, Transaction, TransactionStatus\n",
    "from worker.domain.wallet import PENDING, RELEASED, Payment, Transaction, TransactionStatus\n",
)

BUGS: Final = (
    Bug(
        "confirm-without-a-look",
        "The list of reservations has just named the key, so a look at it is saved. A list is "
        "shortened and late: nobody has compared the amount.",
        (
            Change(
                OFFERED,
                "    events.TransactionHinted: transaction_hinted,\n",
                """
    events.TransactionHinted: lambda visit, event, now, policy: decision.look(
        replace(visit, reserved_at=visit.reserved_at or now, looked_at=now), AskTill()
    ),
""",
            ),
        ),
    ),
    Bug(
        "confirm-on-an-old-look",
        "The till took long to answer, and looking again felt like waste. The confirm leaves on "
        "a look of any age.",
        (
            Change(
                TAKING,
                """
    if seconds(looked_at, now) > policy.confirm_window_s:
        return decision.look(visit, LookAtTransaction(key))
""",
                "",
            ),
            Change(
                TAKING,
                "    not_after = looked_at + timedelta(seconds=policy.confirm_window_s)\n",
                "    not_after = now + timedelta(seconds=policy.confirm_window_s)\n",
            ),
        ),
    ),
    Bug(
        "confirm-may-leave-late",
        "The rule looks at the age of the look, so the moment after which the call must not "
        "leave was set generously. A call that waits in a queue leaves much later.",
        (
            Change(
                TAKING,
                "    not_after = looked_at + timedelta(seconds=policy.confirm_window_s)\n",
                "    not_after = now + timedelta(seconds=10 * policy.confirm_window_s)\n",
            ),
        ),
    ),
    Bug(
        "amount-not-compared",
        "We made the transaction ourselves, so its amount must be right. Whatever it says is "
        "taken.",
        (
            Change(
                AGREEMENT,
                """
    if payment.money != expected:
        return f"it says {payment.money}, and the bill says {expected}"
""",
                "",
            ),
        ),
    ),
    Bug(
        "more-than-the-bill-is-welcome",
        "A guest who pays more leaves a tip. Nobody agreed to one.",
        (
            Change(
                AGREEMENT,
                "    if payment.money != expected:\n",
                "    if payment.money.amount_minor < expected.amount_minor:\n",
            ),
        ),
    ),
    Bug(
        "currency-not-compared",
        "Figures are compared, and everybody here pays in one currency anyway.",
        (
            Change(
                AGREEMENT,
                "    if payment.money != expected:\n",
                "    if payment.money.amount_minor != expected.amount_minor:\n",
            ),
        ),
    ),
    Bug(
        "reference-not-compared",
        "The key is ours and the amount is right; the reference looked like decoration.",
        (
            Change(
                AGREEMENT,
                """
    if payment.reference is not None and payment.reference != visit.reference:
        return "it carries another reference"
""",
                "",
            ),
        ),
    ),
    Bug(
        "several-payments-accepted",
        "The first payment is the bill; what else hangs on the transaction was not looked at, "
        "and is taken with it.",
        (
            Change(
                AGREEMENT,
                "    if len(transaction.payments) != 1:\n",
                "    if len(transaction.payments) < 1:\n",
            ),
        ),
    ),
    Bug(
        "changed-bill-taken-all-the-same",
        "The bill still has the same number, so it is the same bill. The guest pays a total that "
        "the till no longer asks for.",
        (
            Change(
                TERMS,
                "    if event.bill.asks_the_same_as(offered):\n",
                "    if event.bill.bill_id == offered.bill_id:\n",
            ),
        ),
    ),
    Bug(
        "withdrawn-bill-taken-all-the-same",
        "The guest's money is already held, so the sale is finished although the till has taken "
        "the bill back, perhaps for cash.",
        (
            Change(
                TERMS,
                """
    why = "the till took the bill back after it was offered"
""",
                """
    if visit.looked_at is not None:
        return confirm(visit, now, policy)
    why = "the till took the bill back after it was offered"
""",
            ),
        ),
    ),
    Bug(
        "unreadable-till-means-yes",
        "A till in trouble must not hold up a guest who has agreed. The bill may have changed "
        "meanwhile, and nobody knows.",
        (
            Change(
                TERMS,
                """
    held = seconds(visit.reserved_at, now)
""",
                """
    if visit.looked_at is not None:
        return confirm(visit, now, policy)
    held = seconds(visit.reserved_at, now)
""",
            ),
        ),
    ),
    Bug(
        "till-not-asked-before-the-confirm",
        "The till was asked when the bill was offered; asking again costs time while a guest "
        "stands there.",
        (
            Change(
                TAKING,
                "    return decision.look(checked, AskTill(is_to_pay=True), *facts)\n",
                "    return confirm(checked, now, policy)\n",
            ),
        ),
    ),
    Bug(
        "yes-to-a-confirm-believed",
        "The wallet said yes, so the guest has paid. The till is told and the spot closed before "
        "any look shows the money taken.",
        (
            Change(
                CONFIRMING,
                "    events.WriteDone: doubt,\n",
                "    events.WriteDone: " + _BELIEVED,
            ),
            _IMAGINED,
        ),
        tests=("tests/service/test_notices.py",),
        why_tests="the simulated wallet means its yes",
    ),
    Bug(
        "no-answer-to-a-confirm-means-paid",
        "The confirm left in good order; only its answer is missing. It counts as done.",
        (
            Change(
                CONFIRMING,
                "    events.WriteUnknown: doubt,\n",
                "    events.WriteUnknown: " + _BELIEVED,
            ),
            _IMAGINED,
        ),
    ),
    Bug(
        "refused-confirm-means-unpaid",
        "The wallet said no to a confirm, so there is no money and the visit is over. An earlier "
        "try may have been the one that worked.",
        (
            Change(
                CONFIRMING,
                """
    if refusing.is_passing(event.refused):
        return refusing.wait_out(visit, event.refused, now, policy)
    return woke(visit, event, now, policy)
""",
                """
    if refusing.is_passing(event.refused):
        return refusing.wait_out(visit, event.refused, now, policy)
    return decision.close(visit, now, End.REFUSED, "the wallet would not confirm it")
""",
            ),
        ),
    ),
    Bug(
        "doubt-about-a-confirm-forgotten",
        "After a confirm in doubt the transaction is looked at, so it seemed needless to note "
        "the doubt. A confirm that lands late is given back.",
        (
            Change(
                CONFIRMING,
                "    return woke(replace(visit, is_doubtful=True), event, now, policy)\n",
                "    return woke(visit, event, now, policy)\n",
            ),
        ),
    ),
    Bug(
        "money-given-back-in-doubt",
        "The till has taken the bill back, so the money goes back too, although a confirm may be "
        "under way. The assertion against it was in the way.",
        (
            Change(
                TAKING,
                """
    assert not (visit.step is Step.CONFIRMING and visit.is_doubtful), "a confirm may be under way"
""",
                "",
            ),
            Change(
                CONFIRMING,
                """
    if not visit.is_doubtful:
        return terms.bill_missing(visit, event, now, policy)
    return hold_back(visit, "the till took the bill back", now, policy)
""",
                """
    return terms.bill_missing(visit, event, now, policy)
""",
            ),
        ),
    ),
    Bug(
        "lost-confirm-given-up-early",
        "A confirm that shows no effect after a quarter of a minute was lost. The network still "
        "has it.",
        (
            Change(
                POLICY, "    confirm_grace_s: float = 75.0\n", "    confirm_grace_s: float = 15.0\n"
            ),
        ),
    ),
    Bug(
        "lost-confirm-dated-by-another-clock",
        "How old a confirm is stands in the journal, so a restart need not date it anew. The "
        "machine's clock was set meanwhile.",
        (
            Change(
                CONFIRMING,
                "is_doubtful=True, tried_at=now)",
                "is_doubtful=True)",
            ),
        ),
        tests=("tests/domain/test_taking.py",),
        why_tests="it takes a clock set while dead, a changed bill and a late call in one minute",
    ),
    Bug(
        "lost-confirm-left-in-the-journal",
        "A confirm that never took effect stays as unknown. The visit can not confirm what it "
        "offers instead.",
        (
            Change(
                ENGINE,
                "        if confirming.is_found_lost(before, event, after):\n",
                "        if confirming.is_found_lost(before, event, after) and False:\n",
            ),
        ),
    ),
    Bug(
        "doubt-repeats-whatever-the-till-says",
        "A confirm may have left, so it is repeated until it works. Meanwhile the guest paid cash.",
        (
            Change(
                CONFIRMING,
                """
    if not visit.is_doubtful:
        return terms.bill_missing(visit, event, now, policy)
    return hold_back(visit, "the till took the bill back", now, policy)
""",
                """
    if not visit.is_doubtful:
        return terms.bill_missing(visit, event, now, policy)
    return taking.confirm(visit, now, policy, visit.charge_minor)
""",
            ),
        ),
    ),
    Bug(
        "doubt-repeats-a-stale-total",
        "The till is asked before a confirm is repeated, and what it says is not compared.",
        (
            Change(
                CONFIRMING,
                """
    if terms.still_asks_for_it(visit, event):
        return taking.confirm""",
                """
    if terms.still_asks_for_it(visit, event) or visit.is_doubtful:
        return taking.confirm""",
            ),
        ),
    ),
    Bug(
        "taken-money-that-differs-counts-as-paid",
        "The wallet shows the transaction as confirmed, and paid is paid, whatever was taken.",
        (
            Change(
                TAKING,
                """
    if why is not None:
        return missing.park(visit, now, f"the wallet took money that differs from the bill: {why}")
""",
                "",
            ),
        ),
        tests=("tests/domain/test_taking.py",),
        why_tests="the simulated wallet takes what it was asked to hold, whoever confirms it",
    ),
)
