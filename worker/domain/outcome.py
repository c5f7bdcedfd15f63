"""How a call ended. Four ways, never two: the difference decides what may be done next.

Done     the wallet said yes, and this is what it said.
Refused  the wallet said no. Nothing happened.
Unknown  the bytes may have arrived. Look before touching it again.
Unsent   the bytes certainly did not leave. It may be sent again as it was.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Refusal(StrEnum):
    """Why the wallet said no, sorted by what may be done about it."""

    THROTTLED = "throttled"
    """429: the same may be asked again later."""
    CREDENTIALS = "credentials"
    """401 or 403: nothing will work until a human looks; ask again slowly."""
    MISSING = "missing"
    """404 or 410: there is no such thing."""
    STATE = "state"
    """409: not in its present state. Look at it."""
    INVALID = "invalid"
    """400 and every other no: asking the same again will not help."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T_co]):
    """The wallet said yes."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Refused:
    """The wallet said no, so nothing happened."""

    refusal: Refusal
    status: int
    """HTTP status."""
    code: str = ""
    """The vendor's `error`; empty when the answer carried none."""
    description: str = ""

    def __str__(self) -> str:
        """Tell it in a log line."""
        words = " ".join(part for part in (self.code, self.description) if part)
        return f"HTTP {self.status} {words}".strip()


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call may or may not have taken effect."""

    why: str

    def __str__(self) -> str:
        """Tell it in a log line."""
        return self.why


@dataclass(frozen=True, slots=True)
class Unsent:
    """The call certainly did not reach the wallet."""

    why: str

    def __str__(self) -> str:
        """Tell it in a log line."""
        return self.why


Outcome = Done[T_co] | Refused | Unknown | Unsent
"""What a wallet call answers. For a read, every case but Done and a MISSING means: ask later."""
