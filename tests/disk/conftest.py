"""What the tests of this folder share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disk.trial import Truth, truth

IN_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Give what an undisturbed evening leaves behind; it is looked at once."""
    return truth(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Give a place for disks. In memory if it can be: thousands of journals come and go in it."""
    if not IN_MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="disk-", dir=IN_MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def folder(place: Path) -> Path:
    """Give a folder for a disk."""
    folder = place / "disk"
    folder.mkdir()
    return folder


@pytest.fixture
def again(place: Path) -> Path:
    """Give a folder in which what a power cut left is opened again."""
    folder = place / "again"
    folder.mkdir()
    return folder
