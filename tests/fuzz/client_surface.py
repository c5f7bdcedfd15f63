"""The whole client, from a call of the port down to the bytes on the line.

Whatever the line does and whatever comes back on it, every call ends as one of the four outcomes.
Unsent is only ever said of a write of which no byte left, or that was refused for its timestamp; no
write leaves twice on its own; every place in the budget is given back; nothing that came in changes
where the next request goes; and neither the key nor a line end of a stranger reaches the log.
"""

import gzip
import itertools
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from unittest import mock

from tests.adapters.wallet.clockwork import LoopClock, play
from tests.fuzz import answers
from tests.fuzz.answers import ANSWERS, NAMES, SPOT
from tests.fuzz.hearing import hearing
from tests.fuzz.network import Exchange, LanesInMemory, Network
from tests.fuzz.spoiling import TOKENS, scramble, spoiled
from tests.fuzz.surface import Surface
from tests.fuzz.wire_surface import KEY
from worker.adapters.wallet import WalletClient
from worker.adapters.wallet import client as client_module
from worker.domain.ids import LocationId, OrderReference
from worker.domain.money import Money
from worker.domain.outcome import Done, Outcome, Refused, Unknown, Unsent
from worker.domain.wallet import NewTransaction, Spot, Transaction, TransactionStatus

MAC_KEY: Final = "IrdTc8uQodU7PRpL-never-shown"
TIMEOUT_S: Final = 5.0
CALL_S_MAX: Final = 40.0
"""Longer than any call may take: three timeouts for a list, and its reads' repeats."""

CONFIRM_WITHIN_S: Final = 3.0
"""Short enough that refused connections and throttling use it up now and then."""

HALL: Final = LocationId(9975)
REQUEST: Final = NewTransaction(OrderReference("v1.a.9975.42.x1"), Money(1250, "EUR"), "Soup", 900)
BOMB: Final = gzip.compress(bytes(20_000_000))
FLOOD: Final = bytes(64 * 1024)
RESERVED: Final = (TransactionStatus.RESERVED,)

Call = Callable[[WalletClient, LoopClock], Awaitable[Outcome[Any]]]
CALLS: Final[dict[str, Call]] = {
    "server_time": lambda client, _: client.server_time(),
    "spots": lambda client, _: client.list_waiting_spots(HALL),
    "transactions": lambda client, _: client.list_transactions(RESERVED),
    "search": lambda client, clock: client.list_transactions(RESERVED, clock.now()),
    "spot": lambda client, _: client.look_at_spot(SPOT),
    "transaction": lambda client, _: client.look_at_transaction(KEY),
    "create": lambda client, _: client.create_transaction(REQUEST),
    "link": lambda client, _: client.link_order(SPOT, KEY),
    "confirm": lambda client, clock: client.confirm_transaction(
        KEY, clock.now() + timedelta(seconds=CONFIRM_WITHIN_S)
    ),
    "revoke": lambda client, _: client.revoke_transaction(KEY),
    "close": lambda client, _: client.close_spot(SPOT),
}
WRITES: Final = frozenset({"create", "link", "confirm", "revoke", "close"})
FITTING: Final[dict[str, Callable[[random.Random], object]]] = {
    "server_time": answers.server_time,
    "spots": answers.spots,
    "transactions": answers.transactions,
    "search": answers.transactions,
    "spot": answers.spot,
    "link": answers.linked,
}
"""What a call is answered; every other one is answered a transaction."""

STATUS_LINES: Final = (
    *(b"HTTP/1.1 200 OK",) * 8,
    *(b"HTTP/1.1 201 Created", b"HTTP/1.1 204 No Content", b"HTTP/1.1 400 Bad", b"HTTP/1.1 401 No"),
    *(b"HTTP/1.1 401 No", b"HTTP/1.1 404 Not", b"HTTP/1.1 409 X", b"HTTP/1.1 429 Slow"),
    *(b"HTTP/1.1 403 No", b"HTTP/1.1 405 Not Here", b"HTTP/1.1 501 Never", b"HTTP/1.1 410 Gone"),
    *(b"HTTP/1.1 302 Found", b"HTTP/1.1 303 Else", b"HTTP/1.1 307 T", b"HTTP/1.1 500 Oops"),
    *(b"HTTP/1.1 502 Bad", b"HTTP/1.1 503 Busy", b"HTTP/1.1 101 Switch", b"HTTP/1.1 999 Odd"),
    *(b"HTTP/1.0 200 OK", b"HTTP/2 200", b"HTTP/1.1 200", b"HTTP/1.1 20", b"ICY 200 OK", b""),
    *(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
        b"HTTP/1.1 200 \xff\x00",
        b"HTTP/0.9 200 OK",
    ),
)
HEADERS: Final = (
    *(b"content-type: application/json", b"Content-Type: text/html; charset=\xff", b"server: x"),
    *(b"content-encoding: gzip", b"content-encoding: br, gzip", b"content-encoding: identity"),
    *(b"location: http://127.0.0.2:1/steal", b"set-cookie: a=b; path=/", b"retry-after: 2"),
    *(
        b"retry-after: \xd9\xa3",
        b"retry-after: 99999999999",
        b"connection: close",
        b"connection: x",
    ),
    *(b"content-length: 3", b"content-length: 99999999999999999999", b"content-length: -1"),
    *(b"content-length: 1, 1", b"transfer-encoding: chunked", b"transfer-encoding: gzip"),
    *(
        b"x: " + b"y" * 70_000,
        b" folded: x",
        b"no colon",
        b": empty",
        b"paysera-correlation-id: \xe9",
    ),
)


@dataclass(frozen=True)
class Case:
    """Some calls of one client, and what the network does to their requests."""

    calls: tuple[str, ...]
    script: tuple[Exchange, ...]


def make(dice: random.Random) -> Case:
    """Make a few calls and more exchanges than calls, so that repeats find something too."""
    calls = tuple(dice.choice(tuple(CALLS)) for _ in range(dice.choice((1, 1, 2, 3))))
    if dice.random() < 0.15:
        calls = ("spots", "spot", *calls)  # A spot that was listed may be looked for in its list.
    fitting = [FITTING.get(name, answers.transaction) for name in calls]
    more = dice.choices((*fitting, *ANSWERS), k=dice.randrange(4))
    return Case(calls, tuple(_exchange(dice, build) for build in (*fitting, *more)))


def _exchange(dice: random.Random, build: Callable[[random.Random], object]) -> Exchange:
    if dice.random() < 0.1:
        return Exchange(connecting=dice.choice(("refused", "timeout", "hang", "broken")))
    end = dice.choice(("hang", "hang", "hang", "eof", "reset", "late"))
    takes = dice.choice((0, 1, 17, 200, 300)) if dice.random() < 0.06 else None
    if dice.random() < 0.004:
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%b\r\n" % (len(FLOOD), FLOOD)
        return Exchange((head, chunk), repeats=80, end=end)
    answer = _answer(dice, build)
    if dice.random() < 0.15:
        answer = scramble(dice, answer)
    cuts = sorted(dice.randrange(len(answer) + 1) for _ in range(dice.choice((0, 0, 0, 1, 4))))
    bounds = [0, *cuts, len(answer)]
    chunks = tuple(answer[a:b] for a, b in itertools.pairwise(bounds))
    return Exchange(chunks, end=end, takes_bytes=takes)


def _answer(dice: random.Random, build: Callable[[random.Random], object]) -> bytes:
    """Make the bytes of a whole HTTP answer, more or less."""
    status = dice.choice(STATUS_LINES)
    is_no = status[9:10] in {b"4", b"5"}
    document = (answers.refusal if is_no and dice.random() < 0.8 else build)(dice)
    roll = dice.random()
    if roll < 0.5:
        body = json.dumps(document).encode()
    elif roll < 0.9:
        body = spoiled(dice, document, NAMES)
    else:
        body = dice.choice((*TOKENS, b"", b"{}", b"<html>no</html>", BOMB))
    headers = [dice.choice(HEADERS) for _ in range(dice.choice((0, 0, 1, 1, 2)))]
    framing = dice.random()
    if framing < 0.7:
        headers.append(b"content-length: %d" % len(body))
    elif framing < 0.8:
        headers.append(b"transfer-encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    elif framing < 0.85:
        headers.append(b"content-length: %d" % (len(body) + dice.choice((-1, 1, 5000))))
    return b"\r\n".join([status, *headers, b"", body])


def check(case: Case) -> Iterator[str]:
    """Make the calls and hold every promise of the port against them."""
    network = Network(list(case.script))
    with hearing() as heard:
        endings = play(_story(case, network))
    for line in heard.lines():
        assert MAC_KEY not in line
        json.loads(line)
    yield from endings


async def _story(case: Case, network: Network) -> list[str]:
    clock = LoopClock()
    lanes = type("_Lanes", (LanesInMemory,), {"network": network})
    with mock.patch.object(client_module, "Lanes", lanes):
        client = WalletClient(
            base_url="http://127.0.0.1:9/rest/v1",
            client_id="our-client",
            mac_key=MAC_KEY,
            timeout_s=TIMEOUT_S,
            clock=clock,
            dice=random.Random(7),
        )
    endings = []
    try:
        for name in case.calls:
            begun_s, sent, heads = clock.ticks_s(), network.sent_bytes(), len(network.heads)
            outcome = await CALLS[name](client, clock)
            vouch_for(name, outcome)
            assert clock.ticks_s() - begun_s < CALL_S_MAX, "it took too long"
            if name == "confirm":
                late_s = begun_s + CONFIRM_WITHIN_S
                assert all(at_s < late_s for at_s in network.begun_at_s[heads:]), "too late"
            if name in WRITES:
                _vouch_for_write(outcome, network, sent, heads)
            assert (client.health.in_flight, client.health.waiting) == (0, 0), "a place is lost"
            assert client.health.last_trouble.isprintable()
            endings.append(f"{name} {type(outcome).__name__}")
    finally:
        await client.aclose()
    _vouch_for_requests(network)
    assert network.open_now == 0, "a connection is left open"
    return endings


def vouch_for(name: str, outcome: object) -> None:
    """It is one of the four, about the thing that was asked for, in words that print."""
    assert isinstance(outcome, Done | Refused | Unknown | Unsent), outcome
    if isinstance(outcome, Done):
        value = outcome.value
        if name == "transaction":
            assert isinstance(value, Transaction)
            assert value.key == KEY
        if name == "spot":
            assert isinstance(value, Spot)
            assert value.spot_id == SPOT
        return
    assert str(outcome).isprintable(), str(outcome)
    assert MAC_KEY not in str(outcome)
    assert len(str(outcome)) < 600


def _vouch_for_write(outcome: object, network: Network, sent: int, heads: int) -> None:
    """A write leaves once; once more only after an answer that it was refused unprocessed."""
    made = Counter(head.partition(b" HTTP/1.1\r\n")[0] for head in network.heads[heads:] if head)
    writes = [count for line, count in made.items() if not line.startswith(b"GET")]
    may_repeat = any(b" 401" in b"".join(each.chunks) for each in network.script)
    assert sum(writes) <= (2 if may_repeat else 1), made
    if isinstance(outcome, Unsent) and not may_repeat:
        assert network.sent_bytes() == sent, "it left, and is called unsent"


def _vouch_for_requests(network: Network) -> None:
    """Each goes where the settings say, signed anew, and carries nothing that came in."""
    nonces = []
    for head in network.heads:
        if b"\r\n\r\n" not in head:
            continue
        line, _, rest = head.partition(b"\r\n")
        target = line.split(b" ")[1]
        assert target.startswith(b"/rest/v1/")
        lower = rest.lower()
        assert b"\r\nhost: 127.0.0.1:9\r\n" in b"\r\n" + lower
        assert b"\r\ncookie:" not in lower
        signed = lower.partition(b'nonce="')[2].partition(b'"')[0]
        assert signed or target == b"/rest/v1/server"
        nonces += [signed] if signed else []
    assert len(set(nonces)) == len(nonces), "a nonce was used twice"


CLIENT = Surface("client", make, check, share=0.02)
