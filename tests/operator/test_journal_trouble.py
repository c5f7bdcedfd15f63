"""A worker without a trustworthy journal does nothing at all, and says so."""

import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.crash.books import await_quiet, check_paid_once
from tests.operator.processes import Daemon, cli
from tests.operator.theatre import MAC_KEY, Stage, side_by_side, stage


def check_refusal(daemon: Daemon, *words: str) -> None:
    """Require exit code 69 and one clear line."""
    assert daemon.wait() == 69
    (said,) = daemon.told("journal.unavailable")
    for word in words:
        assert word in said["error"]
    assert said["level"] == "error"
    assert said["exit_code"] == 69
    assert said["do"]
    assert "exception" not in said
    assert daemon.told("worker.crashed") == []
    assert daemon.err.read_text() == ""


def test_a_journal_without_its_directory_is_not_begun(tmp_path: Path) -> None:
    """A missing directory may be a disk that is not mounted: nothing is created there."""
    with stage(tmp_path) as play:
        journal = tmp_path / "not" / "mounted" / "journal.db"
        play.scan()
        check_refusal(play.start(play.config(journal=journal)), str(journal.parent), "install -d")
        assert not journal.parent.exists()
        assert play.calls("transaction.create") == []


def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path: Path) -> None:
    """What is at the path and is not ours is neither used nor overwritten (F47)."""
    with stage(tmp_path) as play:
        junk = b"the shop's own accounts\n" * 500
        play.journal.write_bytes(junk)
        play.scan()
        check_refusal(play.start(play.config()), str(play.journal), "not a journal")
        assert play.journal.read_bytes() == junk
        assert play.calls("transaction.create") == []


def delete(play: Stage, _: Daemon) -> None:
    play.journal.unlink()


def replace(play: Stage, _: Daemon) -> None:
    other = play.folder / "other.db"
    other.write_bytes(play.journal.read_bytes())
    other.rename(play.journal)


def fill_the_disk(play: Stage, daemon: Daemon) -> None:
    log = play.journal.with_name("journal.db-wal").stat().st_size
    _, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (log, hard))


def lose_the_journal(
    folder: Path, how: Callable[[Stage, Daemon], None], word: str, *, is_kept: bool
) -> None:
    with stage(folder) as play:
        config = play.config()
        play.scan()
        daemon = play.start(config)
        key = play.await_offer()
        daemon.await_line("order.offered")
        saved = [(p, p.read_bytes()) for p in folder.glob("journal.db*")]
        how(play, daemon)
        play.control("POST", f"transactions/{key}/reserve")
        check_refusal(daemon, str(play.journal), word)

        assert play.calls("transaction.confirm") == []
        assert play.ledger()["reserved_count"] == 1

        if not is_kept:
            # The operator puts back what was there.
            check_refusal(play.start(config), str(play.journal))
            assert play.calls("transaction.confirm") == []
            for path, content in saved:
                path.write_bytes(content)
        again = play.start(config)
        await_quiet(play)
        assert again.stop() == 0
        check_paid_once(play)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux's prlimit")
def test_a_journal_lost_while_running_stops_the_worker_before_the_next_confirm(
    tmp_path: Path,
) -> None:
    """
    Deleted, replaced or out of room: the worker exits 69 and takes no money it can not record. Once
    the journal is right again, the next start takes it, once (F44, F47).
    """
    side_by_side(
        [
            partial(
                lose_the_journal, tmp_path / "a", delete, "deleted while in use", is_kept=False
            ),
            partial(
                lose_the_journal, tmp_path / "b", replace, "replaced while in use", is_kept=True
            ),
            partial(lose_the_journal, tmp_path / "c", fill_the_disk, "SQLITE_IOERR", is_kept=True),
        ]
    )


def test_the_secret_is_nowhere_to_be_found(tmp_path: Path) -> None:
    """
    After a paid visit with faults at every kind of call, the MAC key is in no line of output and in
    no byte of the journal; nor when the wallet refuses it.
    """
    with stage(tmp_path) as play:
        config = play.config()
        kinds = ["malformed", "html", "error_after", "lost_reply"]
        ops = ["spots.list", "transaction.create", "order.create", "transaction.confirm"]
        planned = [{"op": op, "kind": kind} for op, kind in zip(ops, kinds, strict=True)]
        play.control("PUT", "faults", {"next": planned})
        play.scan()
        daemon = play.start(config)
        play.pay()
        await_quiet(play)
        assert daemon.stop() == 0
        check_paid_once(play)
        canary = "canary-key-that-the-wallet-does-not-know"
        refused = play.start(play.config("refused", mac_key=canary))
        refused.await_line("poll.failed")
        refused.kill()
        shown = [cli(verb, "--config", config) for verb in ("status", "visits")]
        shown += [cli("show", "1", "--config", config)]
        shown += [cli("check-config", "--print", "--config", config)]

        text = daemon.said() + refused.said() + "".join(out + err for _, out, err in shown)
        kept = b"".join(path.read_bytes() for path in tmp_path.glob("journal.db*"))
        assert text.count("v-0001") > 3
        for secret in (MAC_KEY, canary):
            assert secret not in text
            assert secret.encode() not in kept
            assert secret[:16] not in text
