"""Hostile answers: a bill that was really said, or a sentence why not, and nothing else ever."""

import asyncio
import json
import random
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.till.http_support import HALL, HTML, TOKEN, a_shop, bill, json_says, notice
from tests.adapters.wallet.stage import raw
from tests.fuzz.bills import strange
from tests.fuzz.spoiling import scramble, spoiled
from worker.adapters.till import http_answer
from worker.adapters.till.connector import BillGone, TillError
from worker.adapters.till.http import HttpTill
from worker.adapters.till.http_line import Reply
from worker.adapters.till.plain_json import NotPlainJson, read_json

NAMES = ("bills", "bill_id", "amount_minor", "currency", "lines", "parts", "error", "final")
TYPES = ("application/json", "", "text/html", "application/json; charset=utf-8", "application/x")
STATUSES = (200, 200, 200, 200, 201, 202, 203, 204, 206, 301, 400, 401, 404, 409, 410, 429, 500)
PLAIN = (str, int, bool, Decimal, type(None))


def leaves(value: object) -> list[object]:
    """Give everything at the ends of a tree."""
    found, waiting = [], [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        else:
            found.append(one)
    return found


def an_answer(dice: random.Random) -> dict[str, Any]:
    """An answer that was good once."""
    lines = [{"title": strange(dice), "quantity": 1, "amount_minor": 2350}]
    one = bill(lines=lines, description=strange(dice))
    return dice.choice(({"bills": [one]}, one, {"error": strange(dice)}, {"bills": []}))


def a_reply(dice: random.Random) -> Reply:
    """Any reply that a shop could give."""
    tree = an_answer(dice)
    body = spoiled(dice, tree, NAMES) if dice.random() < 0.8 else json.dumps(tree).encode()
    if dice.random() < 0.1:
        body = dice.choice((HTML, b"", b"null", b"[]", b'"ok"'))
    return Reply(dice.choice(STATUSES), body, dice.choice(TYPES), strange(dice))


def vouch_for(told: Exception) -> None:
    """See that an error's text can stand in one line of a log, and gives nothing away."""
    text = str(told)
    assert text
    assert text.isprintable(), text
    assert len(text) < 700
    assert TOKEN not in text


@given(st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None)
def test_whatever_is_answered_is_a_bill_or_a_sentence(dice: random.Random) -> None:
    """What is given is plain, without a float; a yes is 2xx, and JSON or nothing."""
    reply = a_reply(dice)
    try:
        found = http_answer.bills_in(reply)
    except TillError as error:
        vouch_for(error)
    else:
        assert reply.status == 200
        assert {type(leaf) for leaf in leaves(found)} <= set(PLAIN)
        assert found == json.loads(reply.body.decode("utf-8-sig"), parse_float=Decimal)["bills"]
    is_gone = False
    try:
        locked = http_answer.locked_bill_in(reply, "B-1")
    except TillError as error:
        vouch_for(error)
    except BillGone as gone:
        vouch_for(gone)
        is_gone = True
    else:
        assert (reply.status, locked["bill_id"]) == (200, "B-1")
    assert not is_gone or reply.status in {404, 410}
    try:
        http_answer.accept(reply)
    except TillError as error:
        vouch_for(error)
    else:
        assert reply.status in {200, 201, 202, 204}
        if reply.body:
            assert "json" in reply.content_type
            value = json.loads(reply.body.decode("utf-8-sig"))
            assert not (isinstance(value, dict) and value.get("error"))


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode()))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_json_for_one_reader_or_for_none(content: bytes) -> None:
    """What is read is what Python's own reader reads, less what has two meanings."""
    try:
        value = read_json(content)
    except NotPlainJson as error:
        vouch_for(error)
    else:
        assert value == json.loads(content.decode("utf-8-sig"), parse_float=Decimal)


def http_bytes(dice: random.Random) -> bytes:
    """A whole answer as bytes, with a few of them changed."""
    body = spoiled(dice, an_answer(dice), NAMES)
    if dice.random() < 0.3:
        body = json.dumps(an_answer(dice)).encode()
    length = len(body) + dice.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, -1, 10**7))
    kind = dice.choice((TYPES[0], TYPES[0], TYPES[0], *TYPES))
    head = (
        f"HTTP/1.1 {dice.choice((200, 200, *STATUSES))} OK\r\ncontent-type: {kind}\r\n"
        f"content-length: {length}\r\n"
    )
    if dice.random() < 0.1:
        head += dice.choice(
            ("transfer-encoding: chunked\r\n", "content-encoding: br\r\n", "location: \x7f\r\n")
        )
    whole = head.encode() + b"\r\n" + body
    return scramble(dice, whole) if dice.random() < 0.4 else whole


async def test_whatever_comes_over_the_line_ends_in_time_and_leaves_it_whole() -> None:
    """Real sockets and the real parser: one kind of error, and the next call is served."""
    dice = random.Random(20261120)
    ends = {"answered": 0, "told": 0}

    async def play(till: HttpTill) -> None:
        calls = (
            lambda: till.open_bills(HALL, "table7"),
            lambda: till.lock(HALL, "table7", "B-1", "v-1", 60),
            lambda: till.post(notice()),
        )
        try:
            await dice.choice(calls)()
            ends["answered"] += 1
        except (TillError, BillGone) as error:
            vouch_for(error)
            ends["told"] += 1

    async with a_shop(time_limit_s=0.5) as (stage, till):
        for number in range(300):
            stage.plays(raw(http_bytes(dice)))
            async with asyncio.timeout(5):
                await play(till)
            if number % 20 == 0:
                stage.script.clear()
                stage.plays(json_says(200, {"bills": [bill()]}))
                assert len(await till.open_bills(HALL, "table7")) == 1
    assert min(ends.values()) >= 10, ends
