"""Which spots are meant, and what the code of each says. Pure text, no files and no pictures."""

import re
import urllib.parse
from collections.abc import Iterator
from typing import Final

SPOTS_MAX: Final = 500
"""More than any venue has tables: a slip such as table1..table2400 is not printed."""
SHOWN_MAX: Final = 100
"""Characters of what was typed that a refusal repeats: one may take ten when it is escaped."""
LOCATION_MAX: Final = 2**63 - 1

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NUMBERED: Final = re.compile(r"(.*?)([0-9]+)")
_TAIL: Final = re.compile(r"[0-9]+\Z")


class SpotsError(ValueError):
    """What was typed names no clear list of spots; the text says what to type instead."""


def spots_named(text: str) -> list[str]:
    """Give the identifiers that a list such as `table1..table24,bar` names, in its order.

    Paysera states no rule for an identifier. Letters, digits, dots, dashes and underscores mean
    themselves everywhere; spaces and colons do not, so they are refused. Case is kept.

    Raises:
        SpotsError: For an identifier that is not safe, a range that is none, a spot named twice
            or only in another case, and more than `SPOTS_MAX` spots.

    """
    spots: list[str] = []
    for item in text.split(","):
        spots.extend(_spots_of(item.strip()))
        if len(spots) > SPOTS_MAX:
            raise SpotsError(
                f"Name at most {SPOTS_MAX} spots at a time: {_shown(text)} has more of them."
            )
    seen: dict[str, str] = {}
    for spot in spots:
        twin = seen.get(spot.lower())
        if twin == spot:
            raise SpotsError(f"Name each spot once: {spot} is there twice.")
        if twin is not None:
            raise SpotsError(
                f"Tell {twin} and {spot} apart by more than capital letters: Paysera does not say "
                "whether it does."
            )
        seen[spot.lower()] = spot
    return spots


def code_of(location: int, spot: str) -> str:
    """Give the text that the Paysera app reads (Accept payments via QR codes, step 2)."""
    return f"PAYSERA*{location}:{spot}"


def link_of(code: str) -> str:
    """Give the link that wraps a code, for phones that scan without the Paysera app.

    The code is percent-encoded as in the vendor's own example, which leaves the star as it is.
    """
    return "https://paysera.com/app?qr=" + urllib.parse.quote(code, safe="*")


def label_of(template: str, spot: str) -> str:
    """Give what a card calls its spot: {spot} is the identifier, {number} the digits at its end.

    A spot without a number is called by its identifier where the number is wanted.
    """
    tail = _TAIL.search(spot)
    if "{number}" in template and tail is None:
        return spot
    return template.replace("{number}", tail[0] if tail else "").replace("{spot}", spot)


def _spots_of(item: str) -> Iterator[str]:
    """Give the spots of one item of the list, a name or a range."""
    first, dots, last = item.partition("..")
    if not dots:
        yield _identifier(item)
        return
    start, end = _NUMBERED.fullmatch(_identifier(first)), _NUMBERED.fullmatch(_identifier(last))
    if start is None or end is None:
        raise SpotsError(f"End both sides of a range with a number, as in table1..table24: {item}")
    if start[1] != end[1]:
        raise SpotsError(
            "Write both ends of a range in full and with the same beginning, as in "
            f"table1..table24: {item}"
        )
    width, low, high = len(start[2]), int(start[2]), int(end[2])
    if end[2] != str(high).zfill(width) or start[2] != str(low).zfill(min(width, len(end[2]))):
        raise SpotsError(f"Pad both numbers of a range alike, as in table01..table24: {item}")
    if high < low:
        raise SpotsError(f"Write a range from its lowest number to its highest: {item}")
    if high - low >= SPOTS_MAX:
        raise SpotsError(
            f"Name at most {SPOTS_MAX} spots at a time: {item} has {high - low + 1} of them."
        )
    for number in range(low, high + 1):
        yield _identifier(f"{start[1]}{str(number).zfill(width)}")


def _identifier(text: str) -> str:
    """Accept a name that reads the same for every scanner."""
    if not text:
        raise SpotsError("Name a spot between the commas and on both sides of '..': one is empty.")
    if not _IDENTIFIER.fullmatch(text):
        raise SpotsError(
            "Use 1 to 64 letters (A-Z, a-z), digits, dots, dashes and underscores for a spot: "
            f"{_shown(text)} has something else."
            if len(text) <= 64
            else f"Use at most 64 characters for a spot: {_shown(text)} has {len(text)}."
        )
    return text


def _shown(text: str) -> str:
    """Quote what was typed, without what would not print, and not all of a long one."""
    quoted = ascii(text if len(text) <= 64 else f"{text[:60]}...")
    return quoted if len(quoted) <= SHOWN_MAX else f"{quoted[:SHOWN_MAX]}...'"
