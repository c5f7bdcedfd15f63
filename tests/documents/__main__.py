"""`make docs`: write every document that is made from the code, or those that are named."""

import sys

from tests.documents.made import MADE, ROOT


def main(names: list[str]) -> None:
    """Write what is not current, and say so."""
    for name in names or MADE:
        path, text = ROOT / name, MADE[name]()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {name}")  # noqa: T201 - it is a command


main(sys.argv[1:])
