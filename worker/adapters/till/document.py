"""Read a bill's document. Whatever stands in it, the answer is a bill or a reason why not."""

from collections.abc import Mapping

from worker.domain.bill import Bill


class UnusableBill(Exception):
    """Why a document is not a bill that can be charged."""


def bill_from(document: Mapping[str, object]) -> Bill | None:
    """Read one bill; None: it says itself that nothing is owed (final, with an amount of 0).

    Raises:
        UnusableBill: it can not be charged, and why.

    """
    raise UnusableBill("not written yet")
