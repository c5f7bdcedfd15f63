"""A price list: no shop at all, and no books."""

from pathlib import Path
from typing import Final

PRICES: Final = """\
[till]
kind        = "fixed"
currency    = "EUR"
description = "Table {spot}"
[till.prices]
"*"    = 1250
table2 = 1890
table3 = 640
table5 = 4210
"""


class FixedCounterpart:
    """Every table owes its price, again and again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self) -> str:
        """Give the price list."""
        return PRICES

    def seat(self, table: str, bill_id: str, amount_minor: int) -> None:
        """Do nothing: the price is what it is."""

    def books(self) -> None:
        """Give nothing: there are none."""

    def stop(self) -> None:
        """Do nothing: nothing was started."""
