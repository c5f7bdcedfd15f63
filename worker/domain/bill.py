"""What a table owes, as the till tells it."""

from dataclasses import dataclass

from worker.domain.money import Money


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill. The lines of a bill add up to its amount."""

    title: str
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What a table owes."""

    bill_id: str | None
    """The till's name of the bill, paid at most once; None: every visit is a sale of its own."""
    money: Money
    description: str
    lines: tuple[BillLine, ...] = ()

    def asks_the_same_as(self, other: "Bill") -> bool:
        """Tell whether a guest who agreed to the one has agreed to the other."""
        return (self.bill_id, self.money, self.lines) == (other.bill_id, other.money, other.lines)
