"""`backup`: a copy of the journal beside a worker that may be writing."""

import sys
from pathlib import Path

from worker.adapters.journal.copying import CopyRefused
from worker.adapters.journal.reader import JournalReader
from worker.bootstrap import EXIT_OK, EXIT_TEMPORARY, EXIT_USAGE


def run(reader: JournalReader, target: Path) -> int:
    """Make the copy; return the exit code."""
    if target.is_symlink() or target.exists():
        print(f"Choose another name: {target} exists; nothing is overwritten.", file=sys.stderr)
        return EXIT_USAGE
    if not target.absolute().parent.is_dir():
        folder = target.absolute().parent
        print(f"Make the folder {folder} first, or choose another place.", file=sys.stderr)
        return EXIT_USAGE
    try:
        visits, lines = reader.copy_to(target.absolute())
    except CopyRefused as exc:
        print(exc, file=sys.stderr)
        return EXIT_TEMPORARY
    print(f"Wrote {target}: {visits} visits, {lines} lines of their story, read again and whole.")
    print("Before you ever put it back, read docs/operations.md, Restoring a backup.")
    return EXIT_OK
