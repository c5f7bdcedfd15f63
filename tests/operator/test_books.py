"""The verbs that add up, compare, copy and diagnose, as a person would use them."""

import csv
import io
import json
import sqlite3
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.adapters.journal.builders import an_entry
from tests.operator.ledgers import an_evening, parked
from tests.operator.processes import cli
from tests.operator.theatre import MAC_KEY, stage
from worker.adapters.journal.reader import JournalReader
from worker.adapters.journal.store import Store
from worker.domain.ids import SpotId
from worker.verbs.keys import with_whole_config

TODAY = datetime.now(UTC).date().isoformat()


def test_a_day_adds_up_and_a_day_without_takings_says_so(tmp_path: Path) -> None:
    """`report` counts by the cent what was taken, and names what still needs somebody."""
    with stage(tmp_path) as play:
        config = play.config()
        an_evening(play.journal)
        day = ("--day", "2026-11-20", "--utc", "--config", config)
        code, out, err = cli("report", *day)
        assert (code, err) == (0, "")
        assert out.splitlines()[2].split() == ["(9975)", "EUR", "1", "1", "12.50", "0.00", "0.00"]
        assert "not in the till now  1  v-0001" in out
        assert "parked now           1  v-0002" in out

        figures = json.loads(cli("report", "--json", *day)[1])
        assert [one["taken_minor"] for one in figures["takings"]] == [1250]
        assert figures["unposted"][0]["why"] == "the shop answered 500"
        assert [one["visit"] for one in figures["parked"]] == ["v-0002"]
        rows = list(csv.DictReader(io.StringIO(cli("report", "--csv", *day)[1])))
        assert [(row["location"], row["taken"]) for row in rows] == [("9975", "12.50")]

        empty = cli("report", "--day", "2026-11-19", "--utc", "--config", config)
        assert "nothing was taken on this day" in empty[1]
        told = ("--as", "paid", "--note", "bank")
        assert cli("resolve", "v-0002", *told, "--config", config)[0] == 0
        out = cli("report", *day)[1]
        assert "25.00" in out
        assert "settled as paid by hand, and counted above: v-0002" in out


def test_both_books_of_a_day_are_compared_to_the_cent(tmp_path: Path) -> None:
    """`reconcile` finds what is only in one of them, beside a worker that runs."""
    with stage(tmp_path) as play:
        config = play.config()
        play.scan()
        daemon = play.start(config)
        play.pay()
        daemon.await_line("visit.closed", end="paid")
        day = ("--day", TODAY, "--utc", "--config", config)
        code, out, err = cli("reconcile", *day)
        assert (code, err) == (0, ""), out
        assert "journal        12.50 EUR   wallet        12.50 EUR" in out
        assert "equal to the cent    1" in out
        assert daemon.stop() == 0

        other = play.config("other", journal=tmp_path / "other.db")
        an_evening(tmp_path / "other.db")
        code, out, _ = cli("reconcile", "--day", TODAY, "--utc", "--config", other)
        assert code == 0
        assert "of others, not ours  1" in out
        code, out, _ = cli("reconcile", "--day", "2026-11-20", "--utc", "--config", other)
        assert code == 1
        assert "DIFFERS  v-0001, 12.50 EUR: only in the journal" in out

        wrong = play.config("wrong", mac_key="not-the-key-that-it-knows")
        code, out, err = cli("reconcile", *day[:-1], wrong)
        assert (code, out) == (77, "")
        keyless = tmp_path / "keyless.toml"
        keyless.write_text(config.read_text().replace(f'mac_key   = "{MAC_KEY}"', ""))
        code, out, err = cli("reconcile", *day[:-1], keyless)
        assert (code, out) == (78, "")
        assert "systemd-run" in err
        assert "LoadCredential=wallet.mac_key" in err
        assert f"paysera-worker reconcile --day {TODAY} --utc --config {keyless}" in err


def test_a_backup_is_whole_and_overwrites_nothing(tmp_path: Path) -> None:
    """`backup` copies beside a running worker, for its owner's eyes, and reads the copy again."""
    with stage(tmp_path) as play:
        config = play.config()
        an_evening(play.journal)
        daemon = play.start(config)
        daemon.await_line("worker.ready")
        target = tmp_path / "copy.db"
        code, out, err = cli("backup", target, "--config", config)
        assert (code, err) == (0, "")
        assert out.startswith(f"Wrote {target}: 2 visits")
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        with JournalReader(target) as reader:
            assert len(reader.visits()) == 2
            assert reader.verify_chain() is None
        before = target.read_bytes()
        code, out, err = cli("backup", target, "--config", config)
        assert (code, out) == (2, "")
        assert "nothing is overwritten" in err
        assert target.read_bytes() == before
        assert cli("backup", tmp_path / "none" / "x.db", "--config", config)[0] == 2
        assert [path.name for path in tmp_path.glob(".copy*")] == []
        assert daemon.stop() == 0

        play.journal.with_name("journal.db.instance").unlink()
        for name in ("journal.db-wal", "journal.db-shm"):
            play.journal.with_name(name).unlink(missing_ok=True)
        target.replace(play.journal)
        restored = Store.open(play.journal)
        assert restored.next_visit_id() == 3
        restored.close()


def test_the_doctor_names_what_is_wrong_and_the_remedy(tmp_path: Path) -> None:
    """`doctor` ends with 0 only when everything is well."""
    with stage(tmp_path) as play:
        config = play.config()
        daemon = play.start(config)
        daemon.await_line("worker.ready")
        code, out, err = cli("doctor", "--config", config)
        assert (code, err) == (0, ""), out
        assert {line[:3] for line in out.splitlines()} == {"ok "}
        for subject in ("journal", "disk", "worker", "DNS", "clock", "9975", "till"):
            assert f"ok   {subject}" in out
        assert daemon.stop() == 0

        with sqlite3.connect(play.journal) as edited:
            edited.execute("DROP TRIGGER IF EXISTS visit_is_kept")
        code, out, _ = cli("doctor", "--config", play.config("wrong", mac_key="x" * 32))
        assert code == 1
        assert "BAD  worker       start it" in out
        assert "BAD  9975         check wallet.client_id and wallet.mac_key" in out
        keyless = tmp_path / "keyless.toml"
        keyless.write_text(config.read_text().replace(f'mac_key   = "{MAC_KEY}"', ""))
        code, out, _ = cli("doctor", "--config", keyless)
        assert code == 1
        assert "BAD  credentials" in out
        assert f"paysera-worker doctor --config {keyless}" in out


def test_the_line_that_hands_the_key_over_names_the_settings_from_the_root_on() -> None:
    """The unit that it makes has neither this shell's folder nor its environment."""
    here, env = Path.cwd(), {"PAYSERA_WORKER_CONFIG": "named.toml"}

    assert with_whole_config(["doctor"], {}) == ["doctor"]
    assert with_whole_config(["doctor"], env) == ["doctor", "--config", f"{here}/named.toml"]
    for words in (["--config", "my own.toml"], ["--config=my own.toml"]):
        (whole,) = {" ".join(with_whole_config(words, env)).replace("=", " ")}
        assert whole == f"--config {here}/my own.toml"


def test_all_that_need_a_human_are_listed(tmp_path: Path) -> None:
    """Whoever works the list off must not believe at its fiftieth line that it ends there."""
    with stage(tmp_path) as play:
        config = play.config()
        store = Store.open(play.journal)
        visits = [parked(number, f"B-{number}") for number in range(1, 61)]
        store.commit([an_entry(replace(one, spot_id=SpotId(one.label))) for one in visits])
        store.close()

        listed = cli("visits", "--parked", "--config", config)[1].splitlines()
        assert len(listed) == 1 + 60
        newest = cli("visits", "--config", config)[1].splitlines()
        assert len(newest) == 1 + 50 + 1
        assert "the newest 50" in newest[-1]


def test_status_names_the_journal_as_references_do(tmp_path: Path) -> None:
    """A twin is told by its reference, whose second part is the name of its journal."""
    with stage(tmp_path) as play:
        config = play.config()
        an_evening(play.journal)
        with JournalReader(play.journal) as reader:
            name = reader.instance()

        assert f"  journal        {name}\n" in cli("status", "--config", config)[1]
        assert json.loads(cli("status", "--json", "--config", config)[1])["journal"] == name
