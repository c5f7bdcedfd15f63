"""Bugs about what is not this visit's: earlier visits' orders, strangers' orders and twins."""

from typing import Final

from tests.planted.bug import Bug, Change

PERFORMING: Final = "worker/service/performing.py"
SEEN: Final = "worker/domain/rules/seen.py"
STRANGERS: Final = "worker/service/strangers.py"

BUGS: Final = (
    Bug(
        "foreign-transaction-revoked",
        "A reservation that nobody here knows holds a guest's money, so it is given back. It "
        "belongs to another till of the same shop.",
        (
            Change(
                STRANGERS,
                """
        if reference is None or not reference.startswith("v1."):
""",
                """
        if reference is None or not reference.startswith("v1."):
            await self._wallet.revoke_transaction(key)
""",
            ),
        ),
    ),
    Bug(
        "twins-transaction-revoked",
        "A transaction of another journal can only be a leftover, so it is cleaned up. The twin "
        "is about to confirm it.",
        (
            Change(
                STRANGERS,
                """
        elif not reference.startswith(f"v1.{self._journal.instance}."):
""",
                """
        elif not reference.startswith(f"v1.{self._journal.instance}."):
            await self._wallet.revoke_transaction(key)
""",
            ),
        ),
    ),
    Bug(
        "twins-reservation-confirmed",
        "A guest has paid and nobody takes the money, so the worker helps out. The twin confirms "
        "it too, or has told its guest that it is off.",
        (
            Change(
                STRANGERS,
                """
        elif not reference.startswith(f"v1.{self._journal.instance}."):
""",
                """
        elif not reference.startswith(f"v1.{self._journal.instance}."):
            if transaction.status is TransactionStatus.RESERVED:
                await self._wallet.confirm_transaction(
                    key, self._clock.now() + timedelta(seconds=5)
                )
""",
            ),
        ),
    ),
    Bug(
        "earlier-orders-not-recognised",
        "What is not this visit's key is a stranger's. A table that still shows our last visit "
        "is never served again.",
        (
            Change(
                PERFORMING,
                "                earlier.add(key)\n",
                "                continue\n",
            ),
        ),
    ),
    Bug(
        "offer-stacked-on-a-strangers-order",
        "The table waits, so it gets its bill, although somebody else's order is on it already. "
        "The guest sees two bills and may pay both.",
        (
            Change(
                SEEN,
                """
    if spot.live_keys() - earlier - visit.keys:
        told, facts = decision.alarm(
            visit,
            warning(
                FactName.SPOT_FOREIGN,
                why="the spot carries an order that is not ours",
                do="nothing is offered here until it is gone; is another worker or till at work?",
            ),
        )
        return decision.wait(told, now, policy.foreign_look_s, *facts)
""",
                "",
            ),
        ),
    ),
)
