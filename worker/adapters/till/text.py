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
    return shown(name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), 120)


def shown(text: str, chars_max: int = 200) -> str:
    """Show a stranger's text in a message: what does not print is escaped, the end is cut off."""
    kept = text[:chars_max]
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in kept
    )
    if len(escaped) <= chars_max and len(text) <= chars_max:
        return escaped
    return f"{escaped[: chars_max - 3]}..."
