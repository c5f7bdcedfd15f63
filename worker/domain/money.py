"""Money as whole minor units. No float ever comes near it."""

import re
from dataclasses import dataclass
from typing import Final

from worker.domain.errors import MoneyError

AMOUNT_MINOR_MAX: Final = 10**10
"""More than any bill of a table; a larger figure is a fault, not a feast."""

_DECIMAL_TEXT: Final = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2})(0{0,8}))?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's smallest unit: 2599 EUR is 25.99.

    Only currencies with two decimals can be held: the vendor's clients multiply by 100 whatever
    the currency is.

    Raises:
        MoneyError: the amount is not a whole number from 1 to `AMOUNT_MINOR_MAX`, or the currency
            is not three capital letters.

    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse what is not money."""
        if type(self.amount_minor) is not int:
            raise MoneyError(
                f"an amount is a whole number of minor units, not {self.amount_minor!r:.40}"
            )
        if not 1 <= self.amount_minor <= AMOUNT_MINOR_MAX:
            raise MoneyError(
                f"an amount is from 1 to {AMOUNT_MINOR_MAX}, not {self.amount_minor!r:.40}"
            )
        if not isinstance(self.currency, str) or not _CURRENCY.fullmatch(self.currency):
            raise MoneyError(f"a currency is three capital letters, not {self.currency!r:.40}")

    def __str__(self) -> str:
        """Show the amount as people write it."""
        return f"{self.amount_minor // 100}.{self.amount_minor % 100:02d} {self.currency}"


def minor_from_decimal(text: str) -> int:
    """Read "25.99", "2.5" or "1" as minor units.

    The vendor's PHP client writes decimals unpadded, so one or no digit after the point is fine;
    more than two that are not zeros are not.

    Raises:
        MoneyError: the text is not a plain decimal with at most two places.

    """
    found = _DECIMAL_TEXT.fullmatch(text)
    if found is None:
        raise MoneyError(f"not a decimal amount: {text!r:.40}")
    units, cents, _ = found.groups()
    return int(units) * 100 + int((cents or "0").ljust(2, "0"))
