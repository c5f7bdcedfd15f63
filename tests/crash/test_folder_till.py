"""The power goes around the moment in which the till is told that its bill is paid."""

import json
from functools import partial
from pathlib import Path

from tests.crash.books import await_quiet, check_books, check_paid_once
from tests.operator.processes import until
from tests.operator.theatre import PRICE_MINOR, Stage, side_by_side, stage
from worker.domain.visit import End, Step

BILL = {
    "bill_id": "B-17",
    "spot": "table1",
    "location_id": 9975,
    "currency": "EUR",
    "amount_minor": PRICE_MINOR,
    "description": "Two coffees",
    "lines": [{"title": "Coffee", "quantity": 2, "amount_minor": PRICE_MINOR}],
}


def put_bill(play: Stage) -> Path:
    """Do as the shop's software does; give the folder."""
    bills = play.folder / "bills"
    bills.mkdir()
    draft = bills / ".B-17.json"
    draft.write_text(json.dumps(BILL))
    draft.rename(bills / "B-17.json")
    return bills


def check_put_away(bills: Path) -> None:
    """Require that the bill lies in `paid/` once, beside one receipt, and nowhere else."""
    receipts = [path.name for path in (bills / "paid").iterdir() if "receipt" in path.name]

    assert [path.name for path in bills.iterdir()] == ["paid"]
    assert sorted(path.name for path in (bills / "paid").iterdir()) == [
        "B-17.json",
        "B-17.receipt.json",
    ]
    assert json.loads((bills / "paid" / "B-17.json").read_text()) == BILL
    assert len(receipts) == 1
    assert json.loads((bills / "paid" / receipts[0]).read_text())["amount_minor"] == PRICE_MINOR


def kill_while_the_till_is_deaf(folder: Path) -> None:
    with stage(folder) as play:
        bills = put_bill(play)
        config = play.config(till=f'kind = "folder"\npath = "{bills}"')
        (bills / "paid").write_text("in the way")
        play.scan()
        daemon = play.start(config)
        play.pay()
        play.await_steps(Step.CLOSED)
        assert daemon.told("notice.accepted") == []
        daemon.kill()
        (bills / "paid").unlink()
        successor = play.start(config)
        successor.await_line("notice.accepted")
        await_quiet(play)
        assert successor.stop() == 0

        check_paid_once(play)
        check_put_away(bills)


def test_a_till_that_could_not_be_told_is_told_by_the_next_start(tmp_path: Path) -> None:
    """A paid bill stays owed to the till over any kill, and is put away exactly once (F71)."""
    kill_while_the_till_is_deaf(tmp_path)


def kill_soon_after(folder: Path, sign: str) -> None:
    """Kill as soon as a sign of the settling is there, wherever the worker is by then."""
    with stage(folder) as play:
        bills = put_bill(play)
        paid = bills / "paid"
        config = play.config(till=f'kind = "folder"\npath = "{bills}"')
        signs = {
            "taken": lambda: play.ledger()["confirmed_count"] == 1,
            "folder": paid.exists,
            "receipt": lambda: paid.exists() and any("receipt" in p.name for p in paid.iterdir()),
            "moved": lambda: not (bills / "B-17.json").exists(),
        }
        play.scan()
        daemon = play.start(config)
        play.pay()
        until(f"{sign} is seen", signs[sign])
        daemon.kill()
        successor = play.start(config)
        await_quiet(play)
        assert successor.stop() == 0

        check_paid_once(play)
        check_put_away(bills)


def test_a_bill_is_put_away_once_wherever_the_settling_is_cut(tmp_path: Path) -> None:
    """However far the settling came before the kill, there is one paid bill and one receipt.

    (F31,
    F72)
    """
    side_by_side(
        [
            partial(kill_soon_after, tmp_path / sign, sign)
            for sign in ("taken", "folder", "receipt", "moved")
        ]
    )


def give_back_with_a_kill(folder: Path, seconds: float) -> None:
    with stage(folder) as play:
        bills = put_bill(play)
        config = play.config(till=f'kind = "folder"\npath = "{bills}"')
        play.scan()
        daemon = play.start(config)
        play.await_offer()
        play.await_steps(Step.OFFERED)
        play.hold("transaction.revoke", seconds)
        (bills / "B-17.json").unlink()
        play.pay()
        play.await_held("transaction.revoke")
        daemon.kill()
        successor = play.start(config)
        await_quiet(play)
        assert successor.stop() == 0

        ends = check_books(play)
        assert ends[-1] is End.WITHDRAWN
        assert set(ends[:-1]) <= {End.NO_BILL}
        assert play.ledger()["confirmed_count"] == 0
        assert play.applied("transaction.revoke") == 1


def test_held_money_is_given_back_once_when_the_worker_dies_giving_it_back(tmp_path: Path) -> None:
    """When the till takes a bill back that a guest has agreed to, the guest's money is released.

    (F74)
    """
    side_by_side([partial(give_back_with_a_kill, tmp_path / f"{s}", s) for s in (3600.0, 0.8, 2.5)])
