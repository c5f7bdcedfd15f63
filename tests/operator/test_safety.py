"""How far a real worker goes, and what it says about it."""

from pathlib import Path

from tests.operator.processes import cli, until
from tests.operator.theatre import Stage, stage
from worker.domain.visit import Step

OBSERVE = '[safety]\nmode = "observe"\n'
CANARY = '[safety]\nmode = "canary"\nmax_amount_minor = 1250\ncanary_spots = ["table2"]\n'


def config(play: Stage, more: str = "", client_id: str = "wkVd93h2uS") -> Path:
    """Write a configuration with a section more, or for another client."""
    path = play.config()
    path.write_text(path.read_text().replace("wkVd93h2uS", client_id) + more)
    return path


def test_an_observing_worker_tells_what_it_would_do_and_sends_no_write(tmp_path: Path) -> None:
    """The first day at a venue: the log has the bills, Paysera saw reads only."""
    with stage(tmp_path) as play:
        play.scan()
        settings = config(play, OBSERVE)
        daemon = play.start(settings)
        told = daemon.await_line("observe.would_offer")

        assert (told["table"], told["amount"]) == ("table1", "12.50 EUR")
        assert daemon.lines()[0]["mode"] == "sandbox, observe"
        until("it reported", lambda: "sandbox, observe" in cli("status", "--config", settings)[1])
        assert daemon.stop() == 0
        methods = {one["method"] for one in play.control("GET", "requests")["requests"]}
        assert methods == {"GET"}
        assert play.steps() == []


def test_a_canary_serves_its_table_and_says_so_once(tmp_path: Path) -> None:
    """The other tables are left alone; the money of its own is taken as ever."""
    with stage(tmp_path) as play:
        play.scan("table1")
        play.scan("table2")
        daemon = play.start(config(play, CANARY))
        play.pay("table2")
        play.await_steps(Step.CLOSED)

        assert daemon.told("worker.canary")[0]["tables"] == "table2"
        assert daemon.stop() == 0
        waiting = [s for s in play.ledger()["spots"] if s["status"] == "waiting"]
        assert [(one["identifier"], one["orders"]) for one in waiting] == [("table1", [])]


def test_real_credentials_never_take_a_sandbox_for_the_wallet(tmp_path: Path) -> None:
    """78, before anything is written, and not "your key is wrong": the address is (F60)."""
    with stage(tmp_path) as play:
        play.scan()
        settings = config(play, client_id="a-real-client")
        daemon = play.start(settings)

        assert daemon.wait() == 78
        (said,) = daemon.told("worker.sandbox_met")
        assert "wallet.base_url" in said["do"]
        assert daemon.lines()[-1] == said
        assert not daemon.told("wallet.credentials_refused")
        assert {one["method"] for one in play.control("GET", "requests")["requests"]} == {"GET"}

        code, _, err = cli("check-config", "--online", "--config", settings)
        assert code == 78
        assert "sandbox" in err


def test_what_was_taken_today_counts_after_a_restart(tmp_path: Path) -> None:
    """A day's bound of one bill: the second table is not offered any, whoever restarted."""
    day = "[safety]\nmax_day_minor = 2499\n"
    with stage(tmp_path) as play:
        settings = config(play, day)
        play.scan("table1")
        first = play.start(settings)
        play.pay("table1")
        play.await_steps(Step.CLOSED)
        assert first.stop() == 0

        play.scan("table2")
        second = play.start(settings)
        told = second.await_line("bill.too_much")
        assert told["table"] == "table2"
        assert "12.49 EUR are left" in told["why"]
        play.await_steps(Step.CLOSED, Step.CLOSED)
        assert second.stop() == 0
        assert play.applied("transaction.create") == 1
