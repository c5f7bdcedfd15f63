"""A stand-in for the base image, made from Debian's packages, since no image can be fetched.

It is of the same release and has what matters of the real one: Python under both names, with pip
and setuptools for everybody to find, and without compiled standard modules. What it can not show is
the real one's size and its own faults.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from tests.image.shell import CommandFailed, Unable, run
from tests.image.store import AUTHORITIES

NO_PACKAGES: Final = (
    "Failed getting release file",
    "Couldn't download",
    "retrying failed download",
)
RELEASE: Final = "bookworm"
PACKAGES: Final = "python3,python3-venv,ca-certificates"
SCRIPT: Final = """
set -eu
# In memory: an installation syncs each file, which no disk likes.
mount -t tmpfs -o size=1g,mode=0755 tmpfs "$1"
cd "$1"
debootstrap --variant=minbase --include="$2" "$3" .
chroot . python3 -m venv /tmp/venv
cp -a tmp/venv/lib/python3.*/site-packages/. "$(echo usr/local/lib/python3.*/dist-packages)/"
printf '#!/usr/bin/python3\\nimport pip\\npip.main()\\n' > usr/local/bin/pip
chmod 0755 usr/local/bin/pip
ln -s python3 usr/bin/python
: > etc/pip.conf
umount proc sys 2>/dev/null || true
rm -rf tmp/venv var/cache/apt/* var/lib/apt/lists/* usr/share/doc/* usr/share/man/* var/log/*
rm -rf usr/share/locale/*
find usr -depth -name __pycache__ -exec rm -rf {} +
tar -c --one-file-system -f "$4" .
"""
"""Empty etc/pip.conf: where the build's own settings of pip are put over it, and leave no trace."""


def archive(cache: Path) -> Path:
    """Give the stand-in as an archive; made once, then kept.

    Raises:
        Unable: Debian's packages can not be reached.

    """
    made_of = hashlib.sha256(f"{RELEASE} {PACKAGES} {SCRIPT}".encode()).hexdigest()[:12]
    path = cache / f"base-{made_of}.tar"
    if path.exists():
        return path
    for old in cache.glob("base-*.tar"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="base-", dir=cache) as folder:
        tree, packed = Path(folder) / "tree", Path(folder) / "packed.tar"
        tree.mkdir()
        # A mount namespace of its own: what is mounted for the installation ends with it.
        command = ("unshare", "--mount", "--", "sh", "-c", SCRIPT, "sh")
        try:
            run(*command, tree, PACKAGES, RELEASE, packed, timeout_s=500)
        except CommandFailed as error:
            if any(sign in error.said for sign in NO_PACKAGES):
                raise Unable(f"Debian's packages can not be had: {error}") from None
            raise
        shutil.move(packed, path)
    return path


def pip_settings(folder: Path) -> Path:
    """Write the settings of pip that a build on this machine needs; they stay out of the image."""
    asked = run("python3", "-m", "pip", "config", "get", "global.index-url", expect=None)
    index = os.environ.get("PIP_INDEX_URL") or (asked.stdout if asked.returncode == 0 else "")
    lines = ["[global]", f"cert = {AUTHORITIES}", "timeout = 60"]
    lines += [f"index-url = {index.strip()}"] * bool(index.strip())
    path = folder / "pip.conf"
    path.write_text("\n".join(lines) + "\n")
    return path
