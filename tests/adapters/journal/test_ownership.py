"""A journal is opened by its owner alone, and nothing is made where nobody may look."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from worker.adapters.journal.opening import open_journal
from worker.adapters.journal.ownership import check_owner, user_name
from worker.domain.errors import JournalUnavailable


def refused(path: Path) -> str:
    """Open a journal in vain, require that nothing was made, and give what was said."""
    before = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else None
    with pytest.raises(JournalUnavailable) as caught:
        open_journal(path)
    if before is not None:
        assert sorted(one.name for one in path.parent.iterdir()) == before
    return str(caught.value)


def test_nobody_leaves_anything_beside_another_users_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner's worker could not open what another makes there, and would not start any more."""
    path = tmp_path / "journal.db"
    path.touch()
    owner = user_name(path.stat().st_uid)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    assert f"belongs to {owner}" in refused(path)
    assert f"sudo -u {owner} paysera-worker run" in refused(path)


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="the rule is root's own: it needs root, and a folder that root gave away",
)
def test_root_begins_no_journal_in_another_users_folder(tmp_path: Path) -> None:
    """A first start, by hand, of what the service shall run."""
    os.chown(tmp_path, 1, -1)

    assert "sudo -u daemon paysera-worker run" in refused(tmp_path / "journal.db")


def test_a_folder_of_root_that_lets_the_user_write_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes gives a volume to root and to the container's group."""
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)

    check_owner(tmp_path / "journal.db")


def test_a_folder_that_may_not_be_entered_is_a_sentence(tmp_path: Path) -> None:
    """Nobody can tell whether there is a journal, so none is begun."""
    words = r"can not be looked into.*sudo -u USER"
    with shut_out_of(tmp_path), pytest.raises(JournalUnavailable, match=words):
        open_journal(tmp_path / "journal.db")


@contextmanager
def shut_out_of(folder: Path) -> Iterator[None]:
    """Be somebody who may not enter a folder; root, whom no mode stops, is somebody else for it."""
    me, mode = os.geteuid(), folder.stat().st_mode
    folder.chmod(0o700 if me == 0 else 0)
    if me == 0:
        os.seteuid(1)
    try:
        yield
    finally:
        if me == 0:
            os.seteuid(0)
        folder.chmod(mode)


def test_a_name_that_no_disk_takes_is_a_sentence(tmp_path: Path) -> None:
    """The system says so with an error of its own at the first look."""
    assert "can not be looked into" in refused(tmp_path / ("j" * 300))
