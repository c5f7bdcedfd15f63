"""A first payment of one cent, rehearsed at sandboxes that agree, and at others that do not."""

import asyncio
import errno
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.operator.processes import ROOT, Performer, cli, environ, until
from tests.operator.theatre import Stage, stage
from worker.sandbox.manners import SWITCHES
from worker.verbs import rehearse as verb
from worker.verbs.rehearse.assumptions import ASSUMPTIONS
from worker.verbs.rehearse.note import Made, Note

LOWERED = "transaction.confirm.lowered"


def play_like(path: Path, **findings: str) -> Path:
    """Write a recording that tells a sandbox how to answer."""
    told = {"format": "paysera-worker-rehearsal", "version": 1, "findings": findings}
    path.write_text(json.dumps(told))
    return path


@contextmanager
def phone(play: Stage, table: str = "table1", revokes: int = 1) -> Iterator[None]:
    """Somebody who scans the table once it is waited for, and accepts what the phone shows.

    It is waited for once so many transactions were withdrawn.
    """
    over = threading.Event()
    before = len(play.calls("transaction.revoke"))

    def look() -> None:
        is_seated = False
        while not over.wait(0.1):
            if not is_seated and len(play.calls("transaction.revoke")) >= before + revokes:
                play.scan(table)
                is_seated = True
            for spot in play.ledger()["spots"]:
                for order in spot["orders"]:
                    if order["status"] == "pending":
                        key = order["transaction_key"]
                        play.control("POST", f"transactions/{key}/reserve")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def rehearse(play: Stage, *more: str, revokes: int = 1) -> tuple[int, str, str]:
    """Rehearse with the phone at hand; give the exit code and what was said."""
    out = play.folder / "rehearsal.json"
    with phone(play, revokes=revokes):
        return cli(
            "rehearse", "--config", play.config(), "--spot", "table1", "--yes", "--out", out, *more
        )


def findings(play: Stage) -> dict[str, str]:
    """Read what a rehearsal found."""
    found: dict[str, str] = json.loads((play.folder / "rehearsal.json").read_text())["findings"]
    return found


def assert_nothing_is_left(play: Stage) -> None:
    """Nobody waits, nothing is held or open, and no note is left."""
    ledger = play.ledger()
    assert ledger["waiting_spots"] == 0
    assert ledger["reserved_count"] == 0
    assert set(play.control("GET", "state")["transactions"]) <= {
        "confirmed",
        "deleted",
        "revoked",
        "rejected",
    }
    assert not (play.folder / "rehearsal.json.unfinished").exists()


def test_both_sides_know_the_same_assumptions() -> None:
    """The sandbox shares no code with the rest, so the two lists are compared here."""
    assert {one.name: tuple(one.answers) for one in ASSUMPTIONS} == dict(SWITCHES)


def test_a_rehearsal_pays_one_cent_and_finds_everything_as_assumed(tmp_path: Path) -> None:
    """Each question that can be asked is asked, and nothing is left behind."""
    with stage(tmp_path) as play:
        code, out, err = rehearse(play)

        assert (code, err) == (0, "")
        assert findings(play) == {
            one.name: one.assumed for one in ASSUMPTIONS if one.name != LOWERED
        }
        assert "0.01 EUR" in out
        assert play.ledger()["confirmed_count"] == 1
        assert_nothing_is_left(play)


def test_a_lowered_confirm_is_tried_only_when_it_is_asked_for(tmp_path: Path) -> None:
    """Two cents agreed to, one taken."""
    with stage(tmp_path) as play:
        code, _, err = rehearse(play, "--try-lowered", "--amount-minor", "2")

        assert (code, err) == (0, "")
        assert findings(play)[LOWERED] == "taken"
        assert_nothing_is_left(play)


def test_a_sandbox_that_plays_a_recording_is_found_to_be_just_so(tmp_path: Path) -> None:
    """A rehearsal at a stranger, its recording played by a sandbox, and the same findings again."""
    strange = {
        "server.unsigned": "signed",
        "spots.metadata": "untold",
        "transaction.create.answer": "key",
        "transaction.revoke.answer": "empty",
        "transaction.revoke.new": "missing",
        "order.create.answer": "wrapped",
        "transaction.confirm.answer": "empty",
        "transaction.confirm.repeated": "accepted",
        "spot.close.answer": "empty",
        "spot.close.repeated": "accepted",
        "spot.close.orders": "kept",
    }
    first = play_like(tmp_path / "manners.json", **strange)
    with stage(tmp_path / "first", "--as-recorded", str(first)) as play:
        rehearse(play)
        found = findings(play)
        assert found.items() >= strange.items()
    second = tmp_path / "first" / "rehearsal.json"
    with stage(tmp_path / "second", "--as-recorded", str(second)) as play:
        rehearse(play)
        assert findings(play) == found


def test_a_recording_holds_no_key_no_name_and_nobody_s_text(tmp_path: Path) -> None:
    """What was sent and answered is there in shape, and nothing that anybody could misuse."""
    with stage(tmp_path) as play:
        code, out, err = rehearse(play)
        assert code == 0
        recorded = (play.folder / "rehearsal.json").read_text()
        keys = [one["path"].split("/")[4] for one in play.calls("transaction.get")]
        secrets = [*keys, "IrdTc8uQodU7PRpLzzLTW6wqZAO6tAMU", "wkVd93h2uS", "table1", "9975"]
        secrets += ["Sandbox place", "Loopback street", "rehearsal.", "mac=", "nonce"]

        assert len(keys) > 2
        for secret in secrets:
            assert secret not in recorded.replace("paysera-worker-rehearsal", ""), secret
            if secret in keys or secret.startswith("Ird"):
                assert secret not in out + err
        assert '"status": "confirmed"' in recorded


def test_a_rehearsal_that_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C with money held: it is given back, and the table is free."""
    with stage(tmp_path) as play:
        play.hold("transaction.confirm")
        out = play.folder / "rehearsal.json"
        config = play.config()
        arguments = ("--config", config, "--spot", "table1", "--yes", "--out", out)
        with phone(play):
            performer = Performer(tmp_path, "rehearsal", "rehearse", *arguments)
            play.await_held("transaction.confirm")
            performer.process.send_signal(2)
            code = performer.process.wait(60)

        assert code == 130, performer.said()
        assert "Stopped by you." in performer.said()
        assert play.ledger()["confirmed_count"] == 0
        assert_nothing_is_left(play)


def is_asked(out: Path, number: int) -> bool:
    """Tell whether a step has asked for Enter."""
    said = out.read_text()
    return f"\n{number}. " in said and said.count("Enter: go on") == number


def test_a_person_is_asked_before_each_step_and_can_end_it_at_any(tmp_path: Path) -> None:
    """Enter goes on; Ctrl-C at the question ends it, and the table that was scanned is free."""
    with stage(tmp_path) as play:
        arguments = ("--config", play.config(), "--spot", "table1")
        out = tmp_path / "said"
        with out.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "worker", "rehearse", *map(str, arguments)],
                env=environ() | {"PYTHONPATH": str(ROOT)},
                cwd=tmp_path,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            assert process.stdin is not None
            for number in range(1, 6):
                until("it asks", partial(is_asked, out, number))
                process.stdin.write(b"\n")
                process.stdin.flush()
            play.scan()
            until("it asks about the table", partial(is_asked, out, 6))
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
        finally:
            process.kill()
            process.communicate()

        assert code == 130, out.read_text()
        assert "Clearing away" in out.read_text()
        assert_nothing_is_left(play)


def test_a_rehearsal_that_was_killed_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    """Its note says what it made; the second run ends that first, then plays."""
    with stage(tmp_path) as play:
        play.hold("order.create")
        out = play.folder / "rehearsal.json"
        config = play.config()
        arguments = ("--config", config, "--spot", "table1", "--yes", "--out", out)
        with phone(play):
            performer = Performer(tmp_path, "rehearsal", "rehearse", *arguments)
            play.await_held("order.create")
            performer.kill()
        assert (play.folder / "rehearsal.json.unfinished").stat().st_mode & 0o077 == 0
        play.control("POST", "spots/table1/leave")
        code, said, err = rehearse(play, revokes=2)

        assert (code, err) == (0, "")
        assert "An earlier rehearsal left something" in said
        assert_nothing_is_left(play)


def test_a_create_whose_answer_was_lost_is_found_by_its_reference(tmp_path: Path) -> None:
    """The wallet made it, nobody heard its key: it is searched for and withdrawn."""
    with stage(tmp_path) as play:
        faults = {"next": [{"op": "transaction.create", "kind": "lost_reply", "times": 1}]}
        play.control("PUT", "faults", faults)
        code, _, err = rehearse(play, revokes=99)

        assert code == 75
        assert "no answer" in err
        assert play.applied("transaction.create") == 1
        assert_nothing_is_left(play)


def test_no_rehearsal_beside_a_worker(tmp_path: Path) -> None:
    """The worker would serve the operator's own check-in."""
    with stage(tmp_path) as play:
        daemon = play.start(play.config())
        daemon.await_line("worker.ready")
        code, out, err = rehearse(play)

        assert (code, out) == (75, "")
        assert "Stop that one first" in err


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--amount-minor", "101"), 2, "from 1 to 100"),
        (("--amount-minor", "0"), 2, "from 1 to 100"),
        (("--try-lowered",), 2, "from 2 to 100"),
        (("--currency", "euro"), 2, "three capital letters"),
        (("--location", "1"), 2, "not in the settings"),
    ],
)
def test_what_a_rehearsal_can_not_do_is_said_before_anything_is_sent(
    tmp_path: Path, more: tuple[str, ...], code: int, words: str
) -> None:
    """One sentence, and Paysera saw nothing (F60)."""
    with stage(tmp_path) as play:
        found, out, err = rehearse(play, *more)

        assert (found, out) == (code, "")
        assert words in err
        assert not play.control("GET", "requests")["requests"]


@pytest.mark.parametrize("out", ["", ".", "missing/r.json", "x" * 250, "/dev/null"])
def test_a_recording_that_can_not_be_written_is_refused_first(tmp_path: Path, out: str) -> None:
    """Found out at the end, the findings would be lost and a note could not be kept."""
    with stage(tmp_path) as play:
        target = out if out in {"", ".", "/dev/null"} else tmp_path / out
        arguments = ("--config", play.config(), "--spot", "table1", "--yes", "--out", target)
        code, said, err = cli("rehearse", *arguments)

        assert (code, said) == (2, "")
        assert "choose another --out" in err
        assert not play.control("GET", "requests")["requests"]
        assert list(tmp_path.glob("*.part")) == []


def test_what_is_left_is_said_when_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The note may be lost with the disk, so these words may be all that is known of it."""

    async def nothing() -> None:
        pass

    async def fail(*_: object, **__: object) -> list[str]:
        raise OSError(errno.ENOSPC, "No space left on device")

    def stop() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def have(name: str, value: object) -> None:
        monkeypatch.setattr(rehearsal, name, value, raising=False)

    rehearsal = object.__new__(verb.Rehearsal)
    with asyncio.Runner() as runner:
        have("_runner", runner)
        have("_note", Note(tmp_path / "note", [Made("rehearsal.1.1", 0.0)], "spot-1"))
        have("_wish", SimpleNamespace(spot="table1"))
        have("_clock", None)
        have("_line", SimpleNamespace(wallet=SimpleNamespace(aclose=nothing)))
        have("_clear_earlier", lambda: None)
        have("_play_all", stop)
        have("_tell", lambda: 0)
        monkeypatch.setattr(verb, "clear", fail)
        code = rehearsal.run()
    err = capsys.readouterr().err

    assert code == 69
    assert "Stopped: [Errno 28] No space left" in err
    assert "LEFT: transaction rehearsal.1.1 may be open" in err
    assert "LEFT: table table1 may be waiting" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "it is not a recording"),
        ('{"format": "paysera-worker-rehearsal", "version": 2}', "its version is 2"),
        (
            '{"format": "paysera-worker-rehearsal", "version": 1, "findings": {"moon": "full"}}',
            "'moon' is no assumption",
        ),
        (
            '{"format": "paysera-worker-rehearsal", "version": 1, "findings": '
            '{"spot.single": "sometimes"}}',
            "spot.single can not be 'sometimes'",
        ),
        (
            '{"format": "paysera-worker-rehearsal", "version": 1, "findings": {}, "more": 1}',
            "unknown entries: 'more'",
        ),
        ('{"format": "paysera-worker-rehearsal", "version": 1}', "no findings"),
    ],
)
def test_a_recording_that_is_not_understood_is_refused_by_name(
    tmp_path: Path, text: str, words: str
) -> None:
    """A sandbox that ignored an entry would claim to be what it is not."""
    file = tmp_path / "recording.json"
    file.write_text(text)

    code, out, err = cli("sandbox", "--port", "0", "--as-recorded", file)

    assert (code, out) == (2, "")
    assert words in err
