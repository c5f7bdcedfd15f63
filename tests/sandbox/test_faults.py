"""Each kind of trouble over a real socket: what the client gets, and what has happened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from worker.sandbox import SandboxOptions
from worker.sandbox.errors import ConnectionCut
from worker.sandbox.faults import KINDS, LIST_KINDS, Faults, read

from .bench import Bench, Signer
from .conftest import BenchMaker, listening


@pytest.fixture
async def wired() -> AsyncIterator[Bench]:
    """Give a bench whose sandbox listens on a real socket."""
    async with (
        listening(SandboxOptions(port=0, spots=3)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        yield Bench(http)


async def plan(bench: Bench, op: str, kind: str, **settings: Any) -> None:
    """Let the next call of an endpoint suffer a fault."""
    await bench.told("PUT", "faults", {"next": [{"op": op, "kind": kind}], **settings})


async def raw(bench: Bench, method: str, target: str) -> bytes:
    """Send a signed request over a bare socket and read until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.http.base_url.port)
    header = Signer().header(method, target)
    writer.write(
        f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: {header}\r\n\r\n".encode()
    )
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(("kind", "applied"), [("lost_request", False), ("lost_reply", True)])
async def test_a_cut_connection_gives_no_status_line(
    wired: Bench, caplog: pytest.LogCaptureFixture, kind: str, applied: bool
) -> None:
    """The client sees the end of the connection and nothing else; the journal knows the truth."""
    _, key = await wired.reserved()
    await plan(wired, "transaction.confirm", kind)

    with caplog.at_level(logging.DEBUG):
        got = await raw(wired, "PUT", f"/rest/v1/transaction/{key}/confirm")

    entry = await wired.last_request()
    assert got == b""
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert (entry["status"], entry["applied"], entry["answered"]) == (None, applied, False)
    assert entry["fault"] == kind
    assert await wired.status(key) == ("confirmed" if applied else "reserved")


@pytest.mark.parametrize("kind", ["lost_request", "lost_reply"])
async def test_a_cut_ends_one_connection_and_not_the_server(wired: Bench, kind: str) -> None:
    """The next call is answered, on a connection of its own."""
    await plan(wired, "spots.list", kind)

    with pytest.raises(httpx.RemoteProtocolError):
        await wired.call("GET", "spots")

    assert (await wired.call("GET", "spots")).status_code == 200


async def test_in_one_process_a_cut_is_an_exception(bench: Bench) -> None:
    """There is no connection to cut, so the caller is told in the way that it has."""
    await plan(bench, "spots.list", "lost_reply")

    with pytest.raises(ConnectionCut):
        await bench.call("GET", "spots")


@pytest.mark.parametrize(
    ("kind", "status", "applied", "content_type"),
    [
        ("error_before", 500, False, "application/json"),
        ("error_after", 502, True, "text/html; charset=utf-8"),
        ("rate_limited", 429, False, "application/json"),
        ("slow", 200, True, "application/json"),
        ("malformed", 200, True, "application/json"),
        ("truncated", 200, True, "application/json"),
        ("empty", 200, True, "application/json"),
        ("html", 200, False, "text/html; charset=utf-8"),
    ],
)
async def test_an_answer_tells_less_than_the_journal(
    wired: Bench, kind: str, status: int, applied: bool, content_type: str
) -> None:
    """Whether the money was taken does not follow from the answer; the journal says it."""
    _, key = await wired.reserved()
    await plan(wired, "transaction.confirm", kind, slow_s=0.01)

    answer = await wired.call("PUT", f"transaction/{key}/confirm")

    entry = await wired.last_request()
    assert (answer.status_code, answer.headers["content-type"]) == (status, content_type)
    assert answer.headers["x-sandbox"] == "1"
    assert (entry["applied"], entry["answered"], entry["fault"]) == (applied, True, kind)
    assert await wired.status(key) == ("confirmed" if applied else "reserved")


async def test_a_rate_limit_says_when_to_come_back(wired: Bench) -> None:
    """Retry-After is whatever was asked for, sensible or not."""
    await plan(wired, "spots.list", "rate_limited", retry_after="soon")

    answer = await wired.call("GET", "spots")

    assert answer.headers["retry-after"] == "soon"
    assert answer.json()["error"] == "rate_limit_exceeded"


@pytest.mark.parametrize("kind", ["malformed", "truncated"])
async def test_a_spoiled_body_is_no_json_and_its_length_is_honest(wired: Bench, kind: str) -> None:
    """The transport is content; only a parser finds out."""
    await plan(wired, "spots.list", kind)

    answer = await wired.call("GET", "spots")

    assert len(answer.content) == int(answer.headers["content-length"])
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


async def test_an_empty_answer_is_an_empty_object(wired: Bench) -> None:
    """As some of the vendor's pages print it."""
    await plan(wired, "transaction.create", "empty")

    answer = await wired.call(
        "POST",
        "transaction",
        {"payments": [{"description": "x", "price": 1, "currency": "EUR"}]},
    )

    assert answer.json() == {}
    assert len((await wired.told("GET", "ledger"))["transactions"]) == 1


async def test_a_refusal_is_not_spoiled_into_a_success(wired: Bench) -> None:
    """A fault after the effect needs an effect: a refused call is still told that it was."""
    await plan(wired, "transaction.get", "malformed")

    assert (await wired.call("GET", "transaction/nobody")).status_code == 404


async def test_a_stale_list_tells_what_was(wired: Bench) -> None:
    """A close and a creation of a moment ago are not in it; a read by id is never stale."""
    spot_id, key = await wired.offered()
    await plan(wired, "spots.list", "stale_list", stale_s=60)
    before_the_scan = await wired.ok("GET", "spots?status=waiting")
    await wired.ok("DELETE", f"spot/{spot_id}")
    await plan(wired, "transactions.list", "stale_list", stale_s=60)
    before_the_creation = await wired.ok("GET", "transactions?status=new")

    assert before_the_scan["spots"] == []
    assert before_the_creation["transactions"] == []
    assert (await wired.ok("GET", f"spot/{spot_id}"))["status"] == "closed"
    assert (await wired.ok("GET", "transactions?status=new"))["transactions"][0][
        "transaction_key"
    ] == key


async def test_a_list_may_miss_a_row(wired: Bench) -> None:
    """The total still counts it."""
    for name in ("table1", "table2", "table3"):
        await wired.scan(name)
    await plan(wired, "spots.list", "drop_rows")

    partial = await wired.ok("GET", "spots?status=waiting")
    whole = await wired.ok("GET", "spots?status=waiting")

    assert (len(partial["spots"]), partial["_metadata"]["total"]) == (2, 3)
    assert len(whole["spots"]) == 3


async def test_a_huge_answer_comes_only_by_name(wired: Bench) -> None:
    """Fifty megabytes, sent in pieces."""
    await plan(wired, "spots.list", "huge")
    target = "/rest/v1/spots"
    headers = {"authorization": Signer().header("GET", target)}

    async with wired.http.stream("GET", target, headers=headers) as answer:
        size = int(answer.headers["content-length"])
        got = [len(piece) async for piece in answer.aiter_bytes()]

    assert KINDS["huge"] == 0
    assert sum(got) == size == 50 * 1024 * 1024


async def test_a_client_may_hang_up_on_a_huge_answer(wired: Bench) -> None:
    """The server goes on as if nothing had been."""
    await plan(wired, "spots.list", "huge")
    headers = {"authorization": Signer().header("GET", "/rest/v1/spots")}

    async with wired.http.stream("GET", "/rest/v1/spots", headers=headers) as answer:
        assert answer.status_code == 200

    assert (await wired.call("GET", "spots")).status_code == 200


async def test_an_effect_may_land_after_the_client_has_gone(wired: Bench) -> None:
    """A slow call is carried out even when nobody waits for its answer any more."""
    _, key = await wired.reserved()
    await plan(wired, "transaction.confirm", "slow", slow_s=0.3)
    target = f"/rest/v1/transaction/{key}/confirm"
    headers = {"authorization": Signer().header("PUT", target)}
    with pytest.raises(httpx.ReadTimeout):
        await wired.http.put(target, headers=headers, timeout=0.1)
    assert await wired.status(key) == "reserved"

    async with asyncio.timeout(5):
        while await wired.status(key) != "confirmed":
            pass


async def test_a_planned_fault_waits_for_its_endpoint_and_is_used_up(bench: Bench) -> None:
    """Others are served as usual, and so is the next call of its own."""
    await bench.told(
        "PUT", "faults", {"next": [{"op": "spots.list", "kind": "error_before", "times": 2}]}
    )
    calls = ("server", "spots", "transactions", "spots", "spots")
    statuses = [(await bench.call("GET", path)).status_code for path in calls]

    assert statuses == [200, 500, 200, 500, 200]


async def test_faults_can_be_kept_to_some_endpoints(bench: Bench) -> None:
    """A filter leaves all others alone."""
    await bench.told(
        "PUT", "faults", {"probability": 1, "kinds": {"html": 1}, "ops": ["spots.list"]}
    )
    spots, others = await bench.call("GET", "spots"), await bench.call("GET", "transactions")

    assert spots.headers["content-type"].startswith("text/html")
    assert others.headers["content-type"] == "application/json"


def test_the_same_seed_draws_the_same_faults() -> None:
    """The order of the calls decides, and nothing else."""
    order = ["spots.list", "transaction.confirm", "spot.get"] * 600
    first, second, other = (Faults(probability=0.3, seed=seed) for seed in (5, 5, 6))
    drawn = [first.draw(op) for op in order]

    assert drawn == [second.draw(op) for op in order]
    assert drawn != [other.draw(op) for op in order]
    hit = [one for one in drawn if one is not None]
    assert 0.2 < len(hit) / len(order) < 0.4
    assert set(hit) == set(KINDS) - {"huge"}


def test_only_lists_can_be_stale_or_miss_a_row() -> None:
    """Other calls draw from the kinds that can befall them, or suffer nothing."""
    faults = read({"probability": 1, "kinds": dict.fromkeys(LIST_KINDS, 1)})

    assert {faults.draw("spots.list") for _ in range(20)} == set(LIST_KINDS)
    assert {faults.draw("spot.get") for _ in range(20)} == {None}


async def test_the_options_probability_is_in_force_from_the_start(bench_with: BenchMaker) -> None:
    """A sandbox can be troublesome from its first call."""
    async with bench_with(SandboxOptions(faults=1.0, seed=3)) as bench:
        assert (await bench.told("GET", "faults"))["probability"] == 1.0
        assert bench.sandbox.faults.seed == 3
