"""A secret is its owner's alone and never shown, whatever is wrong with it."""

import json
import os
import struct
from pathlib import Path

import pytest

from tests.settings.support import BASE, KEY, SECRET, put_secret, read, refused
from worker.settings import SettingsError, load
from worker.settings.secrecy import readers_of


def test_only_one_line_end_is_taken_off_a_secret(tmp_path: Path) -> None:
    """An editor adds one line end; anything more is a mistake that is told, not repaired."""
    put_secret(tmp_path / "secrets", "wallet.mac_key", b"abc\n\n")

    report = refused(tmp_path, BASE, {})

    assert "wallet.mac_key (secret file" in report
    assert "printable ASCII" in report


@pytest.mark.parametrize("value", ["7730091277", "true", '["IrdTc8uQodU7PRpL-never-shown"]', '""'])
def test_a_key_of_the_wrong_type_is_never_shown(tmp_path: Path, value: str) -> None:
    """Whatever is wrong with the key, the report says so without it."""
    report = refused(tmp_path, BASE.replace("[wallet]", f"[wallet]\nmac_key = {value}"), {})

    assert "wallet.mac_key" in report
    assert "7730091277" not in report


def test_a_value_in_a_wrong_place_is_never_shown(tmp_path: Path) -> None:
    """A misspelt name, a whole section, an address with a password: all may hold the key."""
    toml = BASE.replace("[wallet]", f'[wallet]\nmackey = "{SECRET}"\n')
    toml = toml.replace("[wallet]", f'[wallet]\nbase_url = "https://u:{SECRET}@example.com"')
    environ = {
        "PAYSERA_WORKER_WALLET__MACKEY": SECRET,
        "PAYSERA_WORKER_WALLET": json.dumps({"mac_key": SECRET}),
        "PAYSERA_WORKER_LOCATIONS": SECRET,
    }

    report = refused(tmp_path, toml, environ)

    assert "must not hold a user name or password" in report


@pytest.mark.parametrize(
    ("mode", "is_accepted"), [(0o400, True), (0o600, True), (0o640, False), (0o604, False)]
)
def test_a_secret_that_others_can_read_is_refused(
    tmp_path: Path, mode: int, is_accepted: bool
) -> None:
    """A secret file is its owner's alone, and so is a settings file that holds the key."""
    put_secret(tmp_path / "secrets", "wallet.mac_key", SECRET.encode(), mode)
    file = tmp_path / "holds-key.toml"
    file.write_text(BASE.replace("[wallet]", f'[wallet]\nmac_key = "{SECRET}"'))
    file.chmod(mode)

    if is_accepted:
        assert read(tmp_path, BASE, {}).wallet.mac_key.get_secret_value() == SECRET
        assert load(file, {}, secrets_dir=tmp_path / "none").warnings
        return
    report = refused(tmp_path, BASE, {})
    assert "chmod 0400" in report
    assert str(tmp_path / "secrets" / "wallet.mac_key") in report
    with pytest.raises(SettingsError, match="chmod 0400"):
        load(file, {}, secrets_dir=tmp_path / "none")


def test_a_settings_file_without_the_key_may_be_read_by_all(tmp_path: Path) -> None:
    """The remedy is to keep the key elsewhere, not to hide the polling interval."""
    file = tmp_path / "worker.toml"
    file.write_text(BASE)
    file.chmod(0o644)

    assert load(file, KEY, secrets_dir=tmp_path / "none").locations[0].id == 9975


def access_list(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 2**32 - 1
OWNER, MASK, OTHER = (1, 4, NOBODY), (16, 4, NOBODY), (32, 0, NOBODY)


@pytest.mark.parametrize(
    ("mode", "entries", "found"),
    [
        (0o440, None, "its group"),
        (0o400, None, ""),
        (0o444, None, "everybody"),
        # How systemd hands a credential to the user of a service: the mask shows as group bits.
        (0o440, [OWNER, (2, 4, 990), (4, 0, NOBODY), MASK, OTHER], ""),
        (0o440, [OWNER, (2, 4, 991), (4, 0, NOBODY), MASK, OTHER], "user 991"),
        (0o440, [OWNER, (2, 4, 990), (4, 4, NOBODY), MASK, OTHER], "a group"),
        (0o440, [OWNER, (4, 0, NOBODY), (8, 4, 7), MASK, OTHER], "a group"),
        (0o440, [OWNER, (4, 4, NOBODY), OTHER], "its group"),
    ],
)
def test_who_can_read_a_file_is_judged_with_its_access_list(
    mode: int, entries: list[tuple[int, int, int]] | None, found: str
) -> None:
    """Group bits are the mask of an access list, if there is one."""
    raw = None if entries is None else access_list(*entries)

    assert readers_of(0o100000 | mode, raw, own_uid=990) == found


def test_an_access_list_that_makes_no_sense_changes_nothing() -> None:
    """Then the mode bits stand."""
    for raw in (b"", b"\x02", b"\x03\0\0\0" + bytes(8), b"\x02\0\0\0" + bytes(7)):
        assert readers_of(0o100440, raw, own_uid=0) == "its group"


def test_files_of_others_among_the_secrets_are_left_alone(tmp_path: Path) -> None:
    """/run/secrets is shared; only names that begin with a section of ours are ours."""
    folder = tmp_path / "secrets"
    put_secret(folder, "postgres_password", b"x", 0o644)
    put_secret(folder, "rds.pem", b"\xff", 0o644)
    put_secret(folder, "wallet.mac_key", SECRET.encode())

    assert read(tmp_path, BASE, {}).wallet.mac_key.get_secret_value() == SECRET


def test_a_secret_file_of_ours_that_is_unknown_or_unfit_is_an_error(tmp_path: Path) -> None:
    """A name of ours that we do not know is a misspelt name. A pipe holds nothing up."""
    folder = tmp_path / "secrets"
    put_secret(folder, "wallet.mackey", SECRET.encode())
    put_secret(folder, "till.prices", b"not json")
    put_secret(folder, "wallet.mac_key", b"\xff\xfe")
    os.mkfifo(folder / "wallet.client_id")
    (folder / "journal.path").mkdir()

    report = refused(tmp_path, BASE, {})

    assert "did you mean wallet.mac_key?" in report
    assert "till.prices (secret file" in report
    assert "not a regular file" in report
    assert "journal.path (secret file" in report
    assert len(report.splitlines()) == 6


def test_who_only_reads_the_journal_needs_no_key(tmp_path: Path) -> None:
    """
    A verb at the shell has no key, as systemd hands it to the service alone; everything else is
    judged as ever, and a key that is there is checked.
    """
    file = tmp_path / "worker.toml"
    file.write_text(BASE)
    nowhere = tmp_path / "secrets"

    with pytest.raises(SettingsError, match=r"wallet\.mac_key .*it is required"):
        load(file, {}, secrets_dir=nowhere)
    settings = load(file, {}, secrets_dir=nowhere, is_key_needed=False)
    assert settings.wallet.client_id == "our-client"
    settings = load(file, KEY, secrets_dir=nowhere, is_key_needed=False)
    assert settings.wallet.mac_key.get_secret_value() == SECRET
    bad_key = {"PAYSERA_WORKER_WALLET__MAC_KEY": ""}
    with pytest.raises(SettingsError, match=r"wallet\.mac_key"):
        load(file, bad_key, secrets_dir=nowhere, is_key_needed=False)
    file.write_text(BASE.replace("our-client", ""))
    with pytest.raises(SettingsError, match=r"wallet\.client_id"):
        load(file, {}, secrets_dir=nowhere, is_key_needed=False)
