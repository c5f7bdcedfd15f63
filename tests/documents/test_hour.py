"""What a log has to be for people to like reading it, tried on a busy hour."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.documents import hour
from worker.logbook import BY_NAME

Line = dict[str, Any]


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return [json.loads(line) for line in hour.text("json").splitlines()]


def of(lines: list[Line], name: str) -> list[Line]:
    return [line for line in lines if line["event"] == name]


def test_every_line_is_on_the_list_with_its_level_and_its_fields(lines: list[Line]) -> None:
    """As it comes out at the end, whoever put its fields together."""
    for line in lines:
        listed = BY_NAME[line["event"]]
        assert line["level"] in listed.levels
        assert set(line) - {"timestamp", "level", "event"} <= set(listed.fields), line["event"]


def test_every_visit_has_one_last_line_that_says_all(lines: list[Line]) -> None:
    """Whatever became of it; the lines about it carry its number from the first to the last."""
    ends = of(lines, "visit.closed")
    seen = [line["visit"] for line in of(lines, "spot.seen")]

    assert sorted(line["visit"] for line in ends) == sorted(seen)
    assert Counter(line["end"] for line in ends) == {
        "paid": 11, "declined": 1, "left": 1, "part_paid": 1
    }  # fmt: skip
    assert all({"end", "why", "lasted_s", "attempts", "looks"} <= set(line) for line in ends)


def test_an_outage_is_two_lines_however_long_it_lasts(lines: list[Line]) -> None:
    """Its first failure and its end, which says how long and how many; the till's likewise."""
    (lost,), (found,) = of(lines, "wallet.unreachable"), of(lines, "wallet.reachable")
    assert (lost["level"], found["level"]) == ("warning", "info")
    assert found["failures"] > 20
    assert 100 < found["down_s"] < 110
    (gone,), (back,) = of(lines, "till.unreachable"), of(lines, "till.reachable")
    assert (gone["level"], back["level"]) == ("warning", "info")
    assert back["down_s"] > 400


def test_a_till_that_refuses_for_long_calls_a_human_once_for_each_payment(
    lines: list[Line],
) -> None:
    """After five minutes, not for each of its tries; and the end of it is told."""
    assert len(of(lines, "notice.delayed")) == 1
    accepted = of(lines, "notice.accepted")
    assert max(line["attempts"] for line in accepted) > 5
    assert len(accepted) == 12, "a payment each, and the paid part"


def test_a_quiet_worker_says_only_that_it_lives(lines: list[Line]) -> None:
    """Each quarter of an hour since it started; nothing else in minutes without a guest."""
    assert [line["timestamp"][11:16] for line in of(lines, "worker.alive")] == [
        "19:15", "19:30", "19:45"
    ]  # fmt: skip
    quiet = [line for line in lines if "19:24:00" <= line["timestamp"][11:19] <= "19:27:00"]
    assert quiet == []


def test_a_restart_takes_up_who_was_there(lines: list[Line]) -> None:
    """And the visit goes on under its own number."""
    resumed = [line["visit"] for line in of(lines, "visit.resumed")]

    assert len(resumed) == 2
    ends = {line["visit"]: line["end"] for line in of(lines, "visit.closed")}
    assert [ends[visit] for visit in resumed] == ["paid", "paid"]


def test_the_hour_is_the_same_each_time() -> None:
    """So that a change of it in a review is a change of the worker."""
    assert hour.text() == hour.text()
