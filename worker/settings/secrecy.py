"""Who else can read a file that holds a secret.

Mode bits alone would lie: systemd hands a credential to the service's user through an access
control list, and then the group bits that `stat` shows are the list's mask, not the group's right.
"""

import os
import stat
import struct
from pathlib import Path
from typing import Final

_ACL_NAME: Final = "system.posix_acl_access"
_ACL_VERSION: Final = 2
_ACL_USER: Final = 0x02
_ACL_GROUP_OBJ: Final = 0x04
_ACL_GROUP: Final = 0x08
_ACL_MASK: Final = 0x10
_READ: Final = 4

REMEDY: Final = "make it readable by its owner alone: chmod 0400 (in Docker: `mode: 0400`)"


def readers(descriptor: int) -> str:
    """Say who besides the owner can read an open file; "" when nobody can."""
    return readers_of(os.fstat(descriptor).st_mode, _access_list(descriptor), os.geteuid())


def exposed_to(path: Path) -> str:
    """Say who besides the owner can read a file; "" when nobody can, or when it can not be told."""
    try:
        # O_NONBLOCK: a pipe by that name must not hold the start up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""  # Whoever needs the file says what is wrong with it.
    try:
        return readers(descriptor)
    finally:
        os.close(descriptor)


def readers_of(mode: int, access_list: bytes | None, own_uid: int) -> str:
    """Judge mode bits together with an access control list, as the kernel keeps it."""
    if mode & stat.S_IROTH:
        return "everybody"
    if not mode & stat.S_IRGRP:
        return ""  # Also with a list: its mask is these very bits.
    entries = _entries(access_list)
    if not any(tag == _ACL_MASK for tag, _, _ in entries):
        return "its group"
    for tag, rights, owner in entries:
        if rights & _READ and tag in {_ACL_GROUP_OBJ, _ACL_GROUP}:
            return "a group"
        if rights & _READ and tag == _ACL_USER and owner != own_uid:
            return f"user {owner}"
    return ""


def _access_list(descriptor: int) -> bytes | None:
    """Read the list; None where there is none or the file system knows no such thing."""
    try:
        return os.getxattr(descriptor, _ACL_NAME)
    except (OSError, AttributeError):  # AttributeError: not Linux.
        return None


def _entries(access_list: bytes | None) -> list[tuple[int, int, int]]:
    """Take a list apart. One we can not read says nothing, so the mode bits stand."""
    if access_list is None or len(access_list) < 4 or (len(access_list) - 4) % 8:
        return []
    if struct.unpack_from("<I", access_list)[0] != _ACL_VERSION:
        return []
    return list(struct.iter_unpack("<HHI", access_list[4:]))
