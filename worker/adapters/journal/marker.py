"""The note beside the journal that says which journal belongs here and how far it has come.

Without it a lost journal would look like a first start, and an old backup like the present.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from worker.adapters.journal import troubles


@dataclass(frozen=True, slots=True)
class Marker:
    """Which journal, and the least generation it must have."""

    instance: str
    generation: int


def marker_path(path: Path) -> Path:
    """Name the marker file of a journal."""
    return path.with_name(path.name + ".instance")


def read_marker(path: Path) -> Marker | None:
    """Read the marker of a journal; None: there is none.

    Raises:
        JournalUnavailable: it is there and can not be read.

    """
    marker = marker_path(path)
    try:
        document = json.loads(marker.read_text(encoding="utf-8"))
        return Marker(str(document["instance"]), int(document["generation"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise troubles.refusal(
            path,
            f"its marker {marker} is not readable as one",
            "If the journal is the right one, delete the marker; it is made again.",
        ) from error


def write_marker(path: Path, marker: Marker) -> None:
    """Replace the marker in one move that survives a power cut."""
    text = json.dumps({"instance": marker.instance, "generation": marker.generation}) + "\n"
    replace_file(marker_path(path), text.encode())


def replace_file(target: Path, content: bytes) -> None:
    """Put a whole file in the place of another, so that a power cut leaves the one or the other."""
    draft = target.with_name(target.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        left = memoryview(content)
        while left:  # A disk that is almost full takes less than it is given, and says so.
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(draft, target)  # noqa: PTH105 - beside the other calls to the system
    sync_directory(target.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_identity(
    path: Path, marker: Marker | None, instance: str | None, generation: int
) -> None:
    """Refuse a journal that is not the one the marker speaks of, or an older copy of it.

    Raises:
        JournalUnavailable: it is another journal, an empty one, or an older copy.

    """
    if marker is None:
        return
    note = marker_path(path)
    if instance != marker.instance:
        found = f"journal {instance}" if instance else "an empty journal"
        raise troubles.refusal(
            path,
            f"it is {found}, but {note} says that journal {marker.instance} belongs here",
            f"Put the right file back; or, to use this one on purpose, delete {note}.",
        )
    if generation < marker.generation:
        raise troubles.refusal(
            path,
            f"an older copy was put back: it is at generation {generation}, and {note} has seen "
            f"{marker.generation}. What happened since is not in it",
            f"Put the newest file back. If it is lost, compare the wallet's transactions by hand, "
            f"then delete {note} to go on with the older copy.",
        )


def check_presence(path: Path, marker: Marker | None) -> None:
    """Refuse to begin a new journal where one was kept before.

    Raises:
        JournalUnavailable: the journal is gone or empty, and something says that it was there.

    """
    if path.exists() and path.stat().st_size > 0:
        return
    note, log = marker_path(path), path.with_name(path.name + "-wal")
    if marker is not None:
        raise troubles.refusal(
            path,
            f"the file is missing or empty, but {note} says that journal {marker.instance} "
            "was kept here",
            f"Restore the file; or, to begin a new journal on purpose, delete {note}.",
        )
    if log.exists() and log.stat().st_size > 0:
        raise troubles.refusal(
            path,
            f"the file is missing or empty, but its log {log} is not",
            f"Restore the file; or, to begin a new journal on purpose, delete {log}.",
        )
