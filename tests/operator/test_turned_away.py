"""A worker whose credentials were never good ends, says what to do, and is not started again."""

from pathlib import Path

from tests.operator.theatre import stage


def test_a_key_that_was_never_good_ends_the_worker_with_77_and_one_line_that_says_what_to_do(
    tmp_path: Path,
) -> None:
    """
    Refused for its key from the start and with no visit open, the worker ends by itself after
    seconds, because knocking on could lock the client out; it did not hurry (F16).
    """
    with stage(tmp_path) as play:
        play.scan()
        daemon = play.start(play.config(mac_key="a-key-that-was-never-good"))

        assert daemon.wait() == 77
        (said,) = daemon.told("worker.turned_away")
        assert (said["level"], said["exit_code"]) == ("error", 77)
        assert "wallet.mac_key" in said["do"]
        assert "HTTP 401" in said["error"]
        assert daemon.lines()[-1] == said
        assert daemon.told("worker.crashed") == []
        assert daemon.err.read_text() == ""
        signed = [
            one for one in play.control("GET", "requests")["requests"] if one["op"] != "server"
        ]
        assert 5 <= len(signed) <= 20
        assert play.steps() == []
