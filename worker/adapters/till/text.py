"""Text from strangers, made fit for one line."""

DESCRIPTION_CHARS_MAX = 255


def one_line(text: str, chars_max: int = DESCRIPTION_CHARS_MAX) -> str:
    """Replace whatever does not print by a space and keep the text within bounds."""
    kept = text[:chars_max]
    if kept.isprintable():
        return kept
    return "".join(char if char.isprintable() else " " for char in kept)


def file_label(name: str) -> str:
    """Show a file's name in a message, whatever bytes it is made of."""
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in shown
    )
    return escaped if len(escaped) <= 120 else f"{escaped[:117]}..."
