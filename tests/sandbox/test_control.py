"""The control routes: guests' moves, the clock, and bad input named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from worker.sandbox import rules
from worker.sandbox.faults import KINDS
from worker.sandbox.ops import OPS

from .bench import Bench

ODD = [
    "table 7",
    "a/b",
    "../../etc/passwd",
    "line\nbreak",
    "nul\x00",
    "ž \u202e",
    "%41",
    "x" * 10_000,
]


@pytest.mark.parametrize("identifier", ODD, ids=range(len(ODD)))
async def test_a_spot_may_be_called_anything(bench: Bench, identifier: str) -> None:
    """The identifier is decoded from the path and comes back as it is."""
    first = await bench.scan(identifier)
    second = await bench.scan(identifier)
    listed = await bench.ok("GET", "spots?status=waiting")
    left = await bench.told("POST", f"spots/{quote(identifier, safe='')}/leave")

    assert first == second
    assert [one["identifier"] for one in listed["spots"]] == [identifier]
    assert left["spot"]["status"] == "open"


async def test_a_scan_of_a_waiting_spot_joins_the_check_in(bench: Bench) -> None:
    """Two phones at a table are one visit; after the guest has gone it is another."""
    numbers = [
        (await bench.told("POST", f"spots/table1/{move}"))["checkin"]
        for move in ("scan", "scan", "leave", "scan")
    ]

    assert numbers == [1, 1, 1, 2]


async def test_the_same_table_name_at_two_locations_is_two_spots(bench: Bench) -> None:
    """An identifier is unique within its location only."""
    here, there = await bench.scan("table1"), await bench.scan("table1", location_id=2)

    assert here != there
    listed = await bench.ok("GET", "spots?status=waiting&location_id=2")
    assert [one["id"] for one in listed["spots"]] == [there]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "names"),
    [
        ("POST", "spots/a/scan", b"{", 400, "not JSON"),
        ("POST", "spots/a/scan", [], 400, "object"),
        ("POST", "spots/a/scan", {"location": 1}, 400, "'location'"),
        ("POST", "spots/a/scan", {"location_id": "1"}, 400, "location_id"),
        ("POST", "spots/a/scan", {"location_id": True}, 400, "location_id"),
        ("POST", "spots/nobody/leave", None, 404, "nobody"),
        ("POST", "spots/table1/leave", None, 409, "waiting"),
        ("POST", "transactions/nobody/reserve", None, 404, "nobody"),
        ("POST", "transactions/nobody/decline", {"why": 1}, 400, "'why'"),
        ("POST", "clock/advance", {}, 400, "seconds"),
        ("POST", "clock/advance", {"seconds": "60"}, 400, "seconds"),
        ("POST", "clock/advance", {"seconds": -1}, 400, "forward"),
        ("POST", "clock/advance", b'{"seconds": NaN}', 400, "seconds"),
        ("POST", "clock/advance", {"seconds": 1, "minutes": 1}, 400, "'minutes'"),
        ("PUT", "faults", [], 400, "object"),
        ("PUT", "faults", {"chance": 1}, 400, "'chance'"),
        ("PUT", "faults", {"probability": 2}, 400, "probability"),
        ("PUT", "faults", {"probability": "0.1"}, 400, "probability"),
        ("PUT", "faults", {"seed": 1.5}, 400, "seed"),
        ("PUT", "faults", {"kinds": {"gremlin": 1}}, 400, "lost_reply"),
        ("PUT", "faults", {"kinds": {"slow": -1}}, 400, "kinds.slow"),
        ("PUT", "faults", {"ops": ["spot.eat"]}, 400, "transaction.confirm"),
        ("PUT", "faults", {"next": [{"op": "spot.close"}]}, 400, "next.0"),
        ("PUT", "faults", {"next": [{"op": "spot.eat", "kind": "slow"}]}, 400, "spot.close"),
        ("PUT", "faults", {"next": [{"op": "*", "kind": "slow", "times": 0}]}, 400, "next.0.times"),
        ("PUT", "faults", {"next": [{"op": "spot.close", "kind": "stale_list"}]}, 400, "lists"),
        ("PUT", "faults", {"slow_s": -1}, 400, "slow_s"),
        ("PUT", "faults", b'{"stale_s": 1e999}', 400, "stale_s"),
        ("PUT", "faults", {"retry_after": 2}, 400, "retry_after"),
        ("PUT", "faults", {"retry_after": "a\r\nb"}, 400, "retry_after"),
        ("GET", "requests?limit=x", None, 400, "limit"),
        ("GET", "ledger", b"", 200, ""),
        ("POST", "ledger", None, 405, "GET"),
        ("GET", "nothing", None, 404, "spots/*/scan"),
    ],
)
async def test_bad_input_is_refused_with_a_sentence(
    bench: Bench, method: str, path: str, body: Any, status: int, names: str
) -> None:
    """The sentence names the field, and what would be right where that is a choice."""
    answer = await bench.control(method, path, body)

    assert answer.status_code == status
    if status != 200:
        assert names in answer.json()["error_description"]


async def test_faults_are_set_whole_and_an_empty_object_ends_them(bench: Bench) -> None:
    """What is absent has its default, so nothing lingers from before."""
    await bench.told("PUT", "faults", {"probability": 0.5, "clock_skew_s": 9, "kinds": {"slow": 1}})
    settings = await bench.told("PUT", "faults", {})

    assert settings == await bench.told("GET", "faults")
    assert (settings["probability"], settings["clock_skew_s"]) == (0, 0)
    assert settings["kinds"] == KINDS


async def test_a_reset_empties_everything_but_the_clock(bench: Bench) -> None:
    """Tables are free, nothing is owed, no call was ever made."""
    _, key = await bench.reserved("new table")
    await bench.told("POST", "clock/advance", {"seconds": 60})
    await bench.told("PUT", "faults", {"probability": 1})
    await bench.told("POST", "reset")

    ledger, requests = await bench.told("GET", "ledger"), await bench.told("GET", "requests")
    assert (ledger["transactions"], ledger["waiting_spots"]) == ([], 0)
    assert [one["identifier"] for one in ledger["spots"]] == ["table1", "table2", "table3"]
    assert (requests["total"], requests["counts"]) == (0, {})
    assert (await bench.told("GET", "state"))["clock"]["advanced_s"] == 60
    assert (await bench.call("GET", f"transaction/{key}")).status_code == 404


async def test_the_journal_counts_by_endpoint(bench: Bench) -> None:
    """A test can say "exactly one confirm", and see which were refused."""
    _, key = await bench.reserved()
    await bench.ok("PUT", f"transaction/{key}/confirm")
    await bench.call("PUT", f"transaction/{key}/confirm")
    await bench.call("GET", "wallets")

    report = await bench.told("GET", "requests")

    assert report["counts"]["transaction.confirm"] == 2
    assert report["applied"]["transaction.confirm"] == 1
    assert report["counts"]["unknown"] == 1
    last = report["requests"][-2]
    assert (last["op"], last["status"], last["applied"], last["answered"], last["fault"]) == (
        "transaction.confirm",
        409,
        False,
        True,
        None,
    )
    assert len((await bench.told("GET", "requests?limit=2"))["requests"]) == 2


async def test_every_assumption_has_a_name_a_tag_and_a_text(bench: Bench) -> None:
    """The list is what somebody walks through with small real amounts."""
    report = await bench.told("GET", "assumptions")

    names = [one["id"] for one in report["rules"]]
    assert len(names) == len(set(names)) == len(rules.RULES)
    assert {one["tag"] for one in report["rules"]} == {"documented", "observed", "guessed"}
    assert sum(report["counts"].values()) == len(names)


def test_every_rule_that_a_refusal_points_at_exists() -> None:
    """Whoever looks a rule up finds it."""
    folder = Path(rules.__file__).parent
    named = r'"((?:request|mac|order|transaction|payment)(?:\.[a-z_]+)+)"'
    pointed = {
        text
        for module in ("calls", "draft", "exchange", "vendor")
        for text in re.findall(named, (folder / f"{module}.py").read_text())
    } - OPS

    assert "request.query" in pointed
    assert pointed <= {rule.id for rule in rules.RULES}


@pytest.mark.parametrize("path", ["/", "/_sandbox", "/_sandbox/"])
async def test_there_is_a_page_for_a_person(bench: Bench, path: str) -> None:
    """It needs nothing from elsewhere and never builds markup from what a client sent."""
    answer = await bench.http.get(path)

    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-sandbox"] == "1"
    assert "curl" in answer.text
    assert "innerHTML" not in answer.text
    assert "https://" not in answer.text


async def test_control_routes_do_not_answer_to_other_web_pages(bench: Bench) -> None:
    """A page from elsewhere must not free tables through a browser on this machine (F61)."""
    foreign = await bench.http.post("/_sandbox/reset", headers={"origin": "https://evil.example"})
    own = await bench.http.post("/_sandbox/reset", headers={"origin": "http://127.0.0.1"})

    assert (foreign.status_code, own.status_code) == (403, 200)


async def test_control_routes_answer_to_this_machine_only(bench: Bench) -> None:
    """Even behind a listener that somebody else opened (F61)."""
    own = bench.http._transport
    assert isinstance(own, httpx.ASGITransport)
    transport = httpx.ASGITransport(app=own.app, client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as stranger:
        answer = await stranger.get("/_sandbox/ledger")

    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
