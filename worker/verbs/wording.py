"""How the verbs write sums and strangers' text."""


def money(amount_minor: int, currency: str) -> str:
    """Write a sum, which may be zero or more than any one bill."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d} {currency}"


def plain(text: str, length_max: int) -> str:
    """Make text of the outside safe to print: one line, no control characters, not too long."""
    shown = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return shown if len(shown) <= length_max else shown[: length_max - 1] + "…"
