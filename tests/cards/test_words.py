"""The verb as a person meets it: defaults, mistakes, and disks that do not take what is written."""

import fcntl
import os
import re
import shlex
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.cards.reading import NOWHERE, pictures_of_blocks, qr, texts_in
from tests.operator.processes import ROOT, environ

LOCATION = ("--location", "9975")
QR = shlex.join([sys.executable, "-m", "worker", "qr", *LOCATION])
SETTINGS = """\
[wallet]
client_id = "a-shop-of-ours"
mac_key   = "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU"
[till.prices]
"*" = 1250
"""


def settings(folder: Path, *locations: str) -> Path:
    """Write a settings file with these locations."""
    path = folder / "worker.toml"
    path.write_text(SETTINGS + "".join(f"[[locations]]\n{location}\n" for location in locations))
    path.chmod(0o600)
    return path


def shell(line: str) -> tuple[int, str, str]:
    """Run a line as it would be typed; give its exit code and what it wrote."""
    done = subprocess.run(
        ["bash", "-c", line], cwd=ROOT, env={**environ(), **NOWHERE},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_location_and_name_come_from_the_settings_when_there_is_one(tmp_path: Path) -> None:
    """A technician on the worker's machine types only which tables."""
    config = settings(tmp_path, 'id = 4711\nname = "Kavinė"')
    code, out, err = qr("--config", config, "--spots", "bar", "--format", "svg")
    assert (code, err) == (0, "")
    assert "<title>PAYSERA*4711:bar</title>" in out

    config.write_text(SETTINGS.replace("mac_key", "#") + "[[locations]]\nid = 4711\n")
    again = qr("--config", config, "--spots", "bar", "--format", "svg")
    assert again == (code, out, err), "no code needs the MAC key, which only the service has"
    config = settings(tmp_path, 'id = 4711\nname = "Kavinė"')

    cards = tmp_path / "cards.pdf"
    code, out, err = qr(
        "--spots", "bar", "--out", cards, env={"PAYSERA_WORKER_CONFIG": str(config)}
    )
    assert (code, err) == (0, "")
    assert out == f"Wrote 1 card on 1 page to {cards}; print at 100 %\n"


def test_with_several_locations_one_has_to_be_chosen(tmp_path: Path) -> None:
    """A card with the wrong shop's number would send guests' money to the wrong shop."""
    config = settings(tmp_path, 'id = 1\nname = "Old town"', "id = 2")
    words = ("--config", config, "--spots", "bar", "--format", "svg")
    assert qr(*words) == (
        2, "", "Choose a location with --location: the settings have 1 (Old town), 2.\n"
    )  # fmt: skip
    code, out, err = qr(*words, "--location", "2")
    assert (code, err) == (0, "")
    assert "PAYSERA*2:bar" in out

    code, out, err = qr(*words, "--location", "3")
    assert code == 0
    assert "PAYSERA*3:bar" in out
    assert err.startswith("warning: the worker would not see these tables: location 3 is not in")


def test_without_settings_the_location_is_enough(tmp_path: Path) -> None:
    """A manager's own computer has no worker; what is missing is said otherwise, with code 78."""
    words = ("--spots", "bar", "--format", "svg")
    missing = tmp_path / "none.toml"
    code, out, err = qr(*words, "--config", missing)
    assert (code, out) == (78, "")
    assert str(missing) in err
    assert err.endswith("Or say which location it is with --location N.\n")
    code, out, err = qr(*words, *LOCATION, "--config", missing)
    assert (code, out) == (78, "")
    assert "--location" not in err

    code, out, err = qr(*words, *LOCATION, env=NOWHERE)
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("--spots 'table 1' --format svg", "Use 1 to 64 letters"),
        ("--spots table9..table1 --format svg", "Write a range from its lowest"),
        ("--spots t1..t501 --format svg", "Name at most 500 spots"),
        ("--spots bar,bar --format svg", "Name each spot once"),
        ("--spots bar", "Say --format"),
        ("--spots bar --out codes", "Say --format"),
        ("--spots bar,pub --format svg", "Name a folder with --out"),
        ("--spots bar,pub --format svg --out x.svg", "Name a folder with --out"),
        ("--spots bar --format pdf", "Name the file for the PDF"),
        ("--spots bar --format svg --out x.png", "Make --format svg and --out x.png agree"),
        ("--spots bar --format terminal --out x", "Leave out --out"),
        ("--spots bar --format svg --name A", "Leave out --name"),
        ("--spots bar --format png --out x.png --paper a4", "Leave out --paper"),
        ("--spots bar --out x.pdf --name $'a\\nb'", "Write --name without line ends"),
        (f"--spots bar --out x.pdf --text {'a' * 201}", "Write at most 200 characters"),
        (f"--spots bar --out x.pdf --text {'Wide' * 50}", "Write something shorter"),
        ("--spots bar --out x.pdf --label 'Table {no}'", "Write --label with"),
        ("--spots bar --out x.pdf --name שלום", "Write the cards' texts in a script"),
        ("--spots bar --out x.pdf --name 𓀀", "Name a TrueType file that has"),
        ("--spots bar --out x.pdf --font README.md", "Name a TrueType file (.ttf)"),
        ("--spots bar --out x.pdf --font none.ttf", "Name a TrueType file (.ttf)"),
        ("--spots bar --format svg --location 0", "Give --location the number"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_to_type(words: str, advice: str) -> None:
    """One sentence, beginning with what to do; nothing is written."""
    code, out, err = shell(f"{QR} {words}")

    assert (code, out) == (2, "")
    assert err.startswith(advice)
    assert err.count("\n") == 1
    assert not any((ROOT / name).exists() for name in ("x.svg", "x.png", "x.pdf", "x", "codes"))


def test_what_exists_is_never_overwritten_without_force(tmp_path: Path) -> None:
    """Neither one file nor the one among many; and then nothing else is written either."""
    path = tmp_path / "9975-table2.svg"
    path.write_text("a drawing that somebody made")
    several = (*LOCATION, "--spots", "table1..table3", "--format", "svg", "--out", tmp_path)
    for words in (several, (*LOCATION, "--spots", "table2", "--out", path)):
        code, out, err = qr(*words)
        assert (code, out) == (2, "")
        assert err == f"Choose another name or add --force: {path} exists.\n"
        assert path.read_text() == "a drawing that somebody made"
        assert list(tmp_path.iterdir()) == [path]

    assert qr(*several, "--force")[0] == 0
    assert "PAYSERA*9975:table2" in path.read_text()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_link_is_followed_and_a_device_is_never_replaced(tmp_path: Path) -> None:
    """--force replaces files, and nothing that only looks like one."""
    target, link = tmp_path / "kept.svg", tmp_path / "link.svg"
    target.write_text("old")
    link.symlink_to(target)
    words = (*LOCATION, "--spots", "bar", "--format", "svg", "--force", "--out")
    assert qr(*words, link)[0] == 0
    assert link.is_symlink()
    assert "PAYSERA" in target.read_text()

    pipe = tmp_path / "pipe.svg"
    os.mkfifo(pipe)
    code, out, err = qr(*words, pipe)
    assert (code, out, err) == (2, "", f"Name a file with --out: {pipe} is none.\n")
    assert pipe.is_fifo()


def test_a_place_that_can_not_be_written_to_is_said_to_be_one(tmp_path: Path) -> None:
    """No folder is made up, and none is guessed."""
    (tmp_path / "file").write_text("")
    for place in ("missing/x.pdf", "missing/deep/codes", "file/x.pdf", "file/codes", "file"):
        words = ("--format", "svg") if not place.endswith("pdf") else ()
        spots = "table1..table2" if words else "bar"
        code, out, err = qr(
            *LOCATION, "--spots", spots, "--out", tmp_path / place, *words, env=NOWHERE
        )
        assert (code, out) == (2, ""), place
        assert re.match(
            r"(Choose another (place|folder|name)|Name a folder) with --out: ", err.splitlines()[-1]
        ), err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_is_not_ours_is_said_to_be_so() -> None:
    """The kernel's own: there even root may make no file."""
    code, out, err = qr(*LOCATION, "--spots", "bar", "--out", "/sys/bar.svg")
    assert (code, out) == (2, "")
    assert err.startswith("Choose another place with --out: ")


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Exit code 75: the same command works once there is room."""
    code, out, err = shell(f"{QR} --spots bar --format svg > /dev/full")
    assert (code, out) == (75, "")
    assert err.startswith("Make room on the disk or write elsewhere, then try again: ")
    assert err.count("\n") == 1

    out_path = tmp_path / "cards.pdf"
    code, out, err = shell(f"ulimit -f 4; {QR} --spots t1..t9 --name A --out {out_path}")
    assert (code, out) == (75, "")
    assert err.startswith("Make room on the disk or choose another place, then try again: ")
    assert list(tmp_path.iterdir()) == []

    code, _, err = shell(f"{QR} --spots bar --format svg >&-")
    assert code == 75
    assert err == "Give the command somewhere to write: standard output is closed.\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    """Piped into `head`, the verb ends quietly."""
    line = f"{QR} --spots t1..t300 --format terminal | head -1; exit ${{PIPESTATUS[0]}}"
    assert shell(line) == (0, "t1  PAYSERA*9975:t1\n", "")


def test_a_missing_extra_says_what_to_install(tmp_path: Path) -> None:
    """Only PDF sheets need reportlab; everything else goes without."""
    hidden = "raise ModuleNotFoundError(\"No module named 'reportlab'\")"
    (tmp_path / "reportlab.py").write_text(hidden)
    variables = {"PYTHONPATH": str(tmp_path), **NOWHERE}
    code, out, err = qr(*LOCATION, "--spots", "bar", "--out", tmp_path / "x.pdf", env=variables)
    assert (code, out) == (78, "")
    assert err.startswith("Install reportlab for PDF sheets, in the worker's source folder: ")
    assert err.endswith("-m pip install --require-hashes -r requirements/extras.txt\n")
    assert qr(*LOCATION, "--spots", "bar", "--format", "svg", env=variables)[0] == 0


def on_a_terminal(columns: int, *words: str) -> tuple[int, str, str]:
    """Run the verb on a real terminal of a width; give its exit code, the screen and stderr."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "worker", "qr", *LOCATION, *words], cwd=ROOT,
        env={**environ(), **NOWHERE}, stdin=subprocess.DEVNULL, stdout=theirs,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(theirs)
        screen = b""
        try:
            while part := os.read(ours, 65536):
                screen += part
        except OSError:
            pass  # The terminal's other side was closed: the process has ended.
        os.close(ours)
        assert process.stderr is not None
        complaint = process.stderr.read().decode()
    return process.returncode, screen.decode(), complaint


def test_a_terminal_shows_the_code_in_black_on_white_whatever_its_colours() -> None:
    """On a terminal nothing needs to be said about the format."""
    code, screen, err = on_a_terminal(80, "--spots", "table1")
    assert (code, err) == (0, "")
    assert "\x1b[40;97m" in screen
    assert [texts_in(picture) for picture in pictures_of_blocks(screen)] == [
        ["PAYSERA*9975:table1"]
    ]

    code, screen, err = on_a_terminal(20, "--spots", "table1")
    assert (code, screen) == (2, "")
    assert err.startswith("Widen the terminal to 33 columns")
    code, screen, err = on_a_terminal(80, "--spots", "table1", "--format", "png")
    assert (code, screen) == (2, "")
    assert err.startswith("Name a file with --out")
