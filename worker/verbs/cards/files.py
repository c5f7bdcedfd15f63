"""Puts what was made where it belongs: whole files or none, and nothing that was there is lost."""

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path


class FileRefused(Exception):
    """A file can not be written there; the text says what to do. Nothing was written."""


class DiskTrouble(Exception):
    """The disk did not take what was written; the text says what to do. Nothing was left."""


def publish(files: Mapping[Path, bytes], *, may_replace: bool) -> None:
    """Write all files, each under its name only when all of them are whole.

    Raises:
        FileRefused: A file exists and may not be replaced, is none (a device, a folder), or its
            folder is missing or not ours to write to.
        DiskTrouble: The disk is full or broken.

    """
    files = {_followed(path): content for path, content in files.items()}
    for path in files:
        _refuse_what_is_there(path, may_replace=may_replace)
    drafts: dict[Path, Path] = {}
    claimed: list[Path] = []
    try:
        for path, content in files.items():
            draft = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
            with draft.open("xb") as file:
                drafts[path] = draft
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if not may_replace:
            for path in files:
                path.open("xb").close()  # Whoever made it meanwhile keeps it.
                claimed.append(path)
        for path, draft in list(drafts.items()):
            draft.replace(path)
            del drafts[path]
        claimed.clear()
    except FileExistsError as exc:
        raise FileRefused(_exists(Path(exc.filename))) from exc
    except (FileNotFoundError, NotADirectoryError, PermissionError) as exc:
        raise FileRefused(
            f"Choose another place with --out: {exc.filename or 'it'} can not be written "
            f"({exc.strerror})."
        ) from exc
    except OSError as exc:
        raise DiskTrouble(
            f"Make room on the disk or choose another place, then try again: {exc.strerror}. "
            "No file was left behind."
        ) from exc
    finally:
        for path in [*drafts.values(), *claimed]:
            with contextlib.suppress(OSError):
                path.unlink()


def is_folder(path: Path) -> bool:
    """Tell whether a folder is there.

    Raises:
        FileRefused: Nobody can tell: this user may not look, or no disk takes such a name.

    """
    try:
        return path.is_dir()
    except OSError as exc:
        raise FileRefused(_out_of_reach(path, exc)) from exc


def make_folder(path: Path) -> None:
    """Make a folder unless it is there.

    Raises:
        FileRefused: It can not be made, or a file has its name.

    """
    try:
        path.mkdir(exist_ok=True)
    except FileExistsError as exc:
        raise FileRefused(f"Name a folder with --out: {path} is a file.") from exc
    except OSError as exc:
        raise FileRefused(
            f"Choose another folder with --out: {path} can not be made ({exc.strerror})."
        ) from exc


def say(content: bytes) -> None:
    """Write to standard output, past Python's buffer: what a full disk keeps is told here and now.

    Raises:
        BrokenPipeError: The reader has gone, as `head` does.
        DiskTrouble: It goes to a file, and the disk is full or broken; or it is closed.

    """
    if sys.stdout is None:
        raise DiskTrouble("Give the command somewhere to write: standard output is closed.")
    try:
        sys.stdout.flush()
        left = memoryview(content)
        while left:
            left = left[os.write(sys.stdout.fileno(), left) :]
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise DiskTrouble(
            f"Make room on the disk or write elsewhere, then try again: {exc.strerror}."
        ) from exc


def _followed(path: Path) -> Path:
    """Give what a link leads to, so that the link stays one."""
    try:
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError) as exc:  # RuntimeError: links that lead in a circle.
        raise FileRefused(_out_of_reach(path, exc)) from exc


def _refuse_what_is_there(path: Path, *, may_replace: bool) -> None:
    """Keep devices and folders always, and files unless they may be replaced."""
    try:
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise FileRefused(f"Name a file with --out: {path} is none.")
        if not may_replace and os.path.lexists(path):
            raise FileRefused(_exists(path))
    except OSError as exc:
        raise FileRefused(_out_of_reach(path, exc)) from exc


def _out_of_reach(path: Path, exc: Exception) -> str:
    why = getattr(exc, "strerror", None) or "its links lead in a circle"
    return f"Choose another name with --out: {path} can not be looked at ({why})."


def _exists(path: Path) -> str:
    return f"Choose another name or add --force: {path} exists."
