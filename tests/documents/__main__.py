"""`make docs`: write every document that is made from the code."""

from tests.documents.made import MADE, ROOT


def main() -> None:
    """Write what is not current, and say so."""
    for name, text_of in MADE.items():
        path, text = ROOT / name, text_of()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {name}")  # noqa: T201 - it is a command


main()
