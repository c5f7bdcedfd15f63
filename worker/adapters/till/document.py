"""Read a bill's document. Whatever stands in it, the answer is a bill or a reason why not.

Nothing is repaired or guessed: a figure that is not a whole number is no figure, and a bill that
contradicts itself is wrong in a way that we can not see. `docs/till.md` is the same for people.
"""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from worker.adapters.till.text import one_line
from worker.domain.bill import AtHoldEnd, Bill, BillLine, BillPart, Hold, LineKind
from worker.domain.money import AMOUNT_MINOR_MAX, Money

BILL_ID_CHARS_MAX: Final = 128
PART_ID_CHARS_MAX: Final = 64
TEXT_CHARS_MAX: Final = 10_000
DESCRIPTION_CHARS_MAX: Final = 240
"""The vendor takes 255; the rest is for the short code that each visit adds."""
LINES_MAX: Final = 1000
QUANTITY_MAX: Final = 1_000_000
PARTS_MAX: Final = 50
"""Each part is a transaction and a line on the guests' screens."""
HOLD_S_DEFAULT: Final = 3600
HOLD_S_MIN: Final = 60
HOLD_S_MAX: Final = 2_592_000
"""Thirty days: the longest that the vendor holds money."""


class UnusableBill(Exception):
    """Why a document is not a bill that can be charged."""


def bill_from(document: Mapping[str, object], *, needs_id: bool = True) -> Bill | None:
    """Read one bill; None: it says itself that nothing is owed (final, with an amount of 0).

    Args:
        document: plain values, as `docs/till.md` describes them. Fields it does not are ignored.
        needs_id: whether a bill without `bill_id` is refused. Only a price list does without.

    Raises:
        UnusableBill: it can not be charged, and why.

    """
    fields = dict(document)
    bill_id = _bill_id(fields, is_needed=needs_id)
    currency = _currency(fields)
    described = _description(fields)
    final = fields.get("final", True)
    if type(final) is not bool:
        raise UnusableBill("final is neither true nor false")
    amount = whole(fields.get("amount_minor"), 0, AMOUNT_MINOR_MAX)
    ceiling = _ceiling(fields)
    if amount is None or (amount == 0 and final and ceiling is None):
        raise UnusableBill(f"amount_minor is not a whole number from 1 to {AMOUNT_MINOR_MAX}")
    lines = _lines(fields.get("lines"), amount, currency)
    parts = _parts(fields.get("parts"), amount, currency)
    if bill_id is None and (parts or not final):
        raise UnusableBill("a bill without bill_id can neither be in parts nor on hold")
    if not final:
        if parts:
            raise UnusableBill("a bill on hold can not be in parts")
        if ceiling is None:
            raise UnusableBill("final is false, but there is no ceiling_minor")
        hold = _hold(fields, amount, ceiling)
        return Bill(bill_id, Money(ceiling, currency), described, lines, hold=hold)
    if amount == 0:
        return None
    return Bill(bill_id, Money(amount, currency), described, lines, parts)


def opened_at(document: Mapping[str, object]) -> datetime | None:
    """Read when a bill was opened, in UTC; None: it does not say so in a way that can be used."""
    text = document.get("opened_at")
    if type(text) is not str:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def text_of(value: object, chars_max: int) -> str | None:
    """Take a text that can be kept and sent; half a surrogate pair can not."""
    if type(value) is not str or not 1 <= len(value) <= chars_max:
        return None
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return value


def whole(value: object, low: int, high: int) -> int | None:
    """Take a whole number. True is an int to Python, and 5.0 a number to JSON; neither is meant."""
    return value if type(value) is int and low <= value <= high else None


def bill_id_of(document: Mapping[str, object]) -> str | None:
    """Read which bill a document is about, however bad the rest of it is; None: it can not be."""
    return text_of(document.get("bill_id"), BILL_ID_CHARS_MAX)


def _bill_id(fields: Mapping[str, object], *, is_needed: bool) -> str | None:
    if not is_needed and fields.get("bill_id") is None:
        return None
    bill_id = bill_id_of(fields)
    if bill_id is None:
        raise UnusableBill(f"bill_id is not a text of 1 to {BILL_ID_CHARS_MAX} characters")
    return bill_id


def _currency(fields: Mapping[str, object]) -> str:
    currency = fields.get("currency")
    if type(currency) is not str or not _has_two_decimals(currency):
        raise UnusableBill("currency is not an ISO 4217 code with two decimals")
    return currency


def _description(fields: Mapping[str, object]) -> str:
    """Read the text for the guest; left out, null and empty mean the same."""
    given = fields.get("description")
    if given is None or given == "":
        return ""
    text = text_of(given, TEXT_CHARS_MAX)
    if text is None:
        raise UnusableBill("description is not a text")
    return one_line(text, DESCRIPTION_CHARS_MAX)


def _ceiling(fields: Mapping[str, object]) -> int | None:
    given = fields.get("ceiling_minor")
    if given is None:
        return None
    ceiling = whole(given, 1, AMOUNT_MINOR_MAX)
    if ceiling is None:
        raise UnusableBill(f"ceiling_minor is not a whole number from 1 to {AMOUNT_MINOR_MAX}")
    return ceiling


def _hold(fields: Mapping[str, object], known: int, ceiling: int) -> Hold:
    """Read what a bill that is not final says about the time until it is."""
    if known > ceiling:
        raise UnusableBill(f"amount_minor {known} is above ceiling_minor {ceiling}")
    given = fields.get("hold_s")
    for_s = HOLD_S_DEFAULT if given is None else whole(given, HOLD_S_MIN, HOLD_S_MAX)
    if for_s is None:
        raise UnusableBill(f"hold_s is not a whole number from {HOLD_S_MIN} to {HOLD_S_MAX}")
    end = fields.get("at_hold_end")
    if end is None:
        return Hold(known, for_s)
    if type(end) is not str or end not in set(AtHoldEnd):
        raise UnusableBill('at_hold_end is neither "confirm" nor "release"')
    return Hold(known, for_s, AtHoldEnd(end))


def _entries(value: object, name: str, count_max: int) -> list[dict[str, object]]:
    """Read a list of objects; left out, null and empty mean the same."""
    if value is None:
        return []
    if not isinstance(value, list | tuple) or len(value) > count_max:
        raise UnusableBill(f"{name} is not a list of at most {count_max}")
    return [dict(entry) if isinstance(entry, Mapping) else {} for entry in value]


def _lines(value: object, amount: int, currency: str) -> tuple[BillLine, ...]:
    """Read the lines, which must add up to what is asked for."""
    entries = _entries(value, "lines", LINES_MAX)
    lines = tuple(_line(entry, number, currency) for number, entry in enumerate(entries, start=1))
    total = sum(line.amount_minor for line in lines)
    if lines and total != amount:
        raise UnusableBill(f"the lines add up to {total}, not to amount_minor {amount}")
    return lines


def _line(fields: Mapping[str, object], number: int, currency: str) -> BillLine:
    """Read one line. Its amount is the line's total; a discount's is below zero."""
    title = text_of(fields.get("title"), TEXT_CHARS_MAX)
    quantity = whole(fields.get("quantity"), 1, QUANTITY_MAX)
    amount = whole(fields.get("amount_minor"), -AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX)
    if title is None or quantity is None or amount is None:
        raise UnusableBill(
            f"line {number} is not a title, a whole quantity above 0 and a whole amount_minor"
        )
    _agree(fields, currency, f"line {number}")
    kind = fields.get("kind")
    if kind is None:
        return BillLine(one_line(title), quantity, amount)
    if type(kind) is not str or kind not in set(LineKind):
        raise UnusableBill(f'the kind of line {number} is none of "item", "service" and "tip"')
    return BillLine(one_line(title), quantity, amount, LineKind(kind))


def _parts(value: object, amount: int, currency: str) -> tuple[BillPart, ...]:
    """Read the parts, each with a name of its own, which must add up to what is asked for."""
    entries = _entries(value, "parts", PARTS_MAX)
    parts = tuple(_part(entry, number, currency) for number, entry in enumerate(entries, start=1))
    if not parts:
        return ()
    if len({part.part_id for part in parts}) < len(parts):
        raise UnusableBill("two parts have the same part_id")
    total = sum(part.money.amount_minor for part in parts)
    if total != amount:
        raise UnusableBill(f"the parts add up to {total}, not to amount_minor {amount}")
    return parts


def _part(fields: Mapping[str, object], number: int, currency: str) -> BillPart:
    part_id = text_of(fields.get("part_id"), PART_ID_CHARS_MAX)
    amount = whole(fields.get("amount_minor"), 1, AMOUNT_MINOR_MAX)
    if part_id is None or amount is None:
        raise UnusableBill(
            f"part {number} is not a part_id of 1 to {PART_ID_CHARS_MAX} characters and a whole "
            "amount_minor above 0"
        )
    _agree(fields, currency, f"part {number}")
    try:
        described = _description(fields)
    except UnusableBill as reason:
        raise UnusableBill(f"part {number}: {reason}") from None
    return BillPart(part_id, Money(amount, currency), described)


def _agree(fields: Mapping[str, object], currency: str, where: str) -> None:
    """Refuse a second currency: what it is worth in the bill's own nobody told us."""
    given = fields.get("currency")
    if given is not None and given != currency:
        raise UnusableBill(f"{where} is not in the bill's currency")


def load_currencies() -> None:
    """Load the table of currencies now, and not while the first guest waits for a bill."""
    _has_two_decimals("EUR")


@functools.lru_cache(maxsize=512)
def _has_two_decimals(code: str) -> bool:
    """Ask the ISO 4217 table: the wallet counts hundredths whatever the currency is."""
    import iso4217  # noqa: PLC0415 - a table that only bills need

    try:
        return len(code) == 3 and bool(iso4217.Currency(code).exponent == 2)
    except ValueError:
        return False
