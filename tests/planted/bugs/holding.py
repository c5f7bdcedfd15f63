"""Bugs about bills on hold, bills that shrank, and bills that are locked."""

from typing import Final

from tests.planted.bug import Bug, Change

AGREEMENT: Final = "worker/domain/agreement.py"
CONFIRMING: Final = "worker/domain/rules/confirming.py"
ENGINE: Final = "worker/service/engine.py"
PERFORMING: Final = "worker/service/performing.py"
SEEN: Final = "worker/domain/rules/seen.py"
TAKING: Final = "worker/domain/rules/taking.py"
TERMS: Final = "worker/domain/rules/terms.py"

_LOCKS: Final = ("tests/service/test_bills.py",)
_NO_LOCKS: Final = "a bill that changes under a lock is the simulated cashier's own affair"

BUGS: Final = (
    Bug(
        "ceiling-taken-instead-of-the-final-amount",
        "The guest agreed to the ceiling, so that is what is confirmed. The final amount was only "
        "looked at.",
        (
            Change(
                TERMS,
                "    return confirm(ended, now, policy, found.money.amount_minor, told)\n",
                "    return confirm(ended, now, policy, None, told)\n",
            ),
        ),
    ),
    Bug(
        "known-amount-taken-before-the-end",
        "Something is owed for certain, so it is taken while the money is held. The meter runs on, "
        "and the rest can not be taken any more.",
        (
            Change(
                TERMS,
                "    if left > 0:\n",
                "    if left > 0 and not hold.known_minor:\n",
            ),
        ),
    ),
    Bug(
        "known-amount-taken-where-it-is-to-be-released",
        "Better a little than nothing: at the end of a hold what is known is taken, whatever the "
        "bill says.",
        (
            Change(
                TERMS,
                "    may_take = hold.at_end is AtHoldEnd.CONFIRM and hold.known_minor > 0\n",
                "    may_take = hold.known_minor > 0\n",
            ),
        ),
    ),
    Bug(
        "nothing-known-and-confirmed",
        "The bill says that what is known is taken in the end. Nothing was known, and a confirm of "
        "nothing is no confirm.",
        (
            Change(
                TERMS,
                "    may_take = hold.at_end is AtHoldEnd.CONFIRM and hold.known_minor > 0\n",
                "    may_take = hold.at_end is AtHoldEnd.CONFIRM\n",
            ),
        ),
    ),
    Bug(
        "first-known-amount-taken",
        "What is known of a bill on hold was noted when it was offered, and not again. In the end "
        "the guest pays for the first hour alone.",
        (
            Change(
                TERMS,
                "        grown = changed(found.hold, for_s=hold.for_s)\n",
                "        grown = hold\n",
            ),
        ),
    ),
    Bug(
        "final-amount-over-the-ceiling",
        "The final amount is what the till says, and it says more than the guest agreed to.",
        (
            Change(
                TERMS,
                "    if visit.looked_at is None or not is_covered or not is_lowerable:\n",
                "    if visit.looked_at is None or not is_lowerable:\n",
            ),
        ),
    ),
    Bug(
        "held-for-as-long-as-any-bill",
        "Every reservation lasts as long as the settings say. A bill on hold asked for another "
        "time, and what is known is taken at the wrong moment, or is gone by then.",
        (
            Change(
                SEEN,
                "            reserve_for_s=hold.for_s if hold else policy.reserve_for_s,\n",
                "            reserve_for_s=policy.reserve_for_s,\n",
            ),
        ),
    ),
    Bug(
        "hold-forgotten-while-the-till-is-down",
        "A till that can not be read is waited for as with any bill, by the time of any bill. The "
        "reservation of the one on hold runs out meanwhile.",
        (
            Change(
                TERMS,
                """
    if visit.bill is not None and visit.bill.hold is not None:
        return keep_holding(visit, visit.bill.hold, now, policy)
""",
                "",
            ),
        ),
        tests=("tests/service/test_holds.py",),
        why_tests="the guest keeps the money and nobody is charged wrongly: only the shop loses",
    ),
    Bug(
        "lowered-where-it-is-not-allowed",
        "The wallet takes lower prices, so a bill that shrank is simply confirmed for less. The "
        "shop did not allow it, and the guest never saw the new bill.",
        (
            Change(
                TERMS,
                "    if policy.confirms_lowered and is_lower(visit, event.bill):\n",
                "    if is_lower(visit, event.bill):\n",
            ),
        ),
    ),
    Bug(
        "old-price-for-a-bill-that-shrank",
        "A bill that shrank is taken at once where the shop allows it, and the lower price was "
        "left out of the confirm.",
        (
            Change(
                TERMS,
                "confirm(lowered, now, policy, event.bill.money.amount_minor, told)\n",
                "confirm(lowered, now, policy, None, told)\n",
            ),
        ),
    ),
    Bug(
        "lowered-amount-is-a-surprise",
        "What the wallet took is compared with what the guest agreed to. It took less, as it was "
        "asked to, and the visit is left to a human.",
        (
            Change(
                AGREEMENT,
                "    return visit.due if is_taken else visit.asked\n",
                "    return visit.asked\n",
            ),
        ),
    ),
    Bug(
        "repeat-takes-the-full-price",
        "The answer to a lowered confirm was lost, and it is sent again. That it was lowered is "
        "forgotten.",
        (
            Change(
                CONFIRMING,
                "        return taking.confirm(locked, now, policy, visit.charge_minor)\n",
                "        return taking.confirm(locked, now, policy)\n",
            ),
        ),
    ),
    Bug(
        "asked-for-less-counts-as-paid-in-full",
        "The notice and the books say what was asked for. The wallet took less.",
        (
            Change(
                TAKING,
                '    due = visit.due\n    assert due is not None, "what agrees has an amount"\n',
                '    due = visit.asked\n    assert due is not None, "what agrees has an amount"\n',
            ),
        ),
    ),
    Bug(
        "lock-lost-on-the-way-to-the-confirm",
        "What belongs to a step ends with it, the lock as well. The bill can be changed while its "
        "money is being taken.",
        (
            Change(
                TAKING,
                """
        charged, Step.CONFIRMING, now, command, *facts, is_locked=visit.is_locked
""",
                """
        charged, Step.CONFIRMING, now, command, *facts
""",
            ),
        ),
        tests=_LOCKS,
        why_tests=_NO_LOCKS,
    ),
    Bug(
        "lock-not-noted",
        "The till was asked to lock the bill, and that was all. Nobody remembers to let it go "
        "again when the guest's money goes back.",
        (
            Change(
                TERMS,
                """
    if event.is_locked:
        visit = replace(visit, is_locked=True)
""",
                "",
            ),
        ),
        tests=_LOCKS,
        why_tests=_NO_LOCKS,
    ),
    Bug(
        "unlocked-after-the-payment",
        "The visit is done with the bill, so it is let go. It is paid and the till has not heard: "
        "whoever adds a dish to it now is never asked for it.",
        (
            Change(
                ENGINE,
                "        if was_locked and not after.is_locked and not decided.notices:\n",
                "        if was_locked and not after.is_locked:\n",
            ),
        ),
        tests=_LOCKS,
        why_tests=_NO_LOCKS,
    ),
    Bug(
        "lock-of-one-turn-left-behind",
        "A lock is let go where the visit had it before. The till locked a bill that had changed, "
        "the offer was taken back in the same turn, and the bill stayed locked.",
        (
            Change(
                ENGINE,
                """
        was_locked = before.is_locked or (isinstance(event, events.BillFound) and event.is_locked)
""",
                """
        was_locked = before.is_locked
""",
            ),
        ),
        tests=_LOCKS,
        why_tests=_NO_LOCKS,
    ),
    Bug(
        "never-unlocked",
        "A lock ends by itself some time. Until then a bill whose guest went away can not be "
        "changed.",
        (
            Change(
                ENGINE,
                "            self._unlock(before)  # A bill that is paid stays",
                "            pass  # A bill that is paid stays",
            ),
        ),
        tests=_LOCKS,
        why_tests=_NO_LOCKS,
    ),
    Bug(
        "locked-before-anybody-agreed",
        "A lock is safest from the very start. The waiter can not add a dish while the guest reads "
        "the bill.",
        (
            Change(
                PERFORMING,
                "        is_to_lock = command.is_to_pay and self.till.can_lock\n",
                "        is_to_lock = self.till.can_lock\n",
            ),
        ),
        tests=_LOCKS,
        why_tests=_NO_LOCKS,
    ),
    Bug(
        "lock-does-not-stop-the-confirm",
        "The bill is being changed by somebody else, so it can not be locked. It is read instead, "
        "and taken at the price of a moment ago.",
        (
            Change(
                PERFORMING,
                """
        if is_to_lock and bill_id is not None and not is_open_ended:
            return await self.lock_bill(visit, bill_id)
""",
                """
        if is_to_lock and bill_id is not None and not is_open_ended:
            locked = await self.lock_bill(visit, bill_id)
            if isinstance(locked, events.BillFound):
                return locked
            is_to_lock = False
""",
            ),
        ),
        tests=_LOCKS,
        why_tests=_NO_LOCKS,
    ),
)
