"""Every verb in every trouble: one sentence on stderr, a documented exit code, nothing changed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.operator.ledgers import an_evening
from tests.operator.processes import ROOT, cli, environ
from tests.operator.theatre import CONFIG, FIXED, MAC_KEY
from worker.adapters.journal.lock import Lock
from worker.cli import main, parser
from worker.verbs.backup import refusal
from worker.verbs.framing import EXIT_CODES

NOTE = ("--note", "bank")
LOOKING = {
    "status": (),
    "visits": (),
    "visits --unposted": (),
    "show": ("v-0002",),
    "report": (),
    "backup": ("{folder}/copy.db",),
    "reconcile": (),
}
CHANGING = {
    "drain": (),
    "drain --undo": (),
    "repost": ("v-0001",),
    "retry": ("v-0002",),
    "resolve": ("v-0002", "--as", "unpaid", *NOTE),
}
ALL = {**LOOKING, **CHANGING, "doctor": ()}
DOCUMENTED = {int(line.split()[0]) for line in EXIT_CODES.splitlines() if line[2:3].isdigit()}


class Shop:
    """A journal, settings, and verbs typed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal.db"
        self.config = folder / "worker.toml"
        self.config.write_text(
            CONFIG.format(
                base_url="http://127.0.0.1:9/rest/v1",
                mac_key=MAC_KEY,
                timeout_s=0.5,
                offer_ttl_s=600,
                journal=self.journal,
                till=FIXED,
            )
        )
        self.config.chmod(0o600)

    def command(self, verb: str, *instead: str) -> list[str]:
        words = instead or ALL[verb]
        typed = [word.format(folder=self.folder) for word in (*verb.split(), *words)]
        return [*typed, "--config", str(self.config)]

    def type(self, verb: str, *instead: str) -> tuple[int, str, str]:
        return cli(*self.command(verb, *instead))

    def state(self) -> dict[str, str]:
        """Give everything that a verb could have changed."""
        dump = subprocess.run(
            [sys.executable, "-c", DUMP, str(self.journal)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return {"journal": dump.stdout, "copy": str((self.folder / "copy.db").exists())}


DUMP = """
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for table in ("visit", "notice", "event", "request", "resolution", "charge"):
    print(table, db.execute(f"SELECT * FROM {table}").fetchall())
print(db.execute("SELECT * FROM meta WHERE key = 'draining'").fetchall())
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    an_evening(made.journal)
    return made


def check_sentence(code: int, err: str) -> None:
    assert code in DOCUMENTED
    assert code != 0
    assert err.strip()
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 3, err


@pytest.mark.parametrize("verb", ["show", "repost", "retry", "resolve"])
@pytest.mark.parametrize("name", ["v-0099", "٢", "../x"])
def test_a_wrong_visit_is_named(shop: Shop, verb: str, name: str) -> None:
    before = shop.state()
    code, _, err = shop.type(verb, name, *ALL[verb][1:])

    check_sentence(code, err)
    assert code == 2
    assert "There is no visit" in err
    assert "visits` lists them" in err
    assert shop.state() == before


@pytest.mark.parametrize("verb", [verb for verb in ALL if verb not in {"status", "doctor"}])
def test_a_missing_journal_is_not_made(shop: Shop, verb: str) -> None:
    """`status` says 3, not running; `doctor` has a line for it."""
    for path in shop.folder.glob("journal.db*"):
        path.unlink()
    code, _, err = shop.type(verb)

    check_sentence(code, err)
    assert code == 69
    assert "there is none" in err
    assert list(shop.folder.glob("journal.db*")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("verb", ALL)
def test_a_journal_of_another_user_is_left_alone(shop: Shop, verb: str) -> None:
    """Whoever it is, root too, is told what to type instead."""
    before = shop.state()
    os.chown(shop.journal, 1, -1)
    files = sorted(path.name for path in shop.folder.iterdir())
    code, out, err = shop.type(verb)
    told = out if verb == "doctor" else err

    assert code == (1 if verb == "doctor" else 69)
    assert "sudo -u daemon paysera-worker " + verb.split(maxsplit=1)[0] in told
    assert sorted(path.name for path in shop.folder.iterdir()) == files
    os.chown(shop.journal, 0, -1)
    assert shop.state() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_run_leaves_a_journal_of_another_user_alone(shop: Shop) -> None:
    """A lock or a marker of root's would keep the owner's service from starting."""
    for name in ("journal.db.lock", "journal.db.instance"):
        (shop.folder / name).unlink(missing_ok=True)
    os.chown(shop.journal, 1, -1)
    files = sorted(path.name for path in shop.folder.iterdir())
    code, out, _ = cli("run", "--config", str(shop.config))

    assert code == 69
    assert "sudo -u daemon paysera-worker run" in out
    assert "worker.crashed" not in out
    assert sorted(path.name for path in shop.folder.iterdir()) == files


@pytest.mark.parametrize("verb", ALL)
def test_a_broken_configuration_is_78(shop: Shop, verb: str) -> None:
    before = shop.state()
    shop.config.write_text(shop.config.read_text().replace("timeout_s = 0.5", "timeout_s = soon"))
    code, out, err = shop.type(verb)

    assert (code, out) == (78, "")
    assert "Traceback" not in err
    assert str(shop.config) in err
    assert shop.state() == before


def held(shop: Shop) -> Callable[[], None]:
    """Hold the journal as a worker does that answers nobody."""
    return Lock.take(shop.journal).release


@pytest.mark.parametrize("verb", CHANGING)
def test_a_worker_that_does_not_answer_is_given_up(shop: Shop, verb: str) -> None:
    """After ten seconds the request is taken back, so it is never done behind one's back."""
    before = shop.state()
    release = held(shop)
    code, _, err = shop.type(verb)
    release()

    check_sentence(code, err)
    assert code == 75
    assert "Nothing was changed" in err
    assert list((shop.folder / "journal.db.requests").iterdir()) == []
    assert shop.state() == before


@pytest.mark.parametrize("verb", LOOKING)
def test_a_held_journal_can_be_looked_at(shop: Shop, verb: str) -> None:
    release = held(shop)
    code, _, err = shop.type(verb)
    release()

    assert "Traceback" not in err
    assert code == {"status": 1, "reconcile": 75}.get(verb, 0), err


def run_into(shop: Shop, verb: str, target: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "worker", *shop.command(verb)],
        cwd=ROOT, env=environ(), stdout=target, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("verb", ALL)
def test_a_full_disk_behind_the_output_is_said_and_nothing_is_done(shop: Shop, verb: str) -> None:
    before = shop.state()
    with Path("/dev/full").open("w") as full:
        code, err = run_into(shop, verb, full.fileno())

    check_sentence(code, err)
    if verb in CHANGING:
        assert code == 75
        assert "nothing was changed" in err
    if verb != "backup":  # It is made before it is spoken of.
        assert shop.state() == before


@pytest.mark.parametrize("verb", ALL)
def test_a_reader_that_has_gone_gets_no_traceback(shop: Shop, verb: str) -> None:
    before = shop.state()
    reader, writer = os.pipe()
    os.close(reader)
    code, err = run_into(shop, verb, writer)
    os.close(writer)

    assert code in DOCUMENTED
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    if verb in CHANGING:
        assert code == 75
        assert shop.state() == before


def test_the_readme_and_the_help_know_the_same_verbs() -> None:
    """One table to look at, and it is the program's own."""
    (verbs,) = (action for action in parser()._actions if action.choices)
    readme = (ROOT / "README.md").read_text()
    table = [line for line in readme.splitlines() if line.startswith("| `paysera-worker ")]
    named = {line.split("`")[1].split()[1] for line in table}

    assert named == set(verbs.choices or ())
    operations = (ROOT / "docs/operations.md").read_text()
    assert [verb for verb in ALL if f"`{verb.split()[0]}" not in operations] == []


@pytest.mark.parametrize("verb", ["report", "reconcile"])
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "1999-12-31", "yesterday"])
def test_a_day_that_no_journal_has_is_refused(shop: Shop, verb: str, day: str) -> None:
    """The calendar's first and last day have no neighbours to count from."""
    code, out, err = cli(verb, "--day", day, "--config", shop.config)

    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert day in err.splitlines()[-1]


def test_a_copy_where_nobody_can_look_is_refused(shop: Shop) -> None:
    code, _, err = shop.type("backup", "{folder}/" + "c" * 300)

    check_sentence(code, err)
    assert code == 2
    assert "can not be looked at" in err


def test_a_copy_into_a_locked_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert "can not write into" in refusal(tmp_path / "copy.db")


@pytest.mark.parametrize("name", ["c" * 300 + ".svg", "c" * 300])
def test_a_picture_where_nobody_can_look_is_refused(shop: Shop, name: str) -> None:
    code, _, err = cli(
        "qr", "--spots", "table1", "--format", "svg", "--out", shop.folder / name,
        "--config", shop.config,
    )  # fmt: skip

    check_sentence(code, err)
    assert code == 2


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_a_report_that_nobody_can_read_is_said(shop: Shop, form: str) -> None:
    command = [sys.executable, "-m", "worker", "report", form, "--config", str(shop.config)]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command],
        cwd=ROOT, env=environ(), stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip

    check_sentence(done.returncode, done.stderr)
    assert done.returncode == 75


def test_a_fault_of_ours_is_one_sentence_without_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it is, so that it can be reported; what it quotes may be a secret."""

    def fail(_: object) -> int:
        raise KeyError(MAC_KEY)

    monkeypatch.setattr("worker.cli.show_version", fail)
    code = main(["version"])
    said = capsys.readouterr().err

    check_sentence(code, said)
    assert code == 70
    assert "KeyError at cli.py:" in said
    assert "please report this" in said
    assert MAC_KEY not in said


@pytest.mark.parametrize(
    "typed",
    ["check-config --online", "doctor", "reconcile", "rehearse --spot table1", "retry v-0002"],
)
def test_what_a_verb_logs_is_covered_and_on_stderr(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    """Standard output is for what was asked, and no exception may quote the key."""
    told: dict[str, object] = {}

    def configure(**how: object) -> None:
        told.update(how)
        raise KeyError  # Nothing need be done.

    monkeypatch.setattr("worker.adapters.logs.configure", configure)
    monkeypatch.chdir(shop.folder)

    assert main([*typed.split(), "--config", str(shop.config)]) == 70
    assert told["stream"] is sys.stderr
    assert told["level"] == "error"
    assert MAC_KEY in str(told["secrets"])


@pytest.mark.parametrize(
    "typed",
    [
        *(
            f"sandbox --port 0 --spots {spots}"
            for spots in ("0", "-1", "100001", "1e3", "9" * 5000)
        ),
        *(f"drain --timeout {seconds}" for seconds in ("nan", "inf", "-1", "1e9", "soon")),
    ],
)
def test_a_number_beyond_all_use_is_refused(typed: str) -> None:
    code, out, err = cli(*typed.split())

    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert "give " in err.splitlines()[-1]


def test_a_note_does_not_steer_the_terminal(shop: Shop) -> None:
    """Whoever typed it may have pasted it; whoever reads it later did not ask for it."""
    typed = ("v-0002", "--as", "unpaid", "--note")
    shop.type("resolve", *typed, "seen\x1b[2Jthere")
    again = shop.type("resolve", *typed, "bank")

    assert "\x1b" not in again[1] + again[2]
    assert "seen" in again[1] + again[2]
