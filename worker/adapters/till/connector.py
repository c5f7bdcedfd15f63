"""The seam for shops: how a till is asked and told, whatever it is made of.

A connector speaks plain values, so that one can be written without knowing anything else of this
project. It may be slow, hang, raise or lie; whoever calls it keeps a time limit, reads what it
gives as strictly as a letter from a stranger, and never lets it trouble another location.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from worker.domain.notice import Notice

Document = Mapping[str, object]
"""One open bill in plain values, as `docs/till.md` describes them; amounts in whole minor units."""


class TillError(Exception):
    """The till could not do what it was asked; the text says why, for the operator to read."""


class Refused(TillError):
    """The till works, and says no to this one question or notice; the text says why.

    Only what was asked about is troubled: one spot, one lock, one payment. After other errors in a
    row the whole location is left alone.
    """


class UnreadableBill(Refused):
    """The till works, but what it holds for this spot can not be told; the text says why."""


class BillGone(Exception):
    """The bill that was to be locked is not owed any more."""


class Connector(Protocol):
    """One way to a shop's till. Every method may raise TillError."""

    @property
    def can_lock(self) -> bool:
        """Whether bills can be locked while they are being paid."""

    async def open_bills(self, location_id: int, spot: str) -> Sequence[Document]:
        """Give every open bill of a spot, oldest first; none: it owes nothing."""

    async def lock(
        self, location_id: int, spot: str, bill_id: str, visit: str, seconds: int
    ) -> Document:
        """Keep a bill from being changed for so long, and give it as it is now. Again: the same.

        Raises:
            BillGone: it is not owed any more.

        """

    async def unlock(self, location_id: int, spot: str, bill_id: str, visit: str) -> None:
        """Let a bill be changed again. Of a bill that is not locked by this visit: nothing."""

    async def post(self, notice: Notice) -> None:
        """Tell that a bill is paid. Told twice, the second time changes nothing.

        Returning means that the till has it for good; raising, that it shall be told again.
        """

    async def check(self) -> Sequence[str]:
        """Try the way to the till without changing anything; say in sentences what is wrong."""

    async def aclose(self) -> None:
        """Let go of what is open. A till that hangs is not waited for."""
