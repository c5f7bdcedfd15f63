"""Whose journal it is. SQLite's own files beside it become those of whoever opens it."""

import os
import pwd
from pathlib import Path

from worker.adapters.journal import troubles


def check_owner(path: Path) -> None:
    """Refuse to open another user's journal, before anything is made beside it.

    What root leaves there the worker's own user can not open, so that the service would not start
    any more. Where there is no journal yet, root is asked to be the folder's owner. Anybody else
    was let into the folder by its mode, as in a volume that is shared with the container's group.

    Raises:
        JournalUnavailable: it is another user's; the message says what to type.

    """
    me = os.geteuid()
    try:
        owner, whose = path.stat().st_uid, "it belongs"
    except FileNotFoundError:
        if me != 0:
            return
        owner, whose = path.parent.stat().st_uid, f"its directory {path.parent} belongs"
    if owner != me:
        name = user_name(owner)
        raise troubles.refusal(
            path,
            f"{whose} to {name}, and another user would leave files beside it that {name} can not "
            "open",
            f"Try: sudo -u {name} paysera-worker run",
        )


def user_name(user_id: int) -> str:
    """Name a user as sudo takes it."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"#{user_id}"
