"""The power goes while a call is out. Whatever became of the call, the next start ends it right."""

from enum import Enum
from functools import partial
from pathlib import Path

import pytest

from tests.crash.books import await_quiet, check_books, check_paid_once
from tests.operator.processes import Daemon, until
from tests.operator.theatre import FOR_EVER_S, Stage, side_by_side, stage
from worker.adapters.journal.reader import JournalReader
from worker.domain.visit import End, Step


class Fate(Enum):
    """What becomes of the call that was out when the power went; how long the wallet sits on it."""

    LOST = FOR_EVER_S
    """It never takes effect."""
    UNHEARD = 1.5
    """It takes effect, nobody hears the answer, and then the next start comes."""
    LATE = 3.0
    """It takes effect only while the next start is already at work."""


def kill_while_held(play: Stage, daemon: Daemon, config: Path, op: str, fate: Fate) -> Daemon:
    """Kill the worker inside the call that is held, let the call meet its fate, start again."""
    number = play.await_held(op)
    daemon.kill()
    if fate is Fate.UNHEARD:
        play.await_landed(op, number)
    successor = play.start(config)
    if fate is Fate.LATE:
        play.await_landed(op, number)
    return successor


def pay_with_a_kill(folder: Path, op: str, fate: Fate, *, is_offered: bool) -> None:
    """Take one guest from the scan to the free table, with a kill inside one call."""
    with stage(folder) as play:
        config = play.config()
        play.scan()
        if not is_offered:
            play.hold(op, fate.value)
        daemon = play.start(config)
        if is_offered:
            key = play.await_offer()
            play.await_steps(Step.OFFERED)
            play.hold(op, fate.value)
            play.control("POST", f"transactions/{key}/reserve")
        successor = kill_while_held(play, daemon, config, op, fate)
        if not is_offered:
            play.pay()
        await_quiet(play)
        assert successor.stop() == 0

        check_paid_once(play)


@pytest.mark.parametrize(
    ("op", "is_offered"),
    [
        ("spot.get", False),
        ("transaction.create", False),
        ("order.create", False),
        ("transaction.get", True),
        ("transaction.confirm", True),
        ("spot.get", True),
        ("spot.close", True),
    ],
)
def test_a_paid_visit_survives_a_kill_in_any_of_its_calls(
    tmp_path: Path, op: str, is_offered: bool
) -> None:
    """
    Whichever call is out when the worker is killed, and whether or not it takes effect, the guest
    pays exactly once, the table is freed exactly once, and both books agree to the cent (F3, F5,
    F31).
    """
    side_by_side(
        [
            partial(pay_with_a_kill, tmp_path / fate.name, op, fate, is_offered=is_offered)
            for fate in Fate
        ]
    )


def let_an_offer_lapse(folder: Path, op: str, fate: Fate) -> None:
    with stage(folder) as play:
        config = play.config(offer_ttl_s=1.0)
        play.scan()
        play.hold(op, fate.value)
        daemon = play.start(config)
        successor = kill_while_held(play, daemon, config, op, fate)
        await_quiet(play)
        assert successor.stop() == 0

        ends = check_books(play)
        assert set(ends) == {End.UNPAID}
        assert play.ledger()["statuses"] == {"deleted": len(ends)}
        assert play.applied("transaction.revoke") == len(ends)


def test_a_kill_while_an_unpaid_offer_is_withdrawn_still_withdraws_it(tmp_path: Path) -> None:
    """
    What nobody paid in time is withdrawn once and the table freed, killed in between or not. A
    guest who still sits there after the kill may be another one, and is offered the bill anew
    (F31).
    """
    side_by_side(
        [
            partial(let_an_offer_lapse, tmp_path / fate.name, "transaction.revoke", fate)
            for fate in Fate
        ]
    )


def decline_with_a_kill(folder: Path, op: str, fate: Fate) -> None:
    with stage(folder) as play:
        config = play.config()
        play.scan()
        daemon = play.start(config)
        key = play.await_offer()
        play.await_steps(Step.OFFERED)
        play.hold(op, fate.value)
        play.control("POST", f"transactions/{key}/decline")
        successor = kill_while_held(play, daemon, config, op, fate)
        until("the refusal is learned", lambda: successor.told("visit.closed", end="declined"))
        if play.ledger()["waiting_spots"]:
            play.control("POST", "spots/table1/leave")
        # A poll from before the guest left may still open one more visit.
        polls = len(play.calls("spots.list"))
        until("two more polls came", lambda: len(play.calls("spots.list")) > polls + 1)
        await_quiet(play)
        assert successor.stop() == 0

        ends = check_books(play)
        assert ends[-1] is End.DECLINED
        assert set(ends[:-1]) <= {End.LEFT}
        assert play.ledger()["confirmed_count"] == 0


def test_a_kill_while_a_refusal_is_learned_still_lets_the_guest_go(tmp_path: Path) -> None:
    """A guest who declined pays nothing and no money stays held, killed in between or not (F31)."""
    side_by_side(
        [
            partial(decline_with_a_kill, tmp_path / f"{op}-{fate.name}", op, fate)
            for op in ("transaction.get", "spot.close")
            for fate in (Fate.LOST, Fate.UNHEARD)
        ]
    )


def test_two_kills_in_a_row_are_survived_like_one(tmp_path: Path) -> None:
    """A worker killed again inside its own recovery still takes the money exactly once (F31)."""

    def play_twice(folder: Path, first: str, second: str) -> None:
        with stage(folder) as play:
            config = play.config()
            play.scan()
            daemon = play.start(config)
            key = play.await_offer()
            play.await_steps(Step.OFFERED)
            play.hold(first)
            play.control("POST", f"transactions/{key}/reserve")
            play.await_held(first)
            daemon.kill()
            play.hold(second, Fate.UNHEARD.value)
            again = play.start(config)
            successor = kill_while_held(play, again, config, second, Fate.UNHEARD)
            await_quiet(play)
            assert successor.stop() == 0

            check_paid_once(play)

    pairs = [
        ("transaction.confirm", "transaction.get"),
        ("transaction.get", "transaction.confirm"),
        ("transaction.confirm", "spot.close"),
        ("spot.close", "spot.get"),
    ]
    side_by_side([partial(play_twice, tmp_path / f"{n}", *pair) for n, pair in enumerate(pairs)])


def test_a_confirm_is_journaled_before_it_leaves(tmp_path: Path) -> None:
    """Intent first: whoever is killed inside a confirm has written down that it may be out.

    (F31)
    """
    with stage(tmp_path) as play:
        play.scan()
        daemon = play.start(play.config())
        key = play.await_offer()
        play.hold("transaction.confirm")
        play.control("POST", f"transactions/{key}/reserve")
        play.await_held("transaction.confirm")
        daemon.kill()

        with JournalReader(play.journal) as reader:
            (visit,) = reader.visits()
            told = [str(line) for line in reader.story(visit.visit_id)]
        assert visit.step is Step.CONFIRMING
        assert any("confirm" in line and "pending" in line for line in told)
