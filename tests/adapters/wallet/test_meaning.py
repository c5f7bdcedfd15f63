"""What an answer or an error means, case by case and word by word, without a network.

The four ways in which a call can end decide what may be done next with a guest's money, so every
status stands here for reads and for writes, with the wallet's own words and without.
"""

import asyncio
import json
import random
from typing import Any

import httpx
import pytest

from worker.adapters import lanes
from worker.adapters.wallet import client, courier, failures, retrying, shapes, wire
from worker.adapters.wallet.failures import HeldBack, Reply
from worker.domain.ids import SpotId, TransactionKey
from worker.domain.outcome import Done, Outcome, Refusal, Refused, Unknown, Unsent

from .clockwork import LoopClock

KEY = TransactionKey("aaBBccDD11223344eeFF")
WORDS = b'{"error": "some_code", "error_description": "some words"}'
SLOW_DOWN = b'{"error": "rate_limit_exceeded", "error_description": "slow down"}'
PAGE = b"<html>a proxy's page</html>"
NOT_FOLLOWED = "redirect to another address is not followed"


def told(refusal: Refusal, status: int) -> Refused:
    """A no in the wallet's words."""
    return Refused(refusal, status, "some_code", "some words")


def bare(refusal: Refusal, status: int) -> Refused:
    """A no without words."""
    return Refused(refusal, status, "", "")


def wordless(status: int) -> Unknown:
    """A page that may have come from anywhere."""
    return Unknown(f"HTTP {status} without the wallet's error object")


@pytest.mark.parametrize(
    ("status", "is_yes"), [(199, False), (200, True), (204, True), (299, True), (300, False)]
)
def test_only_statuses_of_success_are_a_yes(status: int, is_yes: bool) -> None:
    """From 200 to 299."""
    assert Reply(status, b"").is_yes() is is_yes


REFUSED_IN_WORDS = {
    400: Refusal.INVALID,
    401: Refusal.CREDENTIALS,
    402: Refusal.INVALID,
    403: Refusal.CREDENTIALS,
    404: Refusal.MISSING,
    405: Refusal.INVALID,
    409: Refusal.STATE,
    410: Refusal.MISSING,
    418: Refusal.INVALID,
    422: Refusal.INVALID,
    429: Refusal.THROTTLED,
    499: Refusal.INVALID,
}


@pytest.mark.parametrize("is_write", [True, False])
@pytest.mark.parametrize(("status", "refusal"), REFUSED_IN_WORDS.items())
def test_a_no_in_the_wallets_words_is_a_no(status: int, refusal: Refusal, is_write: bool) -> None:
    """Nothing happened, and the words go along for the log."""
    assert failures.of_no(Reply(status, WORDS), is_write=is_write) == told(refusal, status)


@pytest.mark.parametrize("status", [400, 402, 403, 405, 409, 422, 499])
def test_a_no_without_words_decides_nothing_about_a_write(status: int) -> None:
    """A proxy may have said it after the wallet did its work; a read is only read again."""
    refusal = REFUSED_IN_WORDS[status]

    assert failures.of_no(Reply(status, PAGE), is_write=True) == wordless(status)
    assert failures.of_no(Reply(status, PAGE), is_write=False) == bare(refusal, status)


@pytest.mark.parametrize("is_write", [True, False])
@pytest.mark.parametrize("status", [404, 410])
def test_there_is_no_such_thing_only_in_the_wallets_words(status: int, is_write: bool) -> None:
    """Otherwise a proxy's page would make a paid transaction vanish."""
    assert failures.of_no(Reply(status, PAGE), is_write=is_write) == wordless(status)


@pytest.mark.parametrize("is_write", [True, False])
def test_two_refusals_are_believed_without_words(is_write: bool) -> None:
    """A bare 401 is seen in life, and a 429 comes from whoever guards the door."""
    assert failures.of_no(Reply(401, b""), is_write=is_write) == bare(Refusal.CREDENTIALS, 401)
    assert failures.of_no(Reply(429, PAGE), is_write=is_write) == bare(Refusal.THROTTLED, 429)


@pytest.mark.parametrize("status", [400, 403, 429, 499])
def test_a_limit_is_a_limit_whatever_its_status(status: int) -> None:
    """The code counts, and its words go along."""
    assert failures.of_no(Reply(status, SLOW_DOWN), is_write=True) == Refused(
        Refusal.THROTTLED, status, "rate_limit_exceeded", "slow down"
    )


@pytest.mark.parametrize("is_write", [True, False])
@pytest.mark.parametrize("body", [WORDS, PAGE, b""])
@pytest.mark.parametrize("status", [100, 199, 408, 425, 500, 502, 503, 504, 599, 600, 999])
def test_everything_that_is_not_certain_is_unknown(
    status: int, body: bytes, is_write: bool
) -> None:
    """Whoever broke down or gave up waiting may have done it before."""
    assert failures.of_no(Reply(status, body), is_write=is_write) == Unknown(f"HTTP {status}")


def test_a_call_that_the_wallet_does_not_have_is_no_only_for_a_read() -> None:
    """A write that is answered so may have gone to somebody else."""
    assert failures.of_no(Reply(501, WORDS), is_write=True) == Unknown("HTTP 501")
    assert failures.of_no(Reply(501, PAGE), is_write=False) == Refused(
        Refusal.INVALID, 501, "", "the wallet has no such call"
    )


@pytest.mark.parametrize("is_write", [True, False])
@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 399])
def test_a_redirect_is_a_no(status: int, is_write: bool) -> None:
    """The call was sent on, and nobody follows."""
    expected = Refused(Refusal.INVALID, status, "", NOT_FOLLOWED)

    assert failures.of_no(Reply(status, WORDS), is_write=is_write) == expected


def test_see_other_may_mean_that_a_write_is_done() -> None:
    """It is how a server says: done, and read about it over there."""
    assert failures.of_no(Reply(303, b""), is_write=True) == Unknown(
        "HTTP 303: done perhaps, with the answer elsewhere"
    )
    assert failures.of_no(Reply(303, b""), is_write=False) == Refused(
        Refusal.INVALID, 303, "", NOT_FOLLOWED
    )


# Errors.

BEFORE_THE_FIRST_BYTE = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("full"),
    httpx.UnsupportedProtocol("ftp"),
    httpx.InvalidURL("odd"),
]
AFTER_IT_PERHAPS = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("torn"),
    httpx.WriteError("torn"),
    httpx.RemoteProtocolError("no HTTP"),
    httpx.DecodingError("not gzip"),
    httpx.TooManyRedirects("circle"),
    httpx.StreamError("read twice"),
    OSError("broken pipe"),
    ValueError("a header that is no text"),
    TimeoutError("late"),
]


@pytest.mark.parametrize("error", BEFORE_THE_FIRST_BYTE, ids=repr)
def test_what_fails_before_the_first_byte_was_never_sent(error: Exception) -> None:
    """However it looked from outside."""
    words = f"{type(error).__name__}: {error}"

    assert failures.of_error(error, has_left=True) == Unsent(words)
    assert failures.of_error(error, has_left=False) == Unsent(words)


@pytest.mark.parametrize("error", AFTER_IT_PERHAPS, ids=repr)
def test_what_fails_later_is_unknown_unless_nothing_left(error: Exception) -> None:
    """Only who watched the departure can say that it did not happen."""
    words = f"{type(error).__name__}: {error}"

    assert failures.of_error(error, has_left=True) == Unknown(words)
    assert failures.of_error(error, has_left=False) == Unsent(words)


@pytest.mark.parametrize("error", [*BEFORE_THE_FIRST_BYTE, *AFTER_IT_PERHAPS], ids=repr)
def test_no_trouble_of_the_network_gets_past(error: Exception) -> None:
    """Whatever it raises is caught where it is told."""
    assert isinstance(error, lanes.NETWORK_TROUBLE)


def test_an_error_is_told_in_few_words_that_can_not_forge_a_line() -> None:
    """Its name always; its text cut and made printable; a deadline without text in words."""
    for error, words in [
        (httpx.ReadError(""), "ReadError"),
        (TimeoutError(), "TimeoutError: no complete answer in time"),
        (httpx.ReadError("a\nb"), "ReadError: a\\nb"),
        (httpx.ReadError("x" * 161), "ReadError: " + "x" * 160),
    ]:
        assert failures.of_error(error, has_left=True) == Unknown(words)


def test_an_error_that_quotes_our_own_headers_is_told_by_its_name_only() -> None:
    """The signature is among them."""
    error = httpx.LocalProtocolError("Illegal header value b'MAC id=...'")

    assert failures.of_error(error, has_left=True) == Unsent("LocalProtocolError")


# From an answer to an outcome.

READ_CALL = shapes.one_transaction(KEY)
WRITE_CALL = shapes.close_spot(SpotId("15"))


def number(body: bytes) -> int | wire.Unreadable:
    """Read a number."""
    return int(body) if body.isdigit() else wire.Unreadable("it is no number")


def test_an_answer_is_done_only_when_it_says_what_it_must() -> None:
    """A yes that can not be read is no yes: the call may have worked, so somebody must look."""
    pairs: list[tuple[Reply | Unknown | Unsent, Outcome[int]]] = [
        (Reply(200, b"7"), Done(7)),
        (Reply(299, b"7"), Done(7)),
        (Reply(201, b"x"), Unknown("HTTP 201: it is no number")),
        (Reply(409, WORDS), told(Refusal.STATE, 409)),
        (Unknown("ReadTimeout"), Unknown("ReadTimeout")),
        (HeldBack("too many"), HeldBack("too many")),
    ]
    for reply, outcome in pairs:
        assert client._outcome(WRITE_CALL, reply, number) == outcome
    assert client._outcome(WRITE_CALL, Reply(400, PAGE), number) == wordless(400)
    assert client._outcome(READ_CALL, Reply(400, PAGE), number) == bare(Refusal.INVALID, 400)


OUTCOMES: list[tuple[Outcome[int], bool, bool]] = [
    (Done(1), False, False),
    (Unknown("ReadTimeout"), True, False),
    (Unsent("ConnectError"), True, True),
    (HeldBack("too many"), False, False),
    (told(Refusal.THROTTLED, 429), True, False),
    *((told(no, 400), False, False) for no in Refusal if no is not Refusal.THROTTLED),
]


@pytest.mark.parametrize(("outcome", "read_again", "write_again"), OUTCOMES)
def test_a_write_is_only_repeated_when_the_network_kept_it(
    outcome: Outcome[int], read_again: bool, write_again: bool
) -> None:
    """A read is free to try again; who was held back by our own budget has waited long enough."""
    assert client._is_read_worth_repeating(outcome) is read_again
    assert client._is_unsent(outcome) is write_again


@pytest.mark.parametrize(
    ("status", "code", "words", "is_about_clock"),
    [
        (401, "invalid_timestamp", "", True),
        (401, "unauthorized", "Oops: Timestamp is in future (3 days)", True),
        (401, "unauthorized", "Timestamp lifetime exceeded", True),
        (401, "unauthorized", "Timestamp lifetime exceeded, they say", False),
        (401, "unauthorized", "", False),
        (400, "invalid_timestamp", "Timestamp is in future", False),
        (403, "unauthorized", "Timestamp lifetime exceeded", False),
    ],
)
def test_a_refusal_about_the_clock_is_known_by_its_words(
    status: int, code: str, words: str, is_about_clock: bool
) -> None:
    """Only a 401 is; anything else in the same words is about something else."""
    body = json.dumps({"error": code, "error_description": words}).encode()

    assert shapes.is_clock_refusal(status, code, words) is is_about_clock
    assert courier._is_about_clock(Reply(status, body)) is is_about_clock
    assert courier._is_about_clock(Reply(status, PAGE)) is False


# Repeating.


class Dice(random.Random):
    """Always throws the most, or the least."""

    def __init__(self, *, is_most: bool) -> None:
        super().__init__(1)
        self._is_most = is_most

    def uniform(self, a: float, b: float) -> float:
        return b if self._is_most else a


class Standing(LoopClock):
    """A clock that stands still."""

    def ticks_s(self) -> float:
        return 10.0


async def repeated(until_s: float, *, is_most: bool = True) -> tuple[list[str], list[float]]:
    """Repeat what never works, and give the tries after the first and the waits between them."""
    clock, tries = Standing(), list[str]()

    async def attempt() -> str:
        await asyncio.sleep(0)
        tries.append(f"try {len(tries) + 2}")
        return tries[-1]

    ended = await retrying.repeat(
        attempt,
        first="try 1",
        is_worth=lambda outcome: outcome.startswith("try"),
        until_s=until_s,
        clock=clock,
        dice=Dice(is_most=is_most),
    )
    assert ended == (tries[-1] if tries else "try 1")
    return tries, [round(slept, 6) for slept in clock.slept]


async def test_a_repeat_ends_after_three_tries_with_growing_waits() -> None:
    """The first was made before; chance takes up to half of each wait away."""
    assert await repeated(60.0) == (["try 2", "try 3"], [0.2, 0.4])
    assert await repeated(60.0, is_most=False) == (["try 2", "try 3"], [0.1, 0.2])


async def test_no_try_begins_when_its_time_is_over() -> None:
    """A wait that would end at the last moment or after it is not begun."""
    assert await repeated(10.2) == ([], [])
    assert await repeated(10.201) == (["try 2"], [0.2])
    assert await repeated(9.0) == ([], [])


async def test_what_raises_is_not_repeated_and_comes_out_as_it_is() -> None:
    """A fault of ours is no trouble of the network."""
    tries: list[Any] = []

    async def attempt() -> str:
        tries.append(None)
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        await retrying.repeat(
            attempt,
            first="try 1",
            is_worth=lambda _: True,
            until_s=60.0,
            clock=Standing(),
            dice=Dice(is_most=True),
        )
    assert len(tries) == 1
