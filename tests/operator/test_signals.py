"""How the worker stops, goes on, and shares its journal with nobody."""

import signal
from functools import partial
from pathlib import Path

import pytest

from tests.crash.books import await_quiet, check_paid_once
from tests.operator.processes import Daemon
from tests.operator.theatre import MAC_KEY, side_by_side, stage
from worker.adapters.journal.reader import IntentLine, JournalReader
from worker.domain.visit import Step
from worker.ports import IntentState

STOP_S = 10.0
"""A stop may take this long, whatever is under way."""


def await_end(daemon: Daemon) -> Daemon:
    """Require that the worker ended by itself, well, and in time."""
    assert daemon.wait(STOP_S) == 0
    assert daemon.told("worker.stopped", exit_code=0)
    assert daemon.err.read_text() == ""
    return daemon


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_ends_well_and_its_visit_goes_on_at_the_next_start(
    tmp_path: Path, number: signal.Signals
) -> None:
    """TERM and INT end with 0; an open visit waits in the journal, is resumed and ends right."""
    with stage(tmp_path) as play:
        config = play.config()
        play.scan()
        daemon = play.start(config)
        key = play.await_offer()
        play.await_steps(Step.OFFERED)
        daemon.tell(number)
        await_end(daemon)

        assert daemon.told("worker.signalled", signal=number.name)
        assert play.steps() == [Step.OFFERED]

        play.control("POST", f"transactions/{key}/reserve")
        again = play.start(config)
        await_quiet(play)
        assert again.told("visits.resumed", count=1)
        assert again.stop() == 0
        check_paid_once(play)


def stop_while_a_call_hangs(folder: Path, op: str, number: signal.Signals) -> None:
    with stage(folder) as play:
        config = play.config(timeout_s=60.0)
        play.scan()
        if op == "transaction.create":
            play.hold(op)
        daemon = play.start(config)
        if op != "transaction.create":
            key = play.await_offer()
            play.hold(op)
            play.control("POST", f"transactions/{key}/reserve")
        play.await_held(op)
        daemon.tell(number)
        await_end(daemon)
        (waits_for,) = [line["waits_for"] for line in daemon.told("worker.stopping")]
        with JournalReader(play.journal) as reader:
            (visit,) = reader.visits(open_only=True)
            pending = [
                line.kind.value
                for line in reader.story(visit.visit_id)
                if isinstance(line, IntentLine) and line.state is IntentState.PENDING
            ]
        assert visit.label in waits_for
        assert pending == [op.removeprefix("transaction.").removeprefix("spot.")]

        again = play.start(config)
        if op == "transaction.create":
            play.pay()
        await_quiet(play)
        assert again.stop() == 0
        check_paid_once(play)


def test_a_stop_does_not_wait_for_a_wallet_that_hangs(tmp_path: Path) -> None:
    """
    However long a call hangs, the worker ends with 0 within 10 s and says what it waited for; the
    call's intent stays pending in the journal, and the next start finds out what became of it
    (F33).
    """
    calls = ["transaction.create", "transaction.confirm", "spot.close"]
    signals = [signal.SIGTERM, signal.SIGINT, signal.SIGTERM]
    side_by_side(
        [
            partial(stop_while_a_call_hangs, tmp_path / op, op, number)
            for op, number in zip(calls, signals, strict=True)
        ]
    )


def test_a_call_that_is_answered_in_time_is_journaled_before_the_worker_stops(
    tmp_path: Path,
) -> None:
    """A stop lets the call in flight finish: its outcome is durable and needs no search later.

    (F33)
    """
    with stage(tmp_path) as play:
        config = play.config(timeout_s=10.0)
        play.scan()
        daemon = play.start(config)
        key = play.await_offer()
        play.hold("transaction.confirm", 2.0)
        play.control("POST", f"transactions/{key}/reserve")
        play.await_held("transaction.confirm")
        daemon.tell(signal.SIGTERM)
        await_end(daemon)

        with JournalReader(play.journal) as reader:
            (visit,) = reader.visits()
            states = [
                line.state
                for line in reader.story(visit.visit_id)
                if isinstance(line, IntentLine) and line.kind.value == "confirm"
            ]
        assert states == [IntentState.DONE]

        again = play.start(config)
        await_quiet(play)
        assert again.stop() == 0
        check_paid_once(play)


def test_usr1_is_answered_in_the_log_and_ends_nothing(tmp_path: Path) -> None:
    """Whoever asks by the signal that other services take for this gets one line with figures."""
    with stage(tmp_path) as play:
        config = play.config()
        play.scan()
        daemon = play.start(config)
        play.await_offer()
        play.await_steps(Step.OFFERED)
        daemon.tell(signal.SIGUSR1)
        said = daemon.await_line("worker.state")

        assert said["open"] == 1
        assert said["is_draining"] is False
        assert said["good_poll_age_s"] is not None
        assert daemon.stop() == 0
        assert daemon.err.read_text() == ""


def test_a_hangup_is_answered_in_the_log_and_changes_nothing(tmp_path: Path) -> None:
    """HUP does not kill; the log says that settings are not reloaded and what to do instead.

    (F57)
    """
    with stage(tmp_path) as play:
        daemon = play.start(play.config())
        daemon.await_line("worker.ready")
        daemon.tell(signal.SIGHUP)
        said = daemon.await_line("worker.signalled", signal="SIGHUP")
        assert said["level"] == "warning"
        assert "not reloaded" in said["why"]
        assert "restart" in said["do"]

        play.scan()
        play.pay()
        await_quiet(play)
        assert daemon.stop() == 0
        check_paid_once(play)


def test_a_second_worker_on_the_same_journal_is_turned_away(tmp_path: Path) -> None:
    """One journal serves one worker: the second exits 75 and says why, the first goes on (F37)."""
    with stage(tmp_path) as play:
        config = play.config()
        first = play.start(config)
        first.await_line("worker.ready")
        play.scan()
        key = play.await_offer()

        second = play.start(config)
        assert second.wait() == 75
        (said,) = second.told("journal.locked")
        assert str(play.journal) in said["error"]
        assert f"pid {first.process.pid}" in said["error"]
        assert said["do"]
        assert second.err.read_text() == ""
        assert second.told("spot.seen") == []

        play.control("POST", f"transactions/{key}/reserve")
        await_quiet(play)
        assert first.stop() == 0
        check_paid_once(play)


def test_a_broken_configuration_is_reported_at_once_and_never_shows_the_secret(
    tmp_path: Path,
) -> None:
    """A worker with wrong settings exits 78 and names every key, origin and remedy on stderr.

    (F57)
    """
    with stage(tmp_path) as play:
        config = play.config()
        text = config.read_text()
        text = text.replace("spots_interval_s        = 3.0", "spots_interval_s = 0.1\nspeed = 9")
        config.write_text(text.replace("id = 9975", 'id = "9975"'))
        daemon = play.start(config)

        assert daemon.wait() == 78
        report = daemon.err.read_text()
        assert len(report.splitlines()) == 4
        for key in ("polling.spots_interval_s", "polling.speed", "locations"):
            assert key in report
        assert report.count(str(config)) >= 3
        assert MAC_KEY not in daemon.said()
        assert daemon.out.read_text() == ""
        assert not play.journal.exists()
