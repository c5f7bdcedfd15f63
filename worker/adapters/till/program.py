"""The shop's program as a file: whether it may be run, and what it is given to see."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from worker.adapters.till.text import file_label

_PASSED: Final = ("PATH", "LANG", "TZ", "HOME")
_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what a program needs in order to run. Neither a secret of ours nor where one lies."""
    return {"PATH": _PATH} | {name: environ[name] for name in _PASSED if environ.get(name)}


def check_program(path: Path) -> list[str]:
    """Say in sentences why a program can not be run; an empty list: it can. Reads the disk.

    Whoever may write the program acts as the worker, and the worker holds the shop's money: so
    none but its owner may, and nobody else may put another file in its place.
    """
    shown = file_label(str(path))
    if not path.is_absolute():
        return [f"The program {shown} is not given by its whole path: correct till.argv."]
    try:
        mode = path.stat().st_mode
        folders = dict.fromkeys((*path.parents, *path.resolve(strict=True).parents))
        modes = {folder: folder.stat().st_mode for folder in folders}
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "its links lead nowhere"
        return [f"The program {shown} can not be found ({why}): put it there or correct till.argv."]
    if not stat.S_ISREG(mode):
        return [f"The program {shown} is not a file: correct till.argv."]
    problems = []
    if not os.access(path, os.X_OK):
        problems.append(f"The program {shown} can not be run by this user: chmod 0755 it.")
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        problems.append(
            f"The program {shown} can be changed by others, who would then act as the worker: "
            "chmod go-w it."
        )
    for folder, found in modes.items():
        if found & stat.S_IWOTH and not found & stat.S_ISVTX:
            problems.append(
                f"The folder {file_label(str(folder))} is open to everybody, who could put "
                f"another program in the place of {shown}: chmod o-w it."
            )
    return problems
