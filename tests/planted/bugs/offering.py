"""Bugs about making a transaction, showing it to the guest and withdrawing it again."""

from typing import Final

from tests.planted.bug import Bug, Change

CREATING: Final = "worker/domain/rules/creating.py"
ENGINE: Final = "worker/service/engine.py"
OFFERED: Final = "worker/domain/rules/offered.py"
PERFORMING: Final = "worker/service/performing.py"
REVOKING: Final = "worker/domain/rules/revoking.py"
STRANGERS: Final = "worker/service/strangers.py"
TERMS: Final = "worker/domain/rules/terms.py"

BUGS: Final = (
    Bug(
        "create-repeated-blindly",
        "No answer came, so the wallet is asked again. The first request may have made one, and "
        "now there are two under one reference.",
        (
            Change(
                CREATING,
                """
    \"\"\"It may exist. Search before asking again.\"\"\"
    return search(visit)
""",
                """
    \"\"\"It may exist. Search before asking again.\"\"\"
    return decision.send(visit, now, creation(visit, policy))
""",
            ),
        ),
    ),
    Bug(
        "create-repeated-after-a-restart",
        "Nothing in the journal says that a transaction exists, so the new start asks for one. "
        "The dead process may have been answered.",
        (
            Change(
                CREATING,
                """
    if WriteKind.CREATE in event.in_flight:
        return search(visit)
    return woke(visit, event, now, policy)
""",
                """
    return woke(visit, event, now, policy)
""",
            ),
        ),
    ),
    Bug(
        "second-create-under-the-same-reference",
        "It is the same bill of the same visit, so it keeps its reference. Two transactions that "
        "can not be told apart.",
        (
            Change(
                CREATING,
                "    again = number(visit)\n",
                "    again = visit\n",
            ),
        ),
    ),
    Bug(
        "lost-create-not-watched",
        "A create that was given up counts as refused: no search found it. When it surfaces "
        "nobody withdraws it.",
        (
            Change(
                ENGINE,
                "            actor.settled.append(Settled(lost, IntentState.ABANDONED))\n",
                "            actor.settled.append(Settled(lost, IntentState.REFUSED))\n",
            ),
        ),
    ),
    Bug(
        "lost-create-found-and-left",
        "The lost transaction has been found, so the watch is over. It was not withdrawn.",
        (
            Change(
                STRANGERS,
                "                await self.revoke_lost(one, key)\n",
                '                await self.strike_off(one, "found")\n',
            ),
            Change(
                STRANGERS,
                "                await self.revoke_lost(one, transaction.key)\n",
                '                await self.strike_off(one, "found")\n',
            ),
        ),
    ),
    Bug(
        "any-unread-transaction-is-the-lost-one",
        "The search looks for a transaction nobody knows, and there is one. Its own reference "
        "was not read.",
        (
            Change(
                PERFORMING,
                """
                if isinstance(looked, Done):
                    self.ledger.note(looked.value)
                elif not is_missing(looked):
""",
                """
                if isinstance(looked, Done):
                    return events.TransactionCreated(looked.value)
                elif not is_missing(looked):
""",
            ),
        ),
    ),
    Bug(
        "second-offer-over-the-first",
        "The bill has changed, so the new one is put on the spot at once. The old one was never "
        "withdrawn, and can be paid.",
        (
            Change(
                TERMS,
                """
    return withdraw(visit, now, told, end=None, reason="", requote=True)
""",
                """
    return decision.enter(
        visit,
        Step.SEEN,
        now,
        AskTill(),
        told,
        former_keys=(*visit.former_keys, *sorted(visit.live_keys)),
        transaction_key=None,
        bill=None,
        parts=(),
        at=None,
        reserved_at=None,
        looked_at=None,
    )
""",
            ),
            Change(
                TERMS,
                """
from worker.domain.visit import End, Visit, replace
""",
                """
from worker.domain.commands import AskTill
from worker.domain.visit import End, Step, Visit, replace
""",
            ),
        ),
    ),
    Bug(
        "offer-never-withdrawn",
        "A guest who does not pay will leave in the end. Until then the table is blocked.",
        (
            Change(
                OFFERED,
                """
    if seconds(visit.offered_at, now) >= policy.offer_ttl_s:
        why = f"not paid within {policy.offer_ttl_s:g} s"
        return taking.withdraw(undecided, now, end=End.UNPAID, reason=why)
""",
                "",
            ),
        ),
    ),
    Bug(
        "left-because-a-list-says-so",
        "The spot is no longer listed as waiting, so its guest has left and the visit is over. "
        "The list was late, and the offer can still be paid.",
        (
            Change(
                OFFERED,
                """
    return decision.look(visit, LookAtSpot())
""",
                """
    from worker.domain.rules import closing

    return closing.finish(visit, now, End.LEFT, "the guest left without paying")
""",
            ),
        ),
    ),
    Bug(
        "no-answer-to-a-revoke-means-gone",
        "The revoke left in good order; only its answer is missing. The offer may live on, and "
        "the spot is closed over it.",
        (
            Change(
                REVOKING,
                "    events.WriteUnknown: doubt,\n",
                """
    events.WriteUnknown: lambda visit, event, now, policy: over(
        visit, now, "revoked", is_declined=False
    ),
""",
            ),
        ),
    ),
    Bug(
        "refused-revoke-means-gone",
        "A transaction that can not be revoked any more must be over. It may have been paid.",
        (
            Change(
                REVOKING,
                """
        return refusing.wait_out(visit, event.refused, now, policy)
    return doubt(visit, event, now, policy)
""",
                """
        return refusing.wait_out(visit, event.refused, now, policy)
    return over(visit, now, "gone", is_declined=False)
""",
            ),
        ),
    ),
)
