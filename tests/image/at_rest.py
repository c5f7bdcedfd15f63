"""What can be seen of an image without running it."""

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.image.stage import UID, Stage
from tests.image.store import ROOT, ImageConfig
from worker import __version__

ADDED_MB_MAX: Final = {"runtime": 35, "extras": 120}
"""Measured: 25.6 and 98.7. The base comes on top, and is not ours to judge."""
BUILDERS: Final = re.compile(
    r"/(?:pip[0-9.]*|easy_install|wheel|uv|gcc|g\+\+|cc|c\+\+|cpp|clang|ld|as|make|cmake|git|hg"
    r"|npm|node|cargo|rustc|gcc-[0-9]+|x86_64-linux-gnu-(?:gcc|g\+\+|ld|as).*)"
)
INSTALLERS: Final = re.compile(
    r"/(?:ensurepip|pip|setuptools|pkg_resources|wheel|_distutils_hack|hatchling|editables|virtualenv)"
    r"|/(?:pip|setuptools|wheel)-[0-9].*|/.*-py3-none-any\.whl|/distutils-precedence\.pth"
)
PLACES: Final = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/opt/")
STRANGERS: Final = re.compile(
    r"/(?:\.git|\.ci|\.env|tests|Dockerfile|Makefile|compose.*\.yaml|worker\.toml|requirements"
    r"|wallet\.mac_key|journal\.db.*|.*\.key|id_[a-z0-9]+|\.netrc|\.pypirc|benchmarks)"
)
OTHERS_TESTS: Final = re.compile(r"/opt/paysera-worker/lib/[^/]+/site-packages/(?!worker/).+/tests")
"""Some libraries ship theirs."""
USERS: Final = re.compile(
    r"/opt|/etc/hosts|/etc/\.pwd\.lock|/etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-"
)
"""What making a user leaves, and a file that the engine puts there itself."""
PRIVATE: Final = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
LABELS: Final = ("title", "description", "licenses", "version", "revision", "created")


def walk(files: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Give every path in an image, as seen inside it, and what it is."""
    for folder, names, leaves in os.walk(files):
        for name in (*names, *leaves):
            path = Path(folder) / name
            yield "/" + path.relative_to(files).as_posix(), path.lstat()


def labels(image: ImageConfig, given: dict[str, str]) -> str:
    """Every label is there, and what the build was told stands in it."""
    found = {name: image.labels.get(f"org.opencontainers.image.{name}", "") for name in LABELS}
    assert all(found.values()), found
    assert found["version"] == given["VERSION"] == __version__, found
    assert found["revision"] == given["REVISION"], found
    assert found["created"] == given["CREATED"], found
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert found["licenses"] == project["license"], found
    return ", ".join(f"{name} {value}" for name, value in found.items() if name != "description")


def settings(image: ImageConfig) -> str:
    """A number for a user, the worker itself as first process, a check of its own, a volume."""
    assert image.user == f"{UID}:{UID}", image.user
    assert image.entrypoint == ("paysera-worker",), image.entrypoint
    assert image.command == ("run",), image.command
    assert image.health_command == ("CMD", "paysera-worker", "status"), image.health_command
    assert image.volumes == ("/var/lib/paysera-worker",), image.volumes
    assert image.stop_signal == "SIGTERM", image.stop_signal
    assert not any("KEY" in name or "SECRET" in name for name in image.env), image.env
    return f"user {image.user}, {' '.join((*image.entrypoint, *image.command))}"


def size(files: Path, base: Path, kind: str) -> str:
    """What the image adds to its base is small."""
    before = {path: (about.st_size, about.st_mtime) for path, about in walk(base)}
    whole = sum(_bytes(about) for _, about in walk(files)) / 1e6
    below = sum(_bytes(about) for _, about in walk(base)) / 1e6
    added = sum(
        _bytes(about)
        for path, about in walk(files)
        if before.get(path) != (about.st_size, about.st_mtime)
    )
    ours = added / 1e6
    assert 5 < ours <= ADDED_MB_MAX[kind], f"{ours:.1f} MB on top of the base"
    return (
        f"{whole:.1f} MB, of which {ours:.1f} MB are ours (at most {ADDED_MB_MAX[kind]});"
        f" the stand-in for the base has {below:.1f} MB"
    )


def no_build_tools(stage: Stage) -> str:
    """Nothing in it installs or compiles."""
    found, count = [], 0
    for path, about in walk(stage.files):
        count += 1
        last = path[path.rfind("/") :]
        is_program = path.startswith(PLACES) and about.st_mode & 0o111 and not _is_folder(about)
        if (is_program and BUILDERS.fullmatch(last)) or INSTALLERS.fullmatch(last):
            found.append(path)
    assert count > 1000, f"only {count} paths: is this the image?"
    assert found == [], found[:20]
    return f"none among {count} paths"


def nothing_strange(stage: Stage, base: Path) -> str:
    """No test, no history, no key, no settings: only the environment that runs, and the user."""
    before = {path for path, _ in walk(base)}
    added = [(path, about) for path, about in walk(stage.files) if path not in before]
    strange = [
        path
        for path, _ in added
        if STRANGERS.fullmatch(path[path.rfind("/") :]) and not OTHERS_TESTS.fullmatch(path)
    ]
    assert strange == [], strange[:20]
    outside = [
        path
        for path, _ in added
        if not path.startswith(("/opt/paysera-worker", "/var/lib/paysera-worker"))
        and "__pycache__" not in path
    ]
    assert [path for path in outside if not USERS.fullmatch(path)] == [], outside[:20]
    for path, about in added:
        there = stage.files / path.lstrip("/")
        if stat.S_ISREG(about.st_mode) and about.st_size < 2**20 and not path.endswith(".pyc"):
            assert not PRIVATE.search(there.read_bytes()), f"{path} holds a private key"
    return f"{len(added)} paths beside the base's, all in /opt/paysera-worker or compiled modules"


def rights(stage: Stage) -> str:
    """No program runs as another, and the worker can write nothing but its journal's folder."""
    lifted, writable = [], []
    for path, about in walk(stage.files):
        if stat.S_ISREG(about.st_mode) and about.st_mode & 0o6000:
            lifted.append(path)
        if about.st_uid == UID or about.st_gid == UID:
            writable.append(path)
        elif about.st_mode & 0o002 and not stat.S_ISLNK(about.st_mode):
            assert about.st_mode & stat.S_ISVTX or stat.S_ISCHR(about.st_mode), path
    assert lifted == [], lifted
    assert writable == ["/var/lib/paysera-worker"], writable
    about = (stage.files / "var/lib/paysera-worker").stat()
    assert stat.S_IMODE(about.st_mode) == 0o700, oct(about.st_mode)
    return "no set-uid program; only /var/lib/paysera-worker is the worker's, mode 0700"


def _bytes(about: os.stat_result) -> int:
    return about.st_size if stat.S_ISREG(about.st_mode) else 0


def _is_folder(about: os.stat_result) -> bool:
    return stat.S_ISDIR(about.st_mode)
