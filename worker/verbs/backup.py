"""`backup`: a copy of the journal beside a worker that may be writing."""

import os
import sys
from pathlib import Path

from worker.adapters.journal.copying import CopyRefused
from worker.adapters.journal.reader import JournalReader
from worker.bootstrap import EXIT_OK, EXIT_TEMPORARY, EXIT_USAGE


def run(reader: JournalReader, target: Path) -> int:
    """Make the copy; return the exit code."""
    try:
        why = refusal(target)
    except OSError as exc:
        why = f"Choose another place: {target} can not be looked at ({exc.strerror})."
    if why:
        print(why, file=sys.stderr)
        return EXIT_USAGE
    try:
        visits, lines = reader.copy_to(target.absolute())
    except CopyRefused as exc:
        print(exc, file=sys.stderr)
        return EXIT_TEMPORARY
    print(f"Wrote {target}: {visits} visits, {lines} lines of their story, read again and whole.")
    print("Before you ever put it back, read docs/operations.md, Restoring a backup.")
    return EXIT_OK


def refusal(target: Path) -> str:
    """Say why no copy goes there; empty: one may."""
    if target.is_symlink() or target.exists():
        return f"Choose another name: {target} exists; nothing is overwritten."
    folder = target.absolute().parent
    if not folder.is_dir():
        return f"Make the folder {folder} first, or choose another place."
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"Choose another place: this user can not write into {folder}."
    return ""
