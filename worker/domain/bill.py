"""What a table owes, as the till tells it."""

from dataclasses import dataclass
from enum import StrEnum

from worker.domain.money import Money


class LineKind(StrEnum):
    """What a line of a bill is for. Tips and service are kept apart from what was sold."""

    ITEM = "item"
    SERVICE = "service"
    TIP = "tip"


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill. The lines of a bill add up to its amount."""

    title: str
    quantity: int
    amount_minor: int
    """The line's total; below zero for a discount."""
    kind: LineKind = LineKind.ITEM


@dataclass(frozen=True, slots=True)
class BillPart:
    """A share of a bill that somebody pays alone. The parts of a bill add up to its amount."""

    part_id: str
    """The till's name of the part, unique within its bill; paid at most once."""
    money: Money
    description: str = ""


class AtHoldEnd(StrEnum):
    """What becomes of held money when the till never says what is finally owed."""

    CONFIRM = "confirm"
    """Take what is known to be owed by then."""
    RELEASE = "release"
    """Give everything back."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What makes a bill a pre-authorisation: its final amount is not known yet."""

    known_minor: int
    """What is owed so far; 0: nothing yet. Never more than the ceiling that the guest agrees to."""
    for_s: int
    """How long the money may be held, counted from the guest's yes."""
    at_end: AtHoldEnd = AtHoldEnd.RELEASE


@dataclass(frozen=True, slots=True)
class Bill:
    """What a table owes. Either in parts, or on hold, or plainly."""

    bill_id: str | None
    """The till's name of the bill, paid at most once; None: every visit is a sale of its own."""
    money: Money
    """What the guest is asked to agree to; while the bill is on hold, its ceiling."""
    description: str
    lines: tuple[BillLine, ...] = ()
    parts: tuple[BillPart, ...] = ()
    """Empty: the bill is paid as a whole."""
    hold: Hold | None = None
    """None: the amount is final."""

    def asks_the_same_as(self, other: "Bill") -> bool:
        """Tell whether a guest who agreed to the one has agreed to the other."""
        return terms_of(self) == terms_of(other)

    def minor_of(self, kind: LineKind) -> int:
        """Add up the lines of one kind, in minor units."""
        return sum(line.amount_minor for line in self.lines if line.kind is kind)


def terms_of(bill: Bill) -> tuple[object, ...]:
    """Give what a guest agrees to. Words and lines are no part of it: no guest is shown them."""
    return bill.bill_id, bill.money, bill.parts, bill.hold is None
