"""Valid bills of a shop, to be spoiled."""

import random
from typing import Any, Final

NAMES: Final = (
    *("bill_id", "spot", "location_id", "currency", "amount_minor", "description", "lines"),
    *("title", "quantity", "kind", "parts", "part_id", "final", "ceiling_minor", "hold_s"),
    *("at_hold_end", "opened_at"),
)
LOCATION: Final = 9975
TABLE: Final = "table5"

STRANGE: Final = (
    *(
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "a/b",
        "%00",
        "a\x00b",
        "x\ny",
        "\r\n12:00:00 paid",
        "-rf",
    ),
    *(
        "\u202etxt.exe",
        "\u2028",
        "\ud800",
        "\x1b[2J\x1b[31m",
        "'; DROP TABLE visit; --",
        "$(reboot)",
    ),
    *("`id`", "|| true", "{{7*7}}", "%s%n", "table5 end=paid", 'a" b="c', "x" * 10_000, "ž" * 300),
    *(
        "CON",
        "nul.json",
        ".hidden",
        "paid",
        "one.receipt.json",
        " ",
        "",
        "\ufeff",
        "٣",
        "e\u0301" * 80,
    ),
)
"""What strangers may call a table, a bill or a file."""


def bill(dice: random.Random) -> dict[str, Any]:
    """A bill's file as the shop writes it."""
    lines = [
        {"title": "Soup", "quantity": 2, "amount_minor": 1200},
        {"title": "Bread", "quantity": 1, "amount_minor": 1599},
        {"title": "Regular's discount", "quantity": 1, "amount_minor": -200},
    ]
    whole: dict[str, Any] = {
        "bill_id": "B-1",
        "spot": TABLE,
        "location_id": LOCATION,
        "currency": "EUR",
        "amount_minor": 2599,
        "description": "Lunch",
    }
    whole |= dice.choice(({}, {"lines": []}, {"lines": lines}, {"lines": lines}))
    return whole | dice.choice(({}, {}, {}, _parts(), _hold(dice), _more(dice)))


def _parts() -> dict[str, Any]:
    parts = [
        {"part_id": "one", "amount_minor": 1000, "description": "Ona"},
        {"part_id": "two", "amount_minor": 1599},
    ]
    return {"parts": parts}


def _hold(dice: random.Random) -> dict[str, Any]:
    hold = {"final": False, "ceiling_minor": 5000, "hold_s": 7200}
    return hold | dice.choice(({}, {"at_hold_end": "confirm"}, {"at_hold_end": "release"}))


def _more(dice: random.Random) -> dict[str, Any]:
    """Things that a shop may say besides."""
    tip = [
        {"title": "Lunch", "quantity": 1, "amount_minor": 2299, "currency": "EUR"},
        {"title": "Service", "quantity": 1, "amount_minor": 200, "kind": "service"},
        {"title": "Tip", "quantity": 1, "amount_minor": 100, "kind": "tip"},
    ]
    ended = {"final": True, "ceiling_minor": 5000}
    nothing = ended | {"amount_minor": 0, "lines": []}
    return dice.choice(({"lines": tip}, ended, nothing, {"opened_at": "2026-11-20T12:00:00Z"}))


def strange(dice: random.Random) -> str:
    """Draw a text as a stranger would choose it: a known trick, or letters from everywhere."""
    if dice.random() < 0.5:
        return dice.choice(STRANGE)
    letters = [chr(dice.choice(_RANGES)(dice)) for _ in range(dice.randrange(40))]
    return "".join(letters)


_RANGES: Final = (
    lambda dice: dice.randrange(0x20),
    lambda dice: dice.randrange(0x20, 0x7F),
    lambda dice: dice.randrange(0x7F, 0xA1),
    lambda dice: dice.randrange(0x2000, 0x2070),
    lambda dice: dice.randrange(0x600, 0x700),
    lambda dice: dice.choice((0xD800, 0xDFFF, 0xFEFF, 0xFFFE, 0x1F4A9, 0x10FFFF, 0xE0001)),
)
