"""Verbs that change something: with a worker that runs, and without one."""

import json
import re
from pathlib import Path

from tests.operator.ledgers import WHY, an_evening
from tests.operator.processes import cli, until
from tests.operator.theatre import Stage, stage
from worker.adapters.journal.reader import JournalReader
from worker.domain.ids import VisitId
from worker.ports import NoticeState


def states(play: Stage, number: int) -> list[NoticeState]:
    with JournalReader(play.journal) as reader:
        return [one.state for one in reader.notices(VisitId(number))]


def test_what_the_till_has_not_accepted_is_listed_and_told_again(tmp_path: Path) -> None:
    """`visits --unposted` says how long, how often and why; `repost` hands it back; both ways."""
    with stage(tmp_path) as play:
        config = play.config()
        an_evening(play.journal)
        code, out, err = cli("visits", "--unposted", "--config", config)
        assert (code, err) == (0, "")
        for part in ("v-0001", "T1", "B-1", "12.50 EUR", "parked", "1x", WHY, "repost VISIT"):
            assert part in out, out
        code, out, _ = cli("status", "--config", config)
        assert code == 3
        assert "not in till    1, 1 of them given up" in out

        code, out, err = cli("repost", "v-0001", "--config", config)
        assert (code, err) == (0, "")
        assert out == "repost v-0001:\nThe till is told again of v-0001, 1 notice, at once.\n"
        assert states(play, 1) == [NoticeState.PENDING]

        daemon = play.start(config)
        until("the till accepted it", lambda: states(play, 1) == [NoticeState.ACCEPTED])
        code, out, _ = cli("repost", "1", "--config", config)
        assert code == 0
        assert "accepted it already: 12.50 EUR at 20" in out
        assert cli("visits", "--unposted", "--config", config)[1].startswith("no visits: the till")
        code, out, err = cli("repost", "v-0099", "--config", config)
        assert (code, out) == (2, "repost v-0099:\n")
        assert "There is no visit" in err
        code, out, _ = cli("show", "v-0001", "--config", config)
        assert re.search(r"till       12\.50 EUR accepted 20.* told 2 times", out)
        assert "reposted" in out
        assert daemon.stop() == 0


def test_a_running_worker_is_asked_and_the_till_hears_at_once(tmp_path: Path) -> None:
    """The journal has one writer: beside a worker, the verb puts a letter into its box."""
    with stage(tmp_path) as play:
        config = play.config()
        an_evening(play.journal)
        daemon = play.start(config)
        daemon.await_line("worker.ready")
        code, out, err = cli("repost", "v-0001", "--config", config)
        assert (code, err) == (0, "")
        assert "told again" in out
        until("the till accepted it", lambda: states(play, 1) == [NoticeState.ACCEPTED])
        assert daemon.await_line("worker.asked")["verb"] == "repost"
        assert list((tmp_path / "journal.db.requests").iterdir()) == []
        assert daemon.stop() == 0


def test_draining_begins_no_visit_finishes_open_ones_and_survives_a_restart(
    tmp_path: Path,
) -> None:
    """`drain` is visible, lasting and can be taken back; `--wait` ends when no visit is open."""
    with stage(tmp_path) as play:
        config = play.config()
        play.scan()
        daemon = play.start(config)
        play.await_offer()
        code, out, err = cli("drain", "--config", config)
        assert (code, err) == (0, "")
        daemon.await_line("worker.draining")
        code, out, err = cli("drain", "--wait", "--timeout", "0.1", "--config", config)
        assert code == 75
        assert "v-0001" in out
        assert "1 still open" in err

        play.scan("table2")
        play.pay()
        code, out, err = cli("drain", "--wait", "--timeout", "40", "--config", config)
        assert (code, err) == (0, "")
        assert out.endswith("No visit is open.\n")
        code, out, _ = cli("status", "--config", config)
        assert out.startswith("paysera-worker is well, and draining: no new visits\n")
        labels = [line[:16] for line in out.splitlines() if line.startswith("  ")]
        assert len(labels) == len(set(labels)), "each thing is said once"
        assert daemon.stop() == 0

        daemon = play.start(config)
        daemon.await_line("worker.ready")
        polls = len(play.calls("spots.list"))
        until("two more polls", lambda: len(play.calls("spots.list")) > polls + 1)
        assert len(play.steps()) == 1
        figures = json.loads(cli("status", "--json", "--config", config)[1])
        assert figures["draining_since"]
        assert figures["report"]["is_draining"] is True
        code, out, err = cli("drain", "--undo", "--config", config)
        assert (code, err) == (0, "")
        play.await_offer("table2")
        daemon.await_line("worker.undrained")
        assert daemon.stop() == 0


def test_a_parked_visit_is_settled_once_and_for_good(tmp_path: Path) -> None:
    """`resolve` is kept with who, when and why; the till hears of what was paid."""
    with stage(tmp_path) as play:
        config = play.config()
        an_evening(play.journal)
        daemon = play.start(config)
        daemon.await_line("worker.ready")

        def counted() -> object:
            return json.loads(cli("status", "--json", "--config", config)[1])["report"]["parked"]

        until("the worker counts it, though an earlier run parked it", lambda: counted() == 1)
        code, out, err = cli("retry", "v-0002", "--config", config)
        assert (code, err) == (0, "")
        assert "Paysera knows no such transaction" in out
        assert "no money was moved" in out

        told = ("--as", "paid", "--note", "seen at the bank")
        code, out, err = cli("resolve", "v-0002", *told, "--config", config)
        assert (code, err) == (0, "")
        assert "The till is told that 12.50 EUR of bill B-2 is paid." in out
        until("the till accepted it", lambda: states(play, 2) == [NoticeState.ACCEPTED])
        for arguments in (told, ("--as", "unpaid", "--note", "no")):
            code, out, err = cli("resolve", "v-0002", *arguments, "--config", config)
            assert code == 2
            assert "was settled as paid" in err
        code, out, err = cli("resolve", "v-0001", *told, "--config", config)
        assert code == 2
        assert "v-0001 is not parked but closed" in err
        assert cli("visits", "--parked", "--config", config) == (0, "no visits\n", "")
        out = cli("show", "v-0002", "--config", config)[1]
        assert "settled    as paid" in out
        assert "seen at the bank" in out
        figures = json.loads(cli("status", "--json", "--config", config)[1])
        assert (figures["parked"], figures["settled"]) == (0, 1)
        until("the worker counts it no more", lambda: counted() == 0)
        assert daemon.stop() == 0
